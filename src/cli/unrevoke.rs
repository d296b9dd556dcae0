//! `unrevoke`.

use std::ffi::OsString;
use std::path::Path;

use time::OffsetDateTime;

use super::args::{Global, Issuer};
use super::{completing, finish};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::revoke::{self, Request};
use crate::ops::targets;
use crate::pki::revocation::RevocationReason;
use crate::render::Renderer;

/// Release certificates from hold and publish a new CRL
///
/// Only certificates that were revoked with the reason certificate-hold can be released.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs unrevoke agent-7.example.org
  openagents-certs unrevoke 4f:2a:90:11 --dry-run")]
pub(super) struct Args {
    /// Serial numbers (hex or decimal), files with a certificate or key, names, or - to read them from standard input
    #[arg(value_name = "SERIAL|FILE|NAME", required = true, add = completing::targets())]
    targets: Vec<OsString>,

    /// Release every certificate with a name or key that is on hold, not only one
    #[arg(long)]
    all: bool,

    /// Show what would be released; change nothing
    #[arg(long)]
    dry_run: bool,

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
        let request = Request {
            targets: targets::expand(&self.targets)?,
            labels: Vec::new(),
            all: self.all,
            reason: RevocationReason::CertificateHold,
            invalidity_date: None,
            dry_run: self.dry_run,
        };
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let from = self.issuer.at(global.directory(), &ask);
        finish(renderer, &revoke::unrevoke(&request, &from, now)?)
    }
}
