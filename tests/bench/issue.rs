//! What issuing costs: one certificate as a whole process beside `cfssl gencert`, and a batch beside
//! ring's bare key generation and one signature, both on every core.
//!
//! `cargo bench --bench issue`; a directory on another disk than the temporary one can be named by
//! `BENCH_DISK`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

mod race;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use race::{Runner, program, race, ratio};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

fn main() {
    let disk = std::env::var_os("BENCH_DISK").map_or_else(std::env::temp_dir, PathBuf::from);
    for (what, place) in [("tmpfs", Path::new("/dev/shm")), ("disk", disk.as_path())] {
        if place.is_dir() {
            one(what, place);
            batch(what, place);
        }
    }
}

/// One durable certificate, recorded, beside a program that records and writes nothing.
fn one(what: &str, place: &Path) {
    let directory = tempfile::tempdir_in(place).unwrap();
    let scene = directory.path();
    succeeded(openagents(scene).args(["ca", "init"]));
    println!("one certificate from an existing CA, a whole process, on {what}");
    let ours = Runner::new("openagents-certs issue server", |round| {
        let mut command = openagents(scene);
        command.args([
            "issue",
            "server",
            &format!("n{round}.internal"),
            "--out",
            "out",
        ]);
        command
    });
    if Command::new("cfssl").arg("version").output().is_err() {
        println!("cfssl was not there: not compared with it");
        race(200, &[ours]);
        return;
    }
    let request = r#"{"CN":"n1","hosts":["n1.internal"],"key":{"algo":"ecdsa","size":256}}"#;
    std::fs::write(scene.join("request.json"), request).unwrap();
    let theirs = Runner::new("cfssl gencert", |_| {
        let mut command = Command::new("cfssl");
        command.args([
            "gencert",
            "-ca",
            "certs/ca.crt",
            "-ca-key",
            "certs/ca.key",
            "request.json",
        ]);
        command.current_dir(scene);
        command
    });
    let times = race(200, &[ours, theirs]);
    println!(
        "  {:.2} of its time (at most 0.6)\n",
        ratio(times[0], times[1])
    );
}

/// Rows to JSON lines and to files, every entry recorded.
fn batch(what: &str, place: &Path) {
    let directory = tempfile::tempdir_in(place).unwrap();
    let scene = directory.path();
    succeeded(openagents(scene).args(["ca", "init"]));
    let mut manifest = String::new();
    for row in 0..ROWS {
        let name = format!("agent-{row}");
        writeln!(
            manifest,
            r#"{{"profile":"client","names":["{name}.example.test"],"ttl":"24h","name":"{name}"}}"#
        )
        .unwrap();
    }
    std::fs::write(scene.join("manifest.jsonl"), manifest).unwrap();
    println!("{ROWS} rows, P-256, recorded, on {what}");
    let mut medians = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        medians[0].push(bare());
        medians[1].push(timed(openagents(scene).args([
            "issue",
            "batch",
            "manifest.jsonl",
            "--stdout",
        ])));
        let out = format!("out-{round}");
        medians[2].push(timed(openagents(scene).args([
            "issue",
            "batch",
            "manifest.jsonl",
            "--out",
            &out,
        ])));
    }
    let [bare, lines, files] = medians.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    let rate = |time: Duration| f64::from(ROWS) / time.as_secs_f64();
    println!(
        "  bare key generation and signature   {:>8.0} a second",
        rate(bare)
    );
    println!(
        "  to JSON lines                       {:>8.0} a second: {:.2} (at least 0.6)",
        rate(lines),
        ratio(bare, lines)
    );
    println!(
        "  to files                            {:>8.0} a second: {:.2} (at least 0.35)\n",
        rate(files),
        ratio(bare, files)
    );
}

const ROWS: u32 = 20_000;
const ROUNDS: usize = 5;

/// What no authority can do without, on every core.
fn bare() -> Duration {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let issuer = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..ROWS as usize / threads {
                    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
                    std::hint::black_box(issuer.sign(&random, key.as_ref()).unwrap());
                }
            });
        }
    });
    start.elapsed()
}

fn openagents(scene: &Path) -> Command {
    let mut command = Command::new(program());
    command
        .arg("--quiet")
        .current_dir(scene)
        .env_remove("OPENAGENTS_CERTS_DIR");
    command
}

fn timed(command: &mut Command) -> Duration {
    let start = Instant::now();
    succeeded(command);
    start.elapsed()
}

fn succeeded(command: &mut Command) {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
