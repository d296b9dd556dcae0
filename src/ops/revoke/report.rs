//! What `revoke` and `unrevoke` have to say.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use crate::ops;
use crate::ops::crl::PublishedList;
use crate::ops::issue::file_names;
use crate::pki::escape::Escaped;
use crate::pki::name::DistinguishedName;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;
use crate::store::{Entry, Revocation, RevocationChange};

/// What became of every certificate, and the lists that say so.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether nothing was changed, and this is what would be.
    pub dry_run: bool,
    /// Every certificate that was meant.
    pub certificates: Vec<Changed>,
    /// The new revocation lists, the authority's own first.
    pub lists: Vec<PublishedList>,
    #[serde(skip)]
    warnings: Vec<String>,
}

/// What became of a certificate.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// What became of it.
    pub outcome: Outcome,
    /// When and why it is revoked now, if it is.
    pub revocation: Option<Revocation>,
    /// Its last moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The file it was written to.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: Option<PathBuf>,
}

/// What a revocation, or taking one back, comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is revoked now.
    Revoked,
    /// It was revoked already, and the reason or the date of invalidity is another now.
    Amended,
    /// It was revoked already, and nothing changed.
    AlreadyRevoked,
    /// It was on hold, and is good again.
    Released,
    /// It was not revoked, and nothing changed.
    NotRevoked,
}

impl Report {
    /// What was revoked.
    pub(super) fn of(
        entries: Vec<Entry>,
        changes: &[RevocationChange],
        wanted: Revocation,
        lists: Vec<PublishedList>,
        now: OffsetDateTime,
    ) -> Self {
        let is_listed = |entry: &Entry| {
            lists
                .iter()
                .any(|list| list.issuers.contains(&entry.issuer_fingerprint))
        };
        let mut warnings: Vec<_> = entries
            .iter()
            .filter(|entry| !is_listed(entry))
            .map(unlisted)
            .collect();
        warnings.extend(entries.iter().filter_map(|entry| expired(entry, now)));
        warnings.extend(lists.iter().flat_map(|list| list.warnings.clone()));
        let certificates = entries
            .into_iter()
            .zip(changes)
            .map(|(entry, change)| changed(entry, *change, wanted))
            .collect();
        Report {
            dry_run: false,
            certificates,
            lists,
            warnings,
        }
    }

    /// The report with one more warning.
    pub(super) fn with_warning(mut self, warning: Option<String>) -> Self {
        self.warnings.extend(warning);
        self
    }

    /// What would be revoked.
    pub(super) fn unmade(entries: Vec<Entry>, wanted: Revocation, now: OffsetDateTime) -> Self {
        let warnings = entries
            .iter()
            .filter_map(|entry| expired(entry, now))
            .collect();
        let change = |entry: Entry| {
            let (change, _) = wanted.over(entry.revocation);
            changed(entry, change, wanted)
        };
        Report {
            dry_run: true,
            certificates: entries.into_iter().map(change).collect(),
            lists: Vec::new(),
            warnings,
        }
    }

    /// What is good again, or would be.
    pub(super) fn unrevoked(entries: Vec<Entry>, lists: Vec<PublishedList>, dry_run: bool) -> Self {
        let released = |entry: Entry| {
            let outcome = match entry.revocation {
                Some(_) => Outcome::Released,
                None => Outcome::NotRevoked,
            };
            Changed::new(entry, outcome, None)
        };
        Report {
            dry_run,
            certificates: entries.into_iter().map(released).collect(),
            warnings: lists
                .iter()
                .flat_map(|list| list.warnings.clone())
                .collect(),
            lists,
        }
    }
}

impl Changed {
    fn new(entry: Entry, outcome: Outcome, revocation: Option<Revocation>) -> Self {
        let output = entry.output.as_ref();
        let certificate =
            output.map(|output| output.directory.join(file_names(output.base.as_ref()).0));
        Changed {
            serial: entry.serial,
            subject: entry.subject,
            subject_alt_names: entry.names,
            outcome,
            revocation,
            not_after: entry.validity.not_after(),
            certificate,
        }
    }

    fn name(&self) -> String {
        match self.subject_alt_names.first() {
            Some(name) => Escaped(&name.value()).to_string(),
            None => self.subject.to_string(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Nothing was changed. This would be:")?;
        }
        for certificate in &self.certificates {
            certificate.fmt(f)?;
        }
        self.lists.iter().try_for_each(|list| list.fmt(f))
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.outcome {
            Outcome::Revoked => "revoked",
            Outcome::Amended => "was revoked already, and now is for another reason",
            Outcome::AlreadyRevoked => "was revoked already",
            Outcome::Released => "no longer on hold",
            Outcome::NotRevoked => "is not revoked",
        };
        write!(f, "{} {what}", self.serial)?;
        if let Some(revocation) = self.revocation {
            write!(f, " on {} ({}", rfc3339(revocation.at), revocation.reason)?;
            if let Some(date) = revocation.invalidity_date {
                write!(f, ", invalid since {}", rfc3339(date))?;
            }
            f.write_str(")")?;
        }
        writeln!(f, ": {}", self.name())
    }
}

impl ops::Report for Report {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

fn changed(entry: Entry, change: RevocationChange, wanted: Revocation) -> Changed {
    let (_, stands) = wanted.over(entry.revocation);
    match change {
        RevocationChange::Done => Changed::new(entry, Outcome::Revoked, Some(stands)),
        RevocationChange::Amended(_) => Changed::new(entry, Outcome::Amended, Some(stands)),
        RevocationChange::Stands(standing) => {
            Changed::new(entry, Outcome::AlreadyRevoked, Some(standing))
        }
        RevocationChange::NotRevoked | RevocationChange::Unknown => {
            Changed::new(entry, Outcome::NotRevoked, None)
        }
    }
}

fn unlisted(entry: &Entry) -> String {
    format!(
        "{} was issued by an earlier CA, {}, and stands on no list: take that CA out of every ca.crt",
        entry.serial, entry.issuer
    )
}

fn expired(entry: &Entry, now: OffsetDateTime) -> Option<String> {
    let end = entry.validity.not_after();
    (end < now).then(|| {
        format!(
            "{} expired on {}: nothing accepted it any more",
            entry.serial,
            rfc3339(end)
        )
    })
}
