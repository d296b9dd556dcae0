//! What was issued, and the names of its files.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::request::{NameDecision, Requested};
use super::{Planned, Signed};
use crate::error::{Error, shown};
use crate::ops::{Expiry, Report};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::profile::ProfilePurpose;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::usage::Purpose;
use crate::store::{Entry, Labels};

/// A certificate that was issued, or that already satisfied the request.
#[derive(Debug, Serialize)]
pub struct IssuedCertificate {
    /// The profile it was issued by.
    pub profile: String,
    /// The purpose; none for a CA.
    pub purpose: Option<Purpose>,
    /// The subject; empty when only the names identify it.
    pub subject: DistinguishedName,
    /// The subject alternative names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// The serial number.
    pub serial: SerialNumber,
    /// When it expires.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// The type of its key.
    pub key_type: String,
    /// SHA-256 of the certificate.
    pub fingerprint_sha256: Fingerprint,
    /// The certificate file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: PathBuf,
    /// The private key file; none when the key belongs to a request.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: Option<PathBuf>,
    /// What the certificate signing request asked for, and what was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<Requested>,
    /// Labels stored in the inventory.
    pub labels: Labels,
    /// Whether nothing was issued, because what exists satisfies the request.
    pub unchanged: bool,
    /// Remarks: names that were changed, a lifetime that was limited.
    pub notes: Vec<String>,
    /// What may not work.
    pub warnings: Vec<String>,
}

impl IssuedCertificate {
    pub(super) fn of(planned: &Planned, signed: &Signed, out: &Path, now: OffsetDateTime) -> Self {
        let (certificate_name, key_name) = file_names(&planned.base);
        IssuedCertificate {
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
            labels: planned.labels.clone(),
            unchanged: false,
            notes: planned.notes.clone(),
            warnings: planned.warnings.clone(),
        }
    }

    /// The report of a certificate that satisfies a plan already.
    pub(super) fn existing(
        planned: &Planned,
        entry: Entry,
        out: &Path,
        now: OffsetDateTime,
    ) -> Self {
        let (certificate_name, key_name) = file_names(&planned.base);
        IssuedCertificate {
            profile: entry.profile,
            purpose: planned.purpose,
            subject: entry.subject,
            subject_alt_names: entry.names,
            serial: entry.serial,
            expiry: Expiry::of(entry.validity, now),
            key_type: entry.key_type,
            fingerprint_sha256: entry.fingerprint,
            certificate: out.join(certificate_name),
            private_key: planned.key.new_type().map(|_| out.join(key_name)),
            requested: planned.requested.clone(),
            labels: entry.labels,
            unchanged: true,
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl fmt::Display for IssuedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = match self.subject_alt_names.as_slice() {
            [] => self.subject.to_string(),
            names => SubjectAltName::list(names),
        };
        let unchanged = if self.unchanged { "unchanged: " } else { "" };
        writeln!(f, "{unchanged}{} certificate for {names}", self.profile)?;
        writeln!(f, "  certificate  {}", shown(&self.certificate))?;
        match &self.private_key {
            Some(path) => writeln!(f, "  private key  {} ({})", shown(path), self.key_type)?,
            None => writeln!(f, "  key          from the request ({})", self.key_type)?,
        }
        writeln!(f, "  expires      {}", self.expiry)?;
        writeln!(f, "  serial       {}", self.serial)?;
        writeln!(f, "  SHA-256      {}", self.fingerprint_sha256)?;
        if !self.labels.is_empty() {
            writeln!(f, "  labels       {}", self.labels)?;
        }
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
                (true, false) => "requested, not granted",
                (false, _) => "granted, not requested",
            };
            writeln!(f, "  name         {name}: {what}")?;
        }
        self.dropped.iter().try_for_each(|name| {
            writeln!(
                f,
                "  extension    {name}: requested, ignored: the CA decides"
            )
        })
    }
}

impl Report for IssuedCertificate {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

/// A certificate and its key as one PEM text.
#[derive(Debug)]
pub struct Streamed {
    /// The certificate, its chain, then the key.
    pub pem: Zeroizing<String>,
    /// What may not work.
    pub warnings: Vec<String>,
}

/// The names of the certificate file and the key file.
pub fn file_names(base: &OsStr) -> (OsString, OsString) {
    let with = |extension: &str| {
        let mut name = base.to_owned();
        name.push(extension);
        name
    };
    (with(".crt"), with(".key"))
}

/// The file name for a name, without ending: characters that file names cannot contain become `_`.
pub fn base_of(name: &SubjectAltName) -> OsString {
    let readable = |c: char| {
        if c.is_ascii_alphanumeric() || "._-@".contains(c) {
            c
        } else {
            '_'
        }
    };
    let text: String = name
        .value()
        .trim_start_matches("spiffe://")
        .chars()
        .map(readable)
        .collect();
    text.trim_start_matches(['.', '-'])
        .chars()
        .take(MAX_BASE_BYTES)
        .collect::<String>()
        .into()
}

/// The file name for a certificate with this name and purpose: one that messages are encrypted to has a name of
/// its own, beside the pair that signs.
pub fn base_for(name: &SubjectAltName, purpose: ProfilePurpose) -> OsString {
    let mut base = base_of(name);
    if purpose == ProfilePurpose::Message {
        base.push(".message");
    }
    base
}

/// Refuses a file name that is a path, hidden, looks like an option, or belongs to the authority.
///
/// # Errors
/// When it does.
pub fn check_base(base: &OsStr) -> Result<(), Error> {
    let text = base.to_string_lossy();
    let wrong = text.is_empty()
        || text.contains('/')
        || text.starts_with(['.', '-'])
        || text.chars().any(char::is_control)
        || matches!(&*text, "ca" | "issuer" | "crl");
    if wrong {
        let message = format!(
            "'{}' is not a valid name for certificate files",
            text.escape_debug()
        );
        let hint = "give a plain file name with `--name`, without directory and extension; ca, issuer and crl are reserved";
        return Err(Error::usage(message, hint));
    }
    Ok(())
}

const MAX_BASE_BYTES: usize = 200;
