//! Under load: nothing a client holds is lost, whatever happens to the server.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use base64ct::{Base64, Encoding as _};
use openagents_certs::pki::bundle::SignedData;
use openagents_certs::pki::certificate::Certificate;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use super::client::{Client, answer};
use super::server::{Server, until};
use crate::peer::{certs, scratch};

#[test]
fn what_a_client_holds_is_recorded_even_if_the_server_is_killed() {
    let directory = authority("serve-kill");
    let request = Request::new(&directory);
    let held = Mutex::new(BTreeSet::new());
    for round in 1..=3 {
        let server = Server::start(&directory, &[]);
        let client = server.client();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| enroll_until_it_ends(&client, &request, &held));
            }
            until("certificates were issued", || {
                held.lock().unwrap().len() >= round * 50
            });
            server.kill();
        });
    }
    let held = held.into_inner().unwrap();
    let recorded = recorded(&directory);
    let lost: Vec<_> = held.difference(&recorded).collect();
    assert!(
        lost.is_empty(),
        "{} of {} are lost: {lost:?}",
        lost.len(),
        held.len()
    );
    let server = Server::start(&directory, &[]);
    assert_eq!(request.send(&server.client()), Some(200));
}

#[test]
fn two_servers_on_one_directory_issue_both() {
    let directory = authority("serve-two");
    let request = Request::new(&directory);
    let servers = [(); 2].map(|()| Server::start(&directory, &[]));
    let held = Mutex::new(BTreeSet::new());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for server in servers.iter().cycle().take(6) {
            scope.spawn(|| {
                let client = server.client();
                while !is_over.load(Ordering::Relaxed) {
                    let serial = request.enroll(&client).expect("a certificate");
                    held.lock().unwrap().insert(serial);
                }
            });
        }
        until("certificates were issued", || {
            held.lock().unwrap().len() >= 100
        });
        is_over.store(true, Ordering::Relaxed);
    });
    let held = held.into_inner().unwrap();
    assert!(held.is_subset(&recorded(&directory)));
    for server in servers {
        assert!(server.stop().success());
    }
}

#[test]
fn on_a_full_disk_it_answers_503_and_recovers_by_itself() {
    let directory = authority("serve-full");
    let request = Request::new(&directory);
    let server = Server::start(&directory, &[]);
    let client = server.client();
    assert_eq!(request.send(&client), Some(200));
    let process = Pid::from_raw(i32::try_from(server.pid()).unwrap());
    let log = std::fs::metadata(directory.join("inventory.db-wal"))
        .unwrap()
        .len();
    let before = prlimit(
        process,
        Resource::Fsize,
        Rlimit {
            current: Some(log),
            maximum: None,
        },
    )
    .unwrap();
    let mut refused = None;
    until("the disk is full", || {
        let response = request.response(&client).expect("an answer");
        let is_refused = response.status == 503;
        refused = Some(response);
        is_refused
    });
    let refused = refused.unwrap();
    let retry = refused.header("retry-after").expect("Retry-After");
    assert!(retry.parse::<u32>().is_ok(), "{retry}");
    assert!(!refused.text().contains("inventory"), "{}", refused.text());
    assert_eq!(server.get("/healthz").status, 200);
    prlimit(process, Resource::Fsize, before).unwrap();
    until("it issues again", || request.send(&client) == Some(200));
    assert!(server.stop().success());
}

/// A request for a certificate that a token permits.
pub(crate) struct Request {
    head: String,
    body: String,
}

impl Request {
    pub(crate) fn new(directory: &Path) -> Self {
        let token = certs(
            &[
                "token",
                "create",
                "agent",
                "--url",
                "https://localhost:1",
                "--json",
            ],
            directory,
        );
        let token: Value = serde_json::from_str(&token).unwrap();
        let text = |name: &str| token["est"][name].as_str().unwrap().to_owned();
        let password = format!("{}:{}", text("username"), text("password"));
        let out = directory.join("request");
        std::fs::create_dir(&out).unwrap();
        certs(
            &["csr", "create", "agent", "--out", out.to_str().unwrap()],
            directory,
        );
        let csr = std::fs::read_to_string(out.join("agent.csr")).unwrap();
        let body: String = csr.lines().filter(|line| !line.starts_with('-')).collect();
        let head = format!(
            "POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/pkcs10\r\nAuthorization: Basic {}\r\n\
             Content-Length: {}\r\n\r\n",
            Base64::encode_string(password.as_bytes()),
            body.len()
        );
        Request { head, body }
    }

    pub(crate) fn response(&self, client: &Client) -> Option<super::Response> {
        let mut stream = client.try_connect()?;
        stream.write_all(self.head.as_bytes()).ok()?;
        stream.write_all(self.body.as_bytes()).ok()?;
        stream.flush().ok()?;
        answer(&mut *stream)
    }

    fn send(&self, client: &Client) -> Option<u16> {
        self.response(client).map(|response| response.status)
    }

    /// The serial number of a new certificate; `None` where the connection ended.
    fn enroll(&self, client: &Client) -> Option<String> {
        self.response(client).map(|response| serial(&response))
    }
}

/// Enrolls over one connection, again and again, until that ends.
fn enroll_until_it_ends(client: &Client, request: &Request, held: &Mutex<BTreeSet<String>>) {
    let Some(mut stream) = client.try_connect() else {
        return;
    };
    loop {
        let sent = stream.write_all(request.head.as_bytes());
        let sent = sent.and_then(|()| stream.write_all(request.body.as_bytes()));
        if sent.and_then(|()| stream.flush()).is_err() {
            return;
        }
        let Some(response) = answer(&mut *stream) else {
            return;
        };
        held.lock().unwrap().insert(serial(&response));
    }
}

/// The serial number in an answer of EST.
pub(crate) fn serial(response: &super::Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    let der = Base64::decode_vec(response.text()).unwrap();
    let signed = SignedData::from_der(&der).unwrap();
    let certificate = Certificate::from_der(signed.certificates[0].clone()).unwrap();
    certificate.serial().to_string()
}

/// The serial numbers in the inventory.
fn recorded(directory: &Path) -> BTreeSet<String> {
    let list: Value = serde_json::from_str(&certs(&["list", "--json"], directory)).unwrap();
    let entries = list["certificates"].as_array().unwrap();
    let serials = entries
        .iter()
        .map(|entry| entry["serial"].as_str().unwrap().to_owned());
    serials.collect()
}

fn authority(name: &str) -> PathBuf {
    let directory = scratch(name);
    certs(&["ca", "init"], &directory);
    directory
}
