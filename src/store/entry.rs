//! What the inventory records about certificates and authorities.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use super::{Labels, Revocation};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::public_key::{Curve, KeyKind, PublicKey};
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::{Validity, ValidityError};

/// A recorded certificate.
///
/// The fields repeat what the certificate says so that readers need not parse it; the inventory does
/// not check that they agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The serial number: positive, and unique in the inventory.
    pub serial: SerialNumber,
    /// The certificate as DER.
    pub certificate: Vec<u8>,
    /// The subject.
    pub subject: DistinguishedName,
    /// The issuer.
    pub issuer: DistinguishedName,
    /// SHA-256 of the issuer's certificate.
    pub issuer_fingerprint: Fingerprint,
    /// The subject alternative names.
    pub names: Vec<SubjectAltName>,
    /// The profile it was issued by.
    pub profile: String,
    /// The validity period.
    pub validity: Validity,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub public_key: Fingerprint,
    /// The type of the certified key, such as `p256`.
    pub key_type: String,
    /// The files it was written to; `None` when it went to standard output.
    pub output: Option<Output>,
    /// Who requested it, as `user@host`.
    pub requested_by: String,
    /// A note for people.
    pub note: Option<String>,
    /// Labels to select it by.
    pub labels: Labels,
    /// When it was issued; whole seconds.
    pub issued_at: OffsetDateTime,
    /// When and why it was revoked, if it was.
    pub revocation: Option<Revocation>,
    /// The row of the manifest it was issued for.
    pub batch: Option<BatchRow>,
    /// The serial number of the certificate it replaces.
    pub replaces: Option<SerialNumber>,
    /// The serial number of the certificate that replaced it. Recording an entry that
    /// [replaces](Entry::replaces) this one sets it.
    pub superseded_by: Option<SerialNumber>,
    /// When the CA it belongs to was rotated out.
    pub retired_at: Option<OffsetDateTime>,
}

impl Entry {
    /// What to call it: its first name, or its common name, or its subject.
    pub fn name(&self) -> String {
        match self.names.first() {
            Some(name) => name.value().into_owned(),
            None => subject_name(&self.subject),
        }
    }

    /// Whether it was revoked because its key is, or may be, in other hands.
    pub fn is_compromised(&self) -> bool {
        match self.revocation.map(|revocation| revocation.reason) {
            Some(RevocationReason::KeyCompromise | RevocationReason::CaCompromise) => true,
            Some(_) | None => false,
        }
    }

    /// The entry of a certificate, recorded as issued at `issued_at`. Everything that the certificate does
    /// not say is empty.
    ///
    /// # Errors
    /// When the certificate ends before it starts.
    pub fn of(
        certificate: &Certificate,
        issuer_fingerprint: Fingerprint,
        issued_at: OffsetDateTime,
    ) -> Result<Self, ValidityError> {
        let names = certificate.subject_alt_names().ok().flatten();
        let names = names.unwrap_or_default();
        Ok(Entry {
            serial: certificate.serial().clone(),
            certificate: certificate.as_der().to_vec(),
            subject: certificate.subject().clone(),
            issuer: certificate.issuer().clone(),
            issuer_fingerprint,
            names: names.iter().filter_map(recorded_name).collect(),
            profile: String::new(),
            validity: Validity::between(certificate.not_before(), certificate.not_after())?,
            fingerprint: Fingerprint::sha256(certificate.as_der()),
            public_key: Fingerprint::sha256(certificate.public_key_info()),
            key_type: key_type(certificate.public_key_info()),
            output: None,
            requested_by: String::new(),
            note: None,
            labels: Labels::default(),
            issued_at,
            revocation: None,
            batch: None,
            replaces: None,
            superseded_by: None,
            retired_at: None,
        })
    }

    /// The status at this moment. Both ends of the validity period belong to it.
    pub fn status(&self, now: OffsetDateTime) -> Status {
        let now = now.unix_timestamp();
        match self.revocation {
            Some(revocation) if revocation.reason == RevocationReason::CertificateHold => {
                Status::OnHold
            }
            Some(_) => Status::Revoked,
            None if self.validity.not_after().unix_timestamp() < now => Status::Expired,
            None if self.retired_at.is_some() => Status::Retired,
            None if self.superseded_by.is_some() => Status::Superseded,
            None if self.validity.not_before().unix_timestamp() > now => Status::NotYetValid,
            None => Status::Valid,
        }
    }

    /// Whether this is the entry's name: a subject alternative name, with or without its type, or the
    /// common name; ASCII letters match in either case.
    pub fn is_named(&self, name: &str) -> bool {
        let is_same = |text: &str| text.eq_ignore_ascii_case(name);
        self.names
            .iter()
            .any(|name| is_same(&name.value()) || is_same(&name.to_string()))
            || self
                .subject
                .values(AttributeType::CommonName)
                .iter()
                .any(|text| is_same(text))
    }
}

/// The files a certificate and its key were written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Their directory, absolute.
    pub directory: PathBuf,
    /// Their name up to `.crt` and `.key`.
    pub base: String,
}

/// A row of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// SHA-256 of the manifest.
    pub manifest: Fingerprint,
    /// The row's number, from 1; below 2⁶³.
    pub row: u64,
}

/// The status of a recorded certificate. Of several that apply, the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Revoked for good, expired or not.
    Revoked,
    /// Revoked for now: the hold can be removed.
    OnHold,
    /// Past its notAfter.
    Expired,
    /// Belongs to a CA that was rotated out.
    Retired,
    /// Replaced by another certificate.
    Superseded,
    /// Before its notBefore: a clock is wrong, here or at the issuer.
    NotYetValid,
    /// None of the others.
    Valid,
}

impl Status {
    /// The name, as in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Status::Valid => "valid",
            Status::NotYetValid => "not_yet_valid",
            Status::Expired => "expired",
            Status::Revoked => "revoked",
            Status::OnHold => "on_hold",
            Status::Superseded => "superseded",
            Status::Retired => "retired",
        }
    }

    /// Whether a relying party that reads no revocation lists accepts such a certificate now or later.
    pub fn is_live(self) -> bool {
        match self {
            Status::Valid | Status::NotYetValid | Status::Superseded | Status::Retired => true,
            Status::Revoked | Status::OnHold | Status::Expired => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The number of entries of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Valid.
    pub valid: u64,
    /// Revoked for good.
    pub revoked: u64,
    /// Expired.
    pub expired: u64,
    /// Not valid yet.
    pub not_yet_valid: u64,
    /// On hold.
    pub on_hold: u64,
    /// Superseded.
    pub superseded: u64,
    /// Retired.
    pub retired: u64,
}

/// A list of the numbers that are not 0, and in any case of valid, revoked and expired certificates.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            valid,
            revoked,
            expired,
            not_yet_valid,
            on_hold,
            superseded,
            retired,
        } = *self;
        write!(f, "{valid} valid, {revoked} revoked, {expired} expired")?;
        let others = [
            (superseded, "superseded"),
            (on_hold, "on hold"),
            (not_yet_valid, "not yet valid"),
            (retired, "retired"),
        ];
        let mut others = others.iter().filter(|(count, _)| *count > 0);
        others.try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

/// An authority that records in this inventory, or once did.
///
/// It is recorded before its files are written and marked complete afterwards. This tells an authority
/// that was never finished from one whose files were lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRecord {
    /// The CA's certificate as DER.
    pub certificate: Vec<u8>,
    /// When it was recorded; whole seconds.
    pub created_at: OffsetDateTime,
    /// Whether its files were written.
    pub complete: bool,
    /// When it was rotated out, if it was; whole seconds.
    pub retired_at: Option<OffsetDateTime>,
}

/// A name of a certificate as the inventory records it; `None` for types it does not record, and for names
/// that would not stay on one line.
fn recorded_name(name: &GeneralName) -> Option<SubjectAltName> {
    match name {
        GeneralName::Dns(text) | GeneralName::Email(text) | GeneralName::Uri(text)
            if text.chars().any(char::is_control) =>
        {
            None
        }
        GeneralName::Dns(text) => Some(SubjectAltName::Dns(text.clone())),
        GeneralName::Email(text) => Some(SubjectAltName::Email(text.clone())),
        GeneralName::Uri(text) => Some(SubjectAltName::Uri(text.clone())),
        GeneralName::Ip(_) => name.to_string().parse().ok(),
        GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => None,
    }
}

/// The common name, or the whole subject when it has none.
pub(super) fn subject_name(subject: &DistinguishedName) -> String {
    let mut names = subject.values(AttributeType::CommonName).into_iter();
    names.next().unwrap_or_else(|| subject.to_string())
}

/// The names that were recorded one per line; `None` when one is malformed.
pub(super) fn recorded_names(text: &str) -> Option<Vec<SubjectAltName>> {
    text.lines().map(name).collect()
}

/// A name in the form of [`SubjectAltName`]'s Display, without the checks: old names may break newer rules.
fn name(line: &str) -> Option<SubjectAltName> {
    let (kind, value) = line.split_once(':')?;
    match kind {
        "dns" => Some(SubjectAltName::Dns(value.to_owned())),
        "ip" => value.parse().ok().map(SubjectAltName::Ip),
        "uri" => Some(SubjectAltName::Uri(value.to_owned())),
        "email" => Some(SubjectAltName::Email(value.to_owned())),
        _ => None,
    }
}

/// The type of a key as [`KeyType`](crate::pki::algorithm::KeyType) writes it, where it has one; otherwise as
/// text for people.
fn key_type(public_key_info: &[u8]) -> String {
    let Ok(key) = PublicKey::from_der(public_key_info) else {
        return "unknown".into();
    };
    match key.kind {
        KeyKind::Ec(Curve::P256) => "p256".into(),
        KeyKind::Ec(Curve::P384) => "p384".into(),
        KeyKind::Ed25519 => "ed25519".into(),
        KeyKind::Rsa => format!("rsa-{}", key.bits.unwrap_or(0)),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::store::tests::entry;

    #[test]
    fn both_ends_belong_to_the_validity_period() {
        let entry = entry(1);
        for (now, status) in [
            (datetime!(2026-11-20 07:59:59.9 UTC), Status::NotYetValid),
            (datetime!(2026-11-20 08:00:00 UTC), Status::Valid),
            (datetime!(2026-11-27 08:00:00.9 UTC), Status::Valid),
            (datetime!(2026-11-27 08:00:01 UTC), Status::Expired),
        ] {
            assert_eq!(entry.status(now), status, "{now}");
        }
    }

    #[test]
    fn a_revoked_certificate_stays_revoked_after_it_expires() {
        let revocation = Some(Revocation {
            at: datetime!(2026-11-21 0:00 UTC),
            reason: RevocationReason::Superseded,
            invalidity_date: None,
        });
        let entry = Entry {
            revocation,
            ..entry(1)
        };
        assert_eq!(
            entry.status(datetime!(2030-01-01 0:00 UTC)),
            Status::Revoked
        );
    }
}
