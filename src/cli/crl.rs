//! `crl`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::Issuer;
use super::context::Context;

use crate::authority;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::crl::{self, NextUpdate, Place, Request};
use crate::pki::validity::{self, Lifetime};

/// Publish a new CRL, or show the current one
///
/// Replaces crl.pem and crl.der in the PKI directory. Do this before the current CRL expires, for
/// instance from a timer with `--due`. `revoke` publishes a CRL each time, and `watch` does before it
/// expires.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  openagents-certs crl
  openagents-certs crl --ttl 7d --out /srv/www/crl.der --der
  openagents-certs crl --due
  openagents-certs crl show"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<CrlCommand>,

    /// Lifetime until the next CRL is due [default: from certs.toml, or 30d]
    #[arg(long, value_name = "LIFETIME", conflicts_with = "next_update")]
    ttl: Option<Lifetime>,

    /// Time when the next CRL is due, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = validity::moment)]
    next_update: Option<OffsetDateTime>,

    /// Also write it to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write that copy as DER; without --out, to standard output
    #[arg(long)]
    der: bool,

    /// Show what would be published; publish nothing
    #[arg(long)]
    dry_run: bool,

    /// Publish only if there is a CRL and two thirds of its lifetime have passed
    #[arg(long, conflicts_with_all = ["dry_run", "out", "der"])]
    due: bool,

    #[command(flatten)]
    issuer: Issuer,
}

#[derive(Debug, Subcommand)]
enum CrlCommand {
    Show(Show),
}

/// Show a CRL: its issuer, its number and whether it is overdue (exit code 1)
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs crl show
  openagents-certs crl show /srv/www/crl.der --json")]
struct Show {
    /// CRL file, PEM or DER [default: the crl.pem in the PKI directory]
    file: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let directory = context.directory();
        if let Some(CrlCommand::Show(show)) = self.command {
            let path = show.file.unwrap_or_else(|| directory.join(authority::CRL));
            return context.finish(&crl::show(&path, context.now)?);
        }
        let copy = match self.out {
            Some(path) if path != Path::new("-") => Some(Place::File(path)),
            Some(_) => Some(Place::StandardOutput),
            None => self.der.then_some(Place::StandardOutput),
        };
        let request = Request {
            next_update: self
                .next_update
                .map(NextUpdate::At)
                .or(self.ttl.map(NextUpdate::After)),
            copy,
            der: self.der,
        };
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let from = self.issuer.at(directory, &ask);
        if self.dry_run {
            return context.finish(&crl::dry_run(&request, &from, context.now)?);
        }
        if self.due {
            return context.finish(&crl::refresh(&request, &from, context.now)?);
        }
        let made = crl::run(&request, &from, context.now)?;
        match &made.copy {
            None => context.finish(&made),
            Some(content) => {
                context.renderer.raw(content)?;
                Ok(Verdict::Yes)
            }
        }
    }
}
