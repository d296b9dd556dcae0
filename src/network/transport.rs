//! The transports of a network, and the hosts and ports they listen on.

use std::net::Ipv4Addr;

use super::NetworkFile;
use super::yaml::{Document, Entry, NodeId, Value};

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
