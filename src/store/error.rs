//! Why the inventory cannot be read or written.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::Fault;
use crate::pki::escape::Escaped;
use crate::pki::serial::SerialNumber;

/// Why the inventory could not be read or written. Nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The inventory or a part of it is missing.
    #[error("{}: is missing", shown(path))]
    Missing {
        /// The file that is not there.
        path: PathBuf,
    },
    /// It is damaged, or not an inventory.
    #[error("{}: is damaged: {what}", shown(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Changes that were on disk are lost.
    #[error(
        "{}: {changes} of its latest changes are lost: {} was removed or damaged, or replaced by an older copy",
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
    /// A later version of this program created it.
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
    /// The inventory is a symbolic link.
    #[error("{}: is a symbolic link, and links are not followed", shown(path))]
    SymbolicLink {
        /// The link.
        path: PathBuf,
    },
    /// The inventory is a directory, device, pipe or socket.
    #[error("{}: is not a regular file", shown(path))]
    NotFile {
        /// Its path.
        path: PathBuf,
    },
    /// The disk is full.
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
    /// Another process kept it locked.
    #[error("{}: is locked by another process ({cause})", shown(path))]
    Locked {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// Two certificates with one serial number.
    #[error("{}: serial number {serial} is already recorded", shown(path))]
    SerialTaken {
        /// The file.
        path: PathBuf,
        /// The serial number.
        serial: SerialNumber,
    },
    /// A database server cannot be used.
    #[error("{}: {}", Escaped(store), Escaped(what))]
    Server {
        /// Its address, without the password.
        store: String,
        /// The kind of fault.
        fault: Fault,
        /// What is wrong.
        what: String,
    },
    /// A part of a transaction that its caller gave up.
    #[error("a part of the transaction was undone")]
    Undone,
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
            StoreError::Server { fault, .. } => fault.code(),
            StoreError::Undone => "undone",
            StoreError::Sqlite { .. } | StoreError::Io { .. } => "inventory-io",
        }
    }

    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            StoreError::Missing { path } => format!(
                "restore {} from a backup; a new one is never created beside an authority",
                shown(path)
            ),
            StoreError::Damaged { path, .. } if path.starts_with("postgres:") => {
                "restore the database from a backup; `openagents-certs store check` lists what is damaged".into()
            }
            StoreError::Damaged { path, .. } => format!(
                "restore {} from a backup, or save what is left of it with `sqlite3 {} .recover`",
                shown(path),
                shown(path)
            ),
            StoreError::Lost { path, log, .. } => format!(
                "restore {0} and {1} from a backup; to continue without the lost changes, `setfattr -x user.openagents-certs.changes {0}`",
                shown(path),
                shown(log)
            ),
            StoreError::Foreign { .. } => {
                "give the authority's own directory with `-C`, or move that file away".into()
            }
            StoreError::Newer { .. } => {
                "use the version of openagents-certs that created it, or a later one".into()
            }
            StoreError::SymbolicLink { path } => format!(
                "replace the link by the file, or give the directory of the file with `-C`: {}",
                shown(path)
            ),
            StoreError::NotFile { path } => format!(
                "move {} away and restore the inventory from a backup",
                shown(path)
            ),
            StoreError::Full { .. } => {
                "free space on the disk; nothing has changed".into()
            }
            StoreError::ReadOnly { .. } => {
                "check the owner and mode of the file and its directory, and how the disk is mounted"
                    .into()
            }
            StoreError::Locked { .. } => {
                "wait for the other process to end, or find it with `fuser` or `lsof`".into()
            }
            StoreError::SerialTaken { .. } => {
                "issue it again: it gets another serial number".into()
            }
            StoreError::Server { fault, .. } => fault.hint().into(),
            StoreError::Undone => "try again".into(),
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
