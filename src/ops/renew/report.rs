//! What became of the certificates that were to be renewed.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::follow::{Replaced, Served};
use super::hook::Done;
use crate::error::{Error, shown};
use crate::ops::managed::{Foreign, ForeignReason, ManagedCertificate};
use crate::ops::{Expiry, Report, Span, Verdict};
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;

/// What became of the certificates of a directory.
#[derive(Debug, Serialize)]
pub struct Renewal {
    /// The PKI directory.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub directory: PathBuf,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How many certificates are managed.
    pub managed: usize,
    /// How many of those that were looked at are due.
    pub due: usize,
    /// How many were renewed, or would be.
    pub renewed: usize,
    /// The next moment at which one is due of those that are not.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_due: Option<OffsetDateTime>,
    /// Each that was looked at.
    pub certificates: Vec<Renewed>,
    /// The signals that were sent.
    pub signals: Vec<Done>,
    /// What the port served in the end.
    pub probe: Option<Served>,
    /// Certificates that are left alone.
    pub foreign: Vec<Foreign>,
    /// What could not be read or renewed.
    pub errors: Vec<Failure>,
    /// Where the directory was copied from, when that is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<PathBuf>,
    #[serde(skip)]
    pub(super) must_renew: bool,
    #[serde(skip)]
    pub(super) failures: Vec<Error>,
    #[serde(skip)]
    pub(super) pending: Vec<Pending>,
}

/// What became of one certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Renewed {
    /// The name of its files, without ending.
    pub name: String,
    /// Its file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: PathBuf,
    /// Its key's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: Option<PathBuf>,
    /// The file with both.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub combined: Option<PathBuf>,
    /// Its names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// The profile it was issued by.
    pub profile: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Which certificate stands in the file now.
    pub state: State,
    /// Its serial number.
    pub serial: SerialNumber,
    /// The serial number of the one before, when there is a new one: also when that was taken back.
    pub old_serial: Option<SerialNumber>,
    /// When what stands in the file is valid.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// From when it is due.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// Whether it has a new key.
    pub rekeyed: bool,
    /// What the program said that was run for it.
    pub hook: Option<Done>,
    /// Why it was not renewed, as a clause.
    pub message: Option<String>,
    /// What its reader should know.
    pub notes: Vec<String>,
}

/// What became of a certificate.
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
    /// It is revoked, and stays as it is.
    Revoked,
    /// A rule refuses the new one.
    Refused,
    /// It could not be renewed.
    Failed,
}

/// Which certificate stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The one that was there.
    Old,
    /// A new one.
    New,
    /// The one that was there, after a new one was.
    RolledBack,
}

/// What follows a renewal, and failed: it can be done again.
#[derive(Debug)]
pub struct Pending {
    pub(super) replaced: Replaced,
    pub(super) renewed: Renewed,
}

impl Pending {
    /// The certificate's file.
    pub fn certificate(&self) -> &Path {
        &self.renewed.certificate
    }
}

/// An error among the rest of the work.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Its stable name.
    pub code: &'static str,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Renewal {
    /// What could not be read or renewed: exit code 2, whatever became of the rest.
    pub fn take_failures(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.failures)
    }

    /// What follows a renewal and failed, where the new certificate is in place.
    pub fn take_pending(&mut self) -> Vec<Pending> {
        std::mem::take(&mut self.pending)
    }

    /// What failed after a certificate was renewed that is in place now, as a clause.
    pub fn follow_failure(&self, one: &Renewed) -> Option<String> {
        if one.state != State::New {
            return None;
        }
        let hook = one.hook.as_ref().filter(|hook| !hook.succeeded);
        let signal = || self.signals.iter().find(|signal| !signal.succeeded);
        let probe = self.probe.as_ref().filter(|probe| !probe.succeeded);
        hook.or_else(signal)
            .map(Done::clause)
            .or_else(|| probe.map(|probe| probe.clause().to_owned()))
    }

    /// Keeps what can be done again.
    pub(super) fn keep_pending(&mut self, replaced: Vec<Replaced>) {
        for replaced in replaced {
            let renewed = self.certificates[replaced.index].clone();
            if self.follow_failure(&renewed).is_some() {
                self.pending.push(Pending { replaced, renewed });
            }
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.errors.push(Failure::of(&error));
        self.failures.push(error);
    }

    /// The first thing that failed after a renewal, and left the new certificate in place.
    fn left_new(&self) -> Option<String> {
        self.certificates.iter().find_map(|one| {
            let failure = self.follow_failure(one)?;
            let file = shown(&one.certificate);
            Some(format!(
                "{file}: the new certificate is in place, but {failure}"
            ))
        })
    }

    /// The first certificate that should have been renewed and was not, for a reason that is no error.
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
    /// What there is to say of a certificate nothing has happened to.
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

    /// What is said of it in a word.
    pub fn word(&self) -> &'static str {
        match (self.outcome, self.state) {
            (_, State::RolledBack) => "rolled back",
            (Outcome::NotDue, _) => "not due",
            (Outcome::WouldRenew, _) => "due",
            (Outcome::Renewed, _) => "renewed",
            (Outcome::RenewedElsewhere, _) => "renewed already",
            (Outcome::Revoked, _) => "revoked",
            (Outcome::Refused, _) => "refused",
            (Outcome::Failed, _) => "not renewed",
        }
    }

    /// What is said of it in a line.
    pub fn line(&self) -> String {
        let file = shown(&self.certificate);
        let message = self
            .message
            .as_deref()
            .map_or(String::new(), |message| format!(": {message}"));
        let serial = match &self.old_serial {
            Some(old) if self.state == State::New => {
                format!(", serial {} in place of {old}", self.serial)
            }
            Some(_) | None => String::new(),
        };
        let key = if self.rekeyed && self.state == State::New {
            ", with a new key"
        } else {
            ""
        };
        // What was put back says itself why.
        let hook = match self.hook.as_ref().filter(|_| self.state == State::New) {
            Some(hook) if hook.succeeded => format!("; ran {}", hook.what),
            Some(hook) => format!("; {}", hook.clause()),
            None => String::new(),
        };
        match self.outcome {
            Outcome::NotDue | Outcome::WouldRenew => {
                format!(
                    "{file}: expires {}, due from {}{message}",
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

impl Failure {
    /// An error as data.
    pub fn of(error: &Error) -> Self {
        Failure {
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl Done {
    /// What went wrong, as a clause.
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
        let told = |one: &&Renewed| self.dry_run || one.outcome != Outcome::NotDue;
        for one in self.certificates.iter().filter(told) {
            writeln!(f, "{:15}  {}", one.word(), one.line())?;
            for note in &one.notes {
                writeln!(f, "{:15}  {note}", "")?;
            }
        }
        // An authority's own files are no news.
        let is_news = |foreign: &&Foreign| foreign.reason != ForeignReason::Authority;
        for foreign in self.foreign.iter().filter(is_news) {
            writeln!(
                f,
                "{:15}  {}: {}",
                "left alone",
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
                write!(f, "; the next is due from {}", rfc3339(next))?;
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
                "{} was copied from {}, which is still there: certificates in other directories are left to that one",
                shown(&self.directory),
                shown(original)
            )
        });
        copied.into_iter().collect()
    }
}
