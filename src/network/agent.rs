//! An agent as it dials: a URL as `async_start` reads it, or a YAML file as `openagents agent start` does.

use std::fmt;
use std::net::Ipv6Addr;

use super::file::meant;
use super::yaml::{Document, Entry, Value, YamlError};
use crate::path::finding::{Finding, Severity};

/// How an agent dials.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id, or else its URL.
    pub name: String,
    /// What it dials; `None` if OpenAgents refuses to.
    pub endpoint: Option<Endpoint>,
    /// The findings about it alone.
    pub findings: Vec<Finding>,
}

/// What an agent dials.
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
    /// The HTTP port first, then the transport that the network recommends.
    Http {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Whether it speaks TLS to the gRPC port it is referred to.
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
    /// An agent that starts with this URL.
    pub fn from_url(url: &str) -> Self {
        let (endpoint, mut findings) = match endpoint(url) {
            Ok(endpoint) => (Some(endpoint), Vec::new()),
            Err(finding) => (None, vec![*finding]),
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

    /// An agent that `openagents agent start` starts from a YAML file.
    ///
    /// # Errors
    /// When Python cannot read it as YAML, or it does not describe an agent.
    pub fn from_yaml(bytes: &[u8]) -> Result<Self, AgentFileError> {
        let document = Document::read(bytes)?;
        let root = document.root().ok_or(AgentFileError::Empty)?;
        if !document.node(root).value.is_mapping() {
            let found = document.node(root).value.kind();
            return Err(AgentFileError::NotAMapping { found });
        }
        let Some(id) = document.get(root, "agent_id").filter(Entry::is_true) else {
            let is_network = document.get(root, "network").is_some();
            return Err(AgentFileError::NoId { is_network });
        };
        let connection = document.get(root, "connection").filter(Entry::is_mapping);
        let entries = connection.map(|entry| document.entries(entry.id));
        let mut findings: Vec<Finding> = entries
            .iter()
            .flatten()
            .filter_map(connection_key)
            .collect();
        let get = |key: &str| document.get(connection?.id, key);
        let endpoint = match endpoint_of(get("network_id"), get("host"), get("port")) {
            Ok(endpoint) => Some(endpoint),
            Err(finding) => {
                findings.push(*finding);
                None
            }
        };
        Ok(Agent {
            name: id.value.value.python_text().unwrap_or_default(),
            endpoint,
            findings,
        })
    }
}

/// Why a file does not describe an agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentFileError {
    /// It is not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It is empty.
    #[error("the file is empty")]
    Empty,
    /// A list, a text or a number.
    #[error("not a mapping with `agent_id:`, but {found}")]
    NotAMapping {
        /// What is there.
        found: &'static str,
    },
    /// There is no `agent_id`.
    #[error("no `agent_id:`")]
    NoId {
        /// Whether it looks like a network's file.
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

/// A key of `connection:` that OpenAgents ignores.
fn connection_key(entry: &Entry<'_>) -> Option<Finding> {
    let key = entry.name();
    if CONNECTION_KEYS.contains(&key) {
        return None;
    }
    let name = key.to_ascii_lowercase();
    let is_tls = TLS_WORDS.iter().any(|word| name.contains(word));
    let is_tls_url = key == "url" && entry.text().is_some_and(|url| url.contains("s://"));
    Some(if key == "transport" {
        entry.finding("agent-transport-ignored")
    } else if is_tls || is_tls_url {
        let finding = entry.finding("agent-yaml-without-tls");
        finding.found(format!("{key}:"))
    } else {
        let finding = entry.finding("agent-key-ignored");
        match meant(key, CONNECTION_KEYS) {
            Some(known) => finding
                .instead(format!("{key}:"), format!("{known}:"))
                .with_hint(format!("did you mean `{known}`?")),
            None => finding
                .found(format!("{key}:"))
                .with_severity(Severity::Note),
        }
    })
}

/// The endpoint of a `connection:`.
fn endpoint_of(
    network_id: Option<Entry<'_>>,
    host: Option<Entry<'_>>,
    port: Option<Entry<'_>>,
) -> Result<Endpoint, Box<Finding>> {
    let text = |entry: Entry<'_>| entry.value.value.python_text();
    let line = port.or(host).map_or(1, |entry| entry.line());
    if let (Some(id), None) = (network_id.filter(Entry::is_true), host) {
        let network_id = text(id).unwrap_or_default();
        return Ok(Endpoint::Directory { network_id });
    }
    let host = host.map_or_else(|| Some("localhost".into()), text);
    let port = port.map_or(Some(DEFAULT_YAML_PORT), |port| port_of(&port.value.value));
    let (Some(host), Some(port)) = (host, port) else {
        let finding = Finding::of("agent-url").at_line(line);
        let finding = finding.instead("no host or port", "a host and a port");
        return Err(Box::new(finding));
    };
    if host.contains(':') {
        let finding = Finding::of("agent-ipv6").at_line(line);
        let found = format!("{host} and port {port}");
        return Err(Box::new(finding.found(found)));
    }
    let tls = false;
    Ok(Endpoint::Http { host, port, tls })
}

/// The parts of a URL, as Python's `urlparse` and the agent's runner read it.
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
    let is_number = port.bytes().all(|b| b.is_ascii_digit());
    let port = match port.parse() {
        Err(_) if port.is_empty() => default_port,
        Ok(0) if is_number => default_port,
        Ok(port) if is_number => port,
        Ok(_) | Err(_) => return Err(wrong("a port between 1 and 65535")),
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

const TLS_WORDS: &[&str] = &["ssl", "tls", "cert", "ca_", "grpcs"];
const CONNECTION_KEYS: &[&str] = &["host", "port", "network_id", "password_hash"];
/// The default of `openagents agent start`; no network listens there.
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
