//! `verify`: which anchors are used, and when the answer is undetermined.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::peer::{certs, program, scratch};
use serde_json::Value;

#[test]
fn a_file_without_ca_crt_beside_it_is_judged_under_the_ca_of_the_directory() {
    let pki = Pki::new("verify-directory");
    let agent = pki.agent("agent-3");
    let answer = pki.verify(&[&agent]);
    assert_eq!(answer.verdict(), "yes");
    assert_eq!(
        answer.report["certificates"][0]["anchors"]["source"],
        "directory"
    );
    certs(&["revoke", "agent-3"], &pki.certs());
    let list = text(&pki.certs().join("crl.pem"));
    for arguments in [&[agent.as_str()][..], &[&agent, "--crl", &list]] {
        assert_eq!(pki.verify(arguments).verdict(), "no", "{arguments:?}");
    }
}

#[test]
fn a_chain_that_ends_in_no_anchor_is_undetermined() {
    let pki = Pki::new("verify-undetermined");
    let agent = pki.agent("a");
    let list = text(&pki.certs().join("crl.pem"));
    certs(&["crl"], &pki.certs());
    let elsewhere = pki.root.join("elsewhere");
    for arguments in [
        &[agent.as_str()][..],
        &[&agent, "--purpose", "client", "--as", "tonic"],
    ] {
        let answer = run(arguments, &elsewhere, None);
        assert_eq!(answer.verdict(), "undetermined", "{arguments:?}");
        assert_eq!(answer.report["certificates"][0]["anchors"], Value::Null);
        assert!(answer.stderr.contains("--ca"), "{}", answer.stderr);
    }
    let answer = run(&[&agent, "--crl", &list], &elsewhere, None);
    assert!(answer.stderr.contains("usage"), "{}", answer.stderr);
    assert_eq!(answer.code, 2);
    // What is certainly wrong is wrong without anchors, too.
    let answer = run(&[&agent, "--at", "2099-01-01T00:00:00Z"], &elsewhere, None);
    assert_eq!(answer.verdict(), "no");
}

#[test]
fn the_system_s_trust_store_is_the_last_source() {
    let pki = Pki::new("verify-system");
    let agent = pki.agent("a");
    let elsewhere = pki.root.join("elsewhere");
    let roots = pki.certs().join("ca.crt");
    let answer = run(&[&agent], &elsewhere, Some(&roots));
    assert_eq!(answer.verdict(), "yes");
    assert_eq!(
        answer.report["certificates"][0]["anchors"]["source"],
        "system"
    );
    assert_eq!(
        run(
            &[&agent, "--purpose", "client", "--as", "tonic"],
            &elsewhere,
            Some(&roots)
        )
        .verdict(),
        "yes"
    );
    let answer = run(&[&agent, "--no-system-roots"], &elsewhere, Some(&roots));
    assert_eq!(answer.verdict(), "undetermined");
}

#[test]
fn anchors_that_do_not_end_the_chain_give_way_to_the_next_source_unless_they_were_given() {
    let pki = Pki::new("verify-order");
    let agent = pki.agent("a");
    let other = pki.root.join("other");
    certs(&["ca", "init", "--common-name", "Other"], &other);
    std::fs::copy(other.join("ca.crt"), pki.root.join("agents/ca.crt")).unwrap();
    let answer = pki.verify(&[&agent]);
    assert_eq!(answer.verdict(), "yes");
    assert_eq!(
        answer.report["certificates"][0]["anchors"]["source"],
        "directory"
    );
    let given = text(&other.join("ca.crt"));
    assert_eq!(pki.verify(&[&agent, "--ca", &given]).verdict(), "no");
}

#[test]
fn a_crl_that_covers_nothing_is_no_answer() {
    let pki = Pki::new("verify-foreign-crl");
    let agent = pki.agent("a");
    let other = pki.root.join("other");
    certs(&["ca", "init", "--common-name", "Other"], &other);
    certs(&["crl"], &other);
    let foreign = text(&other.join("crl.pem"));
    let answer = pki.verify(&[&agent, "--crl", &foreign]);
    assert_eq!(answer.verdict(), "undetermined");
    // One that happens to be beside the CA is worth a warning.
    std::fs::copy(&foreign, pki.certs().join("crl.pem")).unwrap();
    let answer = pki.verify(&[&agent]);
    assert_eq!(answer.verdict(), "yes");
    let findings = &answer.report["certificates"][0]["findings"];
    assert_eq!(findings[0]["id"], "crl-foreign", "{findings}");
}

#[test]
fn standard_input_is_a_file_too() {
    let pki = Pki::new("verify-stdin");
    let agent = pki.agent("a");
    let mut command = program(&["verify", "-", "--json"], &pki.certs());
    let file = std::fs::File::open(agent).unwrap();
    let output = command.stdin(file).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "yes");
    assert_eq!(report["certificates"][0]["path"], "-");
}

/// An authority in `certs`, whose certificates are written to `agents`.
struct Pki {
    root: PathBuf,
}

impl Pki {
    fn new(name: &str) -> Self {
        let root = scratch(name);
        certs(&["ca", "init"], &root.join("certs"));
        Pki { root }
    }

    fn certs(&self) -> PathBuf {
        self.root.join("certs")
    }

    /// Issues a client's certificate, and gives its file.
    fn agent(&self, name: &str) -> String {
        let agents = self.root.join("agents");
        let out = ["--out", agents.to_str().unwrap()];
        certs(
            &[&["issue", "client", name], &out[..]].concat(),
            &self.certs(),
        );
        text(&agents.join(format!("{name}.crt")))
    }

    fn verify(&self, arguments: &[&str]) -> Answer {
        run(arguments, &self.certs(), None)
    }
}

struct Answer {
    code: i32,
    report: Value,
    stderr: String,
}

impl Answer {
    /// The verdict, after a look at what must agree with it.
    fn verdict(&self) -> &str {
        let verdict = self.report["verdict"].as_str().unwrap();
        let codes = [("yes", 0), ("no", 1), ("undetermined", 2)];
        assert!(
            codes.contains(&(verdict, self.code)),
            "{verdict} with {}",
            self.code
        );
        verdict
    }
}

/// What `verify` says in a directory, with these roots for the system's.
fn run(arguments: &[&str], directory: &Path, roots: Option<&Path>) -> Answer {
    let mut command: Command = program(&[&["verify", "--json"], arguments].concat(), directory);
    let roots = roots.unwrap_or(Path::new("/dev/null"));
    command
        .env("SSL_CERT_FILE", roots)
        .env("SSL_CERT_DIR", "/nonexistent");
    let output = command.stdin(Stdio::null()).output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
