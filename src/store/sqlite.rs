//! The inventory in a SQLite database.

mod open;
mod query;
mod rows;
mod schema;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::{
    Connection, ErrorCode, OptionalExtension as _, Row, ToSql, Transaction, TransactionBehavior,
    named_params, params,
};
use time::OffsetDateTime;

pub use open::Opening;

use super::entry::{revoked, unrevoked};
use super::{
    AuthorityRecord, BatchRow, Counts, Entry, Filter, Inventory, Revocation, RevocationChange,
    RevokedCertificate, StoreError,
};
use crate::pki::serial::SerialNumber;

/// The inventory in a SQLite database in WAL mode, every change on disk when it returns.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
}

impl Sqlite {
    /// The inventory in this file.
    ///
    /// # Errors
    /// When it is missing and `opening` does not say to make it; when it is empty, damaged, no
    /// inventory, of a newer schema, a link or no file; when another process keeps it for a minute.
    pub fn open(path: &Path, opening: Opening) -> Result<Self, StoreError> {
        Ok(Sqlite {
            connection: open::open(path, opening)?,
            path: path.to_owned(),
        })
    }

    /// Does something in a transaction that nothing can come between.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let (path, connection) = (&self.path, &self.connection);
        let failed = |source| StoreError::from_sqlite(path, source);
        let transaction = open::patiently(|| {
            Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)
        })?;
        let done = change(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
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
        run().map_err(|source| StoreError::from_sqlite(&self.path, source))
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
        Ok(found)
    }

    /// Changes how a certificate's revocation stands, as `decide` says.
    fn change_revocation(
        &mut self,
        serial: &SerialNumber,
        decide: impl FnOnce(Option<Revocation>) -> (RevocationChange, Option<Revocation>),
    ) -> Result<RevocationChange, StoreError> {
        self.change(|transaction| {
            let standing = transaction
                .prepare_cached(
                    "SELECT revoked_at, revocation_reason FROM entry WHERE serial = ?1",
                )?
                .query_row([serial.shown_octets()], |row| rows::revocation(row, 0))
                .optional()?;
            let Some(standing) = standing else {
                return Ok(RevocationChange::Unknown);
            };
            let (change, revocation) = decide(standing);
            if revocation != standing {
                transaction.execute(
                    "UPDATE entry SET revoked_at = ?2, revocation_reason = ?3 WHERE serial = ?1",
                    params![
                        serial.shown_octets(),
                        revocation.map(|revocation| revocation.at.unix_timestamp()),
                        revocation.map(|revocation| revocation.reason.code()),
                    ],
                )?;
            }
            Ok(change)
        })
    }
}

impl Inventory for Sqlite {
    fn record(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut taken = None;
        let recorded = self.change(|transaction| {
            let mut statement = transaction.prepare_cached(rows::INSERT)?;
            for entry in entries {
                rows::insert(&mut statement, entry)
                    .inspect_err(|_| taken = Some(entry.serial.clone()))?;
            }
            Ok(())
        });
        match (recorded, taken) {
            (Err(StoreError::Sqlite { path, source }), Some(serial))
                if source.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) =>
            {
                Err(StoreError::SerialTaken { path, serial })
            }
            (recorded, _) => recorded,
        }
    }

    fn find(&self, serial: &SerialNumber) -> Result<Option<Entry>, StoreError> {
        self.first_entry("WHERE serial = ?1", &[&serial.shown_octets()])
    }

    fn visit(
        &self,
        filter: &Filter,
        now: OffsetDateTime,
        visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut left = filter.limit.unwrap_or(usize::MAX);
        let query = query::matching(filter, now);
        let parameters: Vec<&dyn ToSql> = query.parameters.iter().map(|p| p as _).collect();
        self.each(&query.text, &parameters, rows::entry, |entry| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            if !filter.matches(&entry, now) {
                return ControlFlow::Continue(());
            }
            left -= 1;
            visitor(entry)
        })
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
                    })
                });
        counted.map_err(|source| StoreError::from_sqlite(&self.path, source))
    }

    fn batch_row(&self, row: &BatchRow) -> Result<Option<Entry>, StoreError> {
        let number = i64::try_from(row.row).unwrap_or(i64::MAX);
        self.first_entry(
            "WHERE manifest = ?1 AND manifest_row = ?2 ORDER BY id DESC LIMIT 1",
            &[&row.manifest.as_bytes(), &number],
        )
    }

    fn record_authority(
        &mut self,
        certificate: &[u8],
        created_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.change(|transaction| {
            transaction.execute(
                "INSERT INTO authority (certificate, created_at, complete) SELECT ?1, ?2, 0 \
                 WHERE NOT EXISTS (SELECT 1 FROM authority WHERE certificate = ?1)",
                params![certificate, created_at.unix_timestamp()],
            )
        })?;
        Ok(())
    }

    fn complete_authority(&mut self, certificate: &[u8]) -> Result<bool, StoreError> {
        let changed = self.change(|transaction| {
            transaction.execute(
                "UPDATE authority SET complete = 1 WHERE certificate = ?1",
                [certificate],
            )
        })?;
        Ok(changed > 0)
    }

    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        let mut authorities = Vec::new();
        let read = |row: &Row<'_>| {
            Ok(AuthorityRecord {
                certificate: row.get(0)?,
                created_at: rows::moment(row, 1)?,
                complete: row.get(2)?,
            })
        };
        let query = "SELECT certificate, created_at, complete FROM authority ORDER BY id";
        self.each(query, &[], read, |authority| {
            authorities.push(authority);
            ControlFlow::Continue(())
        })?;
        Ok(authorities)
    }

    fn revoke(
        &mut self,
        serial: &SerialNumber,
        revocation: Revocation,
    ) -> Result<RevocationChange, StoreError> {
        self.change_revocation(serial, |standing| revoked(standing, revocation))
    }

    fn unrevoke(&mut self, serial: &SerialNumber) -> Result<RevocationChange, StoreError> {
        self.change_revocation(serial, unrevoked)
    }

    fn revoked(
        &self,
        visitor: &mut dyn FnMut(RevokedCertificate) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.each(query::REVOKED, &[], rows::revoked, visitor)
    }

    fn next_crl_number(&mut self, above: u64) -> Result<u64, StoreError> {
        let above = i64::try_from(above).unwrap_or(i64::MAX);
        self.change(|transaction| {
            transaction.query_row(
                "UPDATE crl SET number = max(number, ?1) + 1 RETURNING number",
                [above],
                |row| rows::count(row, 0),
            )
        })
    }
}
