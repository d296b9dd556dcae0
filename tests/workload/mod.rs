//! The SPIFFE Workload API, with the real Python client: who gets which identity, and for how long.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "helpers of tests"
)]

mod checks;
mod files;
mod hostile;
mod nodes;
mod programs;
mod settings;
mod stream;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::peer::{certs, is_here, run, scratch, script};
use crate::serve::{Server, until};

/// The authority of a trust domain, its server, and the server's socket.
struct Scene {
    directory: PathBuf,
    trust_domain: &'static str,
    socket: PathBuf,
    /// Others can enter it.
    _public: tempfile::TempDir,
    server: Option<Server>,
}

impl Scene {
    /// A server with these entries, after `[[workload.entry]]` and the like.
    fn new(name: &str, entries: &str) -> Self {
        Scene::of(name, "example.org", entries)
    }

    /// As [`Scene::new`], of another trust domain.
    fn of(name: &str, trust_domain: &'static str, entries: &str) -> Self {
        let directory = scratch(name);
        certs(&["ca", "init"], &directory);
        let public = tempfile::tempdir().unwrap();
        let everyone = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(public.path(), everyone).unwrap();
        let mut scene = Scene {
            socket: public.path().join("w.sock"),
            directory,
            trust_domain,
            _public: public,
            server: None,
        };
        scene.write(entries);
        scene.start();
        scene
    }

    fn write(&self, entries: &str) {
        let text = format!(
            "[workload]\ntrust_domain = \"{}\"\n{entries}",
            self.trust_domain
        );
        std::fs::write(self.directory.join("certs.toml"), text).unwrap();
    }

    fn start(&mut self) {
        self.start_with(&[]);
    }

    /// Starts the server with more arguments.
    fn start_with(&mut self, more: &[&str]) {
        let socket = self.socket.to_str().unwrap();
        let arguments = [&["--workload-socket", socket], more].concat();
        self.server = Some(Server::start(&self.directory, &arguments));
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn certs(&self, arguments: &[&str]) -> String {
        certs(arguments, &self.directory)
    }

    /// A command of `tests/interop/workload.py`; `None` where the package is not installed.
    fn python(&self, arguments: &[&str]) -> Option<Command> {
        let mut command = script("workload.py", "spiffe")?;
        command.arg(arguments[0]).arg(&self.socket);
        command.args(&arguments[1..]);
        Some(command)
    }

    /// What such a command prints.
    fn asks(&self, arguments: &[&str]) -> Option<Value> {
        let output = run(&mut self.python(arguments)?);
        Some(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// A stream that prints a line for each update.
    fn follow(&self) -> Option<Follower> {
        let mut command = self.python(&["follow"])?;
        Some(Follower::of(
            command.stdout(Stdio::piped()).spawn().unwrap(),
        ))
    }
}

struct Follower {
    process: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Follower {
    fn of(mut process: Child) -> Self {
        let lines = BufReader::new(process.stdout.take().unwrap());
        Follower { process, lines }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An entry of our own user.
fn entry(id: &str, more: &str) -> String {
    let uid = rustix::process::getuid().as_raw();
    format!(
        "[[workload.entry]]\nspiffe_id = \"spiffe://example.org{id}\"\nunix_uid = {uid}\n{more}\n"
    )
}

#[test]
fn a_process_gets_the_identities_of_its_entries_in_their_order() {
    let entries = [
        entry(
            "/agent/alice",
            "ttl = '10m'\ndns = ['alice.example.org']\nhint = 'internal'",
        ),
        entry("/agent/nobody", "unix_gid = 4000000000"),
        entry("/agent/bob", "ttl = '1m'"),
    ];
    let scene = Scene::new("workload-svids", &entries.concat());
    let Some(seen) = scene.asks(&["svids"]) else {
        return;
    };
    let ids = [
        "spiffe://example.org/agent/alice",
        "spiffe://example.org/agent/bob",
    ];
    assert_eq!(seen["parsed"], serde_json::json!(ids));
    assert_eq!(seen["anchors"], 1);
    let svids = seen["svids"].as_array().unwrap();
    for (svid, id) in svids.iter().zip(ids) {
        assert_eq!(svid["spiffe_id"], id);
        assert_eq!(svid["uris"], serde_json::json!([id]));
        for (name, expected) in [
            ("digital_signature", true),
            ("signs_certificates", false),
            ("both_usages", true),
            ("is_ca", false),
            ("is_pair", true),
        ] {
            assert_eq!(svid[name], expected, "{name}: {svid}");
        }
    }
    assert_eq!(svids[0]["dns"], serde_json::json!(["alice.example.org"]));
    assert_eq!(
        (svids[0]["hint"].as_str(), svids[1]["hint"].as_str()),
        (Some("internal"), Some(""))
    );
    assert!(svids[0]["seconds"].as_f64().unwrap() <= 600.0);
    assert!(svids[1]["seconds"].as_f64().unwrap() <= 60.0);
    // Two fetches, two identities each; every one is in the inventory, and no key is on disk.
    let listed = scene.certs(&["list", "--json"]);
    let serial = svids[0]["serial"].as_str().unwrap();
    assert!(listed.contains(serial), "{serial} not in {listed}");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let of_us = listed["certificates"].as_array().unwrap().iter();
    assert_eq!(of_us.filter(|one| one["profile"] == "svid").count(), 4);
}

#[test]
fn a_call_without_the_header_or_an_entry_is_refused() {
    let scene = Scene::new("workload-codes", &entry("/a", "unix_gid = 4000000000"));
    let Some(codes) = scene.asks(&["codes"]) else {
        return;
    };
    for (call, code) in [
        ("no_header", "INVALID_ARGUMENT"),
        ("wrong_header", "INVALID_ARGUMENT"),
        ("no_audience", "INVALID_ARGUMENT"),
        ("x509_svid", "PERMISSION_DENIED"),
        ("x509_bundles", "PERMISSION_DENIED"),
        ("jwt_bundles", "PERMISSION_DENIED"),
        ("jwt_svid", "PERMISSION_DENIED"),
        ("validate", "PERMISSION_DENIED"),
    ] {
        assert_eq!(codes[call], code, "{call}");
    }
    let listed = scene.certs(&["list", "--json"]);
    assert!(!listed.contains("\"svid\""), "{listed}");
}

#[test]
fn any_authority_is_accepted() {
    let scene = Scene::new("workload-authority", &entry("/a", ""));
    if let Some(seen) = scene.asks(&["authorities"]) {
        assert_eq!(seen["accepted"], seen["of"]);
    }
}

#[test]
fn a_jwt_is_for_its_audience_and_its_key_survives_a_kill() {
    let mut scene = Scene::new("workload-jwt", &entry("/agent/alice", "ttl = '2m'"));
    let Some(first) = scene.asks(&["jwt"]) else {
        return;
    };
    assert_eq!(first["spiffe_id"], "spiffe://example.org/agent/alice");
    assert_eq!(first["own"], first["spiffe_id"]);
    assert_eq!(
        (&first["alg"], &first["in_bundle"]),
        (&"ES256".into(), &true.into())
    );
    assert!(first["seconds"].as_f64().unwrap() <= 120.0);
    for (what, refused) in first["refused"].as_object().unwrap() {
        assert_eq!(refused, true, "{what}");
    }
    scene.server.take().unwrap().kill();
    assert!(scene.socket.exists(), "stale");
    scene.start();
    let second = scene.asks(&["jwt"]).unwrap();
    assert_eq!(second["kid"], first["kid"]);
}

#[test]
fn a_reload_reaches_open_streams() {
    let scene = Scene::new("workload-reload", &entry("/agent/alice", ""));
    let Some(mut follower) = scene.follow() else {
        return;
    };
    let first = follower.next();
    assert_eq!(
        first["ids"],
        serde_json::json!(["spiffe://example.org/agent/alice"])
    );
    // A broken file changes nothing.
    scene.write("[[workload.entry]]\nspiffe_id = 'spiffe://other/a'\nunix_uid = 0\n");
    let skipped = scene.server().logged();
    scene.server().signal(Signal::HUP);
    scene.server().wait_for("not reloaded", skipped);
    scene.write(&[entry("/agent/alice", ""), entry("/agent/bob", "")].concat());
    scene.server().signal(Signal::HUP);
    let second = follower.next();
    assert_eq!(second["ids"].as_array().unwrap().len(), 2);
    assert_eq!(
        second["serial"], first["serial"],
        "what did not change stays"
    );
    let added = scene.certs(&[
        "workload",
        "entry",
        "add",
        "spiffe://example.org/c",
        "--uid",
        "0",
    ]);
    let id = added.split(' ').nth(1).unwrap().to_owned();
    if rustix::process::getuid().is_root() {
        assert_eq!(follower.next()["ids"].as_array().unwrap().len(), 3);
        scene.certs(&["workload", "entry", "remove", &id]);
        assert_eq!(follower.next()["ids"].as_array().unwrap().len(), 2);
    }
    scene.write("");
    scene.server().signal(Signal::HUP);
    assert_eq!(follower.next()["ended"], "PERMISSION_DENIED");
}

#[test]
fn a_rotation_of_the_ca_is_pushed() {
    let scene = Scene::new("workload-rotation", &entry("/agent/alice", ""));
    let Some(mut follower) = scene.follow() else {
        return;
    };
    let first = follower.next();
    assert_eq!(first["anchors"], 1);
    scene.certs(&["ca", "rotate", "prepare"]);
    let prepared = follower.next();
    assert_eq!(prepared["anchors"], 2);
    assert_eq!(prepared["serial"], first["serial"]);
    scene.certs(&["ca", "rotate", "activate", "--force"]);
    until("the new root issues", || {
        follower.next()["serial"] != first["serial"]
    });
}

#[test]
fn an_svid_is_replaced_in_time_and_a_conversation_goes_on() {
    let more = "ttl = '1m'\ndns = ['alice.example.org']";
    let scene = Scene::new("workload-renewal", &entry("/agent/alice", more));
    // Half of a minute, and a tenth of it later at most.
    if let Some(seen) = scene.asks(&["conversation", "36"]) {
        assert!(seen["said"].as_u64().unwrap() > 20, "{seen}");
        assert!(seen["certificates"].as_u64().unwrap() >= 2, "{seen}");
    }
}

#[test]
fn a_conversation_goes_on_while_certificates_and_the_ca_are_replaced_one_after_the_other() {
    let entries = |n: u32| {
        let more = format!("ttl = '1m'\ndns = ['alice.example.org']\nhint = 'rotation {n}'");
        entry("/agent/alice", &more)
    };
    let scene = Scene::new("workload-rotations", &entries(0));
    let Some(mut command) = scene.python(&["rotations"]) else {
        return;
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut talk = Follower::of(command.spawn().unwrap());
    for n in 1..=7 {
        // Both sides have used a new certificate.
        assert!(talk.next()["said"].as_u64() > Some(0));
        match n {
            3 => drop(scene.certs(&["ca", "rotate", "prepare"])),
            4 => drop(scene.certs(&["ca", "rotate", "activate", "--force"])),
            6 => drop(scene.certs(&["ca", "rotate", "retire", "--force"])),
            _ => {}
        }
        if n != 4 {
            scene.write(&entries(n));
            scene.server().signal(Signal::HUP);
        }
    }
    drop(talk.process.stdin.take());
    until("it ended well", || {
        talk.process.try_wait().unwrap().is_some_and(|status| {
            assert!(status.success(), "{status}");
            true
        })
    });
}

#[test]
fn a_thousand_streams_fit_into_64_mib() {
    let scene = Scene::new("workload-memory", &entry("/agent/alice", ""));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // Each connection needs a descriptor here, and two in the server.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let all = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, all).unwrap();
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..1_000 {
            let mut connection = stream::Connection::open(&scene.socket).await;
            streams.push((connection.fetch().await, connection));
        }
        // What it allocates; the program of a debug build is large itself.
        let memory = hostile::memory_kilobytes(scene.server().pid(), "RssAnon:");
        assert!(memory <= 64 * 1024, "{memory} KiB");
    });
}

#[test]
fn two_hundred_streams_get_two_hundred_svids() {
    let scene = Scene::new("workload-streams", &entry("/agent/alice", ""));
    if let Some(seen) = scene.asks(&["streams", "200"]) {
        assert_eq!(
            (&seen["streams"], &seen["serials"]),
            (&200.into(), &200.into())
        );
    }
}

#[test]
fn another_user_gets_its_own_identity_and_no_other() {
    if !rustix::process::getuid().is_root() || !is_here("setpriv", &["--version"]) {
        eprintln!("not checked: only root can become another user");
        return;
    }
    let of_nobody = "[[workload.entry]]\nspiffe_id = 'spiffe://example.org/nobody'\nunix_uid = 65534\nunix_gid = 65533\n";
    let entries = [&entry("/root", "unix_user = 'root'"), of_nobody].concat();
    let scene = Scene::new("workload-users", &entries);
    let fetch = |uid: &str, gid: &str| {
        let out = scene.socket.with_file_name(format!("{uid}-{gid}"));
        std::fs::create_dir(&out).unwrap();
        std::os::unix::fs::chown(&out, uid.parse().ok(), None).unwrap();
        let program = scene.socket.with_file_name("certs");
        if !program.exists() {
            std::fs::copy(env!("CARGO_BIN_EXE_openagents-certs"), &program).unwrap();
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", uid, "--regid", gid, "--clear-groups"]);
        command.arg(program).args(["workload", "fetch", "--json"]);
        command
            .arg("--socket")
            .arg(&scene.socket)
            .arg("--out")
            .arg(&out);
        let output = command.current_dir("/").output().unwrap();
        let text = if output.status.success() {
            output.stdout
        } else {
            output.stderr
        };
        let answer: Value = serde_json::from_slice(&text).unwrap();
        (output.status.code(), answer)
    };
    let (code, answer) = fetch("65534", "65533");
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!(answer["spiffe_id"], "spiffe://example.org/nobody");
    let (code, answer) = fetch("65534", "65532");
    assert_eq!(code, Some(2), "another group: {answer}");
    assert_eq!(answer["error"]["code"], "workload");
    let (code, answer) = fetch("65533", "65533");
    assert_eq!(code, Some(2), "another user: {answer}");
    let (_, answer) = fetch("0", "0");
    assert_eq!(answer["spiffe_id"], "spiffe://example.org/root");
}

#[test]
fn a_program_is_known_by_its_path_and_its_digest() {
    let public = tempfile::tempdir().unwrap();
    let program = public.path().join("agent");
    std::fs::copy(env!("CARGO_BIN_EXE_openagents-certs"), &program).unwrap();
    let digest = run(Command::new("sha256sum").arg(&program)).stdout;
    let digest = String::from_utf8(digest[..64].to_vec()).unwrap();
    let path = program.to_str().unwrap();
    let entries = [
        format!("[[workload.entry]]\nspiffe_id = 'spiffe://example.org/path'\nexe = '{path}'\n"),
        format!(
            "[[workload.entry]]\nspiffe_id = 'spiffe://example.org/both'\nexe = '{path}'\nexe_sha256 = '{digest}'\n"
        ),
        format!(
            "[[workload.entry]]\nspiffe_id = 'spiffe://example.org/other'\nexe_sha256 = '{}'\n",
            "0".repeat(64)
        ),
    ];
    let link = format!(
        "[[workload.entry]]\nspiffe_id = 'spiffe://example.org/link'\nexe = '{}'\n",
        public.path().join("link").display()
    );
    let scene = Scene::new("workload-programs", &[entries.concat(), link].concat());
    let fetch = |program: &Path, id: &str| {
        let mut command = Command::new(program);
        command.args(["workload", "fetch", "--spiffe-id", id, "--socket"]);
        command
            .arg(&scene.socket)
            .arg("--out")
            .arg(public.path().join("out"));
        command.output().unwrap().status.success()
    };
    assert!(fetch(&program, "spiffe://example.org/path"));
    assert!(fetch(&program, "spiffe://example.org/both"));
    assert!(!fetch(&program, "spiffe://example.org/other"));
    let link = public.path().join("link");
    std::os::unix::fs::symlink(&program, &link).unwrap();
    until("the link is seen", || {
        fetch(&link, "spiffe://example.org/link")
    });
    let moved = public.path().join("moved");
    std::fs::rename(&program, &moved).unwrap();
    assert!(!fetch(&moved, "spiffe://example.org/path"));
    // Another program at the same path is not the one of the digest.
    let content = [&std::fs::read(&moved).unwrap()[..], b"\n"].concat();
    std::fs::write(&program, content).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(fetch(&program, "spiffe://example.org/path"));
    assert!(!fetch(&program, "spiffe://example.org/both"));
}
