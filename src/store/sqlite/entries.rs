//! Adding, finding and removing entries.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use time::OffsetDateTime;

use super::super::filter::index_key;
use super::super::{Action, AuditEvent, Entry, Filter, StoreError, untyped};
use super::{Sqlite, audit, is_not_unique, names, query, rows};
use crate::pki::serial::SerialNumber;

impl Sqlite {
    /// As [`Inventory::record_as`](super::super::Inventory::record_as).
    pub(super) fn add(&mut self, entries: &[Entry], action: Action) -> Result<(), StoreError> {
        let (mut taken, mut last) = (None, 0);
        let actor = self.actor.clone();
        let recorded = self.change(|transaction| {
            let mut statement = transaction.prepare_cached(rows::INSERT)?;
            for entry in entries {
                rows::insert(&mut statement, entry)
                    .inspect_err(|_| taken = Some(entry.serial.clone()))?;
                last = transaction.last_insert_rowid();
                names::insert(transaction, entry, last)?;
                if let Some(replaced) = &entry.replaces {
                    transaction
                        .prepare_cached("UPDATE entry SET superseded_by = ?2 WHERE serial = ?1")?
                        .execute([replaced.shown_bytes(), entry.serial.shown_bytes()])?;
                }
            }
            names::catch_up(transaction, last)?;
            rows::insert_directories(transaction, entries)?;
            let events = AuditEvent::recorded(entries, action);
            audit::tell(transaction, actor.as_deref(), events)
        });
        match (recorded, taken) {
            (Err(StoreError::Sqlite { path, cause }), Some(serial)) if is_not_unique(&cause) => {
                Err(StoreError::SerialTaken { path, serial })
            }
            (recorded, _) => recorded,
        }
    }

    /// As [`Inventory::find_by_name`](super::super::Inventory::find_by_name).
    pub(super) fn named(&self, name: &str) -> Result<Vec<Entry>, StoreError> {
        let keys = [index_key(name), index_key(untyped(name))];
        let query = format!(
            "SELECT {} FROM entry WHERE id IN (SELECT entry FROM name WHERE name IN (?1, ?2)) \
             ORDER BY not_after, not_before, id",
            rows::COLUMNS
        );
        let mut found = Vec::new();
        self.each(&query, &[&keys[0], &keys[1]], rows::entry, |entry| {
            found.extend(entry.is_named(name).then_some(entry));
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// As [`Inventory::entries_after`](super::super::Inventory::entries_after).
    pub(super) fn behind(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StoreError> {
        let query = format!(
            "SELECT {}, id FROM entry WHERE id > ?1 ORDER BY id LIMIT ?2",
            rows::COLUMNS
        );
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        let read = |row: &Row<'_>| Ok((rows::count(row, rows::ID)?, rows::entry(row)?));
        self.each(&query, &[&position, &limit], read, |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// As [`Inventory::remove_entries`](super::super::Inventory::remove_entries).
    pub(super) fn drop_entries(&mut self, serials: &[SerialNumber]) -> Result<u64, StoreError> {
        if serials.is_empty() {
            return Ok(0);
        }
        let actor = self.actor.clone();
        self.change(|transaction| {
            let last = |transaction: &Connection| -> rusqlite::Result<i64> {
                let query = "SELECT ifnull(max(id), 0) FROM entry";
                transaction.query_row(query, [], |row| row.get(0))
            };
            let before = last(transaction)?;
            let find = format!("SELECT {}, id FROM entry WHERE serial = ?1", rows::COLUMNS);
            let mut find = transaction.prepare_cached(&find)?;
            let mut removed = 0;
            for serial in serials {
                let read = |row: &Row<'_>| Ok((rows::entry(row)?, row.get::<_, i64>(rows::ID)?));
                if let Some((entry, id)) =
                    find.query_row([serial.shown_bytes()], read).optional()?
                {
                    names::remove(transaction, &entry, id)?;
                    transaction
                        .prepare_cached("DELETE FROM entry WHERE id = ?1")?
                        .execute([id])?;
                    removed += 1;
                }
            }
            names::forget_removed(transaction)?;
            // The number of changes counts the last id: see `noted`.
            transaction.execute(
                "UPDATE ledger SET changes = changes + 1 + ?1",
                [before - last(transaction)?],
            )?;
            audit::tell(transaction, actor.as_deref(), AuditEvent::pruned(removed))?;
            Ok(removed)
        })
    }

    /// As [`Inventory::visit`](super::super::Inventory::visit).
    pub(super) fn walk(
        &self,
        filter: &Filter,
        now: OffsetDateTime,
        visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut left = filter.limit.unwrap_or(usize::MAX);
        let named = match &filter.name {
            Some(text) => names::matching(&self.connection, text)
                .and_then(|found| Ok(found.zip(Some(names::indexed(&self.connection)?))))
                .map_err(|source| self.place.explain(source))?,
            None => None,
        };
        let query = query::matching(filter, named, now);
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
}
