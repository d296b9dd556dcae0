//! Serving existing certificates with the cross-certificate, and the trust anchors of the CAs below.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority;
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Lock, Replacement};
use crate::ops::issue::file_names;
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::store::{Entry, Filter, Inventory, Opening};

/// The files of valid certificates that changed.
#[derive(Debug, Default, Serialize)]
pub struct ChainUpdates {
    /// Files that were rewritten, with another chain after the certificate or with other anchors.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub chained: Vec<PathBuf>,
    /// Those that could not be rewritten.
    pub unchained: Vec<StaleChain>,
}

/// A file whose chain or anchors are out of date.
#[derive(Debug, Serialize)]
pub struct StaleChain {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Why it was not rewritten.
    pub message: String,
}

impl fmt::Display for ChainUpdates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.chained.is_empty() {
            writeln!(
                f,
                "Rewritten with the current cross-certificates and roots; copy them again wherever copies are in use:"
            )?;
        }
        let chained = self
            .chained
            .iter()
            .map(|path| format!("file  {}", shown(path)));
        write_some(f, chained)?;
        let stale = self.unchained.iter();
        write_some(
            f,
            stale.map(|one| format!("not rewritten: {}: {}", shown(&one.path), one.message)),
        )
    }
}

/// Writes the first lines, and the number of the others.
fn write_some(
    f: &mut fmt::Formatter<'_>,
    mut lines: impl ExactSizeIterator<Item = String>,
) -> fmt::Result {
    for line in lines.by_ref().take(MAX_SHOWN) {
        writeln!(f, "  {line}")?;
    }
    match lines.len() {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}

/// Appends the cross-certificates to every valid certificate issued below the root in a locked
/// directory, and distributes the anchors to the CAs below. What cannot be written is reported, and the rest continues.
pub(super) fn refresh(
    lock: &Lock,
    inventory: &dyn Inventory,
    crosses: &[Certificate],
    anchors: &[Certificate],
    now: OffsetDateTime,
) -> Result<ChainUpdates, Error> {
    let mut refreshing = Refreshing {
        held: lock,
        root: files::absolute(lock.path())?,
        anchors: authority::pem_of(anchors)?,
        visited: BTreeSet::new(),
        chained: ChainUpdates::default(),
        now,
    };
    let behind = |entry: &Entry| {
        let of_issuer = |cross: &&Certificate| cross.subject() == &entry.issuer;
        crosses.iter().filter(of_issuer).cloned().collect()
    };
    refreshing.below(inventory, &behind)?;
    Ok(refreshing.chained)
}

struct Refreshing<'a> {
    held: &'a Lock,
    root: PathBuf,
    anchors: String,
    visited: BTreeSet<PathBuf>,
    chained: ChainUpdates,
    now: OffsetDateTime,
}

impl Refreshing<'_> {
    /// The valid certificates of an inventory, directory by directory.
    fn below(
        &mut self,
        inventory: &dyn Inventory,
        behind: &dyn Fn(&Entry) -> Vec<Certificate>,
    ) -> Result<(), Error> {
        let mut places: BTreeMap<PathBuf, Vec<Entry>> = BTreeMap::new();
        inventory.visit(&Filter::default(), self.now, &mut |entry| {
            if entry.status(self.now).is_live()
                && let Some(output) = &entry.output
            {
                let directory = output.directory.clone();
                places.entry(directory).or_default().push(entry);
            }
            ControlFlow::Continue(())
        })?;
        for (directory, entries) in places {
            self.directory(&directory, &entries, behind);
        }
        Ok(())
    }

    fn directory(
        &mut self,
        directory: &Path,
        entries: &[Entry],
        behind: &dyn Fn(&Entry) -> Vec<Certificate>,
    ) {
        let own = match self.lock(directory) {
            Ok(own) => own,
            Err(error) => return self.failed(directory, &error),
        };
        for entry in entries {
            let chain = behind(entry);
            let Some(path) = certificate_file(entry) else {
                continue;
            };
            match chain_behind(own.as_ref().unwrap_or(self.held), &path, entry, &chain) {
                Ok(true) => self.chained.chained.push(path.clone()),
                Ok(false) => {}
                Err(error) => {
                    self.failed(&path, &error);
                    continue;
                }
            }
            let is_ca = path.file_name() == Some(OsStr::new(authority::ISSUER));
            if is_ca
                && let Err(error) = self.authority(own.as_ref().unwrap_or(self.held), entry, chain)
            {
                self.failed(&path, &error);
            }
        }
    }

    /// The anchors of a CA below, and what it has issued.
    fn authority(
        &mut self,
        lock: &Lock,
        entry: &Entry,
        above: Vec<Certificate>,
    ) -> Result<(), Error> {
        if !self.visited.insert(lock.path().to_owned()) {
            return Ok(());
        }
        let path = lock.path().join(authority::CERTIFICATE);
        if files::read(&path)?.as_slice() != self.anchors.as_bytes() {
            replace(lock, authority::CERTIFICATE.as_ref(), &self.anchors)?;
            self.chained.chained.push(path);
        }
        let own = authority::read_back(entry.certificate.clone())?;
        let inventory = authority::open_inventory(lock.path(), Opening::MustExist)?;
        let chain: Vec<_> = std::iter::once(own).chain(above).collect();
        // Certificates in that same directory are written under the lock that is already held.
        let mut below = Refreshing {
            held: lock,
            root: lock.path().to_owned(),
            anchors: self.anchors.clone(),
            visited: std::mem::take(&mut self.visited),
            chained: ChainUpdates::default(),
            now: self.now,
        };
        let done = below.below(&*inventory, &|_| chain.clone());
        self.visited = below.visited;
        self.chained.chained.append(&mut below.chained.chained);
        self.chained.unchained.append(&mut below.chained.unchained);
        done
    }

    /// The lock of a directory; `None` if it is held already.
    fn lock(&self, directory: &Path) -> Result<Option<Lock>, Error> {
        if directory == self.root {
            return Ok(None);
        }
        if !files::exists(directory)? {
            return Err(Error::Unreadable {
                path: directory.to_owned(),
                what: "no longer exists",
            });
        }
        // The directory of another root: this authority was copied from it.
        let exists = |name| files::exists(&directory.join(name));
        if exists(authority::KEY)? && !exists(authority::ISSUER)? {
            return Err(Error::Unreadable {
                path: directory.to_owned(),
                what: "is the directory of another authority, which this one was copied from",
            });
        }
        Lock::acquire(directory).map(Some)
    }

    fn failed(&mut self, file: &Path, error: &Error) {
        self.chained.unchained.push(StaleChain {
            path: file.to_owned(),
            message: error.to_string(),
        });
    }
}

/// Gives a certificate's file this chain, unless it has it already, or contains another certificate by now. Returns
/// whether the file was rewritten.
fn chain_behind(
    lock: &Lock,
    path: &Path,
    entry: &Entry,
    chain: &[Certificate],
) -> Result<bool, Error> {
    if !files::exists(path)? {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            what: "no longer exists",
        });
    }
    let bundle = Bundle::read(&files::read(path)?).in_file(path)?;
    let (first, others) = bundle
        .certificates
        .split_first()
        .unwrap_or_else(|| unreachable!("a bundle that was read has a certificate"));
    if first.as_der() != entry.certificate || others == chain {
        return Ok(false);
    }
    if bundle.private_keys > 0 || !bundle.others.is_empty() {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            what: "contains more than certificates, and is left as it is",
        });
    }
    let served = std::iter::once(first).chain(chain).map(Certificate::as_der);
    let name = path.file_name().unwrap_or_default();
    replace(lock, name, &authority::pem_of(served)?)?;
    Ok(true)
}

/// Replaces a file; its owner and mode stay.
fn replace(lock: &Lock, name: &OsStr, text: &str) -> Result<(), Error> {
    files::replace_each(lock, &[Replacement::of(name, text.as_bytes())])
}

/// The file a certificate was written to.
fn certificate_file(entry: &Entry) -> Option<PathBuf> {
    let output = entry.output.as_ref()?;
    Some(output.directory.join(file_names(output.base.as_ref()).0))
}

const MAX_SHOWN: usize = 10;
