//! Revocations, and those of certificates without an entry.

use std::collections::HashMap;
use std::iter::Peekable;
use std::ops::ControlFlow;

use time::OffsetDateTime;
use tokio_postgres::types::Type;

use super::super::audit::recorded_subject;
use super::super::{AuditEvent, Revocation, RevocationChange, RevokedCertificate, StoreError};
use super::session::Parameter;
use super::{COUNT_REVOCATIONS, PAGE, Postgres, query, rows};
use crate::pki::serial::SerialNumber;

impl Postgres {
    /// As [`Inventory::revoked`](super::super::Inventory::revoked).
    pub(super) fn walk_revoked(
        &self,
        visitor: &mut dyn FnMut(RevokedCertificate) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut carried: Peekable<_> = self.carried_over(None)?.into_iter().peekable();
        let mut after = (i64::MIN, i64::MIN);
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        loop {
            let parameters: [Parameter<'_>; 3] = [
                (&after.0, Type::INT8),
                (&after.1, Type::INT8),
                (&limit, Type::INT8),
            ];
            let found = self.again(query::REVOKED, &parameters)?;
            for row in &found {
                let revoked = self.read(rows::revoked(row))?;
                after = (self.read(rows::get(row, 1))?, self.read(rows::get(row, 6))?);
                while let Some(earlier) =
                    carried.next_if(|one| one.revocation.at < revoked.revocation.at)
                {
                    if visitor(earlier).is_break() {
                        return Ok(());
                    }
                }
                if visitor(revoked).is_break() {
                    return Ok(());
                }
            }
            if found.len() < PAGE {
                break;
            }
        }
        // Whether the visitor breaks does not matter any more.
        let _ = carried.try_for_each(visitor);
        Ok(())
    }

    /// As [`Inventory::carry_over`](super::super::Inventory::carry_over).
    pub(super) fn take_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError> {
        let crl_number = i64::try_from(crl_number).unwrap_or(i64::MAX);
        let serials: Vec<_> = revoked.iter().map(|one| one.serial.clone()).collect();
        self.transact(|this| {
            let changes = this.change_revocations(&serials, |i, standing| {
                let revocation = standing.unwrap_or(revoked[i].revocation);
                (RevocationChange::Done, Some(revocation))
            })?;
            let unknown: Vec<&RevokedCertificate> = revoked
                .iter()
                .zip(changes)
                .filter(|(_, change)| *change == RevocationChange::Unknown)
                .map(|(one, _)| one)
                .collect();
            this.add_carried_over(&unknown)?;
            this.change(
                "UPDATE certs_ledger SET crl_number = greatest(crl_number, $1)",
                &[(&crl_number, Type::INT8)],
            )
            .map(drop)
        })
    }

    /// Changes how the revocations of certificates stand, as `decide` says of each.
    pub(super) fn change_revocations(
        &mut self,
        serials: &[SerialNumber],
        decide: impl Fn(usize, Option<Revocation>) -> (RevocationChange, Option<Revocation>),
    ) -> Result<Vec<RevocationChange>, StoreError> {
        self.change(COUNT_REVOCATIONS, &[])?;
        let octets: Vec<&[u8]> = serials.iter().map(SerialNumber::shown_bytes).collect();
        let found = self.again(query::REVOCATIONS, &[(&octets, Type::BYTEA_ARRAY)])?;
        let mut standing: HashMap<Vec<u8>, (Option<Revocation>, String)> = HashMap::new();
        for row in &found {
            let serial: Vec<u8> = self.read(rows::get(row, 0))?;
            let subject =
                recorded_subject(self.read(rows::get(row, 4))?, self.read(rows::get(row, 5))?);
            standing.insert(serial, (self.read(rows::revocation(row, 1))?, subject));
        }
        let mut changes = Vec::with_capacity(serials.len());
        let (mut changed, mut events) = (HashMap::new(), Vec::new());
        for (i, serial) in octets.iter().enumerate() {
            let Some((known, subject)) = standing.get_mut(*serial) else {
                changes.push(RevocationChange::Unknown);
                continue;
            };
            let (change, revocation) = decide(i, *known);
            if revocation != *known {
                *known = revocation;
                changed.insert(*serial, revocation);
                events.push(AuditEvent::revocation(&serials[i], subject, revocation));
            }
            changes.push(change);
        }
        if !changed.is_empty() {
            let moment = |moment: OffsetDateTime| moment.unix_timestamp();
            let of = |read: &dyn Fn(Revocation) -> Option<i64>| -> Vec<Option<i64>> {
                changed
                    .values()
                    .map(|revocation| revocation.and_then(read))
                    .collect()
            };
            let serials: Vec<&[u8]> = changed.keys().copied().collect();
            let at = of(&|revocation| Some(moment(revocation.at)));
            let reason = of(&|revocation| Some(revocation.reason.code().into()));
            let since = of(&|revocation| revocation.invalidity_date.map(moment));
            self.change(
                query::SET_REVOCATIONS,
                &[
                    (&serials, Type::BYTEA_ARRAY),
                    (&at, Type::INT8_ARRAY),
                    (&reason, Type::INT8_ARRAY),
                    (&since, Type::INT8_ARRAY),
                ],
            )?;
        }
        self.tell(events)?;
        Ok(changes)
    }

    pub(super) fn carried_over(
        &self,
        serial: Option<&[u8]>,
    ) -> Result<Vec<RevokedCertificate>, StoreError> {
        let found = self.again(query::CARRIED_OVER, &[(&serial, Type::BYTEA)])?;
        self.read_all(&found, rows::revoked)
    }

    pub(super) fn add_carried_over(
        &self,
        revoked: &[&RevokedCertificate],
    ) -> Result<(), StoreError> {
        let moment = |moment: OffsetDateTime| moment.unix_timestamp();
        let numbers = |of: &dyn Fn(&RevokedCertificate) -> Option<i64>| -> Vec<Option<i64>> {
            revoked.iter().map(|one| of(one)).collect()
        };
        let serials: Vec<&[u8]> = revoked.iter().map(|one| one.serial.shown_bytes()).collect();
        let at = numbers(&|one| Some(moment(one.revocation.at)));
        let reason = numbers(&|one| Some(one.revocation.reason.code().into()));
        let since = numbers(&|one| one.revocation.invalidity_date.map(moment));
        let end = numbers(&|one| Some(moment(one.not_after)));
        let issuers: Vec<&[u8]> = revoked
            .iter()
            .map(|one| one.issuer_fingerprint.as_bytes())
            .collect();
        let added = self.change(
            query::ADD_CARRIED_OVER,
            &[
                (&serials, Type::BYTEA_ARRAY),
                (&at, Type::INT8_ARRAY),
                (&reason, Type::INT8_ARRAY),
                (&since, Type::INT8_ARRAY),
                (&end, Type::INT8_ARRAY),
                (&issuers, Type::BYTEA_ARRAY),
            ],
        )?;
        let added = self.read_all(&added, |row| rows::get::<Vec<u8>>(row, 0))?;
        let added = revoked
            .iter()
            .filter(|one| added.iter().any(|new| new == one.serial.shown_bytes()));
        self.tell(added.map(|one| AuditEvent::revocation(&one.serial, "", Some(one.revocation))))
    }
}
