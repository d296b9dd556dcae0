//! The audit trail.

use std::ops::ControlFlow;

use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Row, ToSql, params};
use time::OffsetDateTime;

use super::super::{Action, Actor, AuditEvent, AuditFilter, AuditRecord, StoreError};
use super::{Sqlite, rows};
use crate::pki::serial::SerialNumber;

/// Adds what an actor did; nothing without one.
pub(super) fn tell(
    transaction: &Connection,
    actor: Option<&Actor>,
    events: impl IntoIterator<Item = AuditEvent>,
) -> rusqlite::Result<()> {
    let Some(actor) = actor else {
        return Ok(());
    };
    let [name, credential, origin] = actor.fields();
    let mut statement = transaction.prepare_cached(INSERT)?;
    for event in events {
        statement.execute(params![
            event.action.name(),
            event.subject,
            event.serial.as_ref().map(SerialNumber::shown_bytes),
            i64::try_from(event.count).unwrap_or(i64::MAX),
            event.details,
            name,
            credential,
            origin,
            None::<i64>,
        ])?;
    }
    Ok(())
}

/// Adds records of another inventory as they are, but for their positions.
pub(super) fn keep(transaction: &Connection, records: &[AuditRecord]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(INSERT)?;
    for AuditRecord { at, event, by, .. } in records {
        statement.execute(params![
            event.action.name(),
            event.subject,
            event.serial.as_ref().map(SerialNumber::shown_bytes),
            i64::try_from(event.count).unwrap_or(i64::MAX),
            event.details,
            by.actor,
            by.credential,
            by.origin,
            at.unix_timestamp(),
        ])?;
    }
    Ok(())
}

impl Sqlite {
    /// As [`Inventory::audit_after`](super::super::Inventory::audit_after).
    pub(super) fn audit_behind(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2");
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        self.each(&query, &[&position, &limit], record, |record| {
            found.push(record);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// As [`Inventory::audit`](super::super::Inventory::audit).
    pub(super) fn walk_audit(
        &self,
        filter: &AuditFilter,
        visitor: &mut dyn FnMut(AuditRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut left = filter.limit.unwrap_or(usize::MAX);
        let (query, values) = query(filter);
        let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as _).collect();
        self.each(&query, &parameters, record, |record| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            if !filter.matches(&record) {
                return ControlFlow::Continue(());
            }
            left -= 1;
            visitor(record)
        })
    }
}

/// The records that a filter may match, the newest first.
fn query(filter: &AuditFilter) -> (String, Vec<Value>) {
    let (mut text, mut values) = (String::from("TRUE"), Vec::<Value>::new());
    let mut add = |condition: &str, value: Value| {
        values.push(value);
        let place = format!("?{}", values.len());
        text = format!("{text} AND {}", condition.replace("??", &place));
    };
    let seconds = OffsetDateTime::unix_timestamp;
    if let Some(since) = filter.since {
        add("at >= ??", seconds(since).into());
    }
    if let Some(until) = filter.until {
        // Of whole seconds.
        add("at <= ??", seconds(until).into());
    }
    if let Some((at, position)) = filter.after {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        add("at <= ??", seconds(at).into());
        let before = format!("(at < {} OR id < ??)", seconds(at));
        add(&before, position.into());
    }
    if let Some(action) = filter.action {
        add("action = ??", action.name().to_owned().into());
    }
    if let Some(prefix) = &filter.serial {
        let (least, beyond) = prefix.byte_range();
        add("serial >= ??", least.into());
        if let Some(beyond) = beyond {
            add("serial < ??", beyond.into());
        }
    }
    if let Some(by) = &filter.by {
        let lower = by.to_ascii_lowercase();
        let fields =
            "(instr(lower(actor), ??) OR instr(lower(credential), ??) OR instr(lower(origin), ??))";
        add(fields, lower.into());
    }
    if let Some(subject) = &filter.subject {
        let lower = subject.to_ascii_lowercase();
        let fields = "(instr(lower(subject), ??) OR instr(lower(details), ??))";
        add(fields, lower.into());
    }
    let is_rare = filter.action.is_some_and(|action| !action.is_frequent());
    let index = match (&filter.serial, is_rare) {
        (Some(_), _) => "audit_serial",
        (None, true) => {
            text.push_str(" AND action NOT IN ('issued', 'renewed')");
            "audit_rare"
        }
        (None, false) => "audit_time",
    };
    let query = format!(
        "SELECT {COLUMNS} FROM audit INDEXED BY {index} WHERE {text} ORDER BY at DESC, id DESC"
    );
    (query, values)
}

/// The record in a row of [`COLUMNS`].
fn record(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    let action: String = row.get(2)?;
    let action =
        Action::named(&action).ok_or_else(|| rows::conversion(2, Type::Text)(Unknown(action)))?;
    Ok(AuditRecord {
        position: rows::count(row, 0)?,
        at: rows::moment(row, 1)?,
        event: AuditEvent {
            action,
            subject: row.get(3)?,
            serial: rows::optional(row, 4, rows::serial)?,
            count: rows::count(row, 5)?,
            details: row.get(6)?,
        },
        by: Actor {
            actor: row.get(7)?,
            credential: row.get(8)?,
            origin: row.get(9)?,
        },
    })
}

/// An action that this program does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown action '{0}'")]
struct Unknown(String);

const COLUMNS: &str = "id, at, action, subject, serial, count, details, actor, credential, origin";
const INSERT: &str = "INSERT INTO audit (action, subject, serial, count, details, actor, credential, origin, at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ifnull(?9, unixepoch()))";
