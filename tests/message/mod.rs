//! Messages between agents: what is refused and why, what is recorded, and what other JOSE libraries say.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

mod commands;
mod denials;
mod encryption;
mod peers;
mod requests;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use openagents_certs::message::{
    Accepted, Denial, Event, Expectations, MessageDraft, OpeningKey, Receiver, Sender, Trust,
};
use openagents_certs::ops::message::Pair;
use openagents_certs::pki::bundle;
use openagents_certs::store::StoreError;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// Alice and Bob, each with a pair to sign and one to receive, under one CA; nobody writes there.
static AGENTS: LazyLock<Scene> = LazyLock::new(|| {
    let scene = Scene::new();
    let clients = ["--client", "alice", "--client", "bob", "--messages"];
    scene.succeed(
        &[&["generate", "-q", "-o", "."], &clients[..]].concat(),
        b"",
    );
    scene
});

/// A directory in which the program runs.
struct Scene {
    directory: TempDir,
}

impl Scene {
    fn new() -> Self {
        Scene {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn pair(&self, name: &str) -> Pair {
        Pair {
            certificate: self.path(&format!("{name}.crt")),
            private_key: self.path(&format!("{name}.key")),
            passphrase_file: None,
        }
    }

    fn sender(&self, name: &str) -> Sender {
        self.pair(name).sender(None).unwrap()
    }

    fn opening_key(&self, name: &str) -> OpeningKey {
        self.pair(name).opening_key().unwrap()
    }

    /// A receiver called bob who asks for scope read.
    fn receiver(&self) -> Receiver {
        self.receiver_with(expectations(), &[])
    }

    fn receiver_with(&self, expectations: Expectations, lists: &[PathBuf]) -> Receiver {
        let anchors = bundle::certificates(&std::fs::read(self.path("ca.crt")).unwrap()).unwrap();
        let lists = lists
            .iter()
            .map(|path| openagents_certs::ops::crl::read_lists(path).unwrap());
        Receiver::new(expectations, Trust::new(anchors, lists.flatten().collect()))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("OPENAGENTS_CERTS_DIR", ".")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.command(arguments).spawn().unwrap();
        // A program that reads nothing may have ended.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    fn succeed(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.run(arguments, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        output.stdout
    }

    /// The reason in the last line, with exit code 1 and nothing on standard output.
    fn denied(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.run(arguments, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty());
        let last = errors.lines().last().unwrap();
        last.strip_prefix("denied: ").unwrap().to_owned()
    }
}

fn expectations() -> Expectations {
    Expectations {
        audience: "bob".into(),
        scopes: vec!["read".into()],
        tenant: None,
        max_lifetime: Duration::hours(1),
        max_size: 1 << 20,
        policy: None,
        approved: Vec::new(),
    }
}

fn draft() -> MessageDraft {
    MessageDraft {
        audience: "bob".into(),
        scopes: vec!["read".into(), "write".into()],
        capability: openagents_certs::message::Capability::Read,
        ttl: Duration::minutes(1),
        subject: None,
        tenant_id: "tenant_a".into(),
        service_id: None,
        issuer: None,
        trace_id: None,
        idempotency_key: None,
    }
}

/// The envelope of a valid message, to be changed.
fn envelope(now: OffsetDateTime) -> Value {
    json!({
        "traceId": "t1", "messageId": "m1", "idempotencyKey": "i1",
        "issuedAt": moment(now), "expiresAt": moment(now + Duration::minutes(1)),
        "caller": {"subject": "alice", "tenantId": "tenant_a", "serviceId": "alice"},
        "auth": {"issuer": "x", "audience": "bob", "scopes": ["read"]},
        "capability": "read", "payload": {"n": 1}
    })
}

fn moment(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap()
}

/// The header of Alice's messages, to be changed.
fn header() -> Value {
    json!({ "alg": "ES256", "typ": "x", "x5c": [Base64::encode_string(&der(&AGENTS, "alice.crt"))] })
}

/// A message that Alice signed, whatever it says.
fn forged(header: &Value, payload: &str) -> String {
    let header = Base64UrlUnpadded::encode_string(header.to_string().as_bytes());
    let signed = format!(
        "{header}.{}",
        Base64UrlUnpadded::encode_string(payload.as_bytes())
    );
    let random = SystemRandom::new();
    let key = der(&AGENTS, "alice.key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &random).unwrap();
    let signature = key.sign(&random, signed.as_bytes()).unwrap();
    format!(
        "{signed}.{}",
        Base64UrlUnpadded::encode_string(signature.as_ref())
    )
}

fn der(scene: &Scene, name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(scene.path(name)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    Base64::decode_vec(&lines.collect::<String>()).unwrap()
}

fn receive(
    receiver: &mut Receiver,
    message: impl AsRef<[u8]>,
    key: Option<&OpeningKey>,
    now: OffsetDateTime,
) -> Result<Accepted, Denial> {
    let log = &mut |_: &Event<'_>| Ok::<_, StoreError>(());
    receiver
        .receive(message.as_ref(), key, None, log, now)
        .unwrap()
}

/// The reason for which a message is denied now.
fn reason(receiver: &mut Receiver, message: &str) -> &'static str {
    match receive(receiver, message, None, OffsetDateTime::now_utc()) {
        Ok(_) => "allowed",
        Err(denial) => denial.reason.name(),
    }
}
