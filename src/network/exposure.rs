//! What a network shows to who has no business with it: addresses that are none, secrets in the open.

use super::NetworkFile;
use super::host::{ANY, is_loopback};
use super::startup::{Offers, Startup};
use super::transport::Kind;
use super::yaml::{NodeId, Value};
use crate::path::finding::{Finding, Severity};

/// Looks at what HTTP shows, and at what is given to agents as an address.
pub(super) fn examine(file: &NetworkFile, startup: &Startup, findings: &mut Vec<Finding>) {
    let http = startup
        .listeners
        .iter()
        .find(|listener| listener.kind == Kind::Http);
    advertised(file, http.is_some(), findings);
    let offers = startup.grpc.as_ref().map(|grpc| &grpc.offers);
    let Some(http) = http else {
        return;
    };
    if matches!(offers, Some(Offers::Tls { .. })) {
        let finding = Finding::of("http-beside-tls").at_line(http.line);
        let finding = finding.found(format!("http on {}:{}", http.host, http.port));
        findings.push(if is_loopback(&http.host) {
            finding.with_hint("keep it: only this machine reaches it")
        } else {
            finding
        });
    }
    let severity = if is_loopback(&http.host) {
        Severity::Note
    } else {
        Severity::Warning
    };
    for (line, key) in secrets(file) {
        findings.push(
            Finding::of("health-shows-secret")
                .at_line(line)
                .found(format!("{key}: …"))
                .with_severity(severity),
        );
    }
}

/// 0.0.0.0 as the address of the network, in its profile or in the transport that agents are sent to. They are sent
/// there over HTTP; without it that is only worth knowing.
fn advertised(file: &NetworkFile, has_http: bool, findings: &mut Vec<Finding>) {
    let document = &file.document;
    let mut places = Vec::new();
    let mut weight = Severity::Note;
    let is_any = |value: &Value| [ANY, "::", "[::]"].iter().any(|any| value.is_text(any));
    let grpc = file
        .transports()
        .into_iter()
        .find(|transport| transport.kind == Kind::Grpc);
    let is_recommended = file.recommended_transport().as_deref() == Some(Kind::Grpc.name());
    let host = grpc.and_then(|grpc| grpc.config.get(document, "host"));
    if let Some(host) = host.filter(|host| is_any(&host.value.value) && is_recommended) {
        places.push(format!("line {}", host.key.line));
        if has_http {
            weight = Severity::Warning;
        }
    }
    let root_profile = document.get(file.root, "network_profile");
    if let Some(profile) = root_profile.or_else(|| file.setting("network_profile"))
        && let Some(host) = document.get(profile.id, "host")
        && is_any(&host.value.value)
    {
        places.push(format!("line {}", host.key.line));
        let discoverable = document.get(profile.id, "discoverable");
        if discoverable.is_some_and(|entry| entry.value.value.is_true()) {
            weight = Severity::Warning;
        }
    }
    if let Some(first) = places.first() {
        let mut finding = Finding::of("network-advertises-any").with_severity(weight);
        finding.message = format!("{first}: {}", finding.message);
        findings.push(finding.found(format!("host: 0.0.0.0 on {}", places.join(" and "))));
    }
}

/// The lines and names of what looks like a secret among the values that the health endpoint shows.
fn secrets(file: &NetworkFile) -> Vec<(usize, String)> {
    let document = &file.document;
    let mut found = Vec::new();
    let mut roots: Vec<NodeId> = Vec::new();
    for key in ["mods", "transports"] {
        let list = file.setting(key);
        let items = list.map(|list| document.items(list.id)).unwrap_or_default();
        roots.extend(
            items
                .iter()
                .filter_map(|item| document.get(*item, "config"))
                .map(|config| config.id),
        );
    }
    for key in ["network_profile", "external_access"] {
        let entry = document.get(file.root, key).or_else(|| file.setting(key));
        roots.extend(entry.map(|entry| entry.id));
    }
    let mut visited = std::collections::HashSet::new();
    while let Some(id) = roots.pop() {
        if !visited.insert(id) || found.len() >= MAX_SECRETS {
            continue;
        }
        roots.extend(document.items(id));
        for entry in document.entries(id) {
            roots.push(entry.id);
            let key = entry.key.value.as_text().unwrap_or_default();
            let value = entry.value.value.as_text().unwrap_or_default();
            if is_secret(key) && !value.is_empty() && !value.starts_with("env:") {
                found.push((entry.key.line, key.to_owned()));
            }
        }
    }
    found.sort();
    found
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let is_named = [
        "password",
        "passwd",
        "secret",
        "api_key",
        "apikey",
        "private_key",
        "credential",
    ]
    .iter()
    .any(|word| key.contains(word));
    let is_token = key == "token" || key.ends_with("_token") || key == "management_code";
    (is_named || is_token)
        && !key.ends_with("_env")
        && !key.ends_with("_file")
        && !key.ends_with("_hash")
}

const MAX_SECRETS: usize = 50;
