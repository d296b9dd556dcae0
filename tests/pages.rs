//! The page of `verify-chain --html`: what it says, and that nothing in it is taken for markup.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::path::Path;
use std::process::{Command, Output};

#[test]
fn the_page_says_what_the_report_says_and_nothing_in_it_is_markup() {
    let directory = tempfile::tempdir().unwrap();
    let pki = directory.path().join("<b>&\"pki\"");
    assert!(
        certs(
            directory.path(),
            &["-C", pki.to_str().unwrap(), "generate", "--mtls"]
        )
        .status
        .success()
    );
    let network = directory.path().join("<i>.yaml");
    std::fs::write(&network, NETWORK).unwrap();
    let arguments = [
        "verify-chain",
        "--cert",
        "server.crt",
        "--network",
        network.to_str().unwrap(),
        "--cwd",
        ".",
        "--agent",
        "grpcs://<u>:8600",
        "--agent",
        "grpcs://localhost:8600",
        "--matrix",
        "--html",
        "page.html",
    ];
    for code in [1, 1] {
        let output = certs(&pki, &arguments);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    let page = std::fs::read_to_string(pki.join("page.html")).unwrap();
    for markup in [
        "<b>",
        "<i>",
        "<u>",
        "<script",
        "javascript:",
        "http://",
        "https://",
    ] {
        assert!(!page.contains(markup), "{markup}: {page}");
    }
    for said in [
        "This setup does not work",
        "<h2>Findings",
        "<h2>Stacks",
        "<h2>Networks",
        "<h2>Agents",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;i&gt;.yaml",
        "localhost port 8600",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[test]
fn what_is_no_page_is_replaced_only_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| certs(directory.path(), arguments).status.code();
    assert_eq!(run(&["generate"]), Some(0));
    std::fs::write(directory.path().join("mine"), "mine").unwrap();
    assert_eq!(run(&["verify-chain", "--html", "mine"]), Some(2));
    assert_eq!(
        std::fs::read(directory.path().join("mine")).unwrap(),
        b"mine"
    );
    assert_eq!(run(&["verify-chain", "--html", "mine", "--force"]), Some(0));
}

fn certs(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.args(arguments).current_dir(directory);
    command.output().unwrap()
}

const NETWORK: &str = "network:
  name: <script>alert(1)</script>
  transports:
    - type: grpc
      config:
        host: localhost
        port: 8600
        tls:
          enabled: true
          cert_file: server.crt
          key_file: server.key
          ca_file: ca.crt
          require_client_cert: true
";
