//! Opening the database: no link is followed, nothing is made anew in silence, nothing is half there.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};

use super::super::error::shown;
use super::place::Place;
use super::schema::{self, Version};
use super::{StoreError, noted};

/// What to do when there is no inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Refuse: there is an authority, so there was an inventory.
    MustExist,
    /// Make an empty one, 0600.
    Create,
}

/// A connection to the inventory in a file, its schema up to date.
pub(super) fn open(place: &Place, opening: Opening) -> Result<Connection, StoreError> {
    let path = || place.path.clone();
    match (place.length()?, opening) {
        (None, Opening::MustExist) => return Err(StoreError::Missing { path: path() }),
        (None, Opening::Create) => create(place)?,
        (Some(0), Opening::MustExist | Opening::Create) => {
            return Err(StoreError::Damaged {
                path: path(),
                what: "it is empty".into(),
            });
        }
        (Some(_), Opening::MustExist | Opening::Create) => {}
    }
    let before = noted::read(place);
    let log_is_there = place.log().length()?.is_some();
    let connection = patiently(|| connect(place))?;
    if !log_is_there && !connection.is_readonly("main").unwrap_or(false) {
        sync_directory(place)?;
    }
    let held = noted::changes(&connection).map_err(|source| place.explain(source))?;
    match before {
        Some(noted) if held < noted => Err(StoreError::Lost {
            path: path(),
            log: place.log().path,
            changes: noted - held,
        }),
        Some(_) | None => Ok(connection),
    }
}

/// Tries again while other processes are opening or closing the database, for which SQLite does not
/// always wait itself.
pub(super) fn patiently<T>(
    mut attempt: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let started = Instant::now();
    loop {
        match attempt() {
            Err(StoreError::Locked { .. }) if started.elapsed() < PATIENCE => {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

fn connect(place: &Place) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = Connection::open_with_flags(&place.resolved, flags).and_then(configure);
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(source) => return unwritable(place, source),
    };
    match schema::version(&connection, place)? {
        Version::Current => {}
        Version::Behind(_) => upgrade(&mut connection, place)?,
    }
    Ok(connection)
}

fn configure(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(PATIENCE)?;
    for option in [
        DbConfig::SQLITE_DBCONFIG_DEFENSIVE,
        DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
    ] {
        connection.set_db_config(option, true)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.execute_batch(SETTINGS)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// What a database that SQLite cannot open is: a reason, or one on a disk that cannot be written,
/// which can still be read when nothing is left in its log.
fn unwritable(place: &Place, source: rusqlite::Error) -> Result<Connection, StoreError> {
    let error = place.explain(source);
    let read_only = matches!(
        &error,
        StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem
    );
    if !read_only || place.log().length()?.is_some() {
        return Err(error);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |source| place.explain(source);
    let connection = Connection::open_with_flags(place.immutable_uri(), flags).map_err(failed)?;
    match schema::version(&connection, place)? {
        Version::Current => Ok(connection),
        Version::Behind(_) => Err(error),
    }
}

fn upgrade(connection: &mut Connection, place: &Place) -> Result<(), StoreError> {
    let failed = |source| place.explain(source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    if let Version::Behind(behind) = schema::version(&transaction, place)? {
        schema::migrate(&transaction, behind).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Makes an empty inventory, whole or not at all; nothing when another process was faster.
fn create(place: &Place) -> Result<(), StoreError> {
    let log = place.log();
    if log.length()?.is_some() {
        // The log is made after the database: who was faster may have made both since it was looked for.
        if place.length()?.is_some() {
            return Ok(());
        }
        return Err(StoreError::Damaged {
            path: place.path.clone(),
            what: format!("it is missing, though {} is there", shown(&log.path)),
        });
    }
    let failed = |source| StoreError::Io {
        action: "create",
        path: place.path.clone(),
        source,
    };
    let database = schema::empty_database().map_err(|source| place.explain(source))?;
    let linked = create_nameless(place, &database).or_else(|_| create_named(place, &database));
    match linked {
        Ok(()) => Ok(()),
        Err(taken) if taken.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(other) => Err(failed(other)),
    }
}

/// By way of a file that has no name until it is whole, so that nothing is left of it when we are killed.
fn create_nameless(place: &Place, database: &[u8]) -> std::io::Result<()> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let descriptor = openat(CWD, place.directory(), flags, mode)?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(database)?;
    file.sync_all()?;
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, itself, CWD, &place.resolved, AtFlags::SYMLINK_FOLLOW)?;
    Ok(())
}

/// The same on a file system that has no files without a name.
fn create_named(place: &Place, database: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".inventory-")
        .tempfile_in(place.directory())?;
    file.write_all(database)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(&place.resolved)
        .map_err(|taken| taken.error)?;
    Ok(())
}

/// Makes the database and its log durable by name. SQLite, which makes the log, does it each time
/// it opens one, and says nothing when it fails.
fn sync_directory(place: &Place) -> Result<(), StoreError> {
    std::fs::File::open(place.directory())
        .and_then(|directory| directory.sync_all())
        .map_err(|source| StoreError::Io {
            action: "sync the directory of",
            path: place.path.clone(),
            source,
        })
}

/// How long to wait for other processes: longer than 64 of them take on a slow disk.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How many prepared statements are kept: more than a server runs.
const STATEMENTS: usize = 64;
const PAUSE: Duration = Duration::from_millis(5);

/// Every commit is on disk; the log is checkpointed by [`super::Sqlite`]; 16 MiB of cache.
const SETTINGS: &str =
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;";
