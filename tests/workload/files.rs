//! `workload fetch`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Scene, entry};
use crate::peer::{certs, certs_fails, is_here, run};
use crate::serve::until;

#[test]
fn the_files_of_an_identity_belong_together() {
    let scene = Scene::new("workload-fetch", &entry("/agent/alice", ""));
    let out = scene.directory.join("out");
    let fetch = fetching(&scene.socket, &out);
    let said = certs(&fetch, &scene.directory);
    assert!(
        said.starts_with("Fetched spiffe://example.org/agent/alice"),
        "{said}"
    );
    let mode = |name: &str| {
        let metadata = std::fs::metadata(out.join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("svid.key"), 0o600);
    assert_eq!(mode("svid.crt"), 0o644);
    if is_here("openssl", &["version"]) {
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-x509_strict", "-CAfile"]);
        run(verify.args([out.join("bundle.crt"), out.join("svid.crt")]));
        assert_eq!(
            public_key(&out, &["x509", "-noout", "-pubkey"], "svid.crt"),
            public_key(&out, &["pkey", "-pubout"], "svid.key")
        );
    }
    let failing = [&fetch[..], &["--exec", "false"]].concat();
    certs_fails(1, &failing, &scene.directory);
    scene.write("");
    scene.server().signal(Signal::HUP);
    until("the entry is gone", || {
        !crate::peer::program(&fetch, &scene.directory)
            .output()
            .unwrap()
            .status
            .success()
    });
    let text = certs_fails(2, &fetch, &scene.directory);
    assert!(
        text.contains("no identity issued") && text.contains("workload entry add"),
        "{text}"
    );
    let nowhere = scene.socket.with_file_name("none.sock");
    let text = certs_fails(2, &fetching(&nowhere, &out), &scene.directory);
    assert!(
        text.contains("cannot be reached") && text.contains("hint: "),
        "{text}"
    );
}

#[test]
fn a_watch_replaces_the_files_runs_the_program_and_survives_the_server() {
    let mut scene = Scene::new("workload-watch", &entry("/agent/alice", ""));
    let out = scene.directory.join("out");
    let log = scene.directory.join("ran");
    let script = format!(
        "cat \"$OPENAGENTS_CERTS_CERT\" > /dev/null; echo $OPENAGENTS_CERTS_SERIAL >> {}",
        log.display()
    );
    let fetch = fetching(&scene.socket, &out);
    let mut command = crate::peer::program(
        &[&fetch[..], &["--watch", "--exec", "sh", "-c", &script, ";"]].concat(),
        &scene.directory,
    );
    let mut watch = command.stdout(Stdio::null()).spawn().unwrap();
    let runs = || {
        std::fs::read_to_string(&log)
            .unwrap_or_default()
            .lines()
            .count()
    };
    until("the first run", || runs() == 1);
    let first = std::fs::read(out.join("svid.crt")).unwrap();
    scene.server.take().unwrap().kill();
    scene.start();
    until("a run after the server was killed", || runs() >= 2);
    assert_ne!(std::fs::read(out.join("svid.crt")).unwrap(), first);
    scene.certs(&["ca", "rotate", "prepare"]);
    let anchors = || {
        let bundle = std::fs::read_to_string(out.join("bundle.crt")).unwrap();
        bundle.matches("BEGIN CERTIFICATE").count()
    };
    until("both roots", || anchors() == 2);
    kill_process(Pid::from_child(&watch), Signal::TERM).unwrap();
    assert!(watch.wait().unwrap().success());
}

#[test]
fn a_watch_that_is_killed_leaves_files_that_belong_together() {
    let entries = |n: u32| entry("/agent/alice", &format!("hint = '{n}'"));
    let scene = Scene::new("workload-killed", &entries(0));
    let out = scene.directory.join("out");
    let fetch = fetching(&scene.socket, &out);
    certs(&fetch, &scene.directory);
    let chain = || std::fs::read(out.join("svid.crt")).unwrap();
    let check = [
        "verify-chain",
        "--cert",
        "svid.crt",
        "--key",
        "svid.key",
        "--ca",
        "bundle.crt",
    ];
    for round in 1..=6 {
        let before = chain();
        let watching = [&fetch[..], &["--watch"]].concat();
        let mut command = crate::peer::program(&watching, &scene.directory);
        let mut watch = command.stdout(Stdio::null()).spawn().unwrap();
        until("a first write", || chain() != before);
        let before = chain();
        scene.write(&entries(round));
        scene.server().signal(Signal::HUP);
        // In the middle of the next write, or a little later.
        until("another write", || chain() != before);
        watch.kill().unwrap();
        watch.wait().unwrap();
        let mut verify = crate::peer::program(&check, &out);
        run(verify.current_dir(&out));
    }
    certs(&fetch, &scene.directory);
    let names = std::fs::read_dir(&out).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    assert_eq!(names, ["bundle.crt", "svid.crt", "svid.key"]);
}

fn fetching<'a>(socket: &'a Path, out: &'a Path) -> [&'a str; 6] {
    let text = |path: &'a Path| path.to_str().unwrap();
    [
        "workload",
        "fetch",
        "--socket",
        text(socket),
        "--out",
        text(out),
    ]
}

fn public_key(out: &Path, arguments: &[&str], file: &str) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(arguments).arg("-in").arg(out.join(file));
    run(&mut command).stdout
}
