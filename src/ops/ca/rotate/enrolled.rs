//! Which enrolled machines have fetched the new root.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use crate::error::Error;
use crate::ops::enrollment;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;
use crate::store::{Inventory, Status};

/// The enrolled machines with a valid certificate.
#[derive(Debug, Default, Serialize)]
pub struct EnrolledMachines {
    /// How many there are.
    pub machines: usize,
    /// How many have fetched the new root.
    pub fetched: usize,
    /// The others, soonest expiry first.
    pub waiting: Vec<WaitingMachine>,
}

/// A machine that has not fetched the new root.
#[derive(Debug, Serialize)]
pub struct WaitingMachine {
    /// The serial number of its certificate.
    pub serial: SerialNumber,
    /// Its first name, or its subject.
    pub name: String,
    /// When its certificate expires.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// When it last fetched trust anchors, if it has.
    #[serde(with = "time::serde::rfc3339::option")]
    pub fetched_at: Option<OffsetDateTime>,
}

impl EnrolledMachines {
    /// What the inventory says of this root.
    pub(super) fn read(
        root: &Certificate,
        inventory: &dyn Inventory,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let fetches = enrollment::fetches(inventory)?;
        let serials: Vec<_> = fetches.iter().map(|fetch| &fetch.serial).collect();
        let mut all = EnrolledMachines::default();
        for (fetch, entry) in fetches.iter().zip(inventory.find_each(&serials)?) {
            let Some(entry) = entry.filter(|entry| entry.status(now) == Status::Valid) else {
                continue;
            };
            all.machines += 1;
            if fetch.contains(root) {
                all.fetched += 1;
                continue;
            }
            let name = match entry.names.first() {
                Some(name) => Escaped(&name.value()).to_string(),
                None => entry.subject.to_string(),
            };
            all.waiting.push(WaitingMachine {
                name,
                not_after: entry.validity.not_after(),
                serial: entry.serial,
                fetched_at: fetch.fetched_at,
            });
        }
        all.waiting.sort_by_key(|waiting| waiting.not_after);
        Ok(all)
    }
}

impl fmt::Display for EnrolledMachines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.machines == 0 {
            return Ok(());
        }
        let (fetched, machines) = (self.fetched, self.machines);
        writeln!(
            f,
            "  enrolled machines that fetched the new root: {fetched} of {machines}"
        )?;
        for one in self.waiting.iter().take(MAX_SHOWN) {
            writeln!(f, "    waiting  {}: {}", one.name, one.clause())?;
        }
        match self.waiting.len().checked_sub(MAX_SHOWN) {
            Some(more) if more > 0 => writeln!(f, "    and {more} more"),
            Some(_) | None => Ok(()),
        }
    }
}

impl WaitingMachine {
    /// What it fetched, as a clause.
    pub(super) fn clause(&self) -> String {
        match self.fetched_at {
            Some(at) => format!(
                "fetched the anchors on {}, before the new root",
                rfc3339(at)
            ),
            None => "has not fetched the anchors; it does when it renews".into(),
        }
    }
}

const MAX_SHOWN: usize = 20;
