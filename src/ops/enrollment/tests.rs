use time::Duration;
use time::macros::datetime;

use super::*;
use crate::pki::crl::RevocationReason;
use crate::store::{Opening, Revocation, open, test_entry};

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);

#[test]
fn a_certificate_is_renewed_until_the_grace_period_is_over() {
    let entry = test_entry(1);
    let end = entry.validity.not_after();
    let week = Some("7d".parse().unwrap());
    let rule = |entry: &Entry, grace, now| refusal(entry, grace, now).map(|refused| refused.rule);
    assert_eq!(rule(&entry, None, end), None);
    let expired = Some("expired-certificate".to_owned());
    assert_eq!(rule(&entry, None, end + Duration::SECOND), expired);
    assert_eq!(rule(&entry, week, end + Duration::WEEK), None);
    let late = end + Duration::WEEK + Duration::SECOND;
    assert_eq!(rule(&entry, week, late), expired);
}

#[test]
fn a_revoked_certificate_and_one_of_a_retired_authority_are_not_renewed() {
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::CertificateHold,
        invalidity_date: None,
    };
    let revoked = Entry {
        revocation: Some(revocation),
        ..test_entry(1)
    };
    let retired = Entry {
        retired_at: Some(NOW),
        ..test_entry(1)
    };
    let rules = [revoked, retired].map(|entry| refusal(&entry, None, NOW).unwrap().rule);
    assert_eq!(rules, ["revoked-certificate", "retired-certificate"]);
}

#[test]
fn what_a_machine_fetched_goes_over_to_its_next_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    let mut inventory = open(&path, Opening::Create).unwrap();
    let (old, new) = (test_entry(1), test_entry(2));
    inventory.record(&[old.clone(), new.clone()]).unwrap();
    enrolled(&mut *inventory, &old).unwrap();
    let known = fetches(&*inventory).unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((&known[0].serial, known[0].fetched_at), (&old.serial, None));
    assert!(needs_note(&*inventory, &old.serial, &[], NOW).unwrap());
    note_renewal(&mut *inventory, &old.serial, &new).unwrap();
    let known = fetches(&*inventory).unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].serial, new.serial);
}

#[test]
fn a_serial_number_with_a_high_bit_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    let mut inventory = open(&path, Opening::Create).unwrap();
    let entry = test_entry(0xfe);
    inventory.record(std::slice::from_ref(&entry)).unwrap();
    enrolled(&mut *inventory, &entry).unwrap();
    assert_eq!(fetches(&*inventory).unwrap()[0].serial, entry.serial);
}
