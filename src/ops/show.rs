//! One issued certificate.

use std::ffi::OsStr;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Report;
use super::list::{self, Filter, Listed};
use crate::authority;
use crate::error::{Error, SelectionError, shown};
use crate::files::{self, Kind};
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::pem;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::{SerialNumber, SerialPrefix};
use crate::pki::validity::rfc3339;
use crate::store::{Entry, Inventory};

/// The certificate that a serial number or a unique prefix of one, a file or a name stands for. A name stands
/// for its current certificate.
///
/// # Errors
/// When there is none, or more than one, or the inventory cannot be read.
pub fn run(directory: &Path, target: &OsStr, now: OffsetDateTime) -> Result<View, Error> {
    let inventory = list::inventory(directory)?;
    let path = authority::inventory_name(directory);
    let text = target.to_string_lossy();
    if files::kind(Path::new(target)).is_ok_and(|kind| kind == Kind::File) {
        return View::of(in_file(Path::new(target), &*inventory, path)?, now);
    }
    let mut found = Vec::new();
    if let Ok(prefix) = text.parse::<SerialPrefix>() {
        let filter = Filter {
            serial: Some(prefix),
            limit: Some(MAX_NAMED),
            ..Filter::default()
        };
        inventory.visit(&filter, now, &mut |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        })?;
    }
    if found.is_empty() {
        found = inventory.find_current(&text, now)?;
    }
    if found.is_empty() {
        found = inventory.find_by_name(&text, now)?;
        // Of several that are no longer in use, the last one.
        found.drain(..found.len().saturating_sub(1));
    }
    match found.len() {
        0 => Err(SelectionError::Unknown {
            inventory: path,
            text: text.into_owned(),
        }
        .into()),
        1 => {
            let entry = inventory.find(&found[0].serial)?;
            View::of(entry.unwrap_or_else(|| found.swap_remove(0)), now)
        }
        _ => Err(Error::AmbiguousEntry {
            inventory: path,
            text: text.into_owned(),
            serials: found.into_iter().map(|entry| entry.serial).collect(),
        }),
    }
}

/// The entry of the first certificate in a file.
fn in_file(path: &Path, inventory: &dyn Inventory, name: PathBuf) -> Result<Entry, Error> {
    let certificate = authority::read_certificates(path)?.swap_remove(0);
    let entry = inventory.find(certificate.serial())?;
    let entry = entry.filter(|entry| entry.certificate == certificate.as_der());
    entry.ok_or_else(|| {
        SelectionError::NotRecorded {
            path: path.to_owned(),
            inventory: name,
            serial: certificate.serial().clone(),
        }
        .into()
    })
}

/// A certificate that was issued, and everything that is recorded about it.
#[derive(Debug, Serialize)]
pub struct View {
    /// What `list` shows.
    #[serde(flatten)]
    pub listed: Listed,
    /// SHA-256 of the issuer's certificate.
    pub issuer_fingerprint_sha256: Fingerprint,
    /// SHA-256 of the manifest it was issued from.
    pub manifest_sha256: Option<Fingerprint>,
    /// The row of that manifest, from 1.
    pub manifest_row: Option<u64>,
    /// The serial number of the certificate that it replaces.
    pub replaces: Option<SerialNumber>,
    /// The certificate as PEM.
    pub pem: String,
}

impl View {
    fn of(entry: Entry, now: OffsetDateTime) -> Result<Self, Error> {
        let batch = entry.batch.clone();
        let (manifest_sha256, manifest_row) = batch.map(|row| (row.manifest, row.row)).unzip();
        Ok(View {
            issuer_fingerprint_sha256: entry.issuer_fingerprint.clone(),
            manifest_sha256,
            manifest_row,
            replaces: entry.replaces.clone(),
            pem: pem::encode("CERTIFICATE", &entry.certificate)?.to_string(),
            listed: Listed::of(entry, now),
        })
    }
}

impl fmt::Display for View {
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

impl Report for View {
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

/// How many serial numbers an error lists when several match.
const MAX_NAMED: usize = 5;
