//! `trust`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Global, Issuer, requested_by};
use super::finish;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::issue::{self, End, Key};
use crate::ops::quoting::Shell;
use crate::ops::trust::check::{self, Runtime};
use crate::ops::trust::store::{self, Platform, Store, Stores, Wanted};
use crate::ops::trust::{Anchors, environment};
use crate::pki::validity::Lifetime;
use crate::render::{Format, Renderer};

/// Have this machine, its browsers and its runtimes trust the CA, and prove that they do
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Examples:
  openagents-certs trust env --shell fish | source
  openagents-certs trust check --runtime python,node")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the variables by which runtimes are told whom to trust
    ///
    /// For gRPC, Node.js, OpenSSL (Python, Go, Ruby), requests, curl and Java. All but NODE_EXTRA_CA_CERTS
    /// replace the public roots. For Java a truststore.p12 is kept in the PKI directory.
    #[command(after_help = "Examples:
  openagents-certs trust env --shell sh > trust.sh
  openagents-certs trust env --shell fish | source
  openagents-certs trust env --shell dotenv >> .env")]
    Env(Env),
    /// Have the system, NSS databases (Chromium, Firefox) and Java trust the CA
    ///
    /// Every store that is there, unless some are named. Done twice it changes nothing the second time.
    #[command(after_help = "Examples:
  sudo openagents-certs trust install --store system
  openagents-certs trust install --store nss --store java --dry-run")]
    Install(Change),
    /// Take the trust back
    #[command(after_help = "Examples:
  sudo openagents-certs trust uninstall
  openagents-certs trust uninstall --store nss --nss-db ~/.pki/nssdb")]
    Uninstall(Change),
    /// Say which stores trust the CA; exit code 1 when one does not
    #[command(after_help = "Examples:
  openagents-certs trust status
  openagents-certs trust status --store system --json")]
    Status(Where),
    /// Prove in the runtimes themselves that they trust the CA
    ///
    /// A server on this machine shows a certificate that the CA issues for a quarter of an hour, and each
    /// runtime connects to it, as its environment and the stores have it.
    #[command(after_help = "Examples:
  openagents-certs trust check --runtime python,node,java,openssl,grpc
  openagents-certs trust check --runtime node --with-env")]
    Check(Check),
}

#[derive(clap::Args, Debug)]
struct Env {
    /// Who reads the lines
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    shell: Shell,

    /// The trust anchors [default: ca.crt in the PKI directory]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The truststore for Java [default: truststore.p12 in the PKI directory, kept up to date]
    #[arg(long, value_name = "FILE")]
    truststore: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct Where {
    /// Only these stores; repeat for more
    #[arg(
        long = "store",
        value_enum,
        value_name = "STORE",
        value_delimiter = ','
    )]
    stores: Vec<Store>,

    /// The trust anchors [default: ca.crt in the PKI directory]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The system's way of keeping trust anchors [default: by what is there]
    #[arg(long, value_enum, value_name = "PLATFORM")]
    platform: Option<Platform>,

    /// An NSS database [default: ~/.pki/nssdb and Firefox's profiles]; repeat for more
    #[arg(long, value_name = "DIR")]
    nss_db: Vec<PathBuf>,

    /// The Java whose trust anchors they are
    #[arg(long, value_name = "DIR", env = "JAVA_HOME", hide_env = true)]
    java_home: Option<PathBuf>,

    /// A keystore with the password 'changeit', instead of Java's own
    #[arg(long, value_name = "FILE")]
    java_keystore: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct Change {
    #[command(flatten)]
    places: Where,

    /// Show each step, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args, Debug)]
struct Check {
    /// Only these runtimes [default: all that are installed]
    #[arg(
        long = "runtime",
        value_enum,
        value_name = "RUNTIME",
        value_delimiter = ','
    )]
    runtimes: Vec<Runtime>,

    /// With the variables of `trust env`, and not only those that are set
    #[arg(long)]
    with_env: bool,

    /// The Python that is asked
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: OsString,

    /// Show this certificate for localhost instead of a new one
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// Its private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    #[command(flatten)]
    issuer: Issuer,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let directory = global.directory();
        match self.command {
            Command::Env(env) => env.run(directory, renderer),
            Command::Install(change) => change.run(directory, renderer, Wanted::Install),
            Command::Uninstall(change) => change.run(directory, renderer, Wanted::Uninstall),
            Command::Status(places) => {
                let (anchors, stores) = places.read(directory)?;
                finish(renderer, &store::status(&anchors, &stores)?)
            }
            Command::Check(check) => check.run(directory, renderer, now),
        }
    }
}

impl Env {
    fn run(self, directory: &Path, renderer: &Renderer) -> Result<Verdict, Error> {
        let anchors = Anchors::read(self.ca.as_deref(), directory)?;
        let truststore = match (self.truststore, self.ca) {
            (Some(path), _) => Some(path),
            (None, None) => kept_truststore(&anchors, renderer),
            // Beside a file of others nothing is put.
            (None, Some(_)) => {
                renderer.notice(
                    &"Java is left out: it needs a `--truststore FILE`, which `export jks` makes",
                );
                None
            }
        };
        let variables = environment::variables(&anchors, truststore.as_deref())?;
        match renderer.format {
            Format::Json => {
                let lossy = variables.iter().map(|(name, value)| {
                    (name.clone(), value.to_string_lossy().into_owned().into())
                });
                let object: serde_json::Map<String, serde_json::Value> = lossy.collect();
                renderer.result(&object, &"")?;
            }
            Format::Text | Format::Csv | Format::Prometheus => {
                renderer.raw(&environment::lines(&variables, self.shell)?)?;
            }
        }
        Ok(Verdict::Yes)
    }
}

/// The truststore beside the anchors; where it cannot be written, that is said and it is done without.
fn kept_truststore(anchors: &Anchors, renderer: &Renderer) -> Option<PathBuf> {
    match environment::truststore(anchors) {
        Ok(path) => Some(path),
        Err(error) => {
            renderer.warning(&format!("{error}; Java is left out"));
            None
        }
    }
}

impl Where {
    fn read(self, directory: &Path) -> Result<(Anchors, Stores), Error> {
        let anchors = Anchors::read(self.ca.as_deref(), directory)?;
        let stores = Stores {
            kinds: self.stores,
            platform: self.platform,
            nss_databases: self.nss_db,
            java_home: self.java_home,
            java_keystore: self.java_keystore,
            home: std::env::var_os("HOME").map(PathBuf::from),
        };
        Ok((anchors, stores))
    }
}

impl Change {
    fn run(self, directory: &Path, renderer: &Renderer, wanted: Wanted) -> Result<Verdict, Error> {
        let (anchors, stores) = self.places.read(directory)?;
        finish(
            renderer,
            &store::change(&anchors, &stores, wanted, self.dry_run)?,
        )
    }
}

impl Check {
    fn run(
        self,
        directory: &Path,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let environment = if self.with_env {
            let anchors = Anchors::read(None, directory)?;
            let truststore = kept_truststore(&anchors, renderer);
            environment::variables(&anchors, truststore.as_deref())?
        } else {
            Vec::new()
        };
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let names = ["localhost", "127.0.0.1", "::1"];
        let names = names
            .into_iter()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let request = check::Request {
            runtimes: self.runtimes,
            python: self.python,
            environment,
            issue: issue::Request {
                profile: issue::profile(directory, "server")?,
                names,
                spiffe: None,
                end: Lifetime::from_days(1).map(|day| End::At(now + day.duration() / 96)),
                key: Key::New(None),
                base: Some("localhost".into()),
                requested_by: requested_by(),
                note: Some("for trust check".into()),
                labels: crate::store::Labels::default(),
            },
            pair: self.cert.zip(self.key),
        };
        let from = self.issuer.at(directory, &ask);
        finish(renderer, &check::run(&request, &from, now)?)
    }
}
