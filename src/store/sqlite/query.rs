//! What is asked of the database.

use rusqlite::types::Value;
use time::OffsetDateTime;

use super::super::filter::expiry_window;
use super::super::{Filter, Status};
use super::rows::COLUMNS;

/// A SELECT and the values of its numbered parameters.
pub(super) struct Query {
    pub(super) text: String,
    pub(super) parameters: Vec<Value>,
}

/// Every entry a filter may want, the one that expires first first. It finds at least all that
/// [`Filter::matches`], which has the last word.
///
/// The index is named, for without statistics SQLite takes the one that saves sorting.
pub(super) fn matching(filter: &Filter, now: OffsetDateTime) -> Query {
    let mut conditions = Vec::new();
    let mut parameters = Vec::new();
    let mut value = |value: Value| {
        parameters.push(value);
        format!("?{}", parameters.len())
    };
    let mut index = "entry_not_after";
    let seconds = now.unix_timestamp();
    if let Some(within) = filter.expiring_within {
        let window = expiry_window(within, now);
        let (start, end) = (
            value((*window.start()).into()),
            value((*window.end()).into()),
        );
        conditions.push(format!("not_after BETWEEN {start} AND {end}"));
    }
    match filter.status {
        None => {}
        Some(Status::Valid) => {
            let now = value(seconds.into());
            conditions.push(format!("not_after >= {now} AND not_before <= {now}"));
        }
        Some(Status::NotYetValid) => {
            let now = value(seconds.into());
            conditions.push(format!("not_after >= {now} AND not_before > {now}"));
        }
        Some(Status::Expired) => {
            let now = value(seconds.into());
            conditions.push(format!("not_after < {now}"));
        }
        Some(Status::Revoked) => {
            index = "entry_revoked";
            conditions.push("revoked_at IS NOT NULL".into());
        }
    }
    if let Some(prefix) = &filter.serial {
        index = "entry_serial";
        let (least, beyond) = prefix.octet_range();
        conditions.push(format!("serial >= {}", value(least.into())));
        if let Some(beyond) = beyond {
            conditions.push(format!("serial < {}", value(beyond.into())));
        }
    }
    if let Some(profile) = &filter.profile {
        conditions.push(format!("profile = {}", value(profile.clone().into())));
    }
    if let Some(text) = &filter.name {
        let text = value(text.to_ascii_lowercase().into());
        conditions.push(format!(
            "(instr(lower(names), {text}) OR instr(lower(common_name), {text}))"
        ));
    }
    let conditions = if conditions.is_empty() {
        "TRUE".to_owned()
    } else {
        conditions.join(" AND ")
    };
    Query {
        text: format!(
            "SELECT {COLUMNS} FROM entry INDEXED BY {index} WHERE {conditions} \
             ORDER BY not_after, not_before, id"
        ),
        parameters,
    }
}

/// How many entries are valid, revoked, expired and not yet valid at `:now`, by the indexes alone.
pub(super) const COUNTS: &str = "
    WITH every AS (SELECT
            (SELECT count(*) FROM entry) AS n,
            (SELECT count(*) FROM entry WHERE not_after < :now) AS expired,
            (SELECT count(*) FROM entry WHERE not_after >= :now AND not_before > :now) AS early),
        gone AS (SELECT count(*) AS n,
            count(*) FILTER (WHERE not_after < :now) AS expired,
            count(*) FILTER (WHERE not_after >= :now AND not_before > :now) AS early
            FROM entry INDEXED BY entry_revoked WHERE revoked_at IS NOT NULL)
    SELECT (every.n - every.expired - every.early) - (gone.n - gone.expired - gone.early),
        gone.n, every.expired - gone.expired, every.early - gone.early
    FROM every, gone";

/// Every revoked certificate, the one that was revoked first first.
pub(super) const REVOKED: &str = "
    SELECT serial, revoked_at, revocation_reason, not_after, issuer_fingerprint
    FROM entry INDEXED BY entry_revoked WHERE revoked_at IS NOT NULL
    ORDER BY revoked_at, id";
