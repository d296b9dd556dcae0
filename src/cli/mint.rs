//! `mint`.

use std::ffi::OsString;
use std::path::Path;

use super::Exit;
use super::args::{Issuer, Record, requested_by};
use super::context::Context;
use crate::error::Error;
use crate::ops::issue::{self, End, Key, Labels};
use crate::ops::mint::{self, Part};
use crate::ops::refused::Outcome;
use crate::ops::{DryRun, Verdict};
use crate::pki::algorithm::KeyType;
use crate::pki::san::TypedName;
use crate::pki::usage::Purpose;
use crate::pki::validity::Lifetime;

/// Run a command with a short-lived certificate
///
/// Key, certificate and trust anchors are in a private directory while the command runs, in memory if possible, and
/// are wiped afterwards. Their paths are in the environment variables OPENAGENTS_CERTS_CERT, OPENAGENTS_CERTS_KEY and
/// OPENAGENTS_CERTS_CA; OPENAGENTS_CERTS_SERIAL and OPENAGENTS_CERTS_NOT_AFTER are set, too. Signals are forwarded to
/// the command, and its exit code is returned.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs mint --ttl 15m client ci-job -- ./deploy.sh --to production
  openagents-certs mint client ci-job --env GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=ca -- python agent.py")]
pub(super) struct Args {
    /// Purpose of the certificate
    #[arg(value_enum, value_name = "PURPOSE")]
    purpose: Purpose,

    /// Names, as with `issue`
    #[arg(required = true, value_name = "NAME")]
    names: Vec<TypedName>,

    /// Validity period
    #[arg(long, value_name = "LIFETIME", default_value = "15m")]
    ttl: Lifetime,

    /// Use this profile of certs.toml instead
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,

    /// Key type [default: p256]
    #[arg(long, value_enum, value_name = "TYPE")]
    key_type: Option<KeyType>,

    /// Set another variable to a file, such as SSL_CERT_FILE=ca; FILE is cert, key or ca; repeat for more
    #[arg(long, value_name = "NAME=FILE", value_parser = variable)]
    env: Vec<(String, Part)>,

    #[command(flatten)]
    record: Record,

    #[command(flatten)]
    issuer: Issuer,

    /// Show what would be issued without running anything
    #[arg(long)]
    dry_run: bool,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let from = self.issuer.at(context.directory(), &ask);
        let purpose = self.purpose.to_string();
        let profile = self.profile.as_deref().unwrap_or(&purpose);
        let issue = issue::Request {
            profile: issue::profile(context.directory(), profile)?,
            names: self.names,
            spiffe: None,
            common_name: issue::CommonName::First,
            start: None,
            end: Some(End::After(self.ttl)),
            key: Key::New(self.key_type),
            base: Some(purpose.into()),
            requested_by: requested_by(),
            note: self.record.note,
            labels: Labels::new(self.record.label),
        };
        if self.dry_run {
            let planned = issue::dry_run(&issue, &from, Path::new(""), context.now)?;
            return context.finish(&planned).map(Exit::from);
        }
        let mut command = self.command.into_iter();
        let request = mint::Request {
            issue,
            program: command.next().unwrap_or_default(),
            arguments: command.collect(),
            variables: self.env,
            withheld: self.issuer.secret_variables(),
        };
        match mint::run(&request, &from, context.now)? {
            Outcome::Done(code) => Ok(Exit(code)),
            Outcome::Refused(refused) => context
                .finish(&Outcome::<DryRun>::Refused(refused))
                .map(|_| Verdict::No.into()),
        }
    }
}

fn variable(text: &str) -> Result<(String, Part), String> {
    let (name, file) = text
        .split_once('=')
        .ok_or("give it as NAME=cert, NAME=key or NAME=ca")?;
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
    if !is_name {
        return Err(format!(
            "'{}' is not the name of a variable",
            name.escape_debug()
        ));
    }
    let part = match file {
        "cert" => Part::Certificate,
        "key" => Part::Key,
        "ca" => Part::Ca,
        other => {
            return Err(format!(
                "'{}' is not a file: use cert, key or ca",
                other.escape_debug()
            ));
        }
    };
    Ok((name.to_owned(), part))
}
