//! The inventory in a SQLite database.
//!
//! **Cost of a certificate.** Most processes record one and end, so opening, one commit and closing count
//! together. In WAL mode a commit is one `fsync`, but closing would copy the log into the database and remove
//! it, and the next process would create it again: four more. So the log is kept, and closing checkpoints it
//! only when it is longer than [`CHECKPOINT_OCTETS`]; the next process reads it whole, so it is kept short. For
//! a process that records one entry on ext4, this took 0.9 ms instead of 1.5 ms.
//!
//! **Backups.** `inventory.db-wal` holds the latest changes and belongs in every copy
//! (`sqlite3 inventory.db '.backup copy.db'` makes one of a single file). [`noted`] detects a lost log.
//!
//! **Concurrency.** Every change is one immediate transaction; others wait. A new file appears whole, schema
//! included, so no process meets a half-created database.

mod audit;
mod authorities;
mod documents;
mod ends;
mod entries;
mod names;
mod noted;
mod open;
mod place;
mod query;
mod revocations;
mod rows;
mod schema;
mod search;
mod transaction;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{
    Connection, OptionalExtension as _, Row, ToSql, Transaction, TransactionBehavior, named_params,
    params,
};
use time::OffsetDateTime;

pub use open::Opening;

use place::Place;

use super::revocation::without_hold;
use super::{
    Action, Actor, AuditEvent, AuditFilter, AuditRecord, AuthorityRecord, Counts, Document,
    DocumentKind, Ends, Entry, Filter, Inventory, Revocation, RevocationChange, RevokedCertificate,
    Search, StoreError,
};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;

/// The inventory in a SQLite database in WAL mode, every change on disk when it returns.
#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    place: Place,
    /// How long the log was after the last change made here.
    log_octets: u64,
    /// How long the log may be when this is closed.
    checkpoint_octets: u64,
    /// How many transactions are open within one another.
    depth: usize,
    /// Who changes it; `None` when nobody is to be told.
    actor: Option<Arc<Actor>>,
}

impl Sqlite {
    /// The inventory in this file.
    ///
    /// # Errors
    /// When it is missing and `opening` does not say to make it; when it is empty, damaged, no
    /// inventory, of a newer schema, a link or no file; when another process keeps it for a minute.
    pub(super) fn open(path: &Path, opening: Opening) -> Result<Self, StoreError> {
        let place = Place::new(path)?;
        // What is new is whole from the start, in one file.
        let is_new = opening == Opening::Create && place.length()?.is_none();
        Ok(Sqlite {
            connection: open::open(&place, opening)?,
            place,
            log_octets: 0,
            checkpoint_octets: if is_new { 0 } else { CHECKPOINT_OCTETS },
            depth: 0,
            actor: Some(Arc::new(Actor::unknown())),
        })
    }

    /// Does the same for a change that adds no entry.
    fn counted_change<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.change(|transaction| {
            transaction
                .prepare_cached("UPDATE ledger SET changes = changes + 1")?
                .execute([])?;
            change(transaction)
        })
    }

    /// Shows what a query finds, a row at a time, until the visitor breaks.
    fn each<T>(
        &self,
        query: &str,
        parameters: &[&dyn ToSql],
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        mut visitor: impl FnMut(T) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut run = || {
            let mut statement = self.connection.prepare_cached(query)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                if visitor(read(row)?).is_break() {
                    break;
                }
            }
            Ok(())
        };
        run().map_err(|source| self.place.explain(source))
    }

    fn first_entry(
        &self,
        query: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Option<Entry>, StoreError> {
        let query = format!("SELECT {} FROM entry {query}", rows::COLUMNS);
        let mut found = None;
        self.each(&query, parameters, rows::entry, |entry| {
            found = Some(entry);
            ControlFlow::Break(())
        })?;
        match found {
            Some(entry) if Fingerprint::sha256(&entry.certificate) != entry.fingerprint => {
                Err(StoreError::Damaged {
                    path: self.place.path.clone(),
                    what: format!("the certificate {} is not what was recorded", entry.serial),
                })
            }
            found => Ok(found),
        }
    }
}

impl Inventory for Sqlite {
    fn act_as(&mut self, actor: Option<Arc<Actor>>) -> Option<Arc<Actor>> {
        std::mem::replace(&mut self.actor, actor)
    }

    fn note(&mut self, event: AuditEvent) -> Result<(), StoreError> {
        let actor = self.actor.clone();
        self.counted_change(|transaction| audit::tell(transaction, actor.as_deref(), [event]))
    }

    fn keep_audit(&mut self, records: &[AuditRecord]) -> Result<(), StoreError> {
        self.counted_change(|transaction| audit::keep(transaction, records))
    }

    fn audit(
        &self,
        filter: &AuditFilter,
        visitor: &mut dyn FnMut(AuditRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.walk_audit(filter, visitor)
    }

    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        self.audit_behind(position, limit)
    }

    fn record_as(&mut self, entries: &[Entry], action: Action) -> Result<(), StoreError> {
        self.add(entries, action)
    }

    fn find(&self, serial: &SerialNumber) -> Result<Option<Entry>, StoreError> {
        self.first_entry("WHERE serial = ?1", &[&serial.shown_bytes()])
    }

    fn find_each(&self, serials: &[&SerialNumber]) -> Result<Vec<Option<Entry>>, StoreError> {
        let failed = |source| self.place.explain(source);
        if self.depth > 0 {
            return serials.iter().map(|serial| self.find(serial)).collect();
        }
        // One transaction: the database is locked once, and not for each.
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)
                .map_err(failed)?;
        let found = serials.iter().map(|serial| self.find(serial)).collect();
        transaction.commit().map_err(failed)?;
        found
    }

    fn find_by_public_key(&self, public_key: &Fingerprint) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        let query = format!(
            "SELECT {} FROM entry WHERE substr(public_key, 1, 8) = substr(?1, 1, 8) \
             AND public_key = ?1 ORDER BY id",
            rows::COLUMNS
        );
        self.each(&query, &[&public_key.as_bytes()], rows::entry, |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn find_compromised(&self, public_key: &Fingerprint) -> Result<Option<Entry>, StoreError> {
        // The condition on the reason is that of the index.
        let query = "WHERE public_key = ?1 AND revocation_reason IN (1, 2) LIMIT 1";
        self.first_entry(query, &[&public_key.as_bytes()])
    }

    fn find_by_name(&self, name: &str, _now: OffsetDateTime) -> Result<Vec<Entry>, StoreError> {
        self.named(name)
    }

    fn entries_after(&self, position: u64, limit: usize) -> Result<Vec<(u64, Entry)>, StoreError> {
        self.behind(position, limit)
    }

    fn manifests(&self) -> Result<Vec<(Fingerprint, u64)>, StoreError> {
        let mut found = Vec::new();
        let read = |row: &Row<'_>| {
            let manifest: Vec<u8> = row.get(0)?;
            Ok((Fingerprint::from_bytes(&manifest), rows::count(row, 1)?))
        };
        let query = "SELECT manifest, rows FROM batch ORDER BY manifest";
        self.each(query, &[], read, |manifest| {
            found.push(manifest);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn remove_entries(&mut self, serials: &[SerialNumber]) -> Result<u64, StoreError> {
        self.drop_entries(serials)
    }

    fn check_indexes(&self) -> Result<Vec<String>, StoreError> {
        let mut problems = Vec::new();
        let read = |row: &Row<'_>| row.get::<_, String>(0);
        self.each("PRAGMA integrity_check(100)", &[], read, |line| {
            problems.extend((line != "ok").then_some(line));
            ControlFlow::Continue(())
        })?;
        let read = |row: &Row<'_>| rows::count(row, 0);
        self.each(query::NAMES_ASTRAY, &[], read, |count| {
            problems
                .extend((count > 0).then(|| format!("{count} indexed names have no certificate")));
            ControlFlow::Continue(())
        })?;
        Ok(problems)
    }

    fn directories(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut directories = Vec::new();
        let query = "SELECT path FROM directory ORDER BY path";
        let read = |row: &Row<'_>| rows::directory(row, 0);
        self.each(query, &[], read, |directory| {
            directories.push(directory);
            ControlFlow::Continue(())
        })?;
        Ok(directories)
    }

    fn visit(
        &self,
        filter: &Filter,
        now: OffsetDateTime,
        visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.walk(filter, now, visitor)
    }

    fn page(
        &self,
        search: &Search,
        now: OffsetDateTime,
    ) -> Result<Vec<(super::Place, Entry)>, StoreError> {
        self.search(search, now)
    }

    fn counts(&self, now: OffsetDateTime) -> Result<Counts, StoreError> {
        let now = now.unix_timestamp();
        let counted =
            self.connection
                .query_row(query::COUNTS, named_params! { ":now": now }, |row| {
                    Ok(Counts {
                        valid: rows::count(row, 0)?,
                        revoked: rows::count(row, 1)?,
                        expired: rows::count(row, 2)?,
                        not_yet_valid: rows::count(row, 3)?,
                        on_hold: rows::count(row, 4)?,
                        superseded: rows::count(row, 5)?,
                        retired: rows::count(row, 6)?,
                    })
                });
        counted.map_err(|source| self.place.explain(source))
    }

    fn ends(&self, now: OffsetDateTime, days: u16) -> Result<Vec<Ends>, StoreError> {
        self.count_ends(now, days)
    }

    fn ending(
        &self,
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.next_ends(from, until, limit)
    }

    fn rows_released(&self, manifest: &Fingerprint) -> Result<u64, StoreError> {
        let query = "SELECT rows FROM batch WHERE manifest = ?1";
        let rows = self
            .connection
            .query_row(query, [manifest.as_bytes()], |row| rows::count(row, 0));
        Ok(rows
            .optional()
            .map_err(|source| self.place.explain(source))?
            .unwrap_or(0))
    }

    fn note_rows_released(&mut self, manifest: &Fingerprint, rows: u64) -> Result<(), StoreError> {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.counted_change(|transaction| {
            transaction.execute(
                "INSERT INTO batch (manifest, rows) VALUES (?1, ?2) ON CONFLICT (manifest) DO UPDATE SET rows = ?2",
                params![manifest.as_bytes(), rows],
            )
        })?;
        Ok(())
    }

    fn record_authority(
        &mut self,
        certificate: &[u8],
        created_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.add_authority(certificate, created_at)
    }

    fn complete_authority(&mut self, certificate: &[u8]) -> Result<bool, StoreError> {
        self.finish_authority(certificate)
    }

    fn retire_authority(
        &mut self,
        certificate: &[u8],
        serials: &[SerialNumber],
        retired_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.end_authority(certificate, serials, retired_at)
    }

    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        self.list_authorities()
    }

    fn revoke_all(
        &mut self,
        serials: &[SerialNumber],
        revocation: Revocation,
    ) -> Result<Vec<RevocationChange>, StoreError> {
        self.change_revocations(serials, |standing| {
            let (change, stands) = revocation.over(standing);
            (change, Some(stands))
        })
    }

    fn unrevoke(&mut self, serial: &SerialNumber) -> Result<RevocationChange, StoreError> {
        let changes = self.change_revocations(std::slice::from_ref(serial), without_hold)?;
        Ok(changes
            .first()
            .copied()
            .unwrap_or(RevocationChange::Unknown))
    }

    fn revoked(
        &self,
        visitor: &mut dyn FnMut(RevokedCertificate) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.each(query::REVOKED, &[], rows::revoked, visitor)
    }

    fn carry_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError> {
        self.take_over(revoked, crl_number)
    }

    fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError> {
        self.read_document(kind, key)
    }

    fn put_document(&mut self, document: &Document) -> Result<bool, StoreError> {
        let actor = self.actor.clone();
        self.counted_change(|transaction| {
            let written = if document.version == 0 {
                rows::insert_document(transaction, document)?
            } else {
                rows::update_document(transaction, document)?
            };
            let event = (written > 0).then(|| AuditEvent::written(document));
            audit::tell(transaction, actor.as_deref(), event.flatten())?;
            Ok(written > 0)
        })
    }

    fn documents(
        &self,
        kind: DocumentKind,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.list_documents(kind, owner, after, limit)
    }

    fn remove_document(&mut self, kind: DocumentKind, key: &str) -> Result<bool, StoreError> {
        let actor = self.actor.clone();
        self.counted_change(|transaction| {
            let mut statement =
                transaction.prepare_cached("DELETE FROM document WHERE kind = ?1 AND key = ?2")?;
            let is_removed = statement.execute([kind.name(), key])? > 0;
            let event = is_removed.then(|| AuditEvent::removed(kind, key));
            audit::tell(transaction, actor.as_deref(), event.flatten())?;
            Ok(is_removed)
        })
    }

    fn remove_expired(&mut self, now: OffsetDateTime, limit: usize) -> Result<u64, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.counted_change(|transaction| {
            let mut statement = transaction.prepare_cached(query::REMOVE_EXPIRED)?;
            let removed = statement.execute(params![now.unix_timestamp(), limit])?;
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
    }

    fn together(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Inventory) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.transact(|this| work(this))
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, StoreError> {
        let database = self.connection.serialize("main");
        let database = database.map_err(|source| self.place.explain(source))?;
        Ok(database.to_vec())
    }

    fn find_carried_over(
        &self,
        serial: &SerialNumber,
    ) -> Result<Option<RevokedCertificate>, StoreError> {
        let mut found = None;
        let parameters: [&dyn ToSql; 1] = [&serial.shown_bytes()];
        self.each(query::CARRIED_OVER, &parameters, rows::revoked, |one| {
            found = Some(one);
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    fn revocation_version(&self) -> Result<u64, StoreError> {
        let version = self
            .connection
            .prepare_cached("SELECT revocations FROM ledger")
            .and_then(|mut query| query.query_row([], |row| rows::count(row, 0)));
        version.map_err(|source| self.place.explain(source))
    }

    fn crl_number(&self) -> Result<u64, StoreError> {
        let query = "SELECT crl_number FROM ledger";
        let number = self
            .connection
            .query_row(query, [], |row| rows::count(row, 0));
        number.map_err(|source| self.place.explain(source))
    }

    fn next_crl_number(&mut self, above: u64) -> Result<u64, StoreError> {
        let above = i64::try_from(above).unwrap_or(i64::MAX);
        let actor = self.actor.clone();
        self.counted_change(|transaction| {
            let number = transaction.query_row(
                "UPDATE ledger SET crl_number = max(crl_number, ?1) + 1 RETURNING crl_number",
                [above],
                |row| rows::count(row, 0),
            )?;
            audit::tell(transaction, actor.as_deref(), [AuditEvent::crl(number)])?;
            Ok(number)
        })
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        if self.log_octets > self.checkpoint_octets {
            self.checkpoint();
        }
    }
}

/// Whether a row was refused for a serial number that is another's.
fn is_not_unique(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// The log's length at which one who closes the database checkpoints it: 64 frames of a page, which
/// about 13 certificates fill. The next process reads it in 0.1 ms.
const CHECKPOINT_OCTETS: u64 = 64 * (4096 + 24);
