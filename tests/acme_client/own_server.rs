//! Our own server: external accounts by token, and renewal when the server suggests (RFC 9773).

use super::*;

#[test]
fn our_own_server_says_when_to_renew_and_hears_what_is_replaced() {
    let Some(mut scene) = Scene::start("own", &[], false) else {
        return;
    };
    let server = scene.root.join("own");
    certs(&["ca", "init"], &server);
    let config = format!(
        "[serve.acme]\nenabled = true\nexternal_account_required = true\nvalidate_loopback = true\n\
         http01_port = {}\nresolver = \"127.0.0.1:{}\"\n",
        scene.pebble.http, scene.pebble.dns
    );
    std::fs::write(server.join("certs.toml"), config).unwrap();
    let [port] = free_ports::<1>();
    let listen = format!("127.0.0.1:{port}");
    let public = format!("https://localhost:{port}");
    let arguments = [
        "serve",
        "--listen",
        &listen,
        "--http-listen",
        "127.0.0.1:0",
        "--public-url",
        &public,
    ];
    scene.spawn(program(&arguments, &server), port);
    let token = certs(
        &["token", "create", "a.test", "--profile", "server", "--json"],
        &server,
    );
    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    let key = scene.root.join("eab.key");
    std::fs::write(&key, token["eab"]["hmac_key"].as_str().unwrap()).unwrap();
    let kid = token["eab"]["kid"].as_str().unwrap();
    let url = format!("{public}/acme/directory");
    let issue = |arguments: &[&str]| {
        let mut command = program(&["acme", "issue", "a.test", "--server", &url], &scene.pki());
        command.arg("--ca-bundle").arg(server.join("ca.crt"));
        command
            .args(["--http-01", &format!("127.0.0.1:{}", scene.pebble.http)])
            .args(arguments);
        command
    };
    let text = fails(2, &mut issue(&[]));
    assert!(text.contains("--eab-kid"), "{text}");
    succeeds(&mut issue(&[
        "--eab-kid",
        kid,
        "--eab-key-file",
        key.to_str().unwrap(),
    ]));
    let state = || {
        let directory = scene.pki().join("acme/certificates");
        let one = std::fs::read_dir(directory)
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let content = std::fs::read_to_string(one.path().join("state.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&content).unwrap()
    };
    let first = state();
    assert!(first["suggestion"]["renew_at"].is_string(), "{first}");
    assert_eq!(first["suggestion"]["serial"], first["serial"]);
    certs(&["renew", "a.test"], &scene.pki());
    let second = state();
    assert_ne!(first["serial"], second["serial"]);
    assert_eq!(second["suggestion"]["serial"], second["serial"]);
    let listed = certs(&["list", "--json"], &server);
    assert!(
        listed.contains(second["serial"].as_str().unwrap()),
        "{listed}"
    );
    // The server revokes: now it suggests to renew at once, and says so when it is asked.
    certs(&["revoke", second["serial"].as_str().unwrap()], &server);
    ask_again(&scene);
    let due = certs(&["renew", "--due"], &scene.pki());
    assert!(due.contains("1 of 1 renewed"), "{due}");
}

/// Makes it time to ask the server again.
fn ask_again(scene: &Scene) {
    let directory = scene.pki().join("acme/certificates");
    let one = std::fs::read_dir(directory)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let path = one.path().join("state.json");
    let mut state: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    state["suggestion"]["ask_at"] = "2026-01-01T00:00:00Z".into();
    std::fs::write(path, state.to_string()).unwrap();
}
