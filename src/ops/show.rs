//! One certificate that was issued.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;

use super::Report;
use super::list::{self, Filter, Listed};
use crate::authority::INVENTORY;
use crate::error::{Error, shown};
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::pem;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::{SerialNumber, SerialPrefix};
use crate::pki::validity::rfc3339;
use crate::store::Entry;

/// The only certificate whose serial number starts so.
///
/// # Errors
/// When there is none, or more than one, or the inventory cannot be read.
pub fn run(directory: &Path, prefix: &SerialPrefix, now: OffsetDateTime) -> Result<Shown, Error> {
    let inventory = list::inventory(directory)?;
    let filter = Filter {
        serial: Some(prefix.clone()),
        limit: Some(MAX_NAMED),
        ..Filter::default()
    };
    let mut serials = Vec::new();
    inventory.visit(&filter, now, &mut |entry| {
        serials.push(entry.serial);
        ControlFlow::Continue(())
    })?;
    let (inventory_path, prefix) = (directory.join(INVENTORY), prefix.clone());
    let found = match &serials[..] {
        [serial] => inventory.find(serial)?,
        [] => None,
        _ => {
            return Err(Error::AmbiguousEntry {
                inventory: inventory_path,
                prefix,
                serials,
            });
        }
    };
    match found {
        Some(entry) => Shown::of(entry, now),
        None => Err(Error::NoEntry {
            inventory: inventory_path,
            prefix,
        }),
    }
}

/// A certificate that was issued, and all that is known of it.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// What the list says of it.
    #[serde(flatten)]
    pub listed: Listed,
    /// SHA-256 over the issuer's certificate.
    pub issuer_fingerprint_sha256: Fingerprint,
    /// SHA-256 over the manifest it was issued from.
    pub manifest_sha256: Option<Fingerprint>,
    /// The row of that manifest, from 1.
    pub manifest_row: Option<u64>,
    /// The serial number of the certificate it took the place of, when it is a renewal.
    pub replaces: Option<SerialNumber>,
    /// The certificate as PEM.
    pub pem: String,
}

impl Shown {
    fn of(entry: Entry, now: OffsetDateTime) -> Result<Self, Error> {
        let batch = entry.batch.clone();
        let (manifest_sha256, manifest_row) = batch.map(|row| (row.manifest, row.row)).unzip();
        Ok(Shown {
            issuer_fingerprint_sha256: entry.issuer_fingerprint.clone(),
            manifest_sha256,
            manifest_row,
            replaces: entry.replaces.clone(),
            pem: pem::encode("CERTIFICATE", &entry.certificate)?.to_string(),
            listed: Listed::of(entry, now),
        })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = &self.listed;
        writeln!(f, "Certificate {}", listed.serial)?;
        match listed.revocation {
            None => writeln!(f, "  status       {}", listed.status)?,
            Some(revocation) => writeln!(
                f,
                "  status       revoked on {}: {}",
                rfc3339(revocation.at),
                revocation.reason
            )?,
        }
        let invalid = listed
            .revocation
            .and_then(|revocation| revocation.invalidity_date);
        if let Some(date) = invalid {
            writeln!(f, "  invalid      since {}", rfc3339(date))?;
        }
        writeln!(f, "  subject      {}", listed.subject)?;
        for name in &listed.subject_alt_names {
            writeln!(f, "  name         {}", Shield(name))?;
        }
        writeln!(f, "  profile      {}", Escaped(&listed.profile))?;
        writeln!(f, "  key type     {}", Escaped(&listed.key_type))?;
        writeln!(f, "  issuer       {}", listed.issuer)?;
        writeln!(f, "  valid from   {}", rfc3339(listed.expiry.not_before))?;
        writeln!(f, "  expires      {}", listed.expiry)?;
        let requested_by = Escaped(&listed.requested_by);
        writeln!(
            f,
            "  issued       {} for {requested_by}",
            rfc3339(listed.issued_at)
        )?;
        if let Some(note) = &listed.note {
            writeln!(f, "  note         {}", Escaped(note))?;
        }
        if !listed.labels.is_empty() {
            writeln!(f, "  labels       {}", listed.labels)?;
        }
        if let Some(serial) = &listed.superseded_by {
            writeln!(f, "  replaced by  {serial}")?;
        }
        if let Some(serial) = &self.replaces {
            writeln!(f, "  replaces     {serial}")?;
        }
        if let (Some(manifest), Some(row)) = (&self.manifest_sha256, self.manifest_row) {
            writeln!(f, "  manifest     row {row} of {manifest}")?;
        }
        for (label, path) in [
            ("certificate", &listed.certificate),
            ("private key", &listed.private_key),
        ] {
            if let Some(path) = path {
                writeln!(f, "  {label}  {}", shown(path))?;
            }
        }
        writeln!(f, "  SHA-256      {}", listed.fingerprint_sha256)
    }
}

impl Report for Shown {
    fn is_content(&self) -> bool {
        true
    }
}

/// A name with its type, escaped.
struct Shield<'a>(&'a SubjectAltName);

impl fmt::Display for Shield<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0.to_string()).fmt(f)
    }
}

/// How many serial numbers are named when a prefix is of more than one.
const MAX_NAMED: usize = 5;
