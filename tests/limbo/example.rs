//! The harness of the x509-limbo suite: the suite's file on standard input, results on standard output.
//!
//! `cargo run --release --example limbo < limbo.json > results.json`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    reason = "a program of its own, and no part of the command line"
)]

mod harness;

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use time::OffsetDateTime;

use harness::{CaseResult, Suite};

fn main() -> ExitCode {
    let mut suite = String::new();
    if let Err(error) = std::io::stdin().lock().read_to_string(&mut suite) {
        return failed(&error);
    }
    let results = match run(&suite, OffsetDateTime::now_utc()) {
        Ok(results) => results,
        Err(error) => return failed(&error),
    };
    match std::io::stdout().lock().write_all(results.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Judges every case of a suite, given as its file's content.
fn run(suite: &str, now: OffsetDateTime) -> Result<String, serde_json::Error> {
    let suite: Suite = serde_json::from_str(suite)?;
    let results = suite.testcases.iter().map(|case| case.judge(now)).collect();
    serde_json::to_string(&Results {
        version: 1,
        harness: "openagents-certs",
        results,
    })
}

#[derive(Serialize)]
struct Results<'a> {
    version: u8,
    harness: &'static str,
    results: Vec<CaseResult<'a>>,
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::from(2)
}
