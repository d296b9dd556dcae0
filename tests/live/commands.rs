//! The commands that take a live port beside files.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::pki::{OURS, THEIRS};
use super::server::{SETTINGS, Tls, serve, wait};

#[test]
fn inspect_shows_the_certificates_and_the_connection() {
    let port = Tls::ours().requiring(&OURS).serve_grpc();
    let url = format!("grpcs://localhost:{port}");
    let output = run(&["inspect", &url, "--json"], &OURS.directory);
    assert_eq!(output.status.code(), Some(0));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = &shown["files"][0];
    assert_eq!(file["connection"]["serves"], "mtls");
    assert_eq!(file["connection"]["client_certificate"], "required");
    assert_eq!(file["objects"][0]["subject"], "CN=localhost");
    let target = format!("localhost:{port}");
    let pem = run(&["inspect", &target, "--pem"], &OURS.directory).stdout;
    let certificates = openagents_certs::pki::bundle::certificates(&pem).unwrap();
    assert_eq!(certificates, OURS.server.certificates);
}

#[test]
fn verify_judges_what_is_served_by_the_name_that_is_dialled() {
    let port = Tls::ours().serve_grpc();
    let url = format!("grpcs://localhost:{port}");
    let verdict = |arguments: &[&str], directory: &Path| {
        let output = run(&[&["verify", &url], arguments].concat(), directory);
        output.status.code()
    };
    assert_eq!(verdict(&[], &OURS.directory), Some(0));
    // Their anchors do not end the chain, and decide only when they are given.
    assert_eq!(verdict(&["--no-system-roots"], &THEIRS.directory), Some(2));
    let theirs = THEIRS.directory.join("ca.crt");
    assert_eq!(
        verdict(&["--ca", theirs.to_str().unwrap()], &OURS.directory),
        Some(1)
    );
    let ca = OURS.directory.join("ca.crt");
    let ca = ["--ca", ca.to_str().unwrap()];
    assert_eq!(verdict(&ca, &THEIRS.directory), Some(0));
    for name in ["--servername", "--host"] {
        assert_eq!(verdict(&[name, "example.org"], &OURS.directory), Some(1));
    }
    let elsewhere = Path::new("no-such-directory");
    assert_eq!(verdict(&[], elsewhere), Some(2));
}

#[test]
fn a_port_that_shows_no_certificate_cannot_be_told_of() {
    let port = serve(|_, mut stream| {
        let _ = std::io::Write::write_all(&mut stream, SETTINGS);
        wait(stream);
    });
    for command in ["inspect", "verify"] {
        let output = run(&[command, &format!("localhost:{port}")], &OURS.directory);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("speaks plaintext gRPC"), "{said}");
        for wrong in ["grpcs://user@localhost", "ftp://localhost", "grpcs://h:0"] {
            let output = run(&[command, wrong], &OURS.directory);
            assert_eq!(output.status.code(), Some(2));
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("hint: "), "{said}");
        }
    }
}

#[test]
fn a_file_with_a_name_like_a_port_is_a_file() {
    let directory = super::pki::scratch("live-file");
    std::fs::create_dir_all(&directory).unwrap();
    let certificate = OURS.directory.join("server.crt");
    std::fs::copy(certificate, directory.join("host:1")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_openagents-certs"))
        .current_dir(&directory)
        .args(["inspect", "--short", "host:1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}

fn run(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    let command = command.args(arguments).arg("-C").arg(directory);
    command.output().unwrap()
}
