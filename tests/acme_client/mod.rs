//! `acme` against Pebble, directly and through a server that fails in every way.
//!
//! Where Pebble is not installed that is said, and nothing is checked; with `OPENAGENTS_CERTS_PEERS=required` its
//! absence fails.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it starts servers and looks at files"
)]

mod faults;
mod issuing;
mod own_server;
mod production;
mod proxy;
mod renewing;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::peer::{certs, is_here, program, scratch};
use proxy::Proxy;

/// Pebble with a DNS server of its own, and a directory for the client.
struct Scene {
    /// The directory of everything.
    root: PathBuf,
    pebble: Ports,
    children: Vec<Child>,
}

/// The ports that Pebble and its DNS server use.
struct Ports {
    directory: u16,
    management: u16,
    http: u16,
    tls: u16,
    dns: u16,
    dns_management: u16,
}

impl Scene {
    /// Starts Pebble with these variables; `None` where it is not installed.
    fn start(name: &str, environment: &[(&str, &str)], external: bool) -> Option<Self> {
        if !is_here("pebble", &["-h"]) && !is_here("sh", &["-c", "command -v pebble"]) {
            return None;
        }
        let root = scratch(&format!("acme-{name}"));
        let pki = root.join("server");
        certs(&["ca", "init"], &pki);
        certs(
            &[
                "issue",
                "server",
                "localhost",
                "127.0.0.1",
                "--name",
                "server",
            ],
            &pki,
        );
        let [directory, management, http, tls, dns, dns_management] = free_ports();
        let pebble = Ports {
            directory,
            management,
            http,
            tls,
            dns,
            dns_management,
        };
        let mut scene = Scene {
            root,
            pebble,
            children: Vec::new(),
        };
        scene.start_dns();
        scene.start_pebble(environment, external);
        Some(scene)
    }

    fn start_dns(&mut self) {
        let local = |port: u16| format!("127.0.0.1:{port}");
        let mut command = Command::new("pebble-challtestsrv");
        command
            .args(["-management", &local(self.pebble.dns_management)])
            .args(["-dns01", &local(self.pebble.dns)])
            .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
            .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        self.spawn(command, self.pebble.dns_management);
    }

    fn start_pebble(&mut self, environment: &[(&str, &str)], external: bool) {
        let ports = &self.pebble;
        let file = |name: &str| self.root.join("server").join(name);
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{}", ports.directory),
            "managementListenAddress": format!("127.0.0.1:{}", ports.management),
            "certificate": file("server.crt"),
            "privateKey": file("server.key"),
            "httpPort": ports.http,
            "tlsPort": ports.tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": external,
            "externalAccountMACKeys": {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"},
            "domainBlocklist": ["blocked.test"],
        }});
        let path = self.root.join("pebble.json");
        std::fs::write(&path, config.to_string()).unwrap();
        let mut command = Command::new("pebble");
        command
            .arg("-config")
            .arg(path)
            .args(["-dnsserver", &format!("127.0.0.1:{}", ports.dns)])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .env("PEBBLE_AUTHZREUSE", "0")
            .envs(environment.iter().copied());
        let port = ports.directory;
        self.spawn(command, port);
    }

    /// Starts a server, and waits until it listens.
    fn spawn(&mut self, mut command: Command, port: u16) {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.children.push(command.spawn().unwrap());
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "{command:?} does not listen");
            std::thread::yield_now();
        }
    }

    /// A server in front of Pebble that fails.
    fn proxy(&self) -> Proxy {
        Proxy::start(&self.root.join("server"), self.pebble.directory)
    }

    /// The client's PKI directory.
    fn pki(&self) -> PathBuf {
        self.root.join("client")
    }

    fn url(&self) -> String {
        url(self.pebble.directory)
    }

    /// `acme issue` of these names from this server, proven over HTTP.
    fn issue(&self, names: &[&str], url: &str) -> Command {
        let mut command = self.issue_with(names, url, &[]);
        command.args(["--http-01", &format!("127.0.0.1:{}", self.pebble.http)]);
        command
    }

    /// `acme issue` with these options.
    fn issue_with(&self, names: &[&str], url: &str, options: &[&str]) -> Command {
        let mut command = program(&["acme", "issue"], &self.pki());
        command.args(names).args(["--server", url]);
        command
            .arg("--ca-bundle")
            .arg(self.root.join("server/ca.crt"));
        command.args(options);
        command
    }

    /// Changes what the DNS server answers.
    fn dns(&self, path: &str, body: &str) -> String {
        let management = self.pebble.dns_management;
        format!("curl -s -d '{body}' http://127.0.0.1:{management}/{path}")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that has ended needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn url(port: u16) -> String {
    format!("https://localhost:{port}/dir")
}

/// Ports that nobody used a moment ago.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Runs a command that must succeed.
fn succeeds(command: &mut Command) -> Output {
    super::peer::run(command)
}

/// Runs a command that must end with this code; gives what it wrote to standard error.
fn fails(code: i32, command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {text}");
    assert!(
        text.contains("error: ") && text.contains("\nhint: "),
        "{text}"
    );
    text
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
