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

use time::OffsetDateTime;

fn main() -> ExitCode {
    let mut suite = String::new();
    if let Err(error) = std::io::stdin().lock().read_to_string(&mut suite) {
        return failed(&error);
    }
    let results = match harness::run(&suite, OffsetDateTime::now_utc()) {
        Ok(results) => results,
        Err(error) => return failed(&error),
    };
    match std::io::stdout().lock().write_all(results.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::from(2)
}
