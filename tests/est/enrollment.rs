//! `enroll`, and the renewals of an enrolled machine.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::Value;

use super::{Scene, token};
use crate::peer::{certs, certs_fails, program, run};
use crate::serve::{Server, until};

#[test]
fn a_machine_enrolls_once_and_renews_by_itself() {
    let scene = Scene::new("enroll", "");
    let token = scene.token(&["a.example.org"], &["--profile", "peer"]);
    let machine = scene.directory.with_file_name("machine");
    let enrolled = enroll(&token.text, &machine, &[]);
    assert_eq!(enrolled["unchanged"], false);
    for (file, mode) in [
        ("a.example.org.key", 0o600),
        ("a.example.org.crt", 0o644),
        ("ca.crt", 0o644),
    ] {
        let found = fs::metadata(machine.join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(found & 0o777, mode, "{file}");
    }
    assert_eq!(read(&machine, "ca.crt"), read(&scene.directory, "ca.crt"));
    assert_no_secret(&machine, &token.secret);
    let again = enroll(&token.text, &machine, &[]);
    assert_eq!(
        (&again["unchanged"], &again["serial"]),
        (&Value::Bool(true), &enrolled["serial"])
    );
    let key = read(&machine, "a.example.org.key");
    let renewal = renew(
        &machine,
        &["--exec", "sh", "-c", "echo $OPENAGENTS_CERTS_EVENT > hook"],
    );
    assert_eq!(renewal["certificates"][0]["outcome"], "renewed");
    assert_eq!(renewal["certificates"][0]["old_serial"], enrolled["serial"]);
    assert_eq!(read(&machine, "a.example.org.key"), key);
    let rekeyed = renew(&machine, &["--rekey"]);
    assert_eq!(rekeyed["certificates"][0]["rekeyed"], true);
    assert_ne!(read(&machine, "a.example.org.key"), key);
    certs(
        &["verify", "a.example.org.crt", "--ca", "ca.crt"]
            .map(|word| absolute(&machine, word))
            .each_ref()
            .map(String::as_str),
        &machine,
    );
    let listed = certs(
        &["list", "--json", "--status", "superseded"],
        &scene.directory,
    );
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["certificates"].as_array().unwrap().len(), 2);
}

#[test]
fn a_run_that_was_killed_is_continued_with_its_key() {
    let scene = Scene::new("enroll-killed", "");
    let token = scene.token(&["a.example.org"], &[]);
    let machine = scene.directory.with_file_name("machine");
    // The token leads to a port that takes the connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("https://{}", silent.local_addr().unwrap());
    let mut parts: Vec<&str> = token.text.split('.').collect();
    let moved = Base64UrlUnpadded::encode_string(elsewhere.as_bytes());
    parts[2] = &moved;
    let mut child = program(
        &["enroll", &parts.join("."), "--out", &absolute(&machine, "")],
        &machine,
    )
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let pending = machine.join(format!("enroll-{}.key", token.id));
    until("the key is kept", || pending.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = fs::read(&pending).unwrap();
    enroll(&token.text, &machine, &[]);
    assert_eq!(read(&machine, "a.example.org.key").into_bytes(), kept);
    assert!(!pending.exists());
    // The certificate is lost: the same key gets another one.
    fs::remove_file(machine.join("a.example.org.crt")).unwrap();
    enroll(&token.text, &machine, &[]);
    assert_eq!(read(&machine, "a.example.org.key").into_bytes(), kept);
    let refused = enroll_fails(1, &token.text, &machine.with_file_name("other"));
    assert!(refused.contains("as many keys"), "{refused}");
}

#[test]
fn a_token_is_not_sent_to_a_server_of_another_authority() {
    let (scene, other) = (Scene::new("enroll-pin", ""), Scene::new("enroll-pin-2", ""));
    let machine = scene.directory.with_file_name("machine");
    let misled = token(&scene.directory, &other.server.url, &["a.example.org"], &[]);
    let refused = enroll_fails(1, &misled.text, &machine);
    assert!(refused.contains("was not sent"), "{refused}");
    assert!(!other.server.log().contains("simpleenroll"));
    let unreachable = token(
        &scene.directory,
        "https://127.0.0.1:1",
        &["a.example.org"],
        &[],
    );
    enroll_fails(2, &unreachable.text, &machine);
    enroll_fails(2, "oact1.x", &machine);
    enroll_fails(2, &unreachable.text[..60], &machine);
}

#[test]
fn what_answers_in_plain_text_gets_no_secret() {
    let scene = Scene::new("enroll-plain", "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let token = token(&scene.directory, &url, &["a.example.org"], &[]);
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = vec![0; 4096];
        let length = stream.read(&mut heard).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        heard.truncate(length);
        heard
    });
    enroll_fails(2, &token.text, &scene.directory.with_file_name("machine"));
    let heard = String::from_utf8_lossy(&server.join().unwrap()).into_owned();
    assert!(!heard.contains(&token.secret));
}

#[test]
fn an_expired_or_revoked_token_is_refused() {
    let scene = Scene::new("enroll-expired", "");
    let machine = scene.directory.with_file_name("machine");
    let expired = scene.token(&["a.example.org"], &["--ttl", "1s"]);
    let listed = || certs(&["token", "list"], &scene.directory);
    until("the token has expired", || listed().contains("expired"));
    enroll_fails(1, &expired.text, &machine);
    let revoked = scene.token(&["a.example.org"], &[]);
    certs(&["token", "revoke", &revoked.id], &scene.directory);
    enroll_fails(1, &revoked.text, &machine);
    assert!(
        fs::read_dir(&machine)
            .unwrap()
            .all(|file| !file.unwrap().path().ends_with(".key"))
    );
    certs_fails(2, &["token", "revoke", "unknown"], &scene.directory);
}

#[test]
fn an_expired_certificate_is_renewed_within_the_grace_period_only() {
    for (grace, code) in [("renew_expired_for = '7d'", 0), ("", 1)] {
        let settings = format!("[serve]\n{grace}\n");
        let scene = Scene::new(&format!("enroll-grace-{code}"), &settings);
        let token = scene.token(&["a.example.org"], &["--cert-ttl", "1s"]);
        let machine = scene.directory.with_file_name("machine");
        enroll(&token.text, &machine, &[]);
        let status = || {
            let output = program(&["status", "--json"], &machine).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        until("the certificate has expired", || {
            status().contains("\"expires_in_seconds\": -")
        });
        let output = program(&["renew", "--all"], &machine).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            code == 0 || text.contains("enroll again with a new token"),
            "{text}"
        );
    }
}

#[test]
fn a_rotation_reaches_an_enrolled_machine_and_waits_for_it() {
    let scene = Scene::new("enroll-rotation", "");
    let token = scene.token(&["a.example.org"], &[]);
    let machine = scene.directory.with_file_name("machine");
    enroll(&token.text, &machine, &[]);
    let before = read(&machine, "ca.crt");
    certs(&["ca", "rotate", "prepare"], &scene.directory);
    let status = || {
        let status = certs(&["ca", "rotate", "status", "--json"], &scene.directory);
        serde_json::from_str::<Value>(&status).unwrap()["enrolled"].clone()
    };
    assert_eq!(
        (&status()["machines"], &status()["fetched"]),
        (&1.into(), &0.into())
    );
    assert_eq!(status()["waiting"][0]["name"], "a.example.org");
    certs_fails(
        1,
        &["ca", "rotate", "activate", "--enrolled"],
        &scene.directory,
    );
    until("the server has both roots", || {
        scene.server.get("/ca.crt").text().matches("BEGIN").count() == 2
    });
    renew(&machine, &[]);
    assert_ne!(read(&machine, "ca.crt"), before);
    assert_eq!(
        (&status()["fetched"], &status()["waiting"]),
        (&1.into(), &Value::Array(vec![]))
    );
    certs(
        &["ca", "rotate", "activate", "--enrolled"],
        &scene.directory,
    );
    let issuer = |machine: &Path| {
        let shown = certs(
            &["inspect", "--json", &absolute(machine, "a.example.org.crt")],
            machine,
        );
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["files"][0]["objects"][0]["issuer"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let old = issuer(&machine);
    until("the new root issues", || {
        renew(&machine, &[]);
        issuer(&machine) != old
    });
    // The anchors may have been fetched a moment before the server turned to the new root.
    renew(&machine, &[]);
    assert_eq!(read(&machine, "ca.crt"), read(&scene.directory, "ca.crt"));
}

#[test]
fn a_server_that_is_down_is_asked_again_and_nothing_changes() {
    let scene = Scene::new("enroll-down", "");
    let token = scene.token(&["a.example.org"], &[]);
    let machine = scene.directory.with_file_name("machine");
    enroll(&token.text, &machine, &[]);
    let certificate = read(&machine, "a.example.org.crt");
    let address = scene.server.https.to_string();
    scene.server.stop();
    certs_fails(2, &["renew", "--all"], &machine);
    assert_eq!(read(&machine, "a.example.org.crt"), certificate);
    assert!(read(&machine, "enrollment.toml").contains("retry_at"));
    let mut command = crate::serve::server::command(&scene.directory);
    command.args(["--listen", &address, "--http-listen", "none"]);
    let server = Server::spawn(&mut command, &scene.directory);
    renew(&machine, &[]);
    assert!(!read(&machine, "enrollment.toml").contains("retry_at"));
    drop(server);
}

#[test]
fn the_token_comes_from_standard_input_or_the_environment() {
    let scene = Scene::new("enroll-sources", "");
    let token = scene.token(&["*.example.org"], &["--uses", "2"]);
    let machine = scene.directory.with_file_name("machine");
    let out = absolute(&machine, "");
    let mut child = program(
        &["enroll", "-", "--out", &out, "--name", "a.example.org"],
        &machine,
    )
    .stdin(Stdio::piped())
    .spawn()
    .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(format!("{}\n", token.text).as_bytes())
        .unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    let other = machine.with_file_name("other");
    let arguments = [
        "enroll",
        "--out",
        &absolute(&other, ""),
        "--san",
        "b.example.org",
        "--name",
        "web",
    ];
    run(program(&arguments, &other).env("OPENAGENTS_CERTS_TOKEN", &token.text));
    assert!(machine.join("a.example.org.crt").exists() && other.join("web.key").exists());
    let refused = certs_fails(2, &["enroll", &token.text], &scene.directory);
    assert!(refused.contains("directory of a CA"), "{refused}");
}

fn enroll(token: &str, machine: &Path, options: &[&str]) -> Value {
    let out = absolute(machine, "");
    let arguments = [&["enroll", token, "--out", &out, "--json"], options].concat();
    serde_json::from_str(&certs(&arguments, machine)).unwrap()
}

fn enroll_fails(code: i32, token: &str, machine: &Path) -> String {
    let out = absolute(machine, "");
    certs_fails(code, &["enroll", token, "--out", &out], machine)
}

/// Renews all from within the directory, with `--json` before options of which `--exec` takes the rest.
fn renew(machine: &Path, options: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.args(["renew", "--all", "--json"]).args(options);
    let output = run(command.current_dir(machine));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap()
}

fn absolute(directory: &Path, name: &str) -> String {
    match name {
        name if name.contains(".crt") || name.is_empty() => {
            directory.join(name).to_str().unwrap().to_owned()
        }
        word => word.to_owned(),
    }
}

fn assert_no_secret(directory: &Path, secret: &str) {
    for file in fs::read_dir(directory).unwrap() {
        let content = fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains(secret));
    }
}
