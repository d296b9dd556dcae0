//! Pages of entries.

use time::OffsetDateTime;
use tokio_postgres::types::Type;

use super::super::filter::{expiry_window, index_key};
use super::super::search::{is_short, prefix};
use super::super::{Entry, Order, Place, Search, StoreError};
use super::query::{Query, pattern};
use super::{ID, PAGE, Postgres, rows};

impl Postgres {
    /// As [`Inventory::page`](super::super::Inventory::page).
    pub(super) fn search(
        &self,
        search: &Search,
        now: OffsetDateTime,
    ) -> Result<Vec<(Place, Entry)>, StoreError> {
        let mut page = Vec::new();
        let mut rest = search.clone();
        while page.len() < search.size() {
            let size = search.size().saturating_sub(page.len()).clamp(1, PAGE);
            let query = of_page(&rest, now, size);
            let found = self.rows(&query.text, &query.parameters())?;
            for row in &found {
                let entry = self.read(rows::entry(row))?;
                let mut place = Place::of(self.read(rows::count(row, ID))?, &entry, search.order);
                let name: Option<String> = self.read(rows::get(row, ID + 1))?;
                // In the order of names, an entry comes once for each of its names: only the first counts.
                let is_first = name.as_ref().is_none_or(|name| *name == place.name);
                if is_first && search.matches(&place, &entry, now) && page.len() < search.size() {
                    page.push((place.clone(), entry));
                }
                place.name = name.unwrap_or_default();
                rest.from = Some(place);
            }
            if found.len() < size {
                break;
            }
        }
        Ok(search.in_order(page))
    }
}

/// Entries in order, at least all that match, behind the place where the page begins.
fn of_page(search: &Search, now: OffsetDateTime, limit: usize) -> Query {
    let (table, name, order) = match search.order {
        Order::Expiry => ("certs_entry", "NULL::text", "not_after, not_before, id"),
        Order::Recorded => ("certs_entry", "NULL::text", "id"),
        Order::Name => (
            "certs_name n JOIN certs_entry ON certs_entry.id = n.entry",
            "n.name",
            "n.name, n.entry",
        ),
    };
    let columns = rows::COLUMNS;
    let mut query = Query {
        text: format!("SELECT {columns}, id, {name} FROM {table} WHERE TRUE"),
        values: Vec::new(),
    };
    let (direction, behind) = match search.is_ascending() {
        true => ("ASC", '>'),
        false => ("DESC", '<'),
    };
    if let Some(place) = &search.from {
        let position = query.number(i64::try_from(place.position).unwrap_or(i64::MAX));
        let place = match search.order {
            Order::Expiry => {
                let (not_after, not_before) = place.validity;
                format!("{not_after}, {not_before}, {position}")
            }
            Order::Recorded => position,
            Order::Name => {
                let name = query.value(rows::text(&place.name), Type::TEXT);
                format!("{name}, {position}")
            }
        };
        query.add(&format!("({order}) {behind} ({place})"));
    }
    add_filter(&mut query, search, now);
    if let Some(text) = &search.text {
        add_text(&mut query, text);
    }
    let order: Vec<String> = order
        .split(", ")
        .map(|column| format!("{column} {direction}"))
        .collect();
    query.text = format!("{} ORDER BY {} LIMIT {limit}", query.text, order.join(", "));
    query
}

fn add_filter(query: &mut Query, search: &Search, now: OffsetDateTime) {
    let filter = &search.filter;
    if let Some(within) = filter.expiring_within {
        let window = expiry_window(within, now);
        let (start, end) = (query.number(*window.start()), query.number(*window.end()));
        query.add(&format!("not_after BETWEEN {start} AND {end}"));
    }
    if let Some(status) = filter.status {
        query.add_status(status, now.unix_timestamp());
    }
    if let Some(prefix) = &filter.serial {
        let (least, beyond) = prefix.byte_range();
        let least = query.value(least, Type::BYTEA);
        query.add(&format!("serial >= {least}"));
        if let Some(beyond) = beyond {
            let beyond = query.value(beyond, Type::BYTEA);
            query.add(&format!("serial < {beyond}"));
        }
    }
    if let Some(profile) = &filter.profile {
        let profile = query.value(rows::text(profile), Type::TEXT);
        query.add(&format!("profile = {profile}"));
    }
    if let Some(text) = &filter.name {
        let pattern = query.value(pattern(text), Type::TEXT);
        query.add(&format!("search LIKE {pattern}"));
    }
    for label in &filter.labels {
        let label = query.value(label.pattern(), Type::TEXT);
        query.add(&format!("strpos(labels, {label}) > 0"));
    }
}

/// A condition that entries meet which one who looks for a text may mean.
fn add_text(query: &mut Query, text: &str) {
    let mut either = Vec::new();
    if is_short(text) {
        let start = rows::text(&index_key(text));
        // No character comes behind the last.
        let beyond = query.value(format!("{start}\u{10ffff}"), Type::TEXT);
        let start = query.value(start, Type::TEXT);
        either.push(format!(
            "certs_entry.id IN (SELECT entry FROM certs_name WHERE name >= {start} AND name < {beyond})"
        ));
    } else {
        let pattern = query.value(pattern(text), Type::TEXT);
        either.push(format!("search LIKE {pattern}"));
    }
    let profile = query.value(rows::text(text), Type::TEXT);
    either.push(format!("profile = {profile}"));
    if let Some(prefix) = prefix(text) {
        let (least, beyond) = prefix.byte_range();
        let least = query.value(least, Type::BYTEA);
        // Bytes that sort behind every serial number and fingerprint.
        let beyond = query.value(beyond.unwrap_or_else(|| vec![0xff; 65]), Type::BYTEA);
        either.push(format!("serial >= {least} AND serial < {beyond}"));
        either.push(format!(
            "substr(fingerprint, 1, 8) >= substr({least}, 1, 8) \
             AND substr(fingerprint, 1, 8) <= substr({beyond}, 1, 8)"
        ));
    }
    query.add(&format!("({})", either.join(" OR ")));
}
