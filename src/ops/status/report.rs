//! The result of `status`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::certificate::{CertificateStatus, seconds};
use super::revocation::RevocationListStatus;
use crate::error::{Error, shown};
use crate::ops::ca::AuthorityFacts;
use crate::ops::view::Tone;
use crate::ops::{self, ErrorReport, Verdict};
use crate::pki::name::DistinguishedName;
use crate::pki::validity::{Lifetime, ValidityError};
use crate::store::Counts;

/// The status of certificates and CRLs.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether nothing needs attention.
    pub verdict: Verdict,
    /// The worst level.
    pub level: Level,
    /// The time of the check.
    #[serde(with = "time::serde::rfc3339")]
    pub checked_at: OffsetDateTime,
    /// How much remaining time is too little.
    pub thresholds: Thresholds,
    /// Counts.
    pub summary: Summary,
    /// The authorities in the directories that were looked at.
    pub authorities: Vec<AuthorityStatus>,
    /// Every certificate, soonest expiry first.
    pub certificates: Vec<CertificateStatus>,
    /// Every CRL.
    pub revocation_lists: Vec<RevocationListStatus>,
    /// What could not be read.
    pub unreadable: Vec<ErrorReport>,
}

/// Counts of certificates and CRLs together.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Summary {
    /// Certificates.
    pub certificates: usize,
    /// CRLs.
    pub revocation_lists: usize,
    /// How many are ok.
    pub ok: usize,
    /// How many expire soon.
    pub warning: usize,
    /// How many expire very soon, have expired, are revoked or do not verify.
    pub critical: usize,
    /// What could not be read.
    pub unreadable: usize,
    /// Seconds until the next live certificate expires.
    pub soonest_in_seconds: Option<i64>,
}

/// An authority.
#[derive(Debug, Serialize)]
pub struct AuthorityStatus {
    /// Its directory.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub directory: PathBuf,
    /// Its subject.
    pub subject: DistinguishedName,
    /// The last moment of its validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Seconds until then; negative when it has passed.
    pub expires_in_seconds: i64,
    /// How urgent it is.
    pub level: Level,
    /// Whether its key needs a passphrase.
    pub private_key_encrypted: bool,
    /// How many certificates it issued, by status.
    pub issued: Counts,
}

impl AuthorityStatus {
    pub(super) fn of(directory: &Path, shown: AuthorityFacts, thresholds: &Thresholds) -> Self {
        let expiry = &shown.authority.expiry;
        let left = time::Duration::seconds(expiry.expires_in_seconds);
        AuthorityStatus {
            directory: directory.to_owned(),
            subject: shown.authority.subject.clone(),
            not_after: expiry.not_after,
            expires_in_seconds: expiry.expires_in_seconds,
            level: thresholds.level(left, expiry.not_after - expiry.not_before),
            private_key_encrypted: shown.private_key_encrypted,
            issued: shown.issued,
        }
    }
}

impl Report {
    pub(super) fn new(
        thresholds: Thresholds,
        (authorities, certificates, revocation_lists): (
            Vec<AuthorityStatus>,
            Vec<CertificateStatus>,
            Vec<RevocationListStatus>,
        ),
        errors: &[Error],
        now: OffsetDateTime,
    ) -> Self {
        let levels = || {
            let certificates = certificates.iter().map(|certificate| certificate.level);
            let lists = revocation_lists.iter().map(|list| list.level);
            let authorities = authorities.iter().map(|authority| authority.level);
            (certificates.chain(lists), authorities)
        };
        let count = |level| levels().0.filter(|found| *found == level).count();
        let summary = Summary {
            certificates: certificates.len(),
            revocation_lists: revocation_lists.len(),
            ok: count(Level::Ok),
            warning: count(Level::Warning),
            critical: count(Level::Critical),
            unreadable: errors.len(),
            soonest_in_seconds: certificates
                .iter()
                .find(|certificate| certificate.is_live())
                .map(|first| seconds(first.effective_not_after, now)),
        };
        let level = levels().0.chain(levels().1).max().unwrap_or(Level::Ok);
        let verdict = match level {
            Level::Ok => Verdict::Yes,
            Level::Warning | Level::Critical => Verdict::No,
        };
        let unreadable = errors.iter().map(ErrorReport::of);
        Report {
            verdict,
            level,
            checked_at: now.replace_nanosecond(0).unwrap_or(now),
            thresholds,
            summary,
            unreadable: unreadable.collect(),
            authorities,
            certificates,
            revocation_lists,
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.revocation_lists.is_empty()
    }

    /// The worst problem and its place; `None` when there is none.
    pub fn worst(&self) -> Option<String> {
        let certificates = self.certificates.iter().map(|certificate| {
            let place = (certificate.path.as_str(), &certificate.problem);
            (certificate.level, place)
        });
        let lists = self
            .revocation_lists
            .iter()
            .map(|list| (list.level, (list.path.as_str(), &list.problem)));
        let problems = certificates
            .chain(lists)
            .filter(|(level, _)| *level > Level::Ok);
        let (_, (location, problem)) = problems.rev().max_by_key(|(level, _)| *level)?;
        let problem = problem.as_deref().unwrap_or("has a problem");
        Some(format!("{}: {problem}", shown(location)))
    }
}

impl ops::Report for Report {
    fn is_content(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn reason(&self) -> Option<String> {
        let mut reason = self.worst()?;
        let others = (self.summary.warning + self.summary.critical).saturating_sub(1);
        if others > 0 {
            reason.push_str(&format!("; and {others} more"));
        }
        Some(reason)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (report, columns) = (self, None);
        super::Screen { report, columns }.fmt(f)
    }
}

/// A threshold for the remaining time: a duration, or a fraction of the lifetime.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// Less than this remains.
    Time(Lifetime),
    /// Less than this fraction of the lifetime remains; above 0, below 1.
    Part(f64),
    /// Less than both remain, so that short-lived certificates are not always due.
    Both(Lifetime, f64),
}

impl Threshold {
    /// The time before expiry, for something with this lifetime.
    pub fn before_end(&self, lifetime: Duration) -> Duration {
        let part = |part: f64| lifetime.max(Duration::ZERO) * part;
        match *self {
            Threshold::Time(time) => time.duration(),
            Threshold::Part(share) => part(share),
            Threshold::Both(time, share) => time.duration().min(part(share)),
        }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    /// Reads `30d`, `33%`, `1/3` or `0.33`.
    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let part = if let Some(percent) = text.strip_suffix('%') {
            number(percent).map(|percent| percent / 100.0)
        } else if let Some((above, below)) = text.split_once('/') {
            number(above)
                .zip(number(below))
                .map(|(above, below)| above / below)
        } else if text.contains('.') {
            number(text)
        } else {
            return Ok(Threshold::Time(text.parse()?));
        };
        match part {
            Some(part) if part > 0.0 && part < 1.0 => Ok(Threshold::Part(part)),
            Some(_) | None => Err(ThresholdError::Part),
        }
    }
}

impl Serialize for Threshold {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (seconds, part_of_lifetime) = match *self {
            Threshold::Time(time) => (Some(time.duration().whole_seconds()), None),
            Threshold::Part(part) => (None, Some(part)),
            Threshold::Both(time, part) => (Some(time.duration().whole_seconds()), Some(part)),
        };
        Fields {
            seconds,
            part_of_lifetime,
        }
        .serialize(serializer)
    }
}

/// A threshold in JSON; all fields that are set must be undercut.
#[derive(Serialize)]
struct Fields {
    seconds: Option<i64>,
    part_of_lifetime: Option<f64>,
}

/// Why a text is not a threshold.
#[derive(Debug, thiserror::Error)]
pub enum ThresholdError {
    /// Not a duration.
    #[error(transparent)]
    Time(#[from] ValidityError),
    /// Not a fraction.
    #[error("a fraction of the lifetime is above 0% and below 100%, such as 33%, 1/3 or 0.33")]
    Part,
}

/// The two thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// Below it, something needs to be done.
    pub warning: Threshold,
    /// Below it, something needs to be done now.
    pub critical: Threshold,
}

impl Default for Thresholds {
    /// 30 days and a third of the lifetime, 7 days and a tenth.
    fn default() -> Self {
        let days = |days: u32| Lifetime::from_seconds(days * 24 * 60 * 60);
        Thresholds {
            warning: Threshold::Both(days(30), 1.0 / 3.0),
            critical: Threshold::Both(days(7), 0.1),
        }
    }
}

impl Thresholds {
    /// The level of something with this lifetime and this remaining time; expired is critical.
    pub fn level(&self, left: Duration, lifetime: Duration) -> Level {
        if left.is_negative() || left < self.critical.before_end(lifetime) {
            Level::Critical
        } else if left < self.warning.before_end(lifetime) {
            Level::Warning
        } else {
            Level::Ok
        }
    }
}

/// How urgent something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// Something needs to be done.
    Warning,
    /// Something needs to be done now.
    Critical,
}

impl Level {
    /// Its colour.
    pub fn tone(self) -> Tone {
        match self {
            Level::Ok => Tone::Good,
            Level::Warning => Tone::Warning,
            Level::Critical => Tone::Bad,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Critical => "critical",
        })
    }
}

/// Digits with at most one point.
fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = text.parse::<f64>().ok()?;
    (is_plain && number.is_finite()).then_some(number)
}

#[cfg(test)]
mod threshold_tests {
    use super::*;

    #[test]
    fn thresholds_are_times_or_parts() {
        for (text, shown) in [
            ("12h", r#"{"seconds":43200,"part_of_lifetime":null}"#),
            ("50%", r#"{"seconds":null,"part_of_lifetime":0.5}"#),
            ("1/4", r#"{"seconds":null,"part_of_lifetime":0.25}"#),
            ("0.25", r#"{"seconds":null,"part_of_lifetime":0.25}"#),
        ] {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!(serde_json::to_string(&threshold).unwrap(), shown);
        }
        for text in [
            "", "30", "0%", "100%", "-5%", "1/0", "2/1", "inf%", "0.0", "%", "1e-3",
        ] {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_short_lived_is_judged_by_its_own_lifetime() {
        let both = |days, part| Threshold::Both(Lifetime::from_days(days).unwrap(), part);
        let thresholds = Thresholds {
            warning: both(30, 1.0 / 3.0),
            critical: both(7, 0.1),
        };
        let level =
            |left, lifetime| thresholds.level(Duration::hours(left), Duration::hours(lifetime));
        assert_eq!(level(20, 24), Level::Ok);
        assert_eq!(level(7, 24), Level::Warning);
        assert_eq!(level(2, 24), Level::Critical);
        assert_eq!(level(29 * 24, 365 * 24), Level::Warning);
        assert_eq!(level(-1, 24), Level::Critical);
    }
}
