//! `acme`.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Subcommand;

use super::args::{Record, directory, requested_by};
use super::context::Context;
use crate::error::Error;
use crate::ops::acme::account::{self, AccountReport, Introduction};
use crate::ops::acme::state::{Challenge, Settings};
use crate::ops::acme::{self, Request, read_external_key};
use crate::ops::issue::Labels;
use crate::ops::{Verdict, absolute};
use crate::pki::algorithm::KeyType;
use crate::pki::san::TypedName;
use crate::pki::validity::Lifetime;

/// Get certificates of public CAs with ACME (RFC 8555)
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs acme issue agents.example.org --server letsencrypt --email admin@example.org
  openagents-certs acme account show"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: AcmeCommand,
}

#[derive(Debug, Subcommand)]
enum AcmeCommand {
    Issue(Box<Issue>),
    Account(Account),
}

/// Order a certificate, or continue an order that was interrupted
///
/// Writes BASE.crt (the certificate and its intermediates) and BASE.key, and records the certificate in the inventory,
/// so that list, status, renew and watch treat it like any other. `renew` and `watch` renew it when the server
/// suggests (RFC 9773), else after two thirds of its lifetime, and prove control of the names as it was done here.
///
/// A certificate that is there already and not due is kept. The account and orders under way are kept below `acme` in
/// the PKI directory, which needs no CA for this.
///
/// Exit code 0: the certificate is there; 1: the server refused; 2: the server cannot be reached, or a file cannot be
/// written. Running the same command again continues where it stopped, and orders nothing twice.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs acme issue agents.example.org --server letsencrypt --http-01 0.0.0.0:80
  openagents-certs acme issue '*.example.org' --server letsencrypt --dns-01-hook ./dns-hook --name wildcard

The hook is called `CMD present NAME VALUE` and `CMD cleanup NAME VALUE`, where NAME is that of the TXT record,
_acme-challenge.example.org. It ends when the record can be seen.")]
struct Issue {
    /// Names: DNS names, wildcards such as *.example.org, and IP addresses
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    #[command(flatten)]
    server: Server,

    /// Contact address for a new account
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,

    /// Identifier of the external account, for CAs that require one
    #[arg(long, value_name = "K", requires = "eab_key_file")]
    eab_kid: Option<String>,

    /// File with the HMAC key of the external account, in base64
    #[arg(long, value_name = "FILE", requires = "eab_kid")]
    eab_key_file: Option<PathBuf>,

    /// Profile of the server, such as shortlived
    #[arg(long, value_name = "P")]
    profile: Option<String>,

    /// Use the chain that leads to the root with this common name
    #[arg(long, value_name = "NAME")]
    preferred_chain: Option<String>,

    #[command(flatten)]
    proof: Proof,

    /// Write to this directory [default: the PKI directory]
    #[arg(long, value_name = "DIR", value_parser = directory())]
    out: Option<PathBuf>,

    /// Base name of the files, BASE.crt and BASE.key [default: the first name]
    #[arg(long, value_name = "BASE")]
    name: Option<OsString>,

    /// Key type
    #[arg(long, value_enum, value_name = "TYPE", default_value_t)]
    key_type: KeyType,

    #[command(flatten)]
    record: Record,

    /// Order even if the certificate is there and not due; replace other files
    #[arg(long)]
    force: bool,

    /// Time limit for the validation, and for the certificate after it
    #[arg(long, value_name = "LIFETIME", default_value = "2m")]
    timeout: Lifetime,
}

/// The ACME server.
#[derive(clap::Args, Debug)]
struct Server {
    /// letsencrypt, letsencrypt-staging, zerossl, google, google-staging, or the URL of a server's directory
    #[arg(long, value_name = "SERVER", value_parser = server_url)]
    server: String,

    /// Trust these certificates alone when talking to the server [default: the system's]
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,
}

/// How control of the names is proven.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Proof")]
struct Proof {
    /// Answer HTTP validations on this address, which port 80 of the names leads to [default: 0.0.0.0:80]
    #[arg(long, value_name = "ADDR:PORT", value_parser = address, group = "challenge")]
    http_01: Option<SocketAddr>,

    /// Put the files of HTTP validations below this directory, which a web server publishes
    #[arg(long, value_name = "DIR", value_parser = directory(), group = "challenge")]
    http_01_webroot: Option<PathBuf>,

    /// Answer TLS validations on this address, which port 443 of the names leads to
    #[arg(long, value_name = "ADDR:PORT", value_parser = address, group = "challenge")]
    tls_alpn_01: Option<SocketAddr>,

    /// Publish DNS records with this program
    #[arg(long, value_name = "CMD", group = "challenge")]
    dns_01_hook: Option<String>,

    /// Publish DNS records with updates of this server (RFC 2136)
    #[arg(
        long,
        value_name = "ADDR:PORT",
        group = "challenge",
        requires = "tsig_key_file"
    )]
    dns_01_update: Option<SocketAddr>,

    /// File with the TSIG key of updates, as tsig-keygen writes it
    #[arg(long, value_name = "FILE", requires = "dns_01_update")]
    tsig_key_file: Option<PathBuf>,

    /// Wait this long after DNS records are published
    #[arg(long, value_name = "LIFETIME")]
    dns_01_wait: Option<Lifetime>,

    /// Check names with this DNS resolver [default: the system's, for servers that are not in a private network]
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "no_checks")]
    resolver: Option<SocketAddr>,

    /// Do not check first whether names resolve, ports can be reached and CAA records permit the CA
    #[arg(long)]
    no_checks: bool,
}

/// Show or change the account with an ACME server
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs acme account show
  openagents-certs acme account contact admin@example.org --server letsencrypt"
)]
struct Account {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Show the account as the server has it
    #[command(after_help = "Examples:
  openagents-certs acme account show
  openagents-certs acme account show --server letsencrypt --json")]
    Show(Known),
    /// Replace the contact addresses
    #[command(after_help = "Examples:
  openagents-certs acme account contact admin@example.org
  openagents-certs acme account contact a@example.org b@example.org --server letsencrypt")]
    Contact {
        /// Addresses; none removes all
        #[arg(value_name = "ADDRESS")]
        addresses: Vec<String>,
        #[command(flatten)]
        known: Known,
    },
    /// Replace the account's key
    #[command(
        visible_alias = "rollover",
        after_help = "Examples:
  openagents-certs acme account key-rollover
  openagents-certs acme account key-rollover --server letsencrypt"
    )]
    KeyRollover(Known),
    /// Deactivate the account for good
    #[command(after_help = "Examples:
  openagents-certs acme account deactivate --server letsencrypt-staging
  openagents-certs acme account deactivate --forget")]
    Deactivate {
        #[command(flatten)]
        known: Known,
        /// Only forget the account here, without asking the server
        #[arg(long)]
        forget: bool,
    },
}

/// A server with an account.
#[derive(clap::Args, Debug)]
struct Known {
    /// The server, as with `acme issue` [default: the only one with an account]
    #[arg(long, value_name = "SERVER", value_parser = server_url)]
    server: Option<String>,

    /// Trust these certificates alone when talking to the server [default: as when the account was created]
    #[arg(long, value_name = "FILE", requires = "server")]
    ca_bundle: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let done = match self.command {
            AcmeCommand::Issue(issue) => issue.run(context),
            AcmeCommand::Account(account) => account.run(context),
        };
        match done {
            // The server's no is an answer.
            Err(Error::Acme(error)) if error.is_refusal() => {
                context.renderer.error(&Error::Acme(error));
                Ok(Verdict::No)
            }
            done => done,
        }
    }
}

impl Issue {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let names = self.names.iter().map(|name| name.parse());
        let external = match self.eab_kid.zip(self.eab_key_file) {
            Some((kid, path)) => Some((kid, read_external_key(&path)?)),
            None => None,
        };
        let ca_bundle = self.server.ca_bundle.as_deref().map(absolute).transpose()?;
        let dns_wait = self.proof.dns_01_wait;
        let request = Request {
            directory: context.directory().to_owned(),
            out: self.out.unwrap_or_else(|| context.directory().to_owned()),
            base: self.name,
            names: names.collect::<Result<Vec<TypedName>, _>>()?,
            settings: Settings {
                server: self.server.server,
                ca_bundle,
                profile: self.profile,
                preferred_chain: self.preferred_chain,
                key_type: self.key_type.to_string(),
                dns_wait: dns_wait.map_or(0, |wait| wait.duration().whole_seconds().unsigned_abs()),
                resolver: self.proof.resolver,
                checks: !self.proof.no_checks,
                challenge: self.proof.challenge()?,
            },
            introduction: Introduction {
                contact: self.email.iter().map(|address| contact(address)).collect(),
                external,
            },
            force: self.force,
            patience: self.timeout.duration().unsigned_abs(),
            requested_by: requested_by(),
            note: self.record.note,
            labels: Labels::new(self.record.label),
        };
        context.finish(&acme::issue(&request, context.now)?)
    }
}

impl Proof {
    fn challenge(self) -> Result<Challenge, Error> {
        if let Some(directory) = self.http_01_webroot {
            let directory = absolute(&directory)?;
            return Ok(Challenge::Http01Webroot { directory });
        }
        if let Some((server, key)) = self.dns_01_update.zip(self.tsig_key_file) {
            let key = absolute(&key)?;
            return Ok(Challenge::Dns01Update { server, key });
        }
        if let Some(command) = self.dns_01_hook {
            // A renewal may run in another directory.
            let command = acme::absolute_program(&command)?;
            return Ok(Challenge::Dns01Hook { command });
        }
        if let Some(listen) = self.tls_alpn_01 {
            return Ok(Challenge::TlsAlpn01 { listen });
        }
        let listen = self.http_01.unwrap_or(HTTP);
        Ok(Challenge::Http01 { listen })
    }
}

impl Account {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let now = context.now;
        let report: AccountReport = match self.command {
            AccountCommand::Show(known) => account::show(&known.request(context)?, now)?,
            AccountCommand::Contact { addresses, known } => {
                let addresses: Vec<_> = addresses.iter().map(|one| contact(one)).collect();
                account::contact(&known.request(context)?, &addresses, now)?
            }
            AccountCommand::KeyRollover(known) => {
                account::roll_over(&known.request(context)?, now)?
            }
            AccountCommand::Deactivate {
                known,
                forget: true,
            } => account::forget(&known.request(context)?, now)?,
            AccountCommand::Deactivate { known, .. } => {
                account::deactivate(&known.request(context)?, now)?
            }
        };
        context.finish(&report)
    }
}

impl Known {
    fn request(self, context: &Context) -> Result<account::Request, Error> {
        let directory = context.directory().to_owned();
        let (server, ca_bundle) = match self.server {
            Some(server) => {
                let known = account::known_ca_bundle(&directory, &server)?;
                (server, self.ca_bundle.or(known))
            }
            None => account::only_server(&directory)?,
        };
        Ok(account::Request {
            directory,
            server,
            ca_bundle,
        })
    }
}

/// The URL of a server by its name, or as it is given.
fn server_url(text: &str) -> Result<String, String> {
    if let Some((_, url)) = SERVERS.iter().find(|(name, _)| *name == text) {
        return Ok((*url).to_owned());
    }
    if text.starts_with("https://") {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = SERVERS.iter().map(|(name, _)| *name).collect();
    Err(format!(
        "not a URL that starts with https://, nor one of {}",
        names.join(", ")
    ))
}

/// An address for a contact: an e-mail address, or a URL as it is.
fn contact(text: &str) -> String {
    if text.contains(':') {
        text.to_owned()
    } else {
        format!("mailto:{text}")
    }
}

/// An address and a port, or a port of all addresses.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let port = text.strip_prefix(':').unwrap_or(text);
    match (port.parse(), text.parse()) {
        (Ok(port), _) => Ok(SocketAddr::new(HTTP.ip(), port)),
        (Err(_), Ok(address)) => Ok(address),
        (Err(_), Err(_)) => Err("not a port, or an IP address with a port, such as 0.0.0.0:80"),
    }
}

const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80);

/// Public servers by name.
const SERVERS: &[(&str, &str)] = &[
    (
        "letsencrypt",
        "https://acme-v02.api.letsencrypt.org/directory",
    ),
    (
        "letsencrypt-staging",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
    ),
    ("zerossl", "https://acme.zerossl.com/v2/DV90"),
    ("google", "https://dv.acme-v02.api.pki.goog/directory"),
    (
        "google-staging",
        "https://dv.acme-v02.test-api.pki.goog/directory",
    ),
];
