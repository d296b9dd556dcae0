//! The transports of a network.

use super::NetworkFile;
use super::yaml::{Document, Entry, NodeId};

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

/// What a transport speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// WebSocket.
    WebSocket,
    /// libp2p, which is not there.
    LibP2p,
    /// gRPC.
    Grpc,
    /// WebRTC, which is not there.
    WebRtc,
    /// HTTP.
    Http,
    /// The Model Context Protocol over HTTP.
    Mcp,
    /// Agent to agent over HTTP.
    A2a,
}

impl Kind {
    /// The kind that has this name.
    pub fn of(name: &str) -> Option<Self> {
        let all = [
            Kind::WebSocket,
            Kind::LibP2p,
            Kind::Grpc,
            Kind::WebRtc,
            Kind::Http,
            Kind::Mcp,
            Kind::A2a,
        ];
        all.into_iter().find(|kind| kind.name() == name)
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

    /// The port it has where none is given.
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
    let network = document.node(file.network);
    let mut listed = Vec::new();
    let list = file.setting("transports");
    if let Some(list) = list {
        listed.extend(
            document
                .items(list.id)
                .iter()
                .take(MAX_TRANSPORTS)
                .filter_map(|id| {
                    let kind = document.get(*id, "type")?.value.value.as_text()?;
                    Some(Transport {
                        kind: Kind::of(kind)?,
                        line: document.node(*id).line,
                        item: Some(*id),
                        config: Config {
                            mapping: document.get(*id, "config").map(|config| config.id),
                            network: None,
                        },
                    })
                }),
        );
    } else {
        listed.push(Transport {
            kind: Kind::Http,
            line: network.line,
            item: None,
            config: Config::default(),
        });
    }
    match (legacy(file), listed.as_slice()) {
        (Some(legacy), [only]) if only.kind == Kind::Http && is_empty(document, only) => {
            vec![legacy]
        }
        (Some(_) | None, _) => listed,
    }
}

/// `transport:` and `transport_config:`, as networks had them before they could have several.
fn legacy(file: &NetworkFile) -> Option<Transport> {
    let entry = file
        .setting("transport")
        .filter(|entry| entry.value.value.is_true())?;
    let kind = Kind::of(entry.value.value.as_text()?)?;
    Some(Transport {
        // What was called websocket is HTTP now.
        kind: if kind == Kind::WebSocket {
            Kind::Http
        } else {
            kind
        },
        line: entry.key.line,
        item: None,
        config: Config {
            mapping: file.setting("transport_config").map(|config| config.id),
            network: Some(file.network),
        },
    })
}

fn is_empty(document: &Document, transport: &Transport) -> bool {
    transport
        .config
        .mapping
        .is_none_or(|config| !document.node(config).value.is_true())
}

/// No network has as many; those behind are not looked at.
const MAX_TRANSPORTS: usize = 1000;
