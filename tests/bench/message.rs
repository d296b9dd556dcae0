//! How long messages take: sealing and opening one of 1 KiB, and looking an id up among a million.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes its own files"
)]

use std::path::Path;

use divan::Bencher;
use openagents_certs::message::{Capability, MessageDraft};
use openagents_certs::ops::generate;
use openagents_certs::ops::message::{
    MAX_MESSAGE_BYTES, Pair, Reception, ReceptionRequest, recipients,
};
use openagents_certs::store::{Recording, Replay, ReplayId};
use time::{Duration, OffsetDateTime};

fn main() {
    divan::main();
}

#[divan::bench]
fn seal(bencher: Bencher<'_, '_>) {
    let directory = network();
    let now = OffsetDateTime::now_utc();
    let sender = pair(directory.path(), "alice").sender(None).unwrap();
    let to = recipients(&[directory.path().join("bob.message.crt")], now).unwrap();
    bencher.bench(|| {
        sender
            .seal(&draft(), vec![b'a'; 1024].into(), &to, now)
            .unwrap()
    });
}

#[divan::bench]
fn open(bencher: Bencher<'_, '_>) {
    let directory = network();
    let now = OffsetDateTime::now_utc();
    let sender = pair(directory.path(), "alice").sender(None).unwrap();
    let to = recipients(&[directory.path().join("bob.message.crt")], now).unwrap();
    let message = sender
        .seal(&draft(), vec![b'a'; 1024].into(), &to, now)
        .unwrap();
    let request = ReceptionRequest {
        ca: directory.path().join("ca.crt"),
        revocation_lists: Vec::new(),
        audience: "bob".into(),
        scopes: vec!["read".into()],
        tenant: None,
        max_lifetime: Duration::hours(1),
        max_size: MAX_MESSAGE_BYTES,
        policy: None,
        approved: Vec::new(),
        approvals: Vec::new(),
        replay: None,
        trace: None,
        pair: Some(pair(directory.path(), "bob.message")),
    };
    let reception = Reception::open(&request, now).unwrap();
    bencher.bench(|| {
        reception
            .receive(message.text.as_bytes(), now)
            .unwrap()
            .unwrap()
    });
}

#[divan::bench]
fn record_among_a_million(bencher: Bencher<'_, '_>) {
    let directory = tempfile::tempdir().unwrap();
    let mut replay = Replay::open(&directory.path().join("seen.db")).unwrap();
    let now = OffsetDateTime::now_utc();
    let names: Vec<String> = (0..1_000_000).map(|number| number.to_string()).collect();
    let ids: Vec<_> = names.iter().map(|name| id(name, now)).collect();
    replay
        .record(&ids, now)
        .unwrap()
        .map(Recording::commit)
        .unwrap()
        .unwrap();
    let mut next = 1_000_000_u64;
    bencher.bench_local(|| {
        next += 1;
        let name = next.to_string();
        replay
            .record(&[id(&name, now)], now)
            .unwrap()
            .unwrap()
            .commit()
            .unwrap();
    });
}

fn id(id: &str, now: OffsetDateTime) -> ReplayId<'_> {
    ReplayId {
        kind: "message",
        owner: "alice",
        id,
        until: now + Duration::HOUR,
    }
}

fn network() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut request = generate::Request::new(directory.path(), "localhost".parse().unwrap());
    request.clients = vec!["alice".parse().unwrap(), "bob".parse().unwrap()];
    request.messages = true;
    generate::run(&request, &|_| unreachable!(), OffsetDateTime::now_utc()).unwrap();
    directory
}

fn pair(directory: &Path, name: &str) -> Pair {
    Pair {
        certificate: directory.join(format!("{name}.crt")),
        private_key: directory.join(format!("{name}.key")),
        passphrase_file: None,
    }
}

fn draft() -> MessageDraft {
    MessageDraft {
        audience: "bob".into(),
        scopes: vec!["read".into()],
        capability: Capability::Read,
        ttl: Duration::HOUR,
        subject: None,
        tenant_id: String::new(),
        service_id: None,
        issuer: None,
        trace_id: None,
        idempotency_key: None,
    }
}
