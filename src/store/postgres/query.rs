//! The queries.

use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};

use super::super::filter::expiry_window;
use super::super::{Filter, Status};
use super::rows::COLUMNS;
use super::session::Parameter;

/// Where a page of entries ended: notAfter, notBefore and id of the last one.
pub(super) type Place = (i64, i64, i64);

/// A SELECT and the values of its numbered parameters.
pub(super) struct Query {
    pub(super) text: String,
    pub(super) values: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Query {
    /// A page of the entries that a filter may match, soonest expiry first, behind a place. It finds at least all
    /// of them; [`Filter::matches`] decides.
    pub(super) fn page(
        filter: &Filter,
        now: OffsetDateTime,
        after: Option<Place>,
        limit: usize,
    ) -> Self {
        let mut query = Query {
            text: format!("SELECT {COLUMNS}, id FROM certs_entry WHERE TRUE"),
            values: Vec::new(),
        };
        if let Some((not_after, not_before, id)) = after {
            let place = [not_after, not_before, id].map(|number| query.number(number));
            query.add(&format!(
                "(not_after, not_before, id) > ({})",
                place.join(", ")
            ));
        }
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
            let profile = query.value(profile.clone(), Type::TEXT);
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
        let limit = query.number(i64::try_from(limit).unwrap_or(i64::MAX));
        query
            .text
            .push_str(" ORDER BY not_after, not_before, id LIMIT ");
        query.text.push_str(&limit);
        query
    }

    pub(super) fn parameters(&self) -> Vec<Parameter<'_>> {
        let values = self.values.iter();
        values
            .map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()))
            .collect()
    }

    pub(super) fn add(&mut self, condition: &str) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
    }

    pub(super) fn add_status(&mut self, status: Status, now: i64) {
        let condition = match status {
            Status::Revoked | Status::OnHold => "revoked_at IS NOT NULL".into(),
            Status::Superseded | Status::Retired => format!(
                "(superseded_by IS NOT NULL OR retired_at IS NOT NULL) AND not_after >= {}",
                self.number(now)
            ),
            Status::Valid => format!("not_after >= {0} AND not_before <= {0}", self.number(now)),
            Status::NotYetValid => {
                format!("not_after >= {0} AND not_before > {0}", self.number(now))
            }
            Status::Expired => format!("not_after < {}", self.number(now)),
        };
        self.add(&condition);
    }

    pub(super) fn number(&mut self, number: i64) -> String {
        self.value(number, Type::INT8)
    }

    /// The placeholder of a parameter with this value.
    pub(super) fn value(
        &mut self,
        value: impl ToSql + Sync + Send + 'static,
        kind: Type,
    ) -> String {
        self.values.push((Box::new(value), kind));
        format!("${}", self.values.len())
    }
}

/// What LIKE finds a text with.
pub(super) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_ascii_lowercase().chars() {
        match character {
            '%' | '_' | '\\' => pattern.extend(['\\', character]),
            // PostgreSQL's text has none.
            '\0' => pattern.push(super::rows::NO_NUL),
            other => pattern.push(other),
        }
    }
    pattern + "%"
}

/// The numbers of [`Counts`](super::super::Counts) at a moment, in its order, from the indexes alone.
pub(super) const COUNTS: &str = "
    WITH every AS (SELECT
            (SELECT count(*) FROM certs_entry) AS n,
            (SELECT count(*) FROM certs_entry WHERE not_after < $1) AS expired,
            (SELECT count(*) FROM certs_entry WHERE not_after >= $1 AND not_before > $1) AS early),
        gone AS (SELECT count(*) AS n,
            count(*) FILTER (WHERE revocation_reason = 6) AS held,
            count(*) FILTER (WHERE not_after < $1) AS expired,
            count(*) FILTER (WHERE not_after >= $1 AND not_before > $1) AS early
            FROM certs_entry WHERE revoked_at IS NOT NULL),
        old AS (SELECT count(*) AS n,
            count(*) FILTER (WHERE retired_at IS NOT NULL) AS retired,
            count(*) FILTER (WHERE not_before > $1) AS early
            FROM certs_entry
            WHERE (superseded_by IS NOT NULL OR retired_at IS NOT NULL)
                AND not_after >= $1 AND revoked_at IS NULL)
    SELECT (every.n - every.expired - every.early) - (gone.n - gone.expired - gone.early)
            - (old.n - old.early),
        gone.n - gone.held, every.expired - gone.expired,
        every.early - gone.early - old.early, gone.held, old.n - old.retired, old.retired
    FROM every, gone, old";

/// A page of the revoked certificates with an entry, in the order of revocation, behind a moment and an id.
pub(super) const REVOKED: &str = "
    SELECT serial, revoked_at, revocation_reason, invalidity_date, not_after, issuer_fingerprint, id
    FROM certs_entry WHERE revoked_at IS NOT NULL AND (revoked_at, id) > ($1, $2)
    ORDER BY revoked_at, id LIMIT $3";

/// Those without an entry; all, or the one with a serial number.
pub(super) const CARRIED_OVER: &str = "
    SELECT serial, revoked_at, revocation_reason, invalidity_date, not_after, issuer_fingerprint
    FROM certs_carried_over c WHERE ($1::bytea IS NULL OR serial = $1)
    AND NOT EXISTS (SELECT FROM certs_entry e WHERE e.serial = c.serial)
    ORDER BY revoked_at, serial";

/// When and why certificates were revoked, and how they are called.
pub(super) const REVOCATIONS: &str = "
    SELECT serial, revoked_at, revocation_reason, invalidity_date, names, subject
    FROM certs_entry WHERE serial = ANY($1)";

/// Sets the same.
pub(super) const SET_REVOCATIONS: &str = "
    UPDATE certs_entry e SET revoked_at = g.at, revocation_reason = g.reason, invalidity_date = g.since
    FROM unnest($1, $2, $3, $4) AS g (serial, at, reason, since)
    WHERE e.serial = g.serial AND e.serial = ANY($1)";

/// Keeps revocations whose certificates have no entry; the first one counts. Gives the serial numbers of the new ones.
pub(super) const ADD_CARRIED_OVER: &str = "
    INSERT INTO certs_carried_over
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING serial";

/// Removes entries, and their names, which are given as well.
pub(super) const REMOVE_ENTRIES: &str = "
    WITH gone AS (DELETE FROM certs_entry WHERE serial = ANY($1) RETURNING id),
    names AS (DELETE FROM certs_name WHERE name = ANY($2) AND entry IN (SELECT id FROM gone))
    SELECT count(*) FROM gone";

/// How many indexed names are of no entry.
pub(super) const NAMES_ASTRAY: &str = "SELECT count(*) FROM certs_name n WHERE NOT EXISTS (SELECT FROM certs_entry e WHERE e.id = n.entry)";

/// One document, its kind and key given.
pub(super) const DOCUMENT: &str = "SELECT key, version, owner, expires_at, content \
     FROM certs_document WHERE kind = $1 AND key = $2";

/// The documents of a kind behind a key.
pub(super) const DOCUMENTS: &str = "SELECT key, version, owner, expires_at, content \
     FROM certs_document WHERE kind = $1 AND key > $2 ORDER BY key LIMIT $3";

/// Those of an owner; the index holds those that have one.
pub(super) const DOCUMENTS_OF_OWNER: &str = "SELECT key, version, owner, expires_at, content \
     FROM certs_document WHERE kind = $1 AND key > $2 AND owner = $4 AND owner <> '' \
     ORDER BY key LIMIT $3";

/// Adds a document unless there is one.
pub(super) const ADD_DOCUMENT: &str = "
    INSERT INTO certs_document (kind, key, version, owner, expires_at, content)
    VALUES ($1, $2, 1, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING 1::bigint";

/// Replaces a document if it has that version.
pub(super) const REPLACE_DOCUMENT: &str = "
    UPDATE certs_document SET version = version + 1, owner = $3, expires_at = $4, content = $5
    WHERE kind = $1 AND key = $2 AND version = $6 RETURNING version";

/// Removes some of the documents that are over.
pub(super) const REMOVE_EXPIRED: &str = "
    WITH gone AS (DELETE FROM certs_document WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM certs_document WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone";
