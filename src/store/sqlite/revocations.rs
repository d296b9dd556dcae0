//! Revocations.

use rusqlite::{Connection, OptionalExtension as _, params};
use time::OffsetDateTime;

use super::super::{Revocation, RevocationChange, RevokedCertificate, StoreError};
use super::{Sqlite, query, rows};
use crate::pki::serial::SerialNumber;

impl Sqlite {
    /// As [`Inventory::carry_over`](super::super::Inventory::carry_over).
    pub(super) fn take_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError> {
        let crl_number = i64::try_from(crl_number).unwrap_or(i64::MAX);
        self.counted_change(|transaction| {
            count_revocations(transaction)?;
            for carried in revoked {
                let change = change_revocation(transaction, &carried.serial, |standing| {
                    let revocation = standing.unwrap_or(carried.revocation);
                    (RevocationChange::Done, Some(revocation))
                })?;
                if change == RevocationChange::Unknown {
                    rows::insert_carried_over(transaction, carried)?;
                }
            }
            transaction.execute(
                "UPDATE ledger SET crl_number = max(crl_number, ?1)",
                [crl_number],
            )
        })?;
        Ok(())
    }

    /// Changes how the revocations of certificates stand, as `decide` says of each.
    pub(super) fn change_revocations(
        &mut self,
        serials: &[SerialNumber],
        decide: impl Fn(Option<Revocation>) -> (RevocationChange, Option<Revocation>),
    ) -> Result<Vec<RevocationChange>, StoreError> {
        self.counted_change(|transaction| {
            count_revocations(transaction)?;
            let changes = serials
                .iter()
                .map(|serial| change_revocation(transaction, serial, &decide));
            changes.collect()
        })
    }
}

/// Says to those who keep statuses that some may have changed.
fn count_revocations(transaction: &Connection) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached("UPDATE ledger SET revocations = revocations + 1")?
        .execute([])
}

/// Changes how one certificate's revocation stands, as `decide` says.
fn change_revocation(
    transaction: &Connection,
    serial: &SerialNumber,
    decide: impl Fn(Option<Revocation>) -> (RevocationChange, Option<Revocation>),
) -> rusqlite::Result<RevocationChange> {
    let standing = transaction
        .prepare_cached(query::REVOCATION)?
        .query_row([serial.shown_octets()], |row| rows::revocation(row, 0))
        .optional()?;
    let Some(standing) = standing else {
        return Ok(RevocationChange::Unknown);
    };
    let (change, revocation) = decide(standing);
    if revocation != standing {
        let moment = |moment: OffsetDateTime| moment.unix_timestamp();
        transaction
            .prepare_cached(query::SET_REVOCATION)?
            .execute(params![
                serial.shown_octets(),
                revocation.map(|revocation| moment(revocation.at)),
                revocation.map(|revocation| revocation.reason.code()),
                revocation.and_then(|revocation| revocation.invalidity_date.map(moment)),
            ])?;
    }
    Ok(change)
}
