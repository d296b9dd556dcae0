//! An agent as it dials: a URL as `async_start` takes it, or a YAML as `openagents agent start` does.

use std::fmt;
use std::net::Ipv6Addr;

use super::spelling::meant;
use super::yaml::{Document, Value, YamlError};
use crate::path::finding::{Finding, Severity};

/// How an agent dials.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id, or its URL where it has none.
    pub name: String,
    /// Whom it dials; `None` where OpenAgents refuses to.
    pub endpoint: Option<Endpoint>,
    /// What is wrong with it by itself.
    pub findings: Vec<Finding>,
}

/// Whom an agent dials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The gRPC port, directly.
    Grpc {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Whether it speaks TLS.
        tls: bool,
    },
    /// The HTTP port first, and then the transport that is recommended there.
    Http {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Whether it speaks TLS to a gRPC port it is sent to.
        tls: bool,
    },
    /// A directory of networks.
    Directory {
        /// The network's id.
        network_id: String,
    },
}

impl Endpoint {
    /// Whether it speaks TLS to a gRPC port.
    pub fn speaks_tls(&self) -> bool {
        match self {
            Endpoint::Grpc { tls, .. } | Endpoint::Http { tls, .. } => *tls,
            Endpoint::Directory { .. } => false,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.speaks_tls() { "s" } else { "" };
        match self {
            Endpoint::Grpc { host, port, .. } => write!(f, "grpc{s}://{host}:{port}"),
            Endpoint::Http { host, port, .. } => write!(f, "http{s}://{host}:{port}"),
            Endpoint::Directory { network_id } => write!(f, "openagents://{network_id}"),
        }
    }
}

impl Agent {
    /// An agent that is started with this URL.
    pub fn from_url(url: &str) -> Self {
        let mut findings = Vec::new();
        let endpoint = match endpoint(url) {
            Ok(endpoint) => Some(endpoint),
            Err(finding) => {
                findings.push(*finding);
                None
            }
        };
        if let Some(Endpoint::Http { tls: true, .. }) = endpoint {
            findings.push(Finding::of("agent-https").found(url));
        }
        Agent {
            name: url.to_owned(),
            endpoint,
            findings,
        }
    }

    /// An agent that `openagents agent start` starts from a YAML.
    ///
    /// # Errors
    /// When it is not the YAML that Python reads, or no agent's.
    pub fn from_yaml(octets: &[u8]) -> Result<Self, AgentFileError> {
        let document = Document::read(octets)?;
        let root = document.root().ok_or(AgentFileError::Empty)?;
        if !document.node(root).value.is_mapping() {
            return Err(AgentFileError::NotAMapping {
                found: document.node(root).value.kind(),
            });
        }
        let id = document
            .get(root, "agent_id")
            .filter(|id| id.value.value.is_true());
        let Some(id) = id else {
            return Err(AgentFileError::NoId {
                is_network: document.get(root, "network").is_some(),
            });
        };
        let name = id.value.value.python_text().unwrap_or_default();
        let mut findings = Vec::new();
        let connection = document.get(root, "connection");
        let connection = connection.filter(|entry| entry.value.value.is_mapping());
        let get = |key: &str| connection.and_then(|connection| document.get(connection.id, key));
        for entry in connection
            .map(|entry| document.entries(entry.id))
            .unwrap_or_default()
        {
            connection_key(&entry, &mut findings);
        }
        let network_id = get("network_id").filter(|id| id.value.value.is_true());
        let host = get("host").map_or_else(
            || Some("localhost".into()),
            |host| host.value.value.python_text(),
        );
        let port = get("port").map_or(Some(DEFAULT_YAML_PORT), |port| port_of(&port.value.value));
        let line = get("port")
            .or_else(|| get("host"))
            .map_or(1, |entry| entry.key.line);
        let endpoint = match (network_id, host, port) {
            (Some(id), _, _) if get("host").is_none() => Some(Endpoint::Directory {
                network_id: id.value.value.python_text().unwrap_or_default(),
            }),
            (_, Some(host), Some(port)) if host.contains(':') => {
                findings.push(
                    Finding::of("agent-ipv6")
                        .at_line(line)
                        .found(format!("{host} and port {port}")),
                );
                None
            }
            (_, Some(host), Some(port)) => Some(Endpoint::Http {
                host,
                port,
                tls: false,
            }),
            (_, _, _) => {
                findings.push(
                    Finding::of("agent-url")
                        .at_line(line)
                        .instead("no host or port", "a host and a port"),
                );
                None
            }
        };
        Ok(Agent {
            name,
            endpoint,
            findings,
        })
    }
}

/// Why a file is no agent's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentFileError {
    /// It is not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// A list, a text or a number.
    #[error("not a mapping with `agent_id:`, but {found}")]
    NotAMapping {
        /// What stands there.
        found: &'static str,
    },
    /// There is no `agent_id`.
    #[error("no `agent_id:`")]
    NoId {
        /// Whether it looks like a network's.
        is_network: bool,
    },
}

impl AgentFileError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            AgentFileError::Yaml(YamlError::Encoding { .. } | YamlError::NotUtf8 { .. }) => {
                "save the file as UTF-8".into()
            }
            AgentFileError::NoId { is_network: true } => {
                "this is a network's file: give it with `--network FILE`".into()
            }
            AgentFileError::Yaml(_)
            | AgentFileError::Empty
            | AgentFileError::NotAMapping { .. }
            | AgentFileError::NoId { is_network: false } => {
                "give an agent's YAML, with `agent_id:` and `connection:`, or a URL such as grpcs://localhost:8600".into()
            }
        }
    }
}

fn connection_key(entry: &super::yaml::Entry<'_>, findings: &mut Vec<Finding>) {
    let key = entry.key.value.as_text().unwrap_or_default();
    if CONNECTION_KEYS.contains(&key) {
        return;
    }
    let line = entry.key.line;
    let name = key.to_ascii_lowercase();
    let is_tls = ["ssl", "tls", "cert", "ca_", "grpcs"]
        .iter()
        .any(|word| name.contains(word));
    let is_tls_url = key == "url"
        && entry
            .value
            .value
            .as_text()
            .is_some_and(|url| url.contains("s://"));
    findings.push(if key == "transport" {
        Finding::of("agent-transport-ignored").at_line(line)
    } else if is_tls || is_tls_url {
        Finding::of("agent-yaml-without-tls")
            .at_line(line)
            .found(format!("{key}:"))
    } else {
        let finding = Finding::of("agent-key-ignored").at_line(line);
        match meant(key, CONNECTION_KEYS) {
            Some(known) => finding
                .instead(format!("{key}:"), format!("{known}:"))
                .with_hint(format!("did you mean `{known}`?")),
            None => finding
                .found(format!("{key}:"))
                .with_severity(Severity::Note),
        }
    });
}

/// A URL taken apart as Python's `urlparse` and the agent's runner do.
fn endpoint(url: &str) -> Result<Endpoint, Box<Finding>> {
    let wrong = |expected: &str| Box::new(Finding::of("agent-url").instead(url, expected));
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| wrong("a URL such as grpcs://localhost:8600"))?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let path = rest[authority.len()..]
        .split(['?', '#'])
        .next()
        .unwrap_or_default();
    if scheme == "openagents" {
        let path = path.trim_start_matches('/');
        let network_id = if path.is_empty() { authority } else { path };
        return Ok(Endpoint::Directory {
            network_id: network_id.to_owned(),
        });
    }
    let default_port = match scheme.as_str() {
        "grpcs" | "grpc" => 8600,
        "https" | "http" => 8700,
        _ => {
            return Err(wrong(
                "grpcs://, grpc://, https://, http:// or openagents://",
            ));
        }
    };
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if authority.starts_with('[') || authority.parse::<Ipv6Addr>().is_ok() {
        let name = "a name or an IPv4 address, such as localhost";
        return Err(Box::new(Finding::of("agent-ipv6").instead(url, name)));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port),
        None => (authority, ""),
    };
    if host.is_empty() {
        return Err(wrong("a host"));
    }
    let port = match port {
        "" => default_port,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse() {
            Ok(0) => default_port,
            Ok(port) => port,
            Err(_) => return Err(wrong("a port between 1 and 65535")),
        },
        _ => return Err(wrong("a port between 1 and 65535")),
    };
    let host = host.to_ascii_lowercase();
    let tls = scheme.ends_with('s');
    Ok(if scheme.starts_with("grpc") {
        Endpoint::Grpc { host, port, tls }
    } else {
        Endpoint::Http { host, port, tls }
    })
}

fn port_of(value: &Value) -> Option<u16> {
    let text = value.python_text()?;
    text.parse().ok().filter(|port| *port > 0)
}

const CONNECTION_KEYS: &[&str] = &["host", "port", "network_id", "password_hash"];
/// What `openagents agent start` takes where nothing is given; no network listens there.
const DEFAULT_YAML_PORT: u16 = 8570;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_as_the_runner_does() {
        let grpc = |host: &str, port, tls| {
            let host = host.to_owned();
            Some(Endpoint::Grpc { host, port, tls })
        };
        let of = |url: &str| Agent::from_url(url).endpoint;
        assert_eq!(of("grpcs://Net.Example"), grpc("net.example", 8600, true));
        assert_eq!(
            of("grpc://10.0.0.7:8601/x?y"),
            grpc("10.0.0.7", 8601, false)
        );
        assert_eq!(
            of("grpcs://user@localhost:0"),
            grpc("localhost", 8600, true)
        );
        assert!(matches!(
            of("https://a"),
            Some(Endpoint::Http {
                port: 8700,
                tls: true,
                ..
            })
        ));
        assert!(matches!(
            of("openagents://my-net"),
            Some(Endpoint::Directory { .. })
        ));
        for url in [
            "grpcs://[::1]:8600",
            "localhost:8600",
            "ftp://a",
            "grpcs://",
            "grpcs://a:70000",
            "grpcs://a:x",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }

    #[test]
    fn an_agents_yaml_asks_the_http_port_in_plaintext() {
        let yaml = b"agent_id: charlie\nconnection:\n  host: localhost\n  port: 8700\n  transport: grpc\n  ssl_ca_cert: ca.crt\n";
        let agent = Agent::from_yaml(yaml).unwrap();
        assert_eq!(agent.name, "charlie");
        let host = "localhost".to_owned();
        assert_eq!(
            agent.endpoint,
            Some(Endpoint::Http {
                host,
                port: 8700,
                tls: false
            })
        );
        let ids: Vec<_> = agent.findings.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, ["agent-transport-ignored", "agent-yaml-without-tls"]);
        let error = Agent::from_yaml(b"network: {}\n").unwrap_err();
        assert_eq!(error, AgentFileError::NoId { is_network: true });
    }
}
