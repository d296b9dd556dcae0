//! Which entries to select.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use super::{Entry, LabelFilter, Status};
use crate::pki::name::AttributeType;
use crate::pki::serial::SerialPrefix;
use crate::pki::validity::Lifetime;

/// Conditions on an entry, which combine with AND.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// It expires within this time from now, and is neither revoked nor superseded.
    pub expiring_within: Option<Lifetime>,
    /// One of its names or its common name contains this text; ASCII letters match in either case.
    pub name: Option<String>,
    /// Its status.
    pub status: Option<Status>,
    /// Its profile.
    pub profile: Option<String>,
    /// The start of its serial number.
    pub serial: Option<SerialPrefix>,
    /// Labels, all of which it must have.
    pub labels: Vec<LabelFilter>,
    /// The maximum number of entries; `None` for all.
    pub limit: Option<usize>,
}

impl Filter {
    /// Whether an entry meets the conditions. Does not look at the limit.
    pub fn matches(&self, entry: &Entry, now: OffsetDateTime) -> bool {
        let status = entry.status(now);
        let matches_window = |within| {
            let end = entry.validity.not_after().unix_timestamp();
            is_in_use(status) && expiry_window(within, now).contains(&end)
        };
        self.status.is_none_or(|wanted| wanted == status)
            && self
                .profile
                .as_ref()
                .is_none_or(|profile| *profile == entry.profile)
            && self
                .serial
                .as_ref()
                .is_none_or(|prefix| prefix.matches(&entry.serial))
            && self.expiring_within.is_none_or(matches_window)
            && self.labels.iter().all(|label| label.matches(&entry.labels))
            && self
                .name
                .as_ref()
                .is_none_or(|text| has_name(entry, &text.to_ascii_lowercase()))
    }
}

/// Whether the end of a certificate with this status still matters to someone.
fn is_in_use(status: Status) -> bool {
    match status {
        Status::Valid | Status::NotYetValid | Status::Expired => true,
        Status::Revoked | Status::OnHold | Status::Superseded | Status::Retired => false,
    }
}

/// The range of notAfter, in seconds since 1970, of what expires within a lifetime from now.
pub(super) fn expiry_window(
    within: Lifetime,
    now: OffsetDateTime,
) -> std::ops::RangeInclusive<i64> {
    let start = now.unix_timestamp();
    start..=start.saturating_add(Duration::whole_seconds(within.duration()))
}

/// The common names of an entry, one per line, as the inventory keeps them for searching.
pub(super) fn common_name(entry: &Entry) -> String {
    entry.subject.values(AttributeType::CommonName).join("\n")
}

/// The names, common names and labels of an entry in lower case, one per line, to look for parts of them.
pub(super) fn searchable(entry: &Entry) -> String {
    let names = entry.names.iter().map(|name| name.value().into_owned());
    let labels = entry.labels.iter();
    let labels = labels.map(|(name, value)| format!("{name}={value}"));
    let lines: Vec<String> = names.chain([common_name(entry)]).chain(labels).collect();
    lines.join("\n").to_ascii_lowercase()
}

/// The names that an index finds an entry by: in lower case, without types, and cut to what an index takes. One
/// without any has an empty one, so that it has its place among the others.
pub(super) fn index_names(entry: &Entry) -> BTreeSet<String> {
    let names = entry.names.iter().map(|name| name.value().into_owned());
    let common = entry.subject.values(AttributeType::CommonName);
    let mut all: BTreeSet<String> = names.chain(common).map(|name| index_key(&name)).collect();
    if all.is_empty() {
        all.insert(String::new());
    }
    all
}

/// What an index has instead of a name.
pub(super) fn index_key(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.chars().take(MAX_KEY).collect()
}

/// The characters of a name that an index takes: PostgreSQL's takes no more than 2,704 bytes.
const MAX_KEY: usize = 256;

fn has_name(entry: &Entry, lower: &str) -> bool {
    let holds = |text: &str| text.to_ascii_lowercase().contains(lower);
    entry.names.iter().any(|name| holds(&name.value())) || holds(&common_name(entry))
}
