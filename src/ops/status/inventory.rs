//! What authorities issued, and what became of it.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::certificate::CertificateStatus;
use crate::error::Error;
use crate::files;
use crate::ops::list;
use crate::ops::managed::Managed;
use crate::store::Inventory;

/// The inventories of the directories that are looked at.
#[derive(Default)]
pub(super) struct Inventories(Vec<Box<dyn Inventory>>);

impl Inventories {
    /// Opens the inventory of a directory, and gives the files elsewhere that it looks after.
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
        self.0.push(inventory);
        Ok(files)
    }

    /// Says of a certificate what they know of it.
    pub(super) fn tell(
        &self,
        status: &mut CertificateStatus,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        for inventory in &self.0 {
            let entry = inventory.find(&status.serial)?;
            let issued = entry.filter(|entry| entry.fingerprint == status.fingerprint_sha256);
            if let Some(entry) = issued {
                status.managed = true;
                if let Some(revocation) = entry.revocation {
                    status.is_revoked(revocation.at, now);
                }
            }
        }
        Ok(())
    }
}
