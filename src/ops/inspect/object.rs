//! The objects of a file.

use std::fmt;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use super::certificate::{
    CertificateFields, ExtensionFields, Relation, add_extensions, add_problems, named, span,
};
use super::{Detail, RequestFields};
use crate::keys::{KeyFormat, ReadKey};
use crate::ops::columns::Sheet;
use crate::path::finding::Finding;
use crate::path::list_problems;
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::certificate::Certificate;
use crate::pki::crl::{RevocationList, RevocationReason, RevokedCertificate};
use crate::pki::escape::Escaped;
use crate::pki::extension::REASON_CODE;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::pem;
use crate::pki::public_key::{KeyKind, PublicKey};
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;

/// An object and where it was found.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    pub(super) object: Object,
    line: Option<usize>,
    friendly_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pem: Option<String>,
}

/// An object by its kind.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Object {
    Certificate {
        #[serde(flatten)]
        fields: Box<CertificateFields>,
        #[serde(skip)]
        certificate: Box<Certificate>,
    },
    SigningRequest {
        #[serde(flatten)]
        fields: Box<RequestFields>,
        #[serde(skip)]
        der: Vec<u8>,
    },
    RevocationList {
        #[serde(flatten)]
        fields: Box<RevocationListFields>,
    },
    PublicKey {
        #[serde(flatten)]
        fields: KeyFields,
        #[serde(skip)]
        der: Vec<u8>,
    },
    PrivateKey(PrivateKeyFields),
    EncryptedPrivateKey(LockedKeyFields),
    Other {
        label: String,
        size_bytes: usize,
    },
}

impl Entry {
    pub(super) fn new(object: Object, line: Option<usize>, friendly_name: Option<String>) -> Self {
        Entry {
            object,
            line,
            friendly_name,
            pem: None,
        }
    }

    /// Adds the object as clean PEM, unless it is a private key or unknown.
    pub(super) fn add_pem(&mut self) {
        let (label, der): (_, &[u8]) = match &self.object {
            Object::Certificate { certificate, .. } => ("CERTIFICATE", certificate.as_der()),
            Object::SigningRequest { der, .. } => ("CERTIFICATE REQUEST", der),
            Object::RevocationList { fields } => ("X509 CRL", fields.as_der()),
            Object::PublicKey { der, .. } => ("PUBLIC KEY", der),
            Object::PrivateKey(_) | Object::EncryptedPrivateKey(_) | Object::Other { .. } => return,
        };
        // All these labels are valid, so encoding cannot fail.
        self.pem = pem::encode(label, der).ok().map(|text| text.to_string());
    }

    /// Records the relation of a certificate to the others of its file.
    pub(super) fn relate(&mut self, relation: Relation) {
        if let Object::Certificate { fields, .. } = &mut self.object {
            fields.relate(relation);
        }
    }

    /// Writes the object; `position` is its number when there are several.
    pub(super) fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        detail: Detail,
        position: Option<usize>,
    ) -> fmt::Result {
        let mut sheet = Sheet::indented(if position.is_some() || detail == Detail::Full {
            2
        } else {
            0
        });
        match detail {
            Detail::Pem => return f.write_str(self.pem.as_deref().unwrap_or_default()),
            Detail::Short => self.object.add_short_to(&mut sheet),
            Detail::Full => self.object.add_to(&mut sheet),
        }
        if let (Some(name), Detail::Full) = (&self.friendly_name, detail) {
            sheet.row("friendly name", Escaped(name));
        }
        if detail == Detail::Full || position.is_some() {
            let number = position
                .map(|position| format!("{position}  "))
                .unwrap_or_default();
            let relation = self.object.relation(position);
            writeln!(f, "\n{number}{}{relation}", self.object.title())?;
        }
        write!(f, "{sheet}")
    }
}

impl Object {
    /// Its name.
    pub(super) fn title(&self) -> &'static str {
        match self {
            Object::Certificate { .. } => "certificate",
            Object::SigningRequest { .. } => "certificate signing request",
            Object::RevocationList { .. } => "revocation list",
            Object::PublicKey { .. } => "public key",
            Object::PrivateKey(_) => "private key",
            Object::EncryptedPrivateKey(_) => "encrypted private key",
            Object::Other { .. } => "other block",
        }
    }

    /// The certificate, if it is one.
    pub(super) fn certificate(&self) -> Option<&Certificate> {
        let Object::Certificate { certificate, .. } = self else {
            return None;
        };
        Some(certificate)
    }

    /// Whether it is a private key, encrypted or not.
    pub(super) fn is_private_key(&self) -> bool {
        matches!(self, Object::PrivateKey(_) | Object::EncryptedPrivateKey(_))
    }

    fn relation(&self, position: Option<usize>) -> String {
        let Object::Certificate { fields, .. } = self else {
            return String::new();
        };
        fields.relation(position)
    }

    fn add_short_to(&self, sheet: &mut Sheet) {
        match self {
            Object::Certificate { fields, .. } => fields.add_short_to(sheet),
            Object::SigningRequest { fields, .. } => fields.add_short_to(sheet),
            Object::RevocationList { fields } => fields.add_short_to(sheet),
            Object::PublicKey { .. }
            | Object::PrivateKey(_)
            | Object::EncryptedPrivateKey(_)
            | Object::Other { .. } => self.add_to(sheet),
        }
    }

    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        match self {
            Object::Certificate { fields, .. } => fields.add_to(sheet),
            Object::SigningRequest { fields, .. } => fields.add_to(sheet),
            Object::RevocationList { fields } => fields.add_to(sheet),
            Object::PublicKey { fields, .. } => fields.add_to(sheet),
            Object::PrivateKey(fields) => fields.add_to(sheet),
            Object::EncryptedPrivateKey(fields) => fields.add_to(sheet),
            Object::Other { label, size_bytes } => {
                sheet.row("label", Escaped(label));
                sheet.row("size", format!("{size_bytes} bytes"));
            }
        }
    }
}

/// A public key, from any object.
#[derive(Debug, Serialize)]
pub(super) struct KeyFields {
    #[serde(rename = "type")]
    kind: KeyKind,
    bits: Option<usize>,
    algorithm: Option<AlgorithmIdentifier>,
    exponent: Option<String>,
    spki_sha256: Fingerprint,
    spki_pin_sha256: String,
}

impl KeyFields {
    /// The fields of a DER SubjectPublicKeyInfo, as far as it reads.
    pub(super) fn of(public_key_info: &[u8]) -> Self {
        let key = PublicKey::from_der(public_key_info).ok();
        let digest = Fingerprint::sha256(public_key_info);
        KeyFields {
            kind: key.as_ref().map_or(KeyKind::Other, |key| key.kind),
            bits: key.as_ref().and_then(|key| key.bits),
            exponent: key.as_ref().and_then(exponent),
            algorithm: key.map(|key| key.algorithm),
            spki_pin_sha256: digest.base64(),
            spki_sha256: digest,
        }
    }

    /// The kind and the size.
    pub(super) fn title(&self) -> String {
        let kind = match (self.kind, &self.algorithm) {
            (KeyKind::Other, Some(algorithm)) => algorithm.to_string(),
            (kind, _) => kind.to_string(),
        };
        let exponent = self
            .exponent
            .iter()
            .filter(|e| *e != "65537")
            .map(|e| format!(", exponent {e}"));
        let exponent: String = exponent.collect();
        match self.bits {
            Some(bits) => format!("{kind} ({bits} bits{exponent})"),
            None => kind,
        }
    }

    /// Adds the rows that every key has.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        sheet.row("key", self.title());
        sheet.row("key sha256", &self.spki_sha256);
        sheet.row("key pin", &self.spki_pin_sha256);
    }
}

/// An RSA key's public exponent in decimal; `None` above 64 bits.
fn exponent(key: &PublicKey) -> Option<String> {
    let (_, exponent) = key.rsa_numbers()?;
    let bytes = exponent.len() <= 8;
    let value = exponent
        .iter()
        .take(8)
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    bytes.then(|| value.to_string())
}

/// A private key: everything that is shown of it.
#[derive(Debug, Serialize)]
pub(super) struct PrivateKeyFields {
    #[serde(rename = "type")]
    kind: KeyKind,
    bits: Option<usize>,
    format: KeyFormat,
    encryption: Option<String>,
    halves_checked: bool,
    public_key: Option<KeyFields>,
}

impl PrivateKeyFields {
    /// The fields of a key.
    pub(super) fn of(key: &ReadKey) -> Self {
        PrivateKeyFields {
            kind: key.kind(),
            bits: key.bits(),
            format: key.format(),
            encryption: key.encryption().map(str::to_owned),
            halves_checked: key.is_checked(),
            public_key: key.public_key_info().map(KeyFields::of),
        }
    }

    /// All rows, or the short ones.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        match &self.public_key {
            Some(public) => public.add_to(sheet),
            None => sheet.row("key", self.kind),
        }
        sheet.row("form", self.format);
        sheet.row("encryption", self.encryption.as_deref().unwrap_or("none"));
        if !self.halves_checked {
            sheet.row("not checked", "whether its private and public parts match");
        }
    }
}

/// An encrypted private key that was not decrypted.
#[derive(Debug, Serialize)]
pub(super) struct LockedKeyFields {
    /// How it is encrypted.
    pub(super) encryption: String,
}

impl LockedKeyFields {
    /// All rows.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        sheet.row("encryption", &self.encryption);
        sheet.row("to decrypt", "give its password with --password-file FILE");
    }
}

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
