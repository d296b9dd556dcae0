//! `crl`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Global, Issuer};
use super::finish;
use crate::authority;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::crl::{self, NextUpdate, Place, Request};
use crate::pki::validity::{self, Lifetime};
use crate::render::Renderer;

/// Make and publish a new revocation list, or show the one that is there
///
/// It takes the place of crl.pem and crl.der in the PKI directory; to be done before the last one is
/// out of date, for instance by a timer with `--due`. Every `revoke` does it too, and `watch` in
/// good time.
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
    command: Option<Command>,

    /// The next list comes within this time [default: what certs.toml says, or 30d]
    #[arg(long, value_name = "LIFETIME", conflicts_with = "next_update")]
    ttl: Option<Lifetime>,

    /// The next list comes by this moment, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = validity::moment)]
    next_update: Option<OffsetDateTime>,

    /// Write it to this file as well; - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write DER to that file, or to standard output, and not PEM
    #[arg(long)]
    der: bool,

    /// Show what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,

    /// Make it only when there is one and two thirds of its time are gone
    #[arg(long, conflicts_with_all = ["dry_run", "out", "der"])]
    due: bool,

    #[command(flatten)]
    issuer: Issuer,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(Show),
}

/// Show whose the list is, its number, and whether it is out of date: then the exit code is 1
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs crl show
  openagents-certs crl show /srv/www/crl.der --json")]
struct Show {
    /// The list, PEM or DER [default: the crl.pem in the PKI directory]
    file: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let directory = global.directory();
        if let Some(Command::Show(show)) = self.command {
            let path = show.file.unwrap_or_else(|| directory.join(authority::CRL));
            return finish(renderer, &crl::show(&path, now)?);
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
            return finish(renderer, &crl::dry_run(&request, &from, now)?);
        }
        if self.due {
            return finish(renderer, &crl::refresh(&request, &from, now)?);
        }
        let made = crl::run(&request, &from, now)?;
        match &made.copy {
            None => finish(renderer, &made),
            Some(content) => {
                renderer.raw(content)?;
                Ok(Verdict::Yes)
            }
        }
    }
}
