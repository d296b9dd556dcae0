//! What a network.yaml really serves, as it was measured on OpenAgents 0.9.3.post20; who reaches it; and a `tls:` block
//! put into it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests look at the disk themselves"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use openagents_certs::network::yaml::Document;
use openagents_certs::network::{
    Credentials, NetworkFile, TlsFiles, examine, start as start_network, with_tls,
};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn every_given_network_serves_what_it_was_seen_to_serve() {
    let Some(shared) = shared() else { return };
    let table = std::fs::read_to_string(shared.join("expect.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in table.lines().skip(1) {
        let fields: Vec<_> = row.split('\t').collect();
        let [id, serves, stays_up, ..] = fields[..] else {
            panic!("{row}")
        };
        let network = examined(&shared.join("cases"), &format!("{id}.yaml"), &[]);
        let found = (
            network["grpc"]["serves"].as_str().unwrap(),
            network["stays_up"] == true,
        );
        if found != (serves, stays_up == "yes") {
            wrong.push(format!("{row}: {found:?}"));
        }
        count += 1;
    }
    assert_eq!((count, wrong), (17, Vec::<String>::new()));
}

#[test]
fn the_examples_of_openagents_draw_no_error_and_no_warning_without_cause() {
    let Some(shared) = shared() else { return };
    let pki = pki();
    let wanted: &[(&str, &[&str])] = &[
        (
            "grpcs_network",
            &["network-advertises-any", "tls-version-ignored"],
        ),
        ("wheel-default_network", &["network-advertises-any"]),
        ("wheel-project-hub", &[]),
        ("wheel-wiki-network", &[]),
        (
            "aug2025-legacy-centralized",
            &["network-advertises-any", "network-encryption-ignored"],
        ),
        (
            "aug2025-legacy-decentralized",
            &["network-advertises-any", "network-encryption-ignored"],
        ),
    ];
    for (name, warnings) in wanted {
        let file = shared.join("examples").join(format!("{name}.yaml"));
        let network = examined(pki.path(), file.to_str().unwrap(), &[]);
        let mut found: Vec<_> = network["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["severity"] != "note")
            .map(|finding| finding["id"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, *warnings, "{name}");
    }
    let charlie = shared.join("examples/wheel-agent-charlie.yaml");
    let report = json(&run(pki.path(), &["--agent", charlie.to_str().unwrap()]));
    assert_eq!(report["agents"][0]["dials"], "http://localhost:8700");
    assert_eq!(report["agents"][0]["findings"][0]["severity"], "note");
}

#[test]
fn variants_serve_what_openagents_was_seen_to_serve() {
    let pki = pki();
    std::fs::write(pki.path().join("certs/empty.crt"), "").unwrap();
    std::fs::write(pki.path().join("certs/garbage.crt"), "garbage\n").unwrap();
    let mut wrong = Vec::new();
    for (name, yaml, serves, id) in variants() {
        std::fs::write(pki.path().join("n.yaml"), &yaml).unwrap();
        let network = examined(pki.path(), "n.yaml", &[]);
        let findings = network["findings"].as_array().unwrap();
        let has = id.is_empty() || findings.iter().any(|finding| finding["id"] == id);
        if network["grpc"]["serves"] != serves || !has {
            wrong.push(format!(
                "{name}: {} {findings:#?}",
                network["grpc"]["serves"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_python_does_not_read_is_refused_with_its_line() {
    let pki = pki();
    let good = grpc(TLS);
    let deep = format!("network: {}", "[".repeat(100_000));
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("empty", Vec::new(), "empty"),
        ("list", b"- 1\n".to_vec(), "line 1"),
        ("network is a list", b"network: []\n".to_vec(), "line 1"),
        ("agent", b"agent_id: a\n".to_vec(), "no `network:`"),
        ("nul", format!("{good}\0").into_bytes(), "U+0000"),
        ("utf-16", b"\xff\xfen\0e\0".to_vec(), "UTF-16"),
        ("latin-1", b"network:\n  name: caf\xe9\n".to_vec(), "line 2"),
        ("tab", good.replace("port: ", "port:\t").into_bytes(), "tab"),
        (
            "anchors",
            format!("{good}  a: &x 1\n  b: &x 2\n").into_bytes(),
            "&x",
        ),
        ("tag", format!("{good}  a: !mine 1\n").into_bytes(), "!mine"),
        (
            "documents",
            format!("{good}---\na: 1\n").into_bytes(),
            "second document",
        ),
        ("unclosed", b"network: {name: [".to_vec(), "line"),
        ("deep", deep.into_bytes(), "line 1"),
        ("alias to nothing", b"network: *x\n".to_vec(), "line 1"),
    ];
    for (name, octets, says) in cases {
        std::fs::write(pki.path().join("n.yaml"), octets).unwrap();
        let output = run(pki.path(), &["--network", "n.yaml"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {errors}");
        assert!(
            errors.contains("n.yaml") && errors.contains(says) && errors.contains("hint"),
            "{name}: {errors}"
        );
    }
}

#[test]
fn bombs_and_floods_end_at_once() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    let mut merges = String::from("a0: &a0 {k: v}\n");
    for i in 1..60 {
        let aliases = vec![format!("*a{}", i - 1); 9].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
        merges.push_str(&format!("a{i}: &a{i} {{<<: [{aliases}], k{i}: v}}\n"));
    }
    let network = |config: &str| {
        format!(
            "network:\n  name: N\n  x: *a59\n  transports:\n  - type: grpc\n    config: {config}\n"
        )
    };
    let merged = merges.replace("{k: v}", "{port: 8601}") + &network("{<<: *a59}");
    let bomb = bomb + &network("{port: 8600}");
    let start = Instant::now();
    for text in [bomb, merged] {
        let file = NetworkFile::read(text.as_bytes()).unwrap();
        assert_eq!(file.transports().len(), 1);
        let files = files();
        let _ = with_tls(text.as_bytes(), &files);
    }
    let floods = [
        "- ".repeat(1 << 20),
        "[".repeat(1 << 20),
        "a\n".repeat(1 << 20),
        "x: \"".to_owned() + &"\\u0041".repeat(1 << 19),
        "#\t".repeat(1 << 20),
        "? ".repeat(1 << 20),
        "&a ".repeat(1 << 20),
        format!("x: {}", "a b ".repeat(1 << 20)),
        (0..200_000).map(|i| format!("k{i}: v\n")).collect(),
    ];
    for text in floods {
        let _ = Document::read(text.as_bytes());
    }
    let keys: String = (0..50_000).map(|i| format!("  transpor{i}: v\n")).collect();
    let aliases = "*b, ".repeat(50_000);
    for text in [
        format!("network:\n  name: N\n{keys}"),
        format!("b: &b\n  type: grpc\n{keys}network:\n  name: N\n  transports: [{aliases}]\n"),
        format!(
            "b: &b\n  name: m\n  config: {{}}\n{keys}network:\n  name: N\n  mods: [{aliases}]\n"
        ),
    ] {
        let file = NetworkFile::read(text.as_bytes()).unwrap();
        let startup = start_network(&file, &mut |_| Credentials::ServerOnly(Vec::new()));
        assert!(examine(&file, &startup).len() < 2000);
    }
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn the_matrix_says_who_reaches_what_and_why_not() {
    let pki = pki();
    let at = |name: &str, text: String| std::fs::write(pki.path().join(name), text).unwrap();
    at("mtls.yaml", grpc(MTLS));
    at(
        "plain.yaml",
        grpc("").replace("8600", "8601").replace("8700", "8701"),
    );
    at(
        "agents.csv",
        "url,name,client_cert,client_key\ngrpcs://localhost:8600,with,certs/client.crt,certs/client.key\ngrpcs://localhost,without,,\n\
         grpc://localhost:8600,bare,,\ngrpcs://elsewhere:8600,far,certs/client.crt,certs/client.key\n\
         grpc://localhost:8601,plain,,\ngrpcs://localhost:8601,tls,,\n"
            .into(),
    );
    at(
        "charlie.yaml",
        "agent_id: charlie\nconnection: {host: localhost, port: 8700}\n".into(),
    );
    let arguments = [
        "--network",
        "mtls.yaml",
        "--network",
        "plain.yaml",
        "--agent",
        "agents.csv",
        "--agent",
        "charlie.yaml",
        "--matrix",
    ];
    let report = json(&run(pki.path(), &arguments));
    let rows = report["matrix"].as_array().unwrap();
    let cell = |agent: &str, network: &str| {
        let row = rows
            .iter()
            .find(|row| row["agent"] == agent && row["network"] == network);
        let row = row.unwrap();
        assert_eq!(
            row["reaches"] == true,
            ["mtls", "tls", "plaintext"].contains(&row["code"].as_str().unwrap())
        );
        row["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(rows.len(), 14);
    assert_eq!(cell("with", "mtls.yaml"), "mtls");
    assert_eq!(cell("without", "mtls.yaml"), "no-client-certificate");
    assert_eq!(cell("bare", "mtls.yaml"), "plaintext-to-tls");
    assert_eq!(cell("far", "mtls.yaml"), "other-host");
    assert_eq!(cell("plain", "plain.yaml"), "plaintext");
    assert_eq!(cell("tls", "plain.yaml"), "tls-to-plaintext");
    assert_eq!(cell("with", "plain.yaml"), "other-port");
    assert_eq!(cell("charlie", "mtls.yaml"), "plaintext-to-tls");
    let text = String::from_utf8(run_text(pki.path(), &arguments).stdout).unwrap();
    assert!(
        text.contains("7 agents, 2 networks: 2 of 14 pairs"),
        "{text}"
    );
}

#[test]
fn networks_on_one_port_are_found() {
    let pki = pki();
    std::fs::write(pki.path().join("a.yaml"), grpc(TLS)).unwrap();
    std::fs::write(pki.path().join("b.yaml"), grpc(TLS)).unwrap();
    let report = json(&run(
        pki.path(),
        &["--network", "a.yaml", "--network", "b.yaml"],
    ));
    let ids: Vec<_> = report["networks"][1]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].clone())
        .collect();
    assert!(
        ids.contains(&"networks-share-port".into())
            && ids.contains(&"networks-share-http-port".into()),
        "{ids:?}"
    );
}

#[test]
fn write_puts_a_block_in_once_and_a_dry_run_shows_it() {
    let pki = pki();
    let path = pki.path().join("n.yaml");
    let before = grpc("").replace('\n', "\r\n") + "# the end";
    std::fs::write(&path, &before).unwrap();
    let dry = run(pki.path(), &["--network", "n.yaml", "--write", "--dry-run"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    let diff = json(&dry)["written"][0]["diff"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(diff.contains("+        enabled: true"), "{diff}");
    let written = run(pki.path(), &["--network", "n.yaml", "--write"]);
    let report = json(&written);
    assert_eq!(report["written"][0]["changed"], true);
    assert_eq!(report["networks"][0]["grpc"]["serves"], "mtls");
    let once = std::fs::read_to_string(&path).unwrap();
    assert!(
        once.ends_with("# the end") && once.matches('\n').count() == once.matches("\r\n").count()
    );
    let again = json(&run(pki.path(), &["--network", "n.yaml", "--write"]));
    assert_eq!(again["written"][0]["changed"], false);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), once);
    let other = run(
        pki.path(),
        &[
            "--network",
            "n.yaml",
            "--write",
            "--cert",
            "certs/client.crt",
        ],
    );
    assert_eq!(other.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), once);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = NetworkFile::read(text.as_bytes());
    }

    #[test]
    fn a_network_with_a_few_characters_changed_is_edited_well_or_not_at_all(
        at in 0_usize..400, take in 0_usize..4, put in "[-:#,{}\\[\\]'\" \nab&*!|>?~\r]{0,3}", tls in 0_usize..5,
    ) {
        let base = grpc(["", TLS, "tls: true", "tls: {cert_file: x}", "tls: # none\n        cert_file: a"][tls]);
        let at = at.min(base.len());
        let end = (at + take).min(base.len());
        let text = format!("{}{put}{}", &base[..at], &base[end..]);
        let Ok(edited) = with_tls(text.as_bytes(), &files()) else { return Ok(()) };
        let again = with_tls(edited.text.as_bytes(), &files()).unwrap();
        prop_assert!(!again.changed);
        prop_assert_eq!(again.text, edited.text);
    }
}

/// A network with this in the config of its gRPC transport, and HTTP beside it.
fn grpc(tls: &str) -> String {
    let tls = if tls.is_empty() {
        String::new()
    } else {
        format!("      {tls}\n")
    };
    format!(
        "network:\n  name: N\n  node_id: n1\n  transports:\n  - type: grpc\n    config:\n      host: 127.0.0.1\n      port: 8600\n{tls}  \
         - type: http\n    config:\n      host: 127.0.0.1\n      port: 8700\n  created_by_version: 0.9.3\n"
    )
}

const TLS: &str = "tls: {enabled: true, cert_file: certs/server.crt, key_file: certs/server.key, ca_file: certs/ca.crt}";
const MTLS: &str = "tls: {enabled: true, cert_file: certs/server.crt, key_file: certs/server.key, ca_file: certs/ca.crt, require_client_cert: on}";

/// A name, a network, what OpenAgents 0.9.3.post20 served, and a finding that must be there.
#[expect(clippy::too_many_lines, reason = "a table")]
fn variants() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let tls = |from: &str, to: &str| grpc(&MTLS.replace(from, to));
    let port = |to: &str| grpc(TLS).replace("8600", to);
    let host = |to: &str| grpc(TLS).replacen("127.0.0.1", to, 1);
    let http = |to: &str| grpc(TLS).replace("host: 127.0.0.1\n      port: 8700", to);
    let top = |line: &str| grpc(TLS).replace("  node_id: n1\n", &format!("  {line}\n"));
    vec![
        ("mutual TLS", grpc(MTLS), "mtls", "http-beside-tls"),
        ("a port as text", port("' 8600 '"), "tls", ""),
        (
            "a port with a point",
            port("8600.0"),
            "none",
            "grpc-address",
        ),
        ("an octal port", port("020630"), "tls", ""),
        ("a sexagesimal port", port("2:23:20"), "tls", ""),
        ("a port that is yes", port("yes"), "none", "grpc-address"),
        ("a port out of range", port("70000"), "none", "grpc-address"),
        ("a port below zero", port("-1"), "none", "grpc-address"),
        ("no port at all", port("null"), "none", "grpc-port-none"),
        ("any host", host("0.0.0.0"), "tls", "network-advertises-any"),
        ("LOCALHOST", host("LOCALHOST"), "tls", ""),
        (
            "127.0.0.2",
            host("127.0.0.2"),
            "none",
            "tls-certificate-refused",
        ),
        ("a bracketed host", host("'[::1]'"), "none", "grpc-address"),
        ("an empty host", host("''"), "none", "grpc-address"),
        ("no host", host("null"), "none", "grpc-address"),
        ("a star", host("'*'"), "none", "grpc-address"),
        (
            "enabled: \"false\"",
            tls("enabled: true", "enabled: \"false\""),
            "mtls",
            "tls-enabled-text",
        ),
        (
            "enabled: n",
            tls("enabled: true", "enabled: n"),
            "mtls",
            "tls-enabled-text",
        ),
        (
            "enabled: 0",
            tls("enabled: true", "enabled: 0"),
            "plaintext",
            "tls-disabled",
        ),
        (
            "enabled: off",
            tls("enabled: true", "enabled: off"),
            "plaintext",
            "tls-disabled",
        ),
        (
            "enabled: []",
            tls("enabled: true", "enabled: []"),
            "plaintext",
            "tls-disabled",
        ),
        (
            "enabled:",
            tls("enabled: true", "enabled: "),
            "plaintext",
            "tls-enabled-missing",
        ),
        (
            "enable: true",
            tls("enabled: true", "enable: true"),
            "plaintext",
            "tls-key-ignored",
        ),
        (
            "an empty CA",
            tls("certs/ca.crt", "certs/empty.crt"),
            "tls",
            "mtls-without-ca",
        ),
        (
            "a CA that is none",
            tls("certs/ca.crt", "certs/garbage.crt"),
            "none",
            "tls-credentials-refused",
        ),
        (
            "no CA",
            tls(", ca_file: certs/ca.crt", ""),
            "tls",
            "mtls-without-ca",
        ),
        (
            "a misspelt CA",
            tls("ca_file", "ca_cert"),
            "tls",
            "tls-key-ignored",
        ),
        (
            "a misspelt demand",
            tls("require_client_cert", "require_client_certs"),
            "tls",
            "tls-key-ignored",
        ),
        (
            "a demand as text",
            tls("cert: on", "cert: 'no'"),
            "mtls",
            "mtls-text",
        ),
        (
            "a demand of nothing",
            tls("cert: on", "cert: ''"),
            "tls",
            "",
        ),
        (
            "a missing CA",
            grpc(&TLS.replace("certs/ca.crt", "nope")),
            "none",
            "tls-file-missing",
        ),
        (
            "a home directory",
            tls("certs/server.crt", "~/server.crt"),
            "none",
            "tls-file-unexpanded",
        ),
        (
            "a variable",
            tls("certs/server.key", "'${CERTS}/server.key'"),
            "none",
            "tls-file-unexpanded",
        ),
        (
            "no key",
            tls("key_file: certs/server.key, ", ""),
            "none",
            "tls-file-unnamed",
        ),
        (
            "a list of files",
            tls("cert_file: certs/server.crt", "cert_file: [a]"),
            "none",
            "tls-file-no-name",
        ),
        (
            "another key",
            tls("certs/server.key", "certs/client.key"),
            "none",
            "tls-credentials-refused",
        ),
        (
            "a client's certificate",
            tls("certs/server", "certs/client").replace("server.key", "client.key"),
            "none",
            "tls-certificate-refused",
        ),
        (
            "a server that trusts itself",
            tls("certs/ca.crt", "certs/server.crt"),
            "none",
            "mtls-client-refused",
        ),
        (
            "tls: {}",
            grpc("tls: {}"),
            "plaintext",
            "tls-enabled-missing",
        ),
        (
            "tls: 'on'",
            grpc("tls: 'on'"),
            "plaintext",
            "tls-not-a-mapping",
        ),
        (
            "ssl:",
            grpc(&TLS.replace("tls:", "ssl:")),
            "plaintext",
            "tls-misnamed",
        ),
        (
            "tls beside config",
            grpc("").replace("  - type: http", &format!("    {TLS}\n  - type: http")),
            "plaintext",
            "tls-misplaced",
        ),
        (
            "tls of the network",
            grpc("").replace("  node_id: n1", &format!("  {TLS}")),
            "plaintext",
            "tls-misplaced",
        ),
        (
            "twice",
            grpc(&format!("{TLS}\n      tls: {{enabled: false}}")),
            "plaintext",
            "yaml-duplicate-key",
        ),
        (
            "another type",
            grpc(TLS).replace("type: grpc", "type: GRPC"),
            "none",
            "network-setting-refused",
        ),
        (
            "a number as name",
            grpc(TLS).replace("name: N", "name: 123"),
            "none",
            "network-setting-refused",
        ),
        (
            "another mode",
            top("mode: central"),
            "none",
            "network-setting-refused",
        ),
        ("decentralized", top("mode: decentralized"), "tls", ""),
        (
            "a key that is true",
            top("on: 1"),
            "none",
            "network-setting-refused",
        ),
        (
            "many as a number",
            top("max_connections: many"),
            "none",
            "network-setting-refused",
        ),
        ("a number as text", top("max_connections: '100'"), "tls", ""),
        (
            "a misspelt list",
            grpc(TLS).replace("transports:", "transport_s:"),
            "none",
            "network-key-misspelt",
        ),
        (
            "HTTP on the same port",
            http("host: 127.0.0.1\n      port: 8600"),
            "none",
            "network-stops",
        ),
        (
            "HTTP on IPv6",
            http("host: '::1'\n      port: 8700"),
            "none",
            "network-stops",
        ),
        ("HTTP on no port", http("port: null"), "tls", ""),
        ("HTTP on a word", http("port: abc"), "none", "network-stops"),
        (
            "a password that is missing",
            top("requires_password: true\n  agent_groups: {a: {description: x}}"),
            "none",
            "network-setting-refused",
        ),
        (
            "a secret of a mod",
            top("mods: [{name: m, config: {api_key: s3cret}}]"),
            "tls",
            "health-shows-secret",
        ),
        (
            "a second transport in the place of the first",
            grpc(&TLS.replace("certs/server.crt", "nope")).replace(
                "  - type: http",
                "  - type: grpc\n    config: {host: 127.0.0.1, port: 8601}\n  - type: http",
            ),
            "none",
            "network-falls-back",
        ),
        (
            "the second transport on the port of the first",
            grpc(&TLS.replace("certs/server.crt", "nope")).replace(
                "  - type: http",
                "  - type: grpc\n    config: {host: 127.0.0.1, port: 8600}\n  - type: http",
            ),
            "plaintext",
            "network-falls-back",
        ),
        (
            "metadata that is nothing",
            grpc(TLS) + "metadata:\n",
            "none",
            "network-setting-refused",
        ),
        (
            "a profile that is a number",
            grpc(TLS) + "network_profile: 5\n",
            "tls",
            "",
        ),
        (
            "a tag",
            tls("enabled: true", "enabled: !!bool 'no'"),
            "plaintext",
            "tls-disabled",
        ),
        (
            "HTTP elsewhere on the same port",
            http("host: 127.0.0.2\n      port: 8600"),
            "tls",
            "",
        ),
        (
            "a key with a question mark",
            grpc(TLS).replace("port: 8600", "? port\n      : 8600"),
            "tls",
            "",
        ),
        (
            "a configuration that is a list",
            grpc(TLS).replace(
                "    config:\n      host: 127.0.0.1\n      port: 8600\n",
                "    config: []\n    x:\n",
            ),
            "none",
            "network-setting-refused",
        ),
        (
            "a merge",
            format!(
                "d: &d {{host: 127.0.0.1, port: 1, {TLS}}}\nnetwork:\n  name: N\n  transports:\n  - type: grpc\n    config:\n      <<: *d\n      port: 8600\n"
            ),
            "tls",
            "",
        ),
        (
            "the old single transport",
            format!(
                "network:\n  name: N\n  host: 127.0.0.1\n  port: 8600\n  transport: grpc\n  transport_config:\n    {TLS}\n"
            ),
            "tls",
            "network-file-rewritten",
        ),
    ]
}

/// A directory with `certs/` in it: a CA, a server and a client.
fn pki() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY)
        .args(["generate", "--mtls", "-q", "--san", "127.0.0.1"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    directory
}

fn examined(cwd: &Path, network: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["--network", network];
    arguments.extend(more);
    // The certificates that were given are as old as the table.
    if cwd.ends_with("cases") {
        arguments.extend(["--at", "2026-11-20T08:05:00Z"]);
    }
    json(&run(cwd, &arguments))["networks"][0].clone()
}

fn run(cwd: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["verify-chain", "--json"]).args(arguments);
    command.current_dir(cwd).output().unwrap()
}

fn run_text(cwd: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("verify-chain").args(arguments);
    command.current_dir(cwd).output().unwrap()
}

fn json(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"))
}

fn files() -> TlsFiles {
    TlsFiles {
        cert_file: "certs/server.crt".into(),
        key_file: "certs/server.key".into(),
        ca_file: None,
    }
}

/// The cases that were measured, where they are at hand.
#[expect(clippy::print_stderr, reason = "a test that is left out has to say so")]
fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("OPENAGENTS_CERTS_SHARED").map_or_else(beside, PathBuf::from);
    let path = shared.join("networks");
    if !path.is_dir() {
        eprintln!("networks: no ../shared/networks (OPENAGENTS_CERTS_SHARED): it was NOT run");
        return None;
    }
    Some(path)
}

const BINARY: &str = env!("CARGO_BIN_EXE_openagents-certs");
