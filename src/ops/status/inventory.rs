//! What the inventories know of certificates.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::certificate::CertificateStatus;
use crate::error::Error;
use crate::files;
use crate::ops::list;
use crate::ops::managed::Managed;
use crate::pki::fingerprint::Fingerprint;
use crate::store::{Inventory, Status};

/// The inventories of the directories that are checked.
#[derive(Default)]
pub(super) struct Inventories {
    open: Vec<Box<dyn Inventory>>,
    /// The fingerprints of CAs that were rotated out.
    retired: HashSet<Fingerprint>,
}

impl Inventories {
    /// Opens the inventory of a directory and returns the managed files elsewhere.
    pub(super) fn open(&mut self, directory: &Path) -> Result<Vec<PathBuf>, Error> {
        let inventory = list::inventory(directory)?;
        let own = files::absolute(directory)?;
        let is_elsewhere = inventory.directories()?.iter().any(|other| *other != own);
        let mut files = Vec::new();
        if is_elsewhere {
            let managed = Managed::read(directory, &*inventory)?;
            let places = managed.certificates.iter();
            files.extend(places.map(|certificate| certificate.place.certificate()));
        }
        for record in inventory.authorities()? {
            if record.retired_at.is_some() {
                self.retired
                    .insert(Fingerprint::sha256(&record.certificate));
            }
        }
        self.open.push(inventory);
        Ok(files)
    }

    /// Completes the status of a certificate with what they know of it.
    pub(super) fn complete(
        &self,
        status: &mut CertificateStatus,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let is_retired = |fingerprint| self.retired.contains(fingerprint);
        if is_retired(&status.facts.fingerprint_sha256) {
            status.set_replaced(Status::Retired);
        }
        for inventory in &self.open {
            let entry = inventory.find(&status.facts.serial)?;
            let issued = entry.filter(|entry| entry.fingerprint == status.facts.fingerprint_sha256);
            if let Some(entry) = issued {
                status.managed = true;
                status.labels.clone_from(&entry.labels);
                let recorded = entry.status(now);
                match (recorded, entry.revocation) {
                    (Status::Superseded | Status::Retired, _) => status.set_replaced(recorded),
                    (_, Some(revocation)) => status.set_revoked(recorded, revocation.at, now),
                    (_, None) => {}
                }
            }
        }
        Ok(())
    }
}
