//! `renew`.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;

use super::args::{Global, Issuer, requested_by};
use super::finish;
use crate::error::Error;
use crate::ops::renew::{self, Follow, Hook, Renewal, Request, SPREAD, SignalTo, Timing};
use crate::ops::{Target, Verdict};
use crate::pki::algorithm::KeyType;
use crate::pki::validity::Lifetime;
use crate::render::Renderer;

/// Renew certificates: names, profile, lifetime and key stay
///
/// Without names, what is due is renewed: when two thirds of its lifetime are gone, a little later for some, so that
/// not all are renewed at once. Looked after are the certificates that the authority issued, in the PKI directory and
/// where else it has written them.
///
/// The key stays, and one rename replaces the certificate. With `--rekey` both are replaced at once; a program that
/// reads them one after the other just then and finds that they do not match has to read them again.
///
/// Exit code 0: renewed; 1: nothing was due (0 with `--systemd`), a new certificate was refused, or the new ones are
/// in place but the program, the signal or the port failed; 2: something could not be read or renewed, or the old
/// pair was put back: the old certificate is in place.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs renew --due --systemd --exec systemctl reload openagents
  openagents-certs renew server --rekey --signal /run/agent.pid:HUP --probe grpcs://localhost:8600 --rollback
  openagents-certs renew --all --dry-run

The program is run once for each certificate, without a shell, with OPENAGENTS_CERTS_EVENT (renewed or
rolled-back), _NAME, _CERT, _KEY, _COMBINED, _SERIAL, _OLD_SERIAL, _NOT_AFTER and _DIR in its environment.")]
pub(super) struct Args {
    /// The certificates: the name of their files, one of their own names, or a path [default: what is due]
    #[arg(value_name = "NAME")]
    names: Vec<OsString>,

    /// Renew all that are managed, due or not
    #[arg(long, conflicts_with_all = ["names", "due"])]
    all: bool,

    /// Renew only what is due
    #[arg(long)]
    due: bool,

    #[command(flatten)]
    how: How,

    /// Renew what is revoked, too
    #[arg(long)]
    force: bool,

    /// Show what would be renewed and when the rest is due, and renew nothing
    #[arg(long)]
    dry_run: bool,

    /// Exit with 0 when nothing is due, as timers want it
    #[arg(long)]
    systemd: bool,
}

/// How certificates are renewed.
#[derive(clap::Args, Debug)]
pub(super) struct How {
    /// Due when this part of the lifetime is gone, such as 0.5 [default: two thirds]
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    at_fraction: Option<f64>,

    /// Due so long before the end, such as 7d, where it is valid for longer than that; with --at-fraction, what comes
    /// first
    #[arg(long, value_name = "LIFETIME")]
    before: Option<Lifetime>,

    /// Put off by up to this part of what is then left, each certificate by its own; 0 for none
    #[arg(long, value_name = "FRACTION", value_parser = fraction_or_zero, default_value_t = SPREAD)]
    spread: f64,

    /// Make a new key, too
    #[arg(long)]
    rekey: bool,

    /// The kind of the new key [default: that of the old one]
    #[arg(long, value_enum, value_name = "TYPE", requires = "rekey")]
    key_type: Option<KeyType>,

    /// Keep NAME.pem with certificate and key, too; one that is there is always kept up
    #[arg(long)]
    combined: bool,

    /// Run this program afterwards, with the arguments behind it: up to the next option of this command, or `;`
    #[arg(long, value_name = "PROGRAM")]
    exec: Option<OsString>,

    /// One more argument for it
    #[arg(
        long,
        value_name = "ARG",
        requires = "exec",
        allow_hyphen_values = true
    )]
    exec_arg: Vec<OsString>,

    /// Kill the program when it takes longer
    #[arg(long, value_name = "LIFETIME", default_value = "60s")]
    exec_timeout: Lifetime,

    /// Then send a signal to the process whose number is in this file [default: HUP]
    #[arg(long, value_name = "FILE[:SIGNAL]")]
    signal: Vec<SignalTo>,

    /// Then see that this port serves the new certificate, such as grpcs://localhost:8600
    #[arg(long, value_name = "URL")]
    probe: Option<Target>,

    /// How long it may take to do so
    #[arg(long, value_name = "LIFETIME", default_value = "30s")]
    probe_timeout: Lifetime,

    /// Put the old pair back when the program, a signal or the port fails, and run and send them again
    #[arg(long)]
    rollback: bool,

    #[command(flatten)]
    pub(super) issuer: Issuer,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let ask = |path: &Path| self.how.issuer.passphrase.ask(path);
        let from = self.how.issuer.at(global.directory(), &ask);
        let request = Request {
            due_only: self.due || (self.names.is_empty() && !self.all),
            names: self.names,
            force: self.force,
            dry_run: self.dry_run,
            nothing_due_is_success: self.systemd,
            ..self.how.request(renderer)
        };
        let mut renewal = renew::run(&request, &from, now)?;
        answer(&mut renewal, renderer)
    }
}

impl How {
    /// What is due, renewed so.
    pub(super) fn request(&self, renderer: &Renderer) -> Request {
        let hook = self.exec.as_ref().map(|program| Hook {
            program: program.clone(),
            arguments: self.exec_arg.clone(),
            timeout: duration(self.exec_timeout),
            hidden: self.issuer.secret_variables(),
            output: renderer.stderr_copy(),
        });
        Request {
            names: Vec::new(),
            due_only: true,
            timing: Timing {
                at_fraction: self.at_fraction,
                before: self.before,
                spread: self.spread,
            },
            rekey: self.rekey,
            key_type: self.key_type,
            combined: self.combined,
            force: false,
            dry_run: false,
            nothing_due_is_success: true,
            requested_by: requested_by(),
            follow: Follow {
                hook,
                signals: self.signal.clone(),
                probe: self.probe.clone(),
                probe_timeout: duration(self.probe_timeout),
                rollback: self.rollback,
            },
        }
    }
}

/// Writes a report, then what failed, of which the last decides.
fn answer(renewal: &mut Renewal, renderer: &Renderer) -> Result<Verdict, Error> {
    let failures = renewal.take_failures();
    let verdict = finish(renderer, renewal)?;
    let mut failures = failures.into_iter().rev();
    let Some(last) = failures.next() else {
        return Ok(verdict);
    };
    failures.rev().for_each(|error| renderer.error(&error));
    Err(last)
}

/// How long to wait for something, a day at most.
fn duration(lifetime: Lifetime) -> Duration {
    lifetime.duration().unsigned_abs().min(LONGEST_WAIT)
}

const LONGEST_WAIT: Duration = Duration::from_secs(86400);

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

const NO_FRACTION: &str = "not a part from 0 to 1, such as 0.66";
