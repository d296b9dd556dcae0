//! Starting, stopping and reloading.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Signal;

use super::server::{Server, command, until};
use crate::peer::{certs, certs_fails, scratch};

#[test]
fn it_starts_answers_and_stops() {
    let directory = authority("serve-start");
    let server = Server::start(&directory, &[]);
    assert_eq!(server.get("/healthz").text(), "ok\n");
    assert_eq!(server.get("/readyz").text(), "ready\n");
    let anchors = std::fs::read_to_string(directory.join("ca.crt")).unwrap();
    assert_eq!(server.get("/ca.crt").text(), anchors);
    assert_eq!(server.get_plain("/ca.crt").text(), anchors);
    let der = server.get_plain("/ca.der");
    assert_eq!(der.header("content-type"), Some("application/pkix-cert"));
    assert_eq!(server.get_plain("/healthz").status, 404);
    let unknown = server.get("/nothing?secret=s3cret");
    assert_eq!(unknown.status, 404);
    let id = unknown.header("x-request-id").unwrap().to_owned();
    server.wait_for(&id, 0);
    assert!(!server.log().contains("s3cret"));
    let skipped = server.logged();
    server.signal(Signal::TERM);
    server.wait_for("\"stopped\"", skipped);
    assert!(server.wait().success());
}

#[test]
fn a_port_in_use_is_refused_before_anything_is_written() {
    let directory = authority("serve-port");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    for (https, http, flag) in [
        (&*address, free, "--listen"),
        (free, &*address, "--http-listen"),
    ] {
        let arguments = ["serve", "--listen", https, "--http-listen", http];
        let text = certs_fails(2, &arguments, &directory);
        assert!(
            text.contains(&format!("error: cannot listen on {address}: ")),
            "{text}"
        );
        assert!(
            text.contains("hint: ") && text.contains(&format!("`{flag}`")),
            "{text}"
        );
    }
    assert!(!directory.join("serve.crt").exists());
}

#[test]
fn sighup_takes_new_settings_and_refuses_broken_ones() {
    let directory = authority("serve-reload");
    let server = Server::start(&directory, &[]);
    let settings = directory.join("certs.toml");
    std::fs::write(
        &settings,
        "[serve]\npublic_url = 'https://ca.example.org'\n",
    )
    .unwrap();
    let before = server.client().presented();
    server.signal(Signal::HUP);
    server.wait_for("\"reloaded\"", 0);
    until("a certificate for the new name", || {
        server.client().presented() != before
    });
    let shown = certs(
        &["inspect", directory.join("serve.crt").to_str().unwrap()],
        &directory,
    );
    assert!(
        shown.contains("ca.example.org") && shown.contains("localhost"),
        "{shown}"
    );
    std::fs::write(&settings, "[serve]\nlisten = 'nowhere'\n").unwrap();
    server.signal(Signal::HUP);
    let line = server.wait_for("\"not reloaded\"", 0);
    assert!(
        line.contains("certs.toml:2:10: not an IP address with a port"),
        "{line}"
    );
    assert_eq!(server.get("/readyz").status, 200);
    assert!(server.stop().success());
    let text = certs_fails(2, &["serve"], &directory);
    assert!(text.contains("certs.toml:2:10"), "{text}");
}

#[test]
fn its_certificate_is_kept_and_one_from_elsewhere_is_taken() {
    let directory = authority("serve-certificate");
    let first = Server::start(&directory, &[]);
    let presented = first.client().presented();
    assert!(first.stop().success());
    let second = Server::start(&directory, &[]);
    assert_eq!(second.client().presented(), presented);
    assert!(second.stop().success());
    certs(
        &["issue", "server", "localhost", "--name", "own"],
        &directory,
    );
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("own.crt"), path("own.key"));
    let third = Server::start(&directory, &["--tls-cert", &certificate, "--tls-key", &key]);
    assert_ne!(third.client().presented(), presented);
    assert!(third.stop().success());
    let text = certs_fails(
        2,
        &[
            "serve",
            "--tls-cert",
            &certificate,
            "--tls-key",
            &path("ca.key"),
        ],
        &directory,
    );
    assert!(
        text.contains("own.crt: a TLS server cannot present it"),
        "{text}"
    );
}

#[test]
fn a_foreign_serve_crt_is_not_replaced() {
    let directory = authority("serve-foreign");
    let other = authority("serve-foreign-other");
    certs(&["issue", "server", "localhost", "--name", "serve"], &other);
    std::fs::copy(other.join("serve.crt"), directory.join("serve.crt")).unwrap();
    let text = certs_fails(
        2,
        &["serve", "--listen", ":0", "--http-listen", "none"],
        &directory,
    );
    assert!(
        text.contains("serve.crt") && text.contains("--tls-cert"),
        "{text}"
    );
}

#[test]
fn a_passphrase_comes_from_a_file_the_environment_or_a_credential() {
    let directory = scratch("serve-passphrase");
    let credentials = directory.join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    let file = credentials.join("ca-passphrase");
    std::fs::write(&file, "a long passphrase\n").unwrap();
    let file = file.to_str().unwrap();
    let pki = directory.join("pki");
    certs(&["ca", "init", "--passphrase-file", file], &pki);
    let server = Server::start(&pki, &["--passphrase-file", file]);
    assert_eq!(server.get("/readyz").status, 200);
    assert!(server.stop().success());
    let ports = ["--listen", ":0", "--http-listen", "none"];
    for (name, value) in [
        ("OPENAGENTS_CERTS_PASSPHRASE", "a long passphrase"),
        ("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap()),
    ] {
        let server = Server::spawn(command(&pki).args(ports).env(name, value), &pki);
        assert_eq!(server.get("/readyz").status, 200);
        assert!(server.stop().success());
    }
    let output = command(&pki)
        .args(ports)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("is encrypted and no passphrase was given"),
        "{text}"
    );
}

#[test]
fn the_service_manager_hears_what_it_does() {
    let directory = authority("serve-notify");
    let path = directory.join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(super::server::PATIENCE))
        .unwrap();
    let hear = |expected: &str| {
        let mut message = [0; 512];
        loop {
            let length = socket.recv(&mut message).unwrap();
            let said = std::str::from_utf8(&message[..length]).unwrap();
            if said.starts_with(expected) {
                return said.to_owned();
            }
        }
    };
    let mut command = command(&directory);
    command.args(["--listen", ":0", "--http-listen", "none"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000");
    let server = Server::spawn(&mut command, &directory);
    hear("READY=1");
    hear("WATCHDOG=1");
    server.signal(Signal::HUP);
    assert!(hear("RELOADING=1").contains("\nMONOTONIC_USEC="));
    hear("READY=1");
    server.signal(Signal::TERM);
    hear("STOPPING=1");
    assert!(server.wait().success());
}

#[test]
fn a_rotation_reaches_it_without_a_signal() {
    let directory = authority("serve-rotation");
    let server = Server::start(&directory, &[]);
    certs(&["ca", "rotate", "prepare"], &directory);
    let anchors = std::fs::read_to_string(directory.join("ca.crt")).unwrap();
    until("both anchors", || server.get("/ca.crt").text() == anchors);
    let before = server.client().presented();
    certs(&["ca", "rotate", "activate"], &directory);
    until("a certificate of the new CA", || {
        server.client().presented() != before
    });
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn it_is_not_ready_without_its_key_and_recovers() {
    let directory = authority("serve-ready");
    let server = Server::start(&directory, &[]);
    let away = directory.join("away");
    for name in ["ca.key", "inventory.db"] {
        let path = directory.join(name);
        std::fs::rename(&path, &away).unwrap();
        until("not ready", || server.get("/readyz").status == 503);
        assert_eq!(server.get("/healthz").status, 200);
        std::fs::rename(&away, &path).unwrap();
        until("ready", || server.get("/readyz").status == 200);
    }
}

/// A PKI directory with a CA.
fn authority(name: &str) -> PathBuf {
    let directory = scratch(name);
    init(&directory);
    directory
}

fn init(directory: &Path) {
    certs(&["ca", "init"], directory);
}
