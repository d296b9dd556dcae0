//! Which messages were seen, so that none is accepted twice.

use std::io::Write as _;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Savepoint, Transaction, TransactionBehavior};
use time::OffsetDateTime;

use super::StoreError;
use crate::pki::fingerprint::{Digest, Fingerprint};

/// A database of ids that were seen, which several processes may use at once.
///
/// An id is kept until it can no longer be valid; whenever one is recorded, some of those that are over are removed.
#[derive(Debug)]
pub struct Replay {
    path: PathBuf,
    connection: Connection,
}

/// Something that may be seen once.
#[derive(Clone, Copy, Debug)]
pub struct ReplayId<'a> {
    /// What kind of id it is: ids of different kinds are different.
    pub kind: &'a str,
    /// Whose id it is.
    pub owner: &'a str,
    /// The id.
    pub id: &'a str,
    /// When it can be forgotten.
    pub until: OffsetDateTime,
}

impl Replay {
    /// Opens the database, or creates one that only its owner may read.
    ///
    /// # Errors
    /// When it is locked for more than 5 seconds, not a database of ids, damaged, or cannot be written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if std::fs::symlink_metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
        {
            create(path)?;
        }
        let failed = |cause| StoreError::from_sqlite(path, cause);
        let io = |source| StoreError::Io {
            action: "open",
            path: path.to_owned(),
            source,
        };
        let metadata = std::fs::symlink_metadata(path).map_err(io)?;
        if metadata.is_symlink() {
            return Err(StoreError::SymbolicLink {
                path: path.to_owned(),
            });
        }
        if !metadata.is_file() {
            return Err(StoreError::NotFile {
                path: path.to_owned(),
            });
        }
        if metadata.len() == 0 {
            return Err(StoreError::Damaged {
                path: path.to_owned(),
                what: "it is empty".into(),
            });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)
            .and_then(|_| connection.execute_batch("PRAGMA synchronous = FULL"))
            .map_err(failed)?;
        let id: i32 = connection
            .query_row("PRAGMA application_id", [], |row| row.get(0))
            .map_err(failed)?;
        if id != APPLICATION_ID {
            return Err(StoreError::Foreign {
                path: path.to_owned(),
            });
        }
        Ok(Replay {
            path: path.to_owned(),
            connection,
        })
    }

    /// Records ids, all or none; `None` when one of them was seen before. Durable once the recording is committed;
    /// other processes wait until it is committed or dropped.
    ///
    /// # Errors
    /// When the database is locked for more than 5 seconds, or cannot be read or written.
    pub fn record(
        &mut self,
        ids: &[ReplayId<'_>],
        now: OffsetDateTime,
    ) -> Result<Option<Recording<'_>>, StoreError> {
        let path = &self.path;
        let failed = |cause| StoreError::from_sqlite(path, cause);
        let change = if self.connection.is_autocommit() {
            self.connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map(Change::Alone)
        } else {
            self.connection.savepoint().map(Change::InBatch)
        };
        let change = change.map_err(failed)?;
        let is_new = insert(&change, ids, now.unix_timestamp()).map_err(failed)?;
        Ok(is_new.then_some(Recording { change, path }))
    }

    /// Begins a batch: what is recorded until [`Replay::end_batch`] becomes durable with it, at the price of one
    /// recording. Other processes wait until then.
    ///
    /// # Errors
    /// When the database is locked for more than 5 seconds, or cannot be written.
    pub fn begin_batch(&mut self) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE")
    }

    /// Makes a batch durable.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing of the batch is recorded.
    pub fn end_batch(&mut self) -> Result<(), StoreError> {
        self.execute("COMMIT")
    }

    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        self.connection
            .execute_batch(statement)
            .map_err(|cause| StoreError::from_sqlite(&self.path, cause))
    }
}

/// Ids that are recorded once this is committed, and not when it is dropped.
#[derive(Debug)]
pub struct Recording<'a> {
    change: Change<'a>,
    path: &'a Path,
}

#[derive(Debug)]
enum Change<'a> {
    Alone(Transaction<'a>),
    InBatch(Savepoint<'a>),
}

impl Deref for Change<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Change::Alone(transaction) => transaction,
            Change::InBatch(savepoint) => savepoint,
        }
    }
}

impl Recording<'_> {
    /// Makes it durable, in a batch together with the batch.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing is recorded.
    pub fn commit(self) -> Result<(), StoreError> {
        let path = self.path;
        match self.change {
            Change::Alone(transaction) => transaction.commit(),
            Change::InBatch(savepoint) => savepoint.commit(),
        }
        .map_err(|cause| StoreError::from_sqlite(path, cause))
    }
}

/// Whether all ids are new; if so they are inserted.
fn insert(connection: &Connection, ids: &[ReplayId<'_>], now: i64) -> rusqlite::Result<bool> {
    let mut prune = connection.prepare_cached(
        "DELETE FROM seen WHERE id IN (SELECT id FROM seen WHERE until < ?1 ORDER BY until LIMIT ?2)",
    )?;
    prune.execute((now, PRUNED_AT_ONCE))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO seen (id, until) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
    )?;
    for id in ids {
        // Kept until the end of that second.
        if insert.execute((id.key().as_bytes(), id.until.unix_timestamp() + 1))? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

impl ReplayId<'_> {
    /// A key of constant size, whatever the sender put into the id.
    fn key(&self) -> Fingerprint {
        let mut digest = Digest::sha256();
        for part in [self.kind, self.owner, self.id] {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        digest.finish()
    }
}

/// Creates an empty database, whole or not at all, 0600; nothing when another process was faster.
fn create(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io {
        action: "create",
        path: path.to_owned(),
        source,
    };
    let mut database = Connection::open_in_memory()
        .and_then(|mut empty| {
            empty.execute_batch(SCHEMA)?;
            empty.serialize("main").map(|bytes| bytes.to_vec())
        })
        .map_err(|cause| StoreError::from_sqlite(path, cause))?;
    database[18..20].fill(WRITE_AHEAD_LOG);
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".replay-")
        .tempfile_in(directory)
        .map_err(failed)?;
    file.write_all(&database)
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    match file.persist_noclobber(path) {
        Err(taken) if taken.error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(failed(taken.error));
        }
        Ok(_) | Err(_) => {}
    }
    std::fs::File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}

const APPLICATION_ID: i32 = 0x6f61_7270; // "oarp"
const SCHEMA: &str = "PRAGMA application_id = 0x6f617270;
    CREATE TABLE seen (id BLOB PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID, STRICT;
    CREATE INDEX seen_until ON seen (until);";
/// The file format's read and write version for a database with a log (SQLite file format §1.3.3).
const WRITE_AHEAD_LOG: u8 = 2;
const PATIENCE: Duration = Duration::from_secs(5);
const PRUNED_AT_ONCE: i64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_recorded_once_and_only_when_committed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("replay.db");
        let now = OffsetDateTime::UNIX_EPOCH;
        let id = |kind, id| ReplayId {
            kind,
            owner: "a",
            id,
            until: now,
        };
        let mut replay = Replay::open(&path).unwrap();
        drop(replay.record(&[id("message", "1")], now).unwrap().unwrap());
        let both = [id("message", "1"), id("idempotency", "1")];
        replay
            .record(&both, now)
            .unwrap()
            .unwrap()
            .commit()
            .unwrap();
        drop(replay);
        let mut replay = Replay::open(&path).unwrap();
        for ids in [both, [id("message", "2"), id("idempotency", "1")]] {
            assert!(replay.record(&ids, now).unwrap().is_none());
        }
        assert!(replay.record(&[id("message", "2")], now).unwrap().is_some());
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let mut replay = Replay::open(&directory.path().join("replay.db")).unwrap();
        let start = OffsetDateTime::UNIX_EPOCH;
        let id = |until| ReplayId {
            kind: "message",
            owner: "a",
            id: "1",
            until,
        };
        for (second, is_new) in [(0, true), (10, false), (11, false), (12, true)] {
            let now = start + Duration::from_secs(second);
            let until = start + Duration::from_secs(10);
            let recording = replay.record(&[id(until)], now).unwrap();
            assert_eq!(recording.is_some(), is_new, "{second}");
            recording.map(Recording::commit).transpose().unwrap();
        }
    }

    #[test]
    fn a_batch_is_recorded_as_a_whole_and_what_is_not_committed_is_not_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("replay.db");
        let now = OffsetDateTime::UNIX_EPOCH;
        let id = |id| ReplayId {
            kind: "message",
            owner: "a",
            id,
            until: now,
        };
        let record = |replay: &mut Replay, one| {
            let recording = replay.record(&[id(one)], now).unwrap();
            recording
                .map(Recording::commit)
                .transpose()
                .unwrap()
                .is_some()
        };
        let mut replay = Replay::open(&path).unwrap();
        replay.begin_batch().unwrap();
        assert!(record(&mut replay, "1"));
        assert!(!record(&mut replay, "1"));
        drop(replay.record(&[id("2")], now).unwrap());
        replay.end_batch().unwrap();
        replay.begin_batch().unwrap();
        assert!(record(&mut replay, "3"));
        drop(replay);
        let mut replay = Replay::open(&path).unwrap();
        assert!(!record(&mut replay, "1"));
        assert!(record(&mut replay, "2"));
        assert!(record(&mut replay, "3"));
    }

    #[test]
    fn another_file_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        for content in [&b""[..], &[0x55; 4096]] {
            let path = directory.path().join("other");
            std::fs::write(&path, content).unwrap();
            assert!(Replay::open(&path).is_err());
        }
    }
}
