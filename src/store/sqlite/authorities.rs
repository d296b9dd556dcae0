//! The authorities that record here.

use std::ops::ControlFlow;

use rusqlite::{Row, params};
use time::OffsetDateTime;

use super::super::{Action, AuditEvent, AuthorityRecord, StoreError};
use super::{Sqlite, audit, rows};
use crate::pki::serial::SerialNumber;

impl Sqlite {
    /// As [`Inventory::record_authority`](super::super::Inventory::record_authority).
    pub(super) fn add_authority(
        &mut self,
        certificate: &[u8],
        created_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let actor = self.actor.clone();
        self.counted_change(|transaction| {
            let added = transaction.execute(
                "INSERT INTO authority (certificate, created_at, complete) SELECT ?1, ?2, 0 \
                 WHERE NOT EXISTS (SELECT 1 FROM authority WHERE certificate = ?1)",
                params![certificate, created_at.unix_timestamp()],
            )?;
            let event = || AuditEvent::authority(Action::CaCreated, certificate);
            audit::tell(transaction, actor.as_deref(), (added > 0).then(event))
        })
    }

    /// As [`Inventory::complete_authority`](super::super::Inventory::complete_authority).
    pub(super) fn finish_authority(&mut self, certificate: &[u8]) -> Result<bool, StoreError> {
        let actor = self.actor.clone();
        self.counted_change(|transaction| {
            let changed = transaction.execute(
                "UPDATE authority SET complete = 1 WHERE certificate = ?1 AND complete = 0",
                [certificate],
            )?;
            let event = || AuditEvent::authority(Action::CaActivated, certificate);
            audit::tell(transaction, actor.as_deref(), (changed > 0).then(event))?;
            let query = "SELECT EXISTS (SELECT 1 FROM authority WHERE certificate = ?1)";
            transaction.query_row(query, [certificate], |row| row.get(0))
        })
    }

    /// As [`Inventory::retire_authority`](super::super::Inventory::retire_authority).
    pub(super) fn end_authority(
        &mut self,
        certificate: &[u8],
        serials: &[SerialNumber],
        retired_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let retired_at = retired_at.unix_timestamp();
        let actor = self.actor.clone();
        let changed = self.counted_change(|transaction| {
            for serial in serials {
                transaction.execute(
                    "UPDATE entry SET retired_at = ?2 WHERE serial = ?1",
                    params![serial.shown_bytes(), retired_at],
                )?;
            }
            let changed = transaction.execute(
                "UPDATE authority SET retired_at = ?2 WHERE certificate = ?1",
                params![certificate, retired_at],
            )?;
            let event = || AuditEvent::authority(Action::CaRetired, certificate);
            audit::tell(transaction, actor.as_deref(), (changed > 0).then(event))?;
            Ok(changed)
        })?;
        Ok(changed > 0)
    }

    /// As [`Inventory::authorities`](super::super::Inventory::authorities).
    pub(super) fn list_authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        let mut authorities = Vec::new();
        let read = |row: &Row<'_>| {
            Ok(AuthorityRecord {
                certificate: row.get(0)?,
                created_at: rows::moment(row, 1)?,
                complete: row.get(2)?,
                retired_at: rows::optional(row, 3, rows::moment)?,
            })
        };
        let query =
            "SELECT certificate, created_at, complete, retired_at FROM authority ORDER BY id";
        self.each(query, &[], read, |authority| {
            authorities.push(authority);
            ControlFlow::Continue(())
        })?;
        Ok(authorities)
    }
}
