//! Real servers: grpcio's, Python's and OpenSSL's.
//!
//! A peer that is not installed is named and left out; with `OPENAGENTS_CERTS_PEERS=required` its
//! absence fails. `OPENAGENTS_CERTS_PYTHON` names a Python that has `grpcio`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::pki::{OURS, THEIRS};
use super::{ids, seen, seen_as, seen_shortly};

#[test]
fn grpcio_is_seen_as_it_serves() {
    if !python_has("grpc") {
        return;
    }
    let tls = grpc("tls", &[]);
    let live = seen(tls.port, &OURS.with_ca());
    assert_eq!((ids(&live), live.reached), (vec![], Some(true)));
    let live = json!(live);
    assert_eq!(live["serves"], "tls");
    assert_eq!(live["without_alpn"], "closed");
    assert_eq!(live["tls_versions"], json!(["1.2", "1.3"]));

    let mtls = grpc("mtls", &[]);
    let live = seen(mtls.port, &OURS.with_client());
    assert_eq!((ids(&live), live.reached), (vec![], Some(true)));
    let live = json!(live);
    assert_eq!(live["serves"], "mtls");
    assert_eq!(live["ours_taken"], true);
    assert_eq!(live["none_refused"], true);
    assert_eq!(live["foreign_refused"], true);
    let live = seen(mtls.port, &OURS.with_ca());
    assert_eq!(ids(&live), ["live-client-certificate-required"]);
    let live = seen(mtls.port, &THEIRS.with_client());
    assert!(ids(&live).contains(&"live-client-certificate-refused"));

    let plaintext = grpc("plaintext", &[]);
    let live = seen(plaintext.port, &OURS.with_ca());
    assert_eq!(ids(&live), ["live-plaintext"]);
    let live = seen_as(
        &format!("grpc://localhost:{}", plaintext.port),
        &OURS.with_ca(),
    );
    assert_eq!((ids(&live), live.reached), (vec![], Some(true)));
}

#[test]
fn two_grpcio_servers_on_one_port_are_both_seen() {
    if !python_has("grpc") {
        return;
    }
    let one = grpc("tls", &[]);
    let port = one.port.to_string();
    let other = Peer::start(script(&["tls"]).arg(&THEIRS.directory).arg(&port), |line| {
        line.trim().parse().ok()
    });
    assert_eq!(one.port, other.port);
    // The system deals connections out by chance, so that one may get them all.
    let live = (0..10)
        .map(|_| seen(one.port, &OURS.with_ca()))
        .find(|live| live.chains.len() == 2)
        .unwrap();
    assert!(ids(&live).contains(&"live-certificates-differ"));
}

#[test]
fn a_tls_server_that_knows_no_alpn_is_no_grpc_server() {
    if !python_has("ssl") {
        return;
    }
    let silent = grpc("tls-without-h2", &[]);
    let live = seen_shortly(silent.port, &OURS.with_ca());
    assert_eq!(ids(&live), ["live-alpn"]);
    assert_eq!(live.reached, Some(false));
}

#[test]
fn openssl_is_seen_as_it_serves() {
    if !is_here("openssl", &["version"]) {
        return;
    }
    let with_h2 = openssl(&["-alpn", "h2"]);
    let live = seen_shortly(with_h2.port, &OURS.with_ca());
    assert_eq!(ids(&live), ["live-no-settings"]);
    assert_eq!(json!(live)["alpn"], "h2");

    let without = openssl(&[]);
    let live = seen_shortly(without.port, &OURS.with_ca());
    assert_eq!(ids(&live), ["live-alpn"]);

    let old = openssl(&["-alpn", "h2", "-tls1_2"]);
    let live = json!(seen_shortly(old.port, &OURS.with_ca()));
    assert_eq!(live["tls_versions"], json!(["1.2"]));

    let www = openssl(&["-www"]);
    let live = seen_as(&format!("https://localhost:{}", www.port), &OURS.with_ca());
    assert_eq!((ids(&live), live.reached), (vec![], Some(true)));

    let ca = OURS.directory.join("ca.crt");
    let ca = ca.to_str().unwrap();
    for versions in [&["-tls1_2"][..], &[]] {
        let verify = [
            "-alpn",
            "h2",
            "-Verify",
            "3",
            "-CAfile",
            ca,
            "-verify_return_error",
        ];
        let verifying = openssl(&[&verify, versions].concat());
        let live = json!(seen_shortly(verifying.port, &OURS.with_client()));
        assert_eq!(live["client_certificate"], "required");
        assert_eq!(live["none_refused"], true);
        assert_eq!(live["foreign_refused"], true);
    }
}

/// A server that ends with the test.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    /// Starts a program and reads its port from the line that tells it.
    fn start(command: &mut Command, port: impl Fn(&str) -> Option<u16>) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .find_map(|line| port(&line.unwrap()))
            .unwrap();
        // What else it says is taken off, so that it never has to wait for a reader.
        std::thread::spawn(move || lines.count());
        Peer { child, port }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server of `tests/interop/grpc_server.py` with our certificates.
fn grpc(mode: &str, more: &[&str]) -> Peer {
    let mut command = script(&[mode]);
    Peer::start(command.arg(&OURS.directory).args(more), |line| {
        line.trim().parse().ok()
    })
}

fn script(arguments: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/grpc_server.py");
    let mut command = Command::new(python());
    command.arg(script).args(arguments);
    command
}

fn openssl(arguments: &[&str]) -> Peer {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0"]);
    command.arg("-cert").arg(OURS.directory.join("server.crt"));
    command.arg("-key").arg(OURS.directory.join("server.key"));
    Peer::start(command.args(arguments), |line| {
        line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok()
    })
}

fn python() -> String {
    std::env::var("OPENAGENTS_CERTS_PYTHON").unwrap_or_else(|_| "python3".into())
}

fn python_has(module: &str) -> bool {
    is_here(&python(), &["-c", &format!("import {module}")])
}

/// Whether a peer answers; when not, says so.
#[expect(clippy::explicit_write, reason = "what the macro prints is captured")]
fn is_here(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    if output.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let missing = format!("`{program} {}` does not work here", arguments.join(" "));
    let required =
        std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{missing}, and every peer is required");
    writeln!(std::io::stderr(), "not checked against a peer: {missing}").unwrap();
    false
}
