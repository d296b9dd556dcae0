//! Searching inventories and files for what a compromise puts at risk.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::plan::{BlastRadius, Exposed, Reason, Scope, Unseen};
use super::target::{Matches, Search};
use crate::error::Error;
use crate::ops::list;
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;
use crate::store::{Entry, Filter, Inventory, Opening, Status};
use crate::{authority, files};

/// What depends on certificates, or on the CA when `targets` is empty: everything live under the same keys,
/// and everything issued below those that are CAs. Changes nothing and needs no key.
///
/// # Errors
/// When a target selects nothing that was issued, or the inventory cannot be read.
pub fn plan(
    directory: &Path,
    targets: &[OsString],
    now: OffsetDateTime,
) -> Result<BlastRadius, Error> {
    let inventory = list::inventory(directory)?;
    let certificate = authority::certificate_in(directory, &*inventory)?;
    let mut survey = Survey {
        now,
        exposed: Vec::new(),
        unseen: Vec::new(),
        seen: HashSet::new(),
        visited: BTreeSet::new(),
    };
    let scope = if targets.is_empty() {
        survey.below(directory, &certificate, &*inventory, 0);
        Scope::Authority
    } else {
        let search = Search {
            inventory: &*inventory,
            path: authority::inventory_name(directory),
            authority: &certificate,
            now,
        };
        for target in targets {
            let entries = match search.matches(target)? {
                Matches::One(entry) => vec![*entry],
                Matches::Many(entries) => entries,
            };
            survey.targets(entries, &search, directory)?;
        }
        Scope::Certificate
    };
    let mut exposed = survey.exposed;
    find_files(directory, &mut exposed);
    exposed.sort_by_key(|exposed| (exposed.depth, exposed.rank));
    Ok(BlastRadius::new(
        scope,
        directory,
        &certificate,
        exposed,
        survey.unseen,
    ))
}

/// What was found so far.
struct Survey {
    now: OffsetDateTime,
    exposed: Vec<Exposed>,
    unseen: Vec<Unseen>,
    seen: HashSet<Fingerprint>,
    visited: BTreeSet<PathBuf>,
}

impl Survey {
    /// Adds certificates, those with the same keys, and those issued below.
    fn targets(
        &mut self,
        entries: Vec<Entry>,
        search: &Search<'_>,
        directory: &Path,
    ) -> Result<(), Error> {
        for entry in entries {
            let certificate = authority::read_back(entry.certificate.clone())?;
            self.add(entry, &certificate, Reason::Itself, (directory, 0));
            for other in search.with_key(certificate.public_key_info())? {
                let certificate = authority::read_back(other.certificate.clone())?;
                self.add(other, &certificate, Reason::SameKey, (directory, 0));
            }
        }
        Ok(())
    }

    /// Adds what a CA issued, and what the CAs among that issued.
    fn below(
        &mut self,
        directory: &Path,
        authority: &Certificate,
        inventory: &dyn Inventory,
        depth: usize,
    ) {
        let issuer = authority.subject();
        let mut entries = Vec::new();
        let visited = inventory.visit(&Filter::default(), self.now, &mut |entry| {
            if entry.issuer == *issuer {
                entries.push(entry);
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = visited {
            self.unseen.push(Unseen::new(directory, &error.into()));
        }
        for entry in entries {
            if let Ok(certificate) = Certificate::from_der(entry.certificate.clone()) {
                self.add(entry, &certificate, Reason::IssuedBelow, (directory, depth));
            }
        }
    }

    /// Adds a certificate that is live and not added yet, and what is below it when it is a CA's.
    fn add(
        &mut self,
        entry: Entry,
        certificate: &Certificate,
        reason: Reason,
        (directory, depth): (&Path, usize),
    ) {
        let is_live = match entry.status(self.now) {
            Status::Valid | Status::NotYetValid | Status::Superseded | Status::Retired => true,
            Status::Revoked | Status::OnHold | Status::Expired => reason == Reason::Itself,
        };
        if !is_live || !self.seen.insert(entry.fingerprint.clone()) {
            return;
        }
        let is_ca = certificate.is_ca().unwrap_or(false);
        let place = entry.output.as_ref().map(|output| output.directory.clone());
        let place_here = (directory, depth);
        self.exposed.push(Exposed::of(
            entry,
            certificate,
            reason,
            place_here,
            self.now,
        ));
        if is_ca && depth < MAX_DEPTH {
            self.authority_in(place.as_deref(), certificate, depth + 1);
        }
    }

    /// Adds what a CA with a directory of its own issued.
    fn authority_in(&mut self, place: Option<&Path>, certificate: &Certificate, depth: usize) {
        let Some(directory) = place else {
            let subject = certificate.subject().to_string();
            return self.unseen.push(Unseen::nowhere(subject));
        };
        if !self.visited.insert(directory.to_owned()) {
            return;
        }
        match authority::open_inventory(directory, Opening::MustExist) {
            Ok(inventory) => self.below(directory, certificate, &*inventory, depth),
            Err(error) => self.unseen.push(Unseen::new(directory, &error)),
        }
    }
}

/// Finds the files in the directory of each certificate and in the PKI directory that contain it or its key.
fn find_files(directory: &Path, exposed: &mut [Exposed]) {
    let mut directories: BTreeSet<PathBuf> = exposed
        .iter()
        .filter_map(|exposed| exposed.certificate.as_ref()?.parent())
        .map(Path::to_owned)
        .collect();
    directories.extend(files::absolute(directory).ok());
    let listed = directories
        .iter()
        .flat_map(|directory| files::list(directory).unwrap_or_default());
    let mut by_serial: HashMap<SerialNumber, Vec<usize>> = HashMap::new();
    let mut by_key: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for (at, exposed) in exposed.iter().enumerate() {
        let serial = exposed.facts.serial.clone();
        by_serial.entry(serial).or_default().push(at);
        let key = exposed.public_key_info.clone();
        by_key.entry(key).or_default().push(at);
    }
    for path in listed.take(MAX_FILES) {
        let extension = path.extension().and_then(OsStr::to_str);
        if !extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            continue;
        }
        let Ok(content) = files::read(&path) else {
            continue;
        };
        let certificates = Bundle::read(&content).map_or_else(|_| Vec::new(), |b| b.certificates);
        let key = authority::read_key(&path, &authority::no_passphrase).ok();
        let key = key.as_ref().and_then(|(key, _)| key.public_key_info());
        let holding: BTreeSet<usize> = certificates
            .iter()
            .filter_map(|certificate| by_serial.get(certificate.serial()))
            .chain(key.and_then(|key| by_key.get(key)))
            .flatten()
            .copied()
            .collect();
        for at in holding {
            exposed[at].files.push(path.clone());
        }
    }
}

/// More levels of CAs than anyone has.
const MAX_DEPTH: usize = 16;
/// More files than a directory of certificates has.
const MAX_FILES: usize = 20_000;
const EXTENSIONS: [&str; 5] = ["crt", "pem", "cer", "der", "key"];
