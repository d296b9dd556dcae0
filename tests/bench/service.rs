//! `serve` on a free port, which ends with the benchmark.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running server.
pub(crate) struct Server {
    process: Child,
    /// The address of its https port.
    pub(crate) address: SocketAddr,
    /// The URL that its clients use.
    pub(crate) url: String,
}

impl Server {
    /// Starts `serve` in a directory that has an authority, and waits until it listens.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"], directory);
        command.args(["--http-listen", "none", "--log-format", "json"]);
        Server::spawn(command.args(arguments))
    }

    /// Starts this command, which serves and logs in JSON.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = loop {
            let line = lines.next().unwrap().unwrap();
            if line.contains("\"listening\"") {
                break serde_json::from_str::<serde_json::Value>(&line).unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        let text = |name: &str| listening[name].as_str().unwrap().to_owned();
        Server {
            process,
            address: text("https").parse().unwrap(),
            url: text("public_url"),
        }
    }

    /// Its process.
    pub(crate) fn process(&mut self) -> &mut Child {
        &mut self.process
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The memory that it has in use, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// This program in a PKI directory.
pub(crate) fn program(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.args(arguments).arg("-C").arg(directory);
    command
}

/// Runs this program, which must succeed, and gives what it wrote.
pub(crate) fn succeeded(arguments: &[&str], directory: &Path) -> String {
    let output = program(arguments, directory).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
