//! The `tls:` block of a gRPC transport: what is effective in it, and what is not.

use super::NetworkFile;
use super::spelling::{TLS_KEYS, is_tls, meant_in_tls};
use super::transport::Transport;
use super::yaml::{Document, Entry, NodeId, Value};
use crate::path::finding::{Finding, Severity};

/// TLS as a transport will try to serve it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The line of `tls:`.
    pub line: usize,
    /// The server's certificate chain; `None` where the key is missing or false.
    pub cert_file: Option<FileName>,
    /// Its private key, likewise.
    pub key_file: Option<FileName>,
    /// The CA of the clients, likewise.
    pub ca_file: Option<FileName>,
    /// Whether clients must have a certificate, if there is a CA to check it with.
    pub require_client_cert: bool,
    /// The line of `require_client_cert`, or of `tls:` where there is none.
    pub require_line: usize,
}

/// A file as a network names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The key it stands under.
    pub key: &'static str,
    /// The line.
    pub line: usize,
    /// The path; `None` where what stands there is no text.
    pub path: Option<String>,
}

impl Tls {
    /// What a transport will serve; `None` for plaintext.
    pub(super) fn effective(document: &Document, transport: &Transport) -> Option<Self> {
        let block = transport.config.get(document, "tls")?;
        if !block.value.value.is_mapping() {
            return None;
        }
        let is_enabled = document.get(block.id, "enabled");
        is_enabled.filter(|enabled| enabled.value.value.is_true())?;
        let file = |key: &'static str| {
            let entry = document.get(block.id, key)?;
            entry.value.value.is_true().then(|| FileName {
                key,
                line: entry.key.line,
                path: entry.value.value.as_text().map(str::to_owned),
            })
        };
        let require = document.get(block.id, "require_client_cert");
        Some(Tls {
            line: block.key.line,
            cert_file: file("cert_file"),
            key_file: file("key_file"),
            ca_file: file("ca_file"),
            require_client_cert: require.is_some_and(|entry| entry.value.value.is_true()),
            require_line: require.map_or(block.key.line, |entry| entry.key.line),
        })
    }
}

/// All that is off, ignored or misspelt in the TLS settings of the gRPC transport that is started.
pub(super) fn examine(file: &NetworkFile, transport: &Transport, findings: &mut Vec<Finding>) {
    let document = &file.document;
    let block = transport.config.get(document, "tls");
    let misnamed = misnamed(document, transport, findings);
    let Some(block) = block else {
        let is_intended = misnamed || is_elsewhere(file, transport);
        if !is_intended {
            findings.push(Finding::of("grpc-plaintext").at_line(transport.line));
        }
        return;
    };
    match &block.value.value {
        Value::Mapping(_) => in_block(document, block, findings),
        Value::Bool(false) | Value::Null => findings.push(
            Finding::of("tls-disabled")
                .at_line(block.key.line)
                .found(format!("tls: {}", block.value.value.kind())),
        ),
        other => findings.push(
            Finding::of("tls-not-a-mapping")
                .at_line(block.key.line)
                .instead(format!("tls: {}", other.kind()), "a mapping"),
        ),
    }
}

/// Keys of the config that mean TLS and are not `tls`.
fn misnamed(document: &Document, transport: &Transport, findings: &mut Vec<Finding>) -> bool {
    let Some(config) = transport.config.mapping else {
        return false;
    };
    let before = findings.len();
    for entry in document.entries(config).into_iter().take(MAX_KEYS) {
        let Some(key) = entry.key.value.as_text() else {
            continue;
        };
        if key == "tls" {
            continue;
        }
        let is_file = TLS_KEYS.contains(&key) && key != "enabled";
        if is_tls(key) && entry.value.value.is_true() {
            findings.push(
                Finding::of("tls-misnamed")
                    .at_line(entry.key.line)
                    .instead(format!("{key}:"), "tls:")
                    .with_hint("did you mean `tls:`? Rename the key"),
            );
        } else if is_file {
            findings.push(
                Finding::of("tls-misnamed")
                    .at_line(entry.key.line)
                    .found(format!("{key}: beside `tls:`, not in it"))
                    .with_hint("move it into a `tls:` mapping with `enabled: true`"),
            );
        }
    }
    findings.len() > before
}

fn in_block(document: &Document, block: Entry<'_>, findings: &mut Vec<Finding>) {
    enabled(document, block, findings);
    let get = |key: &str| document.get(block.id, key);
    let is_on = get("enabled").is_some_and(|entry| entry.value.value.is_true());
    let has_ca = get("ca_file").is_some_and(|entry| entry.value.value.is_true());
    let require = get("require_client_cert");
    match require {
        Some(require) if require.value.value.is_true() => {
            if let Value::Text(text) = &require.value.value
                && reads_as_false(text)
            {
                findings.push(
                    Finding::of("mtls-text")
                        .at_line(require.key.line)
                        .found(format!("'{text}'")),
                );
            }
            if is_on && !has_ca {
                findings.push(
                    Finding::of("mtls-without-ca")
                        .at_line(require.key.line)
                        .found("no ca_file"),
                );
            }
        }
        None if is_on && has_ca => {
            let is_misspelt = document
                .entries(block.id)
                .iter()
                .take(MAX_KEYS)
                .any(|entry| meant_by(document, block.id, entry) == Some("require_client_cert"));
            if !is_misspelt {
                findings.push(Finding::of("mtls-not-required").at_line(block.key.line));
            }
        }
        Some(_) | None => {}
    }
    for entry in document.entries(block.id).into_iter().take(MAX_KEYS) {
        ignored(document, block.id, &entry, findings);
    }
}

fn enabled(document: &Document, block: Entry<'_>, findings: &mut Vec<Finding>) {
    match document.get(block.id, "enabled") {
        None => {
            let meant = document
                .entries(block.id)
                .into_iter()
                .take(MAX_KEYS)
                .find_map(|entry| {
                    let key = entry.key.value.as_text()?;
                    (meant_by(document, block.id, &entry) == Some("enabled"))
                        .then(|| key.to_owned())
                });
            let finding = Finding::of("tls-enabled-missing").at_line(block.key.line);
            findings.push(match meant {
                Some(key) => finding.instead(format!("{key}:"), "enabled:"),
                None => finding,
            });
        }
        Some(entry) => match &entry.value.value {
            Value::Text(text) if text.is_empty() => {
                findings.push(
                    Finding::of("tls-disabled")
                        .at_line(entry.key.line)
                        .found("an empty string"),
                );
            }
            Value::Text(text) => {
                let weight = if reads_as_false(text) {
                    Severity::Warning
                } else {
                    Severity::Note
                };
                findings.push(
                    Finding::of("tls-enabled-text")
                        .at_line(entry.key.line)
                        .found(format!("enabled: '{text}'"))
                        .with_severity(weight),
                );
            }
            Value::Null => findings.push(
                Finding::of("tls-enabled-missing")
                    .at_line(entry.key.line)
                    .instead("`enabled:` without a value", "true"),
            ),
            value if value.is_true() => {}
            value => {
                findings.push(
                    Finding::of("tls-disabled")
                        .at_line(entry.key.line)
                        .found(format!("enabled: {}", value.kind())),
                );
            }
        },
    }
}

/// A key that nothing reads, and what may have been meant.
fn ignored(document: &Document, block: NodeId, entry: &Entry<'_>, findings: &mut Vec<Finding>) {
    let Some(key) = entry.key.value.as_text() else {
        return;
    };
    if TLS_KEYS.contains(&key) {
        return;
    }
    let line = entry.key.line;
    if VERSION_KEYS.contains(&key) {
        let found = entry.value.value.python_text().unwrap_or_default();
        findings.push(
            Finding::of("tls-version-ignored")
                .at_line(line)
                .found(format!("{key}: {found}")),
        );
        return;
    }
    let finding = Finding::of("tls-key-ignored").at_line(line);
    findings.push(match meant_by(document, block, entry) {
        Some(known) => {
            let weighs = known == "require_client_cert" && entry.value.value.is_true();
            let severity = if weighs {
                Severity::Error
            } else {
                Severity::Warning
            };
            finding
                .instead(format!("{key}:"), format!("{known}:"))
                .with_hint(format!("did you mean `{known}`?"))
                .with_severity(severity)
        }
        None => finding.found(format!("{key}:")),
    });
}

/// The key that was meant by one that nothing reads, if that one is not there already.
fn meant_by(document: &Document, block: NodeId, entry: &Entry<'_>) -> Option<&'static str> {
    let key = entry
        .key
        .value
        .as_text()
        .filter(|key| !TLS_KEYS.contains(key))?;
    meant_in_tls(key).filter(|known| document.get(block, known).is_none())
}

fn reads_as_false(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    matches!(
        text.as_str(),
        "false" | "no" | "off" | "0" | "n" | "f" | "none" | "null" | "disabled"
    )
}

/// How many keys are held against those that are known.
const MAX_KEYS: usize = 1000;
const VERSION_KEYS: &[&str] = &[
    "min_version",
    "max_version",
    "version",
    "min_tls_version",
    "tls_version",
    "minimum_version",
    "tls_min_version",
];
/// Whether TLS settings are somewhere where they are ignored, so that TLS was intended.
fn is_elsewhere(file: &NetworkFile, transport: &Transport) -> bool {
    let document = &file.document;
    let beside = transport.item.into_iter().chain([file.network, file.root]);
    let mut entries = beside.flat_map(|mapping| document.entries(mapping));
    entries.any(|entry| is_misplaced_tls(&entry))
}

/// A mapping or truth under a name that means TLS.
pub(super) fn is_misplaced_tls(entry: &Entry<'_>) -> bool {
    let key = entry.key.value.as_text().unwrap_or_default();
    let is_section = is_tls(key) && key != "security" && key != "secure" && key != "credentials";
    let is_file = ["cert_file", "key_file", "require_client_cert"].contains(&key);
    (is_section || is_file) && entry.value.value.is_true()
}
