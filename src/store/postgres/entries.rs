//! Adding, finding and removing entries.

use std::collections::HashMap;
use std::ops::ControlFlow;

use time::OffsetDateTime;
use tokio_postgres::types::Type;

use super::super::filter::{index_key, index_names};
use super::super::{
    Action, AuditEvent, Counts, Entry, Filter, Inventory as _, StoreError, untyped,
};
use super::query::{self, Query};
use super::session::{CHANGE_TIME, Parameter};
use super::{ID, INSERT, PAGE, Postgres, audit, rows};
use crate::pki::serial::SerialNumber;

impl Postgres {
    /// As [`Inventory::record_as`](super::super::Inventory::record_as).
    pub(super) fn add(&mut self, entries: &[Entry], action: Action) -> Result<(), StoreError> {
        let Some(first) = entries.first() else {
            return Ok(());
        };
        let columns = rows::Columns::of(entries);
        let events = AuditEvent::recorded(entries, action);
        let told = audit::Columns::of(self.actor.as_deref(), events);
        let mut parameters = columns.parameters();
        parameters.extend(told.parameters());
        let insert = |this: &Self| {
            this.on_session(|session, waiting| {
                session.again(waiting, &INSERT, &parameters, CHANGE_TIME)
            })
        };
        let failed = if self.open.is_some() {
            // A statement that fails in a transaction takes it along, but for a savepoint.
            self.batch("SAVEPOINT entries")?;
            let done = insert(self)?;
            let end = match &done {
                Ok(_) => "RELEASE entries",
                Err(_) => "ROLLBACK TO entries; RELEASE entries",
            };
            if !matches!(&done, Err(failed) if failed.is_broken()) {
                self.batch(end)?;
            }
            if let Some(open) = self.open.as_mut().filter(|_| done.is_ok()) {
                open.recorded = Some(first.serial.clone());
            }
            done.err()
        } else {
            insert(self)?.err()
        };
        match failed {
            None => Ok(()),
            Some(failed) if failed.is_not_unique() => match self.taken(entries)? {
                Some(serial) => Err(StoreError::SerialTaken {
                    path: self.shown().into(),
                    serial,
                }),
                None => Err(failed.explain(self.shown())),
            },
            Some(failed) if failed.is_broken() && self.open.is_none() => {
                self.find_out(&failed, None, Some(&first.serial))
            }
            Some(failed) => Err(failed.explain(self.shown())),
        }
    }

    /// As [`Inventory::find_each`](super::super::Inventory::find_each).
    pub(super) fn each_of(
        &self,
        serials: &[&SerialNumber],
    ) -> Result<Vec<Option<Entry>>, StoreError> {
        let mut each = Vec::with_capacity(serials.len());
        for page in serials.chunks(PAGE) {
            let octets: Vec<&[u8]> = page.iter().map(|serial| serial.shown_bytes()).collect();
            let found = self.entries("WHERE serial = ANY($1)", &[(&octets, Type::BYTEA_ARRAY)])?;
            let found: HashMap<SerialNumber, Entry> = found
                .into_iter()
                .map(|entry| (entry.serial.clone(), entry))
                .collect();
            each.extend(page.iter().map(|serial| found.get(serial).cloned()));
        }
        Ok(each)
    }

    /// As [`Inventory::find_by_name`](super::super::Inventory::find_by_name).
    pub(super) fn named(&self, name: &str) -> Result<Vec<Entry>, StoreError> {
        let keys = [
            rows::text(&index_key(name)),
            rows::text(&index_key(untyped(name))),
        ];
        let mut found = self.entries(
            "WHERE id = ANY(ARRAY(SELECT entry FROM certs_name WHERE name = ANY($1))) \
             ORDER BY not_after, not_before, id",
            &[(&keys.as_slice(), Type::TEXT_ARRAY)],
        )?;
        found.retain(|entry| entry.is_named(name));
        Ok(found)
    }

    /// As [`Inventory::entries_after`](super::super::Inventory::entries_after).
    pub(super) fn behind(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StoreError> {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = format!(
            "SELECT {}, id FROM certs_entry WHERE id > $1 ORDER BY id LIMIT $2",
            rows::COLUMNS
        );
        let found = self.rows(&query, &[(&position, Type::INT8), (&limit, Type::INT8)])?;
        self.read_all(&found, |row| Ok((rows::count(row, ID)?, rows::entry(row)?)))
    }

    /// As [`Inventory::remove_entries`](super::super::Inventory::remove_entries).
    pub(super) fn drop_entries(&mut self, serials: &[SerialNumber]) -> Result<u64, StoreError> {
        if serials.is_empty() {
            return Ok(0);
        }
        let each: Vec<&SerialNumber> = serials.iter().collect();
        let octets: Vec<&[u8]> = serials.iter().map(SerialNumber::shown_bytes).collect();
        self.transact(|this| {
            let known = this.find_each(&each)?;
            let names: Vec<String> = known
                .iter()
                .flatten()
                .flat_map(index_names)
                .map(|name| rows::text(&name))
                .collect();
            let removed = this.change(
                query::REMOVE_ENTRIES,
                &[(&octets, Type::BYTEA_ARRAY), (&names, Type::TEXT_ARRAY)],
            )?;
            let removed = removed.first();
            let removed = this.read(removed.map_or(Ok(0), |row| rows::count(row, 0)))?;
            this.tell(AuditEvent::pruned(removed))?;
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
        let mut size = left.clamp(1, PAGE);
        let mut after = None;
        while left > 0 {
            let query = Query::page(filter, now, after, size);
            let found = self.rows(&query.text, &query.parameters())?;
            for row in &found {
                let entry = self.read(rows::entry(row))?;
                let number = |column| self.read(rows::get::<i64>(row, column));
                after = Some((number(2)?, number(1)?, number(ID)?));
                if filter.matches(&entry, now) {
                    left -= 1;
                    if visitor(entry).is_break() || left == 0 {
                        return Ok(());
                    }
                }
            }
            if found.len() < size {
                break;
            }
            size = PAGE;
        }
        Ok(())
    }

    /// As [`Inventory::counts`](super::super::Inventory::counts).
    pub(super) fn count(&self, now: OffsetDateTime) -> Result<Counts, StoreError> {
        let found = self.again(query::COUNTS, &[(&now.unix_timestamp(), Type::INT8)])?;
        let Some(row) = found.first() else {
            return Ok(Counts::default());
        };
        let count = |column| self.read(rows::count(row, column));
        Ok(Counts {
            valid: count(0)?,
            revoked: count(1)?,
            expired: count(2)?,
            not_yet_valid: count(3)?,
            on_hold: count(4)?,
            superseded: count(5)?,
            retired: count(6)?,
        })
    }

    pub(super) fn entries(
        &self,
        condition: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Entry>, StoreError> {
        let query = format!("SELECT {} FROM certs_entry {condition}", rows::COLUMNS);
        self.read_all(&self.rows(&query, parameters)?, rows::entry)
    }

    /// The first of these serial numbers that is taken.
    pub(super) fn taken(&self, entries: &[Entry]) -> Result<Option<SerialNumber>, StoreError> {
        let serials: Vec<_> = entries.iter().map(|entry| &entry.serial).collect();
        let mut seen = std::collections::HashSet::new();
        let found = self.find_each(&serials)?;
        let mut all = serials.into_iter().zip(found);
        let taken = all.find(|(serial, found)| found.is_some() || !seen.insert(*serial));
        Ok(taken.map(|(serial, _)| serial.clone()))
    }
}
