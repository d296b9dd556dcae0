//! A network whose server has a public certificate, and whose clients have private ones.

use std::process::Command;

use super::*;

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one network, from its files to what is said about it"
)]
fn a_network_with_a_public_server_and_private_clients_is_generated_and_checked() {
    let Some(scene) = Scene::start("production", &[], false) else {
        return;
    };
    if !is_here("curl", &["--version"]) {
        return;
    }
    let pki = scene.pki();
    let refused = fails(
        2,
        &mut program(&["generate", "--server-from", "acme"], &pki),
    );
    assert!(refused.contains("acme issue NAME"), "{refused}");
    succeeds(&mut scene.issue(&["agents.test"], &scene.url()));
    let arguments = ["generate", "--server-from", "acme", "--mtls", "--json"];
    let generated = json(&succeeds(&mut program(&arguments, &pki)));
    let yaml = generated["network_yaml"].as_str().unwrap();
    assert!(
        yaml.contains("agents.test.crt") && yaml.contains("ca.crt"),
        "{yaml}"
    );
    let python = generated["agent_python"].as_str().unwrap();
    assert!(python.contains("grpcs://agents.test:8600"), "{python}");
    assert!(
        !python.contains("ssl_ca_cert"),
        "the system trusts the public CA: {python}"
    );
    assert!(!pki.join("server.crt").exists());
    let network = scene.root.join("network.yaml");
    std::fs::write(
        &network,
        yaml.replace("network:", "network:\n  name: agents"),
    )
    .unwrap();
    let root = public_root(&scene);
    let mut command = program(&["verify-chain"], &pki);
    let output = command
        .arg("--network")
        .arg(&network)
        .env("SSL_CERT_FILE", &root)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("serves mutual TLS"), "{text}");
    assert!(
        text.contains("verified with the system's trust store"),
        "{text}"
    );
    let line = |side: &str| {
        text.lines()
            .find(|line| line.trim().starts_with(side))
            .unwrap()
    };
    assert!(
        line("server:").contains("trusted by the system's trust store (CN=Pebble Root"),
        "{text}"
    );
    assert!(
        line("client:").contains("ca.crt") && line("client:").contains(" until 20"),
        "{text}"
    );
    let untrusted = command
        .env("SSL_CERT_FILE", scene.root.join("server/ca.crt"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&untrusted.stdout);
    assert_eq!(untrusted.status.code(), Some(1), "{text}");
}

/// The root of Pebble, in a file.
fn public_root(scene: &Scene) -> PathBuf {
    let root = scene.root.join("root.crt");
    let url = format!("https://127.0.0.1:{}/roots/0", scene.pebble.management);
    let mut fetch = Command::new("curl");
    fetch
        .args(["-s", "--cacert"])
        .arg(scene.root.join("server/ca.crt"));
    std::fs::write(&root, succeeds(fetch.arg(url)).stdout).unwrap();
    root
}
