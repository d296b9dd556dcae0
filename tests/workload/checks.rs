//! What `verify-chain` says of SVIDs.

use std::path::{Path, PathBuf};

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::peer::{certs, program, scratch};

#[test]
fn an_svid_that_grpc_or_spiffe_refuses_is_explained_as_one() {
    let directory = scratch("workload-checks");
    let own = authority(&directory, "own");
    let issue = |authority: &Path, id: &str, base: &str, more: &[&str]| {
        let arguments = [
            "issue", "peer", "--spiffe", id, "--name", base, "--ttl", "1h",
        ];
        certs(&[&arguments[..], more].concat(), authority);
    };
    issue(
        &own,
        "spiffe://example.org/server",
        "server",
        &["--san", "localhost"],
    );
    issue(&own, "spiffe://example.org/unnamed", "unnamed", &[]);
    issue(&own, "spiffe://example.org/client", "client", &[]);
    let other = authority(&directory, "other");
    issue(&other, "spiffe://other.test/client", "client", &[]);
    let path = |authority: &Path, name: &str| authority.join(name).to_str().unwrap().to_owned();
    let check = |server: &str, more: &[&str]| -> Vec<(String, String)> {
        let (cert, ca) = (path(&own, server), path(&own, "ca.crt"));
        let arguments = ["verify-chain", "--json", "--cert", &cert, "--ca", &ca];
        findings(&[&arguments[..], more].concat(), &directory)
    };
    assert_eq!(check("server.crt", &["--host", "localhost"]), []);
    let has = |findings: &[(String, String)], id: &str, hint: &str| {
        let mut of_rule = findings.iter().filter(|(rule, _)| rule == id);
        assert!(
            of_rule.any(|(_, text)| text.contains(hint)),
            "{id}: {findings:?}"
        );
    };
    let elsewhere = check("server.crt", &["--host", "alice.example.org"]);
    has(
        &elsewhere,
        "host-mismatch",
        "`dns` of its [[workload.entry]]",
    );
    has(
        &check("unnamed.crt", &[]),
        "svid-no-dns-name",
        "[[workload.entry]]",
    );
    let later = |minutes: i64| {
        let at = OffsetDateTime::now_utc() + Duration::minutes(minutes);
        at.format(&Rfc3339).unwrap()
    };
    let late = check("server.crt", &["--at", &later(55)]);
    has(&late, "svid-overdue", "workload fetch --watch");
    let expired = check("server.crt", &["--at", &later(90)]);
    has(&expired, "expired", "workload fetch --watch");
    let (client, trusted) = (path(&other, "client.crt"), path(&own, "ca.crt"));
    let foreign = check(
        "server.crt",
        &["--client-cert", &client, "--client-ca", &trusted],
    );
    has(&foreign, "svid-trust-domains", "[[workload.federation]]");
    has(&foreign, "issuer-missing", "bundle of its trust domain");
}

/// A root whose files are in a directory of this name.
fn authority(directory: &Path, name: &str) -> PathBuf {
    let authority = directory.join(name);
    certs(&["ca", "init"], &authority);
    authority
}

/// The rule and the hint of each finding.
fn findings(arguments: &[&str], directory: &Path) -> Vec<(String, String)> {
    let output = program(arguments, directory).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings
        .map(|finding| (text(finding, "id"), text(finding, "hint")))
        .collect()
}
