//! The first certificate: every challenge, and what is there afterwards.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;

use super::*;
use crate::peer::{certs_fails, script};

#[test]
fn a_certificate_is_there_and_is_listed_like_any_other() {
    let Some(scene) = Scene::start("issue", &[], false) else {
        return;
    };
    let mut command = scene.issue(&["a.test", "b.test"], &scene.url());
    let issued = json(&succeeds(command.args([
        "--email",
        "admin@a.test",
        "--json",
    ])));
    assert_eq!(issued["unchanged"], false);
    let pki = scene.pki();
    let pem = std::fs::read_to_string(pki.join("a.test.crt")).unwrap();
    assert_eq!(
        pem.matches("BEGIN CERTIFICATE").count(),
        2,
        "leaf and intermediate"
    );
    assert_eq!(
        (mode(&pki.join("a.test.key")), mode(&pki.join("a.test.crt"))),
        (0o600, 0o644)
    );
    for file in secret_files(&pki.join("acme")) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    let listed = certs(&["list", "--json"], &pki);
    assert!(
        listed.contains("a.test") && listed.contains("\"acme\""),
        "{listed}"
    );
    assert!(certs(&["status"], &pki).contains("1 ok"));
    assert!(certs(&["renew", "--due"], &pki).contains("0 of 1 renewed"));
}

#[test]
fn the_same_command_again_orders_nothing() {
    let Some(scene) = Scene::start("again", &[], false) else {
        return;
    };
    let proxy = scene.proxy();
    let url = url(proxy.address.port());
    succeeds(&mut scene.issue(&["a.test"], &url));
    let again = json(&succeeds(scene.issue(&["a.test"], &url).arg("--json")));
    assert_eq!(again["unchanged"], true);
    assert_eq!(proxy.forwarded("/order-plz"), 1);
    assert_eq!(proxy.forwarded("/sign-me-up"), 1);
    succeeds(&mut scene.issue(&["c.test"], &url));
    assert_eq!(
        proxy.forwarded("/sign-me-up"),
        1,
        "the account is used again"
    );
    succeeds(scene.issue(&["a.test"], &url).arg("--force"));
    assert_eq!(proxy.forwarded("/order-plz"), 3);
}

#[test]
fn files_that_are_in_the_way_are_kept() {
    let Some(scene) = Scene::start("in-the-way", &[], false) else {
        return;
    };
    std::fs::create_dir_all(scene.pki()).unwrap();
    let file = scene.pki().join("a.test.key");
    std::fs::write(&file, "mine").unwrap();
    let text = fails(2, &mut scene.issue(&["a.test"], &scene.url()));
    assert!(text.contains("a.test.key: already exists"), "{text}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn addresses_and_names_are_proven_over_tls() {
    let Some(scene) = Scene::start("tls-alpn", &[], false) else {
        return;
    };
    let listen = format!("127.0.0.1:{}", scene.pebble.tls);
    let options = [
        "--tls-alpn-01",
        &listen,
        "--key-type",
        "p384",
        "--name",
        "both",
    ];
    succeeds(&mut scene.issue_with(&["a.test", "127.0.0.1"], &scene.url(), &options));
}

#[test]
fn wildcards_are_proven_by_a_program_that_changes_the_dns() {
    let Some(scene) = Scene::start("dns", &[], false) else {
        return;
    };
    let log = scene.root.join("hook.log");
    let set = scene.dns("set-txt", "{\"host\":\"'$2'.\",\"value\":\"'$3'\"}");
    let clear = scene.dns("clear-txt", "{\"host\":\"'$2'.\"}");
    let script = format!(
        "#!/bin/sh\necho \"$1 $2\" >> {}\nif [ $1 = present ]; then {set}; else {clear}; fi\n",
        log.display()
    );
    let hook = executable(&scene.root.join("hook"), &script);
    let options = ["--dns-01-hook", &hook, "--name", "wild"];
    succeeds(&mut scene.issue_with(&["*.a.test"], &scene.url(), &options));
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(
        log,
        "present _acme-challenge.a.test\ncleanup _acme-challenge.a.test\n"
    );
    let text = fails(2, &mut scene.issue(&["*.a.test"], &scene.url()));
    assert!(
        text.contains("wildcard") && text.contains("--dns-01-hook"),
        "{text}"
    );
}

#[test]
fn wildcards_are_proven_by_a_dns_server_that_takes_signed_updates() {
    let Some(mut scene) = Scene::start("update", &[], false) else {
        return;
    };
    let Some(mut server) = script("dns_update.py", "dns") else {
        return;
    };
    let secret = "c2VjcmV0IG9mIHRoZSB0ZXN0IHRoYXQgaXMgbG9uZw==";
    let management = scene.pebble.dns_management.to_string();
    server.args(["a.test", "acme-key", secret, &management]);
    let mut child = server.stdout(Stdio::piped()).spawn().unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    scene.children.push(child);
    let key = scene.root.join("tsig.key");
    let text = |secret: &str| {
        format!("key \"acme-key\" {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n")
    };
    std::fs::write(&key, text(secret)).unwrap();
    let server = format!("127.0.0.1:{}", port.trim());
    let key = key.to_str().unwrap();
    let options = ["--dns-01-update", &server, "--tsig-key-file", key];
    let names = ["*.deep.a.test"];
    succeeds(&mut scene.issue_with(&names, &scene.url(), &options));
    let elsewhere = fails(
        2,
        &mut scene.issue_with(&["b.test"], &scene.url(), &options),
    );
    assert!(elsewhere.contains("has no zone for"), "{elsewhere}");
    std::fs::write(key, text("d3Jvbmc=")).unwrap();
    let names = ["other.a.test"];
    let wrong = fails(2, &mut scene.issue_with(&names, &scene.url(), &options));
    assert!(wrong.contains("_acme-challenge.other.a.test"), "{wrong}");
}

#[test]
fn a_webroot_contains_the_file_only_while_it_is_looked_at() {
    let Some(scene) = Scene::start("webroot", &[], false) else {
        return;
    };
    let web = scene.root.join("web");
    std::fs::create_dir(&web).unwrap();
    let port = scene.pebble.http.to_string();
    if !is_here("python3", &["-V"]) {
        return;
    }
    let mut scene = scene;
    let mut server = Command::new("python3");
    server
        .args(["-m", "http.server", "--bind", "127.0.0.1", &port])
        .current_dir(&web);
    scene.spawn(server, scene.pebble.http);
    let options = ["--http-01-webroot", web.to_str().unwrap()];
    succeeds(&mut scene.issue_with(&["a.test"], &scene.url(), &options));
    let files = std::fs::read_dir(web.join(".well-known/acme-challenge")).unwrap();
    assert_eq!(files.count(), 0);
}

#[test]
fn an_external_account_is_bound_once() {
    let Some(scene) = Scene::start("external", &[], true) else {
        return;
    };
    let text = fails(2, &mut scene.issue(&["a.test"], &scene.url()));
    assert!(text.contains("--eab-kid"), "{text}");
    let key = scene.root.join("eab.key");
    std::fs::write(
        &key,
        "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n",
    )
    .unwrap();
    let mut command = scene.issue(&["a.test"], &scene.url());
    succeeds(
        command
            .args(["--eab-kid", "kid-1", "--eab-key-file"])
            .arg(&key),
    );
    succeeds(&mut scene.issue(&["b.test"], &scene.url()));
    let shown = certs(&["acme", "account", "show", "--json"], &scene.pki());
    assert!(shown.contains("\"external_account\": \"kid-1\""), "{shown}");
}

#[test]
fn an_account_is_shown_changed_given_a_new_key_and_deactivated() {
    let Some(scene) = Scene::start("account", &[], false) else {
        return;
    };
    let pki = scene.pki();
    certs_fails(2, &["acme", "account", "show"], &pki);
    succeeds(&mut scene.issue(&["a.test"], &scene.url()));
    certs(&["acme", "account", "contact", "b@a.test"], &pki);
    let shown = certs(&["acme", "account", "show", "--json"], &pki);
    assert!(shown.contains("mailto:b@a.test"), "{shown}");
    let old: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let rolled = certs(&["acme", "account", "key-rollover", "--json"], &pki);
    let new: serde_json::Value = serde_json::from_str(&rolled).unwrap();
    assert_eq!(old["account"], new["account"]);
    assert_ne!(old["thumbprint"], new["thumbprint"]);
    succeeds(&mut scene.issue(&["b.test"], &scene.url()));
    certs(&["acme", "account", "deactivate"], &pki);
    certs_fails(2, &["acme", "account", "show"], &pki);
}

#[test]
fn the_preferred_chain_is_used() {
    let roots = [
        ("PEBBLE_ALTERNATE_ROOTS", "2"),
        ("PEBBLE_CHAIN_LENGTH", "1"),
    ];
    let Some(scene) = Scene::start("chain", &roots, false) else {
        return;
    };
    let root = |number: usize| {
        let management = scene.pebble.management;
        let get = format!("https://127.0.0.1:{management}/roots/{number}");
        let ca = scene.root.join("server/ca.crt");
        let output = succeeds(
            Command::new("curl")
                .args(["-s", "--cacert"])
                .arg(ca)
                .arg(get),
        );
        let path = scene.root.join(format!("root-{number}.crt"));
        std::fs::write(&path, output.stdout).unwrap();
        let output = certs(&["inspect", path.to_str().unwrap(), "--json"], &scene.root);
        let report: serde_json::Value = serde_json::from_str(&output).unwrap();
        let text = report.to_string();
        let at = text.find("Pebble Root CA ").unwrap();
        text[at..at + "Pebble Root CA 123456".len()].to_owned()
    };
    if !is_here("curl", &["--version"]) {
        return;
    }
    let other = root(1);
    let mut command = scene.issue(&["a.test"], &scene.url());
    let output = succeeds(command.args(["--preferred-chain", &other, "--json"]));
    let chain = certs(
        &["inspect", scene.pki().join("a.test.crt").to_str().unwrap()],
        &scene.root,
    );
    assert!(chain.contains(&other), "{chain}");
    assert_eq!(json(&output)["warnings"], serde_json::json!([]));
    let mut command = scene.issue(&["b.test"], &scene.url());
    let output = succeeds(command.args(["--preferred-chain", "Nobody", "--json"]));
    assert!(
        json(&output)["warnings"]
            .to_string()
            .contains("no chain leads to 'Nobody'")
    );
}

/// Every file below a directory.
fn secret_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(secret_files(&path));
        } else {
            files.push(path);
        }
    }
    assert!(!files.is_empty());
    files
}

fn executable(path: &Path, content: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}
