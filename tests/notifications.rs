//! Notifications, as a webhook, a program and a mail server receive them.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it starts servers and looks at files"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::peer::{certs, certs_fails, program, scratch, script};

#[test]
fn each_condition_is_told_once_and_more_urgent_ones_again() {
    let scene = Scene::new("once", "before = [\"30d\", \"7d\"]");
    certs(&["issue", "server", "a.test", "--ttl", "20d"], &scene.pki);
    scene.notify();
    let posted = scene.receiver.take();
    assert_eq!(posted.len(), 1, "{posted:?}");
    let message = &posted[0].body;
    assert_eq!(message["event"], "expiry");
    assert_eq!(message["subject"], "a.test");
    assert_eq!(message["severity"], "warning");
    assert!(message["path"].as_str().unwrap().ends_with("a.test.crt"));
    assert!(message["serial"].as_str().unwrap().contains(':'));
    let left = message["expires_in_seconds"].as_i64().unwrap();
    assert!((19 * 86400..=20 * 86400).contains(&left), "{left}");
    assert!(message["not_after"].as_str().unwrap().ends_with('Z'));
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .contains("a.test expires in")
    );
    scene.notify();
    assert!(scene.receiver.take().is_empty(), "it was told already");
    certs(&["issue", "server", "b.test", "--ttl", "2d"], &scene.pki);
    scene.notify();
    let posted = scene.receiver.take();
    assert_eq!(posted.len(), 1);
    assert_eq!(
        (&posted[0].body["subject"], &posted[0].body["severity"]),
        (&"b.test".into(), &"critical".into())
    );
}

#[test]
fn what_is_over_is_resolved_once() {
    let scene = Scene::new("resolved", "before = [\"30d\"]");
    certs(&["issue", "server", "a.test", "--ttl", "20d"], &scene.pki);
    scene.notify();
    certs(
        &["issue", "server", "a.test", "--ttl", "90d", "--force"],
        &scene.pki,
    );
    scene.receiver.take();
    scene.notify();
    let posted = scene.receiver.take();
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert_eq!(
        (&posted[0].body["event"], &posted[0].body["resolves"]),
        (&"resolved".into(), &"expiry".into())
    );
    scene.notify();
    assert!(scene.receiver.take().is_empty());
}

#[test]
fn many_certificates_that_expire_together_are_one_message() {
    let scene = Scene::new("many", "before = [\"30d\"]");
    let rows: String = (0..300)
        .map(|n| format!("agent-{n}.test,client,5d\n"))
        .collect();
    let manifest = scene.root.join("agents.csv");
    std::fs::write(&manifest, format!("names,profile,ttl\n{rows}")).unwrap();
    certs(&["issue", "batch", manifest.to_str().unwrap()], &scene.pki);
    scene.notify();
    let posted = scene.receiver.take();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].body["count"], 300);
    assert!(
        posted[0].body["text"]
            .as_str()
            .unwrap()
            .contains("and 295 more")
    );
    scene.notify();
    assert!(scene.receiver.take().is_empty());
}

#[test]
fn several_processes_at_once_tell_once() {
    let scene = Scene::new("processes", "before = [\"30d\"]");
    certs(&["issue", "server", "a.test", "--ttl", "5d"], &scene.pki);
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut command = program(&["status", "--notify"], &scene.pki);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        child.wait().unwrap();
    }
    assert_eq!(scene.receiver.take().len(), 1);
}

#[test]
fn a_message_that_did_not_arrive_is_sent_again_by_the_next_check() {
    let scene = Scene::new("again", "before = [\"30d\"]");
    certs(&["issue", "server", "a.test", "--ttl", "5d"], &scene.pki);
    scene.receiver.answer(404);
    let text = certs_fails(2, &["status", "--notify"], &scene.pki);
    assert!(text.contains("answered with status 404"), "{text}");
    assert!(!text.contains("SECRET"), "{text}");
    scene.receiver.answer(200);
    scene.receiver.take();
    scene.notify();
    assert_eq!(scene.receiver.take().len(), 1);
}

#[test]
fn a_server_that_fails_is_asked_again_at_once() {
    let scene = Scene::new("retry", "");
    scene.receiver.fail_once(503);
    certs(&["notify", "test"], &scene.pki);
    assert_eq!(scene.receiver.take().len(), 2);
}

#[test]
fn what_is_posted_is_signed() {
    let scene = Scene::new("signed", "webhook_secret_file = \"hook.secret\"");
    std::fs::write(scene.pki.join("hook.secret"), "s3cret\n").unwrap();
    certs(&["notify", "test"], &scene.pki);
    let posted = scene.receiver.take();
    assert_eq!(posted[0].body["event"], "test");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"s3cret");
    let tag = ring::hmac::sign(&key, &posted[0].raw);
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        posted[0].header("x-openagents-certs-signature"),
        format!("sha256={hex}")
    );
}

#[test]
fn revoked_certificates_and_stale_lists_are_told() {
    let scene = Scene::new("revoked", "on = [\"revoked\", \"crl-stale\"]");
    certs(&["issue", "server", "a.test", "--ttl", "5d"], &scene.pki);
    certs(&["revoke", "a.test"], &scene.pki);
    scene.notify();
    let posted = scene.receiver.take();
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert_eq!(
        (&posted[0].body["event"], &posted[0].body["severity"]),
        (&"revoked".into(), &"critical".into())
    );
}

#[test]
fn a_program_gets_the_message_on_its_standard_input() {
    let scene = Scene::new("command", "");
    let config = format!(
        "[notify]\ncommand = [\"sh\", \"-c\", \"cat > {0}; echo $OPENAGENTS_CERTS_EVENT >> {0}\"]\n",
        scene.root.join("got").display()
    );
    std::fs::write(scene.pki.join("certs.toml"), config).unwrap();
    certs(&["notify", "test"], &scene.pki);
    let got = std::fs::read_to_string(scene.root.join("got")).unwrap();
    assert!(
        got.starts_with("{\"event\":\"test\"") && got.ends_with("test\n"),
        "{got}"
    );
}

#[test]
fn a_mail_arrives_over_starttls() {
    let Some(mut command) = script("mail_server.py", "aiosmtpd") else {
        return;
    };
    let scene = Scene::new("mail", "");
    let got = scene.root.join("mail");
    let server = scene.root.join("server");
    command.args([
        server.join("server.crt"),
        server.join("server.key"),
        got.clone(),
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let config = format!(
        "[notify]\nsmtp = \"smtp://localhost:{}\"\nsmtp_ca_file = \"{}\"\nfrom = \"Certs <certs@a.test>\"\nto = [\"ops@a.test\"]\n",
        port.trim(),
        server.join("ca.crt").display()
    );
    std::fs::write(scene.pki.join("certs.toml"), config).unwrap();
    let sent = program(&["notify", "test"], &scene.pki).output().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        sent.status.success(),
        "{}",
        String::from_utf8_lossy(&sent.stderr)
    );
    let mail = std::fs::read_to_string(got).unwrap();
    assert!(
        mail.contains("tls: True") && mail.contains("ops@a.test"),
        "{mail}"
    );
    assert!(
        mail.contains("Subject: [openagents-certs] info: Test of"),
        "{mail}"
    );
}

#[test]
fn nobody_to_notify_is_an_error_with_a_hint() {
    let root = scratch("notify-nobody");
    certs(&["ca", "init"], &root);
    for command in [&["notify", "test"][..], &["status", "--notify"]] {
        let text = certs_fails(2, command, &root);
        assert!(
            text.contains("nobody is to be notified") && text.contains("[notify]"),
            "{text}"
        );
    }
    std::fs::write(
        root.join("certs.toml"),
        "[notify]\nwebhook = \"http://a.test/\"\n",
    )
    .unwrap();
    let text = certs_fails(2, &["notify", "test"], &root);
    assert!(
        text.contains("certs.toml:2:") && text.contains("https://"),
        "{text}"
    );
}

#[test]
fn a_watch_tells_of_a_renewal_that_failed_and_when_it_is_over() {
    let scene = Scene::new("watch", "on = [\"renewal-failed\"]");
    certs(&["issue", "server", "a.test", "--ttl", "5d"], &scene.pki);
    let key = scene.pki.join("a.test.key");
    let content = std::fs::read(&key).unwrap();
    std::fs::write(&key, "damaged").unwrap();
    let arguments = [
        "watch",
        "--at-fraction",
        "0.000001",
        "--spread",
        "0",
        "--interval",
        "1s",
    ];
    let mut command = program(&arguments, &scene.pki);
    let mut watch = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let failed = scene.receiver.wait();
    std::fs::write(&key, content).unwrap();
    let resolved = scene.receiver.wait();
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(failed.body["event"], "renewal-failed");
    assert_eq!(failed.body["subject"], "a.test");
    assert_eq!(
        (&resolved.body["event"], &resolved.body["resolves"]),
        (&"resolved".into(), &"renewal-failed".into())
    );
}

/// A PKI directory whose certs.toml names a receiver.
struct Scene {
    root: PathBuf,
    pki: PathBuf,
    receiver: Receiver,
}

impl Scene {
    fn new(name: &str, settings: &str) -> Self {
        let root = scratch(&format!("notify-{name}"));
        let (server, pki) = (root.join("server"), root.join("pki"));
        certs(&["ca", "init"], &server);
        certs(
            &["issue", "server", "localhost", "--name", "server"],
            &server,
        );
        certs(&["ca", "init"], &pki);
        let receiver = Receiver::start(&server);
        let config = format!(
            "[notify]\nwebhook = \"https://localhost:{}/SECRET\"\nwebhook_ca_file = \"{}\"\n{settings}\n",
            receiver.port,
            server.join("ca.crt").display()
        );
        std::fs::write(pki.join("certs.toml"), config).unwrap();
        Scene {
            root,
            pki,
            receiver,
        }
    }

    /// `status --notify`, whatever the status is.
    fn notify(&self) {
        let output = program(&["status", "--notify"], &self.pki)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code().is_some_and(|code| code < 2), "{text}");
    }
}

/// A server that keeps what is posted to it.
struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    posted: Vec<Posted>,
    status: u16,
    fail_once: Option<u16>,
}

#[derive(Clone, Debug)]
struct Posted {
    head: String,
    raw: Vec<u8>,
    body: Value,
}

impl Posted {
    fn header(&self, name: &str) -> String {
        let mut lines = self.head.lines();
        let line = lines.find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.unwrap().split_once(':').unwrap().1.trim().to_owned()
    }
}

impl Receiver {
    fn start(pki: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(pki.join("server.crt")).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(pki.join("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            posted: Vec::new(),
            status: 200,
            fail_once: None,
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, shared) = (Arc::clone(&config), Arc::clone(&shared));
                std::thread::spawn(move || receive(stream.unwrap(), config, &shared));
            }
        });
        Receiver { port, state }
    }

    fn take(&self) -> Vec<Posted> {
        std::mem::take(&mut self.state.lock().unwrap().posted)
    }

    /// The next message.
    fn wait(&self) -> Posted {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let mut state = self.state.lock().unwrap();
            if !state.posted.is_empty() {
                return state.posted.remove(0);
            }
            drop(state);
            assert!(Instant::now() < end, "nothing was posted");
            std::thread::yield_now();
        }
    }

    fn answer(&self, status: u16) {
        self.state.lock().unwrap().status = status;
    }

    fn fail_once(&self, status: u16) {
        self.state.lock().unwrap().fail_once = Some(status);
    }
}

fn receive(stream: TcpStream, config: Arc<ServerConfig>, state: &Mutex<State>) {
    let mut stream = BufReader::new(StreamOwned::new(
        ServerConnection::new(config).unwrap(),
        stream,
    ));
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if !stream.read_line(&mut line).is_ok_and(|count| count > 0) {
                return;
            }
            if line == "\r\n" {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut raw = vec![0; length];
        stream.read_exact(&mut raw).unwrap();
        let status = {
            let mut state = state.lock().unwrap();
            let body = serde_json::from_slice(&raw).unwrap();
            state.posted.push(Posted { head, raw, body });
            state.fail_once.take().unwrap_or(state.status)
        };
        let answer = format!("HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}
