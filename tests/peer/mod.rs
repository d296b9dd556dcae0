//! Other programs that look at what this one makes, as far as they are installed.
//!
//! One that is not there is named and left out; with `OPENAGENTS_CERTS_PEERS=required` its absence fails.
//! `OPENAGENTS_CERTS_PYTHON` names a Python that has `cryptography` and `grpcio`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    dead_code,
    reason = "helpers of tests"
)]

pub(crate) mod clock;
pub(crate) mod postgres;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// This program in a PKI directory.
pub(crate) fn program(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.args(arguments).arg("-C").arg(directory);
    command
}

/// Runs this program, which must succeed, and gives what it wrote.
pub(crate) fn certs(arguments: &[&str], directory: &Path) -> String {
    let output = run(&mut program(arguments, directory));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs this program, which must end with this code, and gives what it wrote to standard error.
pub(crate) fn certs_fails(code: i32, arguments: &[&str], directory: &Path) -> String {
    let output = program(arguments, directory).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// An empty directory that outlives the tests, so that what failed can be looked at.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).unwrap();
    }
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// A script of `tests/interop`, to be given its arguments; `None` when its Python lacks a module.
pub(crate) fn script(name: &str, module: &str) -> Option<Command> {
    let python = std::env::var("OPENAGENTS_CERTS_PYTHON").unwrap_or_else(|_| "python3".into());
    if !is_here(&python, &["-c", &format!("import {module}")]) {
        return None;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let mut command = Command::new(python);
    command.arg(folder.join(name));
    Some(command)
}

/// Whether a peer answers; when not, says so.
pub(crate) fn is_here(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    if output.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let missing = format!("`{program} {}` does not work here", arguments.join(" "));
    let required =
        std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{missing}, and every peer is required");
    say(&missing);
    false
}

/// Says what was not checked, past the capture of a test's output.
#[expect(clippy::explicit_write, reason = "what the macro prints is captured")]
fn say(missing: &str) {
    writeln!(std::io::stderr(), "not checked against a peer: {missing}").unwrap();
}
