//! Our own server: external accounts by token, and renewal when the server suggests (RFC 9773).

use serde_json::Value;

use super::*;

#[test]
fn our_own_server_says_when_to_renew_and_hears_what_is_replaced() {
    let Some(mut scene) = Scene::start("own", &[], false) else {
        return;
    };
    let (server, url) = start_server(&mut scene);
    let (kid, key) = external_account(&scene, &server);
    let issue = |arguments: &[&str]| {
        let mut command = program(&["acme", "issue", "a.test", "--server", &url], &scene.pki());
        command.arg("--ca-bundle").arg(server.join("ca.crt"));
        let listen = format!("127.0.0.1:{}", scene.pebble.http);
        command.args(["--http-01", &listen]).args(arguments);
        command
    };
    let text = fails(2, &mut issue(&[]));
    assert!(text.contains("--eab-kid"), "{text}");
    succeeds(&mut issue(&["--eab-kid", &kid, "--eab-key-file", &key]));
    let first = state(&scene);
    assert!(first["suggestion"]["renew_at"].is_string(), "{first}");
    assert_eq!(first["suggestion"]["serial"], first["serial"]);
    certs(&["renew", "a.test"], &scene.pki());
    let second = state(&scene);
    assert_ne!(first["serial"], second["serial"]);
    assert_eq!(second["suggestion"]["serial"], second["serial"]);
    let serial = second["serial"].as_str().unwrap();
    let listed = certs(&["list", "--json"], &server);
    assert!(listed.contains(serial), "{listed}");
    // Of a revoked certificate the server says to renew it at once, when it is asked.
    certs(&["revoke", serial], &server);
    let not_asked = certs(&["renew", "--due"], &scene.pki());
    assert!(not_asked.contains("0 of 1 renewed"), "{not_asked}");
    let mut now = state(&scene);
    now["suggestion"]["ask_at"] = "2026-01-01T00:00:00Z".into();
    std::fs::write(state_file(&scene), now.to_string()).unwrap();
    let due = certs(&["renew", "--due"], &scene.pki());
    assert!(due.contains("1 of 1 renewed"), "{due}");
}

/// Starts our server, which validates where Pebble would. Gives its PKI directory and the URL of its directory.
fn start_server(scene: &mut Scene) -> (PathBuf, String) {
    let server = scene.root.join("own");
    certs(&["ca", "init"], &server);
    let config = format!(
        "[serve.acme]\nenabled = true\nexternal_account_required = true\nvalidate_loopback = true\n\
         http01_port = {}\nresolver = \"127.0.0.1:{}\"\n",
        scene.pebble.http, scene.pebble.dns
    );
    std::fs::write(server.join("certs.toml"), config).unwrap();
    let [port] = free_ports::<1>();
    let public = format!("https://localhost:{port}");
    let mut command = program(&["serve", "--http-listen", "127.0.0.1:0"], &server);
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    command.args(["--public-url", &public]);
    scene.spawn(command, port);
    (server, format!("{public}/acme/directory"))
}

/// A token as an external account: its identifier, and the file of its key.
fn external_account(scene: &Scene, server: &Path) -> (String, String) {
    let arguments = ["token", "create", "a.test", "--profile", "server", "--json"];
    let token: Value = serde_json::from_str(&certs(&arguments, server)).unwrap();
    let text = |name: &str| token["eab"][name].as_str().unwrap().to_owned();
    let key = scene.root.join("eab.key");
    std::fs::write(&key, text("hmac_key")).unwrap();
    (text("kid"), key.to_str().unwrap().to_owned())
}

/// What the client remembers of its only certificate.
fn state(scene: &Scene) -> Value {
    serde_json::from_str(&std::fs::read_to_string(state_file(scene)).unwrap()).unwrap()
}

fn state_file(scene: &Scene) -> PathBuf {
    let mut found = std::fs::read_dir(scene.pki().join("acme/certificates")).unwrap();
    found.next().unwrap().unwrap().path().join("state.json")
}
