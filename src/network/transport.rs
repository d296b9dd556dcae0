//! The transports of a network, and the hosts and ports they listen on.

use std::net::Ipv4Addr;

use super::NetworkFile;
use super::file::{MAX_KEYS, TLS_KEYS, is_misplaced_tls, is_tls, meant_in_tls};
use super::yaml::{Document, Entry, NodeId, Value};
use crate::path::finding::{Finding, Severity};

/// One transport: what it is, and where its settings are.
#[derive(Clone, Debug)]
pub struct Transport {
    /// What it speaks.
    pub kind: Kind,
    /// The line it begins on.
    pub line: usize,
    /// Its entry in `transports`; `None` for the old single transport.
    pub(super) item: Option<NodeId>,
    pub(super) config: Config,
}

/// A transport's settings: a mapping, and for the old single transport the network's own host and port.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Config {
    pub(super) mapping: Option<NodeId>,
    network: Option<NodeId>,
}

impl Config {
    pub(super) fn get<'a>(&self, document: &'a Document, key: &str) -> Option<Entry<'a>> {
        let own = self.mapping.and_then(|mapping| document.get(mapping, key));
        own.or_else(|| {
            let network = self.network.filter(|_| key == "host" || key == "port")?;
            document.get(network, key)
        })
    }
}

impl Transport {
    fn is_empty(&self, document: &Document) -> bool {
        let config = self.config.mapping;
        config.is_none_or(|config| !document.node(config).value.is_true())
    }
}

/// What a transport speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// WebSocket.
    WebSocket,
    /// libp2p, which OpenAgents lacks.
    LibP2p,
    /// gRPC.
    Grpc,
    /// WebRTC, which OpenAgents lacks.
    WebRtc,
    /// HTTP.
    Http,
    /// The Model Context Protocol over HTTP.
    Mcp,
    /// Agent to agent over HTTP.
    A2a,
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::WebSocket,
        Kind::LibP2p,
        Kind::Grpc,
        Kind::WebRtc,
        Kind::Http,
        Kind::Mcp,
        Kind::A2a,
    ];

    /// The kind with this name.
    pub fn of(name: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in a network.yaml.
    pub fn name(self) -> &'static str {
        match self {
            Kind::WebSocket => "websocket",
            Kind::LibP2p => "libp2p",
            Kind::Grpc => "grpc",
            Kind::WebRtc => "webrtc",
            Kind::Http => "http",
            Kind::Mcp => "mcp",
            Kind::A2a => "a2a",
        }
    }

    /// Its default port.
    pub fn default_port(self) -> u16 {
        match self {
            Kind::WebSocket => 8400,
            Kind::LibP2p | Kind::WebRtc => 0,
            Kind::Grpc => 8600,
            Kind::Http => 8700,
            Kind::Mcp => 8800,
            Kind::A2a => 8900,
        }
    }
}

/// The transports a network starts.
pub(super) fn transports(file: &NetworkFile) -> Vec<Transport> {
    let document = &file.document;
    let Some(list) = file.setting("transports") else {
        let http = Transport {
            kind: Kind::Http,
            line: document.node(file.network).line,
            item: None,
            config: Config::default(),
        };
        return vec![legacy(file).unwrap_or(http)];
    };
    let items = document.items(list.id).iter().take(MAX_TRANSPORTS);
    let transport = |id: &NodeId| {
        Some(Transport {
            kind: Kind::of(document.get(*id, "type")?.text()?)?,
            line: document.node(*id).line,
            item: Some(*id),
            config: Config {
                mapping: document.get(*id, "config").map(|config| config.id),
                network: None,
            },
        })
    };
    let listed: Vec<Transport> = items.filter_map(transport).collect();
    match (legacy(file), listed.as_slice()) {
        (Some(legacy), [only]) if only.kind == Kind::Http && only.is_empty(document) => {
            vec![legacy]
        }
        (Some(_) | None, _) => listed,
    }
}

/// `transport:` and `transport_config:`, from when a network had a single transport.
fn legacy(file: &NetworkFile) -> Option<Transport> {
    let entry = file.setting("transport").filter(Entry::is_true)?;
    let kind = match Kind::of(entry.text()?)? {
        // HTTP, under its former name.
        Kind::WebSocket => Kind::Http,
        kind => kind,
    };
    Some(Transport {
        kind,
        line: entry.line(),
        item: None,
        config: Config {
            mapping: file.setting("transport_config").map(|config| config.id),
            network: Some(file.network),
        },
    })
}

/// Where a transport listens, before it is joined to `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: String,
}

impl Address {
    pub(super) fn new(host: Option<&Value>, port: Option<&Value>, default_port: u16) -> Self {
        let text = |value: &Value| value.python_text().unwrap_or_else(|| "[…]".into());
        Address {
            host: host.map_or_else(|| ANY.into(), text),
            port: port.map_or_else(|| default_port.to_string(), text),
        }
    }

    /// Why the joined text is not split into the same host and port.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.host.contains(':') {
            return Some("an IPv6 address is split at its colons");
        }
        if self.port.contains(':') {
            return Some("a port with a colon is split at it");
        }
        None
    }

    /// Why the transport cannot listen on the host, as far as can be determined without a network.
    pub(super) fn host_fault(&self) -> Option<&'static str> {
        let host = self.host.as_str();
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            let is_machine =
                !address.is_documentation() && !address.is_multicast() && !address.is_broadcast();
            return (!is_machine).then_some("not an address of a machine");
        }
        let has_only = |allowed: &str, or: fn(&u8) -> bool| {
            let mut bytes = host.bytes();
            bytes.all(|b| or(&b) || allowed.as_bytes().contains(&b))
        };
        if host.is_empty() {
            Some("the host is empty")
        } else if has_only(".", u8::is_ascii_digit) {
            Some("not an IPv4 address")
        } else if !has_only("-._", u8::is_ascii_alphanumeric) {
            Some("not a host name")
        } else if ["None", "True", "False"].contains(&host) {
            Some("not a name, but a YAML value converted to text")
        } else if host.eq_ignore_ascii_case("localhost.") {
            Some("with a final dot, the name is not found in the hosts file")
        } else if host.to_ascii_lowercase().ends_with(".invalid") {
            Some("names below .invalid never resolve")
        } else {
            None
        }
    }

    /// Whether the host is a name that only a resolver knows.
    pub(super) fn is_unresolved_name(&self) -> bool {
        self.host.parse::<Ipv4Addr>().is_err() && !self.host.eq_ignore_ascii_case("localhost")
    }

    /// The port as `int` reads it from text; `None` if it raises.
    pub(super) fn port_number(&self) -> Option<i128> {
        let text = self.port.trim();
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let groups: Vec<&str> = digits.split('_').collect();
        let is_number = groups
            .iter()
            .all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
        if !is_number {
            return None;
        }
        let number = groups.concat().parse().unwrap_or(i128::MAX);
        Some(if text.starts_with('-') {
            -number
        } else {
            number
        })
    }

    /// The port as a resolver reads it: spaces, then digits.
    pub(super) fn service_port(&self) -> Option<u16> {
        let port = self.port.trim_start();
        let is_number = port.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| port.parse().ok()).flatten()
    }
}

/// Whether two hosts have an address in common.
pub fn overlap(one: &str, other: &str) -> bool {
    let canonical = |host: &str| match host.to_ascii_lowercase().as_str() {
        "localhost" => "127.0.0.1".to_owned(),
        other => other.to_owned(),
    };
    let (one, other) = (canonical(one), canonical(other));
    one == ANY || other == ANY || one == other
}

/// Whether only this machine reaches it.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Every address of the machine.
pub(super) const ANY: &str = "0.0.0.0";
/// Beyond any network; further ones are ignored.
const MAX_TRANSPORTS: usize = 1000;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_python_reads_them() {
        let number = |port: &str| {
            let (host, port) = (ANY.to_owned(), port.to_owned());
            Address { host, port }.port_number()
        };
        for (text, expected) in [
            ("8600", Some(8600)),
            (" 8600 ", Some(8600)),
            ("8_600", Some(8600)),
            ("-1", Some(-1)),
        ] {
            assert_eq!(number(text), expected, "{text:?}");
        }
        for text in ["8600.0", "abc", "True", "", "_1", "1_", "0x10", "8600 # x"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }
}
