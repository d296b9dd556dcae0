//! Keeping the published CRLs current: what a process that serves them does.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::publish::{
    PublishedLists, fingerprints, publish_each, revocation, revoked, was_listed_expired,
};
use super::{NextUpdate, Publication, due};
use crate::authority::Issuing;
use crate::error::Error;
use crate::files::Lock;
use crate::pki::crl::RevocationList;
use crate::pki::serial::SerialNumber;
use crate::store::{Inventory, Revocation, RevokedCertificate};

/// Publishes new CRLs unless each of these CAs has one that is not due and lists what the inventory says is
/// revoked. `None` when they are current: whoever signed them, they stay.
///
/// # Errors
/// As [`super::publish`].
pub fn keep_current(
    issuing: &[Issuing<'_>],
    inventory: &mut dyn Inventory,
    lock: &Lock,
    next_update: NextUpdate,
    now: OffsetDateTime,
) -> Result<Option<Publication>, Error> {
    let published = PublishedLists::read(lock.path());
    let recorded = revoked(inventory)?;
    let mut are_current = true;
    for issuing in issuing {
        let list = published.of(issuing.certificate);
        are_current &= match list {
            None => false,
            Some(list) if due(list).is_none_or(|due| due <= now) => false,
            Some(list) => lists_exactly(list, issuing, &recorded, inventory)?,
        };
    }
    if are_current {
        return Ok(None);
    }
    publish_each(issuing, inventory, lock, next_update, now).map(Some)
}

/// Whether a CRL lists what the inventory says is revoked, except for certificates that it need not list after
/// they expired.
fn lists_exactly(
    list: &RevocationList,
    issuing: &Issuing<'_>,
    recorded: &[RevokedCertificate],
    inventory: &dyn Inventory,
) -> Result<bool, Error> {
    let issuers = fingerprints(issuing.certificate, inventory)?;
    let since = Some(list.this_update());
    let mut listed: HashMap<SerialNumber, Revocation> = list
        .revoked()
        .filter_map(|entry| revocation(&entry, issuing.certificate, true))
        .map(|entry| (entry.serial, entry.revocation))
        .collect();
    if listed.len() != list.len() {
        return Ok(false);
    }
    let of_it = recorded
        .iter()
        .filter(|revoked| issuers.contains(&revoked.issuer_fingerprint));
    for revoked in of_it {
        match listed.remove(&revoked.serial) {
            Some(revocation) if revocation == revoked.revocation => {}
            None if was_listed_expired(revoked, since) => {}
            Some(_) | None => return Ok(false),
        }
    }
    // What is left was released.
    Ok(listed.is_empty())
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::authority;
    use crate::ops::crl::read_lists;
    use crate::ops::managed::tests::{NOW, authority_at, issue, make_authority};
    use crate::pki::crl::RevocationReason;

    #[test]
    fn a_crl_is_published_when_there_is_none_when_it_is_due_and_when_a_revocation_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        for name in ["a", "b"] {
            issue(directory.path(), name, directory.path(), "90d");
        }
        let numbers = |now| {
            let mut authority = authority_at(directory.path()).open_all(now).unwrap();
            let lock = Lock::acquire(directory.path()).unwrap();
            let (issuing, inventory) = authority.issuing();
            let inventory = inventory.unwrap().as_mut();
            let next_update = NextUpdate::After("30d".parse().unwrap());
            keep_current(&issuing, inventory, &lock, next_update, now).unwrap();
            let lists = read_lists(&directory.path().join(authority::CRL)).unwrap();
            (lists[0].number().unwrap(), lists[0].len())
        };
        assert_eq!(numbers(NOW), (1, 0));
        assert_eq!(numbers(NOW + Duration::DAY), (1, 0));
        let path = directory.path();
        let revoke = |name: &str, reason| {
            let mut inventory =
                authority::open_inventory(path, crate::store::Opening::MustExist).unwrap();
            let entry = inventory.find_by_name(name, NOW).unwrap().remove(0);
            let revocation = Revocation {
                at: NOW,
                reason,
                invalidity_date: Some(NOW - Duration::DAY),
            };
            inventory.revoke(&entry.serial, revocation).unwrap();
            entry.serial
        };
        revoke("a.test", RevocationReason::Unspecified);
        let held = revoke("b.test", RevocationReason::CertificateHold);
        assert_eq!(numbers(NOW), (2, 2));
        assert_eq!(numbers(NOW), (2, 2));
        revoke("a.test", RevocationReason::KeyCompromise);
        assert_eq!(numbers(NOW), (3, 2));
        let mut inventory =
            authority::open_inventory(path, crate::store::Opening::MustExist).unwrap();
        inventory.unrevoke(&held).unwrap();
        assert_eq!(numbers(NOW), (4, 1));
        assert_eq!(numbers(NOW + Duration::days(20)), (5, 1));
        // It is listed once more after it expired, and then left out.
        assert_eq!(numbers(NOW + Duration::days(100)), (6, 1));
        assert_eq!(numbers(NOW + Duration::days(101)), (6, 1));
        assert_eq!(numbers(NOW + Duration::days(120)), (7, 0));
        assert_eq!(numbers(NOW + Duration::days(121)), (7, 0));
    }
}
