//! Revoking, and what others make of the lists: OpenSSL, GnuTLS, Python's `cryptography`, and `verify`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::path::PathBuf;
use std::process::Command;

use crate::peer::clock::Clock;
use crate::peer::{self, certs, certs_fails, is_here, run, scratch, script};
use openagents_certs::pki::crl::{RevocationList, RevocationReason};
use serde_json::Value;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

#[test]
fn every_peer_refuses_what_was_revoked_and_takes_the_rest() {
    let pki = Pki::new("revocation-peers");
    let serial = pki.serial("b.test").replace(':', "");
    pki.revoke(&["b.test", "--reason", "keyCompromise"]);
    let mut number = 1;
    for (extra, reason) in [(&[][..], "keyCompromise"), (&["c.test"], "keyCompromise")] {
        if !extra.is_empty() {
            pki.revoke(extra);
            number += 1;
        }
        let mut entries = vec![format!("{serial:0>32}={reason}")];
        if !extra.is_empty() {
            let other = pki.serial("c.test").replace(':', "");
            entries.push(format!("{other:0>32}="));
        }
        for file in ["crl.pem", "crl.der"] {
            if let Some(mut script) = script("revoked.py", "cryptography") {
                run(script
                    .args([pki.root("root").join(file), pki.root("root").join("ca.crt")])
                    .arg(number.to_string())
                    .args(&entries));
            }
        }
    }
    if is_here("openssl", &["version"]) {
        assert!(pki.openssl("root/a.test.crt"));
        assert!(!pki.openssl("root/b.test.crt"));
        assert!(!pki.openssl("root/c.test.crt"));
    }
    if is_here("certtool", &["--version"]) {
        let mut command = Command::new("certtool");
        command.args(["--verify-crl", "--load-ca-certificate"]);
        command.arg(pki.root("root/ca.crt")).arg("--infile");
        run(command.arg(pki.root("root/crl.pem")));
    }
    assert!(pki.verify("root/a.test.crt"));
    assert!(!pki.verify("root/b.test.crt"));
}

#[test]
fn a_chain_is_checked_through_by_each_authority_s_own_list() {
    let pki = Pki::new("revocation-chain");
    if !is_here("openssl", &["version"]) {
        return;
    }
    certs(&["crl"], &pki.root("root"));
    certs(&["crl"], &pki.root("sub"));
    assert!(pki.openssl("sub/x.test.crt"));
    certs(&["revoke", "x.test"], &pki.root("sub"));
    assert!(!pki.openssl("sub/x.test.crt"));
    assert!(pki.openssl("sub/y.test.crt"));
    let issuer = pki.root("sub/issuer.crt");
    let reason = ["--reason", "cACompromise"];
    certs(
        &[&["revoke", issuer.to_str().unwrap()], &reason[..]].concat(),
        &pki.root("root"),
    );
    assert!(!pki.openssl("sub/y.test.crt"));
    let both = ["root", "sub"].map(|name| pki.root(name).join("crl.pem"));
    let leaf = pki.root("sub/y.test.crt");
    let report = certs_fails(
        1,
        &[
            "verify",
            "--crl",
            both[0].to_str().unwrap(),
            "--crl",
            both[1].to_str().unwrap(),
            leaf.to_str().unwrap(),
        ],
        &pki.root("sub"),
    );
    assert!(report.contains("certificate has been revoked"), "{report}");
}

#[test]
fn what_is_meant_is_found_by_serial_number_file_key_and_name() {
    let pki = Pki::new("revocation-targets");
    let colons = pki.serial("a.test");
    let shown = certs(&["show", &colons, "--pem"], &pki.root("root"));
    assert!(shown.contains("BEGIN CERTIFICATE"));
    let plain = colons.replace(':', "");
    let decimal = u128::from_str_radix(&plain, 16).unwrap().to_string();
    let file = pki.root("root/a.test.crt");
    let key = pki.root("root/a.test.key");
    for target in [
        colons.as_str(),
        &colons.to_uppercase(),
        &plain,
        &format!("0x{plain}"),
        &plain[..8],
        &decimal,
        "a.test",
        "A.Test",
        "dns:a.test",
        file.to_str().unwrap(),
        key.to_str().unwrap(),
    ] {
        let report = certs(
            &["revoke", target, "--dry-run", "--json"],
            &pki.root("root"),
        );
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["certificates"][0]["serial"], colons, "{target}");
        assert_eq!(report["certificates"].as_array().unwrap().len(), 1);
    }
    assert!(!pki.root("root/crl.pem").exists());
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_to_do() {
    let pki = Pki::new("revocation-refusals");
    let root = pki.root("root");
    let path = |name: &str| pki.root(name).to_str().unwrap().to_owned();
    certs(&["issue", "server", "a.test", "--name", "again"], &root);
    std::fs::write(pki.root("junk.crt"), "junk").unwrap();
    for (target, expected) in [
        ("nobody.test", "openagents-certs list"),
        ("a.test", "--all"),
        (
            &path("sub/x.test.crt"),
            "was issued by CN=Sub, not by this CA, CN=Root",
        ),
        (&path("root/ca.crt"), "ca rotate prepare"),
        ("Root", "ca rotate prepare"),
        (&path("junk.crt"), "junk.crt"),
        (&path("absent.crt"), "No such file"),
        ("\u{1b}[31m", "\\u{1b}[31m"),
    ] {
        let text = certs_fails(2, &["revoke", target], &root);
        assert!(text.contains(expected), "{target}: {text}");
        assert!(!text.contains('\u{1b}'));
    }
    let text = certs_fails(2, &["revoke", &path("sub/issuer.crt")], &pki.root("sub"));
    assert!(text.contains("-C PARENT"), "{text}");
    // One that is not known keeps the others from being revoked.
    certs_fails(2, &["revoke", "b.test", "nobody.test"], &root);
    let list = certs(&["list", "--status", "revoked", "--json"], &root);
    assert!(!list.contains("b.test"));
    certs_fails(2, &["revoke", "b.test", "--reason", "removeFromCRL"], &root);
}

#[test]
fn a_second_revocation_keeps_the_first_moment_and_the_weightier_reason() {
    let pki = Clock::new(&scratch("revocation-twice"), NOW);
    pki.issue("a.test", NOW);
    let mut at = NOW;
    let mut revoke = |reason| {
        at += Duration::HOUR;
        let report = pki.revoke("a.test", reason, at);
        let certificate = &report["certificates"][0];
        assert_eq!(certificate["revocation"]["at"], "2026-11-20T09:05:00Z");
        (
            certificate["outcome"].as_str().unwrap().to_owned(),
            certificate["revocation"]["reason"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    };
    use RevocationReason::{CertificateHold, KeyCompromise, Superseded, Unspecified};
    for (reason, outcome, stands) in [
        (CertificateHold, "revoked", "certificateHold"),
        (CertificateHold, "already-revoked", "certificateHold"),
        (Unspecified, "amended", "unspecified"),
        (Superseded, "amended", "superseded"),
        (CertificateHold, "already-revoked", "superseded"),
        (KeyCompromise, "amended", "keyCompromise"),
        (Superseded, "already-revoked", "keyCompromise"),
    ] {
        assert_eq!(revoke(reason), (outcome.into(), stands.into()), "{reason}");
    }
}

#[test]
fn only_a_hold_is_taken_back() {
    let pki = Pki::new("revocation-hold");
    let root = pki.root("root");
    pki.revoke(&["a.test", "--reason", "certificate-hold"]);
    assert!(!pki.verify("root/a.test.crt"));
    assert!(certs(&["unrevoke", "a.test", "--dry-run"], &root).contains("hold released"));
    assert!(!pki.verify("root/a.test.crt"));
    certs(&["unrevoke", "a.test"], &root);
    assert!(pki.verify("root/a.test.crt"));
    assert!(certs(&["unrevoke", "a.test"], &root).contains("not revoked"));
    pki.revoke(&["a.test", "--reason", "superseded"]);
    let text = certs_fails(1, &["unrevoke", "a.test"], &root);
    assert!(text.contains("only a hold"), "{text}");
}

#[test]
fn what_expired_stands_on_one_more_list() {
    let pki = Clock::new(&scratch("revocation-expired"), NOW);
    pki.issue("a.test", NOW);
    pki.revoke("a.test", RevocationReason::Superseded, NOW);
    let year = Duration::days(365);
    for (after, listed) in [
        (Duration::DAY, 1),
        (year, 1),
        (year + Duration::DAY, 1),
        (year + Duration::DAY * 2, 0),
    ] {
        assert_eq!(pki.publish(NOW + after).len(), listed, "{after}");
    }
    // Where the last list is not known, nothing is left out.
    for name in ["crl.pem", "crl.der"] {
        std::fs::remove_file(pki.directory.join(name)).unwrap();
    }
    assert_eq!(pki.publish(NOW + year + Duration::DAY * 3).len(), 1);
}

#[test]
fn numbers_rise_whatever_becomes_of_the_list() {
    let pki = Clock::new(&scratch("revocation-numbers"), NOW);
    let other = Clock::new(&scratch("revocation-numbers-other"), NOW);
    let number = |at: OffsetDateTime| pki.publish(at).number().unwrap();
    assert_eq!(number(NOW), 1);
    std::fs::write(pki.directory.join("crl.pem"), "damaged").unwrap();
    assert_eq!(number(NOW), 2);
    std::fs::remove_file(pki.directory.join("crl.der")).unwrap();
    assert_eq!(number(NOW - Duration::MINUTE), 3);
    // Another CA's list says nothing of ours.
    other.publish(NOW);
    let other = std::fs::read(other.directory.join("crl.pem")).unwrap();
    std::fs::write(pki.directory.join("crl.pem"), other).unwrap();
    assert_eq!(number(NOW), 4);
    assert_eq!(
        pki.publish(NOW).next_update(),
        Some(NOW + Duration::days(30))
    );
    std::fs::write(pki.directory.join("certs.toml"), "[crl]\nlifetime = '2d'").unwrap();
    assert_eq!(
        pki.publish(NOW).next_update(),
        Some(NOW + Duration::days(2))
    );
}

#[test]
fn an_inventory_restored_from_a_backup_takes_no_revocation_back() {
    let pki = Clock::new(&scratch("revocation-restored"), NOW);
    let listed = |list: &RevocationList| -> Vec<_> {
        let entries = list.revoked();
        let mut listed: Vec<_> = entries
            .map(|entry| (entry.serial, entry.revocation_date, entry.reason))
            .collect();
        listed.sort_by_key(|(serial, ..)| serial.to_string());
        listed
    };
    for name in ["a.test", "held.test"] {
        pki.issue(name, NOW);
    }
    let backup = pki.backup();
    pki.issue("later.test", NOW);
    for (name, reason) in [
        ("a.test", RevocationReason::Superseded),
        ("later.test", RevocationReason::KeyCompromise),
        ("held.test", RevocationReason::CertificateHold),
    ] {
        pki.revoke(name, reason, NOW + Duration::HOUR);
    }
    let before = pki.publish(NOW + Duration::HOUR);
    for lost in ["", "crl.pem"] {
        pki.restore(&backup);
        if !lost.is_empty() {
            std::fs::remove_file(pki.directory.join(lost)).unwrap();
        }
        let after = pki.publish(NOW + Duration::DAY);
        assert_eq!(listed(&after), listed(&before), "without {lost:?}");
        assert!(after.number() > before.number());
        // What was carried over is recorded: the CRL itself may now be lost.
        for name in ["crl.pem", "crl.der"] {
            std::fs::remove_file(pki.directory.join(name)).unwrap();
        }
        assert_eq!(listed(&pki.publish(NOW + Duration::DAY)), listed(&before));
    }
}

#[test]
fn a_hold_is_released_although_the_published_crl_still_shows_it() {
    let pki = Clock::new(&scratch("revocation-released"), NOW);
    pki.issue("held.test", NOW);
    let backup = pki.backup();
    pki.revoke("held.test", RevocationReason::CertificateHold, NOW);
    assert_eq!(pki.publish(NOW).len(), 1);
    pki.unrevoke("held.test", NOW);
    assert_eq!(pki.publish(NOW).len(), 0);
    // And in an inventory that was restored: first it is carried over, then released.
    pki.revoke("held.test", RevocationReason::CertificateHold, NOW);
    pki.restore(&backup);
    pki.unrevoke("held.test", NOW);
    assert_eq!(pki.publish(NOW).len(), 0);
}

#[test]
fn a_name_is_its_current_certificate_and_a_compromised_key_takes_all_of_its_certificates() {
    let pki = Pki::new("revocation-renewed");
    let root = pki.root("root");
    certs(&["renew", "a.test"], &root);
    certs(&["renew", "b.test"], &root);
    let revoked = |arguments: &[&str]| -> Vec<String> {
        let arguments = [&["revoke", "--json"], arguments].concat();
        let report: Value = serde_json::from_str(&certs(&arguments, &root)).unwrap();
        let certificates = report["certificates"].as_array().unwrap().iter();
        let mut serials: Vec<_> = certificates
            .map(|certificate| certificate["serial"].as_str().unwrap().to_owned())
            .collect();
        serials.sort();
        serials
    };
    let all = |name: &str| -> Vec<String> {
        let list = certs(&["list", "--name", name, "--json"], &root);
        let list: Value = serde_json::from_str(&list).unwrap();
        let listed = list["certificates"].as_array().unwrap().iter();
        let mut serials: Vec<_> = listed
            .map(|one| one["serial"].as_str().unwrap().to_owned())
            .collect();
        serials.sort();
        serials
    };
    let current = revoked(&["a.test"]);
    assert_eq!(current.len(), 1);
    let file = root.join("a.test.crt");
    let shown = certs(&["inspect", file.to_str().unwrap()], &root);
    assert!(shown.contains(&current[0]), "{shown}");
    assert_eq!(all("b.test").len(), 2);
    let file = root.join("b.test.crt");
    let reason = ["--reason", "key-compromise"];
    let serials = revoked(&[&[file.to_str().unwrap()], &reason[..]].concat());
    assert_eq!(serials, all("b.test"));
}

#[test]
fn what_list_writes_is_read_from_standard_input_and_labels_select() {
    let pki = Pki::new("revocation-piped");
    let root = pki.root("root");
    for (name, team) in [("r1.test", "red"), ("r2.test", "red"), ("g.test", "green")] {
        let label = format!("team={team}");
        certs(&["issue", "client", name, "--label", &label], &root);
    }
    let list = root.join("list");
    std::fs::write(&list, certs(&["list", "--name", "g.test"], &root)).unwrap();
    let stdin = |path: &std::path::Path, arguments: &[&str]| {
        let mut command = peer::program(arguments, &root);
        let command = command.stdin(std::fs::File::open(path).unwrap());
        String::from_utf8(run(command).stdout).unwrap()
    };
    let report = stdin(&list, &["revoke", "-"]);
    assert!(
        report.contains("g.test") && !report.contains("r1.test"),
        "{report}"
    );
    let nothing = stdin(
        std::path::Path::new("/dev/null"),
        &["revoke", "-", "--label", "team"],
    );
    assert!(nothing.contains("No certificate was selected"), "{nothing}");
    let report = certs(&["revoke", "--label", "team=red"], &root);
    assert_eq!(report.matches(" revoked on ").count(), 2, "{report}");
}

#[test]
fn many_at_once_all_succeed_and_all_are_listed() {
    let pki = Pki::new("revocation-race");
    let root = pki.root("root");
    let names: Vec<String> = (0..12).map(|i| format!("n{i}.test")).collect();
    for name in &names {
        certs(&["issue", "client", name], &root);
    }
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            peer::program(&["revoke", name], &root)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let list = RevocationList::from_der(std::fs::read(root.join("crl.der")).unwrap()).unwrap();
    assert_eq!((list.len(), list.number()), (12, Some(12)));
}

#[test]
fn a_disk_that_is_full_leaves_the_old_list_and_the_revocation_comes_with_the_next() {
    let pki = Pki::new("revocation-full");
    let root = pki.root("root");
    certs(&["crl"], &root);
    let before = std::fs::read(root.join("crl.pem")).unwrap();
    // Files may be no longer than the inventory's log is: the list has no room.
    let script = format!(
        "ulimit -f 0; exec {} crl -C {}",
        env!("CARGO_BIN_EXE_openagents-certs"),
        root.display()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read(root.join("crl.pem")).unwrap(), before);
    pki.revoke(&["a.test"]);
    assert!(!pki.verify("root/a.test.crt"));
}

#[test]
fn the_blast_radius_shows_keys_files_and_what_is_below() {
    let pki = Pki::new("revocation-plan");
    let root = pki.root("root");
    let plan = |target: &str| -> Value {
        serde_json::from_str(&certs(&["revoke", "--plan", target, "--json"], &root)).unwrap()
    };
    let exposed = |plan: &Value| -> Vec<(String, String)> {
        let exposed = plan["exposed"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        exposed
            .map(|e| (text(&e["subject"]), text(&e["reason"])))
            .collect()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    // The same key once more, by a request for it.
    let out = pki.root("again");
    let key = root.join("a.test.key");
    certs(
        &[
            "csr",
            "create",
            "again.test",
            "--key",
            key.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ],
        &root,
    );
    let request = out.join("again.test.csr");
    certs(&["csr", "sign", request.to_str().unwrap()], &root);
    let shown = plan("a.test");
    assert_eq!(
        exposed(&shown),
        [
            pair("CN=a.test", "itself"),
            pair("CN=again.test", "same-key")
        ]
    );
    let files = shown["exposed"][0]["files"].to_string();
    assert!(files.contains("a.test.crt") && files.contains("a.test.key"));
    let last = shown["order"].as_array().unwrap();
    assert!(last.iter().any(|step| {
        step["command"]
            .as_str()
            .is_some_and(|command| command.contains("--reason key-compromise"))
    }));
    let below = plan(pki.root("sub/issuer.crt").to_str().unwrap());
    assert_eq!(
        exposed(&below),
        [
            pair("CN=Sub", "itself"),
            pair("CN=x.test", "issued-below"),
            pair("CN=y.test", "issued-below")
        ]
    );
    let all: Value =
        serde_json::from_str(&certs(&["revoke", "--plan", "--ca", "--json"], &root)).unwrap();
    assert_eq!(exposed(&all).len(), 7);
    assert_eq!(all["exposed"][0]["subject"], "CN=Sub");
}

#[test]
fn an_encrypted_key_needs_its_passphrase_before_anything_is_revoked() {
    let root = scratch("revocation-encrypted");
    let pass = root.join("pass");
    std::fs::write(&pass, "secret\n").unwrap();
    let given = ["--passphrase-file", pass.to_str().unwrap()];
    certs(&[&["ca", "init"], &given[..]].concat(), &root);
    certs(
        &[&["issue", "server", "a.test"], &given[..]].concat(),
        &root,
    );
    let text = certs_fails(2, &["revoke", "a.test"], &root);
    assert!(text.contains("--passphrase-file"), "{text}");
    let list = certs(&["list", "--status", "revoked", "--json"], &root);
    assert!(!list.contains("a.test"));
    certs(&[&["revoke", "a.test"], &given[..]].concat(), &root);
    certs(&[&["crl"], &given[..]].concat(), &root);
}

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05 UTC);

/// A root that has issued a.test, b.test and c.test, and a CA below it x.test and y.test.
struct Pki {
    directory: PathBuf,
}

impl Pki {
    fn new(name: &str) -> Self {
        let directory = scratch(name);
        let (root, sub) = (directory.join("root"), directory.join("sub"));
        certs(&["ca", "init", "--common-name", "Root"], &root);
        let parent = ["--parent", root.to_str().unwrap()];
        let made = ["ca", "intermediate", "--common-name", "Sub"];
        certs(&[&made[..], &parent[..]].concat(), &sub);
        for name in ["a.test", "b.test", "c.test"] {
            certs(&["issue", "server", name], &root);
        }
        for name in ["x.test", "y.test"] {
            certs(&["issue", "client", name], &sub);
        }
        Pki { directory }
    }

    fn root(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn revoke(&self, arguments: &[&str]) {
        certs(&[&["revoke"], arguments].concat(), &self.root("root"));
    }

    /// The serial number of the root's only certificate of this name.
    fn serial(&self, name: &str) -> String {
        let list = certs(&["list", "--name", name, "--json"], &self.root("root"));
        let list: Value = serde_json::from_str(&list).unwrap();
        let serial = &list["certificates"][0]["serial"];
        serial.as_str().unwrap().to_owned()
    }

    /// Whether OpenSSL takes a certificate, with every list there is.
    fn openssl(&self, leaf: &str) -> bool {
        let lists = self.root("lists.pem");
        let read = |name: &str| {
            std::fs::read_to_string(self.root(name).join("crl.pem")).unwrap_or_default()
        };
        std::fs::write(&lists, ["root", "sub"].map(read).concat()).unwrap();
        let leaf = self.root(leaf);
        let mut command = Command::new("openssl");
        command.args(["verify", "-x509_strict", "-crl_check_all", "-CAfile"]);
        command
            .arg(self.root("root/ca.crt"))
            .arg("-CRLfile")
            .arg(lists);
        command.arg("-untrusted").arg(&leaf).arg(&leaf);
        command.output().unwrap().status.success()
    }

    /// Whether `verify` takes it, with the crl.pem beside the anchors.
    fn verify(&self, leaf: &str) -> bool {
        let leaf = self.root(leaf);
        let mut command = peer::program(&["verify"], &self.directory);
        let status = command.arg(leaf).output().unwrap().status;
        assert_ne!(status.code(), Some(2));
        status.success()
    }
}
