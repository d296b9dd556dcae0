//! Where the database is, and what stands there.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rustix::fs::Access;

use super::StoreError;

/// A file, by the name it was given and by one without links above it, which SQLite wants when it
/// is to follow none.
///
/// It is only looked at and never opened: closing a second descriptor of a database lets go of the
/// locks SQLite holds on it (<https://www.sqlite.org/howtocorrupt.html> §2.2).
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) resolved: PathBuf,
}

impl Place {
    /// The place of a file whose directory is there.
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io {
            action: "open",
            path: path.to_owned(),
            source,
        };
        let name = path
            .file_name()
            .ok_or_else(|| failed(ErrorKind::InvalidInput.into()))?;
        let directory = match path.parent() {
            Some(directory) if directory.as_os_str().is_empty() => Path::new("."),
            Some(directory) => directory,
            None => Path::new("/"),
        };
        match std::fs::canonicalize(directory) {
            Ok(directory) => Ok(Place {
                path: path.to_owned(),
                resolved: directory.join(name),
            }),
            Err(source) if source.kind() == ErrorKind::NotFound => Err(StoreError::Missing {
                path: path.to_owned(),
            }),
            Err(source) => Err(failed(source)),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        self.resolved.parent().unwrap_or(Path::new("/"))
    }

    /// The write-ahead log, which holds the latest changes.
    pub(super) fn log(&self) -> Place {
        self.beside("-wal")
    }

    /// The index of the log, which processes share while they run.
    fn index(&self) -> Place {
        self.beside("-shm")
    }

    /// How many octets the file has; `None` when there is none.
    pub(super) fn length(&self) -> Result<Option<u64>, StoreError> {
        let path = self.path.clone();
        match std::fs::symlink_metadata(&self.resolved) {
            Ok(metadata) if metadata.is_symlink() => Err(StoreError::SymbolicLink { path }),
            Ok(metadata) if !metadata.is_file() => Err(StoreError::NotFile { path }),
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(source) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Io {
                action: "look at",
                path,
                source,
            }),
        }
    }

    /// What an error of SQLite's means here: it keeps to itself what the system said.
    pub(super) fn explain(&self, source: rusqlite::Error) -> StoreError {
        let cause = match source.sqlite_error_code() {
            Some(ErrorCode::CannotOpen) => self.misplaced().or_else(|| self.refused()),
            Some(ErrorCode::ReadOnly) => self.misplaced(),
            Some(ErrorCode::SystemIoFailure) if self.is_disk_full() => {
                return StoreError::Full {
                    path: self.path.clone(),
                    cause: source,
                };
            }
            Some(_) | None => None,
        };
        cause.unwrap_or_else(|| StoreError::from_sqlite(&self.path, source))
    }

    /// The same file as a URI that has SQLite neither lock nor write anything.
    pub(super) fn immutable_uri(&self) -> String {
        let mut uri = String::from("file:");
        for &octet in self.resolved.as_os_str().as_bytes() {
            match octet {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                    uri.push(octet.into());
                }
                other => uri.push_str(&format!("%{other:02X}")),
            }
        }
        uri + "?immutable=1"
    }

    /// What stands where the database or a file beside it belongs, and is no file.
    fn misplaced(&self) -> Option<StoreError> {
        let beside = [self.log(), self.index()];
        let mut files = std::iter::once(self).chain(&beside);
        files.find_map(|file| file.length().err())
    }

    /// Why the system does not let the database, a file beside it or their directory be written.
    fn refused(&self) -> Option<StoreError> {
        let (log, index) = (self.log(), self.index());
        let both = Access::READ_OK | Access::WRITE_OK;
        let files = [self, &log, &index].into_iter();
        let refused = files
            .filter(|file| matches!(file.length(), Ok(Some(_))))
            .find_map(|file| {
                Some((
                    file,
                    "open",
                    rustix::fs::access(&file.resolved, both).err()?,
                ))
            });
        let (file, action, errno) = refused.or_else(|| {
            let errno = rustix::fs::access(self.directory(), Access::WRITE_OK).err()?;
            Some((self, "write beside", errno))
        })?;
        Some(StoreError::Io {
            action,
            path: file.path.clone(),
            source: errno.into(),
        })
    }

    fn is_disk_full(&self) -> bool {
        rustix::fs::statvfs(self.directory()).is_ok_and(|disk| disk.f_bavail == 0)
    }

    fn beside(&self, suffix: &str) -> Place {
        let with_suffix = |path: &Path| {
            let mut path = path.as_os_str().to_owned();
            path.push(suffix);
            PathBuf::from(path)
        };
        Place {
            path: with_suffix(&self.path),
            resolved: with_suffix(&self.resolved),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_leaves_no_character_of_the_path_to_be_misread() {
        let place = Place {
            path: PathBuf::new(),
            resolved: PathBuf::from("/a b/c?d#e%f\u{fc}.db"),
        };
        assert_eq!(
            place.immutable_uri(),
            "file:/a%20b/c%3Fd%23e%25f%C3%BC.db?immutable=1"
        );
    }
}
