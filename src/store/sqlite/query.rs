//! The queries.

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

/// The entries that a filter may match, soonest expiry first. It finds at least all of them; [`Filter::matches`]
/// decides.
///
/// The index is named because SQLite, without statistics, prefers the one that saves sorting.
///
/// `named` is what the full-text index is to be asked, and the last entry in that index.
pub(super) fn matching(
    filter: &Filter,
    named: Option<(String, i64)>,
    now: OffsetDateTime,
) -> Query {
    let mut wanted = Conditions::default();
    if let Some(within) = filter.expiring_within {
        let window = expiry_window(within, now);
        let start = wanted.value(*window.start());
        let end = wanted.value(*window.end());
        wanted.add(format!("not_after BETWEEN {start} AND {end}"));
    }
    if let Some(status) = filter.status {
        wanted.add_status(status, now.unix_timestamp());
    }
    if let Some(prefix) = &filter.serial {
        let (least, beyond) = prefix.byte_range();
        let least = wanted.value(least);
        wanted.add(format!("serial >= {least}"));
        if let Some(beyond) = beyond {
            let beyond = wanted.value(beyond);
            wanted.add(format!("serial < {beyond}"));
        }
    }
    if let Some(profile) = &filter.profile {
        let profile = wanted.value(profile.clone());
        wanted.add(format!("profile = {profile}"));
    }
    if let Some(text) = &filter.name {
        let text = wanted.value(text.to_ascii_lowercase());
        wanted.add(format!(
            "(instr(lower(names), {text}) OR instr(lower(common_name), {text}))"
        ));
    }
    let is_named = named.is_some();
    if let Some((expression, indexed)) = named {
        let (expression, indexed) = (wanted.value(expression), wanted.value(indexed));
        wanted.add(format!(
            "id IN (SELECT rowid FROM search WHERE search MATCH {expression} \
             UNION ALL SELECT id FROM entry WHERE id > {indexed})"
        ));
    }
    for label in &filter.labels {
        let pattern = wanted.value(label.pattern());
        wanted.add(format!("instr(labels, {pattern})"));
    }
    let index = match (&filter.serial, filter.status) {
        (Some(_), _) => "INDEXED BY entry_serial",
        // By the ids that were found.
        (None, _) if is_named => "NOT INDEXED",
        (None, Some(Status::Revoked | Status::OnHold)) => "INDEXED BY entry_revoked",
        (None, Some(Status::Superseded | Status::Retired)) => "INDEXED BY entry_replaced",
        (None, None | Some(Status::Valid | Status::NotYetValid | Status::Expired)) => {
            "INDEXED BY entry_not_after"
        }
    };
    Query {
        text: format!(
            "SELECT {COLUMNS} FROM entry {index} WHERE {} \
             ORDER BY not_after, not_before, id",
            wanted.text
        ),
        parameters: wanted.parameters,
    }
}

/// Conditions joined with AND, and the values in them.
pub(super) struct Conditions {
    pub(super) text: String,
    pub(super) parameters: Vec<Value>,
}

impl Default for Conditions {
    fn default() -> Self {
        Conditions {
            text: "TRUE".into(),
            parameters: Vec::new(),
        }
    }
}

impl Conditions {
    pub(super) fn add(&mut self, condition: String) {
        self.text.push_str(" AND ");
        self.text.push_str(&condition);
    }

    pub(super) fn add_status(&mut self, status: Status, now: i64) {
        let condition = match status {
            Status::Revoked | Status::OnHold => "revoked_at IS NOT NULL".into(),
            Status::Superseded | Status::Retired => {
                format!("({REPLACED}) AND not_after >= {}", self.value(now))
            }
            Status::Valid => format!("not_after >= {0} AND not_before <= {0}", self.value(now)),
            Status::NotYetValid => {
                format!("not_after >= {0} AND not_before > {0}", self.value(now))
            }
            Status::Expired => format!("not_after < {}", self.value(now)),
        };
        self.add(condition);
    }

    /// The placeholder of a parameter with this value.
    pub(super) fn value(&mut self, value: impl Into<Value>) -> String {
        self.parameters.push(value.into());
        format!("?{}", self.parameters.len())
    }
}

/// What the index `entry_replaced` is for, word for word.
const REPLACED: &str = "superseded_by IS NOT NULL OR retired_at IS NOT NULL";

/// The numbers of [`Counts`](super::super::Counts) at `:now`, in its order, from the indexes alone.
pub(super) const COUNTS: &str = "
    WITH every AS (SELECT
            (SELECT count(*) FROM entry) AS n,
            (SELECT count(*) FROM entry WHERE not_after < :now) AS expired,
            (SELECT count(*) FROM entry WHERE not_after >= :now AND not_before > :now) AS early),
        gone AS (SELECT count(*) AS n,
            count(*) FILTER (WHERE revocation_reason = 6) AS held,
            count(*) FILTER (WHERE not_after < :now) AS expired,
            count(*) FILTER (WHERE not_after >= :now AND not_before > :now) AS early
            FROM entry INDEXED BY entry_revoked WHERE revoked_at IS NOT NULL),
        old AS (SELECT count(*) AS n,
            count(*) FILTER (WHERE retired_at IS NOT NULL) AS retired,
            count(*) FILTER (WHERE not_before > :now) AS early
            FROM entry INDEXED BY entry_replaced
            WHERE (superseded_by IS NOT NULL OR retired_at IS NOT NULL)
                AND not_after >= :now AND revoked_at IS NULL)
    SELECT (every.n - every.expired - every.early) - (gone.n - gone.expired - gone.early)
            - (old.n - old.early),
        gone.n - gone.held, every.expired - gone.expired,
        every.early - gone.early - old.early, gone.held, old.n - old.retired, old.retired
    FROM every, gone, old";

/// Every revoked certificate, in the order of revocation.
pub(super) const REVOKED: &str = "
    SELECT serial, revoked_at, revocation_reason, invalidity_date, not_after, issuer_fingerprint
    FROM entry INDEXED BY entry_revoked WHERE revoked_at IS NOT NULL
    UNION ALL
    SELECT serial, revoked_at, revocation_reason, invalidity_date, not_after, issuer_fingerprint
    FROM carried_over WHERE serial NOT IN (SELECT serial FROM entry)
    ORDER BY revoked_at";

/// The revoked certificate without an entry that has a serial number.
pub(super) const CARRIED_OVER: &str = "
    SELECT serial, revoked_at, revocation_reason, invalidity_date, not_after, issuer_fingerprint
    FROM carried_over WHERE serial = ?1 AND serial NOT IN (SELECT serial FROM entry)";

/// When and why the certificate with a serial number was revoked, and how it is called.
pub(super) const REVOCATION: &str = "SELECT revoked_at, revocation_reason, invalidity_date, names, subject FROM entry WHERE serial = ?1";

/// Sets the same.
pub(super) const SET_REVOCATION: &str = "UPDATE entry SET revoked_at = ?2, revocation_reason = ?3, invalidity_date = ?4 WHERE serial = ?1";

/// How many indexed names are of no entry.
pub(super) const NAMES_ASTRAY: &str =
    "SELECT count(*) FROM name WHERE entry NOT IN (SELECT id FROM entry)";

/// One document, its kind and key given.
pub(super) const DOCUMENT: &str = "SELECT key, version, owner, expires_at, content FROM document \
     WHERE kind = ?1 AND key = ?2";

/// The documents of a kind behind a key.
pub(super) const DOCUMENTS: &str = "SELECT key, version, owner, expires_at, content FROM document \
     WHERE kind = ?1 AND key > ?2 ORDER BY key LIMIT ?3";

/// Those of an owner; the index holds those that have one.
pub(super) const DOCUMENTS_OF_OWNER: &str = "SELECT key, version, owner, expires_at, content FROM document \
     WHERE kind = ?1 AND key > ?2 AND owner = ?4 AND owner <> '' ORDER BY key LIMIT ?3";

/// Removes some of the documents that are over.
pub(super) const REMOVE_EXPIRED: &str = "DELETE FROM document WHERE rowid IN \
     (SELECT rowid FROM document WHERE expires_at <= ?1 LIMIT ?2)";
