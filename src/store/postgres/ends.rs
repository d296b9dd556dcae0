//! When certificates that are in use end.

use time::OffsetDateTime;
use tokio_postgres::types::Type;

use super::super::{Ends, Entry, StoreError, ends};
use super::{Postgres, rows};

impl Postgres {
    /// As [`Inventory::ends`](super::super::Inventory::ends).
    pub(super) fn count_ends(
        &self,
        now: OffsetDateTime,
        days: u16,
    ) -> Result<Vec<Ends>, StoreError> {
        let (midnight, now) = ends::moments(now);
        let numbers = [midnight, now, i64::from(days)];
        let [midnight, now, days] = &numbers;
        let found = self.rows(
            &ends::counts(SOURCE),
            &[
                (midnight, Type::INT8),
                (now, Type::INT8),
                (days, Type::INT8),
            ],
        )?;
        self.read_all(&found, |row| {
            Ok(Ends {
                profile: rows::get(row, 0)?,
                day: rows::get(row, 1)?,
                count: rows::count(row, 2)?,
            })
        })
    }

    /// As [`Inventory::ending`](super::super::Inventory::ending).
    pub(super) fn next_ends(
        &self,
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let found = self.rows(&ends::profiles(SOURCE), &[])?;
        let profiles: Vec<String> = self.read_all(&found, |row| rows::get(row, 0))?;
        let query = format!("SELECT {} {}", rows::COLUMNS, ends::next(SOURCE));
        let (from, until) = (from.unix_timestamp(), until.unix_timestamp());
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut entries = Vec::new();
        for profile in &profiles {
            let found = self.rows(
                &query,
                &[
                    (profile, Type::TEXT),
                    (&from, Type::INT8),
                    (&until, Type::INT8),
                    (&most, Type::INT8),
                ],
            )?;
            entries.extend(self.read_all(&found, rows::entry)?);
        }
        Ok(ends::soonest(entries, limit))
    }
}

const SOURCE: &str = "certs_entry";
