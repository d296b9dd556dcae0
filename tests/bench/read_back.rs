//! What signing costs with and without reading back what was signed.
//!
//! `cargo bench --bench read_back`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints what it measured"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use openagents_certs::keys::{PrivateKey, Signer};
use openagents_certs::pki::algorithm::KeyType;
use openagents_certs::pki::crl::RevocationReason;
use openagents_certs::pki::crl_plan::{RevocationListPlan, RevokedEntries};
use openagents_certs::pki::general_name::NameConstraints;
use openagents_certs::pki::name::{AttributeType, DistinguishedName};
use openagents_certs::pki::plan::{self, BasicConstraints, IssuancePlan, KeyUsage};
use openagents_certs::pki::serial::SerialNumber;
use openagents_certs::pki::usage::SERVER_AUTH;
use openagents_certs::pki::validity::Validity;
use time::macros::datetime;

fn main() {
    let mut key_types = vec![KeyType::P256, KeyType::P384, KeyType::Ed25519];
    if cfg!(feature = "rsa") {
        key_types.push(KeyType::Rsa2048);
    }
    for key_type in key_types {
        let signer = PrivateKey::generate(key_type).unwrap().signer().unwrap();
        let (plan, serial) = (plan(), SerialNumber::from_random([7; 16]));
        let key = signer.public_key_info();
        let bare = timed(|| bare(&signer, &plan, &serial));
        let checked = timed(|| drop(black_box(signer.certificate(&plan, key, &serial).unwrap())));
        println!("certificate, {key_type}: {bare:.1?} signed, {checked:.1?} signed and read back");
    }
    let signer = PrivateKey::generate(KeyType::P256)
        .unwrap()
        .signer()
        .unwrap();
    let started = Instant::now();
    let entries = entries();
    let encoded = started.elapsed();
    let started = Instant::now();
    let der = signer.revocation_list(&list(), entries).unwrap();
    let signed = started.elapsed();
    println!(
        "list of {ENTRIES} entries, {} bytes: {encoded:.1?} to encode the entries, {signed:.1?} to sign and read back",
        der.len()
    );
}

fn bare(signer: &Signer, plan: &IssuancePlan, serial: &SerialNumber) {
    let algorithm = signer.algorithm();
    let fields = plan.to_be_signed(signer.public_key_info(), serial, algorithm);
    let fields = fields.unwrap();
    let signature = signer.sign(&fields).unwrap();
    drop(black_box(plan::signed(&fields, algorithm, &signature)));
}

fn timed(run: impl Fn()) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        run();
        started.elapsed()
    });
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn plan() -> IssuancePlan {
    let name = |text| DistinguishedName::build(&[(AttributeType::CommonName, text)]).unwrap();
    let (from, to) = (
        datetime!(2026-11-20 8:00 UTC),
        datetime!(2027-11-20 8:00 UTC),
    );
    IssuancePlan {
        subject: name("node1.example"),
        issuer: name("Root"),
        validity: Validity::between(from, to).unwrap(),
        subject_alt_names: vec![
            "node1.example".parse().unwrap(),
            "10.0.0.1".parse().unwrap(),
        ],
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::EndEntity,
        extended_key_usages: vec![SERVER_AUTH],
        authority_key_identifier: Some(vec![7; 20]),
        name_constraints: NameConstraints::default(),
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
        no_check: false,
    }
}

fn list() -> RevocationListPlan {
    RevocationListPlan {
        issuer: plan().issuer,
        authority_key_identifier: vec![7; 20],
        this_update: datetime!(2026-11-20 8:00 UTC),
        next_update: datetime!(2026-12-20 8:00 UTC),
        number: 7,
    }
}

fn entries() -> RevokedEntries {
    let mut entries = RevokedEntries::default();
    for number in 1..=ENTRIES {
        let serial = SerialNumber::from_random((number << 90).to_be_bytes());
        let (at, reason) = (
            datetime!(2026-11-20 8:00 UTC),
            RevocationReason::KeyCompromise,
        );
        entries.add(&serial, at, reason, Some(at));
    }
    entries
}

const ENTRIES: u128 = 100_000;
const ROUNDS: usize = 2001;
