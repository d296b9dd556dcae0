//! CRLs.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use super::certificate::{ExtensionFields, add_extensions, add_problems, named, span};
use crate::ops::sheet::Sheet;
use crate::path::finding::Finding;
use crate::path::list_problems;
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::crl::{RevocationList, RevocationReason, RevokedCertificate};
use crate::pki::extension::REASON_CODE;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;

/// A CRL's fields.
#[derive(Debug, Serialize)]
pub(super) struct RevocationListFields {
    version: u8,
    issuer: DistinguishedName,
    #[serde(with = "time::serde::rfc3339")]
    this_update: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    next_update: Option<OffsetDateTime>,
    next_update_in_seconds: Option<i64>,
    signature_algorithm: AlgorithmIdentifier,
    #[serde(rename = "fingerprint_sha256")]
    sha256: Fingerprint,
    extensions: Vec<ExtensionFields>,
    revoked_count: usize,
    #[serde(serialize_with = "serialize_revoked")]
    revoked: RevocationList,
    problems: Vec<Finding>,
    #[serde(skip)]
    now: OffsetDateTime,
}

/// One entry's fields.
#[derive(Debug, Serialize)]
struct RevokedFields {
    serial: SerialNumber,
    #[serde(with = "time::serde::rfc3339")]
    revocation_date: OffsetDateTime,
    reason: Option<RevocationReason>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<ExtensionFields>,
}

impl RevocationListFields {
    /// The fields of a CRL as of `now`.
    pub(super) fn of(list: RevocationList, now: OffsetDateTime) -> Self {
        RevocationListFields {
            version: list.version(),
            issuer: list.issuer().clone(),
            this_update: list.this_update(),
            next_update: list.next_update(),
            next_update_in_seconds: list.next_update().map(|next| (next - now).whole_seconds()),
            signature_algorithm: list.signature_algorithm().clone(),
            sha256: Fingerprint::sha256(list.as_der()),
            extensions: list.extensions().iter().map(ExtensionFields::of).collect(),
            revoked_count: list.len(),
            problems: list_problems(&list),
            revoked: list,
            now,
        }
    }

    /// The DER.
    pub(super) fn as_der(&self) -> &[u8] {
        self.revoked.as_der()
    }

    /// Five lines.
    pub(super) fn add_short_to(&self, sheet: &mut Sheet) {
        sheet.row("issuer", named(&self.issuer));
        sheet.row("issued", rfc3339(self.this_update));
        sheet.row("next", self.next());
        sheet.row("revoked", self.revoked_count);
        sheet.row("sha256", &self.sha256);
    }

    /// All rows.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        sheet.row("issuer", named(&self.issuer));
        sheet.row("issued", rfc3339(self.this_update));
        sheet.row("next", self.next());
        sheet.row("signed with", &self.signature_algorithm);
        sheet.row("version", self.version);
        sheet.row("sha256", &self.sha256);
        add_extensions(&self.extensions, sheet);
        sheet.row("revoked", self.revoked_count);
        let shown = self.revoked.revoked().take(MAX_SHOWN);
        let mut lines: Vec<String> = shown
            .map(|entry| RevokedFields::of(&entry).line())
            .collect();
        if self.revoked_count > lines.len() {
            lines.push(format!("… and {} more", self.revoked_count - lines.len()));
        }
        sheet.lines("", lines);
        add_problems(&self.problems, sheet);
    }

    fn next(&self) -> String {
        match self.next_update {
            None => "not stated".into(),
            Some(next) if next < self.now => {
                format!("{} (overdue by {})", rfc3339(next), span(self.now - next))
            }
            Some(next) => format!("{} (in {})", rfc3339(next), span(next - self.now)),
        }
    }
}

impl RevokedFields {
    fn of(entry: &RevokedCertificate) -> Self {
        let others = entry
            .extensions
            .iter()
            .filter(|extension| extension.oid != REASON_CODE);
        RevokedFields {
            serial: entry.serial.clone(),
            revocation_date: entry.revocation_date,
            reason: entry.reason,
            extensions: others.map(ExtensionFields::of).collect(),
        }
    }

    fn line(&self) -> String {
        let reason = self
            .reason
            .map(|reason| format!(", {reason}"))
            .unwrap_or_default();
        let more = if self.extensions.is_empty() {
            ""
        } else {
            ", with extensions"
        };
        format!(
            "{} since {}{reason}{more}",
            self.serial,
            rfc3339(self.revocation_date)
        )
    }
}

/// Serializes entries one by one, because there may be a million.
fn serialize_revoked<S: Serializer>(
    list: &RevocationList,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let entries = list.revoked().take(MAX_LISTED);
    serializer.collect_seq(entries.map(|entry| RevokedFields::of(&entry)))
}

/// Nearly as many as fit the largest file that is read.
const MAX_LISTED: usize = 300_000;
const MAX_SHOWN: usize = 50;
