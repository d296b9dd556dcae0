//! Programs of others with identities of the Workload API: the templates, and clients on other stacks.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Scene, entry};
use crate::peer::{certs, is_here, run, script};

const ID: &str = "spiffe://example.org/agent/alice";

#[test]
fn templates_run_with_the_packages_that_they_are_for() {
    let scene = Scene::new(
        "workload-templates",
        &entry("/agent/alice", "dns = ['localhost']"),
    );
    let out = scene.directory.join("svid");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let socket = text(&scene.socket);
    let directory = text(&out);
    certs(
        &[
            "workload", "fetch", "--socket", &socket, "--out", &directory,
        ],
        &scene.directory,
    );
    for (template, module, said) in [
        ("a2a-agent.py", "a2a", "hello"),
        ("slim-agent.py", "slim_bindings", "example/agents/alice"),
        ("agntcy-dir.py", "agntcy.dir_sdk", ID),
        ("dapr-client.py", "dapr", ID),
    ] {
        let Some(mut command) = script("workload_templates.py", module) else {
            continue;
        };
        let program = scene.directory.join(template);
        let file = text(&program);
        certs(
            &[
                "template", "write", template, "--for", &directory, "--out", &file,
            ],
            &scene.directory,
        );
        command.arg(&program).arg(&out);
        command.env("SPIFFE_ENDPOINT_SOCKET", format!("unix://{socket}"));
        let output = String::from_utf8(run(&mut command).stdout).unwrap();
        assert!(output.contains(said), "{template}: {output}");
    }
}

#[test]
fn openagents_finds_its_files_in_a_directory_that_was_fetched() {
    let scene = Scene::new(
        "workload-openagents",
        &entry("/agent/alice", "dns = ['localhost']"),
    );
    let out = scene.directory.join("svid");
    let directory = out.to_str().unwrap();
    let socket = scene.socket.to_str().unwrap();
    certs(
        &["workload", "fetch", "--socket", socket, "--out", directory],
        &scene.directory,
    );
    let write = |template: &str| {
        let text = certs(
            &["template", "show", template, "--for", directory],
            &scene.directory,
        );
        for file in ["svid.crt", "svid.key", "bundle.crt"] {
            let path = out.join(file);
            assert!(text.contains(path.to_str().unwrap()), "{template}: {text}");
        }
    };
    write("network-mtls.yaml");
    write("agent.py");
    let checked = certs(&["verify-chain", "--host", "localhost"], &out);
    assert!(!checked.contains("svid-"), "{checked}");
}

#[test]
fn grpc_js_gets_an_svid() {
    let scene = Scene::new("workload-grpc-js", &entry("/agent/alice", ""));
    let script = interop("workload_client.mjs");
    let modules = interop("node_modules/@grpc/grpc-js");
    if !modules.exists() || !is_here("node", &["--version"]) {
        return;
    }
    let output = run(Command::new("node").arg(script).arg(&scene.socket));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["subject_alt_name"], format!("URI:{ID}"));
    assert_eq!(seen["is_pair"], true);
    assert_eq!(seen["verifies"], true);
    assert_eq!(seen["without_header"], "3");
}

#[test]
fn the_rust_client_follows_its_identity() {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers-tonic/debug/spiffe-peer");
    if !is_here(program.to_str().unwrap(), &[]) {
        return;
    }
    let scene = Scene::new("workload-rust", &entry("/agent/alice", ""));
    let endpoint = format!("unix:{}", scene.socket.display());
    let output = run(Command::new(program).env("SPIFFE_ENDPOINT_SOCKET", endpoint));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["x509"], ID);
    assert_eq!(seen["jwt"], ID);
    assert_eq!(seen["anchors"], 1);
}

fn interop(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop")
        .join(file)
}
