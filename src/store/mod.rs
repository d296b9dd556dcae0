//! The inventory: every certificate an authority issued, and its status.
//!
//! [`Inventory`] is the interface; [`open`] gives the one in a file. One contract test runs on every
//! implementation.

mod audit;
mod copy;
mod document;
mod ends;
mod entry;
mod error;
mod fault;
mod filter;
mod label;
mod postgres;
mod replay;
mod revocation;
mod search;
mod sqlite;

#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::entry as test_entry;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;

pub use audit::{Action, Actor, AuditEvent, AuditFilter, AuditRecord};
pub use copy::{Contents, Sum, contents, copy};
pub use document::{Document, DocumentKind};
pub use ends::Ends;
pub use entry::{AuthorityRecord, BatchRow, Counts, Entry, Output, Status};
pub use error::StoreError;
pub use fault::Fault;
pub use filter::Filter;
pub use label::{Label, LabelError, LabelFilter, Labels};
pub use replay::{Recording, Replay, ReplayId};
pub use revocation::{Revocation, RevocationChange, RevokedCertificate};
pub use search::{Order, Place, PlaceError, Search};
pub use sqlite::Opening;

use entry::recorded_names;

use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;

/// The inventory in a file.
///
/// # Errors
/// When it is missing and `opening` does not say to create it; when it is damaged, from a newer version
/// of this program, not an inventory, a symbolic link, or locked by another process for a minute.
pub fn open(path: &Path, opening: Opening) -> Result<Box<dyn Inventory>, StoreError> {
    Ok(Box::new(sqlite::Sqlite::open(path, opening)?))
}

/// The inventory in a schema of a PostgreSQL database, given as a URL of libpq's. What the URL leaves open is in
/// libpq's variables and password file.
///
/// # Errors
/// When the URL cannot be used, or the server: it is not reached, refuses, would not keep what it confirms, or is
/// too old; when the schema is newer than this program, or holds no inventory and `opening` does not say to make one.
pub fn open_server(url: &str, opening: Opening) -> Result<Box<dyn Inventory>, StoreError> {
    let variables = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Ok(Box::new(postgres::Postgres::open(
        url, &variables, opening,
    )?))
}

/// The address in a URL as messages show it: without the password.
///
/// # Errors
/// When the URL cannot be used.
pub fn server_name(url: &str) -> Result<String, StoreError> {
    let variables = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    postgres::shown(url, &variables)
}

/// What was issued and revoked.
///
/// Changes are durable when a method returns: they survive the process and a power failure. Every
/// method does all of its work or none. Every method fails when the inventory cannot be read or
/// written; `# Errors` lists only other causes.
#[expect(
    clippy::missing_errors_doc,
    reason = "the cause that all methods share is documented on the trait"
)]
pub trait Inventory: Send {
    /// Says who makes the changes from now on, for the audit trail, and gives who made them before. `None` adds nothing
    /// to the trail: for copying, where it comes along as it is.
    fn act_as(&mut self, actor: Option<Arc<Actor>>) -> Option<Arc<Actor>>;

    /// Adds a record to the audit trail: of what is no change of the inventory. The methods that change it add their
    /// own.
    fn note(&mut self, event: AuditEvent) -> Result<(), StoreError>;

    /// Adds records of another inventory as they are, but for their positions.
    fn keep_audit(&mut self, records: &[AuditRecord]) -> Result<(), StoreError>;

    /// Passes each record of the audit trail that matches to the visitor, the newest first, until the visitor breaks.
    fn audit(
        &self,
        filter: &AuditFilter,
        visitor: &mut dyn FnMut(AuditRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Records of the audit trail behind a position, which is 0 for all, in the order in which they were added.
    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditRecord>, StoreError>;

    /// Adds entries, all or none, and marks those they replace as superseded.
    ///
    /// # Errors
    /// [`StoreError::SerialTaken`] when two entries would have one serial number.
    fn record(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.record_as(entries, Action::Issued)
    }

    /// As [`Inventory::record`], and what the audit trail calls it: issued means renewed where an entry replaces
    /// another.
    ///
    /// # Errors
    /// As [`Inventory::record`].
    fn record_as(&mut self, entries: &[Entry], action: Action) -> Result<(), StoreError>;

    /// Adds certificates that were issued earlier or elsewhere, all or none. Gives for each whether it was
    /// new; one that is recorded already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::SerialTaken`] when another certificate has the serial number.
    fn adopt(&mut self, entries: &[Entry]) -> Result<Vec<bool>, StoreError> {
        let serials: Vec<_> = entries.iter().map(|entry| &entry.serial).collect();
        let mut seen = std::collections::HashSet::new();
        let mut are_new = Vec::with_capacity(entries.len());
        let mut new = Vec::new();
        for (entry, known) in entries.iter().zip(self.find_each(&serials)?) {
            let is_same = known.is_some_and(|known| known.fingerprint == entry.fingerprint);
            let is_new = !is_same && seen.insert(&entry.fingerprint);
            are_new.push(is_new);
            new.extend(is_new.then(|| entry.clone()));
        }
        self.record_as(&new, Action::Adopted)?;
        Ok(are_new)
    }

    /// The entry with this serial number.
    fn find(&self, serial: &SerialNumber) -> Result<Option<Entry>, StoreError>;

    /// The entries with these serial numbers, in their order: faster than one by one.
    fn find_each(&self, serials: &[&SerialNumber]) -> Result<Vec<Option<Entry>>, StoreError>;

    /// Every entry with this public key, given as SHA-256 of the SubjectPublicKeyInfo.
    fn find_by_public_key(&self, public_key: &Fingerprint) -> Result<Vec<Entry>, StoreError>;

    /// An entry with this public key that was revoked because the key is, or may be, in other hands.
    fn find_compromised(&self, public_key: &Fingerprint) -> Result<Option<Entry>, StoreError> {
        let of_key = self.find_by_public_key(public_key)?;
        Ok(of_key.into_iter().find(Entry::is_compromised))
    }

    /// Every entry with this name, soonest expiry first; see [`Entry::is_named`].
    fn find_by_name(&self, name: &str, now: OffsetDateTime) -> Result<Vec<Entry>, StoreError> {
        let filter = Filter {
            name: Some(untyped(name).to_owned()),
            ..Filter::default()
        };
        let mut found = Vec::new();
        self.visit(&filter, now, &mut |entry| {
            found.extend(entry.is_named(name).then_some(entry));
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The current entries with this name: neither superseded nor retired, and live. More than one when
    /// several certificates with one name are in use.
    fn find_current(&self, name: &str, now: OffsetDateTime) -> Result<Vec<Entry>, StoreError> {
        let mut found = self.find_by_name(name, now)?;
        found.retain(|entry| match entry.status(now) {
            Status::Valid | Status::NotYetValid => true,
            Status::Revoked
            | Status::OnHold
            | Status::Expired
            | Status::Superseded
            | Status::Retired => false,
        });
        Ok(found)
    }

    /// Entries in the order in which they were recorded, behind a position, which is 0 for all. Each comes with its own
    /// position.
    fn entries_after(&self, position: u64, limit: usize) -> Result<Vec<(u64, Entry)>, StoreError>;

    /// Removes entries, as if they had never been recorded. Gives how many there were.
    fn remove_entries(&mut self, serials: &[SerialNumber]) -> Result<u64, StoreError>;

    /// What is wrong with its indexes, as clauses.
    fn check_indexes(&self) -> Result<Vec<String>, StoreError>;

    /// Every directory that a certificate was written to.
    fn directories(&self) -> Result<Vec<PathBuf>, StoreError>;

    /// Passes each entry that matches to the visitor, soonest expiry first, until the visitor breaks.
    ///
    /// Holds one entry at a time.
    fn visit(
        &self,
        filter: &Filter,
        now: OffsetDateTime,
        visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// A page of the entries that match, each with its place.
    fn page(&self, search: &Search, now: OffsetDateTime)
    -> Result<Vec<(Place, Entry)>, StoreError>;

    /// The number of entries of each status.
    fn counts(&self, now: OffsetDateTime) -> Result<Counts, StoreError>;

    /// How many entries that are neither revoked, superseded nor retired end on each day from today (UTC), and how many
    /// on the last of these days or later, by profile; counts of 0 may be there.
    fn ends(&self, now: OffsetDateTime, days: u16) -> Result<Vec<Ends>, StoreError>;

    /// Entries that are neither revoked, superseded nor retired and end within a period, both ends included: the
    /// soonest, and their number is limited.
    fn ending(
        &self,
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// How many of the first rows of a manifest were released: issued, recorded and written; 0 for an
    /// unknown manifest.
    fn rows_released(&self, manifest: &Fingerprint) -> Result<u64, StoreError>;

    /// The manifests of which rows were released, and how many.
    fn manifests(&self) -> Result<Vec<(Fingerprint, u64)>, StoreError>;

    /// Notes how many of the first rows of a manifest were released.
    fn note_rows_released(&mut self, manifest: &Fingerprint, rows: u64) -> Result<(), StoreError>;

    /// Adds an authority whose files are not written yet, unless it is recorded already.
    fn record_authority(
        &mut self,
        certificate: &[u8],
        created_at: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// Notes that an authority's files are written. False when it is not recorded.
    fn complete_authority(&mut self, certificate: &[u8]) -> Result<bool, StoreError>;

    /// Notes that an authority was rotated out, and that these certificates, such as its
    /// cross-certificates, went with it. False when it is not recorded.
    fn retire_authority(
        &mut self,
        certificate: &[u8],
        serials: &[SerialNumber],
        retired_at: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Every authority that was recorded, in that order.
    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError>;

    /// Revokes certificates, all or none. Gives the effect on each.
    fn revoke_all(
        &mut self,
        serials: &[SerialNumber],
        revocation: Revocation,
    ) -> Result<Vec<RevocationChange>, StoreError>;

    /// Revokes a certificate.
    fn revoke(
        &mut self,
        serial: &SerialNumber,
        revocation: Revocation,
    ) -> Result<RevocationChange, StoreError> {
        let changes = self.revoke_all(std::slice::from_ref(serial), revocation)?;
        Ok(changes
            .first()
            .copied()
            .unwrap_or(RevocationChange::Unknown))
    }

    /// Removes the hold on a certificate.
    fn unrevoke(&mut self, serial: &SerialNumber) -> Result<RevocationChange, StoreError>;

    /// Passes each revoked certificate to the visitor, those that [`Inventory::carry_over`] kept among them, in
    /// the order of revocation, until the visitor breaks.
    fn revoked(
        &self,
        visitor: &mut dyn FnMut(RevokedCertificate) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Records revocations that a published CRL shows and this inventory does not: an entry that is not
    /// revoked becomes so, and a certificate that has no entry is kept for the CRLs to come. A
    /// certificate that is revoked already stays as it is. CRL numbers continue above `crl_number`.
    fn carry_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError>;

    /// The revoked certificate without an entry that [`Inventory::carry_over`] kept, by its serial number.
    fn find_carried_over(
        &self,
        serial: &SerialNumber,
    ) -> Result<Option<RevokedCertificate>, StoreError>;

    /// A number that is another after every change of a revocation, by this or another process.
    fn revocation_version(&self) -> Result<u64, StoreError>;

    /// The number of the last CRL; 0 before the first one.
    fn crl_number(&self) -> Result<u64, StoreError>;

    /// A CRL number above `above` and above every number given before, whether or not that CRL was
    /// published ([RFC 5280 §5.2.3](https://www.rfc-editor.org/rfc/rfc5280#section-5.2.3)). The first is 1.
    fn next_crl_number(&mut self, above: u64) -> Result<u64, StoreError>;

    /// The document of this kind with this key, expired or not.
    fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError>;

    /// Writes a document if its version is the one in the inventory, 0 meaning that there is none; the
    /// version then is one higher. False when another writer was faster, and nothing changed.
    fn put_document(&mut self, document: &Document) -> Result<bool, StoreError>;

    /// The documents of a kind by key: those of one owner, or of all, behind the key `after`.
    fn documents(
        &self,
        kind: DocumentKind,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError>;

    /// Removes a document. False when there is none.
    fn remove_document(&mut self, kind: DocumentKind, key: &str) -> Result<bool, StoreError>;

    /// Removes documents that have expired, of any kind, at most `limit` of them. Gives their number.
    fn remove_expired(&mut self, now: OffsetDateTime, limit: usize) -> Result<u64, StoreError>;

    /// Does several things in one transaction, durable when this returns. When `work` fails, nothing of
    /// it remains. Within another `together` it is a part of that one, which can fail alone.
    ///
    /// # Errors
    /// What `work` returns.
    fn together(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Inventory) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Everything it holds, as the content of a SQLite database that [`open`] reads.
    fn snapshot(&mut self) -> Result<Vec<u8>, StoreError>;
}

/// A name without its type, as in `dns:NAME`.
fn untyped(name: &str) -> &str {
    let prefixes = ["dns:", "ip:", "uri:", "email:"];
    let without = prefixes
        .into_iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    without.unwrap_or(name)
}
