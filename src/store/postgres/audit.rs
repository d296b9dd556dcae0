//! The audit trail.

use std::ops::ControlFlow;

use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::super::{Action, Actor, AuditEvent, AuditFilter, AuditRecord, StoreError};
use super::rows::{self, Unreadable};
use super::session::Parameter;
use super::{PAGE, Postgres};
use crate::pki::serial::SerialNumber;

/// Records as columns, for a statement that adds them.
#[derive(Default)]
pub(super) struct Columns {
    action: Vec<&'static str>,
    subject: Vec<String>,
    serial: Vec<Option<Vec<u8>>>,
    count: Vec<i64>,
    details: Vec<String>,
    actor: Vec<String>,
    credential: Vec<String>,
    origin: Vec<String>,
    at: Vec<Option<i64>>,
}

impl Columns {
    /// What an actor did; nothing without one.
    pub(super) fn of(actor: Option<&Actor>, events: impl IntoIterator<Item = AuditEvent>) -> Self {
        let mut columns = Columns::default();
        let Some(actor) = actor else {
            return columns;
        };
        let by = actor.fields().map(|text| rows::text(&text));
        for event in events {
            columns.add(&event, by.clone(), None);
        }
        columns
    }

    fn add(&mut self, event: &AuditEvent, by: [String; 3], at: Option<i64>) {
        let [actor, credential, origin] = by;
        let serial = event.serial.as_ref().map(SerialNumber::shown_bytes);
        self.action.push(event.action.name());
        self.subject.push(rows::text(&event.subject));
        self.serial.push(serial.map(<[u8]>::to_vec));
        self.count
            .push(i64::try_from(event.count).unwrap_or(i64::MAX));
        self.details.push(rows::text(&event.details));
        self.actor.push(actor);
        self.credential.push(credential);
        self.origin.push(origin);
        self.at.push(at);
    }

    /// The parameters of the statement that [`insert`] gives.
    pub(super) fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![
            (&self.action, Type::TEXT_ARRAY),
            (&self.subject, Type::TEXT_ARRAY),
            (&self.serial, Type::BYTEA_ARRAY),
            (&self.count, Type::INT8_ARRAY),
            (&self.details, Type::TEXT_ARRAY),
            (&self.actor, Type::TEXT_ARRAY),
            (&self.credential, Type::TEXT_ARRAY),
            (&self.origin, Type::TEXT_ARRAY),
            (&self.at, Type::INT8_ARRAY),
        ]
    }
}

/// A statement that adds records, its parameters numbered from `first`.
pub(super) fn insert(first: usize) -> String {
    let places: Vec<String> = (first..first + 9).map(|i| format!("${i}")).collect();
    format!(
        "INSERT INTO certs_audit (action, subject, serial, count, details, actor, credential, origin, at) \
         SELECT action, subject, serial, count, details, actor, credential, origin, \
            coalesce(at, extract(epoch FROM clock_timestamp())::bigint) \
         FROM unnest({}) WITH ORDINALITY \
            AS told (action, subject, serial, count, details, actor, credential, origin, at, number) \
         ORDER BY number",
        places.join(", ")
    )
}

impl Postgres {
    /// Adds what happened, in the transaction that is open.
    pub(super) fn tell(
        &self,
        events: impl IntoIterator<Item = AuditEvent>,
    ) -> Result<(), StoreError> {
        let columns = Columns::of(self.actor.as_deref(), events);
        self.add_records(&columns)
    }

    /// As [`Inventory::keep_audit`](super::super::Inventory::keep_audit).
    pub(super) fn keep_records(&self, records: &[AuditRecord]) -> Result<(), StoreError> {
        let mut columns = Columns::default();
        for record in records {
            let by = record.by.fields().map(|text| rows::text(&text));
            columns.add(&record.event, by, Some(record.at.unix_timestamp()));
        }
        self.add_records(&columns)
    }

    fn add_records(&self, columns: &Columns) -> Result<(), StoreError> {
        if columns.action.is_empty() {
            return Ok(());
        }
        self.change(&super::INSERT_AUDIT, &columns.parameters())
            .map(drop)
    }

    /// As [`Inventory::audit_after`](super::super::Inventory::audit_after).
    pub(super) fn audit_behind(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM certs_audit WHERE id > $1 ORDER BY id LIMIT $2");
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self.rows(&query, &[(&position, Type::INT8), (&limit, Type::INT8)])?;
        self.read_all(&found, record)
    }

    /// As [`Inventory::audit`](super::super::Inventory::audit).
    pub(super) fn walk_audit(
        &self,
        filter: &AuditFilter,
        visitor: &mut dyn FnMut(AuditRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut left = filter.limit.unwrap_or(usize::MAX);
        let mut size = left.clamp(1, PAGE);
        let mut rest = filter.clone();
        while left > 0 {
            let (query, values) = page(&rest, size);
            let parameters: Vec<Parameter<'_>> = values
                .iter()
                .map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()))
                .collect();
            let found = self.rows(&query, &parameters)?;
            for record in self.read_all(&found, record)? {
                rest.after = Some((record.at, record.position));
                if filter.matches(&record) {
                    left -= 1;
                    if visitor(record).is_break() || left == 0 {
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
}

type Values = Vec<(Box<dyn ToSql + Sync + Send>, Type)>;

/// A page of the records that a filter may match, the newest first.
fn page(filter: &AuditFilter, limit: usize) -> (String, Values) {
    let (mut text, mut values) = (String::from("TRUE"), Values::new());
    let mut add = |condition: &str, value: Box<dyn ToSql + Sync + Send>, kind: Type| {
        values.push((value, kind));
        let place = format!("${}", values.len());
        text = format!("{text} AND {}", condition.replace("??", &place));
    };
    let seconds = |moment: OffsetDateTime| Box::new(moment.unix_timestamp());
    if let Some(since) = filter.since {
        add("at >= ??", seconds(since), Type::INT8);
    }
    if let Some(until) = filter.until {
        // Of whole seconds.
        add("at <= ??", seconds(until), Type::INT8);
    }
    if let Some((at, position)) = filter.after {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let before = format!("(at, id) < ({}, ??)", at.unix_timestamp());
        add(&before, Box::new(position), Type::INT8);
    }
    if let Some(action) = filter.action {
        // The condition of the index of those that are rare.
        let condition = match action.is_frequent() {
            true => "action = ??",
            false => "action = ?? AND action NOT IN ('issued', 'renewed')",
        };
        add(condition, Box::new(action.name()), Type::TEXT);
    }
    if let Some(prefix) = &filter.serial {
        let (least, beyond) = prefix.byte_range();
        add("serial >= ??", Box::new(least), Type::BYTEA);
        if let Some(beyond) = beyond {
            add("serial < ??", Box::new(beyond), Type::BYTEA);
        }
    }
    if let Some(by) = &filter.by {
        let fields = "(strpos(lower(actor), ??) > 0 OR strpos(lower(credential), ??) > 0 OR strpos(lower(origin), ??) > 0)";
        add(fields, Box::new(lower(by)), Type::TEXT);
    }
    if let Some(subject) = &filter.subject {
        let fields = "(strpos(lower(subject), ??) > 0 OR strpos(lower(details), ??) > 0)";
        add(fields, Box::new(lower(subject)), Type::TEXT);
    }
    let query = format!(
        "SELECT {COLUMNS} FROM certs_audit WHERE {text} ORDER BY at DESC, id DESC LIMIT {limit}"
    );
    (query, values)
}

fn lower(text: &str) -> String {
    rows::text(&text.to_ascii_lowercase())
}

/// The record in a row of [`COLUMNS`].
fn record(row: &Row) -> Result<AuditRecord, Unreadable> {
    let action: &str = rows::get(row, 2)?;
    Ok(AuditRecord {
        position: rows::count(row, 0)?,
        at: rows::moment(row, 1)?,
        event: AuditEvent {
            action: Action::named(action).ok_or_else(|| format!("unknown action '{action}'"))?,
            subject: rows::get(row, 3)?,
            serial: rows::get::<Option<&[u8]>>(row, 4)?.map(rows::serial),
            count: rows::count(row, 5)?,
            details: rows::get(row, 6)?,
        },
        by: Actor {
            actor: rows::get(row, 7)?,
            credential: rows::get(row, 8)?,
            origin: rows::get(row, 9)?,
        },
    })
}

const COLUMNS: &str = "id, at, action, subject, serial, count, details, actor, credential, origin";

#[cfg(test)]
mod tests {
    use super::super::super::tests::server;
    use super::super::super::{Inventory as _, Opening, test_entry};
    use super::*;

    #[test]
    fn the_audit_trail_cannot_be_changed() {
        // PostgreSQL may not be installed, which its helper says.
        let Some(server) = server::shared() else {
            return;
        };
        let url = server.schema();
        let mut inventory = Postgres::open(&url, &|_| None, Opening::Create).unwrap();
        inventory.record(&[test_entry(1)]).unwrap();
        for change in [
            "UPDATE certs_audit SET actor = 'someone else'",
            "DELETE FROM certs_audit",
            "TRUNCATE certs_audit",
        ] {
            let refused = inventory.batch(change).unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{refused}");
        }
        assert_eq!(inventory.audit_after(0, 9).unwrap().len(), 1);
    }
}
