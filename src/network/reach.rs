//! Which agent reaches which network, except whether their certificates match.

use std::fmt;

use super::NetworkFile;
use super::agent::Endpoint;
use super::startup::{Offers, Startup};
pub use super::transport::overlap as hosts_overlap;
use super::transport::{ANY, Kind, is_loopback};

/// What matters of a network to an agent that dials it.
#[derive(Clone, Debug)]
pub struct Door {
    /// Where the gRPC port listens and what it speaks, if it does.
    grpc: Option<Port>,
    /// Where HTTP listens.
    http: Option<Port>,
    /// The transport that agents are referred to.
    recommended: Option<Kind>,
    /// The host that agents are referred to, if the gRPC transport names one.
    advertised_host: Option<String>,
    /// The port, likewise.
    advertised_port: Option<u16>,
}

#[derive(Clone, Debug)]
struct Port {
    host: String,
    port: u16,
    tls: bool,
}

impl Door {
    /// The door of a network that started.
    pub fn new(file: &NetworkFile, startup: &Startup) -> Self {
        let mut listeners = startup.listeners.iter();
        let http = listeners.find(|listener| listener.kind == Kind::Http);
        let grpc = startup.grpc.as_ref().and_then(|grpc| {
            let tls = match grpc.offers {
                Offers::Nothing => return None,
                Offers::Plaintext => false,
                Offers::Tls { .. } => true,
            };
            let (host, port) = (grpc.host.clone(), grpc.port?);
            Some(Port { host, port, tls })
        });
        let mut transports = file.transports().into_iter();
        let config = transports.find(|transport| transport.kind == Kind::Grpc);
        let advertised = |key: &str| {
            let entry = config.as_ref()?.config.get(file.document(), key)?;
            entry.value.value.python_text()
        };
        Door {
            grpc,
            http: http.map(|http| Port {
                host: http.host.clone(),
                port: http.port,
                tls: false,
            }),
            recommended: file.recommended_transport().as_deref().and_then(Kind::of),
            advertised_host: advertised("host"),
            advertised_port: advertised("port").and_then(|port| port.trim().parse().ok()),
        }
    }

    /// How far an agent gets that dials this endpoint.
    pub fn approach(&self, endpoint: &Endpoint) -> Approach {
        match endpoint {
            Endpoint::Grpc { host, port, tls } => self.dial_grpc(host, *port, *tls),
            Endpoint::Directory { .. } => Approach::Stopped(Why::Directory),
            Endpoint::Http { host, port, tls } => self.ask_http(host, *port, *tls),
        }
    }

    fn ask_http(&self, host: &str, port: u16, tls: bool) -> Approach {
        let Some(http) = self.http.as_ref().filter(|http| http.port == port) else {
            let is_grpc = self.grpc.as_ref().is_some_and(|grpc| grpc.port == port);
            return Approach::Stopped(match is_grpc {
                true => Why::HttpToGrpc { port },
                false => Why::OtherPort {
                    dialled: port,
                    served: self.http.as_ref().map(|http| http.port),
                },
            });
        };
        if let Some(why) = other_host(host, &http.host) {
            return Approach::Stopped(why);
        }
        match self.recommended {
            Some(Kind::Http) => Approach::Plaintext,
            Some(Kind::Grpc) => {
                let host = self.advertised_host.as_deref().unwrap_or(host);
                self.dial_grpc(host, self.advertised_port.unwrap_or(port), tls)
            }
            Some(Kind::WebSocket | Kind::LibP2p | Kind::WebRtc | Kind::Mcp | Kind::A2a) | None => {
                Approach::Stopped(Why::NoTransport)
            }
        }
    }

    fn dial_grpc(&self, host: &str, port: u16, tls: bool) -> Approach {
        let Some(grpc) = &self.grpc else {
            return Approach::Stopped(Why::NotThere);
        };
        if grpc.port != port {
            return Approach::Stopped(Why::OtherPort {
                dialled: port,
                served: Some(grpc.port),
            });
        }
        if let Some(why) = other_host(host, &grpc.host) {
            return Approach::Stopped(why);
        }
        match (tls, grpc.tls) {
            (true, true) => Approach::Handshake {
                host: host.to_owned(),
            },
            (false, false) => Approach::Plaintext,
            (true, false) => Approach::Stopped(Why::TlsToPlaintext),
            (false, true) => Approach::Stopped(Why::PlaintextToTls),
        }
    }
}

/// How far an agent gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approach {
    /// It reaches the network without TLS.
    Plaintext,
    /// Both speak TLS; the certificates decide, for this host.
    Handshake {
        /// The dialled host.
        host: String,
    },
    /// It does not reach it.
    Stopped(Why),
}

/// Why an agent does not reach a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It dials another port.
    OtherPort {
        /// The one it dials.
        dialled: u16,
        /// The one that is served, if there is one.
        served: Option<u16>,
    },
    /// It dials another host.
    OtherHost {
        /// The one it dials.
        dialled: String,
        /// The one the network listens on.
        served: String,
    },
    /// It asks for HTTP on the gRPC port.
    HttpToGrpc {
        /// The port.
        port: u16,
    },
    /// It speaks TLS to a plaintext port.
    TlsToPlaintext,
    /// It speaks plaintext to a TLS port.
    PlaintextToTls,
    /// Nothing listens on the gRPC port.
    NotThere,
    /// Agents do not speak the transport that the network recommends.
    NoTransport,
    /// It looks the network up in a directory.
    Directory,
    /// It has no address to dial.
    NoAddress,
    /// The server's certificate is not valid for the dialled host.
    Name {
        /// The host.
        dialled: String,
    },
    /// The port requires a client certificate, and the agent has none.
    NoClientCertificate,
    /// One of the agent's files cannot be used.
    AgentFile,
    /// A certificate is rejected.
    Refused(String),
}

impl Why {
    /// The reason's stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Why::OtherPort { .. } => "other-port",
            Why::OtherHost { .. } => "other-host",
            Why::HttpToGrpc { .. } => "http-to-grpc",
            Why::TlsToPlaintext => "tls-to-plaintext",
            Why::PlaintextToTls => "plaintext-to-tls",
            Why::NotThere => "not-there",
            Why::NoTransport => "no-transport",
            Why::Directory => "directory",
            Why::NoAddress => "no-address",
            Why::Name { .. } => "name",
            Why::NoClientCertificate => "no-client-certificate",
            Why::AgentFile => "agent-file",
            Why::Refused(_) => "refused",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::OtherPort {
                dialled,
                served: Some(served),
            } => write!(
                f,
                "dials port {dialled}, but the network listens on port {served}"
            ),
            Why::OtherPort {
                dialled,
                served: None,
            } => write!(
                f,
                "dials port {dialled}, on which this network does not listen"
            ),
            Why::OtherHost { dialled, served } => {
                write!(
                    f,
                    "dials {dialled}, but the network listens on {served} only"
                )
            }
            Why::HttpToGrpc { port } => {
                write!(f, "uses HTTP on port {port}, which speaks gRPC")
            }
            Why::TlsToPlaintext => f.write_str("uses TLS, but the port serves plaintext"),
            Why::PlaintextToTls => f.write_str("uses plaintext, but the port serves TLS"),
            Why::NotThere => f.write_str("the network has no gRPC port"),
            Why::NoTransport => {
                f.write_str("agents do not support the transport that the network recommends")
            }
            Why::Directory => {
                f.write_str("looks up the network in a directory, which cannot be checked here")
            }
            Why::NoAddress => f.write_str("has no address to dial"),
            Why::Name { dialled } => write!(
                f,
                "dials {dialled}, but the server's certificate is not valid for this name"
            ),
            Why::NoClientCertificate => {
                f.write_str("has no client certificate, but the port requires one")
            }
            Why::AgentFile => f.write_str("has an unusable CA, certificate or key"),
            Why::Refused(reason) => f.write_str(reason),
        }
    }
}

/// Why a dialled host cannot be where a port listens. A name may resolve to any address.
fn other_host(dialled: &str, bound: &str) -> Option<Why> {
    let is_address = dialled.parse::<std::net::Ipv4Addr>().is_ok();
    let fits = hosts_overlap(dialled, bound)
        || (is_loopback(dialled) && is_loopback(bound))
        || (!is_loopback(bound) && !is_address && !is_loopback(dialled))
        || (bound.parse::<std::net::Ipv4Addr>().is_err() && !is_loopback(bound))
        || dialled == ANY;
    (!fits).then(|| Why::OtherHost {
        dialled: dialled.to_owned(),
        served: bound.to_owned(),
    })
}
