//! The certificates of a PKI directory that are looked after: renewed, and watched for their end.
//!
//! A certificate is managed when the inventory issued it and its file is in the PKI directory, or in
//! another one the inventory has written to. Nothing here verifies a signature: what is byte for byte
//! what the inventory recorded is ours.

#[cfg(test)]
pub(super) mod tests;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::issue::file_names;
use crate::authority::{CERTIFICATE, ISSUER, read_certificates};
use crate::error::Error;
use crate::files;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::store::{Entry, Inventory};

/// What stands in the directories of an authority.
#[derive(Debug, Default)]
pub struct Managed {
    /// The certificates that are looked after: those of the PKI directory first, each directory's by their names.
    pub certificates: Vec<ManagedCertificate>,
    /// Other certificates of the PKI directory, which are left alone.
    pub foreign: Vec<Foreign>,
    /// Files that could not be read as certificates.
    pub unreadable: Vec<Error>,
    /// Where the PKI directory was copied from, when that is still there: then only its own files are managed.
    pub copied_from: Option<PathBuf>,
}

/// A certificate that is looked after.
#[derive(Debug)]
pub struct ManagedCertificate {
    /// Where it is.
    pub place: Place,
    /// The certificate in the file.
    pub certificate: Certificate,
    /// Those behind it in the file.
    pub chain: Vec<Certificate>,
    /// What the inventory says of it.
    pub entry: Entry,
}

/// Where a certificate and its key stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Their directory, as it was given or as the inventory has it.
    pub directory: PathBuf,
    /// Their name up to `.crt` and `.key`.
    pub base: OsString,
    /// Whether there is a file with this name and `.key`.
    pub has_key: bool,
    /// Whether there is one with this name and `.pem`, which holds both.
    pub has_combined: bool,
}

/// A certificate that is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// Its file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Why it is left alone.
    pub reason: ForeignReason,
}

/// Why a certificate is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForeignReason {
    /// The inventory does not know it.
    NotIssuedHere,
    /// It is a CA's.
    Authority,
    /// The file it was written to is there beside it.
    Copy,
}

impl Managed {
    /// What stands in a PKI directory, and in those its inventory has written to.
    ///
    /// A file that cannot be read is among [`Managed::unreadable`], and the rest goes on.
    ///
    /// # Errors
    /// When the directory or the inventory cannot be read.
    pub fn read(directory: &Path, inventory: &dyn Inventory) -> Result<Self, Error> {
        let mut found = scan(directory, true)?;
        let own = files::absolute(directory)?;
        let mut others = inventory.directories()?;
        others.retain(|other| *other != own);
        let copied_from = others
            .iter()
            .find(|other| is_copied(directory, other))
            .cloned();
        if copied_from.is_none() {
            found.extend(others.iter().flat_map(|other| elsewhere(other)));
        }
        let mut managed = judged(found, inventory)?;
        managed.copied_from = copied_from;
        Ok(managed)
    }

    /// What is in one file, which may be anywhere.
    ///
    /// # Errors
    /// When its directory cannot be listed, or the inventory cannot be read.
    pub fn read_file(path: &Path, inventory: &dyn Inventory) -> Result<Self, Error> {
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            Some(_) | None => Path::new("."),
        };
        let (Some(base), Some(name)) = (path.file_stem(), path.file_name()) else {
            return Ok(Managed::default());
        };
        let names: HashSet<OsString> = files::names(directory, usize::MAX)?.into_iter().collect();
        let place = Place::of(directory, base, &names);
        let found = Found {
            content: read_certificates(&directory.join(name)),
            is_told: true,
            place,
        };
        judged(vec![found], inventory)
    }
}

impl Place {
    /// The certificate's file.
    pub fn certificate(&self) -> PathBuf {
        self.directory.join(file_names(&self.base).0)
    }

    /// The key's file, if there is one.
    pub fn private_key(&self) -> Option<PathBuf> {
        self.has_key
            .then(|| self.directory.join(file_names(&self.base).1))
    }

    /// The name of the file with certificate and key.
    pub fn combined_name(&self) -> OsString {
        let mut name = self.base.clone();
        name.push(COMBINED);
        name
    }

    /// The file with certificate and key, if there is one.
    pub fn combined(&self) -> Option<PathBuf> {
        self.has_combined
            .then(|| self.directory.join(self.combined_name()))
    }

    fn of(directory: &Path, base: &OsStr, names: &HashSet<OsString>) -> Self {
        let mut place = Place {
            directory: directory.to_owned(),
            base: base.to_owned(),
            has_key: names.contains(&file_names(base).1),
            has_combined: false,
        };
        place.has_combined = names.contains(&place.combined_name());
        place
    }
}

impl ForeignReason {
    /// It, as a clause.
    pub fn clause(self) -> &'static str {
        match self {
            ForeignReason::NotIssuedHere => "is not in this inventory",
            ForeignReason::Authority => "is a CA's",
            ForeignReason::Copy => "is a copy of one that is managed",
        }
    }
}

/// The ending of a file that holds certificate and key.
const COMBINED: &str = ".pem";
const ENDING: &str = "crt";
/// So many files are worth another thread.
const FILES_A_THREAD: usize = 128;

/// A file that was read.
struct Found {
    place: Place,
    content: Result<Vec<Certificate>, Error>,
    /// Whether it is in the PKI directory, where what is not ours is told of as well.
    is_told: bool,
}

/// Every certificate file of a directory.
fn scan(directory: &Path, is_told: bool) -> Result<Vec<Found>, Error> {
    let names: HashSet<OsString> = files::names(directory, usize::MAX)?.into_iter().collect();
    let mut bases: Vec<&OsStr> = names.iter().filter_map(|name| base_of(name)).collect();
    bases.sort_unstable();
    let read = |bases: &[&OsStr]| -> Vec<Found> {
        let found = bases.iter().map(|base| Found {
            place: Place::of(directory, base, &names),
            content: read_certificates(&directory.join(file_names(base).0)),
            is_told,
        });
        found.collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = bases.len().div_ceil(threads).max(FILES_A_THREAD);
    let (own, others) = bases.split_at(share.min(bases.len()));
    let read = &read;
    Ok(std::thread::scope(|scope| {
        let start = |bases| {
            let thread = std::thread::Builder::new();
            thread.spawn_scoped(scope, move || read(bases))
        };
        let others: Vec<_> = others
            .chunks(share)
            .map(|bases| (bases, start(bases)))
            .collect();
        let mut found = read(own);
        for (bases, thread) in others {
            let joined = thread.ok().and_then(|thread| thread.join().ok());
            // Where no thread was to be had, it is read here.
            found.extend(joined.unwrap_or_else(|| read(bases)));
        }
        found
    }))
}

/// The name of a certificate file without its ending, unless it is one of the authority's own files.
fn base_of(name: &OsStr) -> Option<&OsStr> {
    let path = Path::new(name);
    let is_ours =
        path.extension() == Some(OsStr::new(ENDING)) && name != CERTIFICATE && name != ISSUER;
    path.file_stem().filter(|_| is_ours)
}

/// What stands in another directory the inventory has written to; nothing where it is gone.
fn elsewhere(directory: &Path) -> Vec<Found> {
    let is_gone = |error: &Error| matches!(error, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound);
    match scan(directory, false) {
        Ok(found) => found,
        Err(error) if is_gone(&error) => Vec::new(),
        Err(error) => vec![Found {
            place: Place::of(directory, OsStr::new(""), &HashSet::new()),
            content: Err(error),
            is_told: true,
        }],
    }
}

/// Whether one directory is a copy of the other: both are of the same authority.
fn is_copied(copy: &Path, original: &Path) -> bool {
    // What cannot be looked at is none of ours.
    let content = |directory: &Path, name| files::read(&directory.join(name)).ok();
    let is_same = |name| content(copy, name) == content(original, name);
    crate::authority::has_inventory(original).unwrap_or(false)
        && content(copy, CERTIFICATE).is_some()
        && is_same(CERTIFICATE)
        && is_same(ISSUER)
}

/// What the inventory knows of each file.
fn judged(found: Vec<Found>, inventory: &dyn Inventory) -> Result<Managed, Error> {
    let mut managed = Managed::default();
    let mut read = Vec::with_capacity(found.len());
    for Found {
        place,
        content,
        is_told,
    } in found
    {
        match content {
            Ok(certificates) => read.push((place, certificates, is_told)),
            Err(Error::Io { source, .. })
                if source.kind() == ErrorKind::NotFound && !place.base.is_empty() => {}
            Err(error) if is_told || place.has_key => managed.unreadable.push(error),
            Err(_) => {}
        }
    }
    let serials: Vec<_> = read
        .iter()
        .map(|(_, certificates, _)| certificates[0].serial())
        .collect();
    let entries = inventory.find_each(&serials)?;
    let places: HashSet<(PathBuf, OsString)> = read
        .iter()
        .map(|(place, ..)| (place.directory.clone(), place.base.clone()))
        .collect();
    for ((place, mut chain, is_told), entry) in read.into_iter().zip(entries) {
        let certificate = chain.remove(0);
        let entry =
            entry.filter(|entry| entry.fingerprint == Fingerprint::sha256(certificate.as_der()));
        let reason = match &entry {
            _ if certificate.is_ca().unwrap_or(false) => Some(ForeignReason::Authority),
            None => Some(ForeignReason::NotIssuedHere),
            Some(entry) if is_copy(&place, entry, &places) => Some(ForeignReason::Copy),
            Some(_) => None,
        };
        match (reason, entry) {
            (None, Some(entry)) => managed.certificates.push(ManagedCertificate {
                place,
                certificate,
                chain,
                entry,
            }),
            (Some(reason), _) if is_told => managed.foreign.push(Foreign {
                path: place.certificate(),
                reason,
            }),
            (Some(_), _) | (None, None) => {}
        }
    }
    Ok(managed)
}

/// Whether the file a certificate was written to is there beside this one.
fn is_copy(place: &Place, entry: &Entry, places: &HashSet<(PathBuf, OsString)>) -> bool {
    entry.output.as_ref().is_some_and(|output| {
        place.base.to_string_lossy() != output.base.as_str()
            && places.contains(&(place.directory.clone(), OsString::from(&output.base)))
    })
}
