//! What many reports repeat of a certificate.

use serde::Serialize;
use time::OffsetDateTime;

use super::expiry::Expiry;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;

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
}
