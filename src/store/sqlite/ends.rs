//! When certificates that are in use end.

use std::ops::ControlFlow;

use time::OffsetDateTime;

use super::super::{Ends, Entry, StoreError, ends};
use super::{Sqlite, rows};

impl Sqlite {
    /// As [`Inventory::ends`](super::super::Inventory::ends).
    pub(super) fn count_ends(
        &self,
        now: OffsetDateTime,
        days: u16,
    ) -> Result<Vec<Ends>, StoreError> {
        let (midnight, now) = ends::moments(now);
        let mut counted = Vec::new();
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Ends {
                profile: row.get(0)?,
                day: row.get(1)?,
                count: rows::count(row, 2)?,
            })
        };
        let query = numbered(&ends::counts(SOURCE));
        self.each(&query, &[&midnight, &now, &days], read, |one| {
            counted.push(one);
            ControlFlow::Continue(())
        })?;
        Ok(counted)
    }

    /// As [`Inventory::ending`](super::super::Inventory::ending).
    pub(super) fn next_ends(
        &self,
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut profiles: Vec<String> = Vec::new();
        let query = ends::profiles(SOURCE);
        self.each(
            &query,
            &[],
            |row| row.get(0),
            |profile| {
                profiles.push(profile);
                ControlFlow::Continue(())
            },
        )?;
        let query = numbered(&format!("SELECT {} {}", rows::COLUMNS, ends::next(SOURCE)));
        let (from, until) = (from.unix_timestamp(), until.unix_timestamp());
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut entries = Vec::new();
        for profile in &profiles {
            self.each(
                &query,
                &[profile, &from, &until, &most],
                rows::entry,
                |entry| {
                    entries.push(entry);
                    ControlFlow::Continue(())
                },
            )?;
        }
        Ok(ends::soonest(entries, limit))
    }
}

/// A query with parameters as SQLite numbers them.
fn numbered(query: &str) -> String {
    query.replace('$', "?")
}

const SOURCE: &str = "entry INDEXED BY entry_in_use";
