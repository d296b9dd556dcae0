//! Keeping an authority: its passphrase, backups of it, and certificates it issued before.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "it makes files and looks at them"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

#[test]
fn a_passphrase_is_added_changed_and_removed() {
    let scene = Scene::new();
    let original = scene.read("ca.key");
    scene.password("one", "first");
    scene.password("two", "second");
    let done = scene.json(&["ca", "passphrase", "add", "--new-passphrase-file", "one"]);
    assert_eq!(done["keys"][0]["encrypted"], true);
    assert_eq!(scene.json(&["ca", "show"])["private_key_encrypted"], true);
    assert_eq!(scene.mode("ca.key"), 0o600);
    scene.fails(&["issue", "client", "a"], 2, "passphrase");
    scene.succeeds(&["issue", "client", "a", "--passphrase-file", "one"]);
    let change = ["ca", "passphrase", "change", "--passphrase-file"];
    let before = scene.read("ca.key");
    scene.fails(
        &[&change[..], &["two", "--new-passphrase-file", "two"]].concat(),
        2,
        "password",
    );
    assert_eq!(scene.read("ca.key"), before);
    scene.succeeds(&[&change[..], &["one", "--new-passphrase-file", "two"]].concat());
    scene.fails(
        &["issue", "client", "b", "--passphrase-file", "one"],
        2,
        "ca.key",
    );
    scene.succeeds(&["issue", "client", "b", "--passphrase-file", "two"]);
    scene.fails(
        &["ca", "passphrase", "add", "--new-passphrase-file", "one"],
        2,
        "already encrypted",
    );
    scene.succeeds(&["ca", "passphrase", "remove", "--passphrase-file", "two"]);
    assert_eq!(scene.read("ca.key"), original);
    scene.fails(
        &["ca", "passphrase", "remove", "--passphrase-file", "two"],
        2,
        "not encrypted",
    );
}

#[test]
fn both_keys_of_a_rotation_get_the_passphrase() {
    let scene = Scene::new();
    scene.password("one", "first");
    scene.succeeds(&["ca", "rotate", "prepare"]);
    let done = scene.json(&["ca", "passphrase", "add", "--new-passphrase-file", "one"]);
    assert_eq!(done["keys"].as_array().unwrap().len(), 2);
    for name in ["ca.key", "rotation/next.key"] {
        assert!(scene.read(name).contains("ENCRYPTED"), "{name}");
        assert_eq!(scene.mode(name), 0o600);
    }
    let activate = [
        "ca",
        "rotate",
        "activate",
        "--force",
        "--passphrase-file",
        "one",
    ];
    scene.succeeds(&activate);
    scene.succeeds(&["ca", "passphrase", "remove", "--passphrase-file", "one"]);
    assert!(!scene.read("rotation/previous.key").contains("ENCRYPTED"));
}

#[test]
fn a_key_survives_a_change_of_passphrase_that_is_killed() {
    let scene = Scene::new();
    scene.succeeds(&["ca", "rotate", "prepare"]);
    scene.password("one", "first");
    let add = ["ca", "passphrase", "add", "--new-passphrase-file", "one"];
    let remove = ["ca", "passphrase", "remove", "--passphrase-file", "one"];
    for moment in 0..12 {
        for change in [&add, &remove] {
            let mut child = scene
                .command(&change[..])
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(moment * 25));
            child.kill().unwrap();
            child.wait().unwrap();
            // Killed before, in the middle or after: the same command completes it, or has nothing left to do.
            let _ = scene.run(&change[..]);
            scene.succeeds(&[
                "issue",
                "client",
                "a",
                "--force",
                "--passphrase-file",
                "one",
            ]);
            let is_encrypted = |name: &str| scene.read(name).contains("ENCRYPTED");
            assert_eq!(is_encrypted("ca.key"), is_encrypted("rotation/next.key"));
        }
    }
}

#[test]
fn a_backup_restores_the_whole_authority() {
    let scene = Scene::new();
    scene.password("pass", "backup");
    scene.succeeds(&["issue", "server", "a.example.org"]);
    scene.succeeds(&["issue", "server", "b.example.org"]);
    scene.succeeds(&["revoke", "b.example.org"]);
    let account = scene.path("acme/accounts/acme.example.org-0a1b2c3d");
    fs::create_dir_all(&account).unwrap();
    fs::write(account.join("account.key"), "the account's key").unwrap();
    fs::write(account.join("state.json"), "{}").unwrap();
    let backup = ["ca", "backup", "ca.backup", "--passphrase-file", "pass"];
    let written = scene.json(&backup);
    assert_eq!(
        fs::metadata(scene.path("../ca.backup"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    assert!(written["path"].as_str().unwrap().starts_with('/'));
    scene.fails(&backup, 2, "already exists");
    scene.succeeds(&[&backup[..], &["--force"]].concat());
    let restore = ["ca", "restore", "ca.backup", "--passphrase-file", "pass"];
    scene.fails(&restore, 2, "already exists");
    scene.fails(
        &["ca", "restore", "ca.backup", "--passphrase-file", "other"],
        2,
        "cannot read",
    );
    scene.password("other", "wrong");
    scene.fails(
        &["ca", "restore", "ca.backup", "--passphrase-file", "other"],
        2,
        "wrong passphrase",
    );

    let serials = || -> Vec<(Value, Value)> {
        let listed = scene.json(&["list"]);
        let rows = listed["certificates"].as_array().unwrap().iter();
        rows.map(|row| (row["serial"].clone(), row["revocation"].clone()))
            .collect()
    };
    let before = serials();
    let key = scene.read("ca.key");
    fs::remove_dir_all(scene.path("")).unwrap();
    let restored = scene.json(&restore);
    assert_eq!(restored["origin"], "restored");
    assert_eq!(serials(), before);
    assert_eq!((scene.read("ca.key"), scene.mode("ca.key")), (key, 0o600));
    assert_eq!(scene.mode("inventory.db"), 0o600);
    for (name, content) in [("account.key", "the account's key"), ("state.json", "{}")] {
        let name = format!("acme/accounts/acme.example.org-0a1b2c3d/{name}");
        assert_eq!(
            (scene.read(&name), scene.mode(&name)),
            (content.into(), 0o600)
        );
    }
    scene.succeeds(&["issue", "server", "c.example.org"]);
    scene.succeeds(&["verify", "certs/a.example.org.crt"]);
}

#[test]
fn age_opens_a_backup_and_the_program_opens_what_age_writes() {
    let scene = Scene::new();
    scene.password("pass", "backup");
    scene.succeeds(&["ca", "backup", "ca.backup", "--passphrase-file", "pass"]);
    // `age -p` wants a terminal; script(1) is one.
    let age = Command::new("script")
        .args(["-qec", "age -d -o out.tar ca.backup", "/dev/null"])
        .current_dir(scene.directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut age) = age else { return };
    std::io::Write::write_all(&mut age.stdin.take().unwrap(), b"backup\n").unwrap();
    if !age.wait().unwrap().success() {
        eprintln!("not checked against a peer: `age` does not work here");
        return;
    }
    let tar = fs::read(scene.directory.path().join("out.tar")).unwrap();
    let names = String::from_utf8_lossy(&tar);
    assert!(names.contains("ca.key") && names.contains("inventory.db"));
}

#[test]
fn an_older_backup_does_not_forget_what_the_published_crl_revokes() {
    let scene = Scene::new();
    scene.password("pass", "backup");
    scene.succeeds(&["issue", "server", "a.example.org"]);
    scene.succeeds(&["crl"]);
    scene.succeeds(&["ca", "backup", "ca.backup", "--passphrase-file", "pass"]);
    scene.succeeds(&["issue", "server", "later.example.org"]);
    scene.succeeds(&["revoke", "a.example.org", "--reason", "key-compromise"]);
    scene.succeeds(&["revoke", "later.example.org"]);
    let number = scene.json(&["crl", "show"])["lists"][0]["number"].clone();
    fs::copy(scene.path("crl.pem"), scene.path("../published.pem")).unwrap();

    let restore = ["ca", "restore", "ca.backup", "--passphrase-file", "pass"];
    let in_place = scene.json(&[&restore[..], &["--force"]].concat());
    assert_eq!(in_place["carried_over"], 2, "{in_place}");
    let kept = in_place["kept"].as_str().unwrap();
    assert!(
        Path::new(kept).join("ca.key").exists() && Path::new(kept).join("inventory.db").exists()
    );
    assert_revoked(&scene, &number);

    fs::remove_dir_all(scene.path("")).unwrap();
    let elsewhere = scene.json(&[&restore[..], &["--crl", "published.pem"]].concat());
    assert_eq!(elsewhere["carried_over"], 2, "{elsewhere}");
    assert_revoked(&scene, &number);

    // Without a CRL at hand, nothing can be known.
    fs::remove_dir_all(scene.path("")).unwrap();
    assert_eq!(scene.json(&restore)["carried_over"], 0);
}

#[test]
fn a_crl_of_another_ca_and_a_damaged_backup_are_refused_and_nothing_is_written() {
    let scene = Scene::new();
    let other = Scene::new();
    other.succeeds(&["crl"]);
    scene.password("pass", "backup");
    scene.succeeds(&["ca", "backup", "ca.backup", "--passphrase-file", "pass"]);
    fs::remove_dir_all(scene.path("")).unwrap();
    let crl = other.path("crl.pem");
    let restore = ["ca", "restore", "ca.backup", "--passphrase-file", "pass"];
    scene.fails(
        &[&restore[..], &["--crl", crl.to_str().unwrap()]].concat(),
        2,
        "signed by this CA",
    );
    let archive = scene.path("../ca.backup");
    let whole = fs::read(&archive).unwrap();
    for at in [0, 60, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&archive, damaged).unwrap();
        scene.fails(&restore, 2, "ca.backup");
    }
    fs::write(&archive, &whole[..whole.len() - 100]).unwrap();
    scene.fails(&restore, 2, "ca.backup");
    let left: Vec<_> = fs::read_dir(scene.path("")).into_iter().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_restore_that_is_killed_loses_nothing() {
    let scene = Scene::new();
    scene.password("pass", "backup");
    scene.succeeds(&["ca", "rotate", "prepare"]);
    scene.succeeds(&["ca", "backup", "ca.backup", "--passphrase-file", "pass"]);
    let key = scene.read("ca.key");
    let restore = [
        "ca",
        "restore",
        "ca.backup",
        "--passphrase-file",
        "pass",
        "--force",
    ];
    for moment in 0..8 {
        let mut child = scene
            .command(&restore)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(100 + moment * 40));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(scene.read("ca.key"), key);
        scene.succeeds(&restore);
        scene.succeeds(&["issue", "client", "a", "--force"]);
        assert_eq!(scene.json(&["ca", "rotate", "status"])["stage"], "prepared");
    }
}

#[test]
fn certificates_from_before_an_import_are_adopted_renewed_and_revoked() {
    let old = Scene::new();
    for name in ["a.example.org", "b.example.org"] {
        old.succeeds(&["issue", "server", name]);
    }
    let stranger = Scene::new();
    stranger.succeeds(&["issue", "server", "c.example.org"]);
    let scene = Scene::empty();
    let (certificate, key) = (old.path("ca.crt"), old.path("ca.key"));
    scene.succeeds(&[
        "ca",
        "import",
        "--cert",
        certificate.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
    ]);
    let leg = old.path("a.example.org.crt");
    let leg = leg.to_str().unwrap();
    let refused = scene.run(&["renew", "--force", leg]);
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        stderr.contains("not in this inventory") && stderr.contains("ca adopt"),
        "{stderr}"
    );
    let foreign = stranger.path("c.example.org.crt");
    let output = scene.run(&[
        "ca",
        "adopt",
        "--json",
        old.path("").to_str().unwrap(),
        foreign.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["adopted"], &report["refused"]),
        (&2.into(), &1.into()),
        "{report}"
    );
    let again = scene.json(&["ca", "adopt", leg]);
    assert_eq!(
        (&again["adopted"], &again["unchanged"]),
        (&0.into(), &1.into())
    );
    scene.succeeds(&["renew", "--force", leg]);
    scene.succeeds(&["revoke", "b.example.org"]);
}

#[test]
fn an_index_of_openssl_is_adopted_with_its_revocations() {
    let scene = Scene::new();
    let place = scene.directory.path().join("demoCA");
    fs::create_dir_all(place.join("newcerts")).unwrap();
    let other = Scene::empty();
    fs::create_dir(other.path("")).unwrap();
    for name in ["ca.crt", "ca.key"] {
        fs::copy(scene.path(name), other.path(&format!("../{name}"))).unwrap();
    }
    other.succeeds(&["ca", "import", "--cert", "ca.crt", "--key", "ca.key"]);
    let mut index = String::new();
    for (name, status) in [
        ("a", "V\t361128120000Z\t"),
        ("b", "R\t361128120000Z\t261120080000Z,keyCompromise"),
        ("gone", "R\t361128120000Z\t261120080000Z"),
    ] {
        let issued = other.json(&["issue", "server", name]);
        let serial = issued["serial"]
            .as_str()
            .unwrap()
            .replace(':', "")
            .to_uppercase();
        index.push_str(&format!("{status}\t{serial}\tunknown\t/CN={name}\n"));
        if name != "gone" {
            let file = place.join("newcerts").join(format!("{serial}.pem"));
            fs::copy(other.path(&format!("{name}.crt")), file).unwrap();
        }
    }
    fs::write(place.join("index.txt"), index).unwrap();
    let output = scene.run(&["ca", "adopt", "--json", "demoCA/index.txt"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["certificates"].as_array().unwrap();
    assert_eq!(
        (rows[0]["outcome"].as_str(), rows[0]["status"].as_str()),
        (Some("adopted"), Some("valid")),
        "{report}"
    );
    assert_eq!(
        (rows[1]["outcome"].as_str(), rows[1]["status"].as_str()),
        (Some("adopted"), Some("revoked"))
    );
    assert_eq!(
        (rows[2]["outcome"].as_str(), rows[2]["line"].as_u64()),
        (Some("refused"), Some(3))
    );
    assert_eq!(output.status.code(), Some(1));
    scene.succeeds(&["crl"]);
    // The one whose certificate is gone stays revoked as well.
    assert_eq!(scene.json(&["crl", "show"])["lists"][0]["entries"], 2);
}

#[test]
fn an_authority_that_satisfies_the_request_is_left_as_it_is() {
    let scene = Scene::empty();
    let init = ["ca", "init", "--if-needed", "--common-name", "Acme Root"];
    assert_eq!(scene.json(&init)["origin"], "created");
    let key = scene.read("ca.key");
    assert_eq!(scene.json(&init)["origin"], "unchanged");
    assert_eq!(
        scene.json(&["ca", "init", "--if-needed"])["origin"],
        "unchanged"
    );
    scene.fails(
        &["ca", "init", "--if-needed", "--common-name", "Other"],
        2,
        "CN=Other",
    );
    scene.fails(
        &["ca", "init", "--if-needed", "--key-type", "p384"],
        2,
        "p384",
    );
    assert_eq!(scene.read("ca.key"), key);
}

#[test]
fn a_subordinate_with_the_name_of_its_issuer_is_refused() {
    let scene = Scene::empty();
    scene.succeeds(&["ca", "init", "--common-name", "Acme Root"]);
    let intermediate = ["ca", "intermediate", "-C", "sub", "--parent", "certs"];
    scene.fails(
        &[&intermediate[..], &["--common-name", "Acme Root"]].concat(),
        2,
        "issuer's name",
    );
    scene.succeeds(&[&intermediate[..], &["--common-name", "Team CA"]].concat());
}

fn assert_revoked(scene: &Scene, number: &Value) {
    scene.succeeds(&["crl"]);
    let shown = scene.json(&["crl", "show"]);
    let list = &shown["lists"][0];
    assert_eq!(list["entries"], 2, "{shown}");
    assert!(
        list["number"].as_u64() > number.as_u64(),
        "{shown} after {number}"
    );
    let listed = scene.json(&["list", "--status", "revoked"]);
    let certificates = listed["certificates"].as_array().unwrap();
    assert_eq!(
        certificates[0]["revocation"]["reason"], "keyCompromise",
        "{listed}"
    );
}

/// A directory with a PKI directory `certs` in it.
struct Scene {
    directory: TempDir,
}

impl Scene {
    fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Scene { directory }
    }

    fn new() -> Self {
        let scene = Scene::empty();
        scene.succeeds(&["ca", "init"]);
        scene
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join("certs").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }

    fn password(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), format!("{text}\n")).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_remove("OPENAGENTS_CERTS_DIR")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {stderr}");
        output
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.succeeds(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn fails(&self, arguments: &[&str], code: i32, text: &str) {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(text), "{arguments:?}: {stderr}");
    }
}
