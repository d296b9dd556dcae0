//! What an authority issued, and to which files.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::certificate::CertificateStatus;
use crate::error::Error;
use crate::ops::issue::file_names;
use crate::ops::list;
use crate::pki::fingerprint::Fingerprint;
use crate::store::{Filter, Inventory as _};

/// The certificates that inventories know.
#[derive(Debug, Default)]
pub(super) struct Managed {
    /// By fingerprint: since when it is revoked, if it is.
    issued: HashMap<Fingerprint, Option<OffsetDateTime>>,
}

impl Managed {
    /// Reads the inventory of a directory, and gives the files it issued to that are there.
    pub(super) fn read(
        &mut self,
        directory: &Path,
        now: OffsetDateTime,
    ) -> Result<Vec<PathBuf>, Error> {
        let inventory = list::inventory(directory)?;
        let mut written = HashSet::new();
        inventory.visit(&Filter::default(), now, &mut |entry| {
            let revoked_at = entry.revocation.map(|revocation| revocation.at);
            self.issued.insert(entry.fingerprint, revoked_at);
            if let Some(output) = entry.output {
                let (certificate, _) = file_names(output.base.as_ref());
                written.insert(output.directory.join(certificate));
            }
            ControlFlow::Continue(())
        })?;
        let mut files: Vec<PathBuf> = written.into_iter().collect();
        files.sort();
        Ok(files)
    }

    /// Says of a certificate what the inventory knows of it.
    pub(super) fn tell(&self, status: &mut CertificateStatus, now: OffsetDateTime) {
        let Some(revoked_at) = self.issued.get(&status.fingerprint_sha256) else {
            return;
        };
        status.managed = true;
        if let Some(since) = revoked_at {
            status.is_revoked(*since, now);
        }
    }
}
