//! `csr`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::args::directory;
use super::ca::Subject;
use super::completing;
use super::context::Context;
use super::issue::Issuance;
use super::passphrase::NewPassphrase;
use crate::error::Error;
use crate::ops::issue::{self, Key};
use crate::ops::{Verdict, csr};
use crate::pki::algorithm::KeyType;
use crate::pki::san::TypedName;

/// Create and sign certificate signing requests (PKCS #10)
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs csr create agent-7.example.test
  openagents-certs csr sign agent-7.example.test.csr --profile client"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: CsrCommand,
}

#[derive(Debug, Subcommand)]
enum CsrCommand {
    Create(Create),
    Sign(Sign),
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        match self.command {
            CsrCommand::Create(create) => create.run(context),
            CsrCommand::Sign(sign) => sign.run(context),
        }
    }
}

/// Create a certificate signing request, with a new key or an existing one
///
/// The key stays here; send the request to the authority.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs csr create agent-7.example.org --out requests
  openagents-certs csr create --ca -C sub --common-name 'Team CA'")]
struct Create {
    /// Names to request
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Another name
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,

    #[command(flatten)]
    subject: Subject,

    /// Request a CA certificate: write ca.csr and ca.key to the PKI directory
    #[arg(long)]
    ca: bool,

    /// Use this private key instead of a new one
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Type of the new key
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "TYPE",
        conflicts_with = "key"
    )]
    key_type: KeyType,

    #[command(flatten)]
    passphrase: NewPassphrase,

    /// Write to this directory [default: the PKI directory with --ca, otherwise the working directory]
    #[arg(long, value_name = "DIR", value_parser = directory())]
    out: Option<PathBuf>,

    /// Name the files BASE.csr and BASE.key [default: the first name]
    #[arg(long, value_name = "BASE")]
    name: Option<OsString>,

    /// Replace existing files
    #[arg(long, conflicts_with = "ca")]
    force: bool,

    /// Show what would be created, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Create {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let names = self.names.iter().chain(&self.san).map(|name| name.parse());
        let directory = match (self.out, self.ca) {
            (Some(out), _) => out,
            (None, true) => context.directory().to_owned(),
            (None, false) => ".".into(),
        };
        let ask = |path: &Path| self.passphrase.of_existing(path);
        let new_password = if self.key.is_some() {
            None
        } else {
            self.passphrase.ask()?
        };
        let request = csr::Request {
            directory,
            subject: self.subject.attributes(),
            names: names.collect::<Result<Vec<TypedName>, _>>()?,
            ca: self.ca,
            key: self.key,
            key_type: self.key_type,
            base: self.name,
            replace: self.force,
            dry_run: self.dry_run,
        };
        context.finish(&csr::run(&request, &ask, new_password.as_ref())?)
    }
}

/// Sign a certificate signing request
///
/// Checks its signature and the strength of its key. Grants the names given with --san; without --san, the requested
/// names except URIs, if the profile permits them. Ignores requested extensions.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs csr sign agent-7.csr --profile client --ttl 90d
  openagents-certs csr sign sub/ca.csr --profile intermediate --out sub --name issuer-signed")]
struct Sign {
    /// Request to sign
    #[arg(value_name = "FILE")]
    request: PathBuf,

    /// Profile to sign it with
    #[arg(long, value_name = "PROFILE", default_value = "server", add = completing::profiles())]
    profile: String,

    /// Name to grant; can be repeated
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,

    #[command(flatten)]
    issuance: Issuance,
}

impl Sign {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = Box::new(issue::read_request(&self.request)?);
        let key = Key::Requested(self.request, request);
        self.issuance.run(&self.profile, &self.san, key, context)
    }
}
