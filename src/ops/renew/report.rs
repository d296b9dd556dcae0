//! The result of a renewal.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::follow::{PortCheck, ReplacedPair};
use super::hook::StepResult;
use crate::error::{Error, shown};
use crate::ops::managed::{Foreign, ForeignReason, ManagedCertificate};
use crate::ops::{ErrorReport, Expiry, Report, Span, Verdict};
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;

/// The result of renewing the certificates of a directory.
#[derive(Debug, Serialize)]
pub struct Renewal {
    /// The PKI directory.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub directory: PathBuf,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How many certificates are managed.
    pub managed: usize,
    /// How many of the selected certificates are due.
    pub due: usize,
    /// How many were renewed, or would be.
    pub renewed: usize,
    /// When the next certificate is due.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_due: Option<OffsetDateTime>,
    /// The selected certificates.
    pub certificates: Vec<Renewed>,
    /// The signals that were sent.
    pub signals: Vec<StepResult>,
    /// The result of the probe.
    pub probe: Option<PortCheck>,
    /// Certificates that are not managed.
    pub foreign: Vec<Foreign>,
    /// Errors.
    pub errors: Vec<ErrorReport>,
    /// The directory that this one is a copy of, if it still exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<PathBuf>,
    #[serde(skip)]
    pub(super) must_renew: bool,
    #[serde(skip)]
    pub(super) failures: Vec<Error>,
    #[serde(skip)]
    pub(super) pending: Vec<Pending>,
}

/// The result for one certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Renewed {
    /// The name of its files, without extension.
    pub name: String,
    /// Its file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: PathBuf,
    /// Its private key's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: Option<PathBuf>,
    /// The file with both.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub combined: Option<PathBuf>,
    /// Its names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// The profile it was issued with.
    pub profile: String,
    /// What happened.
    pub outcome: Outcome,
    /// Which certificate is in the file now.
    pub state: State,
    /// Its serial number.
    pub serial: SerialNumber,
    /// The serial number of the other certificate, after a renewal or a rollback.
    pub old_serial: Option<SerialNumber>,
    /// The validity of the certificate in the file.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// When it is due.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// Whether it has a new key.
    pub rekeyed: bool,
    /// The result of the program that ran for it.
    pub hook: Option<StepResult>,
    /// Why it was not renewed, as a clause.
    pub message: Option<String>,
    /// Notes for the reader.
    pub notes: Vec<String>,
}

/// What happened to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is not due.
    NotDue,
    /// It would be renewed.
    WouldRenew,
    /// It was renewed.
    Renewed,
    /// Another process renewed it in the meantime.
    RenewedElsewhere,
    /// It is revoked and was not renewed.
    Revoked,
    /// A rule refuses the new certificate.
    Refused,
    /// It could not be renewed.
    Failed,
}

/// Which certificate is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The old one.
    Old,
    /// The new one.
    New,
    /// The old one again, after a rollback.
    RolledBack,
}

/// A step after a renewal that failed and can be repeated.
#[derive(Debug)]
pub struct Pending {
    pub(super) replaced: ReplacedPair,
    pub(super) renewed: Renewed,
}

impl Pending {
    /// The certificate's file.
    pub fn certificate(&self) -> &Path {
        &self.renewed.certificate
    }
}

impl Renewal {
    /// The errors: exit code 2.
    pub fn take_failures(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.failures)
    }

    /// The steps that failed after a renewal, where the new certificate is in place.
    pub fn take_pending(&mut self) -> Vec<Pending> {
        std::mem::take(&mut self.pending)
    }

    /// The step that failed after a renewal, where the new certificate is in place, as a clause.
    pub fn follow_failure(&self, one: &Renewed) -> Option<String> {
        if one.state != State::New {
            return None;
        }
        let hook = one.hook.as_ref().filter(|hook| !hook.succeeded);
        let signal = || self.signals.iter().find(|signal| !signal.succeeded);
        let probe = self.probe.as_ref().filter(|probe| !probe.succeeded);
        hook.or_else(signal)
            .map(StepResult::clause)
            .or_else(|| probe.map(|probe| probe.clause().to_owned()))
    }

    /// Keeps the steps that can be repeated.
    pub(super) fn keep_pending(&mut self, replaced: Vec<ReplacedPair>) {
        for replaced in replaced {
            let renewed = self.certificates[replaced.index].clone();
            if self.follow_failure(&renewed).is_some() {
                self.pending.push(Pending { replaced, renewed });
            }
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.errors.push(ErrorReport::of(&error));
        self.failures.push(error);
    }

    /// The first step that failed after a renewal.
    fn left_new(&self) -> Option<String> {
        self.certificates.iter().find_map(|one| {
            let failure = self.follow_failure(one)?;
            let file = shown(&one.certificate);
            Some(format!(
                "{file}: the new certificate is in place, but {failure}"
            ))
        })
    }

    /// The first certificate that was refused.
    fn left_old(&self) -> Option<String> {
        let refused = self
            .certificates
            .iter()
            .find(|one| one.outcome == Outcome::Refused)?;
        let message = refused.message.as_deref().unwrap_or_default();
        Some(format!("{}: {message}", shown(&refused.certificate)))
    }

    /// Whether the only certificate that was selected is revoked.
    fn is_revoked_alone(&self) -> bool {
        matches!(&self.certificates[..], [only] if only.outcome == Outcome::Revoked)
    }

    fn nothing_due(&self) -> Option<String> {
        if self.renewed > 0
            || !self.must_renew && !self.is_revoked_alone()
            || !self.errors.is_empty()
        {
            return None;
        }
        let elsewhere = self
            .certificates
            .iter()
            .any(|one| one.outcome == Outcome::RenewedElsewhere);
        if elsewhere {
            return None;
        }
        if self.is_revoked_alone() {
            let only = &self.certificates[0];
            let message = only.message.as_deref().unwrap_or_default();
            return Some(format!("{}: {message}", shown(&only.certificate)));
        }
        Some(match self.next_due {
            Some(next) => format!("nothing is due before {}", rfc3339(next)),
            None => "nothing is due".into(),
        })
    }
}

impl Renewed {
    /// A certificate that was not changed.
    pub(super) fn untouched(
        of: &ManagedCertificate,
        due_at: OffsetDateTime,
        outcome: Outcome,
        now: OffsetDateTime,
    ) -> Self {
        Renewed {
            name: of.place.base.to_string_lossy().into_owned(),
            certificate: of.place.certificate(),
            private_key: of.place.private_key(),
            combined: of.place.combined(),
            subject_alt_names: of.entry.names.clone(),
            profile: of.entry.profile.clone(),
            outcome,
            state: State::Old,
            serial: of.entry.serial.clone(),
            old_serial: None,
            expiry: Expiry::of(of.entry.validity, now),
            due_at,
            rekeyed: false,
            hook: None,
            message: None,
            notes: Vec::new(),
        }
    }

    /// The result in a word.
    pub fn word(&self) -> &'static str {
        match (self.outcome, self.state) {
            (_, State::RolledBack) => "rolled back",
            (Outcome::NotDue, _) => "not due",
            (Outcome::WouldRenew, _) => "due",
            (Outcome::Renewed, _) => "renewed",
            (Outcome::RenewedElsewhere, _) => "already renewed",
            (Outcome::Revoked, _) => "revoked",
            (Outcome::Refused, _) => "refused",
            (Outcome::Failed, _) => "not renewed",
        }
    }

    /// The result in a line.
    pub fn line(&self) -> String {
        let file = shown(&self.certificate);
        let message = self
            .message
            .as_deref()
            .map_or(String::new(), |message| format!(": {message}"));
        let serial = match &self.old_serial {
            Some(old) if self.state == State::New => {
                format!(", serial {} replaces {old}", self.serial)
            }
            Some(_) | None => String::new(),
        };
        let key = if self.rekeyed && self.state == State::New {
            ", with a new key"
        } else {
            ""
        };
        // The message of a rollback contains the reason.
        let hook = match self.hook.as_ref().filter(|_| self.state == State::New) {
            Some(hook) if hook.succeeded => format!("; ran {}", hook.what),
            Some(hook) => format!("; {}", hook.clause()),
            None => String::new(),
        };
        match self.outcome {
            Outcome::NotDue | Outcome::WouldRenew => {
                format!(
                    "{file}: expires {}, due on {}{message}",
                    self.expiry,
                    rfc3339(self.due_at)
                )
            }
            Outcome::Renewed | Outcome::RenewedElsewhere => {
                format!(
                    "{file}: expires {}{key}{serial}{message}{hook}",
                    self.expiry
                )
            }
            Outcome::Revoked | Outcome::Refused | Outcome::Failed => format!("{file}{message}"),
        }
    }
}

impl StepResult {
    /// The result, as a clause.
    pub fn clause(&self) -> String {
        format!(
            "{} {}",
            self.what,
            self.message.as_deref().unwrap_or("succeeded")
        )
    }
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_listed = |one: &&Renewed| self.dry_run || one.outcome != Outcome::NotDue;
        for one in self.certificates.iter().filter(is_listed) {
            writeln!(f, "{:15}  {}", one.word(), one.line())?;
            for note in &one.notes {
                writeln!(f, "{:15}  {note}", "")?;
            }
        }
        // The authority's own files are expected.
        let is_news = |foreign: &&Foreign| foreign.reason != ForeignReason::Authority;
        for foreign in self.foreign.iter().filter(is_news) {
            writeln!(
                f,
                "{:15}  {}: {}",
                "not managed",
                shown(&foreign.path),
                foreign.reason.clause()
            )?;
        }
        for signal in &self.signals {
            let what = if signal.succeeded {
                signal.what.clone()
            } else {
                signal.clause()
            };
            writeln!(f, "{:15}  {what}", "signal")?;
        }
        if let Some(probe) = &self.probe {
            writeln!(f, "{:15}  {}", "probe", probe.clause())?;
        }
        let verb = if self.dry_run {
            "would be renewed"
        } else {
            "renewed"
        };
        write!(f, "{} of {} {verb}", self.renewed, self.managed)?;
        match self.next_due {
            Some(next) => {
                let now = self
                    .certificates
                    .iter()
                    .map(|one| {
                        one.expiry.not_after.unix_timestamp() - one.expiry.expires_in_seconds
                    })
                    .next();
                write!(f, "; next due on {}", rfc3339(next))?;
                if let Some(now) = now {
                    write!(
                        f,
                        " (in {})",
                        Span(time::Duration::seconds(
                            (next.unix_timestamp() - now).max(0)
                        ))
                    )?;
                }
                writeln!(f)
            }
            None => writeln!(f),
        }
    }
}

impl Report for Renewal {
    fn verdict(&self) -> Verdict {
        if self.reason().is_some() {
            Verdict::No
        } else {
            Verdict::Yes
        }
    }

    fn reason(&self) -> Option<String> {
        self.left_new()
            .or_else(|| self.left_old())
            .or_else(|| self.nothing_due())
    }

    fn warnings(&self) -> Vec<String> {
        let copied = self.copied_from.as_deref().map(|original: &Path| {
            format!(
                "{} is a copy of {}, which still exists; certificates in other directories are left to the original",
                shown(&self.directory),
                shown(original)
            )
        });
        copied.into_iter().collect()
    }
}
