//! What happens after a renewal: program, signal and probe, and the rollback when they fail.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::hook::{Hook, SignalTo, StepResult};
use super::report::{Renewal, State};
use crate::error::Error;
use crate::files::{self, Lock, Replacement};
use crate::net::{Target, presented_chain};
use crate::ops::Expiry;
use crate::ops::issue::file_names;
use crate::ops::managed::Place;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::{Validity, rfc3339};

/// What happens after a renewal.
#[derive(Debug, Default)]
pub struct Follow {
    /// A program to run for each certificate.
    pub hook: Option<Hook>,
    /// Processes to signal, once.
    pub signals: Vec<SignalTo>,
    /// A port that must serve one of the new certificates.
    pub probe: Option<Target>,
    /// How long the port may take.
    pub probe_timeout: Duration,
    /// Whether the old pairs are restored when the program, a signal or the probe fails.
    pub rollback: bool,
}

/// The result of a probe.
#[derive(Clone, Debug, Serialize)]
pub struct PortCheck {
    /// The port.
    pub target: String,
    /// Whether it served a new certificate.
    pub succeeded: bool,
    /// The serial number it served last.
    pub serial: Option<SerialNumber>,
    /// What the port served, as a clause.
    pub message: String,
}

/// A pair that was replaced, and what a rollback needs.
#[derive(Debug)]
pub(super) struct ReplacedPair {
    /// Its index among the certificates of the report.
    pub(super) index: usize,
    pub(super) place: Place,
    pub(super) old_serial: SerialNumber,
    pub(super) serial: SerialNumber,
    pub(super) old_validity: Validity,
    pub(super) validity: Validity,
    /// The file as it is now.
    pub(super) certificate: String,
    /// When the new certificate is due, and when the old one is.
    pub(super) due_at: [OffsetDateTime; 2],
    pub(super) is_rekeyed: bool,
    pub(super) old: Contents,
}

/// The old contents of a pair; files that did not change are left out.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) certificate: Zeroizing<Vec<u8>>,
    pub(super) key: Option<Zeroizing<Vec<u8>>>,
    pub(super) combined: Option<Zeroizing<Vec<u8>>>,
}

impl Follow {
    /// Runs everything and reports the results. `others` are the serial numbers of managed certificates that
    /// were not renewed: a port that serves one of them is fine.
    pub(super) fn after(
        &self,
        replaced: &[ReplacedPair],
        others: &[SerialNumber],
        report: &mut Renewal,
    ) {
        if replaced.is_empty() {
            return;
        }
        for one in replaced {
            report.certificates[one.index].hook = self.run_hook(one, RENEWED, report);
        }
        report.signals = self.signals.iter().map(SignalTo::send).collect();
        let hooks_failed = |one: &&ReplacedPair| {
            let hook = report.certificates[one.index].hook.as_ref();
            hook.is_some_and(|hook| !hook.succeeded)
        };
        let mut failed: Vec<&ReplacedPair> = replaced.iter().filter(hooks_failed).collect();
        let signal_failed = report.signals.iter().any(|signal| !signal.succeeded);
        if let Some(target) = &self.probe
            && !(self.rollback && (signal_failed || !failed.is_empty()))
        {
            report.probe = Some(self.probe_port(target, replaced, others));
        }
        let probe_failed = report.probe.as_ref().is_some_and(|probe| !probe.succeeded);
        if signal_failed || probe_failed {
            failed = replaced.iter().collect();
        }
        if self.rollback && !failed.is_empty() {
            self.roll_back(&failed, report);
        }
    }

    fn run_hook(&self, one: &ReplacedPair, event: &str, report: &Renewal) -> Option<StepResult> {
        let hook = self.hook.as_ref()?;
        let absolute =
            |path: std::path::PathBuf| files::absolute(&path).unwrap_or(path).into_os_string();
        let (serial, old_serial, validity) = if event == RENEWED {
            (&one.serial, &one.old_serial, one.validity)
        } else {
            (&one.old_serial, &one.serial, one.old_validity)
        };
        let path = |path: Option<std::path::PathBuf>| path.map(absolute).unwrap_or_default();
        let environment: [(&str, OsString); 9] = [
            ("OPENAGENTS_CERTS_EVENT", event.into()),
            ("OPENAGENTS_CERTS_NAME", one.place.base.clone()),
            ("OPENAGENTS_CERTS_DIR", absolute(report.directory.clone())),
            ("OPENAGENTS_CERTS_CERT", absolute(one.place.certificate())),
            ("OPENAGENTS_CERTS_KEY", path(one.place.private_key())),
            ("OPENAGENTS_CERTS_COMBINED", path(one.place.combined())),
            ("OPENAGENTS_CERTS_SERIAL", serial.to_string().into()),
            ("OPENAGENTS_CERTS_OLD_SERIAL", old_serial.to_string().into()),
            (
                "OPENAGENTS_CERTS_NOT_AFTER",
                rfc3339(validity.not_after()).into(),
            ),
        ];
        Some(hook.run(&environment))
    }

    /// Probes the port until it serves a new certificate or the time is up.
    fn probe_port(
        &self,
        target: &Target,
        replaced: &[ReplacedPair],
        others: &[SerialNumber],
    ) -> PortCheck {
        let end = Instant::now() + self.probe_timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let step = left.clamp(SHORTEST_STEP, LONGEST_STEP);
            let presented = presented_chain(target, None, step);
            let (serial, message) = match presented.and_then(|chain| chain.proven(target)) {
                Ok(certificates) => (Some(certificates[0].serial().clone()), String::new()),
                Err(error) => (None, error.to_string()),
            };
            let served = |succeeded, message| PortCheck {
                target: target.to_string(),
                succeeded,
                serial: serial.clone(),
                message,
            };
            if let Some(serial) = &serial {
                if replaced.iter().any(|one| one.serial == *serial) {
                    return served(
                        true,
                        format!("{target} serves the new certificate {serial}"),
                    );
                }
                if others.contains(serial) {
                    return served(
                        true,
                        format!("{target} serves {serial}, which was not renewed"),
                    );
                }
            }
            if Instant::now() + PAUSE >= end {
                return served(
                    false,
                    match &serial {
                        Some(serial) => format!(
                            "{target} still serves {serial} after {} s",
                            self.probe_timeout.as_secs_f32()
                        ),
                        None => message,
                    },
                );
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Restores the old pairs, then runs programs and sends signals again.
    fn roll_back(&self, failed: &[&ReplacedPair], report: &mut Renewal) {
        let mut is_restored = false;
        for one in failed {
            if let Err(error) = restore(one) {
                report.fail(error);
                continue;
            }
            is_restored = true;
            let hook = self.run_hook(one, ROLLED_BACK, report);
            let why = why(&report.certificates[one.index].hook, report);
            let now = report.certificates[one.index].expiry;
            let renewed = &mut report.certificates[one.index];
            renewed.state = State::RolledBack;
            renewed.rekeyed = false;
            renewed.due_at = one.due_at[1];
            renewed.serial = one.old_serial.clone();
            renewed.old_serial = Some(one.serial.clone());
            let moment = now.not_after - time::Duration::seconds(now.expires_in_seconds);
            renewed.expiry = Expiry::of(one.old_validity, moment);
            let again = hook
                .filter(|hook| !hook.succeeded)
                .map(|hook| format!("; then {}", hook.clause()));
            renewed.message = Some(format!(
                "the old pair was restored: {why}{}",
                again.unwrap_or_default()
            ));
            let certificate = one.place.certificate();
            report.renewed -= 1;
            report.fail(Error::RolledBack {
                path: certificate,
                why,
            });
        }
        if is_restored {
            let again = self.signals.iter().map(SignalTo::send);
            report.signals.extend(again.collect::<Vec<_>>());
        }
    }
}

impl PortCheck {
    /// What the port served, as a clause.
    pub fn clause(&self) -> &str {
        &self.message
    }
}

/// The values of the environment variable OPENAGENTS_CERTS_EVENT.
const RENEWED: &str = "renewed";
const ROLLED_BACK: &str = "rolled-back";
const PAUSE: Duration = Duration::from_millis(200);
const SHORTEST_STEP: Duration = Duration::from_millis(200);
const LONGEST_STEP: Duration = Duration::from_secs(3);

/// What failed, as a clause.
fn why(hook: &Option<StepResult>, report: &Renewal) -> String {
    let hook = hook
        .as_ref()
        .filter(|hook| !hook.succeeded)
        .map(StepResult::clause);
    let signal = || {
        report
            .signals
            .iter()
            .find(|signal| !signal.succeeded)
            .map(StepResult::clause)
    };
    let probe = || report.probe.as_ref().map(|probe| probe.message.clone());
    hook.or_else(signal).or_else(probe).unwrap_or_default()
}

/// Restores the old certificate, and the old key if it was replaced, unless another process changed the
/// files since.
fn restore(one: &ReplacedPair) -> Result<(), Error> {
    let lock = Lock::acquire(&one.place.directory)?;
    let path = one.place.certificate();
    if files::read(&path)?.as_slice() != one.certificate.as_bytes() {
        return Err(Error::ChangedMeanwhile {
            path,
            what: "was changed by another process, so the old pair was not restored",
            hint: "look at the file with `openagents-certs inspect`",
        });
    }
    let (certificate, key) = file_names(&one.place.base);
    let combined = one.place.combined_name();
    let old = [
        (&certificate, Some(&one.old.certificate)),
        (&key, one.old.key.as_ref()),
        (&combined, one.old.combined.as_ref()),
    ];
    let files = old.iter().filter_map(|(name, content)| {
        Some(Replacement {
            name,
            content: content.as_ref()?,
            like: name,
        })
    });
    let files: Vec<_> = files.collect();
    if files.len() == 1 {
        files::replace_each(&lock, &files)
    } else {
        files::replace_together(&lock, &files)
    }
}
