//! What keeps the inventory from being read or written.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::pki::escape::Escaped;
use crate::pki::serial::SerialNumber;

/// Why the inventory could not be read or written. Nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The inventory, or a part of it, is not there.
    #[error("{}: is missing", shown(path))]
    Missing {
        /// The file that is not there.
        path: PathBuf,
    },
    /// It is no inventory, or no longer a whole one.
    #[error("{}: is damaged: {what}", shown(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Changes that were on disk are there no more.
    #[error(
        "{}: {changes} of its latest changes are lost: {} was removed or damaged, or an older copy put in its place",
        shown(path),
        shown(log)
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// The log beside it, which held them.
        log: PathBuf,
        /// How many certificates, revocations and the like.
        changes: u64,
    },
    /// Another program's database.
    #[error("{}: is a database, but not an inventory", shown(path))]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program made it.
    #[error(
        "{}: has schema version {found}, and this program knows versions up to {known}",
        shown(path)
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// A link stands where the inventory belongs.
    #[error("{}: is a symbolic link, and links are not followed", shown(path))]
    SymbolicLink {
        /// The link.
        path: PathBuf,
    },
    /// A directory, a device, a pipe or a socket stands where the inventory belongs.
    #[error("{}: is not a regular file", shown(path))]
    NotFile {
        /// What stands there.
        path: PathBuf,
    },
    /// There is no room.
    #[error("{}: cannot be written: the disk is full ({cause})", shown(path))]
    Full {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// The file or its file system cannot be written.
    #[error("{}: cannot be written: it is read-only ({cause})", shown(path))]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// Another process holds it, and did not let go.
    #[error("{}: is locked by another process ({cause})", shown(path))]
    Locked {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// Two certificates with one serial number.
    #[error(
        "{}: there is a certificate with serial number {serial} already",
        shown(path)
    )]
    SerialTaken {
        /// The file.
        path: PathBuf,
        /// The serial number.
        serial: SerialNumber,
    },
    /// SQLite refuses for another reason.
    #[error("{}: {cause}", shown(path))]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// The operating system refuses.
    #[error("{}: cannot {action}: {source}", shown(path))]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl StoreError {
    /// The error's stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Missing { .. } => "inventory-missing",
            StoreError::Damaged { .. } => "inventory-damaged",
            StoreError::Lost { .. } => "inventory-lost",
            StoreError::Foreign { .. } => "inventory-foreign",
            StoreError::Newer { .. } => "inventory-newer",
            StoreError::SymbolicLink { .. } => "symbolic-link",
            StoreError::NotFile { .. } => "inventory-not-file",
            StoreError::Full { .. } => "inventory-full",
            StoreError::ReadOnly { .. } => "inventory-read-only",
            StoreError::Locked { .. } => "inventory-locked",
            StoreError::SerialTaken { .. } => "serial-taken",
            StoreError::Sqlite { .. } | StoreError::Io { .. } => "inventory-io",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            StoreError::Missing { path } => format!(
                "restore {} from a backup; it is never made anew beside an authority",
                shown(path)
            ),
            StoreError::Damaged { path, .. } => format!(
                "restore {} from a backup, or save what is left of it with `sqlite3 {} .recover`",
                shown(path),
                shown(path)
            ),
            StoreError::Lost { path, log, .. } => format!(
                "restore {0} and {1} from a backup; to go on without what is lost, `setfattr -x user.openagents-certs.changes {0}`",
                shown(path),
                shown(log)
            ),
            StoreError::Foreign { .. } => {
                "give the authority's own directory with `-C`, or move that file away".into()
            }
            StoreError::Newer { .. } => {
                "use the version of openagents-certs that made it, or a later one".into()
            }
            StoreError::SymbolicLink { path } => format!(
                "put the file itself there, or give the directory it is in with `-C`: {}",
                shown(path)
            ),
            StoreError::NotFile { path } => format!(
                "move {} away and restore the inventory from a backup",
                shown(path)
            ),
            StoreError::Full { .. } => {
                "make room on the disk; nothing that was there has changed".into()
            }
            StoreError::ReadOnly { .. } => {
                "check the owner and mode of the file and its directory, and how the disk is mounted"
                    .into()
            }
            StoreError::Locked { .. } => {
                "wait for the other process to end, or find it with `fuser` or `lsof`".into()
            }
            StoreError::SerialTaken { .. } => {
                "issue it again: the next serial number is another one".into()
            }
            StoreError::Sqlite { path, .. } | StoreError::Io { path, .. } => format!(
                "check that {} and its directory can be read and written, and the disk under them",
                shown(path)
            ),
        }
    }

    /// What SQLite's error means for the inventory in this file.
    pub(super) fn from_sqlite(path: &Path, cause: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let Some(code) = cause.sqlite_error_code() else {
            return match cause {
                cause @ (rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)) => StoreError::Damaged {
                    path,
                    what: Escaped(&cause.to_string()).to_string(),
                },
                cause => StoreError::Sqlite { path, cause },
            };
        };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "SQLite's codes are many and its own"
        )]
        match code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged {
                path,
                what: cause.to_string(),
            },
            ErrorCode::DiskFull => StoreError::Full { path, cause },
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                StoreError::ReadOnly { path, cause }
            }
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed => StoreError::Locked { path, cause },
            _ => StoreError::Sqlite { path, cause },
        }
    }
}

/// A path as a message shows it.
pub(super) fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}
