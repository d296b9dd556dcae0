//! One authority on several machines: the inventory in PostgreSQL, which is a private one of these tests.
//!
//! A directory with the CA's files stands for a machine.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "it makes files and looks at them; a scene is told in one piece"
)]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::peer::postgres::{self, Postgres};
use crate::peer::{certs, certs_fails, program, run, scratch};
use crate::serve::load::{Request, serial};
use crate::serve::{Server, until};

#[test]
fn every_command_works_without_an_inventory_file() {
    let Some(server) = postgres::shared() else {
        return;
    };
    let directory = machine("shared-commands", &server.schema());
    certs(&["ca", "init"], &directory);
    assert!(!directory.join("inventory.db").exists());
    certs(&["issue", "server", "a.test"], &directory);
    certs(
        &["issue", "client", "b.test", "--label", "team=red"],
        &directory,
    );
    assert_eq!(names(&directory, &["--name", "A.TEST"]), ["a.test"]);
    assert_eq!(names(&directory, &["--name", "te"]), ["a.test", "b.test"]);
    assert_eq!(names(&directory, &["--label", "team=red"]), ["b.test"]);
    certs(&["renew", "b.test", "--force"], &directory);
    certs(
        &["token", "create", "c.test", "--url", "https://l"],
        &directory,
    );
    certs(&["revoke", "a.test"], &directory);
    assert!(certs(&["show", "a.test"], &directory).contains("revoked"));
    assert!(certs(&["ca", "show"], &directory).contains("postgres://"));
    let manifest = directory.join("m.csv");
    let rows: String = (0..300).map(|i| format!("n{i}.test,client\n")).collect();
    std::fs::write(&manifest, format!("names,profile\n{rows}")).unwrap();
    certs(&["issue", "batch", manifest.to_str().unwrap()], &directory);
    let before = certs(&["list", "--json"], &directory);
    let checked = json(&["store", "check", "--json"], &directory);
    assert_eq!(
        checked["problems"].as_array().unwrap().len(),
        0,
        "{checked}"
    );
    let pruned = json(
        &[
            "store",
            "prune",
            "--expired-before",
            "1d",
            "--dry-run",
            "--json",
        ],
        &directory,
    );
    assert_eq!(pruned["removed"], 0);

    let other = machine(
        "shared-other",
        &std::fs::read_to_string(directory.join("url")).unwrap(),
    );
    for command in [&["ca", "init"][..], &["list"]] {
        let error = certs_fails(2, command, &other);
        assert!(error.contains("search_path"), "{error}");
    }

    std::fs::write(directory.join("pw"), "password\n").unwrap();
    let [pw, backup] =
        ["pw", "b.age"].map(|name| directory.join(name).to_str().unwrap().to_owned());
    certs(
        &["ca", "backup", &backup, "--passphrase-file", &pw],
        &directory,
    );
    let place = scratch("shared-restored");
    let mut restore = program(
        &["ca", "restore", &backup, "--passphrase-file", &pw],
        &place,
    );
    let url = server.schema();
    run(restore.env("OPENAGENTS_CERTS_STORE", &url));
    assert!(!place.join("inventory.db").exists());
    let mut list = program(&["list", "--json"], &place);
    let there = run(list.env("OPENAGENTS_CERTS_STORE", &url));
    assert!(timeless(&String::from_utf8(there.stdout).unwrap()) == timeless(&before));
}

#[test]
fn a_copy_is_the_same_both_ways_and_continues() {
    let Some(server) = postgres::shared() else {
        return;
    };
    let directory = scratch("shared-copy");
    certs(&["ca", "init"], &directory);
    certs(&["issue", "server", "a.test"], &directory);
    certs(
        &["token", "create", "c.test", "--url", "https://l"],
        &directory,
    );
    certs(&["revoke", "a.test"], &directory);
    let from = directory.to_str().unwrap();
    let url = server.schema();
    let copy = |from: &str, to: &str| {
        json(
            &["store", "copy", "--from", from, "--to", to, "--json"],
            &directory,
        )
    };
    let first = copy(from, &url);
    assert_eq!(
        (&first["certificates"], &first["documents"]),
        (&1.into(), &1.into())
    );
    assert_eq!(first["crl_number"], 1);
    certs(&["issue", "server", "b.test"], &directory);
    let second = copy(from, &url);
    assert_eq!(
        (&second["certificates"], &second["already_there"]),
        (&2.into(), &1.into())
    );
    let back = scratch("shared-copy-back");
    let third = copy(&url, back.to_str().unwrap());
    assert_eq!(third["digest"], second["digest"]);
    for file in ["ca.crt", "ca.key"] {
        std::fs::copy(directory.join(file), back.join(file)).unwrap();
    }
    let list = |directory: &Path| timeless(&certs(&["list", "--json"], directory));
    assert_eq!(list(&back), list(&directory));
    let check = || {
        let mut check = program(&["store", "check"], &back);
        check.env("OPENAGENTS_CERTS_STORE", &url).output().unwrap()
    };
    assert_eq!(check().status.code(), Some(0));
    let schema = url.rsplit("%3D").next().unwrap();
    server.sql(&format!(
        "UPDATE {schema}.certs_entry SET public_key = '\\x00'"
    ));
    let found = check();
    assert_eq!(found.status.code(), Some(1));
    assert!(
        String::from_utf8(found.stdout)
            .unwrap()
            .contains("public key")
    );
    let stranger = scratch("shared-copy-stranger");
    certs(&["ca", "init"], &stranger);
    let refused = [
        "store",
        "copy",
        "--from",
        stranger.to_str().unwrap(),
        "--to",
        &url,
    ];
    assert!(certs_fails(2, &refused, &directory).contains("holds the inventory of"));
}

#[test]
fn a_revocation_reaches_every_server_within_two_seconds() {
    let Some(postgres) = postgres::shared() else {
        return;
    };
    let one = machine("shared-one", &postgres.schema());
    certs(&["ca", "init"], &one);
    certs(&["issue", "server", "a.test"], &one);
    let two = another("shared-two", &one);
    let servers = [Server::start(&one, &[]), Server::start(&two, &[])];
    for server in &servers {
        assert!(status(server, &one).contains("good"));
    }
    certs(&["revoke", "a.test"], &two);
    std::thread::sleep(Duration::from_millis(1_500));
    for server in &servers {
        let status = status(server, &one);
        assert!(status.contains("revoked"), "{status}");
    }
    for server in servers {
        assert!(server.stop().success());
    }
}

#[test]
fn faults_are_said_in_time_and_pass_by_themselves() {
    let Some(postgres) = Postgres::start(&[]) else {
        return;
    };
    let directory = machine("shared-faults", &postgres.schema());
    certs(&["ca", "init"], &directory);
    let request = Request::new(&directory);
    let server = Server::start(&directory, &[]);
    let client = server.client();
    let status = || request.response(&client).expect("an answer");
    assert_eq!(status().status, 200);
    let faults: [(&str, &dyn Fn(), &dyn Fn()); 4] = [
        ("killed", &|| postgres.signal("KILL"), &|| postgres.launch()),
        ("stopped", &|| postgres.signal("INT"), &|| postgres.launch()),
        ("read-only", &|| read_only(&postgres, "on"), &|| {
            read_only(&postgres, "off")
        }),
        ("not durable", &|| durable(&postgres, "off"), &|| {
            durable(&postgres, "on")
        }),
    ];
    for (what, begin, end) in faults {
        begin();
        let started = Instant::now();
        let error = certs_fails(2, &["issue", "server", "x.test", "--force"], &directory);
        assert!(started.elapsed() < Duration::from_secs(15), "{what}");
        assert!(error.contains("hint: "), "{what}: {error}");
        if what != "not durable" {
            let refused = status();
            assert_eq!(refused.status, 503, "{what}");
            assert!(refused.header("retry-after").is_some());
            assert!(!refused.text().contains("postgres"));
        }
        if what == "killed" || what == "stopped" {
            assert_eq!(server.get("/readyz").status, 503, "{what}");
        }
        assert_eq!(server.get("/healthz").status, 200);
        end();
        until("it issues again", || status().status == 200);
        until("it is ready", || server.get("/readyz").status == 200);
        certs(&["issue", "server", "x.test", "--force"], &directory);
    }
    assert!(server.stop().success());
}

#[test]
fn nothing_released_is_missing_when_a_server_or_the_database_is_killed() {
    let Some(postgres) = Postgres::start(&[]) else {
        return;
    };
    let first = machine("shared-load-0", &postgres.schema());
    certs(&["ca", "init"], &first);
    let request = Request::new(&first);
    let machines = [
        first.clone(),
        another("shared-load-1", &first),
        another("shared-load-2", &first),
    ];
    let mut servers: Vec<Server> = machines
        .iter()
        .map(|place| Server::start(place, &[]))
        .collect();
    let held = Mutex::new(BTreeSet::new());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for server in &servers {
            let client = server.client();
            let (request, held, is_over) = (&request, &held, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    match request.response(&client) {
                        Some(response) if response.status == 200 => {
                            held.lock().unwrap().insert(serial(&response));
                        }
                        Some(response) => assert_eq!(response.status, 503),
                        None => std::thread::sleep(Duration::from_millis(50)),
                    }
                }
            });
        }
        for issuer in 0..8 {
            let (held, is_over, place) = (&held, &is_over, &machines[issuer % 3]);
            scope.spawn(move || {
                let out = place.join(format!("out-{issuer}"));
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    number += 1;
                    let name = format!("i{issuer}-{number}.test");
                    let arguments = ["issue", "client", &name, "--json", "--out"];
                    let mut issue = program(&arguments, place);
                    let output = issue.arg(&out).output().unwrap();
                    if output.status.success() {
                        let issued: Value = serde_json::from_slice(&output.stdout).unwrap();
                        let serial = issued["serial"].as_str().unwrap().to_owned();
                        held.lock().unwrap().insert(serial);
                    } else {
                        assert_eq!(output.status.code(), Some(2));
                    }
                }
            });
        }
        let grown = |by: usize| {
            let before = held.lock().unwrap().len();
            until("certificates are issued", || {
                held.lock().unwrap().len() >= before + by
            });
        };
        grown(60);
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(i32::try_from(servers[2].pid()).unwrap()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        grown(30);
        postgres.signal("KILL");
        postgres.launch();
        grown(60);
        is_over.store(true, Ordering::Relaxed);
    });
    servers.pop().unwrap().wait();
    let recorded: BTreeSet<String> = json(&["list", "--json"], &first)["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listed| listed["serial"].as_str().unwrap().to_owned())
        .collect();
    let held = held.into_inner().unwrap();
    let missing: Vec<_> = held.difference(&recorded).collect();
    assert!(missing.is_empty(), "{missing:?} of {}", held.len());
    for server in servers {
        assert!(server.stop().success());
    }
}

#[test]
fn a_change_whose_answer_is_lost_is_looked_up() {
    let Some(server) = postgres::shared() else {
        return;
    };
    let url = server.schema();
    let directory = machine("shared-lost", &url);
    certs(&["ca", "init"], &directory);
    for (command, last) in [
        (
            &["issue", "server", "a.test"][..],
            "INSERT INTO certs_entry",
        ),
        (&["revoke", "a.test"], "COMMIT"),
    ] {
        let place = tempfile::tempdir().unwrap();
        let lost = lose_answer(server.directory(), place.path(), last);
        let host = |directory: &Path| format!("host={}", directory.display());
        let through = url.replace(&host(server.directory()), &host(place.path()));
        run(program(command, &directory).env("OPENAGENTS_CERTS_STORE", through));
        assert!(lost.load(Ordering::Relaxed), "{command:?}");
    }
    let listed = json(&["list", "--json"], &directory);
    let statuses: Vec<&Value> = listed["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listed| &listed["status"])
        .collect();
    assert_eq!(statuses, ["revoked"]);
}

/// Passes connections on to a server's socket, but once loses the answer to a text, and the connection with it.
fn lose_answer(server: &Path, place: &Path, text: &'static str) -> Arc<AtomicBool> {
    const SOCKET: &str = ".s.PGSQL.5432";
    let listener = UnixListener::bind(place.join(SOCKET)).unwrap();
    let server = server.join(SOCKET);
    let lost = Arc::new(AtomicBool::new(false));
    let is_lost = Arc::clone(&lost);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = UnixStream::connect(&server).unwrap();
            let (mut answers, mut back) =
                (server.try_clone().unwrap(), client.try_clone().unwrap());
            let loses = Arc::new(AtomicBool::new(false));
            let (losing, is_lost) = (Arc::clone(&loses), Arc::clone(&is_lost));
            std::thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                while let Ok(count @ 1..) = answers.read(&mut buffer) {
                    if losing.load(Ordering::SeqCst) {
                        let _ = back.shutdown(Shutdown::Both);
                        return;
                    }
                    if back.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
            });
            let (mut questions, mut forth) = (client, server);
            std::thread::spawn(move || {
                let mut buffer = [0; 64 * 1024];
                while let Ok(count @ 1..) = questions.read(&mut buffer) {
                    let content = &buffer[..count];
                    let has_text = content
                        .windows(text.len())
                        .any(|part| part == text.as_bytes());
                    if has_text && !is_lost.swap(true, Ordering::SeqCst) {
                        loses.store(true, Ordering::SeqCst);
                    }
                    if forth.write_all(content).is_err() {
                        return;
                    }
                }
            });
        }
    });
    lost
}

/// A machine without an authority whose store has this URL.
fn machine(name: &str, url: &str) -> PathBuf {
    let directory = scratch(name);
    std::fs::write(
        directory.join("certs.toml"),
        format!("[store]\nurl = '{url}'\n"),
    )
    .unwrap();
    std::fs::write(directory.join("url"), url).unwrap();
    directory
}

/// Another machine of the same authority.
fn another(name: &str, first: &Path) -> PathBuf {
    let directory = scratch(name);
    for file in ["ca.crt", "ca.key", "certs.toml"] {
        std::fs::copy(first.join(file), directory.join(file)).unwrap();
    }
    directory
}

fn json(arguments: &[&str], directory: &Path) -> Value {
    serde_json::from_str(&certs(arguments, directory)).unwrap()
}

/// What `list` shows, without how long that is valid.
fn timeless(listed: &str) -> String {
    let lines = listed.lines();
    let kept = lines.filter(|line| !line.contains("expires_in_seconds"));
    kept.collect::<Vec<_>>().join("\n")
}

/// The common names that `list` shows.
fn names(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let listed = json(&[&["list", "--json"], arguments].concat(), directory);
    let listed = listed["certificates"].as_array().unwrap().iter();
    let mut names: Vec<String> = listed
        .map(|listed| {
            listed["subject"]
                .as_str()
                .unwrap()
                .trim_start_matches("CN=")
                .to_owned()
        })
        .collect();
    names.sort();
    names
}

/// What `openssl ocsp` hears about `a.test`.
fn status(server: &Server, directory: &Path) -> String {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let output = Command::new("openssl")
        .args([
            "ocsp",
            "-issuer",
            &path("ca.crt"),
            "-cert",
            &path("a.test.crt"),
        ])
        .args([
            "-CAfile",
            &path("ca.crt"),
            "-url",
            &format!("http://{}/ocsp", server.http),
        ])
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

fn read_only(postgres: &Postgres, value: &str) {
    set(postgres, "default_transaction_read_only", value);
}

fn durable(postgres: &Postgres, value: &str) {
    set(postgres, "synchronous_commit", value);
}

/// Changes a setting of the whole server, at once: connections that are open are ended.
fn set(postgres: &Postgres, name: &str, value: &str) {
    postgres.sql(&format!("ALTER SYSTEM SET {name} = '{value}'"));
    postgres.sql("SELECT pg_reload_conf()");
    let shown = || postgres.sql(&format!("SHOW {name}")) == value;
    until("the setting counts", shown);
}
