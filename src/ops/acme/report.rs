//! The result of an order.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use crate::error::shown;
use crate::ops::{Expiry, Report};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;

/// A certificate that was ordered, or that is there already.
#[derive(Debug, Serialize)]
pub struct OrderedCertificate {
    /// The URL of the server's directory.
    pub server: String,
    /// Its names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Its serial number.
    pub serial: SerialNumber,
    /// Its issuer.
    pub issuer: String,
    /// When it expires.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// The type of its key.
    pub key_type: String,
    /// SHA-256 of the certificate.
    pub fingerprint_sha256: Fingerprint,
    /// Its file, with the intermediates.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: PathBuf,
    /// Its private key's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: PathBuf,
    /// When it is renewed.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// Whether nothing was ordered, because what is there satisfies the request.
    pub unchanged: bool,
    /// What may not work.
    pub warnings: Vec<String>,
}

impl fmt::Display for OrderedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.unchanged {
            "Already there"
        } else {
            "Issued"
        };
        let names = SubjectAltName::list(&self.subject_alt_names);
        writeln!(f, "{what}: {names}")?;
        writeln!(f, "  issuer       {}", self.issuer)?;
        writeln!(f, "  serial       {}", self.serial)?;
        writeln!(f, "  expires      {}", self.expiry)?;
        writeln!(f, "  renewed      {}", rfc3339(self.due_at))?;
        writeln!(f, "  certificate  {}", shown(&self.certificate))?;
        writeln!(f, "  private key  {}", shown(&self.private_key))
    }
}

impl Report for OrderedCertificate {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}
