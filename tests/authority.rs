//! The authority from outside: what it takes in, what it grants, what it records.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[test]
fn sixty_four_issuers_at_once_leave_sixty_four_entries_and_whole_pairs() {
    let scene = Scene::with_authority();
    let children: Vec<_> = (0..64)
        .map(|n| {
            scene.start(
                &["issue", "server", &format!("n{n}.test"), "--out", "out"],
                &[],
            )
        })
        .collect();
    for child in children {
        succeeded(&child.wait_with_output().unwrap());
    }
    let entries = scene.json(&["list"]);
    let entries = entries["certificates"].as_array().unwrap();
    assert_eq!(entries.len(), 64);
    for n in 0..64 {
        let pair = format!("out/n{n}.test.crt");
        let key = format!("out/n{n}.test.key");
        succeeded(&scene.run(&["verify", &pair, "--key", &key, "--ca", "certs/ca.crt"]));
    }
}

#[test]
fn what_cannot_be_recorded_is_not_released() {
    let scene = Scene::with_authority();
    let limited = format!(
        "ulimit -f 0; exec {} issue client a --stdout -C certs",
        env!("CARGO_BIN_EXE_openagents-certs")
    );
    let output = Command::new("sh")
        .args(["-c", &limited])
        .current_dir(&scene.directory)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(output.stdout, b"");
}

#[test]
fn an_intermediate_is_signed_on_another_machine_and_taken_back() {
    let scene = Scene::with_authority();
    succeeded(&scene.run(&[
        "csr",
        "create",
        "--ca",
        "-C",
        "sub",
        "--common-name",
        "Team CA",
    ]));
    succeeded(&scene.run(&[
        "csr",
        "sign",
        "sub/ca.csr",
        "--profile",
        "intermediate",
        "--out",
        "signed",
        "--name",
        "sub",
    ]));
    succeeded(&scene.run(&[
        "ca",
        "import",
        "-C",
        "sub",
        "--cert",
        "signed/sub.crt",
        "--chain",
        "certs/ca.crt",
    ]));
    succeeded(&scene.run(&["issue", "peer", "-C", "sub", "a.test", "--out", "out"]));
    assert_eq!(
        scene
            .read("out/a.test.crt")
            .matches("BEGIN CERTIFICATE")
            .count(),
        2
    );
    succeeded(&scene.run(&[
        "verify",
        "out/a.test.crt",
        "--ca",
        "certs/ca.crt",
        "--host",
        "a.test",
    ]));
    let refused = scene.run(&["ca", "intermediate", "-C", "below", "--parent", "sub"]);
    assert_eq!(
        refused.status.code(),
        Some(2),
        "a path length of 0 lets no CA follow"
    );
}

#[test]
fn the_issuer_is_the_imported_subject_byte_for_byte() {
    let scene = Scene::new();
    if !is_there("openssl") {
        println!("openssl was not there: no foreign CA was taken in");
        return;
    }
    let subject = "/C=CH/O=Acm\u{e9}/OU=a+emailAddress=x@example.org/CN=Old Root";
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-keyout", "old.key", "-out", "old.crt",
            "-days", "30",
        ])
        .args([
            "-passout",
            "pass:secret",
            "-utf8",
            "-subj",
            subject,
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ])
        .current_dir(&scene.directory)
        .output();
    succeeded(&made.unwrap());
    scene.write("passphrase", "secret\n");
    let with = ["--passphrase-file", "passphrase"];
    succeeded(
        &scene.run(
            &[
                &["ca", "import", "--cert", "old.crt", "--key", "old.key"],
                &with[..],
            ]
            .concat(),
        ),
    );
    assert!(scene.read("certs/ca.key").contains("ENCRYPTED"));
    succeeded(&scene.run(&[&["issue", "server", "a.test", "--out", "out"], &with[..]].concat()));
    let verified = Command::new("openssl")
        .args([
            "verify",
            "-x509_strict",
            "-CAfile",
            "certs/ca.crt",
            "out/a.test.crt",
        ])
        .current_dir(&scene.directory)
        .output();
    succeeded(&verified.unwrap());
    let der = |name: &str| {
        openagents_certs::pki::bundle::certificates(scene.read(name).as_bytes())
            .unwrap()
            .remove(0)
    };
    assert_eq!(
        der("out/a.test.crt").issuer().as_der(),
        der("old.crt").subject().as_der()
    );
}

#[test]
fn a_request_gets_the_names_that_were_given_and_nothing_it_smuggles() {
    let scene = Scene::with_authority();
    succeeded(&scene.run(&[
        "csr",
        "create",
        "good.test",
        "evil.test",
        "spiffe://td/other",
        "--name",
        "r",
    ]));
    let report = scene.json(&[
        "issue",
        "server",
        "good.test",
        "--csr",
        "r.csr",
        "--out",
        "out",
    ]);
    assert_eq!(
        report["subject_alt_names"],
        serde_json::json!(["dns:good.test"])
    );
    let dropped = report["requested"]["names"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|name| name["granted"] == false);
    assert_eq!(dropped.count(), 2);
    succeeded(&scene.run(&["csr", "create", "--ca", "-C", "sub", "--common-name", "Sub"]));
    succeeded(&scene.run(&[
        "csr",
        "sign",
        "sub/ca.csr",
        "--san",
        "a.test",
        "--name",
        "a",
        "--out",
        "out",
    ]));
    let shown = scene.json(&["inspect", "out/a.crt"]).to_string();
    assert!(
        shown.contains("\"ca\":false") && !shown.contains("keyCertSign"),
        "{shown}"
    );
}

#[test]
fn what_lies_outside_a_policy_is_refused_by_the_rule() {
    let scene = Scene::with_authority();
    scene.write(
        "certs/certs.toml",
        "[profiles.server.policy]\npermitted_dns = [\"**.corp.test\"]\n",
    );
    succeeded(&scene.run(&["issue", "server", "a.corp.test"]));
    let refused = scene.run(&["issue", "server", "evil.test"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("policy.permitted_dns"),
        "{}",
        stderr(&refused)
    );
    assert!(!scene.directory.join("certs/evil.test.crt").exists());
    scene.write("certs/certs.toml", "[profiles.server]\npurpos = 1\n");
    let unknown = scene.run(&["issue", "server", "a.corp.test", "--name", "b"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        stderr(&unknown).contains("certs.toml:2:1"),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn a_name_outside_the_cas_constraints_is_refused() {
    let scene = Scene::new();
    succeeded(&scene.run(&["ca", "init", "--permit-dns", "corp.test"]));
    succeeded(&scene.run(&["issue", "server", "a.corp.test"]));
    let refused = scene.run(&["issue", "server", "evil.test"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("evil.test"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_job_issues_from_its_environment_and_leaves_nothing() {
    let scene = Scene::with_authority();
    let secrets = [
        ("CA_CERT", scene.read("certs/ca.crt")),
        ("CA_KEY", scene.read("certs/ca.key")),
    ];
    let job = [
        "issue",
        "client",
        "ci-job",
        "--ttl",
        "15m",
        "--ca-cert",
        "env:CA_CERT",
        "--ca-key",
        "env:CA_KEY",
    ];
    let elsewhere = ["-C", "nowhere", "--stdout"];
    let asked = [&job[..], &elsewhere, &["--inventory", "none"]].concat();
    let output = scene.start(&asked, &secrets).wait_with_output().unwrap();
    succeeded(&output);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(
        (
            text.matches("BEGIN CERTIFICATE").count(),
            text.matches("BEGIN PRIVATE KEY").count()
        ),
        (1, 1)
    );
    assert!(stderr(&output).contains("neither listed nor revoked"));
    let unasked = scene
        .start(&[&job[..], &elsewhere].concat(), &secrets)
        .wait_with_output()
        .unwrap();
    assert_eq!(unasked.status.code(), Some(2));
    assert!(
        stderr(&unasked).contains("--inventory none"),
        "{}",
        stderr(&unasked)
    );
    assert!(!scene.directory.join("nowhere").exists());
}

#[test]
fn a_batch_goes_on_past_a_bad_row_and_keeps_the_order() {
    let scene = Scene::with_authority();
    let mut manifest: String = (0..600)
        .map(|n| format!("{{\"profile\":\"client\",\"names\":[\"a{n}.test\"],\"ttl\":\"24h\",\"name\":\"a{n}\"}}\n"))
        .collect();
    manifest.push_str("{\"profile\":\"client\",\"names\":[\"x..y\"]}\nno json\n");
    scene.write("m.jsonl", &manifest);
    let output = scene.run(&["issue", "batch", "m.jsonl", "--stdout"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("m.jsonl:601:") && stderr(&output).contains("m.jsonl:602:"));
    let names = String::from_utf8(output.stdout).unwrap();
    let names = names
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].clone());
    assert!(names.eq((0..600).map(|n| Value::from(format!("a{n}")))));
    assert_eq!(
        scene.json(&["list", "--limit", "1000"])["certificates"]
            .as_array()
            .unwrap()
            .len(),
        600
    );
    let strict = scene.run(&["issue", "batch", "m.jsonl", "--stdout", "--strict"]);
    assert_eq!((strict.status.code(), strict.stdout.len()), (Some(1), 0));
}

#[test]
fn a_batch_that_was_killed_is_resumed_without_a_gap() {
    let scene = Scene::with_authority();
    let rows = 3000;
    let manifest: String = (0..rows)
        .map(|n| format!("client,a{n}.test,1h,a{n}\n"))
        .collect();
    scene.write("m.csv", &format!("profile,names,ttl,name\n{manifest}"));
    let batch = ["issue", "batch", "m.csv", "--out", "out", "--resume", "-q"];
    let mut child = scene.start(&batch, &[]);
    while !scene.directory.join("out/a300.crt").exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    succeeded(&scene.run(&batch));
    for n in 0..rows {
        for ending in ["crt", "key"] {
            assert!(
                scene.directory.join(format!("out/a{n}.{ending}")).is_file(),
                "a{n}.{ending}"
            );
        }
    }
    assert!(!scene.directory.join("out/.openagents-certs").exists());
    let again = scene.json(&batch[..6]);
    assert_eq!(
        (again["issued"].clone(), again["skipped"].clone()),
        (0.into(), rows.into())
    );
}

/// An empty directory that commands run in.
struct Scene {
    directory: PathBuf,
    _kept: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let kept = tempfile::tempdir().unwrap();
        Scene {
            directory: kept.path().to_owned(),
            _kept: kept,
        }
    }

    fn with_authority() -> Self {
        let scene = Self::new();
        succeeded(&scene.run(&["ca", "init", "--common-name", "Test Root"]));
        scene
    }

    fn start(&self, arguments: &[&str], environment: &[(&str, String)]) -> std::process::Child {
        Command::new(env!("CARGO_BIN_EXE_openagents-certs"))
            .args(arguments)
            .env_remove("OPENAGENTS_CERTS_DIR")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.start(arguments, &[]).wait_with_output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        succeeded(&output);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.join(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::File::create(self.directory.join(name))
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("version").output().is_ok();
    assert!(
        found || std::env::var_os("OPENAGENTS_CERTS_PEERS").is_none(),
        "{program} is not there"
    );
    found
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
