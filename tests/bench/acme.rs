//! Complete ACME issuances in a second: ours, and Pebble's with its validation switched off.
//!
//! `cargo bench --bench acme [-- SECONDS]`. Each of 8 accounts orders, finalizes and downloads over one connection.
//! Pebble is measured where it is installed; it is given the same client, and what it needs beyond: its challenges are
//! answered, and its orders are polled.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "a program that measures"
)]

#[path = "../acme/client.rs"]
mod client;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use client::{AcmeClient, csr_of, identifier};
use serde_json::{Value, json};

fn main() {
    let seconds = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(10));
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    run(program(directory).args(["ca", "init"]));
    let ours = of_ours(directory, time);
    println!("openagents-certs  {ours:8.1} issuances/s");
    if let Some(pebble) = of_pebble(directory, time) {
        println!("pebble            {pebble:8.1} issuances/s");
        println!("ratio             {:8.1}", ours / pebble);
    } else {
        println!("pebble is not installed");
    }
}

fn of_ours(directory: &Path, time: Duration) -> f64 {
    let port = free_port();
    let settings = "[serve.acme]\nchallenge_free_for_tokens = true\n[serve.limits]\n\
        orders_per_account_per_hour = 0\norders_per_address_per_hour = 0\naccounts_per_address_per_hour = 0\n";
    std::fs::write(directory.join("certs.toml"), settings).unwrap();
    let url = format!("https://localhost:{port}");
    let mut serve = program(directory);
    serve.args(["serve", "--http-listen", "none", "--public-url", &url]);
    serve.args(["--listen", &format!("127.0.0.1:{port}")]);
    let _server = Process::start(&mut serve, port);
    let mut create = program(directory);
    create.args([
        "token",
        "create",
        "*.bench.example",
        "--uses",
        "100",
        "--url",
        &url,
        "--json",
    ]);
    let token: Value = serde_json::from_slice(&run(&mut create)).unwrap();
    let first = connect(port, directory, "/acme/directory");
    measure(&first, time, &|client: &mut AcmeClient| {
        let text = |name: &str| token["eab"][name].as_str().unwrap();
        let answer = client.register_with(text("kid"), text("hmac_key"));
        assert_eq!(answer.status, 201);
    })
}

fn of_pebble(directory: &Path, time: Duration) -> Option<f64> {
    Command::new("pebble")
        .arg("-h")
        .stderr(Stdio::null())
        .status()
        .ok()?;
    run(program(directory).args(["issue", "server", "localhost", "--name", "pebble"]));
    let (port, management) = (free_port(), free_port());
    let file = |name: &str| directory.join(name).to_string_lossy().into_owned();
    let config = json!({"pebble": {
        "listenAddress": format!("127.0.0.1:{port}"),
        "managementListenAddress": format!("127.0.0.1:{management}"),
        "certificate": file("pebble.crt"), "privateKey": file("pebble.key"),
        "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "",
        "externalAccountBindingRequired": false,
    }});
    std::fs::write(directory.join("pebble.json"), config.to_string()).unwrap();
    let mut pebble = Command::new("pebble");
    pebble.args(["-config", &file("pebble.json")]);
    pebble
        .env("PEBBLE_VA_ALWAYS_VALID", "1")
        .env("PEBBLE_VA_NOSLEEP", "1");
    pebble
        .env("PEBBLE_WFE_NONCEREJECT", "0")
        .env("PEBBLE_AUTHZREUSE", "0");
    let _server = Process::start(&mut pebble, port);
    let first = connect(port, directory, "/dir");
    Some(measure(&first, time, &|client: &mut AcmeClient| {
        let answer = client.register(&json!({"termsOfServiceAgreed": true}));
        assert_eq!(answer.status, 201);
    }))
}

/// Issuances in a second by several accounts at once.
fn measure(first: &AcmeClient, time: Duration, register: &(dyn Fn(&mut AcmeClient) + Sync)) -> f64 {
    let latencies = Mutex::new(Vec::new());
    let started = Instant::now();
    let end = started + WARM_UP + time;
    std::thread::scope(|scope| {
        for account in 0..ACCOUNTS {
            let mut client = first.another();
            let latencies = &latencies;
            scope.spawn(move || {
                register(&mut client);
                let name = format!("a{account}.bench.example");
                let csr = csr_of(&[&name], &rcgen::KeyPair::generate().unwrap());
                let mut own = Vec::new();
                while Instant::now() < end {
                    let begun = Instant::now();
                    issue(&mut client, &name, &csr);
                    if begun > started + WARM_UP {
                        own.push(begun.elapsed());
                    }
                }
                latencies.lock().unwrap().extend(own);
            });
        }
    });
    let mut latencies = latencies.into_inner().unwrap();
    latencies.sort();
    let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize];
    println!(
        "  {} issuances, median {:?}, p99 {:?}",
        latencies.len(),
        at(0.5),
        at(0.99)
    );
    latencies.len() as f64 / time.as_secs_f64()
}

/// One complete issuance, with as few requests as the server permits.
fn issue(client: &mut AcmeClient, name: &str, csr: &str) {
    let new_order = client.url("newOrder");
    let answer = client.post(
        &new_order,
        Some(&json!({"identifiers": [identifier(name)]})),
    );
    let url = answer.header("location").unwrap().to_owned();
    let mut order = answer.expect(201);
    if order["status"] == "pending" {
        let authorization = order["authorizations"][0].as_str().unwrap().to_owned();
        let authorization = client.post(&authorization, None).expect(200);
        let challenge = authorization["challenges"][0]["url"]
            .as_str()
            .unwrap()
            .to_owned();
        client.post(&challenge, Some(&json!({}))).expect(200);
        order = poll(client, &url, "ready");
    }
    let finalize = order["finalize"].as_str().unwrap().to_owned();
    order = client
        .post(&finalize, Some(&json!({"csr": csr})))
        .expect(200);
    if order["status"] != "valid" {
        order = poll(client, &url, "valid");
    }
    let certificate = client.post(order["certificate"].as_str().unwrap(), None);
    assert_eq!(certificate.status, 200);
}

/// Asks until the order has a status, without pauses.
fn poll(client: &mut AcmeClient, url: &str, status: &str) -> Value {
    loop {
        let order = client.post(url, None).expect(200);
        if order["status"] == status {
            return order;
        }
        assert_ne!(order["status"], "invalid", "{order}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn connect(port: u16, directory: &Path, path: &str) -> AcmeClient {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let anchors = std::fs::read(directory.join("ca.crt")).unwrap();
    AcmeClient::new(address, &format!("localhost:{port}"), &anchors, path)
}

/// A process that ends with this value.
struct Process(Child);

impl Process {
    /// Starts it, and waits until it accepts connections.
    fn start(command: &mut Command, port: u16) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Process(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "it does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.current_dir(directory).args(["-C", "."]);
    command
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    output.stdout
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

const ACCOUNTS: usize = 8;
const WARM_UP: Duration = Duration::from_secs(1);
