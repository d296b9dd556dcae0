//! The result of an enrollment.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Enrollment;
use crate::authority;
use crate::error::{Error, shown};
use crate::files::{self, Kind};
use crate::ops::issue::file_names;
use crate::ops::{Expiry, Report};
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::{Validity, rfc3339};

/// A machine that is enrolled.
#[derive(Debug, Serialize)]
pub struct Enrolled {
    /// The server.
    pub server: String,
    /// The certificate's serial number.
    pub serial: SerialNumber,
    /// Its names.
    pub subject_alt_names: Vec<String>,
    /// When it is valid.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// Its file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: PathBuf,
    /// The file of its key.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: PathBuf,
    /// The file of the trust anchors.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub anchors: PathBuf,
    /// Whether nothing was requested, because the token was used here before and the certificate is valid.
    pub unchanged: bool,
}

impl Enrolled {
    pub(super) fn new(
        directory: &Path,
        base: &OsStr,
        certificate: &Certificate,
        state: &Enrollment,
        now: OffsetDateTime,
    ) -> Self {
        let (certificate_name, key_name) = file_names(base);
        let names = certificate.subject_alt_names().ok().flatten();
        let names = names.unwrap_or_default();
        let validity = Validity::between(certificate.not_before(), certificate.not_after());
        Enrolled {
            server: state.server.clone(),
            serial: certificate.serial().clone(),
            subject_alt_names: names.iter().map(ToString::to_string).collect(),
            expiry: match validity {
                Ok(validity) => Expiry::of(validity, now),
                Err(_) => unreachable!("it was recorded with its validity"),
            },
            certificate: directory.join(certificate_name),
            private_key: directory.join(key_name),
            anchors: directory.join(authority::CERTIFICATE),
            unchanged: false,
        }
    }
}

/// The report of a pair that is there and valid, enrolled by the same token.
pub(super) fn existing(
    directory: &Path,
    base: &OsStr,
    now: OffsetDateTime,
) -> Result<Option<Enrolled>, Error> {
    let (certificate_name, key_name) = file_names(base);
    let (path, key) = (directory.join(certificate_name), directory.join(key_name));
    let anchors = directory.join(authority::CERTIFICATE);
    for file in [&path, &key, &anchors] {
        if files::kind(file)? == Kind::Absent {
            return Ok(None);
        }
    }
    let certificate = authority::read_certificates(&path)?.swap_remove(0);
    let pair = super::Key::read(&key)?;
    let is_pair = pair.public_key_info == certificate.public_key_info();
    let is_valid = certificate.not_before() <= now && now < certificate.not_after();
    let state = Enrollment::read(directory)?;
    Ok(state.filter(|_| is_pair && is_valid).map(|state| Enrolled {
        unchanged: true,
        ..Enrolled::new(directory, base, &certificate, &state, now)
    }))
}

impl fmt::Display for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.unchanged {
            "Already enrolled"
        } else {
            "Enrolled"
        };
        writeln!(f, "{how} with {}", Escaped(&self.server))?;
        let names = self
            .subject_alt_names
            .iter()
            .map(|name| Escaped(name).to_string());
        writeln!(f, "  names        {}", names.collect::<Vec<_>>().join(", "))?;
        writeln!(f, "  serial       {}", self.serial)?;
        writeln!(f, "  expires      {}", rfc3339(self.expiry.not_after))?;
        writeln!(f, "  certificate  {}", shown(&self.certificate))?;
        writeln!(f, "  private key  {}", shown(&self.private_key))?;
        writeln!(f, "  anchors      {}", shown(&self.anchors))?;
        let directory = self.certificate.parent().unwrap_or(Path::new("."));
        writeln!(f, "Next: openagents-certs watch -C {}", shown(directory))
    }
}

impl Report for Enrolled {}
