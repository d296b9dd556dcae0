//! Files that networks and agents name, each read once and known by what is in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;
use crate::pki::fingerprint::Fingerprint;

/// The files that were read so far.
pub(super) struct Contents {
    cwd: PathBuf,
    by_path: HashMap<PathBuf, Result<ContentId, Rc<Error>>>,
    by_digest: HashMap<Fingerprint, ContentId>,
    octets: Vec<Zeroizing<Vec<u8>>>,
}

/// What is in a file, whatever its name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ContentId(usize);

impl Contents {
    pub(super) fn new(cwd: PathBuf) -> Self {
        Contents {
            cwd,
            by_path: HashMap::new(),
            by_digest: HashMap::new(),
            octets: Vec::new(),
        }
    }

    /// A path as a process sees it that was started in the working directory.
    pub(super) fn resolved(&self, path: &str) -> PathBuf {
        self.cwd.join(path)
    }

    /// The content of a file; read once.
    pub(super) fn read(&mut self, path: &Path) -> Result<ContentId, Rc<Error>> {
        if let Some(known) = self.by_path.get(path) {
            return known.clone();
        }
        let read = match files::read(path) {
            Ok(octets) => Ok(self.keep(octets)),
            Err(error) => Err(Rc::new(error)),
        };
        self.by_path.insert(path.to_owned(), read.clone());
        read
    }

    /// The content of a file that may be missing.
    pub(super) fn read_if_there(&mut self, path: &Path) -> Option<ContentId> {
        self.read(path).ok()
    }

    /// The octets.
    pub(super) fn octets(&self, id: ContentId) -> &[u8] {
        &self.octets[id.0]
    }

    fn keep(&mut self, octets: Zeroizing<Vec<u8>>) -> ContentId {
        let digest = Fingerprint::sha256(&octets);
        let next = ContentId(self.octets.len());
        let id = *self.by_digest.entry(digest).or_insert(next);
        if id == next {
            self.octets.push(octets);
        }
        id
    }
}
