//! Requests that others made: those that prove their key are granted, the others refused.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests look at the disk themselves"
)]

use std::path::Path;
use std::process::Command;

#[test]
fn a_request_signed_with_rsa_pss_is_granted_whatever_its_salt() {
    let scene = Scene::new();
    for (digest, salt) in [
        ("sha256", "digest"),
        ("sha256", "max"),
        ("sha384", "7"),
        ("sha512", "0"),
    ] {
        let salt = format!("rsa_pss_saltlen:{salt}");
        let options = [
            "-newkey",
            "rsa:2048",
            &format!("-{digest}"),
            "-sigopt",
            "rsa_padding_mode:pss",
            "-sigopt",
            &salt,
        ];
        if !scene.openssl_request(&options, "DNS:a.example") {
            return;
        }
        let (code, text) = scene.sign();
        assert_eq!(code, 0, "{digest} {salt}: {text}");
    }
}

#[test]
fn a_request_whose_signature_or_key_proves_nothing_is_refused() {
    let scene = Scene::new();
    let p256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    for (options, names, says) in [
        (
            &["-newkey", "rsa:2048", "-sha1"][..],
            "DNS:a.example",
            "can be forged",
        ),
        (
            &[p256, &["-sha1"]].concat(),
            "DNS:a.example",
            "can be forged",
        ),
        (
            &["-newkey", "rsa:1024", "-sha256"],
            "DNS:a.example",
            "1024 bits",
        ),
        // "bücher.example" in UTF-8: nobody can say that its bytes are not Latin-1.
        (
            &[p256, &["-sha256"]].concat(),
            "DER:3011820f62c3bc636865722e6578616d706c65",
            "not ASCII",
        ),
    ] {
        if !scene.openssl_request(options, names) {
            return;
        }
        let (code, text) = scene.sign();
        assert_eq!(code, 1, "{options:?}: {text}");
        assert!(text.contains(says), "{options:?}: {text}");
    }
}

#[test]
fn a_small_exponent_is_refused() {
    let scene = Scene::new();
    let options = [
        "-newkey",
        "rsa:2048",
        "-pkeyopt",
        "rsa_keygen_pubexp:3",
        "-sha256",
    ];
    if scene.openssl_request(&options, "DNS:a.example") {
        let (code, text) = scene.sign();
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("exponent"), "{text}");
    }
}

/// The identity is its own multiple, so that this signature verifies over every message.
#[test]
fn an_ed25519_key_of_small_order_with_a_forged_proof_is_refused() {
    let scene = Scene::new();
    let mut identity = [0; 32];
    identity[0] = 1;
    let info = hex("302a300506032b6570032100");
    let key = [&info[..], &identity].concat();
    let name = hex("300c310a300806035504030c0161");
    let body = [&hex("020100")[..], &name, &key, &hex("a000")].concat();
    let body = [&[0x30, body.len() as u8][..], &body].concat();
    let signature = [&hex("034100")[..], &identity, &[0; 32]].concat();
    let whole = [&body[..], &hex("300506032b6570"), &signature].concat();
    let request = [&[0x30, 0x81, whole.len() as u8][..], &whole].concat();
    std::fs::write(scene.path().join("a.csr"), request).unwrap();
    let (code, text) = scene.sign_with(&["--san", "a.example"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("small order"), "{text}");
}

/// A directory with a CA.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Scene(tempfile::tempdir().unwrap());
        let (code, text) = scene.run(&["ca", "init"]);
        assert_eq!(code, 0, "{text}");
        scene
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes `a.csr`; `false` if there is no OpenSSL.
    fn openssl_request(&self, options: &[&str], names: &str) -> bool {
        let output = Command::new("openssl")
            .args([
                "req",
                "-new",
                "-nodes",
                "-keyout",
                "a.key",
                "-out",
                "a.csr",
                "-subj",
                "/CN=a.example",
            ])
            .args(options)
            .args(["-addext", &format!("subjectAltName={names}")])
            .current_dir(self.path())
            .output();
        match output {
            Ok(output) => {
                assert!(
                    output.status.success(),
                    "{}",
                    String::from_utf8_lossy(&output.stderr)
                );
                true
            }
            Err(error) => {
                println!("not checked: {error}");
                false
            }
        }
    }

    fn sign(&self) -> (i32, String) {
        self.sign_with(&[])
    }

    fn sign_with(&self, more: &[&str]) -> (i32, String) {
        let arguments = ["csr", "sign", "a.csr", "--profile", "server", "--force"];
        self.run(&[&arguments[..], more].concat())
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_openagents-certs"))
            .args(arguments)
            .current_dir(self.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }
}

fn hex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
