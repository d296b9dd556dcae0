//! A private PostgreSQL: an unprivileged user's, in a temporary directory, on a Unix socket only.
//!
//! It ends with the process that started it, whatever becomes of that: a shell waits for its end of a pipe to close.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::too_many_lines,
    dead_code,
    reason = "a helper of tests"
)]

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server of one's own.
pub(crate) struct Postgres {
    programs: PathBuf,
    directory: PathBuf,
    user: Option<u32>,
    watch: Option<Child>,
}

/// The server that the tests of this process share; `None`, said plainly, where PostgreSQL is not installed.
pub(crate) fn shared() -> Option<&'static Postgres> {
    static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
    SHARED.get_or_init(|| Postgres::start(&[])).as_ref()
}

impl Postgres {
    /// Starts a server with these settings.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            let required =
                std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required");
            assert!(!required, "PostgreSQL is not installed");
            eprintln!("PostgreSQL is not installed: not tested with it");
            return None;
        };
        let directory = tempfile::Builder::new()
            .prefix("certs-pg-")
            .tempdir()
            .unwrap()
            .keep();
        let user = is_root().then(|| id("postgres"));
        if let Some(user) = user {
            chown(&directory, Some(user), Some(user)).unwrap();
        }
        let mut server = Postgres {
            programs,
            directory,
            user,
            watch: None,
        };
        let data = server.data();
        let made = server
            .command("initdb")
            .args([
                "-A",
                "trust",
                "-U",
                "certs",
                "-E",
                "UTF8",
                "--no-locale",
                "-N",
                "-D",
            ])
            .arg(&data)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let common = [
            "listen_addresses = ''",
            "fsync = off",
            "shared_buffers = 32MB",
            "max_connections = 100",
        ];
        let mut file = std::fs::read_to_string(data.join("postgresql.conf")).unwrap();
        for line in common.iter().chain(settings) {
            file.push_str(&format!("{line}\n"));
        }
        file.push_str(&format!(
            "unix_socket_directories = '{}'\n",
            server.directory.display()
        ));
        std::fs::write(data.join("postgresql.conf"), file).unwrap();
        server.watch = Some(server.watched());
        server.launch();
        Some(server)
    }

    /// Starts the server process, and waits until it answers.
    pub(crate) fn launch(&self) {
        let log = std::fs::File::options();
        let log = log
            .clone()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))
            .unwrap();
        let mut started = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        std::thread::spawn(move || started.wait());
        let until = Instant::now() + Duration::from_secs(60);
        while !self.try_sql("SELECT 1") {
            assert!(Instant::now() < until, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends a signal to the server's first process: `KILL`, `STOP`, `CONT`, `INT` (a fast shutdown).
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid();
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(&pid)
            .status();
        assert!(sent.unwrap().success());
        if name == "KILL" || name == "INT" {
            let until = Instant::now() + Duration::from_secs(30);
            while Path::new("/proc").join(&pid).exists() {
                assert!(Instant::now() < until, "PostgreSQL does not end");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// The URL of an empty schema, which no one else uses.
    pub(crate) fn schema(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("s{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql(&format!("CREATE SCHEMA {name}"));
        self.url(&format!("options=-csearch_path%3D{name}"))
    }

    /// Where its socket is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A URL of the server's database, with this parameter.
    pub(crate) fn url(&self, parameter: &str) -> String {
        let directory = self.directory.display();
        format!("postgres://certs@/postgres?host={directory}&{parameter}")
    }

    /// What a statement gives, as text.
    pub(crate) fn sql(&self, text: &str) -> String {
        let output = self.psql(text).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn try_sql(&self, text: &str) -> bool {
        self.psql(text).output().unwrap().status.success()
    }

    fn psql(&self, text: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.args([
            "-X", "-q", "-A", "-t", "-U", "certs", "-d", "postgres", "-h",
        ]);
        command.arg(&self.directory).args(["-c", text]);
        command
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn pid(&self) -> String {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().to_owned()
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.directory).env("LC_ALL", "C");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// A shell that ends the server when this process is gone.
    fn watched(&self) -> Child {
        let directory = self.directory.display();
        let script = format!(
            "trap '' INT TERM HUP; read x; p=$(head -n 1 {directory}/data/postmaster.pid 2>/dev/null) && \
             kill -CONT $p && kill -QUIT $p; sleep 1; rm -rf {directory}"
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).stdin(Stdio::piped());
        shell
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut watch) = self.watch.take() {
            drop(watch.stdin.take());
            let _ = watch.wait();
        }
    }
}

/// Debian keeps the programs of each version apart.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = debian.chain(path);
    all.find(|place| place.join("initdb").exists() && place.join("postgres").exists())
}

fn is_root() -> bool {
    id("") == 0
}

/// The number of a user; of this process's for no name.
fn id(user: &str) -> u32 {
    let mut command = Command::new("id");
    command.arg("-u");
    if !user.is_empty() {
        command.arg(user);
    }
    let output = command.output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}
