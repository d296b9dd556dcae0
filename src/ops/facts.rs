//! What many reports repeat of a certificate.

use serde::Serialize;
use time::OffsetDateTime;

use super::expiry::Expiry;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::serial::SerialNumber;
use crate::store::Entry;

/// A certificate's identity and validity; reports flatten it.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateFacts {
    /// The subject.
    pub subject: DistinguishedName,
    /// The issuer.
    pub issuer: DistinguishedName,
    /// The serial number.
    pub serial: SerialNumber,
    /// The names, each with its type, such as `dns:localhost`.
    pub subject_alt_names: Vec<String>,
    /// The validity as of some moment.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// SHA-256 over the certificate.
    pub fingerprint_sha256: Fingerprint,
}

impl CertificateFacts {
    /// The facts of a certificate as of `now`.
    pub fn of(certificate: &Certificate, now: OffsetDateTime) -> Self {
        let names = certificate.subject_alt_names().ok().flatten();
        let names = names.unwrap_or_default();
        CertificateFacts {
            subject: certificate.subject().clone(),
            issuer: certificate.issuer().clone(),
            serial: certificate.serial().clone(),
            subject_alt_names: names.iter().map(ToString::to_string).collect(),
            expiry: Expiry::between(certificate.not_before(), certificate.not_after(), now),
            fingerprint_sha256: Fingerprint::sha256(certificate.as_der()),
        }
    }

    /// The facts of a recorded certificate as of `now`.
    pub fn of_entry(entry: &Entry, now: OffsetDateTime) -> Self {
        CertificateFacts {
            subject: entry.subject.clone(),
            issuer: entry.issuer.clone(),
            serial: entry.serial.clone(),
            subject_alt_names: entry.names.iter().map(ToString::to_string).collect(),
            expiry: Expiry::of(entry.validity, now),
            fingerprint_sha256: entry.fingerprint.clone(),
        }
    }

    /// The first name without its type, the common name, or the subject; the serial number when all are empty.
    pub fn name(&self) -> String {
        let first = self.subject_alt_names.first();
        let name = first.map(|name| name.split_once(':').map_or(&**name, |(_, name)| name));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            return Escaped(name).to_string();
        }
        self.common_name()
            .unwrap_or_else(|| match self.subject.is_empty() {
                true => format!("serial {}", self.serial),
                false => self.subject.to_string(),
            })
    }

    /// The first common name that is not empty.
    pub fn common_name(&self) -> Option<String> {
        let names = self.subject.values(AttributeType::CommonName);
        let name = names.into_iter().find(|name| !name.is_empty())?;
        Some(Escaped(&name).to_string())
    }
}
