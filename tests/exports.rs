//! What `export` makes, as those it is for read it: OpenSSL, Java's keytool, Python's `cryptography`.
//!
//! A program that is not installed is named and left out; with `OPENAGENTS_CERTS_PEERS=required` its
//! absence fails. `OPENAGENTS_CERTS_PYTHON` names a Python that has `cryptography`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn a_pkcs_12_file_is_opened_by_everyone_it_is_for() {
    let scene = Scene::new();
    for (format, protection) in [("p12", None), ("p12", Some("--legacy")), ("jks", None)] {
        let file = scene.export(format, "node", protection);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        if is_here("openssl", &["version"]) {
            let mut command = Command::new("openssl");
            command
                .args(["pkcs12", "-nodes", "-passin"])
                .arg(format!("pass:{PASSWORD}"));
            command
                .args(protection.map(|_| "-legacy"))
                .arg("-in")
                .arg(&file);
            let text = String::from_utf8(run(&mut command).stdout).unwrap();
            assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2);
            assert_eq!(text.matches("BEGIN PRIVATE KEY").count(), 1);
        }
        if is_here("keytool", &["-help"]) {
            let text = keytool(&file);
            assert!(text.contains("node, "), "{text}");
            assert!(text.contains("PrivateKeyEntry"), "{text}");
            assert_eq!(text.contains("trustedCertEntry"), format == "jks", "{text}");
        }
        if python_has("cryptography") {
            run(python("exports.py").arg("pkcs12").arg(&file).arg(PASSWORD));
        }
    }
}

#[test]
fn java_trusts_what_is_in_a_truststore() {
    if !is_here("keytool", &["-help"]) {
        return;
    }
    let scene = Scene::new();
    let text = keytool(&scene.export("jks", "ca", None));
    assert!(text.contains("contains 1 entry"), "{text}");
    assert!(text.contains("trustedCertEntry"), "{text}");
}

#[test]
fn objects_of_kubernetes_are_what_its_schema_says() {
    if !python_has("cryptography") {
        return;
    }
    let scene = Scene::new();
    let certs = |name: &str| scene.path.join("certs").join(name);
    let secret = scene.export("k8s-secret", "node", None);
    assert_eq!(
        secret.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let mut check = python("exports.py");
    check.arg("secret").arg(secret);
    run(check.args([certs("node.crt"), certs("node.key"), certs("ca.crt")]));
    let map = scene.export("k8s-configmap", "ca", None);
    run(python("exports.py")
        .arg("config-map")
        .arg(map)
        .arg(certs("ca.crt")));
    let jwk = scene.export("jwk", "node", Some("--private"));
    run(python("exports.py")
        .arg("jwk")
        .arg(jwk)
        .arg(certs("node.key")));
}

const PASSWORD: &str = "sesame-1";

/// A directory with an authority, and a certificate called `node`.
struct Scene {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        std::fs::write(path.join("password"), PASSWORD).unwrap();
        run(program(&path).args(["ca", "init", "--common-name", "Root"]));
        run(program(&path).args(["issue", "server", "node.internal", "--name", "node"]));
        Scene {
            path,
            _directory: directory,
        }
    }

    fn export(&self, format: &str, name: &str, option: Option<&str>) -> PathBuf {
        let file = format!("{format}-{name}{}", option.unwrap_or_default());
        let mut command = program(&self.path);
        command
            .args(["export", format, name, "--out", &file])
            .args(option);
        run(command.args(["--password-file", "password"]));
        self.path.join(file)
    }
}

fn keytool(store: &Path) -> String {
    let mut command = Command::new("keytool");
    command
        .args(["-list", "-storepass", PASSWORD, "-keystore"])
        .arg(store);
    String::from_utf8(run(&mut command).stdout).unwrap()
}

fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command
        .current_dir(directory)
        .env_remove("OPENAGENTS_CERTS_DIR");
    command
}

fn python(script: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop")
        .join(script);
    let mut command = Command::new(python_program());
    command.arg(path);
    command
}

fn python_program() -> String {
    std::env::var("OPENAGENTS_CERTS_PYTHON").unwrap_or_else(|_| "python3".into())
}

fn python_has(module: &str) -> bool {
    is_here(&python_program(), &["-c", &format!("import {module}")])
}

#[expect(clippy::explicit_write, reason = "what the macro prints is captured")]
fn is_here(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    let is_here = output.is_ok_and(|output| output.status.success());
    if !is_here {
        let missing = format!("not here, and left out: {program} {}", arguments.join(" "));
        assert_ne!(
            std::env::var("OPENAGENTS_CERTS_PEERS").as_deref(),
            Ok("required"),
            "{missing}"
        );
        writeln!(std::io::stderr(), "{missing}").unwrap();
    }
    is_here
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}");
    output
}
