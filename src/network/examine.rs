//! All that a network.yaml says in vain: what is silently off, ignored, misplaced or misspelt.

use std::collections::HashSet;

use super::NetworkFile;
use super::exposure;
use super::spelling::{TLS_KEYS, is_tls, meant};
use super::startup::{Offers, Startup};
use super::tls::{self, is_misplaced_tls};
use super::transport::{Kind, Transport};
use super::yaml::{Entry, NodeId};
use crate::path::finding::{Finding, Severity};

/// What is to be said of a network's file beside what [`super::start`] found.
pub fn examine(file: &NetworkFile, startup: &Startup) -> Vec<Finding> {
    let mut findings = Vec::new();
    for duplicate in &file.document.duplicates {
        let weight = if TLS_KEYS.contains(&duplicate.key.as_str()) || duplicate.key == "tls" {
            Severity::Error
        } else {
            Severity::Warning
        };
        findings.push(
            Finding::of("yaml-duplicate-key")
                .at_line(duplicate.last)
                .found(format!(
                    "{}, first on line {}",
                    duplicate.key, duplicate.first
                ))
                .with_severity(weight),
        );
    }
    top_level(file, &mut findings);
    let transports = file.transports();
    let mut is_first = true;
    let mut seen = HashSet::new();
    for transport in &transports {
        if !seen.insert((transport.item, transport.config.mapping)) {
            continue;
        }
        item(file, transport, &mut findings);
        if transport.kind != Kind::Grpc {
            other_transport(file, transport, &mut findings);
        } else if is_first {
            is_first = false;
            let mut of_tls = Vec::new();
            tls::examine(file, transport, &mut of_tls);
            // What would be asked of clients does not matter where nothing is served.
            let offers = startup.grpc.as_ref().map(|grpc| &grpc.offers);
            let is_served = !matches!(offers, Some(Offers::Nothing) | None);
            findings.extend(
                of_tls
                    .into_iter()
                    .filter(|finding| is_served || finding.severity != Severity::Note),
            );
            config_keys(file, transport, &mut findings);
        }
    }
    encryption(file, &transports, &mut findings);
    exposure::examine(file, startup, &mut findings);
    if file.setting("created_by_version").is_none() {
        findings.push(Finding::of("network-file-rewritten"));
    }
    findings
}

/// Keys of the document and of `network:`.
fn top_level(file: &NetworkFile, findings: &mut Vec<Finding>) {
    for (mapping, known) in [(file.root, ROOT_KEYS), (file.network, NETWORK_KEYS)] {
        for entry in file.document.entries(mapping).into_iter().take(MAX_KEYS) {
            if is_misplaced_tls(&entry) {
                findings.push(misplaced_tls(&entry));
                continue;
            }
            misspelt(file, mapping, &entry, known, findings);
        }
    }
    if let Some(transports) = file.document.get(file.root, "transports") {
        findings.push(
            Finding::of("network-key-misspelt")
                .at_line(transports.key.line)
                .found("transports: beside `network:`")
                .with_hint("move it below `network:`")
                .with_severity(Severity::Error),
        );
    }
}

/// Keys beside `type:` and `config:`.
fn item(file: &NetworkFile, transport: &Transport, findings: &mut Vec<Finding>) {
    let Some(item) = transport.item else {
        return;
    };
    let is_misspelt = |entry: &Entry<'_>| {
        let key = entry.key.value.as_text().unwrap_or_default();
        file.document.get(item, "config").is_none() && meant(key, &["config"]).is_some()
    };
    for entry in file.document.entries(item).into_iter().take(MAX_KEYS) {
        let key = entry.key.value.as_text().unwrap_or_default();
        if key == "type" || key == "config" {
            continue;
        }
        findings.push(
            if is_misplaced_tls(&entry) && transport.kind == Kind::Grpc {
                misplaced_tls(&entry)
            } else if is_misspelt(&entry) {
                Finding::of("network-key-misspelt")
                    .at_line(entry.key.line)
                    .instead(format!("{key}:"), "config:")
                    .with_hint("did you mean `config`?")
                    .with_severity(Severity::Error)
            } else {
                Finding::of("transport-key-misplaced")
                    .at_line(entry.key.line)
                    .found(format!("{key}:"))
            },
        );
    }
}

/// Keys of the gRPC transport's config that resemble `host`, `port` or `tls`.
fn config_keys(file: &NetworkFile, transport: &Transport, findings: &mut Vec<Finding>) {
    let Some(config) = transport.config.mapping else {
        return;
    };
    for entry in file.document.entries(config).into_iter().take(MAX_KEYS) {
        let key = entry.key.value.as_text().unwrap_or_default();
        // `port:8600` without a blank is one long key.
        let glued = key
            .split_once(':')
            .filter(|(name, _)| CONFIG_KEYS.contains(name));
        if let Some((name, rest)) = glued {
            findings.push(
                Finding::of("network-key-misspelt")
                    .at_line(entry.key.line)
                    .instead(key, format!("{name}: {rest}"))
                    .with_hint("put a space after the colon"),
            );
        } else if !is_tls(key) && key != "transport" {
            misspelt(file, config, &entry, CONFIG_KEYS, findings);
        }
    }
}

fn other_transport(file: &NetworkFile, transport: &Transport, findings: &mut Vec<Finding>) {
    let Some(config) = transport.config.mapping else {
        return;
    };
    for entry in file.document.entries(config).into_iter().take(MAX_KEYS) {
        let key = entry.key.value.as_text().unwrap_or_default();
        let is_setting = key == "tls" || key == "ssl";
        if is_setting && entry.value.value.is_true() {
            findings.push(
                Finding::of("tls-on-plaintext-transport")
                    .at_line(entry.key.line)
                    .found(format!(
                        "{key}: on a transport of type {}",
                        transport.kind.name()
                    )),
            );
        }
    }
}

/// Settings that promise encryption where nobody sets TLS up.
fn encryption(file: &NetworkFile, transports: &[Transport], findings: &mut Vec<Finding>) {
    let has_tls = |transport: &Transport| {
        transport.kind == Kind::Grpc && tls::Tls::effective(&file.document, transport).is_some()
    };
    let Some(enabled) = file.setting("encryption_enabled") else {
        return;
    };
    if enabled.value.value.is_true() && !transports.iter().any(has_tls) {
        findings.push(
            Finding::of("network-encryption-ignored")
                .at_line(enabled.key.line)
                .found("encryption_enabled: true"),
        );
    }
}

fn misspelt(
    file: &NetworkFile,
    mapping: NodeId,
    entry: &Entry<'_>,
    known: &[&str],
    findings: &mut Vec<Finding>,
) {
    let Some(key) = entry.key.value.as_text() else {
        return;
    };
    if known.contains(&key) {
        return;
    }
    let Some(wanted) =
        meant(key, known).filter(|wanted| file.document.get(mapping, wanted).is_none())
    else {
        return;
    };
    findings.push(
        Finding::of("network-key-misspelt")
            .at_line(entry.key.line)
            .instead(format!("{key}:"), format!("{wanted}:"))
            .with_hint(format!("did you mean `{wanted}`?")),
    );
}

fn misplaced_tls(entry: &Entry<'_>) -> Finding {
    let key = entry.key.value.as_text().unwrap_or_default();
    Finding::of("tls-misplaced")
        .at_line(entry.key.line)
        .found(format!("{key}:"))
}

const ROOT_KEYS: &[&str] = &[
    "network",
    "network_profile",
    "external_access",
    "service_agents",
    "metadata",
    "log_level",
    "data_dir",
    "runtime_limit",
    "shutdown_timeout",
    "mods",
    "agents",
];
const NETWORK_KEYS: &[&str] = &[
    "name",
    "mode",
    "node_id",
    "bootstrap_nodes",
    "transports",
    "manifest_transport",
    "recommended_transport",
    "encryption_enabled",
    "encryption_type",
    "disable_agent_secret_verification",
    "discovery_interval",
    "discovery_enabled",
    "max_connections",
    "connection_timeout",
    "retry_attempts",
    "heartbeat_interval",
    "mods",
    "message_queue_size",
    "message_timeout",
    "agent_groups",
    "default_agent_group",
    "requires_password",
    "auto_start_agents",
    "initialized",
    "created_by_version",
    "agent_timeout",
    "message_routing_enabled",
    "transport",
    "transport_config",
    "host",
    "port",
    "server_mode",
    "coordinator_url",
    "network_profile",
    "external_access",
    "remote_agents",
    "workspace_path",
];
const CONFIG_KEYS: &[&str] = &["host", "port", "tls"];
/// How many keys of a mapping are held against those that are known.
const MAX_KEYS: usize = 1000;
