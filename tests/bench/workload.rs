//! The Workload API of a running `serve`: the first SVID of a client that knows nothing, the memory of a thousand
//! streams, and how many SVIDs come in a second, each recorded durably before it is released.
//!
//! `cargo bench --bench workload`; a directory on another disk than the temporary one can be named by `BENCH_DISK`,
//! `SECONDS` says how long SVIDs are asked for. The load comes from this process, on the same cores.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

#[expect(dead_code, reason = "of it, what is needed")]
mod service;
#[path = "../workload/stream.rs"]
mod stream;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use openagents_certs::net::workload::Client;
use service::{Server, succeeded};
use stream::Connection;

fn main() {
    let disk = std::env::var_os("BENCH_DISK").map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(disk).unwrap();
    let (authority, socket) = (directory.path().join("certs"), directory.path().join("s"));
    succeeded(&["ca", "init"], &authority);
    let uid = rustix::process::getuid().as_raw();
    let settings = format!(
        "[workload]\ntrust_domain = 'example.org'\n[[workload.entry]]\n\
         spiffe_id = 'spiffe://example.org/agent'\nunix_uid = {uid}\ndns = ['agent.example.org']\n"
    );
    std::fs::write(authority.join("certs.toml"), settings).unwrap();
    let arguments = ["--workload-socket", socket.to_str().unwrap()];
    let server = Server::start(&authority, &arguments);
    first(&socket);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        held(&server, &socket).await;
        for connections in [1, 8, 64, 256] {
            rate(&socket, connections).await;
        }
    });
}

/// How long it takes from no connection to a certificate and its key.
fn first(socket: &Path) {
    let once = || {
        let start = Instant::now();
        let client = Client::new(socket).unwrap();
        let answer = client.x509_svids().unwrap().next(PATIENCE).unwrap();
        assert_eq!(answer.unwrap().svids.len(), 1);
        start.elapsed()
    };
    let cold = once();
    let times = (0..200).map(|_| once()).collect();
    println!(
        "first SVID              {cold:>9.2?} from a new server; then {}",
        Times(times)
    );
}

/// What the server needs for a thousand connections, each with a stream that stays.
async fn held(server: &Server, socket: &Path) {
    let before = server.memory();
    let mut streams = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let mut connection = Connection::open(socket).await;
        streams.push((connection.fetch().await, connection));
    }
    let after = server.memory();
    println!(
        "memory                  {} KiB, {after} KiB with {STREAMS} streams on as many connections",
        before
    );
    drop(streams);
}

/// SVIDs in a second: each connection asks for one after the other.
async fn rate(socket: &Path, connections: usize) {
    let seconds = std::env::var("SECONDS").map_or(5, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let asking = (0..connections).map(|_| {
        let socket = socket.to_owned();
        async move {
            let mut connection = Connection::open(&socket).await;
            let mut times = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                drop(connection.fetch().await);
                times.push(start.elapsed());
            }
            times
        }
    });
    let tasks: Vec<_> = asking.map(tokio::spawn).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let rate = times.len() as f64 / seconds as f64;
    println!(
        "{connections:>3} connections         {rate:>7.0} SVIDs/s, {}",
        Times(times)
    );
}

/// How long each took.
struct Times(Vec<Duration>);

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut times = self.0.clone();
        times.sort_unstable();
        let at = |share: f64| times[(times.len() as f64 * share) as usize];
        write!(f, "median {:.2?}, p99 {:.2?}", at(0.5), at(0.99))
    }
}

const STREAMS: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(30);
