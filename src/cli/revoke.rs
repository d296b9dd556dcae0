//! `revoke` and `unrevoke`.

use std::ffi::OsString;
use std::path::Path;

use time::OffsetDateTime;

use super::args::Issuer;
use super::completing;
use super::context::Context;
use crate::error::Error;
use crate::ops::list::LabelFilter;
use crate::ops::revoke::{self, Request};
use crate::ops::{Verdict, targets};
use crate::pki::crl::RevocationReason;
use crate::pki::validity;

/// Revoke certificates and publish a new CRL
///
/// The CRL is published as crl.pem and crl.der in the PKI directory. A NAME selects the current
/// certificate with that name. With `--reason key-compromise`, every certificate with the same key is
/// revoked. Revoking a certificate again keeps the time of the first revocation; a more severe reason
/// replaces the earlier one.
///
/// `list --label team=red | revoke -` revokes what `list` selects.
///
/// gRPC does not check CRLs by default, and OpenAgents never does: short lifetimes and `ca rotate`
/// protect those.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs revoke agent-7.example.org --reason key-compromise
  openagents-certs revoke --plan certs/server.crt
  openagents-certs revoke --label team=red")]
pub(super) struct Args {
    /// Serial numbers (hex or decimal), files with a certificate or key, names, or - to read them from standard input
    #[arg(value_name = "SERIAL|FILE|NAME", required_unless_present_any = ["ca", "label"], add = completing::targets())]
    targets: Vec<OsString>,

    /// Reason (RFC 5280 spelling accepted) [default: unspecified]
    #[arg(long, value_enum, ignore_case = true, value_name = "REASON")]
    reason: Option<RevocationReason>,

    /// Since when the key is known or suspected to be compromised, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = validity::moment)]
    invalidity_date: Option<OffsetDateTime>,

    /// Revoke every live certificate with a name or key, not only the current one
    #[arg(long)]
    all: bool,

    /// Revoke only certificates with this label, NAME=VALUE or NAME; repeat to require several
    #[arg(long, value_name = "LABEL")]
    label: Vec<LabelFilter>,

    /// Show what depends on the certificate or its key and in which order to replace it; revoke nothing
    #[arg(long)]
    plan: bool,

    /// With --plan, show what depends on the CA
    #[arg(long, requires = "plan", conflicts_with = "targets")]
    ca: bool,

    /// Show what would be revoked; revoke nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    issuer: Issuer,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let targets = targets::expand(&self.targets)?;
        if self.plan {
            let report = revoke::plan(context.directory(), &targets, context.now)?;
            return context.finish(&report);
        }
        let request = Request {
            // An empty list on standard input selects nothing, not everything with the label.
            labels: if targets.is_empty() && targets::is_piped(&self.targets) {
                Vec::new()
            } else {
                self.label
            },
            targets,
            all: self.all,
            reason: self.reason.unwrap_or_default(),
            invalidity_date: self.invalidity_date,
            dry_run: self.dry_run,
        };
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let from = self.issuer.at(context.directory(), &ask);
        context.finish(&revoke::run(&request, &from, context.now)?)
    }
}

/// Release certificates from hold and publish a new CRL
///
/// Only certificates that were revoked with the reason certificate-hold can be released.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs unrevoke agent-7.example.org
  openagents-certs unrevoke 4f:2a:90:11 --dry-run")]
pub(super) struct Unrevoke {
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

impl Unrevoke {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = Request {
            targets: targets::expand(&self.targets)?,
            labels: Vec::new(),
            all: self.all,
            reason: RevocationReason::CertificateHold,
            invalidity_date: None,
            dry_run: self.dry_run,
        };
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let from = self.issuer.at(context.directory(), &ask);
        context.finish(&revoke::unrevoke(&request, &from, context.now)?)
    }
}
