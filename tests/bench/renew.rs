//! What looking after a thousand certificates costs, as a whole process: with none due, and with all of them.
//!
//! `cargo bench --bench renew`; `TMPDIR` says on which disk, `CERTIFICATES` how many.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

mod race;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use race::{Runner, program, race, ratio};

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let count = std::env::var("CERTIFICATES").map_or(1000, |text| text.parse().unwrap());
    let [none, full] = ["none", "full"].map(|name| directory.path().join(name));
    fill(&none, 0);
    fill(&full, count);
    println!(
        "`renew --due` of {count} managed certificates with none due (at most 50 ms for 1000), and of none"
    );
    let due = |authority| move |_: usize| renew(authority, &["--due", "--systemd"]);
    let times = race(
        100,
        &[
            Runner::new("managed", due(&full)),
            Runner::new("none", due(&none)),
        ],
    );
    println!("  {:.1} times as long\n", ratio(times[0], times[1]));
    println!("{count} certificates renewed at once");
    race(
        5,
        &[
            Runner::new("the key stays", |_| renew(&full, &["--all"])),
            Runner::new("with new keys", |_| renew(&full, &["--all", "--rekey"])),
            Runner::new("with new keys and combined files", |_| {
                renew(&full, &["--all", "--rekey", "--combined"])
            }),
        ],
    );
}

/// An authority that has issued so many pairs.
fn fill(authority: &Path, count: usize) {
    let mut manifest = String::new();
    for number in 0..count {
        writeln!(
            manifest,
            r#"{{"profile":"client","names":["agent-{number}.example.test"],"ttl":"90d","name":"agent-{number}"}}"#
        )
        .unwrap();
    }
    let rows = authority.with_extension("jsonl");
    std::fs::write(&rows, manifest).unwrap();
    let rows = rows.to_str().unwrap();
    for arguments in [&["ca", "init"][..], &["issue", "batch", rows]] {
        let made = Command::new(program())
            .args(arguments)
            .arg("-C")
            .arg(authority)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
}

fn renew(authority: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(["renew", "-C"]).arg(authority).args(arguments);
    command
}
