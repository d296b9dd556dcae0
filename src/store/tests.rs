//! What every inventory does, in memory, in SQLite or in PostgreSQL.

use std::ops::ControlFlow;
use std::path::PathBuf;

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::memory::Memory;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::*;
use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::san::SubjectAltName;
use crate::pki::validity::Validity;

mod searching;

use searching::*;

const NONE: [u8; 0] = [];
const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);

/// Runs the contract on one kind of inventory, each test on an empty one.
macro_rules! contract {
    ($name:ident, $empty:expr) => {
        mod $name {
            use super::*;
            contract!(@tests $empty;
                a_recorded_entry_is_found_unchanged,
                several_are_found_in_the_order_of_the_request,
                labels_select_by_name_and_value,
                every_certificate_of_a_key_is_found,
                a_renewal_supersedes_what_it_replaces_and_the_name_means_the_new_one,
                a_retired_authority_takes_its_certificates_along,
                what_is_recorded_already_is_not_adopted_again,
                every_directory_is_kept_once,
                a_serial_number_is_taken_only_once_and_nothing_else_is_recorded_then,
                entries_come_by_expiry_until_the_visitor_breaks,
                filters_combine_with_and,
                the_counts_add_up,
                what_is_in_use_is_counted_by_day_and_found_by_its_end,
                released_rows_of_a_manifest_are_kept,
                an_authority_is_recorded_once_and_then_completed,
                a_revocation_changes_only_to_a_more_severe_reason,
                revoked_certificates_come_in_the_order_of_revocation,
                crl_numbers_only_rise,
                entries_come_in_the_order_of_recording_and_can_be_removed,
                names_are_found_whole_and_in_part,
                a_document_is_replaced_only_in_the_version_that_was_read,
                documents_come_by_key_and_by_owner,
                expired_documents_are_removed_a_few_at_a_time,
                what_is_done_together_is_done_whole_or_not_at_all,
                a_part_of_what_is_done_together_can_fail_alone,
                revocations_that_a_published_crl_shows_are_carried_over,
                every_change_of_a_revocation_gives_another_version,
                every_change_is_told_with_its_actor,
                what_is_undone_is_not_told,
                audit_records_come_newest_first_and_by_filter,
                a_copy_has_the_audit_trail_once,
                pages_have_every_entry_once_in_every_order,
                no_entry_is_lost_or_doubled_while_others_come,
                a_text_finds_what_it_may_mean,
                filters_and_pages_go_together
            );
        }
    };
    (@tests $empty:expr; $($test:ident),*) => {
        $(#[test]
        fn $test() {
            // PostgreSQL may not be installed, which its helper says.
            if let Some((mut inventory, _kept)) = $empty {
                super::$test(&mut inventory);
            }
        })*
    };
}

contract!(memory, Some((Memory::new(), ())));
contract!(sqlite, {
    let directory = tempfile::tempdir().unwrap();
    let inventory = Sqlite::open(&directory.path().join("inventory.db"), Opening::Create).unwrap();
    Some((inventory, directory))
});
contract!(postgres, {
    server::shared().map(|server| {
        let url = server.schema();
        (
            Postgres::open(&url, &|_| None, Opening::Create).unwrap(),
            (),
        )
    })
});

#[path = "../../tests/peer/postgres.rs"]
pub(super) mod server;

fn a_recorded_entry_is_found_unchanged(inventory: &mut dyn Inventory) {
    let plain = entry(1);
    let full = Entry {
        names: ["dns:a.test", "ip:::1", "uri:spiffe://t/a", "email:a@b.test"]
            .map(|name| name.parse().unwrap())
            .to_vec(),
        output: Some(Output {
            directory: PathBuf::from("/srv/\u{fc} x"),
            base: "server".into(),
        }),
        note: Some("for\nthe demo".into()),
        batch: Some(BatchRow {
            manifest: Fingerprint::sha256(b"manifest"),
            row: 7,
        }),
        revocation: Some(Revocation {
            at: NOW,
            reason: RevocationReason::AaCompromise,
            invalidity_date: Some(NOW - Duration::DAY),
        }),
        replaces: Some(entry(0xfe).serial),
        superseded_by: Some(entry(0xfd).serial),
        retired_at: Some(NOW),
        labels: Labels::new(["team=red", "env="].map(|label| label.parse().unwrap())),
        ..entry(0xff)
    };
    inventory.record(&[plain.clone(), full.clone()]).unwrap();
    assert_eq!(inventory.find(&plain.serial).unwrap(), Some(plain));
    assert_eq!(inventory.find(&full.serial).unwrap(), Some(full));
    assert_eq!(inventory.find(&entry(2).serial).unwrap(), None);
}

fn several_are_found_in_the_order_of_the_request(inventory: &mut dyn Inventory) {
    inventory.record(&[entry(1), entry(2)]).unwrap();
    let [one, two, three] = [1, 2, 3].map(|n| entry(n).serial);
    let found = inventory.find_each(&[&two, &three, &one]).unwrap();
    assert_eq!(found, [Some(entry(2)), None, Some(entry(1))]);
}

fn every_directory_is_kept_once(inventory: &mut dyn Inventory) {
    let within = |serial, directory: &str| Entry {
        output: Some(Output {
            directory: directory.into(),
            base: "a".into(),
        }),
        ..entry(serial)
    };
    let entries = [within(1, "/b"), within(2, "/a"), within(3, "/b"), entry(4)];
    inventory.record(&entries[..1]).unwrap();
    inventory.record(&entries[1..]).unwrap();
    let directories = inventory.directories().unwrap();
    assert_eq!(directories, [PathBuf::from("/a"), PathBuf::from("/b")]);
}

fn a_serial_number_is_taken_only_once_and_nothing_else_is_recorded_then(
    inventory: &mut dyn Inventory,
) {
    inventory.record(&[entry(1)]).unwrap();
    for entries in [vec![entry(2), entry(1)], vec![entry(3), entry(3)]] {
        let refused = inventory.record(&entries);
        assert!(
            matches!(&refused, Err(StoreError::SerialTaken { serial, .. }) if *serial == entries[1].serial),
            "{refused:?}"
        );
    }
    assert_eq!(numbers(inventory, &Filter::default()), [1]);
    inventory.record(&[entry(2), entry(3)]).unwrap();
}

fn entries_come_by_expiry_until_the_visitor_breaks(inventory: &mut dyn Inventory) {
    let days = [3, 1, 2, 1];
    let entries: Vec<_> = (1..).zip(days).map(|(n, d)| lasting(n, d)).collect();
    inventory.record(&entries).unwrap();
    assert_eq!(numbers(inventory, &Filter::default()), [2, 4, 3, 1]);
    let two = Filter {
        limit: Some(2),
        ..Filter::default()
    };
    assert_eq!(numbers(inventory, &two), [2, 4]);
    let mut seen = 0;
    let mut once = |_| {
        seen += 1;
        ControlFlow::Break(())
    };
    inventory.visit(&Filter::default(), NOW, &mut once).unwrap();
    assert_eq!(seen, 1);
}

fn filters_combine_with_and(inventory: &mut dyn Inventory) {
    let mut entries = [
        lasting(0x10, 1),
        lasting(0x11, 30),
        lasting(0x20, -1),
        lasting(0xf1, 2),
    ];
    entries[1].names = vec!["dns:Agent-7.Example.test".parse().unwrap()];
    entries[1].profile = "client".into();
    entries[3].subject =
        DistinguishedName::build(&[(AttributeType::CommonName, "The Seventh")]).unwrap();
    inventory.record(&entries).unwrap();
    inventory.revoke(&entries[3].serial, hold()).unwrap();
    let chosen = |filter: Filter| numbers(inventory, &filter);
    let named = |name: &str| Filter {
        name: Some(name.into()),
        ..Filter::default()
    };
    let with_status = |status| Filter {
        status: Some(status),
        ..Filter::default()
    };
    let starting = |serial: &str| Filter {
        serial: Some(serial.parse().unwrap()),
        ..Filter::default()
    };
    let expiring_within = Some("7d".parse().unwrap());
    assert_eq!(chosen(named("AGENT-7")), [0x11]);
    assert_eq!(chosen(named("seventh")), [0xf1]);
    assert_eq!(chosen(named("dns:")), NONE);
    assert_eq!(chosen(named("100%_")), NONE);
    assert_eq!(chosen(with_status(Status::Valid)), [0x10, 0x11]);
    assert_eq!(chosen(with_status(Status::Expired)), [0x20]);
    assert_eq!(chosen(with_status(Status::OnHold)), [0xf1]);
    assert_eq!(chosen(with_status(Status::Revoked)), NONE);
    assert_eq!(chosen(with_status(Status::NotYetValid)), NONE);
    assert_eq!(chosen(starting("1")), [0x10, 0x11]);
    assert_eq!(chosen(starting("F1")), [0xf1]);
    assert_eq!(chosen(starting("00")), NONE);
    assert_eq!(
        chosen(Filter {
            expiring_within,
            ..Filter::default()
        }),
        [0x10]
    );
    assert_eq!(
        chosen(Filter {
            expiring_within,
            ..with_status(Status::OnHold)
        }),
        NONE
    );
    let profile = Some("client".into());
    assert_eq!(
        chosen(Filter {
            profile,
            ..Filter::default()
        }),
        [0x11]
    );
}

fn the_counts_add_up(inventory: &mut dyn Inventory) {
    let early = Entry {
        validity: Validity::between(NOW + Duration::HOUR, NOW + Duration::DAY).unwrap(),
        ..entry(1)
    };
    let early_and_revoked = Entry {
        serial: entry(2).serial,
        ..early.clone()
    };
    let gone = [lasting(3, 1), lasting(4, -1)];
    let kept = [
        lasting(5, 1),
        lasting(6, 1),
        lasting(7, -1),
        lasting(8, -1),
        lasting(9, -1),
    ];
    inventory
        .record(&[early, early_and_revoked.clone()])
        .unwrap();
    inventory.record(&gone).unwrap();
    inventory.record(&kept).unwrap();
    for entry in gone.iter().chain([&early_and_revoked]) {
        inventory.revoke(&entry.serial, hold()).unwrap();
    }
    let counts = Counts {
        valid: 2,
        on_hold: 3,
        expired: 3,
        not_yet_valid: 1,
        ..Counts::default()
    };
    assert_eq!(inventory.counts(NOW).unwrap(), counts);
}

fn what_is_in_use_is_counted_by_day_and_found_by_its_end(inventory: &mut dyn Inventory) {
    assert_eq!(inventory.ends(NOW, 2).unwrap(), []);
    let client = |entry| Entry {
        profile: "client".into(),
        ..entry
    };
    let entries = [
        lasting(1, 1),
        client(lasting(2, 0)),
        lasting(3, 1),
        lasting(4, -1),
        client(lasting(5, 9)),
        lasting(6, 2),
    ];
    inventory.record(&entries).unwrap();
    inventory.revoke(&entries[2].serial, hold()).unwrap();
    let mut ends = inventory.ends(NOW, 2).unwrap();
    ends.retain(|ends| ends.count > 0);
    ends.sort_by(|a, b| (&a.profile, a.day).cmp(&(&b.profile, b.day)));
    let ends: Vec<_> = ends
        .iter()
        .map(|ends| (&*ends.profile, ends.day, ends.count))
        .collect();
    let expected = [
        ("client", 0, 1),
        ("client", 2, 1),
        ("server", -1, 1),
        ("server", 1, 1),
        ("server", 2, 1),
    ];
    assert_eq!(ends, expected);
    let ending = |days, limit| {
        let until = NOW + Duration::days(days);
        let found = inventory.ending(NOW, until, limit).unwrap();
        found
            .into_iter()
            .map(|entry| entry.serial)
            .collect::<Vec<_>>()
    };
    let serial = |i: usize| entries[i].serial.clone();
    assert_eq!(ending(2, 9), [serial(1), serial(0), serial(5)]);
    assert_eq!(ending(2, 2), [serial(1), serial(0)]);
    assert_eq!(ending(-1, 9), []);
}

fn released_rows_of_a_manifest_are_kept(inventory: &mut dyn Inventory) {
    let manifest = Fingerprint::sha256(b"manifest");
    assert_eq!(inventory.rows_released(&manifest).unwrap(), 0);
    for rows in [3, 7] {
        inventory.note_rows_released(&manifest, rows).unwrap();
        assert_eq!(inventory.rows_released(&manifest).unwrap(), rows);
    }
    assert_eq!(
        inventory
            .rows_released(&Fingerprint::sha256(b"another"))
            .unwrap(),
        0
    );
}

fn an_authority_is_recorded_once_and_then_completed(inventory: &mut dyn Inventory) {
    assert_eq!(inventory.authorities().unwrap(), []);
    assert!(!inventory.complete_authority(b"first").unwrap());
    inventory.record_authority(b"first", NOW).unwrap();
    inventory
        .record_authority(b"second", NOW + Duration::DAY)
        .unwrap();
    assert!(inventory.complete_authority(b"second").unwrap());
    inventory
        .record_authority(b"second", NOW + Duration::WEEK)
        .unwrap();
    let record = |certificate: &[u8], created_at, complete| AuthorityRecord {
        certificate: certificate.to_vec(),
        created_at,
        complete,
        retired_at: None,
    };
    let expected = [
        record(b"first", NOW, false),
        record(b"second", NOW + Duration::DAY, true),
    ];
    assert_eq!(inventory.authorities().unwrap(), expected);
}

fn a_revocation_changes_only_to_a_more_severe_reason(inventory: &mut dyn Inventory) {
    inventory.record(&[entry(1)]).unwrap();
    let serial = entry(1).serial;
    let later = |reason| Revocation {
        at: NOW + Duration::DAY,
        reason,
        invalidity_date: None,
    };
    assert_eq!(
        inventory.unrevoke(&serial).unwrap(),
        RevocationChange::NotRevoked
    );
    assert_eq!(
        inventory.revoke(&serial, hold()).unwrap(),
        RevocationChange::Done
    );
    assert_eq!(inventory.unrevoke(&serial).unwrap(), RevocationChange::Done);
    assert_eq!(inventory.find(&serial).unwrap().unwrap().revocation, None);
    inventory.revoke(&serial, hold()).unwrap();
    let again = inventory
        .revoke(&serial, later(RevocationReason::CertificateHold))
        .unwrap();
    assert_eq!(again, RevocationChange::Stands(hold()));
    let worse = inventory
        .revoke(&serial, later(RevocationReason::KeyCompromise))
        .unwrap();
    assert_eq!(worse, RevocationChange::Amended(hold()));
    let stands = Revocation {
        reason: RevocationReason::KeyCompromise,
        ..hold()
    };
    assert_eq!(
        inventory.find(&serial).unwrap().unwrap().revocation,
        Some(stands)
    );
    assert_eq!(
        inventory.unrevoke(&serial).unwrap(),
        RevocationChange::Stands(stands)
    );
    let unknown = inventory.revoke(&entry(2).serial, hold()).unwrap();
    assert_eq!(unknown, RevocationChange::Unknown);
    assert_eq!(
        inventory.unrevoke(&entry(2).serial).unwrap(),
        RevocationChange::Unknown
    );
}

fn revoked_certificates_come_in_the_order_of_revocation(inventory: &mut dyn Inventory) {
    inventory
        .record(&[entry(1), entry(2), entry(0xf3)])
        .unwrap();
    for (serial, hour) in [(0xf3, 1), (1, 2)] {
        let revocation = Revocation {
            at: NOW + Duration::HOUR * hour,
            reason: RevocationReason::Superseded,
            invalidity_date: None,
        };
        inventory.revoke(&entry(serial).serial, revocation).unwrap();
    }
    let mut seen = Vec::new();
    let mut all = |revoked: RevokedCertificate| {
        seen.push(revoked);
        ControlFlow::Continue(())
    };
    inventory.revoked(&mut all).unwrap();
    let serials: Vec<_> = seen.iter().map(|revoked| revoked.serial.clone()).collect();
    assert_eq!(serials, [entry(0xf3).serial, entry(1).serial]);
    assert_eq!(seen[0].revocation.at, NOW + Duration::HOUR);
    assert_eq!(seen[1].not_after, entry(1).validity.not_after());
    assert_eq!(seen[1].issuer_fingerprint, entry(1).issuer_fingerprint);
}

fn labels_select_by_name_and_value(inventory: &mut dyn Inventory) {
    let labelled = |serial, labels: &[&str]| Entry {
        labels: Labels::new(labels.iter().map(|label| label.parse().unwrap())),
        ..entry(serial)
    };
    let entries = [
        labelled(1, &["team=red", "env=prod"]),
        labelled(2, &["team=redder"]),
        labelled(3, &["myteam=red"]),
        entry(4),
    ];
    inventory.record(&entries).unwrap();
    let chosen = |labels: &[&str]| {
        let filter = Filter {
            labels: labels.iter().map(|label| label.parse().unwrap()).collect(),
            ..Filter::default()
        };
        numbers(inventory, &filter)
    };
    assert_eq!(chosen(&["team=red"]), [1]);
    assert_eq!(chosen(&["team"]), [1, 2]);
    assert_eq!(chosen(&["team", "env=prod"]), [1]);
    assert_eq!(chosen(&["team=re"]), NONE);
}

fn every_certificate_of_a_key_is_found(inventory: &mut dyn Inventory) {
    let same_key = Entry {
        public_key: entry(1).public_key,
        ..entry(3)
    };
    inventory
        .record(&[entry(1), entry(2), same_key.clone()])
        .unwrap();
    let found = inventory.find_by_public_key(&entry(1).public_key).unwrap();
    assert_eq!(found, [entry(1), same_key]);
    let unknown = Fingerprint::sha256(b"unknown");
    assert_eq!(inventory.find_by_public_key(&unknown).unwrap(), []);
    let key = entry(1).public_key;
    let revocation = |reason| Revocation {
        at: NOW,
        reason,
        invalidity_date: None,
    };
    for (reason, compromised) in [
        (RevocationReason::Superseded, None),
        (RevocationReason::KeyCompromise, Some(entry(3).serial)),
    ] {
        inventory
            .revoke(&entry(3).serial, revocation(reason))
            .unwrap();
        let found = inventory.find_compromised(&key).unwrap();
        assert_eq!(found.map(|entry| entry.serial), compromised);
    }
}

fn a_renewal_supersedes_what_it_replaces_and_the_name_means_the_new_one(
    inventory: &mut dyn Inventory,
) {
    let renewal = Entry {
        replaces: Some(entry(1).serial),
        names: entry(1).names,
        ..entry(2)
    };
    inventory.record(&[entry(1)]).unwrap();
    inventory.record(&[renewal.clone(), entry(3)]).unwrap();
    let old = inventory.find(&entry(1).serial).unwrap().unwrap();
    assert_eq!(old.superseded_by, Some(renewal.serial.clone()));
    assert_eq!(old.status(NOW), Status::Superseded);
    for name in ["node-1.test", "NODE-1.test", "dns:node-1.test"] {
        assert_eq!(
            inventory.find_current(name, NOW).unwrap(),
            std::slice::from_ref(&renewal)
        );
        assert_eq!(inventory.find_by_name(name, NOW).unwrap().len(), 2);
    }
    assert_eq!(inventory.find_by_name("node-1", NOW).unwrap(), []);
    let superseded = Filter {
        status: Some(Status::Superseded),
        ..Filter::default()
    };
    assert_eq!(numbers(inventory, &superseded), [1]);
    let counts = inventory.counts(NOW).unwrap();
    assert_eq!((counts.valid, counts.superseded), (2, 1));
    let later = inventory.counts(NOW + Duration::weeks(9)).unwrap();
    assert_eq!((later.valid, later.superseded, later.expired), (0, 0, 3));
}

fn a_retired_authority_takes_its_certificates_along(inventory: &mut dyn Inventory) {
    inventory.record(&[entry(1), entry(2)]).unwrap();
    inventory.record_authority(b"old", NOW).unwrap();
    let retire = |inventory: &mut dyn Inventory, certificate: &[u8]| {
        inventory
            .retire_authority(certificate, &[entry(1).serial], NOW)
            .unwrap()
    };
    assert!(retire(inventory, b"old") && !retire(inventory, b"other"));
    assert_eq!(inventory.authorities().unwrap()[0].retired_at, Some(NOW));
    let retired = Filter {
        status: Some(Status::Retired),
        ..Filter::default()
    };
    assert_eq!(numbers(inventory, &retired), [1]);
    let counts = inventory.counts(NOW).unwrap();
    assert_eq!((counts.valid, counts.retired), (1, 1));
}

fn what_is_recorded_already_is_not_adopted_again(inventory: &mut dyn Inventory) {
    inventory.record(&[entry(1)]).unwrap();
    inventory.revoke(&entry(1).serial, hold()).unwrap();
    let adopted = inventory.adopt(&[entry(1), entry(2), entry(2)]).unwrap();
    assert_eq!(adopted, [false, true, false]);
    assert_eq!(
        inventory
            .find(&entry(1).serial)
            .unwrap()
            .unwrap()
            .revocation,
        Some(hold())
    );
    let other = Entry {
        serial: entry(2).serial,
        ..entry(3)
    };
    let refused = inventory.adopt(&[entry(4), other]);
    assert!(matches!(refused, Err(StoreError::SerialTaken { .. })));
    assert_eq!(inventory.find(&entry(4).serial).unwrap(), None);
}

fn entries_come_in_the_order_of_recording_and_can_be_removed(inventory: &mut dyn Inventory) {
    inventory.record(&[entry(3), entry(1)]).unwrap();
    inventory.record(&[entry(2)]).unwrap();
    let all = inventory.entries_after(0, 10).unwrap();
    let serials = |all: &[(u64, Entry)]| -> Vec<u8> {
        all.iter()
            .map(|(_, entry)| entry.serial.as_bytes()[0])
            .collect()
    };
    assert_eq!(serials(&all), [3, 1, 2]);
    assert_eq!(inventory.entries_after(0, 1).unwrap(), all[..1]);
    assert_eq!(inventory.entries_after(all[0].0, 10).unwrap(), all[1..]);
    let gone = [entry(2).serial, entry(1).serial, entry(9).serial];
    assert_eq!(inventory.remove_entries(&gone).unwrap(), 2);
    assert_eq!(numbers(inventory, &Filter::default()), [3]);
    assert_eq!(inventory.find(&entry(1).serial).unwrap(), None);
    inventory.record(&[entry(1)]).unwrap();
    assert_eq!(numbers(inventory, &Filter::default()), [3, 1]);
    let manifest = Fingerprint::sha256(b"manifest");
    inventory.note_rows_released(&manifest, 2).unwrap();
    assert_eq!(inventory.manifests().unwrap(), [(manifest, 2)]);
    assert_eq!(inventory.check_indexes().unwrap(), Vec::<String>::new());
}

/// More entries than the full-text index may lack.
fn names_are_found_whole_and_in_part(inventory: &mut dyn Inventory) {
    let named = |number: u16| Entry {
        serial: SerialNumber::from_der_content(&[&[1], &number.to_be_bytes()[..]].concat()),
        names: vec![SubjectAltName::Dns(format!("Agent-{number}.\u{fc}.test"))],
        ..entry(1)
    };
    for page in 0..3 {
        let entries: Vec<Entry> = (page * 500..(page + 1) * 500).map(named).collect();
        inventory.record(&entries).unwrap();
    }
    let found = |inventory: &dyn Inventory, text: &str| {
        let filter = Filter {
            name: Some(text.into()),
            ..Filter::default()
        };
        let mut found = Vec::new();
        let mut visitor = |entry: Entry| {
            found.push(entry.serial);
            ControlFlow::Continue(())
        };
        inventory.visit(&filter, NOW, &mut visitor).unwrap();
        found.sort();
        found
    };
    for number in [7, 999, 1_234] {
        let text = format!("AGENT-{number}.");
        assert_eq!(found(inventory, &text), [named(number).serial]);
        let name = format!("agent-{number}.\u{fc}.test");
        let whole = inventory.find_by_name(&name, NOW).unwrap();
        assert_eq!(whole, [named(number)]);
        let whole = inventory.find_by_name(&format!("dns:{name}"), NOW).unwrap();
        assert_eq!(whole.len(), 1);
        assert_eq!(inventory.find_by_name(&text, NOW).unwrap(), []);
    }
    assert_eq!(found(inventory, "9.\u{fc}").len(), 150);
    assert_eq!(found(inventory, "gent").len(), 1_500);
    let last = [named(1_499).serial, named(999).serial];
    inventory.remove_entries(&last).unwrap();
    assert_eq!(found(inventory, "-999."), []);
    inventory.record(&[named(2_000)]).unwrap();
    assert_eq!(found(inventory, "-2000."), [named(2_000).serial]);
}

fn crl_numbers_only_rise(inventory: &mut dyn Inventory) {
    assert_eq!(inventory.next_crl_number(0).unwrap(), 1);
    assert_eq!(inventory.next_crl_number(0).unwrap(), 2);
    assert_eq!(inventory.next_crl_number(40).unwrap(), 41);
    assert_eq!(inventory.next_crl_number(7).unwrap(), 42);
    assert!(inventory.next_crl_number(u64::MAX).is_err());
    assert_eq!(inventory.next_crl_number(0).unwrap(), 43);
}

fn revocations_that_a_published_crl_shows_are_carried_over(inventory: &mut dyn Inventory) {
    inventory.record(&[entry(1), entry(2)]).unwrap();
    inventory.revoke(&entry(2).serial, hold()).unwrap();
    let carried = |serial: u8, reason| RevokedCertificate {
        serial: entry(serial).serial,
        revocation: Revocation {
            at: NOW - Duration::HOUR,
            reason,
            invalidity_date: Some(NOW - Duration::DAY),
        },
        not_after: NOW + Duration::DAY,
        issuer_fingerprint: entry(serial).issuer_fingerprint,
    };
    let published = [1, 2, 3].map(|serial| carried(serial, RevocationReason::KeyCompromise));
    for _ in 0..2 {
        inventory.carry_over(&published, 7).unwrap();
        assert_eq!(inventory.crl_number().unwrap(), 7);
    }
    let mut revoked = Vec::new();
    let mut all = |certificate: RevokedCertificate| {
        revoked.push((certificate.serial, certificate.revocation));
        ControlFlow::Continue(())
    };
    inventory.revoked(&mut all).unwrap();
    revoked.sort_by_key(|(serial, _)| serial.to_string());
    let expected = [
        (1, published[0].revocation),
        (2, hold()),
        (3, published[2].revocation),
    ];
    let expected = expected.map(|(serial, revocation)| (entry(serial).serial, revocation));
    assert_eq!(revoked, expected);
    let carried_over = |inventory: &dyn Inventory, serial: u8| {
        inventory.find_carried_over(&entry(serial).serial).unwrap()
    };
    assert_eq!(carried_over(inventory, 1), None);
    assert_eq!(carried_over(inventory, 3), Some(published[2].clone()));
    // One that is recorded later is listed once, and its entry is revoked with the next CRL.
    inventory.record(&[entry(3)]).unwrap();
    inventory.carry_over(&published[2..], 6).unwrap();
    assert_eq!(carried_over(inventory, 3), None);
    let adopted = inventory.find(&entry(3).serial).unwrap().unwrap();
    assert_eq!(adopted.revocation, Some(published[2].revocation));
    assert_eq!(inventory.next_crl_number(0).unwrap(), 8);
}

fn every_change_of_a_revocation_gives_another_version(inventory: &mut dyn Inventory) {
    let mut last = inventory.revocation_version().unwrap();
    let mut is_another = |inventory: &dyn Inventory| {
        let version = inventory.revocation_version().unwrap();
        std::mem::replace(&mut last, version) != version
    };
    inventory.record(&[entry(1)]).unwrap();
    inventory.next_crl_number(0).unwrap();
    assert!(!is_another(inventory));
    inventory.revoke(&entry(1).serial, hold()).unwrap();
    assert!(is_another(inventory));
    inventory.unrevoke(&entry(1).serial).unwrap();
    assert!(is_another(inventory));
    inventory.carry_over(&[], 3).unwrap();
    assert!(is_another(inventory));
}

fn a_document_is_replaced_only_in_the_version_that_was_read(inventory: &mut dyn Inventory) {
    let read = |inventory: &dyn Inventory| inventory.document(DocumentKind::Token, "a").unwrap();
    let first = document(DocumentKind::Token, "a", "");
    assert_eq!(read(inventory), None);
    assert!(inventory.put_document(&first).unwrap());
    assert!(!inventory.put_document(&first).unwrap());
    let stored = read(inventory).unwrap();
    assert_eq!((stored.version, &stored.content), (1, &first.content));
    let second = Document {
        owner: "o".into(),
        expires_at: Some(NOW),
        content: "{\"\u{fc}\":\"\0\"}".into(),
        ..stored
    };
    assert!(inventory.put_document(&second).unwrap());
    assert!(!inventory.put_document(&second).unwrap());
    let version = 2;
    assert_eq!(read(inventory), Some(Document { version, ..second }));
    let other_kind = inventory.document(DocumentKind::TokenUse, "a").unwrap();
    assert_eq!(other_kind, None);
    assert!(
        !inventory
            .remove_document(DocumentKind::TokenUse, "a")
            .unwrap()
    );
    assert!(inventory.remove_document(DocumentKind::Token, "a").unwrap());
    assert!(!inventory.remove_document(DocumentKind::Token, "a").unwrap());
    let gone = Document { version, ..first };
    assert!(!inventory.put_document(&gone).unwrap());
}

fn documents_come_by_key_and_by_owner(inventory: &mut dyn Inventory) {
    for (key, owner) in [("c", "o"), ("a", "o"), ("b", ""), ("d", "p"), ("e", "o")] {
        let one = document(DocumentKind::TokenUse, key, owner);
        assert!(inventory.put_document(&one).unwrap());
    }
    let other = document(DocumentKind::Token, "z", "o");
    assert!(inventory.put_document(&other).unwrap());
    let keys = |owner: Option<&str>, after: Option<&str>, limit| {
        let found = inventory.documents(DocumentKind::TokenUse, owner, after, limit);
        let found = found.unwrap().into_iter();
        found.map(|document| document.key).collect::<String>()
    };
    assert_eq!(keys(None, None, 9), "abcde");
    assert_eq!(keys(None, Some("b"), 2), "cd");
    assert_eq!(keys(Some("o"), None, 9), "ace");
    assert_eq!(keys(Some("o"), Some("a"), 1), "c");
    assert_eq!(keys(Some(""), None, 9), "");
    assert_eq!(keys(Some("q"), None, 9), "");
}

fn expired_documents_are_removed_a_few_at_a_time(inventory: &mut dyn Inventory) {
    for (key, seconds) in [("a", -2), ("b", -1), ("c", 0), ("d", 1)] {
        let one = Document {
            expires_at: Some(NOW + Duration::seconds(seconds)),
            ..document(DocumentKind::TokenUse, key, "")
        };
        assert!(inventory.put_document(&one).unwrap());
    }
    let kept = document(DocumentKind::Token, "e", "");
    assert!(inventory.put_document(&kept).unwrap());
    let removed: Vec<_> = (0..3)
        .map(|_| inventory.remove_expired(NOW, 2).unwrap())
        .collect();
    assert_eq!(removed, [2, 1, 0]);
    let left = inventory.documents(DocumentKind::TokenUse, None, None, 9);
    assert_eq!(left.unwrap().len(), 1);
}

fn what_is_done_together_is_done_whole_or_not_at_all(inventory: &mut dyn Inventory) {
    let token = document(DocumentKind::Token, "a", "");
    let failed = inventory.together(&mut |inventory| {
        inventory.record(&[entry(1)])?;
        assert!(inventory.put_document(&token)?);
        assert_eq!(inventory.find_each(&[&entry(1).serial])?, [Some(entry(1))]);
        inventory.record(&[entry(1)])
    });
    assert!(matches!(failed, Err(StoreError::SerialTaken { .. })));
    assert_eq!(inventory.find(&entry(1).serial).unwrap(), None);
    assert_eq!(inventory.document(DocumentKind::Token, "a").unwrap(), None);
    let done = inventory.together(&mut |inventory| {
        inventory.record(&[entry(1)])?;
        inventory.put_document(&token).map(drop)
    });
    done.unwrap();
    assert!(inventory.find(&entry(1).serial).unwrap().is_some());
    assert!(
        inventory
            .document(DocumentKind::Token, "a")
            .unwrap()
            .is_some()
    );
}

fn a_part_of_what_is_done_together_can_fail_alone(inventory: &mut dyn Inventory) {
    let done = inventory.together(&mut |inventory| {
        for serials in [[1, 2], [3, 1], [4, 5]] {
            let part = inventory.together(&mut |inventory| {
                serials
                    .iter()
                    .try_for_each(|&serial| inventory.record(&[entry(serial)]))
            });
            assert_eq!(part.is_err(), serials == [3, 1]);
        }
        Ok(())
    });
    done.unwrap();
    assert_eq!(numbers(inventory, &Filter::default()), [1, 2, 4, 5]);
}

#[expect(clippy::too_many_lines, reason = "one change after the other")]
fn every_change_is_told_with_its_actor(inventory: &mut dyn Inventory) {
    let before = inventory.act_as(Some(actor("joe")));
    assert_eq!(before.as_deref(), Some(&Actor::unknown()));
    inventory.record_authority(b"ca", NOW).unwrap();
    for _ in 0..2 {
        assert!(inventory.complete_authority(b"ca").unwrap());
    }
    let newer = Entry {
        replaces: Some(entry(1).serial),
        ..entry(2)
    };
    inventory.record(&[entry(1), newer]).unwrap();
    inventory.adopt(&[entry(1), entry(3)]).unwrap();
    for _ in 0..2 {
        inventory.revoke(&entry(1).serial, hold()).unwrap();
    }
    inventory.unrevoke(&entry(1).serial).unwrap();
    inventory.next_crl_number(0).unwrap();
    let mut token = document(DocumentKind::Token, "t1", "");
    inventory.put_document(&token).unwrap();
    token.version = 1;
    inventory.put_document(&token).unwrap();
    inventory
        .put_document(&document(DocumentKind::TokenUse, "t1/k", "t1"))
        .unwrap();
    token.version = 2;
    token.content = r#"{"revoked_at":"2026-11-20T08:05:00Z"}"#.into();
    inventory.put_document(&token).unwrap();
    inventory
        .put_document(&document(DocumentKind::Nonce, "n", ""))
        .unwrap();
    inventory.remove_entries(&[entry(3).serial]).unwrap();
    inventory.retire_authority(b"ca", &[], NOW).unwrap();
    inventory
        .note(AuditEvent::new(Action::SignedIn, "joe", "viewer"))
        .unwrap();
    let told = inventory.audit_after(0, 99).unwrap();
    assert!(told.iter().all(|record| record.by == *actor("joe")));
    let lines: Vec<String> = told
        .iter()
        .map(|AuditRecord { event, .. }| {
            let serial = event.serial.as_ref();
            let serial = serial.map_or(0, |serial| serial.shown_bytes()[0]);
            format!(
                "{} {} {serial} {}",
                event.action, event.subject, event.details
            )
        })
        .collect();
    let renewed = format!("profile server, in place of {}", entry(1).serial);
    let expected = [
        "ca_created  0 ",
        "ca_activated  0 ",
        "issued node-1.test 1 profile server",
        &format!("renewed node-2.test 2 {renewed}"),
        "adopted node-3.test 3 profile server",
        "revoked node-1.test 1 certificateHold",
        "unrevoked node-1.test 1 ",
        "crl_signed  0 number 1",
        "token_created t1 0 profile , for ",
        "token_used t1 0 ",
        "token_revoked t1 0 ",
        "pruned  0 certificates that expired",
        "ca_retired  0 ",
        "signed_in joe 0 viewer",
    ];
    assert_eq!(lines, expected);
}

fn what_is_undone_is_not_told(inventory: &mut dyn Inventory) {
    let failed = inventory.together(&mut |inventory| {
        inventory.record(&[entry(1)])?;
        inventory.note(AuditEvent::new(Action::SignedIn, "joe", ""))?;
        Err(StoreError::Undone)
    });
    assert!(failed.is_err());
    let refused = inventory.record(&[entry(2), entry(2)]);
    assert!(refused.is_err());
    assert_eq!(inventory.audit_after(0, 9).unwrap(), []);
    let nobody = inventory.act_as(None);
    inventory.record(&[entry(3)]).unwrap();
    inventory.act_as(nobody);
    assert_eq!(inventory.audit_after(0, 9).unwrap(), []);
}

#[expect(clippy::too_many_lines, reason = "one filter after the other")]
fn audit_records_come_newest_first_and_by_filter(inventory: &mut dyn Inventory) {
    let record = |minute: i64, action, subject: &str, by: &str| AuditRecord {
        position: 0,
        at: NOW + Duration::minutes(minute),
        event: AuditEvent {
            serial: (action == Action::Issued).then(|| entry(7).serial),
            ..AuditEvent::new(action, subject, "")
        },
        by: (*actor(by)).clone(),
    };
    let records = [
        record(1, Action::Issued, "a.test", "joe"),
        record(3, Action::Revoked, "b.test", "ann"),
        record(2, Action::TokenCreated, "t1", "Joe"),
        record(3, Action::Issued, "A.test", "ann"),
    ];
    inventory.keep_audit(&records).unwrap();
    let chosen = |filter: AuditFilter| {
        let mut chosen = String::new();
        let mut visitor = |record: AuditRecord| {
            chosen += &record.event.subject;
            chosen += " ";
            ControlFlow::Continue(())
        };
        inventory.audit(&filter, &mut visitor).unwrap();
        chosen
    };
    let all = AuditFilter::default();
    assert_eq!(chosen(all.clone()), "A.test b.test t1 a.test ");
    let limit = Some(2);
    assert_eq!(
        chosen(AuditFilter {
            limit,
            ..all.clone()
        }),
        "A.test b.test "
    );
    let second = inventory.audit_after(0, 9).unwrap()[1].clone();
    let after = Some((second.at, second.position));
    assert_eq!(
        chosen(AuditFilter {
            after,
            ..all.clone()
        }),
        "t1 a.test "
    );
    let since = Some(NOW + Duration::minutes(2));
    let until = Some(NOW + Duration::minutes(3));
    assert_eq!(
        chosen(AuditFilter {
            since,
            until,
            ..all.clone()
        }),
        "t1 "
    );
    let by = Some("JOE".into());
    assert_eq!(chosen(AuditFilter { by, ..all.clone() }), "t1 a.test ");
    let subject = Some("a.T".into());
    let named = AuditFilter {
        subject,
        ..all.clone()
    };
    assert_eq!(chosen(named), "A.test a.test ");
    for (action, expected) in [
        (Action::Revoked, "b.test "),
        (Action::Issued, "A.test a.test "),
        (Action::Unrevoked, ""),
    ] {
        let action = Some(action);
        assert_eq!(
            chosen(AuditFilter {
                action,
                ..all.clone()
            }),
            expected
        );
    }
    let serial = Some(entry(7).serial.to_string().parse().unwrap());
    assert_eq!(chosen(AuditFilter { serial, ..all }), "A.test a.test ");
}

fn a_copy_has_the_audit_trail_once(inventory: &mut dyn Inventory) {
    let mut from = Memory::new();
    from.act_as(Some(actor("joe")));
    from.record_authority(b"ca", NOW).unwrap();
    from.complete_authority(b"ca").unwrap();
    from.record(&[entry(1), entry(2)]).unwrap();
    from.revoke(&entry(1).serial, hold()).unwrap();
    for records in [5, 5, 6] {
        if records == 6 {
            from.record(&[entry(3)]).unwrap();
        }
        copy(&from, inventory, &mut |_| {}).unwrap();
        let [own, copied] = [&from as &dyn Inventory, &*inventory]
            .map(|inventory| contents(inventory, NOW, &mut |_| {}).unwrap());
        assert_eq!((own.audit_records, &own), (records, &copied));
    }
}

fn actor(name: &str) -> Arc<Actor> {
    Arc::new(Actor {
        actor: format!("{name}@host"),
        credential: "uid:7".into(),
        origin: "cli@host".into(),
    })
}

fn document(kind: DocumentKind, key: &str, owner: &str) -> Document {
    Document {
        kind,
        key: key.into(),
        version: 0,
        owner: owner.into(),
        expires_at: None,
        content: "{}".into(),
    }
}

/// An entry for `node-SERIAL.test`, valid from 2026-11-20 08:00:00 for a week.
pub(crate) fn entry(serial: u8) -> Entry {
    let mut bits = [0; 16];
    bits[0] = serial;
    let certificate = vec![serial; 40];
    let issuer = [(AttributeType::CommonName, "Test CA")];
    Entry {
        serial: SerialNumber::from_random(bits),
        fingerprint: Fingerprint::sha256(&certificate),
        public_key: Fingerprint::sha256(&[serial]),
        certificate,
        subject: DistinguishedName::empty(),
        issuer: DistinguishedName::build(&issuer).unwrap(),
        issuer_fingerprint: Fingerprint::sha256(b"Test CA"),
        names: vec![format!("dns:node-{serial}.test").parse().unwrap()],
        profile: "server".into(),
        validity: Validity::between(
            datetime!(2026-11-20 08:00:00 UTC),
            datetime!(2026-11-27 08:00:00 UTC),
        )
        .unwrap(),
        key_type: "p256".into(),
        output: None,
        requested_by: "joe@host".into(),
        note: None,
        labels: Labels::default(),
        issued_at: NOW,
        revocation: None,
        batch: None,
        replaces: None,
        superseded_by: None,
        retired_at: None,
    }
}

/// The same, but ending this many days from [`NOW`].
fn lasting(serial: u8, days: i64) -> Entry {
    Entry {
        validity: Validity::between(NOW - Duration::WEEK, NOW + Duration::days(days)).unwrap(),
        ..entry(serial)
    }
}

fn hold() -> Revocation {
    Revocation {
        at: NOW,
        reason: RevocationReason::CertificateHold,
        invalidity_date: None,
    }
}

/// The first octets of the serial numbers of what a filter chooses, in its order.
fn numbers(inventory: &dyn Inventory, filter: &Filter) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut all = |entry: Entry| {
        seen.push(entry.serial.shown_bytes()[0]);
        ControlFlow::Continue(())
    };
    inventory.visit(filter, NOW, &mut all).unwrap();
    seen
}
