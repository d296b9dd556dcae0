//! What the program issues, refuses, keeps and selects.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it writes files and reads them"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[test]
fn a_lifetime_and_an_unlisted_key_type_are_checked_for_every_request() {
    let directory = authority();
    let profile = "[profiles.server]\nmax_lifetime = '1d'\nkey_types = ['p256']\n";
    std::fs::write(directory.path().join("certs/certs.toml"), profile).unwrap();
    for bits in ["2056", "3000", "8192"] {
        request(
            directory.path(),
            "r",
            &["-newkey", &format!("rsa:{bits}")],
            "/CN=a.test",
        );
        let refused = run(
            directory.path(),
            &["csr", "sign", "r.csr", "--san", "a.test", "--ttl", "1h"],
        );
        assert_refused(&refused, "key_types");
    }
    request(directory.path(), "r", P256, "/CN=a.test");
    let sign = ["csr", "sign", "r.csr", "--san", "a.test"];
    let refused = run(directory.path(), &[&sign[..], &["--days", "3650"]].concat());
    assert_refused(&refused, "max_lifetime");
    succeeded(&run(
        directory.path(),
        &[&sign[..], &["--ttl", "1h"]].concat(),
    ));
}

#[test]
fn a_ca_below_cannot_have_the_name_of_its_issuer() {
    let directory = tempfile::tempdir().unwrap();
    let init = ["ca", "init", "--common-name", "OpenAgents CA"];
    succeeded(&run(directory.path(), &init));
    request(directory.path(), "same", P256, "/CN=openagents  ca");
    let sign = ["csr", "sign", "same.csr", "--profile", "intermediate"];
    assert_refused(&run(directory.path(), &sign), "name of its issuer");
}

#[test]
fn a_key_that_was_revoked_as_compromised_is_never_certified_again() {
    let directory = authority();
    request(directory.path(), "a", P256, "/CN=a.test");
    let sign = ["csr", "sign", "a.csr", "--san", "a.test", "--name"];
    succeeded(&run(directory.path(), &[&sign[..], &["one"]].concat()));
    let revoke = ["revoke", "certs/one.crt", "--reason", "key-compromise"];
    succeeded(&run(directory.path(), &revoke));
    let again = run(directory.path(), &[&sign[..], &["two"]].concat());
    assert_refused(&again, "revoked as compromised");
    assert!(!directory.path().join("certs/two.crt").exists());
}

#[test]
fn a_certificate_that_would_not_verify_below_its_chain_is_refused_and_not_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl")
            .args(arguments)
            .current_dir(directory.path())
            .output();
        succeeded(&done.unwrap());
    };
    std::fs::write(
        directory.path().join("ca.cnf"),
        "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=Limited\n[ext]\nbasicConstraints=critical,CA:TRUE\n\
         keyUsage=critical,keyCertSign,cRLSign\nextendedKeyUsage=clientAuth\nsubjectKeyIdentifier=hash\n",
    )
    .unwrap();
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "k.pem",
        "-out",
        "c.pem",
        "-days",
        "30",
        "-config",
        "ca.cnf",
        "-extensions",
        "ext",
    ]);
    succeeded(&run(
        directory.path(),
        &["ca", "import", "--cert", "c.pem", "--key", "k.pem"],
    ));
    for dry_run in [&["--dry-run"][..], &[]] {
        let refused = run(
            directory.path(),
            &[&["issue", "server", "a.test"], dry_run].concat(),
        );
        assert_refused(&refused, "would not verify");
    }
    succeeded(&run(directory.path(), &["issue", "client", "alice"]));
    assert_eq!(listed(directory.path(), &[]).len(), 1);
}

#[test]
fn if_needed_issues_once_and_again_only_when_something_differs() {
    let directory = authority();
    let needed = |more: &[&str]| {
        let issue = ["issue", "server", "a.test", "--if-needed", "--json"];
        let output = run(directory.path(), &[&issue[..], more].concat());
        succeeded(&output);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (
            report["unchanged"].as_bool().unwrap(),
            report["serial"].clone(),
        )
    };
    let (unchanged, first) = needed(&[]);
    assert!(!unchanged);
    assert_eq!(needed(&[]), (true, first.clone()));
    let (unchanged, second) = needed(&["--san", "b.test"]);
    assert!(!unchanged && second != first);
    assert_eq!(needed(&["--san", "b.test"]), (true, second));
    assert!(!needed(&["--san", "b.test", "--ttl", "1h"]).0);
    std::fs::remove_file(directory.path().join("certs/a.test.key")).unwrap();
    assert!(!needed(&["--san", "b.test", "--ttl", "1h"]).0);
    let statuses: Vec<_> = listed(directory.path(), &[])
        .iter()
        .map(|one| one["status"].clone())
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| *status == "valid").count(),
        1,
        "{statuses:?}"
    );
}

#[test]
fn if_needed_generates_once_and_needs_no_passphrase_when_nothing_is_due() {
    let directory = tempfile::tempdir().unwrap();
    let generate = ["generate", "--mtls", "--if-needed"];
    succeeded(&run(directory.path(), &generate));
    let before = std::fs::read(directory.path().join("certs/server.crt")).unwrap();
    let again = run(directory.path(), &generate);
    succeeded(&again);
    assert!(String::from_utf8_lossy(&again.stdout).contains("unchanged: server certificate"));
    assert_eq!(
        std::fs::read(directory.path().join("certs/server.crt")).unwrap(),
        before
    );
    succeeded(&run(
        directory.path(),
        &[&generate[..], &["--client", "bob"]].concat(),
    ));
    assert_eq!(
        std::fs::read(directory.path().join("certs/server.crt")).unwrap(),
        before
    );
    assert!(directory.path().join("certs/bob.crt").exists());
}

#[test]
fn labels_select_and_what_list_prints_is_read_back_by_other_commands() {
    let directory = authority();
    for (name, label) in [("a", "team=red"), ("b", "team=red"), ("c", "team=blue")] {
        succeeded(&run(
            directory.path(),
            &["issue", "client", name, "--label", label],
        ));
    }
    assert_eq!(listed(directory.path(), &["--label", "team=red"]).len(), 2);
    assert_eq!(listed(directory.path(), &["--label", "team"]).len(), 3);
    assert_eq!(
        listed(directory.path(), &["--label", "team=red", "--name", "a"]).len(),
        1
    );
    for form in [&[][..], &["--serials"], &["--json"], &["--format", "csv"]] {
        let list = run(
            directory.path(),
            &[&["list", "--label", "team=red", "--status", "valid"], form].concat(),
        );
        let renewed = piped(directory.path(), &["renew", "-", "--json"], &list.stdout);
        succeeded(&renewed);
        let red = listed(
            directory.path(),
            &["--label", "team=red", "--status", "valid"],
        );
        assert_eq!(red.len(), 2, "{form:?}");
    }
    let list = run(
        directory.path(),
        &["list", "--label", "team=red", "--status", "valid"],
    );
    succeeded(&piped(directory.path(), &["revoke", "-"], &list.stdout));
    assert_eq!(listed(directory.path(), &["--status", "revoked"]).len(), 2);
    assert_eq!(
        listed(directory.path(), &["--status", "superseded"]).len(),
        8
    );
}

#[test]
fn show_takes_a_name_the_start_of_a_serial_number_or_a_file() {
    let directory = authority();
    succeeded(&run(directory.path(), &["issue", "client", "alice"]));
    succeeded(&run(
        directory.path(),
        &["issue", "client", "alice", "--force"],
    ));
    let current = listed(directory.path(), &["--status", "valid"])[0]["serial"].clone();
    let serial = current.as_str().unwrap().replace(':', "");
    for target in ["alice", "dns:alice", &serial[..12], "certs/alice.crt"] {
        let output = run(directory.path(), &["show", target, "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["serial"], current, "{target}");
    }
    assert_eq!(
        run(directory.path(), &["show", "nobody"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_batch_reports_every_row_and_a_bad_header_once() {
    let directory = authority();
    let manifest = directory.path().join("m.csv");
    std::fs::write(
        &manifest,
        "names,profile,labels\na.test,,team=red\nx..y,,\nb.test,server,\n",
    )
    .unwrap();
    let batch = ["issue", "batch", "m.csv", "--profile", "client", "--json"];
    let output = run(directory.path(), &batch);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(
        rows[0]["path"]
            .as_str()
            .unwrap()
            .ends_with("/certs/a.test.crt")
    );
    assert!(rows[0]["serial"].is_string() && rows[0]["error"].is_null());
    assert!(rows[1]["error"].is_string() && rows[1]["serial"].is_null());
    assert_eq!(
        (&rows[1]["line"], &rows[1]["name"]),
        (&Value::from(3), &Value::from("x..y"))
    );
    assert_eq!(
        listed(
            directory.path(),
            &["--profile", "client", "--label", "team"]
        )
        .len(),
        1
    );
    std::fs::write(&manifest, "name_s,profile\na,client\nb,client\n").unwrap();
    let output = run(directory.path(), &["issue", "batch", "m.csv"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(stderr.matches("no column").count(), 1, "{stderr}");
}

#[test]
fn no_cell_of_the_csv_is_a_formula() {
    let directory = authority();
    for (name, note) in [
        ("a", "=HYPERLINK(1)"),
        ("b", "@SUM(1)"),
        ("c", "+1"),
        ("d", "-1"),
    ] {
        succeeded(&run(
            directory.path(),
            &["issue", "client", name, &format!("--note={note}")],
        ));
    }
    let csv = run(directory.path(), &["list", "--format", "csv"]);
    let mut reader = csv::Reader::from_reader(&csv.stdout[..]);
    for record in reader.records() {
        for cell in &record.unwrap() {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
}

#[test]
fn mint_below_an_intermediate_gives_the_root_as_trust_anchor_and_the_chain_with_the_certificate() {
    let directory = authority();
    let intermediate = ["ca", "intermediate", "--parent", "certs", "-C", "sub"];
    succeeded(&run(directory.path(), &intermediate));
    let script = "cmp $OPENAGENTS_CERTS_CA certs/ca.crt && grep -c BEGIN $OPENAGENTS_CERTS_CERT";
    let mint = [
        "mint", "client", "ci-job", "-C", "sub", "--", "sh", "-c", script,
    ];
    let output = run(directory.path(), &mint);
    succeeded(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "2");
}

#[test]
fn the_command_that_mint_runs_cannot_read_the_passphrase() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("pass"), "correct horse\n").unwrap();
    let init = ["ca", "init", "--passphrase-file", "pass"];
    succeeded(&run(directory.path(), &init));
    let program = env!("CARGO_BIN_EXE_openagents-certs");
    let script =
        format!("{program} mint client a --passphrase-fd 3 -- sh -c 'cat <&3; echo done' 3<pass");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(!String::from_utf8_lossy(&text).contains("correct horse"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("done"));
}

const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn authority() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    succeeded(&run(directory.path(), &["ca", "init"]));
    directory
}

/// A certificate signing request by OpenSSL: NAME.csr and NAME.pem.
fn request(directory: &Path, name: &str, key: &[&str], subject: &str) {
    let (out, key_out) = (format!("{name}.csr"), format!("{name}.pem"));
    let files = [
        "-nodes", "-keyout", &key_out, "-out", &out, "-subj", subject,
    ];
    let output = Command::new("openssl")
        .arg("req")
        .args(key)
        .args(files)
        .current_dir(directory)
        .output();
    succeeded(&output.unwrap());
}

fn listed(directory: &Path, filters: &[&str]) -> Vec<Value> {
    let output = run(directory, &[&["list", "--json"], filters].concat());
    succeeded(&output);
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["certificates"].as_array().unwrap().clone()
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    piped(directory, arguments, b"")
}

fn piped(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_openagents-certs"))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may have ended before.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn assert_refused(output: &Output, rule: &str) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(rule), "{text}");
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
