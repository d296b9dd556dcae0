//! What was issued before, served with the cross-certificate too; and the trust anchors of the CAs below.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority;
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock, Replacement};
use crate::ops::issue::file_names;
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::store::{Entry, Filter, Inventory, Opening};

/// What became of the files of what is valid.
#[derive(Debug, Default, Serialize)]
pub struct Chained {
    /// Files that were written anew, with another chain behind the certificate or other anchors.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub chained: Vec<PathBuf>,
    /// Those that could not be.
    pub unchained: Vec<Unchained>,
}

/// A file that does not have the chain it should have.
#[derive(Debug, Serialize)]
pub struct Unchained {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub file: PathBuf,
    /// Why not.
    pub message: String,
}

impl fmt::Display for Chained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.chained.is_empty() {
            writeln!(
                f,
                "Written anew, with the cross-certificate or the roots of now: copy again what is used elsewhere"
            )?;
        }
        for path in self.chained.iter().take(MAX_SHOWN) {
            writeln!(f, "  file  {}", shown(path))?;
        }
        if self.chained.len() > MAX_SHOWN {
            writeln!(f, "  and {} more", self.chained.len() - MAX_SHOWN)?;
        }
        for unchained in self.unchained.iter().take(MAX_SHOWN) {
            writeln!(
                f,
                "  without it: {}: {}",
                shown(&unchained.file),
                unchained.message
            )?;
        }
        if self.unchained.len() > MAX_SHOWN {
            writeln!(f, "  and {} more", self.unchained.len() - MAX_SHOWN)?;
        }
        Ok(())
    }
}

/// Puts the cross-certificates behind everything valid that was issued below the root in a locked
/// directory, and the anchors into the CAs below. What cannot be written is said, and the rest goes on.
pub(super) fn refresh(
    lock: &Lock,
    inventory: &dyn Inventory,
    crosses: &[Certificate],
    anchors: &[Certificate],
    now: OffsetDateTime,
) -> Result<Chained, Error> {
    let mut refreshing = Refreshing {
        held: lock,
        root: files::absolute(lock.path())?,
        anchors: authority::pem_of(anchors.iter().map(Certificate::as_der))?,
        visited: BTreeSet::new(),
        chained: Chained::default(),
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
    chained: Chained,
    now: OffsetDateTime,
}

impl Refreshing<'_> {
    /// Everything valid in an inventory, a directory after the other.
    fn below(
        &mut self,
        inventory: &dyn Inventory,
        behind: &dyn Fn(&Entry) -> Vec<Certificate>,
    ) -> Result<(), Error> {
        let mut places: BTreeMap<PathBuf, Vec<Entry>> = BTreeMap::new();
        inventory.visit(&Filter::default(), self.now, &mut |entry| {
            if is_live(&entry, self.now)
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
            let lock = own.as_ref().unwrap_or(self.held);
            let chain = behind(entry);
            let Some(path) = certificate_file(entry) else {
                continue;
            };
            match chain_behind(lock, &path, entry, &chain) {
                Ok(Written::Anew) => self.chained.chained.push(path.clone()),
                Ok(Written::AsItWas) => {}
                Err(error) => {
                    self.failed(&path, &error);
                    continue;
                }
            }
            let is_ca = path.file_name() == Some(OsStr::new(authority::ISSUER));
            if is_ca && let Err(error) = self.authority(lock_of(&own, self.held), entry, chain) {
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
        // What is issued in that very directory is written under the lock that is held on it.
        let mut below = Refreshing {
            held: lock,
            root: lock.path().to_owned(),
            anchors: self.anchors.clone(),
            visited: std::mem::take(&mut self.visited),
            chained: Chained::default(),
            now: self.now,
        };
        let done = below.below(&*inventory, &|_| chain.clone());
        self.visited = below.visited;
        self.chained.chained.append(&mut below.chained.chained);
        self.chained.unchained.append(&mut below.chained.unchained);
        done
    }

    /// The lock of a directory; `None` when it is held already.
    fn lock(&self, directory: &Path) -> Result<Option<Lock>, Error> {
        if directory == self.root {
            return Ok(None);
        }
        if files::kind(directory)? == Kind::Absent {
            return Err(Error::Unreadable {
                path: directory.to_owned(),
                what: "is not there any more",
            });
        }
        // What was issued into an authority's own directory is that authority's, and this one was copied from it.
        let is_there = |name| Ok::<_, Error>(files::kind(&directory.join(name))? != Kind::Absent);
        if is_there(authority::KEY)? && !is_there(authority::ISSUER)? {
            return Err(Error::Unreadable {
                path: directory.to_owned(),
                what: "is the directory of an authority of its own, which this one was copied from",
            });
        }
        Lock::acquire(directory).map(Some)
    }

    fn failed(&mut self, file: &Path, error: &Error) {
        self.chained.unchained.push(Unchained {
            file: file.to_owned(),
            message: error.to_string(),
        });
    }
}

fn lock_of<'a>(own: &'a Option<Lock>, held: &'a Lock) -> &'a Lock {
    own.as_ref().unwrap_or(held)
}

/// What became of a file.
enum Written {
    Anew,
    AsItWas,
}

/// Gives a certificate's file this chain, unless it has it, or holds another certificate by now.
fn chain_behind(
    lock: &Lock,
    path: &Path,
    entry: &Entry,
    chain: &[Certificate],
) -> Result<Written, Error> {
    if files::kind(path)? == Kind::Absent {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            what: "is not there any more",
        });
    }
    let bundle = Bundle::read(&files::read(path)?).map_err(|source| Error::Bundle {
        path: path.to_owned(),
        source,
    })?;
    let (first, others) = bundle
        .certificates
        .split_first()
        .unwrap_or_else(|| unreachable!("a bundle that was read has a certificate"));
    if first.as_der() != entry.certificate || others == chain {
        return Ok(Written::AsItWas);
    }
    if bundle.private_keys > 0 || !bundle.others.is_empty() {
        return Err(Error::Unreadable {
            path: path.to_owned(),
            what: "holds more than certificates, and is left as it is",
        });
    }
    let served = std::iter::once(first).chain(chain).map(Certificate::as_der);
    let name = path.file_name().unwrap_or_default();
    replace(lock, name, &authority::pem_of(served)?)?;
    Ok(Written::Anew)
}

/// Writes a file that is there anew; its owner and mode stay.
fn replace(lock: &Lock, name: &OsStr, text: &str) -> Result<(), Error> {
    let file = Replacement {
        name,
        content: text.as_bytes(),
        like: name,
    };
    files::replace_each(lock, &[file])
}

/// The file a certificate was written to.
fn certificate_file(entry: &Entry) -> Option<PathBuf> {
    let output = entry.output.as_ref()?;
    Some(output.directory.join(file_names(output.base.as_ref()).0))
}

fn is_live(entry: &Entry, now: OffsetDateTime) -> bool {
    entry.status(now).is_live()
}

const MAX_SHOWN: usize = 10;
