//! Pages of entries: searched, sorted, and continued from where the last one ended.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;

use super::filter::{index_names, searchable};
use super::{Entry, Filter};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialPrefix;

/// What the entries of a page are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// When they expire.
    #[default]
    Expiry,
    /// The order in which they were recorded.
    Recorded,
    /// The first of their names in alphabetical order.
    Name,
}

/// Which entries to select, and which page of them.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Conditions that combine with AND. The limit is that of the page.
    pub filter: Filter,
    /// What one who looks for a certificate knows of it: a part of a name or a label, of which one or two characters
    /// mean the start; a profile; or the start of a serial number or a fingerprint.
    pub text: Option<String>,
    /// What they are sorted by.
    pub order: Order,
    /// Whether the last comes first.
    pub descending: bool,
    /// Where the page begins: behind this place. `None` at the beginning.
    pub from: Option<Place>,
    /// Whether the page ends in front of that place instead.
    pub is_before: bool,
}

/// The place of an entry in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its notAfter and notBefore, in seconds since 1970.
    pub(super) validity: (i64, i64),
    /// The first of its names; empty where it has none, and in other orders.
    pub(super) name: String,
    /// Its position among all.
    pub(super) position: u64,
}

impl Place {
    /// The place of an entry.
    pub(super) fn of(position: u64, entry: &Entry, order: Order) -> Self {
        let validity = entry.validity;
        Place {
            validity: (
                validity.not_after().unix_timestamp(),
                validity.not_before().unix_timestamp(),
            ),
            name: match order {
                Order::Name => first_name(entry),
                Order::Expiry | Order::Recorded => String::new(),
            },
            position,
        }
    }

    fn compare(&self, other: &Self, order: Order) -> Ordering {
        match order {
            Order::Expiry => (self.validity, self.position).cmp(&(other.validity, other.position)),
            Order::Recorded => self.position.cmp(&other.position),
            Order::Name => (&self.name, self.position).cmp(&(&other.name, other.position)),
        }
    }
}

/// As text for an address: three numbers and the name, separated by dots.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (not_after, not_before) = self.validity;
        let (position, name) = (self.position, &self.name);
        write!(f, "{not_after}.{not_before}.{position}.{name}")
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let mut parts = text.splitn(4, '.');
        let mut next = || parts.next().ok_or(PlaceError);
        let number = |text: &str| text.parse().map_err(|_| PlaceError);
        Ok(Place {
            validity: (number(next()?)?, number(next()?)?),
            position: number(next()?)?.unsigned_abs(),
            name: next()?.to_owned(),
        })
    }
}

/// A text that is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list; start at its beginning")]
pub struct PlaceError;

impl Search {
    /// How many entries the page has at most.
    pub(super) fn size(&self) -> usize {
        self.filter.limit.unwrap_or(usize::MAX)
    }

    /// Whether the entries are read in ascending order: the page before a place is read backwards.
    pub(super) fn is_ascending(&self) -> bool {
        self.descending == self.is_before
    }

    /// Whether an entry is of the page or one behind it.
    pub(super) fn matches(&self, place: &Place, entry: &Entry, now: OffsetDateTime) -> bool {
        let is_behind = self.from.as_ref().is_none_or(|from| {
            let order = place.compare(from, self.order);
            order
                == match self.is_ascending() {
                    true => Ordering::Greater,
                    false => Ordering::Less,
                }
        });
        let text = self.text.as_ref();
        is_behind
            && self.filter.matches(entry, now)
            && text.is_none_or(|text| is_about(entry, text))
    }

    /// The page, of entries that are all there are or at least all that it may have, in any order.
    pub(super) fn page(
        &self,
        found: impl IntoIterator<Item = (Place, Entry)>,
        now: OffsetDateTime,
    ) -> Vec<(Place, Entry)> {
        let found = found.into_iter();
        let mut page: Vec<_> = found
            .filter(|(place, entry)| self.matches(place, entry, now))
            .collect();
        page.sort_by(|(one, _), (other, _)| {
            let order = one.compare(other, self.order);
            match self.is_ascending() {
                true => order,
                false => order.reverse(),
            }
        });
        page.truncate(self.size());
        self.in_order(page)
    }

    /// The page as it is shown, of entries in the order in which they are read.
    pub(super) fn in_order(&self, mut page: Vec<(Place, Entry)>) -> Vec<(Place, Entry)> {
        if self.is_before {
            page.reverse();
        }
        page
    }
}

/// The first of an entry's names in alphabetical order, as the index has it.
pub(super) fn first_name(entry: &Entry) -> String {
    index_names(entry).into_iter().next().unwrap_or_default()
}

/// Whether one who looks for a text may mean an entry.
fn is_about(entry: &Entry, text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let has_name = match is_short(text) {
        true => index_names(entry)
            .iter()
            .any(|name| name.starts_with(&lower)),
        false => searchable(entry).contains(&lower),
    };
    has_name
        || entry.profile == text
        || prefix(text).is_some_and(|prefix| {
            prefix.matches(&entry.serial) || has_start(&entry.fingerprint, text)
        })
}

fn has_start(fingerprint: &Fingerprint, text: &str) -> bool {
    let digits = |text: &str| text.replace(':', "").to_ascii_lowercase();
    digits(&fingerprint.to_string()).starts_with(&digits(text))
}

/// The digits that a serial number or a fingerprint may start with.
pub(super) fn prefix(text: &str) -> Option<SerialPrefix> {
    text.parse().ok()
}

/// Whether a text has too few characters for an index of parts of names.
pub(super) fn is_short(text: &str) -> bool {
    text.chars().count() < 3
}
