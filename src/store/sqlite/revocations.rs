//! Revocations.

use rusqlite::{Connection, OptionalExtension as _, params};
use time::OffsetDateTime;

use super::super::audit::recorded_subject;
use super::super::{AuditEvent, Revocation, RevocationChange, RevokedCertificate, StoreError};
use super::{Sqlite, audit, query, rows};
use crate::pki::serial::SerialNumber;

impl Sqlite {
    /// As [`Inventory::carry_over`](super::super::Inventory::carry_over).
    pub(super) fn take_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError> {
        let crl_number = i64::try_from(crl_number).unwrap_or(i64::MAX);
        let actor = self.actor.clone();
        self.counted_change(|transaction| {
            count_revocations(transaction)?;
            let mut events = Vec::new();
            for carried in revoked {
                let serial = &carried.serial;
                let (change, event) = change_revocation(transaction, serial, |standing| {
                    let revocation = standing.unwrap_or(carried.revocation);
                    (RevocationChange::Done, Some(revocation))
                })?;
                events.extend(event);
                if change == RevocationChange::Unknown
                    && rows::insert_carried_over(transaction, carried)?
                {
                    events.push(AuditEvent::revocation(serial, "", Some(carried.revocation)));
                }
            }
            audit::tell(transaction, actor.as_deref(), events)?;
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
        let actor = self.actor.clone();
        self.counted_change(|transaction| {
            count_revocations(transaction)?;
            let mut changes = Vec::with_capacity(serials.len());
            let mut events = Vec::new();
            for serial in serials {
                let (change, event) = change_revocation(transaction, serial, &decide)?;
                changes.push(change);
                events.extend(event);
            }
            audit::tell(transaction, actor.as_deref(), events)?;
            Ok(changes)
        })
    }
}

/// Says to those who keep statuses that some may have changed.
fn count_revocations(transaction: &Connection) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached("UPDATE ledger SET revocations = revocations + 1")?
        .execute([])
}

/// Changes how one certificate's revocation stands, as `decide` says; and what the audit trail tells of it.
fn change_revocation(
    transaction: &Connection,
    serial: &SerialNumber,
    decide: impl Fn(Option<Revocation>) -> (RevocationChange, Option<Revocation>),
) -> rusqlite::Result<(RevocationChange, Option<AuditEvent>)> {
    let standing = transaction
        .prepare_cached(query::REVOCATION)?
        .query_row([serial.shown_bytes()], |row| {
            let (names, subject): (String, Vec<u8>) = (row.get(3)?, row.get(4)?);
            Ok((
                rows::revocation(row, 0)?,
                recorded_subject(&names, &subject),
            ))
        })
        .optional()?;
    let Some((standing, subject)) = standing else {
        return Ok((RevocationChange::Unknown, None));
    };
    let (change, revocation) = decide(standing);
    let mut event = None;
    if revocation != standing {
        event = Some(AuditEvent::revocation(serial, &subject, revocation));
        let moment = |moment: OffsetDateTime| moment.unix_timestamp();
        transaction
            .prepare_cached(query::SET_REVOCATION)?
            .execute(params![
                serial.shown_bytes(),
                revocation.map(|revocation| moment(revocation.at)),
                revocation.map(|revocation| revocation.reason.code()),
                revocation.and_then(|revocation| revocation.invalidity_date.map(moment)),
            ])?;
    }
    Ok((change, event))
}
