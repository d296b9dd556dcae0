//! What a revocation list of a hundred thousand entries costs: the first, and one in the place of another.
//!
//! `cargo bench --bench crl`; `TMPDIR` says on which disk, `ENTRIES` how many.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

mod race;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use openagents_certs::pki::bundle;
use openagents_certs::pki::crl::RevocationReason;
use openagents_certs::pki::fingerprint::Fingerprint;
use openagents_certs::pki::serial::SerialNumber;
use openagents_certs::pki::validity::Validity;
use openagents_certs::store::{self, Entry, Labels, Opening, Revocation};
use race::{Runner, program, race, ratio};
use time::OffsetDateTime;
use time::macros::datetime;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("certs");
    let made = Command::new(program())
        .args(["ca", "init", "-C"])
        .arg(&authority)
        .output();
    assert!(made.unwrap().status.success());
    let entries = std::env::var("ENTRIES").map_or(100_000, |text| text.parse().unwrap());
    fill(&authority, entries);
    println!("a list of {entries} entries, as a whole process (under a second)");
    let started = Instant::now();
    let first = Command::new(program())
        .args(["crl", "-C"])
        .arg(&authority)
        .output();
    assert!(first.unwrap().status.success());
    println!("  the first: {:.3?}", started.elapsed());
    let again = Runner::new("one in the place of another", move |_| {
        let mut command = Command::new(program());
        command.args(["crl", "-C"]).arg(&authority);
        command
    });
    let times = race(ROUNDS, &[again]);
    println!(
        "  {:.2} of a second (at most 1)",
        ratio(times[0], Duration::from_secs(1))
    );
}

/// Records entries that are revoked, in one transaction.
fn fill(authority: &Path, count: u64) {
    let anchors = std::fs::read(authority.join("ca.crt")).unwrap();
    let issuer = bundle::certificates(&anchors).unwrap().swap_remove(0);
    let entries: Vec<Entry> = (0..count)
        .map(|number| {
            let digest = Fingerprint::sha256(&number.to_be_bytes());
            let serial = digest.as_bytes()[..16].try_into().unwrap();
            Entry {
                serial: SerialNumber::from_random(serial),
                fingerprint: digest,
                public_key: Fingerprint::sha256(&number.to_le_bytes()),
                certificate: Vec::new(),
                subject: issuer.subject().clone(),
                issuer: issuer.subject().clone(),
                issuer_fingerprint: Fingerprint::sha256(issuer.as_der()),
                names: Vec::new(),
                profile: "client".into(),
                validity: Validity::between(NOW, datetime!(2999-01-01 0:00 UTC)).unwrap(),
                key_type: "p256".into(),
                output: None,
                requested_by: "joe@host".into(),
                note: None,
                labels: Labels::default(),
                issued_at: NOW,
                revocation: Some(Revocation {
                    at: NOW + Duration::from_secs(number),
                    reason: RevocationReason::KeyCompromise,
                    invalidity_date: None,
                }),
                batch: None,
                replaces: None,
                superseded_by: None,
                retired_at: None,
            }
        })
        .collect();
    let path = authority.join("inventory.db");
    let mut inventory = store::open(&path, Opening::MustExist).unwrap();
    inventory.record(&entries).unwrap();
}

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05 UTC);
const ROUNDS: usize = 20;
