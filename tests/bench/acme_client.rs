//! What a certificate of an ACME server costs, as a whole process: beside lego, against the same Pebble. And what
//! `renew --due` costs where some of the certificates come from such a server, and none is due.
//!
//! `cargo bench --bench acme_client`; needs pebble, pebble-challtestsrv and lego.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

mod race;

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use race::{Runner, program, race, ratio};

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let server = root.join("server");
    run(&["ca", "init"], &server);
    run(
        &["issue", "server", "localhost", "--name", "server"],
        &server,
    );
    let servers = Servers::start(root);
    println!("a certificate of Pebble, as a whole process (at most half of lego's time)");
    let times = race(
        20,
        &[
            Runner::new("acme issue", |round| servers.ours(root, round, "ours")),
            Runner::new("lego", |round| servers.lego(root, round)),
        ],
    );
    println!("  {:.2} of lego's time\n", ratio(times[0], times[1]));
    let mixed = root.join("mixed");
    fill(&mixed, 990);
    for round in 0..10 {
        let mut command = servers.ours(root, round, "mixed");
        assert!(command.output().unwrap().status.success());
    }
    println!(
        "`renew --due` of 1000 certificates of which 10 are Pebble's, none due (at most 60 ms)"
    );
    race(
        50,
        &[Runner::new("renew --due", |_| {
            let mut command = Command::new(program());
            command.args(["renew", "--due", "-C"]).arg(&mixed);
            command
        })],
    );
}

/// Pebble and its DNS server; they end with the benchmark.
struct Servers {
    children: Vec<Child>,
    url: String,
    http: u16,
}

impl Servers {
    fn start(root: &Path) -> Self {
        let listeners = [(); 6].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
        let ports = listeners.map(|one| one.local_addr().unwrap().port());
        let [directory, management, http, tls, dns, dns_management] = ports;
        let local = |port: u16| format!("127.0.0.1:{port}");
        let config = format!(
            "{{\"pebble\":{{\"listenAddress\":\"{}\",\"managementListenAddress\":\"{}\",\"certificate\":\"{4}/server.crt\",\
             \"privateKey\":\"{4}/server.key\",\"httpPort\":{},\"tlsPort\":{}}}}}",
            local(directory),
            local(management),
            http,
            tls,
            root.join("server").display()
        );
        std::fs::write(root.join("pebble.json"), config).unwrap();
        let mut names = Command::new("pebble-challtestsrv");
        names
            .args(["-management", &local(dns_management), "-dns01", &local(dns)])
            .args([
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
                "-defaultIPv6",
                "",
            ]);
        let mut pebble = Command::new("pebble");
        pebble
            .arg("-config")
            .arg(root.join("pebble.json"))
            .args(["-dnsserver", &local(dns)])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0");
        let children = [(names, dns_management), (pebble, directory)].map(|(mut command, port)| {
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let child = command.spawn().unwrap();
            let end = Instant::now() + Duration::from_secs(20);
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                assert!(Instant::now() < end, "{command:?} does not listen");
            }
            child
        });
        Servers {
            children: children.into(),
            url: format!("https://localhost:{directory}/dir"),
            http,
        }
    }

    /// Every round is for another name; the account is there after the first one, as with lego.
    fn ours(&self, root: &Path, round: usize, directory: &str) -> Command {
        let mut command = Command::new(program());
        command
            .args(["acme", "issue", &format!("{directory}-{round}.test"), "-C"])
            .arg(root.join(directory))
            .args(["--server", &self.url, "--ca-bundle"])
            .arg(root.join("server/ca.crt"))
            .args(["--http-01", &format!("127.0.0.1:{}", self.http)]);
        command
    }

    fn lego(&self, root: &Path, round: usize) -> Command {
        let mut command = Command::new("lego");
        command
            .env("LEGO_CA_CERTIFICATES", root.join("server/ca.crt"))
            .args(["--server", &self.url, "--accept-tos", "--email", "a@a.test"])
            .args(["--domains", &format!("lego-{round}.test"), "--http"])
            .args(["--http.port", &format!("127.0.0.1:{}", self.http), "--path"])
            .arg(root.join("lego"))
            .arg("run");
        command
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that has ended needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An authority that has issued so many pairs.
fn fill(authority: &Path, count: usize) {
    let mut manifest = String::from("names,profile,ttl\n");
    for number in 0..count {
        writeln!(manifest, "agent-{number}.example.test,client,90d").unwrap();
    }
    let rows = authority.with_extension("csv");
    std::fs::write(&rows, manifest).unwrap();
    run(&["ca", "init"], authority);
    run(&["issue", "batch", rows.to_str().unwrap()], authority);
}

fn run(arguments: &[&str], directory: &Path) {
    let mut command = Command::new(program());
    let output = command
        .args(arguments)
        .arg("-C")
        .arg(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
