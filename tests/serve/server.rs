//! `serve` on free ports, which ends with the test.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::client::{Client, Response};

/// A running server.
pub(crate) struct Server {
    process: Child,
    log: Arc<Log>,
    /// The address of its https port.
    pub(crate) https: SocketAddr,
    /// The address of its plain HTTP port.
    pub(crate) http: SocketAddr,
    /// The URL that its clients use.
    pub(crate) url: String,
    /// The PKI directory.
    pub(crate) directory: PathBuf,
}

/// The lines that a server has written.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Server {
    /// Starts `serve` with these arguments on free ports of 127.0.0.1, and waits until it listens. The directory
    /// has an authority already.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Server {
        let mut command = command(directory);
        command.args(["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
        command.args(arguments);
        Server::spawn(&mut command, directory)
    }

    /// Starts this command, which serves the directory.
    pub(crate) fn spawn(command: &mut Command, directory: &Path) -> Server {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let log = Arc::new(Log::default());
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let to = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines() {
                to.lines.lock().unwrap().push(line.unwrap());
                to.more.notify_all();
            }
        });
        let listening = log.wait_for("listening", 0);
        let listening: Value = serde_json::from_str(&listening).unwrap();
        let text = |name: &str| listening[name].as_str().unwrap_or("127.0.0.1:1").to_owned();
        Server {
            https: text("https").parse().unwrap(),
            http: text("http").parse().unwrap(),
            url: text("public_url"),
            process,
            log,
            directory: directory.to_owned(),
        }
    }

    /// Sends GET to its https port, over HTTP/1.1.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.client().get(path)
    }

    /// Sends GET to its plain HTTP port.
    pub(crate) fn get_plain(&self, path: &str) -> Response {
        Client::plain(self.http).get(path)
    }

    /// A client of its https port that trusts the directory's `ca.crt`.
    pub(crate) fn client(&self) -> Client {
        let anchors = std::fs::read(self.directory.join("ca.crt")).unwrap();
        Client::https(self.https, &anchors, None)
    }

    /// A client with this certificate and key, PEM files.
    pub(crate) fn client_with(&self, certificate: &Path, key: &Path) -> Client {
        let read = |path: &Path| std::fs::read(path).unwrap();
        let anchors = read(&self.directory.join("ca.crt"));
        Client::https(self.https, &anchors, Some((&read(certificate), &read(key))))
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// How many lines it has logged.
    pub(crate) fn logged(&self) -> usize {
        self.log.lines.lock().unwrap().len()
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lines.lock().unwrap().join("\n")
    }

    /// Waits for a line that contains this text, after the first `skipped` lines.
    pub(crate) fn wait_for(&self, text: &str, skipped: usize) -> String {
        self.log.wait_for(text, skipped)
    }

    /// Ends it with SIGTERM, and gives how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.process.wait().unwrap()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Log {
    fn wait_for(&self, text: &str, skipped: usize) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().skip(skipped).find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {text:?} in the log: {lines:#?}");
            lines = self.more.wait_timeout(lines, left).unwrap().0;
        }
    }
}

/// `serve` in this directory, with a log in JSON.
pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.arg("serve").arg("-C").arg(directory);
    command.args(["--log-format", "json"]);
    command
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Longer than anything takes on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
