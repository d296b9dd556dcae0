//! What OpenAgents silently ignores in a network.yaml, and what a network exposes: misspelt, misplaced and
//! ineffective settings, unusable advertised addresses, secrets in the open.

use std::collections::HashSet;

use super::NetworkFile;
use super::file::{CONFIG_KEYS, MAX_KEYS, TLS_KEYS, is_misplaced_tls, is_tls, meant, misspelt};
use super::settings::settings;
use super::startup::{Listener, Offers, Startup};
use super::transport::{self, ANY, Kind, Tls, Transport, is_loopback};
use super::yaml::{Entry, NodeId};
use crate::path::finding::{Finding, Severity};

/// The findings about a network's file that do not follow from its [start](super::start).
pub fn examine(file: &NetworkFile, startup: &Startup) -> Vec<Finding> {
    let mut findings = Vec::new();
    for duplicate in &file.document.duplicates {
        let key = duplicate.key.as_str();
        let severity = match TLS_KEYS.contains(&key) || key == "tls" {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let finding = Finding::of("yaml-duplicate-key").at_line(duplicate.last);
        let finding = finding.found(format!("{key}, first on line {}", duplicate.first));
        findings.push(finding.with_severity(severity));
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
            // Notes do not matter if nothing is served.
            let offers = startup.grpc.as_ref().map(|grpc| &grpc.offers);
            let is_served = !matches!(offers, Some(Offers::Nothing) | None);
            let of_tls = transport::examine(file, transport).into_iter();
            findings.extend(of_tls.filter(|one| is_served || one.severity != Severity::Note));
            config_keys(file, transport, &mut findings);
        }
    }
    encryption(file, &transports, &mut findings);
    let mut listeners = startup.listeners.iter();
    let http = listeners.find(|listener| listener.kind == Kind::Http);
    advertised(file, http.is_some(), &mut findings);
    if let Some(http) = http {
        exposed(file, startup, http, &mut findings);
    }
    if file.setting("created_by_version").is_none() {
        findings.push(Finding::of("network-file-rewritten"));
    }
    findings
}

/// Keys of the document and of `network:`.
fn top_level(file: &NetworkFile, findings: &mut Vec<Finding>) {
    for (mapping, name) in [(file.root, "root"), (file.network, "network")] {
        let known: Vec<&str> = settings(name).map(|(key, _)| key).collect();
        for entry in entries(file, Some(mapping)) {
            if is_misplaced_tls(&entry) {
                findings.push(misplaced_tls(&entry));
            } else {
                findings.extend(misspelt(file, mapping, &entry, &known));
            }
        }
    }
    if let Some(transports) = file.document.get(file.root, "transports") {
        let finding = transports.finding("network-key-misspelt");
        let finding = finding.found("transports: beside `network:`");
        let finding = finding.with_hint("move it below `network:`");
        findings.push(finding.with_severity(Severity::Error));
    }
}

/// Keys beside `type:` and `config:`.
fn item(file: &NetworkFile, transport: &Transport, findings: &mut Vec<Finding>) {
    let Some(item) = transport.item else {
        return;
    };
    let has_config = file.document.get(item, "config").is_some();
    for entry in entries(file, Some(item)) {
        let key = entry.name();
        if key == "type" || key == "config" {
            continue;
        }
        findings.push(
            if is_misplaced_tls(&entry) && transport.kind == Kind::Grpc {
                misplaced_tls(&entry)
            } else if !has_config && meant(key, &["config"]).is_some() {
                let finding = entry.finding("network-key-misspelt");
                let finding = finding.instead(format!("{key}:"), "config:");
                let finding = finding.with_hint("did you mean `config`?");
                finding.with_severity(Severity::Error)
            } else {
                let finding = entry.finding("transport-key-misplaced");
                finding.found(format!("{key}:"))
            },
        );
    }
}

/// Keys of the gRPC transport's config that resemble `host`, `port` or `tls`.
fn config_keys(file: &NetworkFile, transport: &Transport, findings: &mut Vec<Finding>) {
    let Some(config) = transport.config.mapping else {
        return;
    };
    for entry in entries(file, Some(config)) {
        let key = entry.name();
        // `port:8600` without a space is one long key.
        let glued = key.split_once(':');
        if let Some((name, rest)) = glued.filter(|(name, _)| CONFIG_KEYS.contains(name)) {
            let finding = entry.finding("network-key-misspelt");
            let finding = finding.instead(key, format!("{name}: {rest}"));
            findings.push(finding.with_hint("put a space after the colon"));
        } else if !is_tls(key) && key != "transport" {
            findings.extend(misspelt(file, config, &entry, CONFIG_KEYS));
        }
    }
}

fn other_transport(file: &NetworkFile, transport: &Transport, findings: &mut Vec<Finding>) {
    for entry in entries(file, transport.config.mapping) {
        let (key, kind) = (entry.name(), transport.kind.name());
        if ["tls", "ssl"].contains(&key) && entry.is_true() {
            let finding = entry.finding("tls-on-plaintext-transport");
            findings.push(finding.found(format!("{key}: on a transport of type {kind}")));
        }
    }
}

/// Settings that promise encryption although no transport has TLS.
fn encryption(file: &NetworkFile, transports: &[Transport], findings: &mut Vec<Finding>) {
    let has_tls = |transport: &Transport| {
        transport.kind == Kind::Grpc && Tls::effective(&file.document, transport).is_some()
    };
    let enabled = file.setting("encryption_enabled").filter(Entry::is_true);
    if let Some(enabled) = enabled.filter(|_| !transports.iter().any(has_tls)) {
        let finding = enabled.finding("network-encryption-ignored");
        findings.push(finding.found("encryption_enabled: true"));
    }
}

/// 0.0.0.0 as the address of the network, in its profile or in the transport that agents are referred to.
/// They are referred there over HTTP; without it that is only a note.
fn advertised(file: &NetworkFile, has_http: bool, findings: &mut Vec<Finding>) {
    let document = &file.document;
    let mut places = Vec::new();
    let mut severity = Severity::Note;
    let is_any = |host: &Entry<'_>| host.text().is_some_and(|text| ANY_HOSTS.contains(&text));
    let is_recommended = file.recommended_transport().as_deref() == Some(Kind::Grpc.name());
    let mut transports = file.transports().into_iter();
    let grpc = transports.find(|transport| transport.kind == Kind::Grpc);
    let host = grpc.and_then(|grpc| grpc.config.get(document, "host"));
    if let Some(host) = host.filter(|host| is_any(host) && is_recommended) {
        places.push(format!("line {}", host.line()));
        if has_http {
            severity = Severity::Warning;
        }
    }
    let profile = file.root_setting("network_profile").map(|entry| entry.id);
    let get = |key| document.get(profile?, key);
    if let Some(host) = get("host").filter(is_any) {
        places.push(format!("line {}", host.line()));
        if get("discoverable").is_some_and(|entry| entry.is_true()) {
            severity = Severity::Warning;
        }
    }
    if let Some(first) = places.first() {
        let mut finding = Finding::of("network-advertises-any").with_severity(severity);
        finding.message = format!("{first}: {}", finding.message);
        findings.push(finding.found(format!("host: 0.0.0.0 on {}", places.join(" and "))));
    }
}

/// What HTTP shows to everyone.
fn exposed(file: &NetworkFile, startup: &Startup, http: &Listener, findings: &mut Vec<Finding>) {
    let offers = startup.grpc.as_ref().map(|grpc| &grpc.offers);
    let is_loopback = is_loopback(&http.host);
    if matches!(offers, Some(Offers::Tls { .. })) {
        let finding = Finding::of("http-beside-tls").at_line(http.line);
        let finding = finding.found(format!("http on {}:{}", http.host, http.port));
        findings.push(match is_loopback {
            true => finding.with_hint("keep it: only this machine reaches it"),
            false => finding,
        });
    }
    let severity = match is_loopback {
        true => Severity::Note,
        false => Severity::Warning,
    };
    for (line, key) in secrets(file) {
        let finding = Finding::of("health-shows-secret").at_line(line);
        let finding = finding.found(format!("{key}: …"));
        findings.push(finding.with_severity(severity));
    }
}

/// The lines and names of probable secrets among the values that the health endpoint shows.
fn secrets(file: &NetworkFile) -> Vec<(usize, String)> {
    let document = &file.document;
    let mut secrets = Vec::new();
    let mut open: Vec<NodeId> = Vec::new();
    for list in ["mods", "transports"]
        .iter()
        .filter_map(|key| file.setting(key))
    {
        let items = document.items(list.id).iter();
        let configs = items.filter_map(|item| document.get(*item, "config"));
        open.extend(configs.map(|config| config.id));
    }
    for key in ["network_profile", "external_access"] {
        open.extend(file.root_setting(key).map(|entry| entry.id));
    }
    let mut visited = HashSet::new();
    while let Some(id) = open.pop() {
        if !visited.insert(id) || secrets.len() >= MAX_SECRETS {
            continue;
        }
        open.extend(document.items(id));
        for entry in document.entries(id) {
            open.push(entry.id);
            let value = entry.text().unwrap_or_default();
            if is_secret(entry.name()) && !value.is_empty() && !value.starts_with("env:") {
                secrets.push((entry.line(), entry.name().to_owned()));
            }
        }
    }
    secrets.sort();
    secrets
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let is_token = key == "token" || key.ends_with("_token") || key == "management_code";
    let is_reference = ["_env", "_file", "_hash"]
        .iter()
        .any(|end| key.ends_with(end));
    (is_token || SECRET_WORDS.iter().any(|word| key.contains(word))) && !is_reference
}

fn misplaced_tls(entry: &Entry<'_>) -> Finding {
    let finding = entry.finding("tls-misplaced");
    finding.found(format!("{}:", entry.name()))
}

fn entries(file: &NetworkFile, mapping: Option<NodeId>) -> impl Iterator<Item = Entry<'_>> {
    let entries = mapping.map(|mapping| file.document.entries(mapping));
    entries.into_iter().flatten().take(MAX_KEYS)
}

const ANY_HOSTS: &[&str] = &[ANY, "::", "[::]"];
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "api_key",
    "apikey",
    "private_key",
    "credential",
];
const MAX_SECRETS: usize = 50;
