//! Judging certification paths, beside rustls-webpki: first the ratios, measured turn by turn in one
//! run, then divan's figures.
//!
//! The suite's cases are read from `OPENAGENTS_CERTS_LIMBO`, the file `limbo-given.json`.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program of its own, and no part of the command line"
)]

#[path = "../path/chain.rs"]
#[allow(dead_code, reason = "the tests break more fields than are timed here")]
mod chain;
#[path = "../limbo/harness.rs"]
#[allow(dead_code, reason = "the example says more than is timed here")]
mod harness;
#[path = "../path/webpki_oracle.rs"]
mod webpki_oracle;

use std::hint::black_box;
use std::time::{Duration, Instant};

use chain::{Draft, Key};
use openagents_certs::path::{Candidates, ReferenceName, Requirements, judge};
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::usage::Purpose;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05 UTC);
const HOST: &str = "node.example.com";

fn main() {
    println!("three-certificate P-256 chain, from DER to the answer:");
    let three = Three::new();
    compare(2000, || three.ours(), || three.webpkis());
    let fan_out = FanOut::new();
    println!(
        "8 cross-certificates on each of 6 levels, no path good: {:?}",
        timed(|| fan_out.ours())
    );
    match std::env::var_os("OPENAGENTS_CERTS_LIMBO") {
        None => println!("x509-limbo: not measured, OPENAGENTS_CERTS_LIMBO names no file"),
        Some(file) => {
            let text = std::fs::read_to_string(file).unwrap();
            let suite: harness::Suite = serde_json::from_str(&text).unwrap();
            let cases: Vec<_> = suite.testcases.iter().map(Case::new).collect();
            println!("x509-limbo, {} cases, from DER to the answer:", cases.len());
            compare(
                5,
                || cases.iter().filter(|case| case.ours()).count(),
                || cases.iter().filter(|case| case.webpkis()).count(),
            );
        }
    }
    divan::main();
}

#[divan::bench]
fn three_certificates(bencher: divan::Bencher<'_, '_>) {
    let three = Three::new();
    bencher.bench(|| three.ours());
}

#[divan::bench]
fn three_certificates_by_webpki(bencher: divan::Bencher<'_, '_>) {
    let three = Three::new();
    bencher.bench(|| three.webpkis());
}

/// Runs both by turns and prints the best of each, and their ratio.
fn compare<A, B>(rounds: usize, ours: impl Fn() -> A, webpkis: impl Fn() -> B) {
    let (mut best_ours, mut best_webpkis) = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        best_ours = best_ours.min(timed(&ours));
        best_webpkis = best_webpkis.min(timed(&webpkis));
    }
    let ratio = best_ours.as_secs_f64() / best_webpkis.as_secs_f64();
    println!("  ours {best_ours:?}, rustls-webpki {best_webpkis:?}, ratio {ratio:.2}");
}

fn timed<T>(run: impl Fn() -> T) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

/// A root, an intermediate and a server's certificate.
struct Three {
    end_entity: Vec<u8>,
    intermediates: Vec<Vec<u8>>,
    anchors: Vec<Vec<u8>>,
    host: ReferenceName,
}

impl Three {
    fn new() -> Self {
        let (root, intermediate, server) = (Key::new(), Key::new(), Key::new());
        let sign = |draft: Draft, key, issuers_key| draft.sign(key, issuers_key);
        Three {
            end_entity: sign(
                Draft::server(HOST, "Intermediate", &server, &intermediate),
                &server,
                &intermediate,
            ),
            intermediates: vec![sign(
                Draft::ca("Intermediate", "Root", &intermediate, &root),
                &intermediate,
                &root,
            )],
            anchors: vec![sign(Draft::ca("Root", "Root", &root, &root), &root, &root)],
            host: ReferenceName::Dns(HOST.into()),
        }
    }

    fn ours(&self) -> bool {
        let good = ours(
            &self.end_entity,
            &self.intermediates,
            &self.anchors,
            &Requirements {
                host: Some(self.host.clone()),
                purpose: Some(Purpose::Server),
                ..Requirements::at(NOW)
            },
        );
        assert!(good);
        good
    }

    fn webpkis(&self) -> bool {
        let answer = webpki_oracle::accepts(
            &self.end_entity,
            &self.intermediates,
            &self.anchors,
            Some(&self.host),
            NOW,
        );
        assert!(answer.is_ok());
        answer.is_ok()
    }
}

/// Six levels of eight CAs that all issued one another, under a root that excludes the host.
struct FanOut {
    end_entity: Vec<u8>,
    intermediates: Vec<Vec<u8>>,
    anchors: Vec<Vec<u8>>,
}

impl FanOut {
    fn new() -> Self {
        let keys: Vec<_> = (0..=6).map(|_| Key::new()).collect();
        let mut intermediates = Vec::new();
        for level in 1..=6 {
            let (key, issuers_key) = (&keys[level], &keys[level - 1]);
            let (subject, issuer) = (format!("Level {level}"), format!("Level {}", level - 1));
            for serial in 1..=8 {
                let mut draft = Draft::ca(&subject, &issuer, key, issuers_key);
                draft.serial = vec![serial];
                intermediates.push(draft.sign(key, issuers_key));
            }
        }
        let mut root = Draft::ca("Level 0", "Level 0", &keys[0], &keys[0]);
        let base = chain::sequence(&chain::element(0x82, HOST.as_bytes()));
        root.put(30, true, chain::sequence(&chain::element(0xa1, &base)));
        let server = Draft::server(HOST, "Level 6", &keys[0], &keys[6]);
        FanOut {
            end_entity: server.sign(&keys[0], &keys[6]),
            intermediates,
            anchors: vec![root.sign(&keys[0], &keys[0])],
        }
    }

    fn ours(&self) -> bool {
        let requirements = Requirements::at(NOW);
        ours(
            &self.end_entity,
            &self.intermediates,
            &self.anchors,
            &requirements,
        )
    }
}

/// A case of the suite, its PEM decoded.
struct Case {
    end_entity: Vec<u8>,
    intermediates: Vec<Vec<u8>>,
    anchors: Vec<Vec<u8>>,
    requirements: Requirements,
}

impl Case {
    fn new(case: &harness::Case) -> Self {
        let all = |texts: &[String]| {
            texts
                .iter()
                .map(|text| harness::der(text).unwrap())
                .collect()
        };
        Case {
            end_entity: harness::der(&case.peer_certificate).unwrap(),
            intermediates: all(&case.untrusted_intermediates),
            anchors: all(&case.trusted_certs),
            requirements: case.requirements(NOW).unwrap(),
        }
    }

    fn ours(&self) -> bool {
        ours(
            &self.end_entity,
            &self.intermediates,
            &self.anchors,
            &self.requirements,
        )
    }

    fn webpkis(&self) -> bool {
        webpki_oracle::accepts(
            &self.end_entity,
            &self.intermediates,
            &self.anchors,
            self.requirements.host.as_ref(),
            self.requirements.at,
        )
        .is_ok()
    }
}

fn ours(
    end_entity: &[u8],
    intermediates: &[Vec<u8>],
    anchors: &[Vec<u8>],
    requirements: &Requirements,
) -> bool {
    let Ok(end_entity) = Certificate::from_der(end_entity.to_vec()) else {
        return false;
    };
    let read = |all: &[Vec<u8>]| -> Vec<_> {
        let read = all.iter().cloned().map(Certificate::from_der);
        read.filter_map(Result::ok).collect()
    };
    let candidates = Candidates {
        end_entity: &end_entity,
        intermediates: &read(intermediates),
        anchors: &read(anchors),
        revocation_lists: &[],
    };
    black_box(judge(candidates, requirements)).is_good()
}
