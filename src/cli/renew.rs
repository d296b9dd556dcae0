//! `renew`.

use std::ffi::OsString;
use std::path::Path;

use super::args::{Afterwards, Issuer, requested_by, waiting_time};
use super::completing;
use super::context::Context;
use crate::error::Error;
use crate::ops::list::LabelFilter;
use crate::ops::renew::{self, Follow, Request, SPREAD, Timing};
use crate::ops::{Target, Verdict, targets};
use crate::pki::algorithm::KeyType;
use crate::pki::validity::Lifetime;
use crate::render::Renderer;

/// Renew certificates, keeping names, profile, lifetime and key
///
/// Without names, renews what is due: by default after two thirds of the lifetime, with a small delay
/// that differs between certificates. Managed certificates are those that the authority issued and whose
/// files are in the PKI directory or where else it wrote them.
///
/// `list --expiring 30d | renew -` renews what `list` selects.
///
/// The key is kept, and one rename replaces the certificate. With `--rekey` both files are replaced
/// together; a program that reads them at that moment and finds a mismatch must read them again.
///
/// Exit code 0: renewed, or nothing was due; 1: a new certificate was refused, or it is in place but the
/// program, the signal or the probe failed; 2: something could not be read or renewed, or the old pair
/// was restored.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs renew --exec systemctl reload openagents
  openagents-certs renew server --rekey --signal /run/agent.pid:HUP --probe grpcs://localhost:8600 --rollback
  openagents-certs renew --before 30d --label team=red

The program runs once for each certificate, without a shell, with OPENAGENTS_CERTS_EVENT (renewed or
rolled-back), _NAME, _CERT, _KEY, _COMBINED, _SERIAL, _OLD_SERIAL, _NOT_AFTER and _DIR in its environment.")]
pub(super) struct Args {
    /// Certificates: the name of their files, one of their names, a serial number, a path, or - to read them from standard input [default: what is due]
    #[arg(value_name = "NAME", add = completing::targets())]
    names: Vec<OsString>,

    /// Renew all managed certificates, due or not
    #[arg(long, conflicts_with_all = ["names", "due"])]
    all: bool,

    /// Renew only what is due
    #[arg(long)]
    due: bool,

    /// Renew only certificates with this label, NAME=VALUE or NAME; repeat to require several
    #[arg(long, value_name = "LABEL")]
    label: Vec<LabelFilter>,

    #[command(flatten)]
    how: How,

    /// Renew revoked certificates too
    #[arg(long)]
    force: bool,

    /// Show what would be renewed and when the rest is due; renew nothing
    #[arg(long)]
    dry_run: bool,

    /// Exit with code 1 when nothing was renewed
    #[arg(long)]
    exit_code: bool,

    /// Accepted for compatibility; without effect
    #[arg(long, hide = true)]
    systemd: bool,
}

/// How certificates are renewed.
#[derive(clap::Args, Debug)]
pub(super) struct How {
    /// Renew after this fraction of the lifetime, such as 0.5 [default: two thirds]
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    at_fraction: Option<f64>,

    /// Renew this long before expiry, such as 30d; with --at-fraction, whichever is earlier
    #[arg(long, value_name = "LIFETIME")]
    before: Option<Lifetime>,

    /// Delay renewal by up to this fraction of the remaining lifetime, differently for each certificate
    #[arg(long, value_name = "FRACTION", value_parser = fraction_or_zero, default_value_t = SPREAD)]
    spread: f64,

    /// Generate a new key
    #[arg(long)]
    rekey: bool,

    /// Type of the new key [default: that of the old one]
    #[arg(long, value_enum, value_name = "TYPE", requires = "rekey")]
    key_type: Option<KeyType>,

    /// Also write NAME.pem with certificate and key; an existing one is always updated
    #[arg(long)]
    combined: bool,

    #[command(flatten)]
    afterwards: Afterwards,

    /// Then check that this port serves the new certificate, such as grpcs://localhost:8600
    #[arg(long, value_name = "URL")]
    probe: Option<Target>,

    /// Give the port this much time
    #[arg(long, value_name = "LIFETIME", default_value = "30s")]
    probe_timeout: Lifetime,

    /// Restore the old pair when the program, the signal or the probe fails, then run and send them again
    #[arg(long)]
    rollback: bool,

    #[command(flatten)]
    pub(super) issuer: Issuer,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let ask = |path: &Path| self.how.issuer.passphrase.ask(path);
        let from = self.how.issuer.at(context.directory(), &ask);
        let names = targets::expand(&self.names)?;
        let usual = self.how.request(&context.renderer);
        let request = Request {
            due_only: self.due || (self.names.is_empty() && !self.all),
            names: (!self.names.is_empty()).then_some(names),
            labels: self.label,
            force: self.force,
            dry_run: self.dry_run,
            must_renew: self.exit_code,
            timing: Timing {
                before_is_strict: true,
                ..usual.timing
            },
            ..usual
        };
        let mut renewal = renew::run(&request, &from, context.now)?;
        let failures = renewal.take_failures();
        let verdict = context.finish(&renewal)?;
        context.conclude(verdict, failures)
    }
}

impl How {
    /// A request for everything that is due.
    pub(super) fn request(&self, renderer: &Renderer) -> Request {
        let secrets = self.issuer.secret_variables();
        Request {
            names: None,
            labels: Vec::new(),
            due_only: true,
            timing: Timing {
                at_fraction: self.at_fraction,
                before: self.before,
                before_is_strict: false,
                spread: self.spread,
            },
            rekey: self.rekey,
            key_type: self.key_type,
            combined: self.combined,
            force: false,
            dry_run: false,
            must_renew: false,
            requested_by: requested_by(),
            follow: Follow {
                hook: self.afterwards.hook(secrets, renderer),
                signals: self.afterwards.signal.clone(),
                probe: self.probe.clone(),
                probe_timeout: waiting_time(self.probe_timeout),
                rollback: self.rollback,
            },
        }
    }
}

fn fraction(text: &str) -> Result<f64, &'static str> {
    fraction_or_zero(text).and_then(|number| {
        if number > 0.0 {
            Ok(number)
        } else {
            Err(NO_FRACTION)
        }
    })
}

fn fraction_or_zero(text: &str) -> Result<f64, &'static str> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(NO_FRACTION),
    }
}

const NO_FRACTION: &str = "not a fraction from 0 to 1, such as 0.66";
