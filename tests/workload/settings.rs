//! The socket, and what is refused at the start.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Scene, entry};
use crate::peer::{certs, certs_fails, scratch};

#[test]
fn the_socket_is_for_everyone_and_goes_with_the_server() {
    let mut scene = Scene::new("workload-socket", &entry("/a", ""));
    let metadata = std::fs::metadata(&scene.socket).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o666);
    let listening = scene.server().wait_for("listening", 0);
    assert!(
        listening.contains(scene.socket.to_str().unwrap()),
        "{listening}"
    );
    // Another server does not take a socket that is in use.
    let text = refused(&scene.directory, &scene.socket);
    assert!(text.contains("a process listens at this socket"), "{text}");
    assert!(scene.server.take().unwrap().stop().success());
    assert!(!scene.socket.exists());
    // A killed server leaves its socket, and the next one replaces it.
    scene.start();
    scene.server.take().unwrap().kill();
    assert!(scene.socket.exists());
    scene.start();
    assert!(scene.server.take().unwrap().stop().success());
    assert!(!scene.socket.exists());
    std::fs::write(&scene.socket, "text").unwrap();
    let text = refused(&scene.directory, &scene.socket);
    assert!(text.contains("is not a socket"), "{text}");
    assert_eq!(std::fs::read(&scene.socket).unwrap(), b"text");
}

#[test]
fn settings_that_grant_too_much_or_nothing_are_refused() {
    let directory = scratch("workload-settings");
    certs(&["ca", "init"], &directory);
    let socket = directory.join("w.sock");
    let text = refused(&directory, &socket);
    assert!(
        text.contains("has no [workload] with a `trust_domain`"),
        "{text}"
    );
    let head = "[workload]\ntrust_domain = 'example.org'\n[[workload.entry]]\n";
    for (more, place) in [
        ("spiffe_id = 'spiffe://example.org/a'", "3:1: "),
        ("spiffe_id = 'spiffe://example.org'\nunix_uid = 1", "4:13: "),
        (
            "spiffe_id = 'spiffe://example.org/'\nunix_uid = 1",
            "4:13: ",
        ),
        (
            "spiffe_id = 'spiffe://example.com/a'\nunix_uid = 1",
            "3:1: ",
        ),
        (
            "spiffe_id = 'spiffe://example.org/a'\nunix_uid = -1",
            "5:12: ",
        ),
        (
            "spiffe_id = 'spiffe://example.org/a'\nunix_uid = 1\nttl = '30s'",
            "6:7: ",
        ),
        (
            "spiffe_id = 'spiffe://example.org/a'\nexe = 'relative'",
            "3:1: ",
        ),
        (
            "spiffe_id = 'spiffe://example.org/a'\nexe_sha256 = 'abc'",
            "5:14: ",
        ),
        (
            "spiffe_id = 'spiffe://example.org/a'\nunix_uid = 1\ndns = ['*.a']",
            "6:7: ",
        ),
        ("spiffe_id = 'spiffe://example.org/a'\nuid = 1", "5:1: "),
    ] {
        std::fs::write(directory.join("certs.toml"), format!("{head}{more}\n")).unwrap();
        let text = refused(&directory, &socket);
        assert!(
            text.contains(&format!("certs.toml:{place}")),
            "{more}: {text}"
        );
    }
    assert!(!socket.exists());
}

#[test]
fn entries_are_added_listed_and_removed() {
    let directory = scratch("workload-entries");
    certs(&["ca", "init"], &directory);
    let add = adding;
    let id = "spiffe://example.org/agent/7";
    let text = certs_fails(2, &add(&[id, "--uid", "7"]), &directory);
    assert!(text.contains("has no [workload]"), "{text}");
    let entry = "[workload]\ntrust_domain = 'example.org'\n[[workload.entry]]\nspiffe_id = 'spiffe://example.org/a'\nunix_uid = 1\n";
    std::fs::write(directory.join("certs.toml"), entry).unwrap();
    certs_fails(2, &add(&[id]), &directory);
    certs_fails(2, &add(&["spiffe://example.org", "--uid", "7"]), &directory);
    let text = certs_fails(2, &add(&["spiffe://other.org/a", "--uid", "7"]), &directory);
    assert!(
        text.contains("is not in the trust domain example.org"),
        "{text}"
    );
    let added = certs(
        &add(&[id, "--uid", "7", "--ttl", "5m", "--json"]),
        &directory,
    );
    let added: serde_json::Value = serde_json::from_str(&added).unwrap();
    let own = added["id"].as_str().unwrap();
    let again = certs(&add(&[id, "--uid", "7", "--ttl", "5m"]), &directory);
    assert!(
        again.starts_with(&format!("Entry {own} already there")),
        "{again}"
    );
    let listed = certs(&["workload", "entry", "list", "--json"], &directory);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let entries = listed["entries"].as_array().unwrap();
    assert_eq!(
        (entries.len(), &entries[0]["id"]),
        (2, &serde_json::Value::Null)
    );
    assert_eq!(
        (&entries[1]["spiffe_id"], &entries[1]["ttl"]),
        (&id.into(), &"5m".into())
    );
    certs(&["workload", "entry", "remove", own], &directory);
    let text = certs_fails(2, &["workload", "entry", "remove", own], &directory);
    assert!(text.contains("there is no workload entry"), "{text}");
}

/// What a server says that must not start.
fn refused(directory: &Path, socket: &Path) -> String {
    let socket = socket.to_str().unwrap();
    let free = "127.0.0.1:0";
    let arguments = [
        "serve",
        "--listen",
        free,
        "--http-listen",
        free,
        "--workload-socket",
        socket,
    ];
    let text = certs_fails(2, &arguments, directory);
    assert!(
        text.contains("error: ") && text.contains("hint: "),
        "{text}"
    );
    text
}

fn adding<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["workload", "entry", "add"], arguments].concat()
}
