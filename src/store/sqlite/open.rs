//! Opening the database: never a link, never made anew in silence, never half there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::StoreError;
use super::schema::{self, Version};

/// What to do when there is no inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Refuse: there is an authority, so there was an inventory.
    MustExist,
    /// Make an empty one, 0600.
    Create,
}

/// A connection to the inventory in a file, its schema up to date.
pub(super) fn open(path: &Path, opening: Opening) -> Result<Connection, StoreError> {
    let place = without_links(path)?;
    if !is_there(path, &place)? {
        match opening {
            Opening::MustExist => {
                return Err(StoreError::Missing {
                    path: path.to_owned(),
                });
            }
            Opening::Create => create(path, &place)?,
        }
    }
    for suffix in BESIDE {
        is_there(&beside(path, suffix), &beside(&place, suffix))?;
    }
    if std::fs::metadata(&place).is_ok_and(|metadata| metadata.len() == 0) {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            what: "it is empty".into(),
        });
    }
    patiently(|| connect(path, &place))
}

/// Tries again while other processes are opening or closing the database, which SQLite does not
/// always wait for itself.
pub(super) fn patiently<T>(
    mut attempt: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let started = Instant::now();
    loop {
        match attempt() {
            Err(StoreError::Locked { .. }) if started.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn connect(path: &Path, place: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::from_sqlite(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(place, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    for (option, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    ] {
        connection.set_db_config(option, value).map_err(failed)?;
    }
    connection.execute_batch(SETTINGS).map_err(failed)?;
    match schema::version(&connection, path)? {
        Version::Current => {}
        Version::Behind(_) => upgrade(&mut connection, path)?,
    }
    Ok(connection)
}

fn upgrade(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::from_sqlite(path, source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    if let Version::Behind(behind) = schema::version(&transaction, path)? {
        schema::migrate(&transaction, behind).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Makes an empty inventory, whole or not at all; nothing when another process was faster.
fn create(path: &Path, place: &Path) -> Result<(), StoreError> {
    for suffix in BESIDE {
        if is_there(&beside(path, suffix), &beside(place, suffix))? {
            return Err(StoreError::Damaged {
                path: path.to_owned(),
                what: format!("it is missing, though its {suffix} file is there"),
            });
        }
    }
    let failed = |source| StoreError::Io {
        action: "create",
        path: path.to_owned(),
        source,
    };
    let database =
        schema::empty_database().map_err(|source| StoreError::from_sqlite(path, source))?;
    let directory = place.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .prefix(".inventory-")
        .tempfile_in(directory)
        .map_err(failed)?;
    file.write_all(&database).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(place) {
        Ok(_) => {}
        Err(taken) if taken.error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(other) => return Err(failed(other.error)),
    }
    std::fs::File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}

/// Whether a regular file is there; `path` is what messages name, `place` what is looked at.
fn is_there(path: &Path, place: &Path) -> Result<bool, StoreError> {
    let path = path.to_owned();
    match std::fs::symlink_metadata(place) {
        Ok(metadata) if metadata.is_symlink() => Err(StoreError::SymbolicLink { path }),
        Ok(metadata) if !metadata.is_file() => Err(StoreError::NotFile { path }),
        Ok(_) => Ok(true),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(StoreError::Io {
            action: "look at",
            path,
            source,
        }),
    }
}

/// The path with the links above it resolved, as SQLite takes it when it is to follow none.
fn without_links(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |source| StoreError::Io {
        action: "open",
        path: path.to_owned(),
        source,
    };
    let name = path
        .file_name()
        .ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
    let directory = match path.parent() {
        Some(directory) if directory.as_os_str().is_empty() => Path::new("."),
        Some(directory) => directory,
        None => Path::new("/"),
    };
    match std::fs::canonicalize(directory) {
        Ok(directory) => Ok(directory.join(name)),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Err(StoreError::Missing {
            path: path.to_owned(),
        }),
        Err(source) => Err(failed(source)),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    PathBuf::from(path)
}

/// The write-ahead log and its index, while there are any.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// How long to wait for other processes: longer than 64 of them take on a slow disk.
const PATIENCE: Duration = Duration::from_secs(60);

const SETTINGS: &str = "PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;";
