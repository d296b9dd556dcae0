//! `revoke`.

use std::ffi::OsString;
use std::path::Path;

use time::OffsetDateTime;

use super::args::{Global, Issuer};
use super::finish;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::revoke::{self, Request};
use crate::pki::revocation::RevocationReason;
use crate::pki::validity;
use crate::render::Renderer;

/// Revoke certificates, and publish a new revocation list
///
/// The list goes to crl.pem and crl.der in the PKI directory. A certificate that is revoked already
/// stays so since the first moment; only a weightier reason takes the place of the old one. gRPC reads
/// no revocation lists by default, and OpenAgents none at all: against those a short lifetime helps,
/// and `ca rotate`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs revoke agent-7.example.org --reason key-compromise
  openagents-certs revoke 4f:2a:90:11 certs/old.crt --reason superseded
  openagents-certs revoke --plan certs/server.crt")]
pub(super) struct Args {
    /// Serial numbers (hex, with or without colons, or decimal), files with a certificate or key, names
    #[arg(value_name = "SERIAL|FILE|NAME", required_unless_present = "ca")]
    targets: Vec<OsString>,

    /// Why, spelled so or as RFC 5280 does (keyCompromise) [default: unspecified]
    #[arg(long, value_enum, ignore_case = true, value_name = "REASON")]
    reason: Option<RevocationReason>,

    /// Since when the key is thought to be in other hands, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = validity::moment)]
    invalidity_date: Option<OffsetDateTime>,

    /// Revoke every live certificate of a name or a key, and not only one
    #[arg(long)]
    all: bool,

    /// Show what hangs on the certificate or its key and in which order to replace it, and revoke nothing
    #[arg(long)]
    plan: bool,

    /// With --plan: what hangs on the CA
    #[arg(long, requires = "plan", conflicts_with = "targets")]
    ca: bool,

    /// Show what would be revoked, and revoke nothing
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
        if self.plan {
            let report = revoke::plan(global.directory(), &self.targets, now)?;
            return finish(renderer, &report);
        }
        let request = Request {
            targets: self.targets,
            all: self.all,
            reason: self.reason.unwrap_or_default(),
            invalidity_date: self.invalidity_date,
            dry_run: self.dry_run,
        };
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let from = self.issuer.at(global.directory(), &ask);
        finish(renderer, &revoke::run(&request, &from, now)?)
    }
}
