//! How long the program takes to start, and to show one certificate, as a whole process.
//!
//! `cargo bench --bench startup`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

mod race;

use std::path::{Path, PathBuf};
use std::process::Command;

use race::{Runner, program, race, ratio};

fn main() {
    let directory = tempfile::tempdir().unwrap();
    start(&empty_program(directory.path()));
    inspect(directory.path());
}

fn start(empty: &Path) {
    println!("start to exit of `--version`, and of a program that does nothing");
    let times = race(
        400,
        &[
            Runner::new("openagents-certs --version", |_| {
                let mut command = Command::new(program());
                command.arg("--version");
                command
            }),
            Runner::new("fn main() {}", |_| Command::new(empty)),
        ],
    );
    let above = (times[0].as_secs_f64() - times[1].as_secs_f64()) * 1e3;
    println!("  {above:.3} ms above (at most 1.5)\n");
}

fn inspect(directory: &Path) {
    let made = Command::new(program())
        .args(["generate", "--output"])
        .arg(directory)
        .output();
    assert!(made.unwrap().status.success());
    let certificate = directory.join("server.crt");
    println!("one certificate shown");
    let times = race(
        400,
        &[
            Runner::new("openagents-certs inspect server.crt", |_| {
                let mut command = Command::new(program());
                command.arg("inspect").arg(&certificate);
                command
            }),
            Runner::new("openssl x509 -text -noout -in server.crt", |_| {
                let mut command = Command::new("openssl");
                command
                    .args(["x509", "-text", "-noout", "-in"])
                    .arg(&certificate);
                command
            }),
        ],
    );
    println!(
        "  {:.2} of openssl's time (at most 0.5)\n",
        ratio(times[0], times[1])
    );
}

/// What any program costs here: one that returns at once, built like ours.
fn empty_program(directory: &Path) -> PathBuf {
    let (source, program) = (directory.join("empty.rs"), directory.join("empty"));
    std::fs::write(&source, "fn main() {}").unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["-Copt-level=3", "-Cpanic=abort", "-Cstrip=symbols", "-o"]);
    assert!(
        command
            .arg(&program)
            .arg(&source)
            .status()
            .unwrap()
            .success()
    );
    program
}
