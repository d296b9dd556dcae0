//! The inventory: every certificate an authority issued, and what became of it.
//!
//! [`Inventory`] has two implementations, [`Sqlite`] and [`Memory`], and one contract that both are
//! tested against.

mod entry;
mod error;
mod filter;
mod memory;
mod sqlite;

#[cfg(test)]
mod contract;

#[cfg(test)]
pub(crate) use contract::entry as test_entry;

use std::ops::ControlFlow;
use std::path::PathBuf;

use time::OffsetDateTime;

pub use entry::{
    AuthorityRecord, BatchRow, Counts, Entry, Output, Revocation, RevocationChange,
    RevokedCertificate, Status,
};
pub use error::StoreError;
pub use filter::Filter;
pub use memory::Memory;
pub use sqlite::{Opening, Sqlite};

use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;

/// What was issued and revoked.
///
/// What a method that changes it has returned from is durable: it survives the process and the
/// machine. Every method does all it says or nothing.
pub trait Inventory: Send {
    /// Adds entries, all or none.
    ///
    /// # Errors
    /// [`StoreError::SerialTaken`] when an entry has the serial number of another; and when the
    /// inventory cannot be written.
    fn record(&mut self, entries: &[Entry]) -> Result<(), StoreError>;

    /// The entry with this serial number.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    fn find(&self, serial: &SerialNumber) -> Result<Option<Entry>, StoreError>;

    /// The entries with these serial numbers, in their order: faster than one by one.
    ///
    /// # Errors
    /// As [`Inventory::find`].
    fn find_each(&self, serials: &[&SerialNumber]) -> Result<Vec<Option<Entry>>, StoreError>;

    /// Every directory that a certificate was written to.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    fn directories(&self) -> Result<Vec<PathBuf>, StoreError>;

    /// Shows each entry that matches, the one that expires first first, until the visitor breaks.
    ///
    /// Holds one entry at a time.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    fn visit(
        &self,
        filter: &Filter,
        now: OffsetDateTime,
        visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// How many entries there are of each status.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    fn counts(&self, now: OffsetDateTime) -> Result<Counts, StoreError>;

    /// How many of the first rows of a manifest were released: issued, recorded and written; 0 for an unknown one.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    fn rows_released(&self, manifest: &Fingerprint) -> Result<u64, StoreError>;

    /// Notes how many of the first rows of a manifest were released.
    ///
    /// # Errors
    /// When the inventory cannot be written.
    fn note_rows_released(&mut self, manifest: &Fingerprint, rows: u64) -> Result<(), StoreError>;

    /// Adds an authority whose files are not released yet; nothing when it is there already.
    ///
    /// # Errors
    /// When the inventory cannot be written.
    fn record_authority(
        &mut self,
        certificate: &[u8],
        created_at: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// Notes that an authority's files are released. Whether there is such an authority.
    ///
    /// # Errors
    /// When the inventory cannot be written.
    fn complete_authority(&mut self, certificate: &[u8]) -> Result<bool, StoreError>;

    /// Every authority that was recorded, the first one first.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError>;

    /// Revokes certificates, all at once; what became of each comes back in their order.
    ///
    /// # Errors
    /// When the inventory cannot be written; then none is revoked.
    fn revoke_all(
        &mut self,
        serials: &[SerialNumber],
        revocation: Revocation,
    ) -> Result<Vec<RevocationChange>, StoreError>;

    /// Revokes a certificate.
    ///
    /// # Errors
    /// When the inventory cannot be written.
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

    /// Takes the revocation of a certificate on hold back.
    ///
    /// # Errors
    /// When the inventory cannot be written.
    fn unrevoke(&mut self, serial: &SerialNumber) -> Result<RevocationChange, StoreError>;

    /// Shows each revoked certificate, those that [`Inventory::carry_over`] kept among them, in the order of
    /// revocation, until the visitor breaks.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    fn revoked(
        &self,
        visitor: &mut dyn FnMut(RevokedCertificate) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Records revocations that a published CRL shows and this inventory does not: an entry that is not
    /// revoked becomes so, and a certificate that has no entry is kept for the CRLs to come. A
    /// certificate that is revoked already stays as it is. CRL numbers continue above `crl_number`.
    ///
    /// # Errors
    /// When the inventory cannot be written; then nothing is recorded.
    fn carry_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError>;

    /// The number of the last CRL; 0 before the first one.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    fn crl_number(&self) -> Result<u64, StoreError>;

    /// A CRL number above `above` and every number given before, whatever became of the CRL
    /// ([RFC 5280 §5.2.3](https://www.rfc-editor.org/rfc/rfc5280#section-5.2.3)); 1 is the first.
    ///
    /// # Errors
    /// When the inventory cannot be written.
    fn next_crl_number(&mut self, above: u64) -> Result<u64, StoreError>;
}
