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
    start(directory.path());
    inspect(directory.path());
}

fn start(directory: &Path) {
    let dynamic = empty_program(directory, "dynamic", "-crt-static");
    let fixed = empty_program(directory, "static", "+crt-static");
    println!("start to exit of `--version`, and of a program that does nothing");
    let ours = Runner::new("openagents-certs --version", |_| {
        let mut command = Command::new(program());
        command.arg("--version");
        command
    });
    let dynamic = Runner::new("fn main() {}, dynamically linked", |_| {
        Command::new(&dynamic)
    });
    let fixed = Runner::new("fn main() {}, statically linked", |_| Command::new(&fixed));
    let times = race(400, &[ours, dynamic, fixed]);
    let above = |empty: usize| (times[0].as_secs_f64() - times[empty].as_secs_f64()) * 1e3;
    println!(
        "  {:.3} ms above the first, {:.3} ms above the second (at most 1.5)\n",
        above(1),
        above(2)
    );
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

/// What any program costs here: one that returns at once.
fn empty_program(directory: &Path, name: &str, linking: &str) -> PathBuf {
    let (source, program) = (directory.join("empty.rs"), directory.join(name));
    std::fs::write(&source, "fn main() {}").unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["-Copt-level=3", "-Cpanic=abort", "-Cstrip=symbols"]);
    command.arg(format!("-Ctarget-feature={linking}"));
    command.arg("-o").arg(&program).arg(&source);
    assert!(command.status().unwrap().success());
    program
}
