//! What is promised of the files on disk, whoever else writes and whatever is killed when.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use openagents_certs::keys::Signer;
use openagents_certs::pki::{bundle, pem};

#[test]
fn processes_at_once_make_one_authority_and_whole_pairs() {
    let directory = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..16)
        .map(|n| {
            start(
                directory.path(),
                &["generate", "--force", "--client", &format!("agent-{n}")],
            )
        })
        .collect();
    for child in children {
        succeeded(&child.wait_with_output().unwrap());
    }
    for n in 0..16 {
        assert_whole(directory.path(), &format!("agent-{n}"));
    }
    assert_whole(directory.path(), "server");
}

#[test]
fn processes_at_once_that_want_one_name_make_one_pair() {
    let directory = tempfile::tempdir().unwrap();
    succeeded(&run(directory.path(), &["generate"]));
    let children: Vec<_> = (0..16)
        .map(|_| start(directory.path(), &["issue", "client", "alice"]))
        .collect();
    let outputs = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap());
    let (made, refused): (Vec<_>, Vec<_>) = outputs.partition(|output| output.status.success());
    assert_eq!(made.len(), 1, "{refused:?}");
    for output in refused {
        assert!(
            stderr(&output).contains("already exists"),
            "{}",
            stderr(&output)
        );
    }
    assert_whole(directory.path(), "alice");
}

#[test]
fn what_was_killed_at_any_moment_is_mended_by_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["generate", "--force", "--mtls"];
    for moment in 0..60 {
        let mut child = start(directory.path(), &arguments);
        std::thread::sleep(Duration::from_micros(moment * 300));
        child.kill().unwrap();
        child.wait().unwrap();
        if moment % 3 == 0 {
            succeeded(&run(directory.path(), &arguments));
            assert_whole(directory.path(), "server");
            assert_whole(directory.path(), "client");
        }
    }
    succeeded(&run(directory.path(), &arguments));
    for name in std::fs::read_dir(directory.path()).unwrap() {
        let name = name.unwrap().file_name().into_string().unwrap();
        assert!(FILES.contains(&name.as_str()), "{name} was left behind");
    }
}

#[test]
fn a_damaged_authority_is_refused_by_the_name_of_the_file() {
    let other = tempfile::tempdir().unwrap();
    succeeded(&run(other.path(), &["generate"]));
    let key_of_another = std::fs::read(other.path().join("ca.key")).unwrap();
    let broken: [&[u8]; 5] = [
        b"",
        b"junk\n",
        b"-----BEGIN PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
        &key_of_another,
    ];
    for name in ["ca.key", "ca.crt"] {
        for content in broken {
            let directory = tempfile::tempdir().unwrap();
            succeeded(&run(directory.path(), &["generate"]));
            std::fs::write(directory.path().join(name), content).unwrap();
            let output = run(directory.path(), &["issue", "client", "alice"]);
            assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
            assert!(stderr(&output).contains(name), "{}", stderr(&output));
            assert!(!directory.path().join("alice.key").exists());
        }
    }
}

#[test]
fn a_link_planted_in_the_directory_is_not_followed() {
    for name in ["ca.key", "ca.crt", "server.key", "server.crt"] {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = directory.path().join("elsewhere");
        let certs = directory.path().join("certs");
        std::fs::create_dir(&certs).unwrap();
        symlink(&elsewhere, certs.join(name)).unwrap();
        let output = run(&certs, &["generate", "--force"]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", stderr(&output));
        assert!(stderr(&output).contains(name), "{}", stderr(&output));
        assert!(!elsewhere.exists(), "{name} was followed");
    }
}

#[test]
fn a_link_planted_as_a_directory_of_the_authority_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    succeeded(&run(directory.path(), &["ca", "init"]));
    symlink(elsewhere.path(), directory.path().join("rotation")).unwrap();
    let output = run(directory.path(), &["ca", "rotate", "prepare"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("rotation"), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn another_user_who_locks_the_directory_blocks_nobody() {
    let directory = tempfile::tempdir().unwrap();
    succeeded(&run(directory.path(), &["ca", "init"]));
    let other = std::fs::File::open(directory.path()).unwrap();
    other.lock().unwrap();
    for arguments in [&["issue", "client", "alice"][..], &["crl"]] {
        succeeded(&run(directory.path(), arguments));
    }
}

#[test]
fn who_is_waited_for_is_reported_after_a_moment() {
    let directory = tempfile::tempdir().unwrap();
    succeeded(&run(directory.path(), &["ca", "init"]));
    let path = directory.path().join(".openagents-certs.lock");
    std::fs::write(&path, "4711").unwrap();
    let held = std::fs::File::open(&path).unwrap();
    held.lock().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_openagents-certs"))
        .args(["issue", "client", "alice", "-C"])
        .arg(directory.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
    drop(held);
    assert!(child.wait().unwrap().success());
    assert!(
        line.contains("waiting for another command (process 4711)"),
        "{line}"
    );
    assert!(!path.exists());
}

#[test]
fn an_authority_that_is_there_stays_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    succeeded(&run(directory.path(), &["generate"]));
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let (certificate, key) = (read("ca.crt"), read("ca.key"));
    succeeded(&run(directory.path(), &["generate", "--force", "--mtls"]));
    assert_eq!((read("ca.crt"), read("ca.key")), (certificate, key));
}

/// What `generate --mtls` leaves in a directory.
const FILES: [&str; 9] = [
    "ca.crt",
    "ca.key",
    "client.crt",
    "client.key",
    "inventory.db",
    "inventory.db-shm",
    "inventory.db-wal",
    "server.crt",
    "server.key",
];

/// That a pair is two plain files that belong together, and its key nobody else's to read.
fn assert_whole(directory: &Path, name: &str) {
    let [certificate, key] = ["crt", "key"].map(|extension| {
        let path = directory.join(name).with_extension(extension);
        assert!(!path.is_symlink(), "{} is a link", path.display());
        path
    });
    let certificates = bundle::certificates(&std::fs::read(certificate).unwrap()).unwrap();
    let blocks = pem::blocks(&std::fs::read(&key).unwrap()).unwrap();
    let signer = Signer::from_pkcs8(&blocks[0].contents).unwrap();
    assert_eq!(certificates[0].public_key_info(), signer.public_key_info());
    let mode = std::fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn start(directory: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.args(arguments).arg("-C").arg(directory);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    start(directory, arguments).wait_with_output().unwrap()
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        stderr(output)
    );
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
