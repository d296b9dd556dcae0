//! The result of `revoke` and `unrevoke`.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use crate::ops;
use crate::ops::crl::PublishedList;
use crate::ops::expiry::CertificateFacts;
use crate::ops::issue::file_names;
use crate::pki::validity::rfc3339;
use crate::store::{Entry, Revocation, RevocationChange};

/// The effect on each certificate, and the CRLs that were published.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether nothing was changed, and this is what would be.
    pub dry_run: bool,
    /// Every selected certificate.
    pub certificates: Vec<RevokedEntry>,
    /// The new CRLs, the authority's own first.
    pub lists: Vec<PublishedList>,
    #[serde(skip)]
    warnings: Vec<String>,
}

/// The effect on a certificate.
#[derive(Debug, Serialize)]
pub struct RevokedEntry {
    /// The certificate.
    #[serde(flatten)]
    pub facts: CertificateFacts,
    /// What changed.
    pub outcome: Effect,
    /// When and why it is revoked now, if it is.
    pub revocation: Option<Revocation>,
    /// The file it was written to.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: Option<PathBuf>,
}

/// What revoking a certificate, or releasing its hold, changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is revoked now.
    Revoked,
    /// It was revoked already; the reason or the invalidity date changed.
    Amended,
    /// It was revoked already; nothing changed.
    AlreadyRevoked,
    /// It was on hold and is valid again.
    Released,
    /// It was not revoked; nothing changed.
    NotRevoked,
}

impl Report {
    /// What was revoked.
    pub(super) fn revoked(
        entries: Vec<Entry>,
        changes: &[RevocationChange],
        requested: Revocation,
        lists: Vec<PublishedList>,
        now: OffsetDateTime,
    ) -> Self {
        let is_listed = |entry: &Entry| {
            lists
                .iter()
                .any(|list| list.issuers.contains(&entry.issuer_fingerprint))
        };
        let unlisted = entries.iter().filter(|entry| !is_listed(entry));
        let mut warnings: Vec<_> = unlisted.map(unlisted_warning).collect();
        warnings.extend(entries.iter().filter_map(|entry| expired(entry, now)));
        warnings.extend(lists.iter().flat_map(|list| list.warnings.clone()));
        let certificates = entries.iter().zip(changes);
        Report {
            dry_run: false,
            certificates: certificates
                .map(|(entry, change)| RevokedEntry::changed(entry, *change, requested, now))
                .collect(),
            lists,
            warnings,
        }
    }

    /// What would be revoked.
    pub(super) fn planned(entries: Vec<Entry>, requested: Revocation, now: OffsetDateTime) -> Self {
        let planned = |entry: &Entry| {
            let (change, _) = requested.over(entry.revocation);
            RevokedEntry::changed(entry, change, requested, now)
        };
        Report {
            dry_run: true,
            certificates: entries.iter().map(planned).collect(),
            lists: Vec::new(),
            warnings: entries
                .iter()
                .filter_map(|entry| expired(entry, now))
                .collect(),
        }
    }

    /// The holds that were released, or would be.
    pub(super) fn released(
        entries: Vec<Entry>,
        lists: Vec<PublishedList>,
        dry_run: bool,
        now: OffsetDateTime,
    ) -> Self {
        let released = |entry: &Entry| {
            let effect = match entry.revocation {
                Some(_) => Effect::Released,
                None => Effect::NotRevoked,
            };
            RevokedEntry::new(entry, effect, None, now)
        };
        Report {
            dry_run,
            certificates: entries.iter().map(released).collect(),
            warnings: lists
                .iter()
                .flat_map(|list| list.warnings.clone())
                .collect(),
            lists,
        }
    }

    /// The report with one more warning.
    pub(super) fn with_warning(mut self, warning: Option<String>) -> Self {
        self.warnings.extend(warning);
        self
    }
}

impl RevokedEntry {
    fn new(
        entry: &Entry,
        outcome: Effect,
        revocation: Option<Revocation>,
        now: OffsetDateTime,
    ) -> Self {
        let output = entry.output.as_ref();
        RevokedEntry {
            facts: CertificateFacts::of_entry(entry, now),
            outcome,
            revocation,
            certificate: output
                .map(|output| output.directory.join(file_names(output.base.as_ref()).0)),
        }
    }

    fn changed(
        entry: &Entry,
        change: RevocationChange,
        requested: Revocation,
        now: OffsetDateTime,
    ) -> Self {
        let (_, revocation) = requested.over(entry.revocation);
        let (effect, revocation) = match change {
            RevocationChange::Done => (Effect::Revoked, Some(revocation)),
            RevocationChange::Amended(_) => (Effect::Amended, Some(revocation)),
            RevocationChange::Stands(existing) => (Effect::AlreadyRevoked, Some(existing)),
            RevocationChange::NotRevoked | RevocationChange::Unknown => (Effect::NotRevoked, None),
        };
        RevokedEntry::new(entry, effect, revocation, now)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Dry run; nothing was changed. This would happen:")?;
        }
        if self.certificates.is_empty() {
            writeln!(f, "No certificate was selected")?;
        }
        for certificate in &self.certificates {
            certificate.fmt(f)?;
        }
        self.lists.iter().try_for_each(|list| list.fmt(f))
    }
}

impl fmt::Display for RevokedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.outcome {
            Effect::Revoked => "revoked",
            Effect::Amended => "already revoked, reason changed,",
            Effect::AlreadyRevoked => "already revoked",
            Effect::Released => "hold released",
            Effect::NotRevoked => "not revoked",
        };
        write!(f, "{} {effect}", self.facts.serial)?;
        if let Some(revocation) = self.revocation {
            write!(f, " on {} ({}", rfc3339(revocation.at), revocation.reason)?;
            if let Some(date) = revocation.invalidity_date {
                write!(f, ", invalid since {}", rfc3339(date))?;
            }
            f.write_str(")")?;
        }
        writeln!(f, ": {}", self.facts.name())
    }
}

impl ops::Report for Report {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

fn unlisted_warning(entry: &Entry) -> String {
    format!(
        "{} was issued by an earlier CA, {}, and is on no CRL; remove that CA from every ca.crt",
        entry.serial, entry.issuer
    )
}

fn expired(entry: &Entry, now: OffsetDateTime) -> Option<String> {
    let end = entry.validity.not_after();
    (end < now).then(|| format!("{} had already expired, on {}", entry.serial, rfc3339(end)))
}
