//! What is promised of renewals: to readers of the files, to whoever kills them, and over the years.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openagents_certs::authority::{AuthorityAt, Recording};
use openagents_certs::keys::{Password, Signer};
use openagents_certs::ops::ca::{self, rotate};
use openagents_certs::ops::issue::{self, End, Key};
use openagents_certs::ops::renew::{self, Follow, Request, State, Timing};
use openagents_certs::ops::{Report as _, Verdict, crl, revoke};
use openagents_certs::pki::algorithm::KeyType;
use openagents_certs::pki::crl::RevocationReason;
use openagents_certs::pki::{bundle, pem};
use time::OffsetDateTime;
use time::macros::datetime;

#[test]
fn a_network_lives_for_three_years() {
    if !is_there("openssl") {
        println!("not checked: openssl is not there");
        return;
    }
    let scene = Scene::new();
    scene.issue("server", "server", NOW);
    for agent in ["kept", "revoked", "lost"] {
        scene.issue("client", agent, NOW);
    }
    let mut serials = HashMap::new();
    for month in 0..36 {
        let now = NOW + time::Duration::days(30 * month);
        scene.live_through(month, now);
        let request = Request {
            rekey: month % 12 == 11,
            ..due()
        };
        let report = scene.renew(&request, now);
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        scene.publish_revocations(now);
        for (name, purpose) in [("server", "sslserver"), ("kept", "sslclient")] {
            scene.assert_pair(name);
            for anchors in anchors_in_use(month) {
                let told = scene.verify(&format!("{name}.crt"), purpose, anchors, now);
                assert_eq!(told, "OK", "{name}, month {month}, {anchors}");
            }
            serials.insert((name, scene.serial(name)), month);
        }
        let told = scene.verify("revoked.crt", "sslclient", "ca.crt", now);
        match month {
            0..6 => assert_eq!(told, "OK"),
            6..9 => assert_eq!(told, "certificate revoked"),
            9..20 => assert!(
                told.contains("revoked") || told.contains("expired"),
                "{told}"
            ),
            _ => assert_eq!(told, "unable to get local issuer certificate"),
        }
        if (11..20).contains(&month) {
            assert_eq!(
                scene.verify("away/lost.crt", "sslclient", "ca.crt", now),
                "certificate has expired"
            );
        }
    }
    // Every 60 days, at every second look.
    assert_eq!(serials.len(), 2 * 18);
}

#[test]
fn a_reader_never_finds_a_pair_that_does_not_match() {
    let mismatches = read_while_renewing(&Request {
        due_only: false,
        ..due()
    });
    assert_eq!(mismatches, 0);
}

#[test]
fn with_new_keys_a_reader_that_finds_a_mismatch_and_reads_again_is_satisfied() {
    let mismatches = read_while_renewing(&Request {
        due_only: false,
        rekey: true,
        ..due()
    });
    println!("{mismatches} of {READS} reads had to be repeated");
}

#[test]
fn whatever_is_killed_when_leaves_a_pair_and_nothing_to_clean_up() {
    let scene = Scene::new();
    scene.issue("server", "server", NOW);
    for moment in 0..40 {
        let mut child = scene.start(&["renew", "server", "--rekey", "--combined"]);
        std::thread::sleep(Duration::from_micros(moment * 1500));
        child.kill().unwrap();
        child.wait().unwrap();
        scene.assert_pair("server");
    }
    succeeded(&scene.run(&["renew", "server", "--rekey", "--combined"]));
    scene.assert_pair("server");
    let both = [
        std::fs::read(scene.path("server.crt")),
        std::fs::read(scene.path("server.key")),
    ];
    assert_eq!(
        std::fs::read(scene.path("server.pem")).unwrap(),
        both.map(Result::unwrap).concat()
    );
    let left = std::fs::read_dir(scene.0.path()).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = left
        .filter(|name| !name.starts_with("inventory.db"))
        .collect();
    assert_eq!(left.len(), 5, "{left:?}");
}

#[test]
fn where_there_is_no_room_the_old_pair_stays() {
    for arguments in [&["renew", "server"][..], &["renew", "server", "--rekey"]] {
        let scene = Scene::new();
        scene.issue("server", "server", NOW);
        let names = ["server.crt", "server.key"];
        let read = || names.map(|name| std::fs::read(scene.path(name)).unwrap());
        let before = read();
        for blocks in 0..2 {
            let script = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
            let output = Command::new("sh")
                .args(["-c", &script, PROGRAM, "-C"])
                .arg(scene.0.path())
                .args(arguments)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
            assert_eq!(read(), before);
        }
        succeeded(&scene.run(arguments));
        assert_ne!(read(), before);
    }
}

#[test]
fn exit_codes_tell_what_stands_in_the_files() {
    let scene = Scene::new();
    let now = OffsetDateTime::now_utc();
    scene.issue("server", "server", now);
    for (arguments, code, is_new) in EXIT_CODES {
        let before = scene.serial("server");
        let output = scene.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        assert_eq!(scene.serial("server") != before, is_new, "{arguments:?}");
        assert_eq!(
            output.stderr.is_empty(),
            code == 0,
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn processes_at_once_renew_what_is_due_once() {
    let scene = Scene::new();
    scene.issue("server", "server", NOW - time::Duration::days(400));
    let children: Vec<_> = (0..8)
        .map(|_| scene.start(&["renew", "--due", "--systemd", "--json"]))
        .collect();
    let renewed = children.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        succeeded(&output);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report["renewed"].as_u64().unwrap()
    });
    assert_eq!(renewed.sum::<u64>(), 1);
    scene.assert_pair("server");
}

#[test]
fn a_watch_renews_tells_runs_and_ends() {
    let scene = Scene::new();
    scene.issue("server", "server", NOW - time::Duration::days(400));
    let said = scene.path("said");
    let script = format!("echo \"$OPENAGENTS_CERTS_NAME$1\" > '{}'", said.display());
    let watch = scene.start(&["watch", "--json", "--exec", "sh", "-c", &script, "x", "a b"]);
    let begun = std::time::Instant::now();
    while !said.exists() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let ended = Command::new("kill")
        .args(["-TERM", &watch.id().to_string()])
        .status();
    assert!(ended.unwrap().success());
    let output = watch.wait_with_output().unwrap();
    succeeded(&output);
    assert_eq!(std::fs::read_to_string(&said).unwrap(), "servera b\n");
    let events = text(&output.stdout);
    let kinds = events.lines().map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["event"].as_str().unwrap().to_owned()
    });
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        ["started", "renewed", "waiting", "stopped"]
    );
}

/// Arguments, what they end with, and whether a new certificate is in place then.
const EXIT_CODES: [(&[&str], i32, bool); 9] = [
    (&["renew"], 0, false),
    (&["renew", "--exit-code"], 1, false),
    (&["renew", "--due", "--systemd"], 0, false),
    (&["renew", "nobody"], 2, false),
    (
        &[
            "renew",
            "server",
            "--exec",
            "sh",
            "-c",
            "exit 3",
            "--rollback",
        ],
        2,
        false,
    ),
    (
        &[
            "renew",
            "server",
            "--signal",
            "/nonexistent:HUP",
            "--rollback",
        ],
        2,
        false,
    ),
    (
        &[
            "renew",
            "server",
            "--probe",
            "grpcs://127.0.0.1:1",
            "--probe-timeout",
            "1s",
            "--rollback",
        ],
        2,
        false,
    ),
    (&["renew", "server", "--exec", "/nonexistent"], 1, true),
    (&["renew", "server", "--exec", "true"], 0, true),
];

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);
const PROGRAM: &str = env!("CARGO_BIN_EXE_openagents-certs");
const READS: usize = 10_000;
const RENEWALS: usize = 50;
/// How many reads there are at least between two renewals, so that no reader meets two.
const READS_BETWEEN: usize = 20;

/// The trust anchors that peers have: while there are two roots, some have the old one alone.
fn anchors_in_use(month: i64) -> &'static [&'static str] {
    if (14..20).contains(&month) {
        &["ca.crt", "anchors-of-old"]
    } else {
        &["ca.crt"]
    }
}

/// Renews while another thread reads the pair again and again; how many reads did not match, all of which
/// matched when they were repeated.
fn read_while_renewing(request: &Request) -> usize {
    let scene = Scene::new();
    scene.issue("server", "server", NOW);
    let (reads, renewals) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_done =
        || reads.load(Ordering::Relaxed) >= READS && renewals.load(Ordering::Relaxed) >= RENEWALS;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut pair = Reader::of(&scene);
            let mut mismatches = 0;
            while !is_done() {
                if !pair.matches() {
                    mismatches += 1;
                    assert!(pair.matches(), "read twice, and no match");
                }
                reads.fetch_add(1, Ordering::Relaxed);
            }
            mismatches
        });
        let mut now = NOW;
        while !is_done() && !reader.is_finished() {
            let before = reads.load(Ordering::Relaxed);
            scene.renew(request, now);
            now += time::Duration::SECOND;
            renewals.fetch_add(1, Ordering::Relaxed);
            while reads.load(Ordering::Relaxed) < before + READS_BETWEEN && !reader.is_finished() {
                std::thread::yield_now();
            }
        }
        reader.join().unwrap()
    })
}

/// Reads a pair, and remembers what it has seen.
struct Reader {
    paths: [PathBuf; 2],
    public_keys: HashMap<Vec<u8>, Vec<u8>>,
}

impl Reader {
    fn of(scene: &Scene) -> Self {
        let paths = ["server.crt", "server.key"].map(|name| scene.path(name));
        Reader {
            paths,
            public_keys: HashMap::new(),
        }
    }

    fn matches(&mut self) -> bool {
        let [certificate, key] = [0, 1].map(|at| std::fs::read(&self.paths[at]).unwrap());
        let certificate = self.public_key(certificate, |text| {
            bundle::certificates(text).unwrap()[0]
                .public_key_info()
                .to_vec()
        });
        let key = self.public_key(key, |text| {
            let block = pem::blocks(text).unwrap().remove(0);
            Signer::from_pkcs8(&block.contents)
                .unwrap()
                .public_key_info()
                .to_vec()
        });
        certificate == key
    }

    fn public_key(&mut self, content: Vec<u8>, read: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let known = self.public_keys.entry(content);
        let content = known.key().clone();
        known.or_insert_with(|| read(&content)).clone()
    }
}

/// What is due, without more ado.
fn due() -> Request {
    Request {
        names: None,
        labels: Vec::new(),
        due_only: true,
        timing: Timing {
            spread: 0.0,
            ..Timing::default()
        },
        rekey: false,
        key_type: None,
        combined: false,
        force: false,
        dry_run: false,
        must_renew: false,
        requested_by: "joe@host".into(),
        follow: Follow::default(),
    }
}

/// A root for ten years from 2025 on.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let request = ca::Request {
            directory: directory.path().to_owned(),
            subject: Vec::new(),
            lifetime: "10y".parse().unwrap(),
            key_type: KeyType::P256,
            path_length: None,
            name_constraints: openagents_certs::pki::general_name::NameConstraints::default(),
        };
        ca::init::run(&request, None, NOW - time::Duration::days(500)).unwrap();
        Scene(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn authority(&self) -> AuthorityAt<'_> {
        AuthorityAt {
            directory: self.0.path(),
            material: None,
            recording: Recording::Directory,
            passphrase: &|_: &Path| Ok(Password::from_file(b"")),
        }
    }

    /// A pair for 90 days.
    fn issue(&self, profile: &str, base: &str, now: OffsetDateTime) {
        let request = issue::Request {
            profile: issue::profile(self.0.path(), profile).unwrap(),
            names: vec![format!("{base}.test").parse().unwrap()],
            spiffe: None,
            common_name: issue::CommonName::First,
            start: None,
            end: Some(End::After("90d".parse().unwrap())),
            key: Key::New(None),
            base: Some(base.into()),
            requested_by: "joe@host".into(),
            note: None,
            labels: openagents_certs::store::Labels::default(),
        };
        issue::run(&request, &self.authority(), self.0.path(), false, now).unwrap();
    }

    fn renew(&self, request: &Request, now: OffsetDateTime) -> renew::Renewal {
        let report = renew::run(request, &self.authority(), now).unwrap();
        assert!(
            report
                .certificates
                .iter()
                .all(|one| one.state != State::RolledBack)
        );
        report
    }

    fn revoke(&self, base: &str, now: OffsetDateTime) {
        let request = revoke::Request {
            targets: vec![OsString::from(self.path(base).with_extension("crt"))],
            all: false,
            labels: Vec::new(),
            reason: RevocationReason::CessationOfOperation,
            invalidity_date: None,
            dry_run: false,
        };
        revoke::run(&request, &self.authority(), now).unwrap();
    }

    fn publish_revocations(&self, now: OffsetDateTime) {
        let request = crl::Request {
            next_update: None,
            copy: None,
            der: false,
        };
        crl::run(&request, &self.authority(), now).unwrap();
    }

    /// What happens to the network in a month, other than renewals.
    fn live_through(&self, month: i64, now: OffsetDateTime) {
        match month {
            6 => self.revoke("revoked", now),
            8 => {
                std::fs::create_dir(self.path("away")).unwrap();
                for name in ["lost.crt", "lost.key"] {
                    let away = self.path("away").join(name);
                    std::fs::rename(self.path(name), away).unwrap();
                }
            }
            14 => {
                std::fs::copy(self.path("ca.crt"), self.path("anchors-of-old")).unwrap();
                self.prepare_new_root(now);
            }
            15 => self.activate_new_root(now),
            20 => {
                let retired = rotate::retire(&self.authority(), (false, false), now).unwrap();
                assert_eq!(retired.verdict(), Verdict::Yes);
            }
            _ => {}
        }
    }

    fn prepare_new_root(&self, now: OffsetDateTime) {
        let request = rotate::Request {
            subject: Vec::new(),
            lifetime: None,
            key_type: KeyType::P256,
        };
        rotate::prepare(&request, &self.authority(), "joe@host", false, now).unwrap();
    }

    fn activate_new_root(&self, now: OffsetDateTime) {
        let gate = rotate::Gate {
            trust: vec![self.path("ca.crt")],
            ..rotate::Gate::default()
        };
        let activated = rotate::activate(&gate, &self.authority(), (false, false), "joe@host", now);
        assert_eq!(activated.unwrap().verdict(), Verdict::Yes);
    }

    /// What OpenSSL says of a certificate at a moment: OK, or its first complaint.
    fn verify(&self, name: &str, purpose: &str, anchors: &str, now: OffsetDateTime) -> String {
        let output = Command::new("openssl")
            .args(["verify", "-crl_check", "-purpose", purpose, "-attime"])
            .arg(now.unix_timestamp().to_string())
            .arg("-CAfile")
            .arg(self.path(anchors))
            .arg("-untrusted")
            .arg(self.path(name))
            .arg("-CRLfile")
            .arg(self.path("crl.pem"))
            .arg(self.path(name))
            .output()
            .unwrap();
        if output.status.success() {
            return "OK".into();
        }
        let said = text(&output.stderr);
        let complaint = said.lines().find_map(|line| line.split_once("lookup: "));
        complaint.map_or(said.clone(), |(_, complaint)| complaint.to_owned())
    }

    fn serial(&self, base: &str) -> String {
        let content = std::fs::read(self.path(base).with_extension("crt")).unwrap();
        bundle::certificates(&content).unwrap()[0]
            .serial()
            .to_string()
    }

    fn assert_pair(&self, base: &str) {
        let mut pair = Reader {
            paths: ["crt", "key"].map(|extension| self.path(base).with_extension(extension)),
            public_keys: HashMap::new(),
        };
        assert!(pair.matches(), "{base}");
    }

    fn start(&self, arguments: &[&str]) -> std::process::Child {
        Command::new(PROGRAM)
            .arg("-C")
            .arg(self.0.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.start(arguments).wait_with_output().unwrap()
    }
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("version").output().is_ok()
}
