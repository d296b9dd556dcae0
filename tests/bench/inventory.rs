//! What an inventory of a million entries costs, against an empty one.
//!
//! `cargo bench --bench inventory`; `TMPDIR` says on which disk, `ENTRIES` how many.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

mod race;

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use openagents_certs::pki::fingerprint::Fingerprint;
use openagents_certs::pki::name::{AttributeType, DistinguishedName};
use openagents_certs::pki::serial::SerialNumber;
use openagents_certs::pki::validity::Validity;
use openagents_certs::store::{self, Entry, Filter, Labels, Opening, Output};
use race::{Runner, program, race, ratio};
use time::OffsetDateTime;
use time::macros::datetime;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let [empty, full] = ["empty", "full"].map(|name| directory.path().join(name));
    for authority in [&empty, &full] {
        let made = Command::new(program())
            .args(["ca", "init", "-C"])
            .arg(authority)
            .output();
        assert!(made.unwrap().status.success());
    }
    let entries = std::env::var("ENTRIES").map_or(1_000_000, |text| text.parse().unwrap());
    fill(&full.join("inventory.db"), entries);
    one_more(&empty, &full);
    issue(&empty, &full);
    list(&full.join("inventory.db"));
}

/// Records entries in transactions of [`BATCH`].
fn fill(path: &Path, entries: u64) {
    let mut inventory = store::open(path, Opening::MustExist).unwrap();
    let mut spent = Duration::ZERO;
    println!("{entries} entries recorded, {BATCH} to a transaction");
    for start in (0..entries).step_by(BATCH) {
        let end = entries.min(start + BATCH as u64);
        let batch: Vec<Entry> = (start..end).map(entry).collect();
        let started = Instant::now();
        inventory.record(&batch).unwrap();
        spent += started.elapsed();
        if end == entries.min(100_000) || end == entries {
            println!(
                "  the first {end}: {:.0} a second",
                end as f64 / spent.as_secs_f64()
            );
        }
    }
}

/// Opening, recording one and closing, within this process.
fn one_more(empty: &Path, full: &Path) {
    println!("open, record one, close");
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS as u64 {
        for (which, authority) in [empty, full].into_iter().enumerate() {
            let entry = entry(u64::MAX - round);
            let started = Instant::now();
            let path = authority.join("inventory.db");
            store::open(&path, Opening::MustExist)
                .unwrap()
                .record(&[entry])
                .unwrap();
            times[which].push(started.elapsed());
        }
    }
    let [empty, full] = times.map(median);
    println!(
        "  empty {empty:.3?}, full {full:.3?}: {:.2} times\n",
        ratio(full, empty)
    );
}

/// `issue` as a whole process.
fn issue(empty: &Path, full: &Path) {
    println!("issue server, as a whole process (at most 1.2 times)");
    let into = |authority: &Path| {
        let authority = authority.to_owned();
        move |round: usize| {
            let mut command = Command::new(program());
            command.args(["issue", "server", "-C"]).arg(&authority);
            command.arg(format!("node-{round}.test"));
            command
        }
    };
    let runners = [
        Runner::new("empty", into(empty)),
        Runner::new("full", into(full)),
    ];
    let times = race(ROUNDS, &runners);
    println!("  {:.2} times\n", ratio(times[1], times[0]));
}

/// What a thousandth of the entries, those that expire soonest, take to be shown.
fn list(path: &Path) {
    println!("open and list what expires within 10000 seconds (at most 50 ms for 1000); counts");
    let filter = Filter {
        expiring_within: Some("10000s".parse().unwrap()),
        ..Filter::default()
    };
    let (mut hits, mut listed, mut counted) = (0, Vec::new(), Vec::new());
    for _ in 0..ROUNDS / 10 {
        hits = 0;
        let started = Instant::now();
        let inventory = store::open(path, Opening::MustExist).unwrap();
        let mut count = |_| {
            hits += 1;
            ControlFlow::Continue(())
        };
        inventory.visit(&filter, NOW, &mut count).unwrap();
        listed.push(started.elapsed());
        let started = Instant::now();
        inventory.counts(NOW).unwrap();
        counted.push(started.elapsed());
    }
    println!(
        "  {hits} hits in {:.3?}, counts in {:.3?}",
        median(listed),
        median(counted)
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// One of entries whose serial numbers are random and whose ends are spread over ten million seconds.
fn entry(number: u64) -> Entry {
    let digest = Fingerprint::sha256(&number.to_be_bytes());
    let serial = digest.as_bytes()[..16].try_into().unwrap();
    let certificate = digest.as_bytes().repeat(18);
    let name = format!("agent-{number}.example.test");
    let lifetime = Duration::from_secs(number.wrapping_mul(7919) % 10_000_000);
    Entry {
        serial: SerialNumber::from_random(serial),
        fingerprint: Fingerprint::sha256(&certificate),
        public_key: Fingerprint::sha256(&number.to_le_bytes()),
        certificate,
        subject: DistinguishedName::build(&[(AttributeType::CommonName, &name)]).unwrap(),
        issuer: DistinguishedName::build(&[(AttributeType::CommonName, "Test CA")]).unwrap(),
        issuer_fingerprint: digest,
        names: vec![name.parse().unwrap()],
        profile: "server".into(),
        validity: Validity::between(NOW, NOW + lifetime).unwrap(),
        key_type: "p256".into(),
        output: Some(Output {
            directory: "/srv/network/certs".into(),
            base: name,
        }),
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

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);
const BATCH: usize = 4000;
const ROUNDS: usize = 200;
