//! Pages of entries.

use std::ops::ControlFlow;

use rusqlite::types::Value;
use rusqlite::{Row, ToSql};
use time::OffsetDateTime;

use super::super::filter::{expiry_window, index_key};
use super::super::search::{is_short, prefix};
use super::super::{Entry, LabelFilter, Order, Place, Search, Status, StoreError};
use super::query::Conditions;
use super::{Sqlite, names, rows};
use crate::pki::serial::SerialPrefix;

impl Sqlite {
    /// As [`Inventory::page`](super::super::Inventory::page).
    pub(super) fn search(
        &self,
        search: &Search,
        now: OffsetDateTime,
    ) -> Result<Vec<(Place, Entry)>, StoreError> {
        match self.few(search, now)? {
            Some(few) => {
                let mut found = Vec::new();
                self.each_entry(&few.0, &few.1, search.order, |place, entry| {
                    found.push((place, entry));
                    ControlFlow::Continue(())
                })?;
                Ok(search.page(found, now))
            }
            None => self.scan(search, now),
        }
    }

    /// What selects few entries, among them all that match: by the narrowest index that there is.
    fn few(
        &self,
        search: &Search,
        now: OffsetDateTime,
    ) -> Result<Option<(String, Vec<Value>)>, StoreError> {
        let now = now.unix_timestamp();
        let filter = &search.filter;
        let mut candidates: Vec<(String, Vec<Value>)> = Vec::new();
        if let Some(text) = &search.text
            && let Some(candidate) = self.about(text)?
        {
            candidates.push(candidate);
        }
        let labels = filter.labels.iter().map(LabelFilter::text);
        for text in filter.name.iter().cloned().chain(labels) {
            candidates.extend(self.with_part(&text)?);
        }
        if let Some(prefix) = &filter.serial {
            candidates.push(serials(prefix));
        }
        let status = match filter.status {
            Some(Status::Revoked | Status::OnHold) => Some("revoked_at IS NOT NULL".to_owned()),
            Some(Status::Superseded | Status::Retired) => Some(format!(
                "(superseded_by IS NOT NULL OR retired_at IS NOT NULL) AND not_after >= {now}"
            )),
            Some(Status::Expired) => Some(format!("not_after < {now}")),
            Some(Status::Valid | Status::NotYetValid) => Some(format!("not_after >= {now}")),
            None => None,
        };
        candidates.extend(status.map(|condition| (entries_where(&condition), Vec::new())));
        if let Some(profile) = &filter.profile {
            let query = entries_where("profile = ?1");
            candidates.push((query, vec![profile.clone().into()]));
        }
        for (ids, values) in candidates {
            if self.is_few(&ids, &values)? {
                let query = format!(
                    "SELECT {}, id, NULL FROM entry NOT INDEXED WHERE id IN ({ids})",
                    rows::COLUMNS
                );
                return Ok(Some((query, values)));
            }
        }
        Ok(None)
    }

    /// What selects the entries that a text may be about; `None` when an index of parts finds too many.
    fn about(&self, text: &str) -> Result<Option<(String, Vec<Value>)>, StoreError> {
        let named = match is_short(text) {
            true => Some(starting(text)),
            false => self.with_part(text)?,
        };
        let Some((mut ids, mut values)) = named else {
            return Ok(None);
        };
        values.push(text.to_owned().into());
        let place = values.len();
        ids.push_str(&format!(
            " UNION ALL SELECT id FROM entry WHERE profile = ?{place}"
        ));
        if let Some(prefix) = prefix(text) {
            let (least, beyond) = prefix.byte_range();
            values.extend([Value::from(least), beyond.unwrap_or_else(behind_all).into()]);
            let (least, beyond) = (place + 1, place + 2);
            ids.push_str(&format!(
                " UNION ALL SELECT id FROM entry WHERE serial >= ?{least} AND serial < ?{beyond} \
                 UNION ALL SELECT id FROM entry WHERE substr(fingerprint, 1, 8) >= substr(?{least}, 1, 8) \
                 AND substr(fingerprint, 1, 8) <= substr(?{beyond}, 1, 8)"
            ));
        }
        Ok(Some((ids, values)))
    }

    /// What selects the entries with a text in a name or label; `None` when the index cannot say, or they are many.
    fn with_part(&self, text: &str) -> Result<Option<(String, Vec<Value>)>, StoreError> {
        let found = names::matching(&self.connection, text)
            .and_then(|found| Ok(found.zip(Some(names::indexed(&self.connection)?))));
        let found = found.map_err(|source| self.place.explain(source))?;
        Ok(found.map(|(expression, indexed)| {
            let ids = "SELECT rowid FROM search WHERE search MATCH ?1 \
                       UNION ALL SELECT id FROM entry WHERE id > ?2";
            (ids.to_owned(), vec![expression.into(), indexed.into()])
        }))
    }

    fn is_few(&self, ids: &str, values: &[Value]) -> Result<bool, StoreError> {
        let query = format!("SELECT count(*) FROM (SELECT 1 FROM ({ids}) LIMIT {MANY})");
        let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as _).collect();
        let mut count = 0;
        let read = |row: &Row<'_>| rows::count(row, 0);
        self.each(&query, &parameters, read, |found| {
            count = found;
            ControlFlow::Break(())
        })?;
        Ok(count < MANY)
    }

    /// Reads entries in order, until the page is full.
    fn scan(
        &self,
        search: &Search,
        now: OffsetDateTime,
    ) -> Result<Vec<(Place, Entry)>, StoreError> {
        let (query, values) = in_order(search, now);
        let mut page = Vec::new();
        if search.size() == 0 {
            return Ok(page);
        }
        self.each_entry(&query, &values, search.order, |place, entry| {
            if search.matches(&place, &entry, now) {
                page.push((place, entry));
            }
            match page.len() < search.size() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        Ok(search.in_order(page))
    }

    fn each_entry(
        &self,
        query: &str,
        values: &[Value],
        order: Order,
        mut visitor: impl FnMut(Place, Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as _).collect();
        let read = |row: &Row<'_>| {
            let entry = rows::entry(row)?;
            let place = Place::of(rows::count(row, rows::ID)?, &entry, order);
            Ok((place, row.get::<_, Option<String>>(NAME)?, entry))
        };
        self.each(query, &parameters, read, |(place, name, entry)| {
            // In the order of names, an entry comes once for each of its names: only the first counts.
            match name.is_none_or(|name| name == place.name) {
                true => visitor(place, entry),
                false => ControlFlow::Continue(()),
            }
        })
    }
}

/// A SELECT of the entries in order, behind the place where the page begins.
#[expect(clippy::too_many_lines, reason = "one condition after the other")]
fn in_order(search: &Search, now: OffsetDateTime) -> (String, Vec<Value>) {
    let mut wanted = Conditions::default();
    let (direction, behind) = match search.is_ascending() {
        true => ("ASC", '>'),
        false => ("DESC", '<'),
    };
    if let Some(place) = &search.from {
        let position = wanted.value(i64::try_from(place.position).unwrap_or(i64::MAX));
        match search.order {
            Order::Expiry => {
                let (not_after, not_before) = place.validity;
                let columns = "(not_after, not_before, id)";
                wanted.add(format!(
                    "{columns} {behind} ({not_after}, {not_before}, {position})"
                ));
            }
            Order::Recorded => wanted.add(format!("id {behind} {position}")),
            Order::Name => {
                let name = wanted.value(place.name.clone());
                wanted.add(format!(
                    "(name.name, name.entry) {behind} ({name}, {position})"
                ));
            }
        }
    }
    let filter = &search.filter;
    if let Some(status) = filter.status {
        wanted.add_status(status, now.unix_timestamp());
    }
    if let Some(within) = filter.expiring_within {
        let window = expiry_window(within, now);
        let (start, end) = (window.start(), window.end());
        wanted.add(format!("not_after BETWEEN {start} AND {end}"));
    }
    if let Some(profile) = &filter.profile {
        // Not by its index, which is for few.
        let profile = wanted.value(profile.clone());
        wanted.add(format!("+profile = {profile}"));
    }
    let (table, name, order) = match search.order {
        Order::Expiry => (
            "entry INDEXED BY entry_not_after",
            "NULL",
            ["not_after", "not_before", "id"].as_slice(),
        ),
        Order::Recorded => ("entry NOT INDEXED", "NULL", ["id"].as_slice()),
        // The order of the join is that of writing.
        Order::Name => (
            "name CROSS JOIN entry ON entry.id = name.entry",
            "name.name",
            ["name.name", "name.entry"].as_slice(),
        ),
    };
    let order: Vec<String> = order
        .iter()
        .map(|column| format!("{column} {direction}"))
        .collect();
    let query = format!(
        "SELECT {}, id, {name} FROM {table} WHERE {} ORDER BY {}",
        rows::COLUMNS,
        wanted.text,
        order.join(", ")
    );
    (query, wanted.parameters)
}

/// What selects the entries whose serial number starts with some digits.
fn serials(prefix: &SerialPrefix) -> (String, Vec<Value>) {
    let (least, beyond) = prefix.byte_range();
    let values = vec![least.into(), beyond.unwrap_or_else(behind_all).into()];
    (entries_where("serial >= ?1 AND serial < ?2"), values)
}

/// What selects the entries with a name that starts with a text.
fn starting(text: &str) -> (String, Vec<Value>) {
    let least = index_key(text);
    // No character comes behind the last.
    let beyond = format!("{least}\u{10ffff}");
    let ids = "SELECT entry FROM name WHERE name >= ?1 AND name < ?2";
    (ids.to_owned(), vec![least.into(), beyond.into()])
}

fn entries_where(condition: &str) -> String {
    format!("SELECT id FROM entry WHERE {condition}")
}

/// Bytes that sort behind every serial number and fingerprint.
fn behind_all() -> Vec<u8> {
    vec![0xff; 65]
}

/// The column behind the id: the name of the row, in their order.
const NAME: usize = rows::ID + 1;
/// How many are not few any more: reading them in order finds a page of those that match soon.
const MANY: u64 = 2_000;
