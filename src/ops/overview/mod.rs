//! What needs attention, worst first, and how many certificates end when: of an inventory of any size, in milliseconds.

mod attention;

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::renew::Timing;
use super::status::{Level, Thresholds};
use crate::error::Error;
use crate::store::{Counts, Entry, Inventory};

pub use attention::{Attention, Problem};

/// What an inventory says as a whole.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The moment it describes.
    pub at: OffsetDateTime,
    /// The number of certificates of each status.
    pub counts: Counts,
    /// The same of those in use, by profile.
    pub profiles: Vec<ProfileCounts>,
    /// How many of those in use end on each of [`DAYS`] days, from today on.
    pub days: Vec<u64>,
    /// The certificate in use that ends next.
    pub next: Option<Ending>,
    /// What needs attention, worst first; at most [`MAX_OF_A_KIND`] of each kind.
    pub attention: Vec<Attention>,
}

/// The certificates of a profile that are neither revoked, superseded nor retired.
#[derive(Clone, Debug, Default)]
pub struct ProfileCounts {
    /// The profile.
    pub profile: String,
    /// How many have not expired.
    pub valid: u64,
    /// How many of them end within 30 days.
    pub soon: u64,
    /// How many have expired.
    pub expired: u64,
}

/// A certificate and its end.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The certificate.
    pub entry: Entry,
    /// When it becomes due for renewal.
    pub due_at: OffsetDateTime,
}

impl Ending {
    fn of(entry: Entry) -> Self {
        Ending {
            due_at: Timing::default().due_at(&entry),
            entry,
        }
    }

    /// How urgent it is. Until it is due for renewal, and a moment longer, it is not.
    fn level(&self, now: OffsetDateTime) -> Level {
        let end = self.entry.validity.not_after();
        let lifetime = end - self.entry.validity.not_before();
        if now < self.due_at + lifetime * PATIENCE {
            return Level::Ok;
        }
        Thresholds::default().level(end - now, lifetime)
    }
}

/// The overview of an inventory.
///
/// # Errors
/// When the inventory cannot be read.
pub fn run(inventory: &dyn Inventory, now: OffsetDateTime) -> Result<Overview, Error> {
    let mut profiles: BTreeMap<String, ProfileCounts> = BTreeMap::new();
    let mut days = vec![0; usize::from(DAYS)];
    for ends in inventory.ends(now, DAYS)? {
        let name = ends.profile.clone();
        let of_profile = profiles.entry(ends.profile).or_default();
        of_profile.profile = name;
        match usize::try_from(ends.day) {
            Err(_) => of_profile.expired += ends.count,
            Ok(day) => {
                of_profile.valid += ends.count;
                of_profile.soon += if day < SOON_DAYS { ends.count } else { 0 };
                if let Some(of_day) = days.get_mut(day) {
                    *of_day += ends.count;
                }
            }
        }
    }
    let next = inventory.ending(now, now.saturating_add(FAR), MAX_READ)?;
    let next: Vec<Ending> = next.into_iter().map(Ending::of).collect();
    let last_week = now.saturating_sub(Duration::WEEK);
    let expired = inventory.ending(last_week, now.saturating_sub(Duration::SECOND), MAX_READ)?;
    Ok(Overview {
        at: now,
        counts: inventory.counts(now)?,
        profiles: profiles.into_values().collect(),
        days,
        attention: attention::of(&next, expired, inventory, now)?,
        next: next.into_iter().next(),
    })
}

/// How many days the overview looks ahead.
pub const DAYS: u16 = 90;
/// How many of a kind need attention at most.
pub const MAX_OF_A_KIND: usize = 20;
const SOON_DAYS: usize = 30;
/// How much of its lifetime a certificate may be overdue before anybody is told, for clients look only now and then.
const PATIENCE: f64 = 0.02;
/// How far ahead the next end is looked for.
const FAR: Duration = Duration::days(36_500);
/// How many entries are looked at.
const MAX_READ: usize = 200;
