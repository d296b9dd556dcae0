//! What was issued.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::request::{NameDecision, Requested};
use super::{Planned, Signed, file_names};
use crate::error::shown;
use crate::ops::{Expiry, Report};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::usage::Purpose;

/// One certificate that was issued.
#[derive(Debug, Serialize)]
pub struct Issued {
    /// The profile it was issued by.
    pub profile: String,
    /// What it is for; none for a CA's.
    pub purpose: Option<Purpose>,
    /// The subject; empty when only the names identify it.
    pub subject: DistinguishedName,
    /// Its names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// The serial number.
    pub serial: SerialNumber,
    /// When it ends.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// The kind of its key.
    pub key_type: String,
    /// SHA-256 over the certificate.
    pub fingerprint_sha256: Fingerprint,
    /// The certificate's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: PathBuf,
    /// The private key's file; none when the key is a request's.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: Option<PathBuf>,
    /// What the request asked for, and what of it was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<Requested>,
    /// What its reader should know.
    pub notes: Vec<String>,
    /// What may not work.
    pub warnings: Vec<String>,
}

impl Issued {
    pub(super) fn of(planned: &Planned, signed: &Signed, out: &Path, now: OffsetDateTime) -> Self {
        let (certificate_name, key_name) = file_names(&planned.base);
        Issued {
            profile: planned.profile.clone(),
            purpose: planned.purpose,
            subject: planned.plan.subject.clone(),
            subject_alt_names: planned.plan.subject_alt_names.clone(),
            serial: signed.serial.clone(),
            expiry: Expiry::of(planned.plan.validity, now),
            key_type: planned.key.to_string(),
            fingerprint_sha256: Fingerprint::sha256(&signed.certificate),
            certificate: out.join(certificate_name),
            private_key: planned.key.new_type().map(|_| out.join(key_name)),
            requested: planned.requested.clone(),
            notes: planned.notes.clone(),
            warnings: planned.warnings.clone(),
        }
    }
}

impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .subject_alt_names
            .iter()
            .map(SubjectAltName::value)
            .collect();
        match names.as_slice() {
            [] => writeln!(f, "{} certificate for {}", self.profile, self.subject)?,
            names => writeln!(f, "{} certificate for {}", self.profile, names.join(", "))?,
        }
        writeln!(f, "  certificate  {}", shown(&self.certificate))?;
        match &self.private_key {
            Some(path) => writeln!(f, "  private key  {} ({})", shown(path), self.key_type)?,
            None => writeln!(f, "  key          the request's ({})", self.key_type)?,
        }
        writeln!(f, "  expires      {}", self.expiry)?;
        writeln!(f, "  serial       {}", self.serial)?;
        writeln!(f, "  SHA-256      {}", self.fingerprint_sha256)?;
        if let Some(requested) = &self.requested {
            requested.fmt(f)?;
        }
        self.notes
            .iter()
            .try_for_each(|note| writeln!(f, "  note         {note}"))
    }
}

impl fmt::Display for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for NameDecision {
            name,
            requested,
            granted,
        } in &self.names
        {
            let what = match (requested, granted) {
                (true, true) => "granted",
                (true, false) => "asked for, not granted",
                (false, _) => "granted, not asked for",
            };
            writeln!(f, "  name         {name}: {what}")?;
        }
        self.dropped
            .iter()
            .try_for_each(|name| writeln!(f, "  extension    {name}: asked for, the CA decides it"))
    }
}

impl Report for Issued {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

/// A certificate and its key as one PEM text, for standard output.
#[derive(Debug)]
pub struct Streamed {
    /// The certificate and those above it, then the key.
    pub pem: Zeroizing<String>,
    /// What may not work.
    pub warnings: Vec<String>,
}
