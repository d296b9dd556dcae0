//! Removing certificates that expired long ago.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority;
use crate::error::Error;
use crate::ops::{Report, crl, list};
use crate::pki::crl::RevocationList;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::Lifetime;
use crate::store::Entry;

/// What was removed, or would be.
#[derive(Debug, Serialize)]
pub struct Pruned {
    /// The inventory.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub inventory: PathBuf,
    /// Certificates that expired before this moment go.
    #[serde(with = "time::serde::rfc3339")]
    pub expired_before: OffsetDateTime,
    /// Whether nothing was removed.
    pub dry_run: bool,
    /// How many certificates went, or would.
    pub removed: u64,
    /// How many revoked ones stay, because a CRL has yet to list them after they expired.
    pub kept_revoked: u64,
    /// How many certificates are left.
    pub left: u64,
}

impl fmt::Display for Pruned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run {
            "would remove"
        } else {
            "removed"
        };
        writeln!(
            f,
            "{verb} {} certificates that expired before {}",
            self.removed,
            crate::pki::validity::rfc3339(self.expired_before)
        )?;
        if self.kept_revoked > 0 {
            writeln!(
                f,
                "  kept         {} revoked ones, until a CRL has listed them after they expired",
                self.kept_revoked
            )?;
        }
        writeln!(f, "  left         {}", self.left)
    }
}

impl Report for Pruned {}

/// Removes the certificates that expired this long ago from the inventory of a directory. A revoked one stays until a
/// CRL that was signed after it expired has listed it
/// ([RFC 5280 §3.3](https://www.rfc-editor.org/rfc/rfc5280#section-3.3)).
///
/// # Errors
/// When there is no authority, or the inventory cannot be read or written.
pub fn prune(
    directory: &Path,
    expired_before: Lifetime,
    dry_run: bool,
    now: OffsetDateTime,
) -> Result<Pruned, Error> {
    let mut inventory = list::inventory(directory)?;
    let limit = crl::whole_seconds(now - expired_before.duration());
    let last_list = last_list(directory);
    let mut pruned = Pruned {
        inventory: authority::inventory_name(directory),
        expired_before: limit,
        dry_run,
        removed: 0,
        kept_revoked: 0,
        left: 0,
    };
    let mut position = 0;
    loop {
        let page = inventory.entries_after(position, PAGE)?;
        let Some((last, _)) = page.last() else {
            break;
        };
        position = *last;
        let mut going: Vec<SerialNumber> = Vec::new();
        for (_, entry) in page {
            let is_over = entry.validity.not_after() < limit;
            let may_be_listed = is_over && may_be_listed(&entry, last_list);
            pruned.kept_revoked += u64::from(may_be_listed);
            match is_over && !may_be_listed {
                true => going.push(entry.serial),
                false => pruned.left += 1,
            }
        }
        pruned.removed += match dry_run {
            true => going.len() as u64,
            false => inventory.remove_entries(&going)?,
        };
    }
    Ok(pruned)
}

/// Whether a CRL has yet to list a certificate after it expired.
fn may_be_listed(entry: &Entry, last: Option<OffsetDateTime>) -> bool {
    entry.revocation.is_some_and(|revocation| {
        let was_listed = |last| entry.validity.not_after() < last && revocation.at < last;
        !last.is_some_and(was_listed)
    })
}

/// When the oldest of the current CRLs was signed; `None` when there is none.
fn last_list(directory: &Path) -> Option<OffsetDateTime> {
    let lists = crl::read_lists(&directory.join(authority::CRL)).ok()?;
    lists.iter().map(RevocationList::this_update).min()
}

const PAGE: usize = 1_000;
