//! How many certificates a running `serve` renews over EST in a second, each recorded durably before it is answered.
//!
//! `cargo bench --bench est`; a directory on another disk than the temporary one can be named by `BENCH_DISK`.
//! Every connection is kept, presents a client certificate, and sends one request after the other.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

#[expect(dead_code, reason = "of it, what is needed")]
mod service;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use openagents_certs::keys::Signer;
use openagents_certs::pki::pem;
use openagents_certs::pki::plan::{BasicConstraints, CsrPlan};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use service::{Server, succeeded};

const DURATION: Duration = Duration::from_secs(5);

fn main() {
    let disk = std::env::var_os("BENCH_DISK").map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(disk).unwrap();
    let (ca, machine) = (
        directory.path().join("ca"),
        directory.path().join("machine"),
    );
    succeeded(&["ca", "init"], &ca);
    let server = Server::start(&ca, &[]);
    let token = succeeded(
        &["token", "create", "a.example.org", "--url", &server.url],
        &ca,
    );
    let out = machine.to_str().unwrap();
    succeeded(&["enroll", token.trim(), "--out", out, "--name", "a"], &ca);
    for connections in [1, 8, 32, 64] {
        let (count, mut latencies) = renewed(connections, server.address, &machine);
        latencies.sort_unstable();
        let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize];
        let rate = f64::from(count) / DURATION.as_secs_f64();
        println!(
            "simplereenroll, {connections:2} connections: {rate:6.0}/s, median {:.1?}, p99 {:.1?}",
            at(0.5),
            at(0.99)
        );
    }
}

/// Renews over so many connections at once; how often, and how long each took.
fn renewed(connections: usize, address: SocketAddr, machine: &Path) -> (u32, Vec<Duration>) {
    let request = request(machine);
    let config = Arc::new(config(machine));
    let end = Instant::now() + DURATION;
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            let (config, request) = (Arc::clone(&config), request.clone());
            std::thread::spawn(move || {
                let mut connection = connect(&config, address);
                let mut latencies = Vec::new();
                while Instant::now() < end {
                    let started = Instant::now();
                    connection.get_mut().write_all(&request).unwrap();
                    assert_eq!(answer(&mut connection), 200);
                    latencies.push(started.elapsed());
                }
                latencies
            })
        })
        .collect();
    let all: Vec<Duration> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    (all.len() as u32, all)
}

type Connection = BufReader<StreamOwned<ClientConnection, TcpStream>>;

fn connect(config: &Arc<ClientConfig>, address: SocketAddr) -> Connection {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    BufReader::new(StreamOwned::new(tls, stream))
}

/// Reads an answer, and gives its status.
fn answer(connection: &mut Connection) -> u16 {
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(' ') {
            Some(("http/1.1", rest)) => status = rest[..3].parse().unwrap(),
            Some(("content-length:", rest)) => length = rest.parse().unwrap(),
            Some(_) => {}
            None if line.is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).unwrap();
    status
}

fn config(machine: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for anchor in CertificateDer::pem_file_iter(machine.join("ca.crt")).unwrap() {
        roots.add(anchor.unwrap()).unwrap();
    }
    let chain = CertificateDer::pem_file_iter(machine.join("a.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(machine.join("a.key")).unwrap();
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap()
}

/// The bytes of a whole request.
fn request(machine: &Path) -> Vec<u8> {
    let key = std::fs::read(machine.join("a.key")).unwrap();
    let signer = Signer::from_pkcs8(&pem::blocks(&key).unwrap()[0].contents).unwrap();
    let plan = CsrPlan {
        subject: openagents_certs::pki::name::DistinguishedName::empty(),
        subject_alt_names: vec!["a.example.org".parse().unwrap()],
        basic_constraints: BasicConstraints::EndEntity,
    };
    let body = openagents_certs::pki::est::encode(&signer.request(&plan).unwrap());
    format!(
        "POST /.well-known/est/simplereenroll HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/pkcs10\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
