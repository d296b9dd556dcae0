//! Messages from and to other JOSE libraries: joserfc and jwcrypto in Python, jose in Node, and our own templates.
//!
//! A peer that is not installed is named and left out; with `OPENAGENTS_CERTS_PEERS=required` its absence fails.

use std::path::Path;

use super::*;

const KEY_TYPES: [&str; 4] = ["p256", "p384", "x25519", "rsa-2048"];

/// Senders and receivers with keys of each kind.
static PEERS: LazyLock<Scene> = LazyLock::new(|| {
    let scene = Scene::new();
    scene.succeed(&["generate", "-q", "-o", "."], b"");
    for key_type in KEY_TYPES {
        scene.succeed(
            &["issue", "message", key_type, "--key-type", key_type, "-q"],
            b"",
        );
    }
    for key_type in ["p256", "p384", "ed25519", "rsa-2048"] {
        scene.succeed(
            &["issue", "client", key_type, "--key-type", key_type, "-q"],
            b"",
        );
    }
    scene
});

#[test]
fn joserfc_opens_what_we_seal_and_we_what_it_seals() {
    let Some(python) = python("joserfc") else {
        return;
    };
    both_ways(&python, &root("templates/files/message.py"));
}

#[test]
fn jwcrypto_opens_what_we_seal_and_we_what_it_seals() {
    let Some(python) = python("jwcrypto") else {
        return;
    };
    both_ways(&python, &root("tests/interop/message_jwcrypto.py"));
}

#[test]
fn jose_opens_what_we_seal_and_we_what_it_seals() {
    let interop = root("tests/interop");
    if !interop.join("node_modules/jose").exists()
        || !interop.join("node_modules/typescript").exists()
    {
        return missing("jose and typescript of tests/interop/package.json");
    }
    // The template is compiled, and checked, beside the modules it needs.
    let scratch = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        interop.join("node_modules"),
        scratch.path().join("node_modules"),
    )
    .unwrap();
    std::fs::write(scratch.path().join("package.json"), r#"{"type":"module"}"#).unwrap();
    std::fs::copy(
        root("templates/files/message.ts"),
        scratch.path().join("message.ts"),
    )
    .unwrap();
    let compiled = Command::new("node")
        .arg(interop.join("node_modules/typescript/bin/tsc"))
        .args([
            "--strict",
            "--skipLibCheck",
            "--target",
            "es2022",
            "--module",
            "nodenext",
            "--types",
            "node",
            "message.ts",
        ])
        .current_dir(scratch.path())
        .output()
        .unwrap();
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stdout)
    );
    both_ways(Path::new("node"), &scratch.path().join("message.js"));
}

#[test]
fn our_library_opens_what_we_seal_and_we_what_it_seals() {
    let example = PathBuf::from(env!("CARGO_BIN_EXE_openagents-certs"));
    let example = example.with_file_name("examples").join("message");
    if !example.exists() {
        return missing("the example, which `cargo test` and `cargo build --examples` build,");
    }
    both_ways(&example, Path::new(""));
}

/// A peer's `seal CERT KEY RECIPIENT AUDIENCE SCOPE` and `open CERT KEY CA AUDIENCE SCOPE` against ours.
fn both_ways(program: &Path, script: &Path) {
    let peer = |arguments: &[&str], input: &[u8]| {
        let mut command = Command::new(program);
        if script != Path::new("") {
            command.arg(script);
        }
        command.args(arguments).current_dir(PEERS.directory.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        output.stdout
    };
    let payload = "{\"tool\": \"pay\", \"amount\": 1.50, \"to\": \"Zoë\"}";
    for (sender, recipient) in ["p256", "p384", "ed25519", "rsa-2048"]
        .into_iter()
        .zip(KEY_TYPES)
    {
        let [certificate, key] = ["crt", "key"].map(|ending| format!("{sender}.{ending}"));
        let [own, own_key] = ["crt", "key"].map(|ending| format!("{recipient}.message.{ending}"));
        let expected = ["--ca", "ca.crt", "--audience", "bob", "--scope", "read"];
        let theirs = peer(
            &["seal", &certificate, &key, &own, "bob", "read"],
            payload.as_bytes(),
        );
        let open = [
            &["message", "open", "--cert", &own, "--key", &own_key],
            &expected[..],
        ]
        .concat();
        assert_eq!(
            PEERS.succeed(&open, &theirs),
            payload.as_bytes(),
            "{recipient}"
        );
        let signer = [
            "message",
            "seal",
            "--cert",
            &certificate,
            "--key",
            &key,
            "--to",
            &own,
        ];
        let ours = [&signer[..], &expected[2..]].concat();
        // Ed25519 leaves and their chains are not judged by every peer.
        let message = PEERS.succeed(&ours, payload.as_bytes());
        let opened = peer(&["open", &own, &own_key, "ca.crt", "bob", "read"], &message);
        assert_eq!(opened, payload.as_bytes(), "{sender} to {recipient}");
    }
}

fn python(module: &str) -> Option<PathBuf> {
    let python =
        std::env::var_os("OPENAGENTS_CERTS_PYTHON").map_or("python3".into(), PathBuf::from);
    let python = if python.components().count() > 1 {
        std::path::absolute(python).unwrap()
    } else {
        python
    };
    let import = format!("import {module}, cryptography.x509.verification");
    let found = Command::new(&python).args(["-c", &import]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    missing(&format!("Python's {module}"));
    None
}

#[allow(clippy::print_stderr, reason = "it says what it leaves out")]
fn missing(what: &str) {
    let required =
        std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{what} is not installed");
    eprintln!("not run: {what} is not installed");
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
