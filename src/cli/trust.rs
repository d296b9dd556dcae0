//! `trust`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::args::{Issuer, requested_by};
use super::context::Context;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::issue::{self, End};
use crate::ops::quoting::Shell;
use crate::ops::trust::check::{self, Runtime};
use crate::ops::trust::store::{self, Action, Platform, Store, Stores};
use crate::ops::trust::{Anchors, environment};
use crate::pki::san::TypedName;
use crate::pki::validity::Lifetime;
use crate::render::{Format, Renderer};

/// Make this machine, its browsers and its runtimes trust the CA, and prove that they do
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Examples:
  openagents-certs trust env --shell fish | source
  openagents-certs trust check --runtime python,node")]
pub(super) struct Args {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    /// Print environment variables that name the CA for runtimes
    ///
    /// Covers gRPC, Node.js, OpenSSL (Python, Go, Ruby), Python's requests, curl and Java. All but
    /// NODE_EXTRA_CA_CERTS replace the public roots. For Java, a truststore.p12 is kept in the PKI directory.
    #[command(after_help = "Examples:
  openagents-certs trust env --shell fish | source
  openagents-certs trust env --shell dotenv >> .env")]
    Env(Env),
    /// Install the CA in the trust stores of the system, of NSS (Chromium, Firefox) and of Java
    ///
    /// Changes every store that exists, unless some are named. Running it again changes nothing.
    #[command(after_help = "Examples:
  sudo openagents-certs trust install --store system
  openagents-certs trust install --store nss --store java --dry-run")]
    Install(Change),
    /// Remove the CA from the trust stores
    #[command(after_help = "Examples:
  sudo openagents-certs trust uninstall
  openagents-certs trust uninstall --store nss --nss-db ~/.pki/nssdb")]
    Uninstall(Change),
    /// Show which trust stores trust the CA
    ///
    /// Exit code 0: all do, 1: one does not, 2: there is none.
    #[command(after_help = "Examples:
  openagents-certs trust status
  openagents-certs trust status --store system --json")]
    Status(Where),
    /// Prove, in the runtimes themselves, that they trust the CA
    ///
    /// A server on this machine shows a certificate of the CA, and each runtime connects to it with its own
    /// environment and trust stores. The certificate is server.crt, where that is valid for localhost; otherwise the CA
    /// signs one for 15 minutes, which is neither recorded nor written to disk. An encrypted CA key is used only if its
    /// passphrase is given. A runtime that does not connect proves nothing: its answer is undetermined.
    ///
    /// Exit code 0: all trust the CA, 1: one refuses, 2: undetermined.
    #[command(after_help = "Examples:
  openagents-certs trust check --runtime python,node,java,openssl,grpc
  openagents-certs trust check --runtime node --with-env")]
    Check(Check),
}

#[derive(clap::Args, Debug)]
struct Env {
    /// Output syntax
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    shell: Shell,

    /// Trust anchors [default: ca.crt in the PKI directory]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Truststore for Java [default: truststore.p12 in the PKI directory, kept current]
    #[arg(long, value_name = "FILE")]
    truststore: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct Where {
    /// Limit to these stores; repeatable
    #[arg(
        long = "store",
        value_enum,
        value_name = "STORE",
        value_delimiter = ','
    )]
    stores: Vec<Store>,

    /// Trust anchors [default: ca.crt in the PKI directory]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Platform of the system's trust store [default: detected]
    #[arg(long, value_enum, value_name = "PLATFORM")]
    platform: Option<Platform>,

    /// NSS database; repeatable [default: ~/.pki/nssdb and Firefox's profiles]
    #[arg(long, value_name = "DIR")]
    nss_db: Vec<PathBuf>,

    /// Java installation
    #[arg(long, value_name = "DIR", env = "JAVA_HOME", hide_env = true)]
    java_home: Option<PathBuf>,

    /// Java keystore with the password 'changeit' [default: Java's own]
    #[arg(long, value_name = "FILE")]
    java_keystore: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct Change {
    #[command(flatten)]
    places: Where,

    /// Show the steps without taking them
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args, Debug)]
struct Check {
    /// Limit to these runtimes [default: all that are installed]
    #[arg(
        long = "runtime",
        value_enum,
        value_name = "RUNTIME",
        value_delimiter = ','
    )]
    runtimes: Vec<Runtime>,

    /// Set the variables of `trust env` for the runtimes
    #[arg(long)]
    with_env: bool,

    /// Python to ask
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: OsString,

    /// Show this certificate for localhost
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// Private key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    #[command(flatten)]
    issuer: Issuer,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let directory = context.directory();
        match self.command {
            TrustCommand::Env(env) => env.run(context),
            TrustCommand::Install(change) => change.run(context, Action::Install),
            TrustCommand::Uninstall(change) => change.run(context, Action::Uninstall),
            TrustCommand::Status(places) => {
                let (anchors, stores) = places.read(directory)?;
                context.finish(&store::status(&anchors, &stores)?)
            }
            TrustCommand::Check(check) => check.run(context),
        }
    }
}

impl Env {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let (directory, renderer) = (context.directory(), &context.renderer);
        let anchors = Anchors::read(self.ca.as_deref(), directory)?;
        let truststore = match (self.truststore, self.ca) {
            (Some(path), _) => Some(path),
            (None, None) => kept_truststore(&anchors, renderer),
            // Nothing is written beside files that are not ours.
            (None, Some(_)) => {
                renderer.notice(
                    &"Java is omitted: it needs `--truststore FILE`, which `export jks` writes",
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

/// The truststore beside the anchors; a warning where it cannot be written.
fn kept_truststore(anchors: &Anchors, renderer: &Renderer) -> Option<PathBuf> {
    match environment::truststore(anchors) {
        Ok(path) => Some(path),
        Err(error) => {
            renderer.warning(&format!("{error}; Java is omitted"));
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
    fn run(self, context: &Context, action: Action) -> Result<Verdict, Error> {
        let (anchors, stores) = self.places.read(context.directory())?;
        context.finish(&store::change(&anchors, &stores, action, self.dry_run)?)
    }
}

impl Check {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let directory = context.directory();
        let environment = if self.with_env {
            let anchors = Anchors::read(None, directory)?;
            let truststore = kept_truststore(&anchors, &context.renderer);
            environment::variables(&anchors, truststore.as_deref())?
        } else {
            Vec::new()
        };
        let names = ["localhost", "127.0.0.1", "::1"].into_iter();
        let names: Vec<TypedName> = names.map(str::parse).collect::<Result<_, _>>()?;
        let request = check::Request {
            runtimes: self.runtimes,
            python: self.python,
            environment,
            withheld: self.issuer.secret_variables(),
            pair: self.cert.zip(self.key),
            has_passphrase: self.issuer.passphrase.given().is_some(),
            temporary: issue::Request {
                end: Lifetime::from_days(1).map(|day| End::At(context.now + day.duration() / 96)),
                requested_by: requested_by(),
                ..issue::Request::new(issue::profile(directory, "server")?, names)
            },
        };
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let from = self.issuer.at(directory, &ask);
        context.finish(&check::run(&request, from, context.now)?)
    }
}
