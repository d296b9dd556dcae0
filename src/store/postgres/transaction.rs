//! Transactions, and savepoints within them.
//!
//! A transaction of several changes locks the ledger first, so that they come one after the other on all machines,
//! as in SQLite: what one of them reads does not change before it writes, and they do not wait for each other in a
//! circle.

use std::time::{Duration, Instant};

use tokio_postgres::types::Type;

use super::super::{Fault, StoreError};
use super::session::{CHANGE_TIME, Failed};
use super::{Open, Postgres, rows};
use crate::pki::serial::SerialNumber;

impl Postgres {
    /// Does something in a transaction, or in a savepoint when one is open.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let is_outermost = self.open.is_none();
        if is_outermost {
            self.begin()?;
        } else {
            self.batch("SAVEPOINT part")?;
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        let finished = done.and_then(|done| {
            if is_outermost {
                self.commit()?;
            } else {
                self.batch("RELEASE part")?;
            }
            Ok(done)
        });
        if finished.is_err() {
            // A connection that is broken has undone everything already.
            let _ = self.batch(if is_outermost {
                "ROLLBACK"
            } else {
                "ROLLBACK TO part; RELEASE part"
            });
        }
        if is_outermost {
            self.open = None;
        }
        finished
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        let begun = self.twice(|| {
            self.on_session(|session, waiting| session.batch(waiting, BEGIN, CHANGE_TIME))
        });
        let id = begun.inspect_err(|_| {
            // It began, and the ledger was not to be had.
            let _ = self.batch("ROLLBACK");
        })?;
        self.open = Some(Open {
            id: id.into_iter().next().flatten().unwrap_or_default(),
            recorded: None,
        });
        Ok(())
    }

    /// Commits. When the answer is lost, finds out whether it was.
    fn commit(&mut self) -> Result<(), StoreError> {
        // The first statement fails where COMMIT would undo a failed transaction and call it success.
        let failed = match self.try_batch("SELECT 1; COMMIT") {
            Ok(_) => return Ok(()),
            Err(failed) if failed.is_broken() => failed,
            Err(failed) => return Err(failed.explain(self.shown())),
        };
        let Some(Open { id, recorded }) = self.open.take() else {
            return Err(failed.explain(self.shown()));
        };
        self.find_out(&failed, Some(&id), recorded.as_ref())
    }

    /// Whether a change was committed whose answer was lost: asks for the transaction, until it has ended, and for a
    /// certificate it recorded. A server that took over from another has other transactions.
    pub(super) fn find_out(
        &mut self,
        failed: &Failed,
        transaction: Option<&str>,
        recorded: Option<&SerialNumber>,
    ) -> Result<(), StoreError> {
        let started = Instant::now();
        self.close();
        loop {
            match self.was_committed(transaction, recorded) {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) => return Err(failed.explain(self.shown())),
                Ok(None) | Err(_) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                }
                Ok(None) | Err(_) => {
                    let what = "the connection broke while a change was committed";
                    return Err(self.fault(Fault::Unconfirmed, what));
                }
            }
        }
    }

    /// `None` while the transaction goes on.
    fn was_committed(
        &self,
        transaction: Option<&str>,
        recorded: Option<&SerialNumber>,
    ) -> Result<Option<bool>, StoreError> {
        let status = match transaction {
            Some(id) => {
                let query = "SELECT pg_xact_status($1::text::xid8)";
                let found = self.rows(query, &[(&id, Type::TEXT)]);
                // A server that took over may not know it.
                found.map_or(None, |rows| {
                    rows::get::<Option<String>>(rows.first()?, 0).ok()?
                })
            }
            None => None,
        };
        if status.as_deref() == Some("in progress") {
            return Ok(None);
        }
        match recorded {
            Some(serial) => {
                let query = "SELECT 1 FROM certs_entry WHERE serial = $1";
                let found = self.rows(query, &[(&serial.shown_bytes(), Type::BYTEA)])?;
                Ok(Some(!found.is_empty()))
            }
            None => match status.as_deref() {
                Some(status) => Ok(Some(status == "committed")),
                // Nothing can be asked for.
                None => Err(self.fault(Fault::Unconfirmed, "the transaction is not known")),
            },
        }
    }
}

/// Begins a transaction, and gives its number.
const BEGIN: &str = "BEGIN; SELECT FROM certs_ledger FOR UPDATE; SELECT pg_current_xact_id()::text";
/// How long to ask.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);
