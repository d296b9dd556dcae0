//! The `tls:` block of a gRPC transport: what takes effect, and what does not.

use super::NetworkFile;
use super::keys::{MAX_KEYS, TLS_KEYS, is_misplaced_tls, is_tls, meant_in_tls};
use super::transport::Transport;
use super::yaml::{Document, Entry, Value};
use crate::path::finding::{Finding, Severity};

/// TLS as a transport tries to serve it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The line of `tls:`.
    pub line: usize,
    /// The server's certificate chain; `None` if the key is missing or false.
    pub cert_file: Option<FileName>,
    /// Its private key, likewise.
    pub key_file: Option<FileName>,
    /// The CA of the clients, likewise.
    pub ca_file: Option<FileName>,
    /// Whether clients need a certificate, if there is a CA to verify it with.
    pub require_client_cert: bool,
    /// The line of `require_client_cert`, or else of `tls:`.
    pub require_line: usize,
}

/// A file as a network names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// Its key.
    pub key: &'static str,
    /// The line.
    pub line: usize,
    /// The path; `None` if the value is not text.
    pub path: Option<String>,
}

impl Tls {
    /// What a transport serves; `None` for plaintext.
    pub(super) fn effective(document: &Document, transport: &Transport) -> Option<Self> {
        let block = transport.config.get(document, "tls")?;
        if !block.is_mapping() || !document.get(block.id, "enabled")?.is_true() {
            return None;
        }
        let file = |key: &'static str| {
            let entry = document.get(block.id, key).filter(Entry::is_true)?;
            Some(FileName {
                key,
                line: entry.line(),
                path: entry.text().map(str::to_owned),
            })
        };
        let require = document.get(block.id, "require_client_cert");
        Some(Tls {
            line: block.line(),
            cert_file: file("cert_file"),
            key_file: file("key_file"),
            ca_file: file("ca_file"),
            require_client_cert: require.is_some_and(|entry| entry.is_true()),
            require_line: require.unwrap_or(block).line(),
        })
    }
}

/// What is ignored, disabled or misspelt in the TLS settings of the gRPC transport that starts.
pub(super) fn examine(file: &NetworkFile, transport: &Transport) -> Vec<Finding> {
    let document = &file.document;
    let mut findings = misnamed(document, transport);
    let Some(entry) = transport.config.get(document, "tls") else {
        if findings.is_empty() && !is_elsewhere(file, transport) {
            findings.push(Finding::of("grpc-plaintext").at_line(transport.line));
        }
        return findings;
    };
    let found = format!("tls: {}", entry.value.value.kind());
    match &entry.value.value {
        Value::Mapping(_) => findings.extend(Block { document, entry }.examine()),
        Value::Bool(false) | Value::Null => {
            findings.push(entry.finding("tls-disabled").found(found));
        }
        _ => {
            let finding = entry.finding("tls-not-a-mapping");
            findings.push(finding.instead(found, "a mapping"));
        }
    }
    findings
}

/// Keys of the config that mean TLS but are not `tls`.
fn misnamed(document: &Document, transport: &Transport) -> Vec<Finding> {
    let entries = transport.config.mapping.into_iter();
    let entries = entries.flat_map(|config| document.entries(config).into_iter().take(MAX_KEYS));
    let finding = |entry: Entry<'_>| {
        let key = entry.name();
        let is_file = TLS_KEYS.contains(&key) && key != "enabled";
        if key == "tls" {
            None
        } else if is_tls(key) && entry.is_true() {
            let finding = entry.finding("tls-misnamed");
            let finding = finding.instead(format!("{key}:"), "tls:");
            Some(finding.with_hint("did you mean `tls:`? Rename the key"))
        } else if is_file {
            let finding = entry.finding("tls-misnamed");
            let finding = finding.found(format!("{key}: beside `tls:`, not in it"));
            Some(finding.with_hint("move it into a `tls:` mapping with `enabled: true`"))
        } else {
            None
        }
    };
    entries.filter_map(finding).collect()
}

/// Whether ignored TLS settings elsewhere show that TLS was intended.
fn is_elsewhere(file: &NetworkFile, transport: &Transport) -> bool {
    let beside = transport.item.into_iter().chain([file.network, file.root]);
    let mut entries = beside.flat_map(|mapping| file.document.entries(mapping));
    entries.any(|entry| is_misplaced_tls(&entry))
}

/// A `tls:` mapping.
struct Block<'a> {
    document: &'a Document,
    entry: Entry<'a>,
}

impl<'a> Block<'a> {
    fn examine(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.enabled());
        self.require_client_cert(&mut findings);
        findings.extend(self.entries().filter_map(|entry| self.ignored(&entry)));
        findings
    }

    fn enabled(&self) -> Option<Finding> {
        let Some(entry) = self.get("enabled") else {
            let is_meant = |entry: &Entry<'_>| self.meant_by(entry) == Some("enabled");
            let finding = self.entry.finding("tls-enabled-missing");
            return Some(match self.entries().find(is_meant) {
                Some(entry) => finding.instead(format!("{}:", entry.name()), "enabled:"),
                None => finding,
            });
        };
        let disabled = || entry.finding("tls-disabled");
        match &entry.value.value {
            Value::Text(text) if text.is_empty() => Some(disabled().found("an empty string")),
            Value::Text(text) => {
                let severity = match reads_as_false(text) {
                    true => Severity::Warning,
                    false => Severity::Note,
                };
                let finding = entry.finding("tls-enabled-text").with_severity(severity);
                Some(finding.found(format!("enabled: '{text}'")))
            }
            Value::Null => {
                let finding = entry.finding("tls-enabled-missing");
                Some(finding.instead("`enabled:` without a value", "true"))
            }
            value if value.is_true() => None,
            value => Some(disabled().found(format!("enabled: {}", value.kind()))),
        }
    }

    fn require_client_cert(&self, findings: &mut Vec<Finding>) {
        let is_true = |key| self.get(key).is_some_and(|entry| entry.is_true());
        let (is_on, has_ca) = (is_true("enabled"), is_true("ca_file"));
        let Some(entry) = self.get(REQUIRE) else {
            let mut entries = self.entries();
            let is_misspelt = entries.any(|entry| self.meant_by(&entry) == Some(REQUIRE));
            if is_on && has_ca && !is_misspelt {
                findings.push(self.entry.finding("mtls-not-required"));
            }
            return;
        };
        if !entry.is_true() {
            return;
        }
        if let Some(text) = entry.text().filter(|text| reads_as_false(text)) {
            findings.push(entry.finding("mtls-text").found(format!("'{text}'")));
        }
        if is_on && !has_ca {
            findings.push(entry.finding("mtls-without-ca").found("no ca_file"));
        }
    }

    /// A key that nothing reads, and what it may mean.
    fn ignored(&self, entry: &Entry<'_>) -> Option<Finding> {
        let key = entry.key.value.as_text()?;
        if TLS_KEYS.contains(&key) {
            return None;
        }
        if VERSION_KEYS.contains(&key) {
            let value = entry.value.value.python_text().unwrap_or_default();
            let finding = entry.finding("tls-version-ignored");
            return Some(finding.found(format!("{key}: {value}")));
        }
        let finding = entry.finding("tls-key-ignored");
        let Some(meant) = self.meant_by(entry) else {
            return Some(finding.found(format!("{key}:")));
        };
        let severity = match meant == REQUIRE && entry.is_true() {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let finding = finding.instead(format!("{key}:"), format!("{meant}:"));
        let finding = finding.with_hint(format!("did you mean `{meant}`?"));
        Some(finding.with_severity(severity))
    }

    /// The key that one which nothing reads probably means, unless it is there too.
    fn meant_by(&self, entry: &Entry<'_>) -> Option<&'static str> {
        let key = entry.key.value.as_text()?;
        let meant = meant_in_tls(key).filter(|_| !TLS_KEYS.contains(&key))?;
        self.get(meant).is_none().then_some(meant)
    }

    fn get(&self, key: &str) -> Option<Entry<'a>> {
        self.document.get(self.entry.id, key)
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        self.document
            .entries(self.entry.id)
            .into_iter()
            .take(MAX_KEYS)
    }
}

fn reads_as_false(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    matches!(
        text.as_str(),
        "false" | "no" | "off" | "0" | "n" | "f" | "none" | "null" | "disabled"
    )
}

const REQUIRE: &str = "require_client_cert";
const VERSION_KEYS: &[&str] = &[
    "min_version",
    "max_version",
    "version",
    "min_tls_version",
    "tls_version",
    "minimum_version",
    "tls_min_version",
];
