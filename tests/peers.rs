//! What `generate` makes, as others see it: OpenSSL, GnuTLS, Python's `ssl` and `cryptography`,
//! pkilint, and a gRPC server and client; and what the stacks of gRPC do with what, against what
//! `verify-chain` says of it.
//!
//! A peer that is not installed is named and left out; with `OPENAGENTS_CERTS_PEERS=required` its
//! absence fails. `OPENAGENTS_CERTS_PYTHON` names a Python that has `cryptography`, `grpcio` and
//! `pkilint`; `.ci/run` makes one, and the peers on Node and tonic.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

#[test]
fn openssl_accepts_every_certificate_under_its_strict_rules() {
    if !is_here("openssl", &["version"]) {
        return;
    }
    for pki in PKIS.iter() {
        for (purpose, file) in [
            ("sslserver", "server.crt"),
            ("sslclient", "client.crt"),
            ("sslserver", "peer.crt"),
            ("sslclient", "peer.crt"),
        ] {
            let (ca, leaf) = (pki.file("ca.crt"), pki.file(file));
            let strict = [
                "verify",
                "-x509_strict",
                "-check_ss_sig",
                "-purpose",
                purpose,
            ];
            run(Command::new("openssl")
                .args(strict)
                .arg("-CAfile")
                .args([ca, leaf]));
        }
        let ca = pki.file("ca.crt");
        let strict = ["verify", "-x509_strict", "-check_ss_sig", "-CAfile"];
        run(Command::new("openssl").args(strict).args([&ca, &ca]));
    }
}

#[test]
fn gnutls_accepts_every_certificate() {
    if !is_here("certtool", &["--version"]) {
        return;
    }
    for pki in PKIS.iter() {
        for file in ["ca.crt", "server.crt", "client.crt", "peer.crt"] {
            let mut command = Command::new("certtool");
            command.args(["--verify", "--verify-profile", "medium"]);
            command.arg("--load-ca-certificate");
            command
                .arg(pki.file("ca.crt"))
                .arg("--infile")
                .arg(pki.file(file));
            let output = run(&mut command);
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                text.contains("Chain verification output: Verified"),
                "{text}"
            );
        }
    }
}

#[test]
fn python_cryptography_accepts_every_certificate() {
    if !python_has("cryptography") {
        return;
    }
    // Its verifier takes no Ed25519 at all.
    for pki in PKIS.iter().filter(|pki| pki.key_type != "ed25519") {
        let ca = pki.file("ca.crt");
        let verifier = |file: &str, purpose: &[&str]| {
            run(script("verifier.py")
                .args([&ca, &pki.file(file)])
                .args(purpose));
        };
        for name in ["localhost", "127.0.0.1", "::1"] {
            verifier("server.crt", &["server", name]);
        }
        for name in PEER_DIALLED_AS {
            verifier("peer.crt", &["server", name]);
        }
        verifier("client.crt", &["client"]);
        verifier("peer.crt", &["client"]);
    }
}

#[test]
fn python_ssl_shakes_hands_under_its_strict_rules() {
    if !python_has("ssl") {
        return;
    }
    for pki in PKIS.iter() {
        let shake_hands =
            |ends: [&str; 3]| run(script("strict_tls.py").arg(&pki.directory).args(ends));
        for name in ["localhost", "127.0.0.1", "::1"] {
            shake_hands(["server", name, "client"]);
        }
        for name in PEER_DIALLED_AS {
            shake_hands(["peer", name, "peer"]);
        }
    }
}

#[test]
fn pkilint_finds_nothing() {
    if !python_has("pkilint") {
        return;
    }
    for pki in PKIS.iter() {
        let files = ["ca.crt", "server.crt", "client.crt", "peer.crt"].map(|file| pki.file(file));
        run(script("lint.py").args(files));
    }
}

#[test]
fn the_shared_linters_find_nothing() {
    let shared = std::env::var_os("OPENAGENTS_CERTS_SHARED").unwrap_or_else(|| "../shared".into());
    let linter = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(shared)
        .join("tools/lint/lint.sh");
    if !linter.exists() {
        return say(&format!("{} is not there", linter.display()));
    }
    if !python_has("pkilint") {
        return;
    }
    // One of them holds the rules for public servers, which allow no Ed25519.
    for pki in PKIS.iter().filter(|pki| pki.key_type != "ed25519") {
        let files = ["ca.crt", "server.crt", "client.crt"].map(|file| pki.file(file));
        run(Command::new(&linter)
            .env("LINT_PYTHON", python())
            .args(files));
    }
}

#[test]
fn grpc_calls_are_answered_over_tls_and_mutual_tls_and_refused_to_strangers() {
    if !python_has("grpc") {
        return;
    }
    // grpcio cannot use Ed25519, as `generate` warns.
    let usable: Vec<_> = PKIS
        .iter()
        .filter(|pki| pki.key_type != "ed25519")
        .collect();
    for (at, pki) in usable.iter().enumerate() {
        let other = usable[(at + 1) % usable.len()];
        run(script("grpc_peers.py").args([&pki.directory, &other.directory]));
    }
}

#[test]
fn what_a_subordinate_authority_issues_is_taken_with_the_chain_it_is_served_with() {
    let pki = &*SUBORDINATE;
    let (ca, server) = (pki.file("ca.crt"), pki.file("server.crt"));
    if is_here("openssl", &["version"]) {
        let strict = ["verify", "-x509_strict", "-purpose", "sslserver"];
        let mut command = Command::new("openssl");
        command.args(strict).arg("-CAfile").arg(&ca);
        run(command.arg("-untrusted").args([&server, &server]));
    }
    if is_here("certtool", &["--version"]) {
        let mut command = Command::new("certtool");
        command
            .arg("--verify")
            .arg("--load-ca-certificate")
            .arg(&ca);
        run(command.arg("--infile").arg(&server));
    }
    if python_has("cryptography") {
        run(script("verifier.py")
            .args([&ca, &server])
            .args(["server", "localhost"]));
        run(script("strict_tls.py")
            .arg(&pki.directory)
            .args(["server", "localhost", "client"]));
    }
    if python_has("grpc") {
        run(script("grpc_peers.py").args([&pki.directory, &PKIS[0].directory]));
    }
    if python_has("pkilint") {
        run(script("lint.py").args([ca, pki.file("issuer.crt")]));
        run(script("lint.py")
            .args(["issuer.crt", "server.crt", "client.crt"].map(|file| pki.file(file))));
    }
}

#[test]
fn grpc_core_grpc_js_and_tonic_do_what_verify_chain_says() {
    if !cfg!(feature = "rsa") {
        return say("the variants have RSA keys, which this build does not make");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let tonic = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers-tonic/debug/tonic-peer");
    let grpc_js = folder.join("node_modules/@grpc/grpc-js/package.json");
    let peers = python_has("cryptography, grpc")
        && is_here("node", &["--version"])
        && is_made(&grpc_js, "npm ci --prefix tests/interop")
        && is_made(
            &tonic,
            "cargo build --manifest-path tests/interop/tonic/Cargo.toml --target-dir target/peers-tonic",
        );
    if !peers {
        return;
    }
    let directory = scratch("stacks");
    std::fs::create_dir_all(&directory).unwrap();
    run(script("verdicts.py")
        .args([env!("CARGO_BIN_EXE_openagents-certs").as_ref(), &*tonic])
        .arg(directory));
}

/// What `generate --mtls` and `issue peer` made.
struct Pki {
    key_type: &'static str,
    directory: PathBuf,
}

impl Pki {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// One for each key type, made once for all tests.
static PKIS: LazyLock<Vec<Pki>> = LazyLock::new(|| {
    let root = scratch("peers");
    KEY_TYPES
        .iter()
        .map(|key_type| {
            let directory = root.join(key_type);
            let made_in = |arguments: &[&str]| {
                let mut command = program(arguments, &directory);
                run(command.args(["--key-type", key_type]));
            };
            made_in(&["generate", "--mtls"]);
            made_in(&[&["issue", "peer", "--name", "peer"], PEER_NAMES].concat());
            Pki {
                key_type,
                directory,
            }
        })
        .collect()
});

/// A CA below another, that may issue for this machine only.
static SUBORDINATE: LazyLock<Pki> = LazyLock::new(|| {
    let root = scratch("peers-subordinate");
    let (parent, directory) = (root.join("root"), root.join("sub"));
    run(&mut program(&["ca", "init"], &parent));
    let mut command = program(
        &["ca", "intermediate", "--permit-dns", "localhost"],
        &directory,
    );
    run(command
        .args(["--permit-dns", "client", "--parent"])
        .arg(&parent));
    run(&mut program(&["generate", "--mtls"], &directory));
    let key_type = KEY_TYPES[0];
    Pki {
        key_type,
        directory,
    }
});

/// An empty directory that outlives the tests, so that what failed can be looked at.
fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).unwrap();
    }
    directory
}

fn program(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.args(arguments).arg("-C").arg(directory);
    command
}

/// A name of every kind.
const PEER_NAMES: &[&str] = &[
    "agent-7.example.org",
    "*.agents.example.org",
    "bücher.example",
    "10.0.0.7",
    "[2001:db8::7]",
    "spiffe://example.org/agent-7",
    "agent-7@example.org",
];

/// What a certificate for them is good for.
const PEER_DIALLED_AS: [&str; 5] = [
    "agent-7.example.org",
    "any.agents.example.org",
    "xn--bcher-kva.example",
    "10.0.0.7",
    "2001:db8::7",
];

const KEY_TYPES: &[&str] = &[
    "p256",
    "p384",
    "ed25519",
    #[cfg(feature = "rsa")]
    "rsa-2048",
    #[cfg(feature = "rsa")]
    "rsa-3072",
    #[cfg(feature = "rsa")]
    "rsa-4096",
];

/// A script of `tests/interop`, to be given its arguments.
fn script(name: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let mut command = Command::new(python());
    command.arg(folder.join(name));
    command
}

fn python() -> String {
    std::env::var("OPENAGENTS_CERTS_PYTHON").unwrap_or_else(|_| "python3".into())
}

fn python_has(module: &str) -> bool {
    is_here(&python(), &["-c", &format!("import {module}")])
}

/// Whether a peer answers; when not, says so.
fn is_here(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    let answers = output.is_ok_and(|output| output.status.success());
    answers
        || is_missing(&format!(
            "`{program} {}` does not work here",
            arguments.join(" ")
        ))
}

/// Whether a command has made what a peer needs; when not, says so.
fn is_made(path: &Path, command: &str) -> bool {
    path.exists() || is_missing(&format!("`{command}` has not been run"))
}

/// No; a failure where every peer is required.
fn is_missing(missing: &str) -> bool {
    let required =
        std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{missing}, and every peer is required");
    say(missing);
    false
}

/// Says what was not checked, past the capture of a test's output.
#[expect(clippy::explicit_write, reason = "what the macro prints is captured")]
fn say(missing: &str) {
    writeln!(std::io::stderr(), "not checked against a peer: {missing}").unwrap();
}

/// Runs a command that must succeed.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}
