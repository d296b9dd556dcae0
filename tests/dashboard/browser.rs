//! The dashboard in Chromium, driven by `tests/interop/dashboard.mjs` against a server of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use openagents_certs::config::Role;
use openagents_certs::ops::dashboard;
use serde_json::json;
use time::OffsetDateTime;

use crate::acme::client::AcmeClient;
use crate::acme::{challenge, client_of};
use crate::peer::{certs, is_here, run, scratch};
use crate::serve::Server;

#[test]
fn people_sign_in_by_link_and_by_certificate_and_nobody_else_sees_anything() {
    scenario("signIn");
}

#[test]
fn a_certificate_is_found_looked_at_and_revoked() {
    scenario("certificates");
}

#[test]
fn a_token_is_created_used_and_revoked() {
    scenario("enrollment");
}

#[test]
fn the_matrix_of_networks_is_shown_for_files_of_the_server_and_of_the_browser() {
    scenario("networks");
}

#[test]
fn a_rotation_is_led_to_its_end() {
    scenario("rotation");
}

#[test]
fn every_page_is_accessible_and_fits_every_screen() {
    scenario("looks");
}

#[test]
fn hostile_names_are_only_text() {
    scenario("hostile");
}

#[test]
fn everything_can_be_read_and_done_without_a_script() {
    scenario("withoutScript");
}

#[test]
fn a_keyboard_is_enough() {
    scenario("keyboard");
}

#[test]
fn the_first_page_is_small_and_quick_and_its_headers_are_strict() {
    scenario("figures");
}

#[test]
fn accounts_are_created_beside_fifty_browsers() {
    let Some(scene) = Scene::new("polling") else {
        return;
    };
    let alone = scene.time_of_accounts();
    let mut command = scene.command("polling");
    let mut browsers = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(browsers.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "polling");
    let beside = scene.time_of_accounts();
    drop(browsers.stdin.take());
    let answers: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(browsers.wait().unwrap().success());
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    eprintln!("ACME beside 50 browsers: {ratio:.2} times as long; {answers:?}");
}

/// Runs a scenario of the script against a server of its own.
fn scenario(name: &str) {
    if let Some(scene) = Scene::new(name) {
        let output = run(&mut scene.command(name));
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        scene.assert_no_secret_in_log();
    }
}

/// A server with something on each page, and a home for a browser that trusts it.
struct Scene {
    server: Server,
    scratch: PathBuf,
    settings: PathBuf,
}

impl Scene {
    /// `None` when a program is not there.
    fn new(name: &str) -> Option<Self> {
        let script = script();
        let programs = is_here("chromium", &["--version"])
            && is_here("sh", &["-c", "command -v certutil"])
            && is_here("node", &[&script.to_string_lossy()]);
        if !programs {
            return None;
        }
        let scratch = scratch(&format!("dashboard-{name}"));
        let directory = scratch.join("certs");
        fill(&directory);
        let server = Server::start(&directory, &[]);
        orders(&server);
        trust(&directory.join("ca.crt"), &scratch.join("home"));
        let expired = dashboard::Request {
            directory: directory.clone(),
            role: Role::Operator,
            requested_by: "test".into(),
        };
        let earlier = OffsetDateTime::now_utc() - time::Duration::minutes(16);
        let expired = dashboard::login(&expired, earlier).unwrap();
        let expired = serde_json::to_value(&expired).unwrap();
        let settings = json!({
            "url": server.url,
            "http": format!("http://{}", server.http),
            "program": env!("CARGO_BIN_EXE_openagents-certs"),
            "directory": directory,
            "scratch": scratch,
            "expiredLink": expired["url"],
            "shots": std::env::var_os("OPENAGENTS_CERTS_SHOTS").map(|shots| shots.into_string().unwrap()),
        });
        let path = scratch.join("settings.json");
        std::fs::write(&path, settings.to_string()).unwrap();
        Some(Scene {
            server,
            scratch,
            settings: path,
        })
    }

    /// The script with this scenario.
    fn command(&self, scenario: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(script()).arg(scenario).arg(&self.settings);
        command.env("HOME", self.scratch.join("home"));
        command.env("NODE_EXTRA_CA_CERTS", self.server.directory.join("ca.crt"));
        command
    }

    /// How long it takes to create some accounts of ACME.
    fn time_of_accounts(&self) -> Duration {
        let started = Instant::now();
        for _ in 0..ACCOUNTS {
            register(&self.server);
        }
        started.elapsed()
    }

    fn assert_no_secret_in_log(&self) {
        // A request is told by its route.
        let log = self.server.log().replace("/login/{*secret}", "");
        assert!(!log.contains("oact1.") && !log.contains("/login/"), "{log}");
    }
}

/// An authority with certificates, networks and agents, and some of them hostile.
fn fill(directory: &Path) {
    certs(&["ca", "init"], directory);
    let issue = |arguments: &[&str]| certs(&[&["issue"], arguments].concat(), directory);
    for number in 1..=12 {
        let name = format!("agent-{number}.example.org");
        issue(&["peer", &name, "--name", &format!("agent-{number}")]);
    }
    issue(&["server", "localhost", "127.0.0.1", "--name", "server"]);
    issue(&["client", "bob", "--name", "client"]);
    for operator in ["alice", "mallory"] {
        issue(&[
            "client",
            &format!("{operator}.example.org"),
            "--name",
            operator,
        ]);
    }
    issue(&["peer", "soon.example.org", "--name", "soon", "--ttl", "2h"]);
    let label = format!("note={EVIL}");
    issue(&[
        "peer",
        "evil.example.org",
        "--name",
        "evil",
        "--label",
        &label,
    ]);
    std::fs::write(
        directory.join("certs.toml"),
        "[serve.operators]\n'alice.example.org' = 'operator'\n[serve.acme]\nvalidate_loopback = false\n",
    )
    .unwrap();
    networks(&directory.join("networks"), directory, "bob", "Agents");
    networks(
        &directory.join("hostile"),
        directory,
        EVIL,
        &format!("{EVIL}{}", "x".repeat(65_536)),
    );
}

/// A network with mutual TLS, one in plaintext, and agents.
fn networks(place: &Path, certs: &Path, agent: &str, name: &str) {
    std::fs::create_dir_all(place).unwrap();
    let certs = certs.display();
    let tls = format!(
        "      tls: {{enabled: true, cert_file: {certs}/server.crt, key_file: {certs}/server.key, ca_file: {certs}/ca.crt, \
         require_client_cert: true}}\n"
    );
    let network = |tls: &str, port: u16| {
        let name = json!(name);
        format!(
            "network:\n  name: {name}\n  node_id: n1\n  transports:\n  - type: grpc\n    config:\n      host: 127.0.0.1\n      \
             port: {port}\n{tls}  created_by_version: 0.9.3\n"
        )
    };
    let write = |file: &str, text: String| std::fs::write(place.join(file), text).unwrap();
    write("network.yaml", network(&tls, 8600));
    write("plain.yaml", network("", 8601));
    let agent = json!(agent);
    write(
        "bob.yaml",
        format!("agent_id: {agent}\nconnection: {{host: localhost, port: 8600}}\n"),
    );
    write(
        "agents.csv",
        format!(
            "url,name,client_cert,client_key\ngrpcs://localhost:8600,carol,{certs}/client.crt,{certs}/client.key\n\
             grpcs://localhost:8600,dave,,\ngrpc://localhost:8601,erin,,\n"
        ),
    );
}

/// An account of ACME with an order that fails, and one that waits.
fn orders(server: &Server) {
    let mut client = register(server);
    client.order(&["waits.example.org"]).expect(201);
    // Link-local addresses are never dialled.
    let order = client.order(&["169.254.169.254"]);
    let order = order.expect(201);
    let authorization = order["authorizations"][0].as_str().unwrap();
    let challenge = challenge(&mut client, authorization, "http-01");
    let url = challenge["url"].as_str().unwrap();
    client.post(url, Some(&json!({}))).expect(200);
    client.wait_for(authorization, "invalid");
}

fn register(server: &Server) -> AcmeClient {
    let mut client = client_of(server);
    let account = json!({"termsOfServiceAgreed": true, "contact": ["mailto:admin@example.org"]});
    client.register(&account).expect(201);
    client
}

/// Makes browsers with this home trust a CA.
fn trust(ca: &Path, home: &Path) {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database).unwrap();
    let database = format!("sql:{}", database.display());
    run(Command::new("certutil").args(["-N", "--empty-password", "-d", &database]));
    run(Command::new("certutil")
        .args(["-A", "-t", "C,,", "-n", "ca", "-d", &database, "-i"])
        .arg(ca));
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/dashboard.mjs")
}

const EVIL: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}gpj.'\"&";
const ACCOUNTS: usize = 200;
