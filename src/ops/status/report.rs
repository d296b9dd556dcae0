//! The result of `status`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::certificate::{CertificateStatus, seconds};
use super::revocation::RevocationListStatus;
use super::threshold::{Level, Thresholds};
use crate::error::{Error, shown};
use crate::ops::ca::AuthorityFacts;
use crate::ops::{self, Verdict};
use crate::pki::name::DistinguishedName;
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
    pub unreadable: Vec<Unreadable>,
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

/// A file or port that could not be read.
#[derive(Debug, Serialize)]
pub struct Unreadable {
    /// The error's stable name.
    pub code: &'static str,
    /// What happened, with the path.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
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
        let unreadable = errors.iter().map(|error| Unreadable {
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
        });
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
        Some(format!("{}: {problem}", shown(Path::new(location))))
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
        super::text::Screen {
            report: self,
            columns: None,
        }
        .fmt(f)
    }
}
