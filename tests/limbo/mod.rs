//! The x509-limbo suite, where it is there.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test reads its input and says what it did"
)]

mod harness;

use std::path::PathBuf;
use std::process::Command;

use harness::{Suite, Verdict};
use time::OffsetDateTime;

#[test]
fn every_case_is_judged_as_expected_but_for_the_contradictions() {
    let Some(text) = suite() else {
        eprintln!(
            "x509-limbo is not here, so it was not run: name limbo-given.json, or the same with .xz, in OPENAGENTS_CERTS_LIMBO"
        );
        return;
    };
    let suite: Suite = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for case in &suite.testcases {
        let result = case.judge(OffsetDateTime::now_utc());
        let contradiction = CONTRADICTIONS.iter().find(|known| known.id == case.id);
        let expected = match contradiction {
            Some(known) => {
                assert_ne!(known.ours, case.expected_result, "{}: agrees now", case.id);
                known.ours
            }
            None => case.expected_result,
        };
        if result.actual_result != expected {
            wrong.push((result.id, result.actual_result, result.context));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    eprintln!("x509-limbo: {} cases", suite.testcases.len());
}

/// A case in which the suite says something else than another of its cases.
struct Contradiction {
    id: &'static str,
    ours: Verdict,
    #[allow(dead_code, reason = "for who reads the table")]
    reason: &'static str,
}

const CONTRADICTIONS: &[Contradiction] = &[Contradiction {
    id: "webpki::san::exact-localhost-ip-san",
    ours: Verdict::Failure,
    reason: "its common name is not among its names, for which webpki::cn::* have a certificate refused (CABF BR §7.1.4.3)",
}];

/// The suite's file: where the environment says, or beside the repository.
fn suite() -> Option<String> {
    let named = std::env::var_os("OPENAGENTS_CERTS_LIMBO").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/limbo");
    let path = named.unwrap_or_else(|| beside.join("limbo-given.json.xz"));
    if !path.exists() {
        return None;
    }
    if path.extension().is_none_or(|extension| extension != "xz") {
        return Some(std::fs::read_to_string(path).unwrap());
    }
    let output = Command::new("xz").arg("-dc").arg(&path).output().unwrap();
    assert!(output.status.success(), "xz -dc {}", path.display());
    Some(String::from_utf8(output.stdout).unwrap())
}
