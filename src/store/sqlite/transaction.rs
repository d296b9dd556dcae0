//! Transactions, and savepoints within them.

use std::time::Duration;

use rusqlite::Connection;

use super::{Sqlite, StoreError, noted, open};

impl Sqlite {
    /// Does something in a transaction that nothing can come between.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.transact(|this| change(&this.connection).map_err(|source| this.place.explain(source)))
    }

    /// Does something in a transaction, or in a savepoint when one is open.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let is_outermost = self.depth == 0;
        if is_outermost {
            open::patiently(|| self.execute("BEGIN IMMEDIATE"))?;
        } else {
            self.refuse_aborted()?;
            self.execute("SAVEPOINT part")?;
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        let finished = done.and_then(|done| {
            self.refuse_aborted()?;
            if is_outermost {
                self.commit()?;
            } else {
                self.execute("RELEASE part")?;
            }
            Ok(done)
        });
        if finished.is_err() {
            // On a full disk SQLite may have undone everything already.
            let _ = self.execute(if is_outermost {
                "ROLLBACK"
            } else {
                "ROLLBACK TO part; RELEASE part"
            });
        }
        finished
    }

    /// Commits, and notes how many changes there are now.
    fn commit(&mut self) -> Result<(), StoreError> {
        let changes = noted::changes(&self.connection);
        let changes = changes.map_err(|source| self.place.explain(source))?;
        self.execute("COMMIT")?;
        noted::write(&self.place, changes);
        self.log_octets = self.place.log().length().ok().flatten().unwrap_or(0);
        if self.log_octets > MAX_LOG_OCTETS {
            self.checkpoint();
        }
        Ok(())
    }

    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        let done = self.connection.execute_batch(statement);
        done.map_err(|source| self.place.explain(source))
    }

    /// Refuses to go on after SQLite undid the transaction by itself: what follows would be one of its own.
    fn refuse_aborted(&self) -> Result<(), StoreError> {
        if !self.connection.is_autocommit() {
            return Ok(());
        }
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
        let aborted = rusqlite::Error::SqliteFailure(code, None);
        Err(self.place.explain(aborted))
    }

    /// Copies the log into the database and empties it, unless others are at work on it. What goes
    /// wrong here loses nothing: the log stays, and the next one tries again.
    pub(super) fn checkpoint(&self) {
        let _ = self.connection.busy_timeout(Duration::ZERO);
        let _ = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let _ = self.connection.busy_timeout(open::PATIENCE);
    }
}

/// The log's length at which one who goes on checkpoints it.
const MAX_LOG_OCTETS: u64 = 32 << 20;
