//! Which entries are wanted.

use time::{Duration, OffsetDateTime};

use super::entry::{Entry, Status};
use crate::pki::name::AttributeType;
use crate::pki::serial::SerialPrefix;
use crate::pki::validity::Lifetime;

/// What an entry must be to be listed: all that is set at once.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Its validity ends from now until this much later, and it is not revoked.
    pub expiring_within: Option<Lifetime>,
    /// This text stands in one of its names or its common name; ASCII letters in either case.
    pub name: Option<String>,
    /// Its status.
    pub status: Option<Status>,
    /// Its profile.
    pub profile: Option<String>,
    /// The start of its serial number.
    pub serial: Option<SerialPrefix>,
    /// The most entries that are wanted; `None` for all.
    pub limit: Option<usize>,
}

impl Filter {
    /// Whether an entry is wanted; the limit aside.
    pub fn matches(&self, entry: &Entry, now: OffsetDateTime) -> bool {
        let status = entry.status(now);
        self.status.is_none_or(|wanted| wanted == status)
            && self
                .profile
                .as_ref()
                .is_none_or(|wanted| *wanted == entry.profile)
            && self
                .serial
                .as_ref()
                .is_none_or(|prefix| prefix.matches(&entry.serial))
            && self.expiring_within.is_none_or(|within| {
                let end = entry.validity.not_after().unix_timestamp();
                status != Status::Revoked && expiry_window(within, now).contains(&end)
            })
            && self
                .name
                .as_ref()
                .is_none_or(|text| has_name(entry, &text.to_ascii_lowercase()))
    }
}

/// The seconds since 1970 at which what expires within a lifetime from now ends.
pub(super) fn expiry_window(
    within: Lifetime,
    now: OffsetDateTime,
) -> std::ops::RangeInclusive<i64> {
    let start = now.unix_timestamp();
    start..=start.saturating_add(Duration::whole_seconds(within.duration()))
}

/// The common name as the inventory keeps it for searching: all of them, a line each.
pub(super) fn common_name(entry: &Entry) -> String {
    entry.subject.values(AttributeType::CommonName).join("\n")
}

fn has_name(entry: &Entry, lower: &str) -> bool {
    let holds = |text: &str| text.to_ascii_lowercase().contains(lower);
    entry.names.iter().any(|name| holds(&name.value())) || holds(&common_name(entry))
}
