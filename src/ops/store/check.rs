//! Whether an inventory agrees with itself and with its certificates.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::authority;
use crate::error::{Error, shown};
use crate::ops::{Report, Verdict, list};
use crate::path;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;
use crate::store::{Entry, Inventory, StoreError};

/// What was found.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The inventory.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub inventory: PathBuf,
    /// How many certificates were checked.
    pub certificates: u64,
    /// What is wrong; at most 1,000 of it.
    pub problems: Vec<Problem>,
    /// Rows of manifests that were released and are no longer recorded, as after `store prune`.
    pub gaps: Vec<String>,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// The certificate; `None` for the inventory as a whole.
    pub serial: Option<SerialNumber>,
    /// What is wrong: a clause.
    pub message: String,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} certificates checked",
            shown(&self.inventory),
            self.certificates
        )?;
        for problem in &self.problems {
            match &problem.serial {
                Some(serial) => writeln!(f, "  {serial}: {}", problem.message)?,
                None => writeln!(f, "  {}", problem.message)?,
            }
        }
        for gap in &self.gaps {
            writeln!(f, "  gap: {gap}")?;
        }
        if self.problems.is_empty() {
            writeln!(f, "  no problems")?;
        }
        Ok(())
    }
}

impl Report for Checked {
    fn verdict(&self) -> Verdict {
        match self.problems.is_empty() {
            true => Verdict::Yes,
            false => Verdict::No,
        }
    }

    fn reason(&self) -> Option<String> {
        let first = self.problems.first()?;
        let count = self.problems.len();
        let message = &first.message;
        Some(format!(
            "{}: {count} problems, the first: {message}",
            shown(&self.inventory)
        ))
    }

    fn is_content(&self) -> bool {
        true
    }
}

/// Checks every certificate that the inventory of a directory holds.
///
/// # Errors
/// When the inventory cannot be read.
pub fn check(directory: &Path, observer: &mut dyn FnMut(u64)) -> Result<Checked, Error> {
    let inventory = list::inventory(directory)?;
    let records = inventory.authorities()?;
    let authorities: Vec<Certificate> = records
        .into_iter()
        .filter_map(|record| Certificate::from_der(record.certificate).ok())
        .collect();
    let authorities: HashMap<Fingerprint, Certificate> = authorities
        .into_iter()
        .map(|ca| (Fingerprint::sha256(ca.as_der()), ca))
        .collect();
    let mut checked = Checked {
        inventory: authority::inventory_name(directory),
        certificates: 0,
        problems: Vec::new(),
        gaps: Vec::new(),
    };
    for message in inventory.check_indexes()? {
        checked.add(None, message);
    }
    let mut rows: HashMap<Fingerprint, u64> = HashMap::new();
    let mut position = 0;
    loop {
        let page = inventory.entries_after(position, PAGE)?;
        let Some((last, _)) = page.last() else {
            break;
        };
        position = *last;
        let serials: Vec<_> = page.iter().map(|(_, entry)| &entry.serial).collect();
        let found = match inventory.find_each(&serials) {
            Ok(found) => found,
            // One of them is not what was recorded, which is found below.
            Err(StoreError::Damaged { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut found = found.iter();
        for (_, entry) in &page {
            checked.certificates += 1;
            let is_found = |found: &Option<Entry>| found.as_ref() == Some(entry);
            if !found.next().is_none_or(is_found) {
                checked.add(Some(&entry.serial), "the index finds it differently".into());
            }
            if let Some(message) = wrong(entry, &authorities) {
                checked.add(Some(&entry.serial), message);
            }
            if let Some(batch) = &entry.batch {
                *rows.entry(batch.manifest.clone()).or_default() += 1;
            }
        }
        observer(checked.certificates);
    }
    checked.find_gaps(&*inventory, &rows)?;
    Ok(checked)
}

impl Checked {
    fn add(&mut self, serial: Option<&SerialNumber>, message: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem {
                serial: serial.cloned(),
                message,
            });
        }
    }

    fn find_gaps(
        &mut self,
        inventory: &dyn Inventory,
        rows: &HashMap<Fingerprint, u64>,
    ) -> Result<(), Error> {
        for (manifest, released) in inventory.manifests()? {
            let recorded = rows.get(&manifest).copied().unwrap_or(0);
            if recorded < released {
                self.gaps.push(format!(
                    "{released} rows of the manifest {manifest} were released, and {recorded} certificates are recorded"
                ));
            }
        }
        Ok(())
    }
}

/// What is wrong with an entry: its certificate, its issuer, or what is recorded beside it.
fn wrong(entry: &Entry, authorities: &HashMap<Fingerprint, Certificate>) -> Option<String> {
    let certificate = match Certificate::from_der(entry.certificate.clone()) {
        Ok(certificate) => certificate,
        Err(error) => return Some(format!("the certificate cannot be read: {error}")),
    };
    let read = Entry::of(
        &certificate,
        entry.issuer_fingerprint.clone(),
        entry.issued_at,
    );
    let Ok(read) = read else {
        return Some("the certificate ends before it starts".into());
    };
    let agrees = [
        ("serial number", read.serial == entry.serial),
        ("subject", read.subject == entry.subject),
        ("issuer", read.issuer == entry.issuer),
        ("validity", read.validity == entry.validity),
        ("fingerprint", read.fingerprint == entry.fingerprint),
        ("public key", read.public_key == entry.public_key),
        ("names", same_names(&read, entry)),
    ];
    if let Some((what, _)) = agrees.iter().find(|(_, agrees)| !agrees) {
        return Some(format!(
            "the {what} in the inventory is not the certificate's"
        ));
    }
    if entry.profile == crate::ops::acme::PROFILE {
        // Issued by a CA elsewhere.
        return None;
    }
    match authorities.get(&entry.issuer_fingerprint) {
        None => Some("its issuer is no authority of this inventory".into()),
        Some(authority) if !path::is_signed_by(&certificate, authority) => {
            Some("its issuer did not sign it".into())
        }
        Some(_) => None,
    }
}

fn same_names(read: &Entry, entry: &Entry) -> bool {
    read.names.len() == entry.names.len()
        && read.names.iter().all(|name| entry.names.contains(name))
}

const PAGE: usize = 1_000;
/// How many problems are listed.
const MAX_PROBLEMS: usize = 1_000;
