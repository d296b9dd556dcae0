//! Runs `mint` for real: what the command finds while it runs, and that nothing is left behind it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it looks at what the program left"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

#[test]
fn the_command_finds_its_files_and_they_are_gone_after_it() {
    let pki = authority();
    let script = r#"test -s "$OPENAGENTS_CERTS_KEY" && test -s "$OPENAGENTS_CERTS_CA" && test "$SSL_CERT_FILE" = "$OPENAGENTS_CERTS_CA" &&
        echo "$OPENAGENTS_CERTS_CERT"; exit 7"#;
    let output = mint(&pki, &["--env", "SSL_CERT_FILE=ca"], script)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    let certificate = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    assert_eq!(certificate.file_name().unwrap(), "client.crt");
    assert!(!certificate.parent().unwrap().exists());
}

#[test]
fn a_signal_reaches_the_command_and_everything_is_wiped_all_the_same() {
    let pki = authority();
    for (script, signal, code) in [
        (
            "trap 'kill $!; exit 9' TERM; sleep 60 & echo \"$OPENAGENTS_CERTS_CERT\"; wait $!",
            "-TERM",
            9,
        ),
        ("echo \"$OPENAGENTS_CERTS_CERT\"; kill -KILL $$", "-0", 137),
    ] {
        let (mut child, certificate, _) = started(mint(&pki, &[], script));
        let _ = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(!certificate.parent().unwrap().exists());
    }
}

#[test]
fn what_a_killed_mint_left_is_wiped_by_the_next() {
    let pki = authority();
    let (mut child, certificate, mut rest) = started(mint(
        &pki,
        &[],
        "echo \"$OPENAGENTS_CERTS_CERT\"; read -r line",
    ));
    child.kill().unwrap();
    child.wait().unwrap();
    // The command itself is still there, and ends with its input.
    drop(child.stdin.take());
    rest.read_to_end(&mut Vec::new()).unwrap();
    assert!(mint(&pki, &[], "true").status().unwrap().success());
    assert!(!certificate.exists());
}

#[test]
fn the_command_does_not_get_the_passphrase_of_the_ca() {
    let pki = authority();
    let script = "test -z \"${CA_PASSPHRASE+set}\"";
    let status = mint(&pki, &["--passphrase-env", "CA_PASSPHRASE"], script)
        .env("CA_PASSPHRASE", "secret")
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn the_command_does_not_inherit_the_descriptor_of_the_passphrase() {
    let pki = authority();
    let file = pki.path().join("ca.pass");
    std::fs::write(&file, "secret\n").unwrap();
    // The shell opens descriptor 3 for the program; the command finds it closed.
    let script =
        r#"exec "$0" -C "$1" mint client job --passphrase-fd 3 -- sh -c 'cat <&3' 3< "$2""#;
    for key in ["unencrypted", "encrypted"] {
        let mut command = Command::new("sh");
        command
            .args(["-c", script, env!("CARGO_BIN_EXE_openagents-certs")])
            .args([pki.path(), &file]);
        let output = command.output().unwrap();
        assert_eq!(output.stdout, b"", "{key}");
        assert!(!output.status.success(), "{key}");
        let add = ["ca", "passphrase", "add", "--passphrase-file"];
        let encrypted = certs(pki.path()).args(add).arg(&file).output().unwrap();
        assert_eq!(encrypted.status.success(), key == "unencrypted", "{key}");
    }
}

fn authority() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let status = certs(directory.path())
        .args(["ca", "init"])
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    directory
}

fn mint(pki: &TempDir, options: &[&str], script: &str) -> Command {
    let mut command = certs(pki.path());
    command
        .args(["mint", "client", "job"])
        .args(options)
        .args(["--", "sh", "-c", script]);
    command
}

fn certs(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.arg("-C").arg(directory);
    command
}

/// A mint whose command has said where its certificate is.
fn started(mut command: Command) -> (Child, PathBuf, BufReader<ChildStdout>) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    (child, line.trim().into(), output)
}
