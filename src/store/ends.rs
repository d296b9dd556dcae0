//! When certificates that are in use end: counts by day, and the next ones. Both read only an index that has exactly
//! these.

use time::{Duration, OffsetDateTime};

use super::Entry;

/// How many certificates in use, of one profile, end on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The profile.
    pub profile: String,
    /// Days from today, in UTC; -1 for those that have expired, and the last day for all later ones, too.
    pub day: i64,
    /// How many.
    pub count: u64,
}

/// What a day's count is asked with: the first moment of today and the current one, in seconds since 1970.
pub(super) fn moments(now: OffsetDateTime) -> (i64, i64) {
    let now = now.unix_timestamp();
    (now - now.rem_euclid(DAY_SECONDS), now)
}

/// The soonest of the entries of several profiles.
pub(super) fn soonest(mut entries: Vec<Entry>, limit: usize) -> Vec<Entry> {
    entries.sort_by_key(|entry| entry.validity.not_after());
    entries.truncate(limit);
    entries
}

/// The profiles of the entries in use, one after the other, each found by one look into the index.
pub(super) fn profiles(source: &str) -> String {
    format!(
        "{} SELECT profile FROM kind WHERE profile IS NOT NULL",
        kinds(source)
    )
}

/// Profile, day and count. Parameters: [`moments`], and the last day.
pub(super) fn counts(source: &str) -> String {
    format!(
        "{}, span (day) AS (
            SELECT CAST(-1 AS bigint) UNION ALL SELECT day + 1 FROM span WHERE day < $3)
        SELECT kind.profile, span.day, (SELECT count(*) FROM {source}
            WHERE {IN_USE} AND profile = kind.profile
            AND not_after >= CASE span.day WHEN -1 THEN {FIRST} WHEN 0 THEN $2
                ELSE $1 + span.day * {DAY_SECONDS} END
            AND not_after < CASE span.day WHEN -1 THEN $2 WHEN $3 THEN {BEYOND}
                ELSE $1 + (span.day + 1) * {DAY_SECONDS} END)
        FROM kind, span WHERE kind.profile IS NOT NULL",
        kinds(source)
    )
}

/// The end of a query for entries of a profile. Parameters: the profile, the first and the last moment, how many.
pub(super) fn next(source: &str) -> String {
    format!(
        "FROM {source} WHERE {IN_USE} AND profile = $1 AND not_after BETWEEN $2 AND $3
        ORDER BY not_after LIMIT $4"
    )
}

fn kinds(source: &str) -> String {
    format!(
        "WITH RECURSIVE kind (profile) AS (
            SELECT min(profile) FROM {source} WHERE {IN_USE}
            UNION ALL
            SELECT (SELECT min(profile) FROM {source} WHERE {IN_USE} AND profile > kind.profile)
            FROM kind WHERE kind.profile IS NOT NULL)"
    )
}

/// What the index `entry_in_use` is for, word for word.
const IN_USE: &str = "revoked_at IS NULL AND superseded_by IS NULL AND retired_at IS NULL";
const DAY_SECONDS: i64 = Duration::DAY.whole_seconds();
/// Before every time that a certificate can have: the year 1.
const FIRST: i64 = -62_135_596_800;
/// After every time that a certificate can have: the year 10000.
const BEYOND: i64 = 253_402_300_800;

/// What an inventory that is a list of entries answers.
#[cfg(test)]
pub(super) use list::{between, counted};

#[cfg(test)]
mod list {
    use std::collections::BTreeMap;

    use super::*;

    pub(crate) fn counted(entries: &[Entry], now: OffsetDateTime, days: u16) -> Vec<Ends> {
        let mut counts: BTreeMap<(String, i64), u64> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| is_in_use(entry)) {
            let day = day(entry.validity.not_after(), now, days);
            *counts.entry((entry.profile.clone(), day)).or_default() += 1;
        }
        let ends = counts.into_iter();
        ends.map(|((profile, day), count)| Ends {
            profile,
            day,
            count,
        })
        .collect()
    }

    pub(crate) fn between(
        entries: &[Entry],
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: usize,
    ) -> Vec<Entry> {
        let within = |entry: &&Entry| {
            let end = entry.validity.not_after();
            is_in_use(entry) && from <= end && end <= until
        };
        soonest(entries.iter().filter(within).cloned().collect(), limit)
    }

    /// The day that a count is of; see [`Ends::day`].
    fn day(not_after: OffsetDateTime, now: OffsetDateTime, days: u16) -> i64 {
        let (midnight, now) = moments(now);
        let end = not_after.unix_timestamp();
        let day = (end - midnight).div_euclid(DAY_SECONDS);
        if end < now {
            -1
        } else {
            day.min(i64::from(days))
        }
    }

    fn is_in_use(entry: &Entry) -> bool {
        entry.revocation.is_none() && entry.superseded_by.is_none() && entry.retired_at.is_none()
    }
}
