//! How long `status` takes for 10,000 certificate files with their anchor beside them, as a whole process,
//! and for the page of 1,000.
//!
//! `cargo bench --bench status`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

#[allow(dead_code, reason = "nothing is compared here")]
mod race;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use race::{Runner, program, race};

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let many = authority(&directory.path().join("many"), 10_000);
    let fewer = authority(&directory.path().join("fewer"), 1_000);
    println!("{} files (at most 2 s)", 10_000);
    race(
        10,
        &[
            Runner::new("status", |_| status(&many, &[])),
            Runner::new("status --format prometheus", |_| {
                status(&many, &["--format", "prometheus"])
            }),
        ],
    );
    println!("{} files, a page of HTML (at most 300 ms, 2 MiB)", 1_000);
    let page = directory.path().join("page.html");
    let html = ["--html", page.to_str().unwrap()];
    race(
        10,
        &[Runner::new("status --html", |_| status(&fewer, &html))],
    );
    println!("  {} octets", page.metadata().unwrap().len());
}

fn status(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(["status", "-C"])
        .arg(directory)
        .args(arguments);
    command
}

/// An authority that has issued so many certificates to its own directory.
fn authority(directory: &Path, count: usize) -> std::path::PathBuf {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program());
        command.arg("-C").arg(directory).args(arguments);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "{arguments:?}");
    };
    run(&["ca", "init"]);
    let mut rows = String::new();
    for i in 0..count {
        let row = format!(r#"{{"profile":"server","names":["n{i}.internal"],"name":"n{i}"}}"#);
        writeln!(rows, "{row}").unwrap();
    }
    let manifest = directory.with_extension("jsonl");
    std::fs::write(&manifest, rows).unwrap();
    run(&["issue", "batch", manifest.to_str().unwrap()]);
    directory.to_owned()
}
