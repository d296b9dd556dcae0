//! Roots that take each other's place: at every stage everything valid is taken by whoever trusts either
//! root, as OpenSSL, gRPC, rustls' webpki and `verify` see it.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration as Seconds;

use crate::peer::clock::Clock;
use crate::peer::{certs, certs_fails, is_here, program, run, scratch, script};
use openagents_certs::authority::rotation::Stage;
use openagents_certs::ops::ca::rotate::{self, Blocking, Gate, Request, StageOutcome, StageReport};
use openagents_certs::ops::{Report as _, Verdict, revoke};
use openagents_certs::pki::algorithm::KeyType;
use openagents_certs::pki::bundle;
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::crl::RevocationReason;
use openagents_certs::store::{self, AuthorityRecord, Opening};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::Value;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

#[test]
fn at_every_stage_everything_valid_is_taken_under_either_root() {
    let scene = Scene::new("rotation-stages");
    certs(&["ca", "rotate", "prepare"], &scene.root);
    scene.keep_roots();
    scene.issue("second");
    scene.everything_is_taken(&["first", "second"]);
    certs(&["ca", "rotate", "activate"], &scene.root);
    scene.issue("third");
    scene.everything_is_taken(&["first", "second", "third"]);
    for name in ["first", "second"] {
        certs(&["revoke", &format!("{name}.test"), "--all"], &scene.root);
    }
    let below = scene.place.join("sub/issuer.crt");
    certs(&["revoke", below.to_str().unwrap()], &scene.root);
    certs(&["ca", "rotate", "retire"], &scene.root);
    scene.issue_here("fourth");
    scene.root_s_own_is_taken(&["third", "fourth"]);
}

#[test]
fn each_root_signs_its_own_list_as_long_as_it_is_trusted() {
    let scene = Scene::new("rotation-lists");
    certs(&["crl"], &scene.root);
    certs(&["ca", "rotate", "prepare"], &scene.root);
    scene.keep_roots();
    certs(&["ca", "rotate", "activate"], &scene.root);
    scene.issue_here("second");
    certs(&["revoke", "first.test", "--all"], &scene.root);
    if !is_here("openssl", &["version"]) {
        return;
    }
    for anchors in scene.anchors() {
        let crl = ["-crl_check_all", "-CRLfile"];
        let list = scene.root.join("crl.pem");
        let taken = |name: &str| {
            let leaf = scene.root.join(name);
            let mut command = openssl(&anchors, &leaf);
            command.args(crl).arg(&list);
            command.arg(&leaf).output().unwrap().status.success()
        };
        assert!(!taken("first.crt"), "{}", anchors.display());
        assert!(taken("second.crt"), "{}", anchors.display());
    }
    let shown = certs(&["crl", "show", "--json"], &scene.root);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let entries: Vec<_> = shown["lists"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&entries[0]["issuer"], &entries[0]["entries"]),
        (&"CN=Root G2".into(), &0.into())
    );
    assert_eq!(
        (&entries[1]["issuer"], &entries[1]["entries"]),
        (&"CN=Root".into(), &2.into())
    );
}

#[test]
fn activation_waits_until_everyone_who_is_named_trusts_the_new_root() {
    let scene = Scene::new("rotation-gate");
    let before = scene.place.join("before.crt");
    std::fs::copy(scene.root.join("ca.crt"), &before).unwrap();
    certs(&["ca", "rotate", "prepare"], &scene.root);
    let network = scene.place.join("network.yaml");
    let yaml = |ca_file: &Path| {
        let (root, ca_file) = (scene.root.display(), ca_file.display());
        let text = format!(
            "network:\n  name: test\n  transports:\n    - type: grpc\n      config:\n        tls:\n          enabled: true\n          cert_file: {root}/first.crt\n          key_file: {root}/first.key\n          ca_file: {ca_file}\n          require_client_cert: true\n"
        );
        std::fs::write(&network, text).unwrap();
    };
    let activate = |option: &str, file: &Path| {
        let arguments = ["ca", "rotate", "activate", option, file.to_str().unwrap()];
        let output = program(&arguments, &scene.root).output().unwrap();
        output.status.code()
    };
    yaml(&before);
    assert_eq!(activate("--trust", &before), Some(1));
    assert_eq!(activate("--network", &network), Some(1));
    assert_eq!(
        activate("--endpoint", Path::new("grpcs://127.0.0.1:1")),
        Some(1)
    );
    assert_eq!(scene.stage(), "prepared");
    yaml(&scene.root.join("ca.crt"));
    assert_eq!(activate("--network", &network), Some(0));
    assert_eq!(scene.stage(), "activated");
}

#[test]
fn a_port_trusts_the_new_root_when_it_takes_a_client_of_it() {
    let scene = Scene::new("rotation-endpoint");
    let before = scene.place.join("before.crt");
    std::fs::copy(scene.root.join("ca.crt"), &before).unwrap();
    certs(&["ca", "rotate", "prepare"], &scene.root);
    let pair = scene.root.join("first");
    let now = scene.root.join("ca.crt");
    for (trusted, code) in [(&before, 1), (&now, 0)] {
        let Some(mut command) = script("serve.py", "grpc") else {
            return;
        };
        let mut server = command
            .arg(&pair)
            .arg(trusted)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let output = server.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut port).unwrap();
        let endpoint = format!("grpcs://127.0.0.1:{}", port.trim());
        let arguments = ["ca", "rotate", "activate", "--endpoint", &endpoint];
        let output = program(&arguments, &scene.root).output().unwrap();
        // It ends with its standard input.
        drop(server.stdin.take());
        server.wait().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{text}");
    }
}

#[test]
fn the_old_root_stays_until_nothing_valid_depends_on_it() {
    let clock = Clock::new(&scratch("rotation-clock"), NOW);
    clock.issue("a.test", NOW);
    clock.issue("b.test", NOW + Duration::DAY);
    clock.issue("again.test", NOW);
    let later = NOW + Duration::DAY * 2;
    rotate::prepare(&request(), &clock.at(), "joe@host", false, later).unwrap();
    let gate = Gate::default();
    rotate::activate(&gate, &clock.at(), (false, false), "joe@host", later).unwrap();
    clock.issue("c.test", later);
    clock.issue("again.test", later);
    let retire = |now| rotate::retire(&clock.at(), (false, false), now).unwrap();
    let refused = retire(later);
    assert_eq!(refused.verdict(), Verdict::No);
    assert_eq!(retirement(refused).1.len(), 2);
    clock.revoke("b.test", RevocationReason::Superseded, later);
    assert_eq!(retirement(retire(later)).1.len(), 1);
    let status = rotate::status(&clock.directory, later).unwrap();
    assert_eq!(
        (status.stage, status.blocking.len(), status.replaced),
        (Stage::Activated, 1, 1)
    );
    // By then, certificates of one year have expired.
    let (is_retired, _, kept) = retirement(retire(NOW + Duration::days(366)));
    assert!(is_retired);
    let kept = kept.unwrap();
    assert!(kept.starts_with(clock.directory.join("rotation")) && kept.exists());
    assert_eq!(certificates(&clock.directory.join("ca.crt")).len(), 1);
    let status = rotate::status(&clock.directory, later).unwrap();
    assert_eq!(status.stage, Stage::None);
}

#[test]
fn the_retired_root_and_its_cross_certificates_are_recorded_as_retired() {
    let clock = Clock::new(&scratch("rotation-retired"), NOW);
    clock.issue("a.test", NOW);
    rotate::prepare(&request(), &clock.at(), "joe@host", false, NOW).unwrap();
    rotate::activate(
        &Gate::default(),
        &clock.at(),
        (false, false),
        "joe@host",
        NOW,
    )
    .unwrap();
    clock.issue("a.test", NOW);
    rotate::retire(&clock.at(), (false, false), NOW).unwrap();
    let inventory = store::open(&clock.directory.join("inventory.db"), Opening::MustExist).unwrap();
    let retired = |record: &&AuthorityRecord| record.retired_at.is_some();
    let records = inventory.authorities().unwrap();
    assert_eq!(records.iter().filter(retired).count(), 1);
    assert!(records[0].retired_at.is_some());
    assert_eq!(inventory.counts(NOW).unwrap().retired, 2);
}

#[test]
fn a_root_is_replaced_again_and_again() {
    let clock = Clock::new(&scratch("rotation-again"), NOW);
    let gate = Gate::default();
    for (turn, name) in ["Root G2", "Root G3", "Root G4"].into_iter().enumerate() {
        let now = NOW + Duration::days(400) * turn as i32;
        clock.issue("a.test", now);
        rotate::prepare(&request(), &clock.at(), "joe@host", false, now).unwrap();
        rotate::activate(&gate, &clock.at(), (false, false), "joe@host", now).unwrap();
        clock.issue("a.test", now);
        let done = rotate::retire(&clock.at(), (true, false), now).unwrap();
        assert_eq!(done.current.subject.to_string(), format!("CN={name}"));
        assert_eq!(
            clock.publish(now).issuer().to_string(),
            format!("CN={name}")
        );
    }
    let plan = revoke::plan(&clock.directory, &[], NOW + Duration::days(800)).unwrap();
    assert_eq!(plan.authority.to_string(), "CN=Root G4");
}

#[test]
fn what_cannot_be_rotated_is_refused_with_what_to_do() {
    let scene = Scene::new("rotation-refusals");
    let rotate =
        |stage: &str, directory: &Path| certs_fails(2, &["ca", "rotate", stage], directory);
    assert!(rotate("prepare", &scene.place.join("sub")).contains("ca intermediate"));
    assert!(rotate("prepare", &scene.place.join("none")).contains("ca init"));
    assert!(rotate("activate", &scene.root).contains("ca rotate prepare"));
    assert!(rotate("retire", &scene.root).contains("ca rotate status"));
    let same = ["ca", "rotate", "prepare", "--common-name", "root"];
    assert!(certs_fails(2, &same, &scene.root).contains("grpc-core"));
    let flat = scene.place.join("flat");
    certs(&["ca", "init", "--path-length", "0"], &flat);
    assert!(rotate("prepare", &flat).contains("path length 0"));
    assert!(!flat.join("rotation").exists());
    certs(&["ca", "rotate", "prepare", "--dry-run"], &scene.root);
    assert!(!scene.root.join("rotation").exists());
    certs(&["ca", "rotate", "prepare"], &scene.root);
    let key = std::fs::read(scene.root.join("rotation/next.key")).unwrap();
    certs(&["ca", "rotate", "prepare"], &scene.root);
    assert_eq!(
        std::fs::read(scene.root.join("rotation/next.key")).unwrap(),
        key
    );
    certs(&["ca", "rotate", "activate"], &scene.root);
    certs(&["ca", "rotate", "activate"], &scene.root);
    assert!(rotate("prepare", &scene.root).contains("ca rotate status"));
}

#[test]
fn what_was_killed_half_way_goes_on_where_it_was() {
    let clock = Clock::new(&scratch("rotation-killed"), NOW);
    clock.issue("a.test", NOW);
    let path = |name: &str| clock.directory.join(name);
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    let old = read("ca.crt");
    rotate::prepare(&request(), &clock.at(), "joe@host", false, NOW).unwrap();
    // Before both were in ca.crt.
    let (next, key) = (read("rotation/next.crt"), read("rotation/next.key"));
    std::fs::write(path("ca.crt"), &old).unwrap();
    clock.issue("b.test", NOW);
    rotate::prepare(&request(), &clock.at(), "joe@host", false, NOW).unwrap();
    assert_eq!(
        (read("rotation/next.crt"), read("rotation/next.key")),
        (next.clone(), key.clone())
    );
    let activate = || {
        rotate::activate(
            &Gate::default(),
            &clock.at(),
            (false, false),
            "joe@host",
            NOW,
        )
    };
    activate().unwrap();
    // Before the second copy of the new root was gone.
    std::fs::write(path("rotation/next.crt"), &next).unwrap();
    std::fs::write(path("rotation/next.key"), &key).unwrap();
    clock.issue("c.test", NOW);
    let outcome = activate().unwrap().outcome;
    assert!(matches!(
        outcome,
        StageOutcome::Activate {
            activated: true,
            ..
        }
    ));
    assert!(!path("rotation/next.key").exists());
    assert_eq!(read("ca.key"), key);
    // Before the old root was moved aside.
    std::fs::write(path("ca.crt"), &next).unwrap();
    clock.issue("d.test", NOW);
    let done = rotate::retire(&clock.at(), (true, false), NOW).unwrap();
    assert!(retirement(done).2.unwrap().exists());
    assert!(!path("rotation/previous.crt").exists());
}

#[test]
fn keys_stay_encrypted_and_their_owner_s_alone() {
    let root = scratch("rotation-encrypted");
    let pass = root.join("pass");
    std::fs::write(&pass, "secret\n").unwrap();
    let given = ["--passphrase-file", pass.to_str().unwrap()];
    let with = |arguments: &[&str]| certs(&[arguments, &given].concat(), &root);
    with(&["ca", "init"]);
    with(&["ca", "rotate", "prepare"]);
    with(&["ca", "rotate", "activate"]);
    with(&["crl"]);
    for key in ["ca.key", "rotation/previous.key"] {
        let path = root.join(key);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("ENCRYPTED PRIVATE KEY"), "{key}");
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    with(&["ca", "rotate", "retire"]);
    assert!(!root.join("rotation/previous.key").exists());
}

#[test]
fn the_constraints_of_the_old_root_are_those_of_the_new_one() {
    let root = scratch("rotation-constraints");
    certs(
        &["ca", "init", "--path-length", "1", "--permit-dns", "test"],
        &root,
    );
    certs(&["ca", "rotate", "prepare"], &root);
    let old = certificates(&root.join("ca.crt")).swap_remove(0);
    for cross in certificates(&root.join("rotation/cross.crt")) {
        let constraints = cross.name_constraints().unwrap().unwrap();
        assert_eq!(
            constraints.clauses(),
            old.name_constraints().unwrap().unwrap().clauses()
        );
    }
    certs(&["issue", "server", "a.test"], &root);
    certs(&["ca", "rotate", "activate"], &root);
    certs(&["issue", "server", "b.test"], &root);
    certs_fails(1, &["issue", "server", "b.example"], &root);
    for name in ["a.test.crt", "b.test.crt"] {
        let leaf = root.join(name);
        certs(
            &["verify", "--profile", "rfc5280", leaf.to_str().unwrap()],
            &root,
        );
    }
}

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05 UTC);

fn request() -> Request {
    Request {
        subject: Vec::new(),
        lifetime: None,
        key_type: KeyType::P256,
    }
}

fn certificates(path: &Path) -> Vec<Certificate> {
    bundle::certificates(&std::fs::read(path).unwrap()).unwrap()
}

fn openssl(anchors: &Path, leaf: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict", "-CAfile"]);
    command.arg(anchors).arg("-untrusted").arg(leaf);
    command
}

/// A root named `Root` and a CA below it, and the roots of a roll-over by themselves.
struct Scene {
    place: PathBuf,
    root: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Self {
        let place = scratch(name);
        let root = place.join("root");
        certs(&["ca", "init", "--common-name", "Root"], &root);
        let parent = ["--parent", root.to_str().unwrap()];
        let made = ["ca", "intermediate", "--common-name", "Sub"];
        certs(&[&made[..], &parent[..]].concat(), &place.join("sub"));
        let scene = Scene { place, root };
        scene.issue("first");
        scene
    }

    /// A server's pair of this name here, a client's of the same name below, and one elsewhere.
    fn issue(&self, name: &str) {
        self.issue_here(name);
        let out = self.place.join("out");
        let dns = format!("{name}.test");
        let out = [
            "issue",
            "client",
            &dns,
            "--name",
            name,
            "--out",
            out.to_str().unwrap(),
        ];
        certs(&out, &self.root);
        certs(
            &["issue", "client", &dns, "--name", name],
            &self.place.join("sub"),
        );
    }

    fn issue_here(&self, name: &str) {
        let dns = format!("{name}.test");
        certs(
            &["issue", "server", "localhost", &dns, "--name", name],
            &self.root,
        );
    }

    /// Puts aside what clients have that were given one root, or both in either order.
    fn keep_roots(&self) {
        let text = std::fs::read_to_string(self.root.join("ca.crt")).unwrap();
        let (old, new) = text.split_at(text.rfind("-----BEGIN").unwrap());
        let both = [[old, new].concat(), [new, old].concat()];
        for (path, text) in self.anchors().iter().zip([old, new, &both[0], &both[1]]) {
            std::fs::write(path, text).unwrap();
        }
    }

    fn anchors(&self) -> [PathBuf; 4] {
        ["old.crt", "new.crt", "old-new.crt", "new-old.crt"].map(|name| self.place.join(name))
    }

    fn stage(&self) -> String {
        let status = certs(&["ca", "rotate", "status", "--json"], &self.root);
        let status: Value = serde_json::from_str(&status).unwrap();
        status["stage"].as_str().unwrap().to_owned()
    }

    fn everything_is_taken(&self, names: &[&str]) {
        for name in names {
            let servers = self.root.join(name);
            for place in ["out", "sub"] {
                let client = self.place.join(place).join(name);
                self.is_taken(&client, KeyUsage::client_auth());
                self.speak(&servers, &client);
            }
        }
        self.root_s_own_is_taken(names);
    }

    fn root_s_own_is_taken(&self, names: &[&str]) {
        for name in names {
            self.is_taken(&self.root.join(name), KeyUsage::server_auth());
        }
    }

    /// By OpenSSL, webpki and ourselves, under all anchors.
    fn is_taken(&self, base: &Path, usage: KeyUsage) {
        let leaf = base.with_extension("crt");
        for anchors in self.anchors() {
            let what = format!("{} under {}", leaf.display(), anchors.display());
            let verify = [
                "verify",
                "--ca",
                anchors.to_str().unwrap(),
                leaf.to_str().unwrap(),
            ];
            certs(&verify, &self.root);
            if is_here("openssl", &["version"]) {
                run(openssl(&anchors, &leaf).arg(&leaf));
            }
            let chain: Vec<_> = certificates(&leaf).iter().map(der).collect();
            let roots: Vec<_> = certificates(&anchors).iter().map(der).collect();
            let roots: Vec<_> = roots
                .iter()
                .map(|root| anchor_from_trusted_cert(root).unwrap())
                .collect();
            let end_entity = EndEntityCert::try_from(&chain[0]).unwrap();
            let now = UnixTime::since_unix_epoch(Seconds::from_secs(
                certificates(&leaf)[0].not_before().unix_timestamp() as u64 + 301,
            ));
            let taken = end_entity.verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &roots,
                &chain[1..],
                now,
                usage,
                None,
                None,
            );
            assert!(taken.is_ok(), "{what}: {:?}", taken.err());
        }
    }

    /// gRPC, with all anchors on either side.
    fn speak(&self, server: &Path, client: &Path) {
        if let Some(mut script) = script("rotation_peers.py", "grpc") {
            run(script.arg(server).arg(client).args(self.anchors()));
        }
    }
}

fn der(certificate: &Certificate) -> CertificateDer<'static> {
    CertificateDer::from(certificate.as_der().to_vec())
}

/// Whether the old root was retired, what prevented it, and where its key is kept.
fn retirement(report: StageReport) -> (bool, Vec<Blocking>, Option<PathBuf>) {
    match report.outcome {
        StageOutcome::Retire {
            retired,
            blocking,
            kept,
        } => (retired, blocking, kept),
        StageOutcome::Prepare {} | StageOutcome::Activate { .. } => panic!("another command"),
    }
}
