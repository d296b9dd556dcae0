//! Agents of nodes, and the bundles of other trust domains.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Scene, entry};
use crate::peer::{certs, program, run, scratch};
use crate::serve::until;

#[test]
fn an_agent_serves_what_the_entries_of_its_node_allow() {
    let uid = rustix::process::getuid().as_raw();
    let of_node = |node: u32, id: &str| {
        format!(
            "[[workload.entry]]\nspiffe_id = 'spiffe://example.org/{id}'\nunix_uid = {uid}\nnode = 'spiffe://example.org/node/{node}'\n"
        )
    };
    let mut scene = Scene::new(
        "workload-agent",
        &[of_node(7, "seven"), of_node(8, "eight")].concat(),
    );
    let mut agent = Agent::enroll(&scene, 7);
    agent.start();
    let fetched = agent.fetch();
    assert_eq!(
        fetched["spiffe_id"], "spiffe://example.org/seven",
        "{fetched}"
    );
    // The server itself serves neither.
    let text =
        String::from_utf8(fetch(&scene.socket, &agent.out).output().unwrap().stderr).unwrap();
    assert!(text.contains("no identity issued"), "{text}");
    let listed = scene.certs(&["list", "--json"]);
    assert!(listed.contains(fetched["serial"].as_str().unwrap()));
    // Without the server, what is valid is served; and it says so.
    scene.server.take().unwrap().kill();
    let held = agent.fetch();
    assert_eq!(held["serial"], fetched["serial"]);
    until("it says so", || {
        agent.log().contains("served until they expire")
    });
    // A killed agent starts again, and answers although it knows nothing.
    agent.kill();
    assert!(agent.socket.exists(), "stale");
    agent.start();
    let output = fetch(&agent.socket, &agent.out).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("try again later"), "{text}");
    agent.stop();
}

#[test]
fn a_node_gets_nothing_with_the_certificate_of_another() {
    let scene = Scene::new(
        "workload-node",
        &entry("/a", "node = 'spiffe://example.org/node/7'"),
    );
    let agent = Agent::enroll(&scene, 8);
    let path = |name: &str| agent.directory.join(name);
    let client = scene
        .server()
        .client_with(&path("node.crt"), &path("node.key"));
    let state: Value = serde_json::from_str(client.get("/workload/node").text()).unwrap();
    assert_eq!(state["entries"], serde_json::json!([]));
    assert_eq!(scene.server().get("/workload/node").status, 401);
    let serial = scene.certs(&["list", "--json", "--name", "spiffe://example.org/node/8"]);
    let serial: Value = serde_json::from_str(&serial).unwrap();
    let serial = serial["certificates"][0]["serial"].as_str().unwrap();
    scene.certs(&["revoke", serial]);
    assert_eq!(client.get("/workload/node").status, 403);
}

#[test]
fn the_bundle_is_published_and_another_trust_domain_trusts_it() {
    let scene = Scene::new("workload-federated", &entry("/agent/alice", ""));
    let bundle = || -> Value {
        let answer = scene.server().get("/.well-known/spiffe-bundle");
        serde_json::from_str(answer.text()).unwrap()
    };
    until("the bundle is there", || {
        scene.server().get("/.well-known/spiffe-bundle").status == 200
    });
    let first = bundle();
    let uses: Vec<_> = first["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["use"].clone())
        .collect();
    assert_eq!(uses, ["x509-svid", "jwt-svid"]);
    assert_eq!(
        (&first["spiffe_sequence"], &first["spiffe_refresh_hint"]),
        (&1.into(), &300.into())
    );
    scene.certs(&["ca", "rotate", "prepare"]);
    until("the number is higher", || bundle()["spiffe_sequence"] == 2);
    assert_eq!(bundle()["keys"].as_array().unwrap().len(), 3);
    // Another authority, which begins with the first root.
    let anchors = scene.directory.join("ca.crt");
    let url = format!("{}/.well-known/spiffe-bundle", scene.server().url);
    let federation = format!(
        "[[workload.federation]]\ntrust_domain = 'example.org'\nurl = '{url}'\nbundle = '{}'\n",
        anchors.display()
    );
    let uid = rustix::process::getuid().as_raw();
    let entries =
        format!("[[workload.entry]]\nspiffe_id = 'spiffe://example.com/b'\nunix_uid = {uid}\n");
    let other = Scene::of(
        "workload-other",
        "example.com",
        &[federation, entries].concat(),
    );
    if let Some(mut follower) = other.follow() {
        until("the other bundle is there", || {
            follower.next()["federated"] == serde_json::json!({"spiffe://example.org": 2})
        });
    }
}

#[test]
fn an_endpoint_can_prove_itself_with_its_spiffe_id() {
    let mut scene = Scene::new("workload-endpoint", &entry("/agent/alice", ""));
    let id = "spiffe://example.org/endpoint";
    let issue = [
        "issue",
        "peer",
        "--spiffe",
        id,
        "--san",
        "elsewhere.test",
        "--name",
        "endpoint",
    ];
    scene.certs(&issue);
    let path = |name: &str| scene.directory.join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("endpoint.crt"), path("endpoint.key"));
    scene.server.take().unwrap().kill();
    scene.start_with(&["--tls-cert", &certificate, "--tls-key", &key]);
    // The first bundle comes by other means.
    let anchor = std::fs::read(scene.directory.join("ca.crt")).unwrap();
    let anchor = rustls_pki_types::pem::PemObject::from_pem_slice(&anchor);
    let anchor: rustls_pki_types::CertificateDer<'_> = anchor.unwrap();
    let x5c = <base64ct::Base64 as base64ct::Encoding>::encode_string(&anchor);
    let first = serde_json::json!({"keys": [{"use": "x509-svid", "x5c": [x5c]}]});
    let file = scene.directory.join("first.json");
    std::fs::write(&file, first.to_string()).unwrap();
    let federation = |id: &str| {
        format!(
            "[[workload.federation]]\ntrust_domain = 'example.org'\nprofile = 'https_spiffe'\n\
             url = '{}/.well-known/spiffe-bundle'\nendpoint_spiffe_id = '{id}'\nbundle = '{}'\n",
            scene.server().url,
            file.display()
        )
    };
    let wrong = federation("spiffe://example.org/other");
    let other = Scene::of("workload-endpoint-other", "example.com", &wrong);
    let refused = other.server().wait_for("\"federation\"", 0);
    assert!(refused.contains("is not trusted"), "{refused}");
    let skipped = other.server().logged();
    other.write(&federation(id));
    other.server().signal(Signal::HUP);
    let taken = other.server().wait_for("\"federation\"", skipped);
    assert!(
        taken.contains("the bundle of example.org is new"),
        "{taken}"
    );
}

/// A machine that is enrolled as a node, and its agent.
struct Agent {
    directory: std::path::PathBuf,
    socket: std::path::PathBuf,
    out: std::path::PathBuf,
    process: Option<Child>,
}

impl Agent {
    fn enroll(scene: &Scene, number: u32) -> Self {
        let name = scene.directory.file_name().unwrap().to_str().unwrap();
        let directory = scratch(&format!("{name}-node"));
        let id = format!("spiffe://example.org/node/{number}");
        let url = &scene.server().url;
        let token = scene.certs(&["token", "create", &id, "--profile", "svid", "--url", url]);
        certs(&["enroll", token.trim(), "--name", "node"], &directory);
        Agent {
            socket: scene.socket.with_file_name("agent.sock"),
            out: directory.join("out"),
            directory,
            process: None,
        }
    }

    fn start(&mut self) {
        let socket = self.socket.to_str().unwrap();
        let log = std::fs::File::create(self.directory.join("log")).unwrap();
        let mut command = program(&["workload", "agent", "--socket", socket], &self.directory);
        let process = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        self.process = Some(process);
        until("the agent listens", || self.log().contains("listening"));
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap()
    }

    fn fetch(&self) -> Value {
        let output = run(&mut fetch(&self.socket, &self.out));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
        assert!(process.wait().unwrap().success(), "{}", self.log());
        assert!(!self.socket.exists());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // One that has ended cannot be killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn fetch(socket: &Path, out: &Path) -> Command {
    let mut command = program(&["workload", "fetch", "--json"], out.parent().unwrap());
    command.arg("--socket").arg(socket).arg("--out").arg(out);
    command
}
