//! A thousand agents against fifty networks, as a whole process: the figure to reach is two seconds.
//!
//! Every network has a certificate of its own, every agent too; each agent dials one network by its port.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program of its own, and no part of the command line"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_thousand_agents_and_fifty_networks(bencher: divan::Bencher<'_, '_>) {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path(), 8600);
    bencher.bench_local(|| run(directory.path()));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn the_same_with_every_network_on_one_port(bencher: divan::Bencher<'_, '_>) {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path(), 0);
    bencher.bench_local(|| run(directory.path()));
}

/// The PKI, the networks on ports from this one on (0: all on 8600), and the list of agents.
fn prepare(directory: &Path, first_port: u16) {
    openagents_certs(directory, &["generate", "-q"]);
    let mut manifest = String::from("profile,names,name\n");
    for i in 0..NETWORKS {
        writeln!(manifest, "server,net-{i}.example.org,net-{i}.example.org").unwrap();
    }
    for i in 0..AGENTS {
        writeln!(manifest, "client,agent-{i},agent-{i}").unwrap();
    }
    std::fs::write(directory.join("manifest.csv"), manifest).unwrap();
    openagents_certs(
        directory,
        &["issue", "batch", "manifest.csv", "-q", "--out", "certs"],
    );
    for i in 0..NETWORKS {
        let port = if first_port == 0 {
            8600
        } else {
            first_port + i
        };
        let name = format!("net-{i}.example.org");
        let yaml = format!(
            "network:\n  name: N{i}\n  transports:\n  - type: grpc\n    config:\n      port: {port}\n      tls:\n        enabled: true\n        \
             cert_file: certs/{name}.crt\n        key_file: certs/{name}.key\n        ca_file: certs/ca.crt\n        require_client_cert: true\n"
        );
        std::fs::write(directory.join(format!("network-{i}.yaml")), yaml).unwrap();
    }
    let mut agents = String::from("url,name,ca,client_cert,client_key\n");
    for i in 0..AGENTS {
        let network = i % NETWORKS;
        let port = if first_port == 0 {
            8600
        } else {
            first_port + network
        };
        let files = format!("certs/ca.crt,certs/agent-{i}.crt,certs/agent-{i}.key");
        writeln!(
            agents,
            "grpcs://net-{network}.example.org:{port},agent-{i},{files}"
        )
        .unwrap();
    }
    std::fs::write(directory.join("agents.csv"), agents).unwrap();
}

fn run(directory: &Path) {
    let mut arguments = vec![
        "verify-chain".to_owned(),
        "--matrix".into(),
        "--json".into(),
    ];
    for i in 0..NETWORKS {
        arguments.extend(["--network".into(), format!("network-{i}.yaml")]);
    }
    arguments.extend(["--agent".into(), "agents.csv".into()]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    let output = command
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["matrix"].as_array().unwrap();
    let reached = rows.iter().filter(|row| row["reaches"] == true).count();
    assert_eq!(
        (rows.len(), reached),
        (
            usize::from(AGENTS) * usize::from(NETWORKS),
            usize::from(AGENTS)
        )
    );
}

fn openagents_certs(directory: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    let output = command
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const AGENTS: u16 = 1000;
const NETWORKS: u16 = 50;
