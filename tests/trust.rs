//! Trust given for real: to Python, Node.js, Java, OpenSSL and gRPC by their variables, to an NSS database and
//! a Java keystore, and where the machine is there for it to the system.
//!
//! A program that is not installed is named and left out; with `OPENAGENTS_CERTS_PEERS=required` its absence
//! fails, and run by root the store of the system is changed and put right again. `OPENAGENTS_CERTS_PYTHON` names a
//! Python that has `grpcio`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn each_runtime_trusts_the_ca_once_its_variables_are_set() {
    let scene = Scene::new("a b'c\"d$e\\f%g\nh");
    let python = python();
    for (runtime, program) in [
        ("python", python.as_str()),
        ("node", "node"),
        ("java", "java"),
        ("openssl", "openssl"),
        ("curl", "curl"),
        ("grpc", python.as_str()),
    ] {
        let is_there = match runtime {
            "grpc" => is_here(program, &["-c", "import grpc"]),
            "openssl" => is_here(program, &["version"]),
            _ => is_here(program, &["--version"]),
        };
        if !is_there {
            continue;
        }
        let check = ["trust", "check", "--python", &python, "--runtime", runtime];
        assert_eq!(
            code(&scene.output(&check)),
            1,
            "{runtime} trusts a stranger"
        );
        let with = [&check[..], &["--with-env"]].concat();
        let output = scene.output(&with);
        assert_eq!(code(&output), 0, "{runtime}: {}", text(&output));
    }
}

#[test]
fn a_check_records_nothing_and_does_not_stand_in_the_way_of_a_rotation() {
    let scene = Scene::new("pki");
    let before = scene.output(&["list", "--json"]).stdout;
    let fake = scene.program("curl -sk \"$3\" >/dev/null");
    let check = ["trust", "check", "--runtime", "python", "--python"];
    let output = scene.output(&[&check[..], &[&fake]].concat());
    assert!(code(&output) < 3, "{}", text(&output));
    assert_eq!(scene.output(&["list", "--json"]).stdout, before);
    assert_eq!(code(&scene.output(&["ca", "rotate", "prepare"])), 0);
}

#[test]
fn an_encrypted_ca_is_checked_with_the_servers_own_certificate_or_not_at_all() {
    let scene = Scene::empty("pki");
    let passphrase = scene.file("passphrase", "correct horse");
    let fake = scene.program("exit 1");
    let given = ["--passphrase-file", &passphrase];
    let init = scene.output(&[&["ca", "init"], &given[..]].concat());
    assert_eq!(code(&init), 0, "{}", text(&init));
    let check = ["trust", "check", "--runtime", "python", "--python", &fake];
    let output = scene.output(&check);
    assert_eq!(code(&output), 2, "{}", text(&output));
    assert!(
        text(&output).contains("no certificate for localhost"),
        "{}",
        text(&output)
    );
    let issue = [
        &["issue", "server", "localhost", "--name", "server"],
        &given[..],
    ]
    .concat();
    assert_eq!(code(&scene.output(&issue)), 0);
    let output = scene.output(&[&check[..], &["--json"]].concat());
    assert!(text(&output).contains("server.crt"), "{}", text(&output));
}

#[test]
fn a_runtime_that_succeeds_without_connecting_proves_nothing() {
    let scene = Scene::new("pki");
    for script in ["exit 0", "echo broken; exit 1"] {
        let fake = scene.program(script);
        let check = ["trust", "check", "--runtime", "python", "--python", &fake];
        let output = scene.output(&check);
        assert_eq!(code(&output), 2, "{script}: {}", text(&output));
        assert!(text(&output).contains("undetermined"), "{}", text(&output));
    }
}

#[test]
fn the_variable_of_the_passphrase_does_not_reach_the_runtimes() {
    let scene = Scene::new("pki");
    let fake = scene.program("echo \"[$TRUST_TEST_PASSPHRASE]\"; exit 1");
    let check = ["trust", "check", "--runtime", "python", "--python", &fake];
    let secret = ["--passphrase-env", "TRUST_TEST_PASSPHRASE"];
    let mut command = scene.command(&[&check[..], &secret].concat());
    let output = command
        .env("TRUST_TEST_PASSPHRASE", "secret")
        .output()
        .unwrap();
    assert!(text(&output).contains("[]"), "{}", text(&output));
}

#[test]
fn a_shell_reads_the_variables_whatever_the_path_is() {
    let scene = Scene::new("a b'c\"d$e\\f%g\nh");
    let lines = scene.output(&["trust", "env"]).stdout;
    let script = [&lines[..], b"printf %s \"$SSL_CERT_FILE\""].concat();
    let output = run(Command::new("sh").arg("-c").arg(OsStr::from_bytes(&script)));
    let path = scene.path.canonicalize().unwrap().join("ca.crt");
    assert_eq!(output.stdout, path.as_os_str().as_bytes());
}

#[test]
fn an_nss_database_trusts_the_ca_and_forgets_it_again() {
    if !is_here("certutil", &["-H"]) {
        return;
    }
    let scene = Scene::new("pki");
    let database = scene.path.join("nssdb");
    std::fs::create_dir(&database).unwrap();
    let mut new = Command::new("certutil");
    new.args(["-N", "--empty-password", "-d"])
        .arg(format!("sql:{}", database.display()));
    run(&mut new);
    scene.changes_and_undoes(&["--store", "nss", "--nss-db", database.to_str().unwrap()]);
}

#[test]
fn a_java_keystore_trusts_the_ca_and_forgets_it_again() {
    if !is_here("keytool", &["-help"]) {
        return;
    }
    let scene = Scene::new("pki");
    let keystore = scene.path.join("keystore.p12");
    scene.changes_and_undoes(&[
        "--store",
        "java",
        "--java-keystore",
        keystore.to_str().unwrap(),
    ]);
}

#[test]
fn the_system_trusts_the_ca_and_forgets_it_again() {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || !is_required() || !Path::new("/usr/local/share/ca-certificates").is_dir() {
        return say(
            "the store of the system is changed only by root, on Debian, with every peer required",
        );
    }
    let scene = Scene::new("pki");
    scene.changes_and_undoes(&["--store", "system"]);
}

/// A directory with an authority.
struct Scene {
    path: PathBuf,
    directory: tempfile::TempDir,
}

impl Scene {
    fn new(name: &str) -> Self {
        let scene = Scene::empty(name);
        assert_eq!(code(&scene.output(&["ca", "init"])), 0);
        scene
    }

    fn empty(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Scene {
            path: directory.path().join(name),
            directory,
        }
    }

    /// A file beside the authority.
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A program beside the authority.
    fn program(&self, script: &str) -> String {
        let path = self.file("program", &format!("#!/bin/sh\n{script}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        path
    }

    /// Installs twice, which the second time changes nothing, and uninstalls twice.
    fn changes_and_undoes(&self, places: &[&str]) {
        let trust = |action: &str| {
            let output = self.output(&[&["trust", action], places].concat());
            (code(&output), text(&output))
        };
        assert_eq!(trust("status").0, 1);
        for action in ["install", "uninstall"] {
            let (code, first) = trust(action);
            assert_eq!(code, 0, "{first}");
            let (code, second) = trust(action);
            assert_eq!(code, 0, "{second}");
            assert!(second.contains("unchanged"), "{second}");
            let expected = if action == "install" { 0 } else { 1 };
            assert_eq!(trust("status").0, expected);
        }
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
        command.arg("-C").arg(&self.path).args(arguments);
        for name in [
            "SSL_CERT_FILE",
            "NODE_EXTRA_CA_CERTS",
            "JAVA_TOOL_OPTIONS",
            "CURL_CA_BUNDLE",
        ] {
            command.env_remove(name);
        }
        command
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

fn python() -> String {
    std::env::var("OPENAGENTS_CERTS_PYTHON").unwrap_or_else(|_| "python3".into())
}

fn is_required() -> bool {
    std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required")
}

fn is_here(program: &str, arguments: &[&str]) -> bool {
    // certutil answers its own help with an error.
    let is_here = match Command::new(program).args(arguments).output() {
        Ok(output) => output.status.success() || program == "certutil",
        Err(_) => false,
    };
    if !is_here {
        let missing = format!("`{program} {}` does not work here", arguments.join(" "));
        assert!(!is_required(), "{missing}, and every peer is required");
        say(&missing);
    }
    is_here
}

/// Says what was not checked, past the capture of a test's output.
#[expect(clippy::explicit_write, reason = "what the macro prints is captured")]
fn say(missing: &str) {
    writeln!(std::io::stderr(), "not checked: {missing}").unwrap();
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    output
}
