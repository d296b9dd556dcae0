//! A day of ten thousand workloads on a hundred nodes with SVIDs of one hour, on a clock that jumps: whether any is
//! ever without a valid SVID, and what the server needs for it.
//!
//! `cargo bench --bench workload_day`; `WORKLOADS`, `NODES`, `HOURS` and `STEP` (virtual seconds between jumps) make it
//! smaller. The server is this program again, in a process of its own whose clock is told over a pipe; the nodes use
//! the client of `workload agent`, over mutual TLS. At noon the server is killed, and is away for twenty minutes.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

#[expect(dead_code, reason = "of it, what is needed")]
mod service;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use openagents_certs::config::{Selectors, WorkloadEntry};
use openagents_certs::ops::workload::node::NodeServer;
use openagents_certs::store::{self, Document, DocumentKind, Opening};
use service::{Server, succeeded};
use time::OffsetDateTime;

/// The time of the server's process, in Unix seconds.
static NOW: AtomicI64 = AtomicI64::new(0);

fn main() -> ExitCode {
    match std::env::var(START) {
        Ok(start) => serve(start.parse().unwrap()),
        Err(_) => {
            Day::new().run();
            ExitCode::SUCCESS
        }
    }
}

/// The server's process: this program's command line, and a clock that is what standard input says.
fn serve(start: i64) -> ExitCode {
    NOW.store(start, Ordering::SeqCst);
    std::thread::spawn(|| {
        for line in std::io::stdin().lines() {
            NOW.store(line.unwrap().parse().unwrap(), Ordering::SeqCst);
            println!();
        }
    });
    openagents_certs::cli::main(|| at(NOW.load(Ordering::SeqCst)))
}

/// A day, and what is seen in it.
struct Day {
    directory: tempfile::TempDir,
    nodes: Vec<NodeServer>,
    workloads: Vec<Workload>,
    start: i64,
    seconds: i64,
    step: i64,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    svids: u64,
    /// Requests that the server did not answer.
    unanswered: u64,
    /// Workloads whose SVID expired before there was another.
    gaps: u64,
    cpu: Duration,
    memory: u64,
}

/// A workload, which node it runs on, and its SVID.
struct Workload {
    node: usize,
    entry: WorkloadEntry,
    renew_at: i64,
    not_after: i64,
}

impl Day {
    /// An authority with an entry for every workload, and enrolled nodes.
    fn new() -> Self {
        let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
        let (count, nodes) = (number("WORKLOADS", 10_000), number("NODES", 100));
        let directory = tempfile::tempdir().unwrap();
        let authority = directory.path().join("certs");
        succeeded(&["ca", "init"], &authority);
        let settings = "[workload]\ntrust_domain = 'example.org'\n";
        std::fs::write(authority.join("certs.toml"), settings).unwrap();
        let now = OffsetDateTime::now_utc();
        let workloads: Vec<_> = (0..count)
            .map(|n| Workload::new(n, n % nodes, now))
            .collect();
        record(&authority, &workloads, now);
        let server = Server::start(&authority, &[]);
        let nodes = (0..nodes).map(|n| enroll(directory.path(), n, &server.url));
        Day {
            nodes: nodes.collect(),
            workloads,
            start: now.unix_timestamp(),
            seconds: i64::from(number("HOURS", 24) as u16) * 3_600,
            step: i64::from(number("STEP", 10) as u16),
            seen: Seen::default(),
            directory,
        }
    }

    fn run(mut self) {
        println!(
            "{} workloads on {} nodes, {} h, jumps of {} s",
            self.workloads.len(),
            self.nodes.len(),
            self.seconds / 3_600,
            self.step
        );
        let end = self.start + self.seconds;
        let noon = self.start + self.seconds / 2;
        let began = Instant::now();
        let mut server = Some(self.server(self.start));
        for now in (self.start..=end).step_by(usize::try_from(self.step).unwrap()) {
            let is_away = (noon..noon + OUTAGE).contains(&now);
            match &mut server {
                Some(running) if is_away => {
                    self.seen.note(running);
                    server = None;
                }
                Some(running) => running.tell(now),
                None if is_away => {}
                None => server = Some(self.server(now)),
            }
            self.renew(now);
        }
        let mut server = server.unwrap_or_else(|| self.server(end));
        self.seen.note(&server);
        println!("{}, {:.0?} of real time", self.seen, began.elapsed());
        self.idle(&mut server);
        assert_eq!(self.seen.gaps, 0, "workloads were without an SVID");
    }

    /// Asks for what is due, each node for itself.
    fn renew(&mut self, now: i64) {
        let nodes = &self.nodes;
        let mut due: Vec<_> = self.workloads.iter_mut().collect();
        due.retain(|workload| workload.renew_at <= now);
        let share = due.len().div_ceil(THREADS).max(1);
        let seen = std::thread::scope(|scope| {
            let threads = due.chunks_mut(share).map(|workloads| {
                scope.spawn(move || {
                    let mut seen = Seen::default();
                    for workload in workloads {
                        workload.renew(&nodes[workload.node], now, &mut seen);
                    }
                    seen
                })
            });
            let threads: Vec<_> = threads.collect();
            let seen = threads.into_iter().map(|thread| thread.join().unwrap());
            seen.collect::<Vec<_>>()
        });
        for seen in seen {
            self.seen.svids += seen.svids;
            self.seen.unanswered += seen.unanswered;
            self.seen.gaps += seen.gaps;
        }
    }

    /// What the server needs while nothing is due: for itself, and for a node that asks what has changed.
    fn idle(&self, server: &mut Clocked) {
        let before = server.cpu();
        let pause = Duration::from_secs(5);
        std::thread::sleep(pause);
        let idle = server.cpu() - before;
        println!(
            "idle: {:.2} % of a core",
            100.0 * idle.as_secs_f64() / pause.as_secs_f64()
        );
        let before = server.cpu();
        let times = 20;
        for node in &self.nodes {
            for _ in 0..times {
                node.state().unwrap();
            }
        }
        let asked = u32::try_from(self.nodes.len()).unwrap() * times;
        println!(
            "a node that asks what has changed: {:.0?} of CPU",
            (server.cpu() - before) / asked
        );
    }

    fn server(&self, now: i64) -> Clocked {
        let authority = self.directory.path().join("certs");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["serve", "--http-listen", "none", "--log-format", "json"]);
        command.arg("--listen").arg(LISTEN).arg("-C").arg(authority);
        command.env(START, now.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Server::spawn(&mut command);
        let answers = server.process().stdout.take().unwrap();
        Clocked {
            server,
            answers: BufReader::new(answers),
        }
    }
}

impl Workload {
    fn new(number: usize, node: usize, now: OffsetDateTime) -> Self {
        let spiffe_id = format!("spiffe://example.org/agent/{number}");
        let lifetime: openagents_certs::config::WorkloadLifetime = "1h".parse().unwrap();
        Workload {
            node,
            entry: WorkloadEntry {
                spiffe_id: spiffe_id.parse().unwrap(),
                node: Some(node_id(node).parse().unwrap()),
                selectors: Selectors {
                    unix_uid: Some(u32::try_from(number).unwrap()),
                    ..Selectors::default()
                },
                ttl: lifetime,
                dns: vec![format!("agent-{number}.example.org").parse().unwrap()],
                hint: None,
            },
            renew_at: now.unix_timestamp(),
            not_after: i64::MAX,
        }
    }

    fn renew(&mut self, server: &NodeServer, now: i64, seen: &mut Seen) {
        let has_expired = now > self.not_after;
        match server.svid(&self.entry) {
            Ok((certificates, _)) => {
                let leaf = &certificates[0];
                let from = leaf.not_before().unix_timestamp();
                self.not_after = leaf.not_after().unix_timestamp();
                assert!(from <= now && now < self.not_after);
                // As an agent does: at half of the lifetime, a tenth of it earlier or later.
                let lifetime = self.not_after - now;
                let jitter = i64::from(leaf.as_der().last().copied().unwrap_or_default());
                self.renew_at = now + lifetime * 45 / 100 + lifetime * jitter / 2_560;
                seen.svids += 1;
                seen.gaps += u64::from(has_expired);
            }
            Err(_) => seen.unanswered += 1,
        }
    }
}

impl Seen {
    /// Adds what a server has needed up to now.
    fn note(&mut self, server: &Clocked) {
        self.cpu += server.cpu();
        self.memory = self.memory.max(server.server.memory());
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each = self.cpu / u32::try_from(self.svids.max(1)).unwrap();
        write!(
            f,
            "{} SVIDs, {} gaps, {} requests unanswered; the server: {:.0?} of CPU ({each:.0?} for an SVID), {} KiB",
            self.svids, self.gaps, self.unanswered, self.cpu, self.memory
        )
    }
}

/// A server whose clock is ours.
struct Clocked {
    server: Server,
    answers: BufReader<std::process::ChildStdout>,
}

impl Clocked {
    /// Sets its clock.
    fn tell(&mut self, now: i64) {
        let mut input = self.server.process().stdin.as_ref().unwrap();
        writeln!(input, "{now}").unwrap();
        self.answers.read_line(&mut String::new()).unwrap();
    }

    /// The time that it has computed for.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.server.id())).unwrap();
        let fields = stat.rsplit_once(") ").unwrap().1.split(' ');
        // User and system time; the first two fields are before the parenthesis.
        let ticks: u64 = fields
            .skip(11)
            .take(2)
            .map(|n| n.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(ticks * MILLISECONDS_PER_TICK)
    }
}

/// Writes the entries as `workload entry add` does.
fn record(authority: &Path, workloads: &[Workload], now: OffsetDateTime) {
    let mut inventory = store::open(&authority.join("inventory.db"), Opening::MustExist).unwrap();
    let documents = workloads.iter().enumerate().map(|(n, workload)| {
        let created_at = now.format(&time::format_description::well_known::Rfc3339);
        let content = serde_json::json!({
            "entry": workload.entry, "created_at": created_at.unwrap(), "created_by": "bench",
        });
        Document {
            kind: DocumentKind::WorkloadEntry,
            key: format!("{n:016x}"),
            version: 0,
            owner: String::new(),
            expires_at: None,
            content: content.to_string(),
        }
    });
    let documents: Vec<_> = documents.collect();
    inventory
        .together(&mut |inventory| {
            for document in &documents {
                inventory.put_document(document)?;
            }
            Ok(())
        })
        .unwrap();
}

fn enroll(root: &Path, node: usize, url: &str) -> NodeServer {
    let (authority, directory) = (root.join("certs"), root.join(format!("node-{node}")));
    let token = ["token", "create", &node_id(node), "--profile", "svid"];
    let token = succeeded(
        &[&token[..], &["--cert-ttl", "2d", "--url", url]].concat(),
        &authority,
    );
    succeeded(&["enroll", token.trim(), "--name", "node"], &directory);
    NodeServer::open(
        &directory,
        Some(&format!("https://{LISTEN}").parse().unwrap()),
    )
    .unwrap()
}

fn node_id(node: usize) -> String {
    format!("spiffe://example.org/node/{node}")
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// Tells the server's process when it starts.
const START: &str = "WORKLOAD_DAY_START";
/// It is the same after the server was away.
const LISTEN: &str = "127.0.0.1:18543";
const OUTAGE: i64 = 20 * 60;
const THREADS: usize = 16;
/// Of the times in /proc, on every Linux.
const MILLISECONDS_PER_TICK: u64 = 10;
