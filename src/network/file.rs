//! network.yaml as a whole.

use super::transport::{Transport, transports};
use super::yaml::{Document, Entry, NodeId, YamlError};

/// A network.yaml that was read: a mapping with a mapping under `network`.
#[derive(Debug)]
pub struct NetworkFile {
    pub(super) document: Document,
    pub(super) root: NodeId,
    pub(super) network: NodeId,
}

impl NetworkFile {
    /// Reads the octets of a file, in linear time and memory.
    ///
    /// # Errors
    /// When it is not the YAML that Python reads, or no network's.
    pub fn read(octets: &[u8]) -> Result<Self, NetworkFileError> {
        let document = Document::read(octets)?;
        let root = document.root().ok_or(NetworkFileError::Empty)?;
        if !document.node(root).value.is_mapping() {
            return Err(NetworkFileError::NotAMapping {
                line: document.node(root).line,
                found: document.node(root).value.kind(),
            });
        }
        let Some(network) = document.get(root, "network") else {
            let is_agent = document.get(root, "agent_id").is_some();
            return Err(NetworkFileError::NoNetwork { is_agent });
        };
        if !network.value.value.is_mapping() {
            return Err(NetworkFileError::NetworkNotAMapping {
                line: network.key.line,
                found: network.value.value.kind(),
            });
        }
        let network = network.id;
        Ok(NetworkFile {
            document,
            root,
            network,
        })
    }

    /// The network's name; `None` where there is none that OpenAgents takes.
    pub fn name(&self) -> Option<&str> {
        self.setting("name")?.value.value.as_text()
    }

    /// The YAML itself.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The transports that are started, in their order: those listed, the old single one, or HTTP alone.
    pub fn transports(&self) -> Vec<Transport> {
        transports(self)
    }

    /// The transport that agents are sent to when they ask over HTTP.
    pub fn recommended_transport(&self) -> Option<String> {
        let recommended = self.setting("recommended_transport");
        let named = recommended.and_then(|entry| entry.value.value.as_text().map(str::to_owned));
        named.filter(|name| !name.is_empty()).or_else(|| {
            let transports = self.transports();
            transports.first().map(|first| first.kind.name().to_owned())
        })
    }

    pub(super) fn setting(&self, key: &str) -> Option<Entry<'_>> {
        self.document.get(self.network, key)
    }
}

/// Why a file is no network.yaml.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkFileError {
    /// It is not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// A list, a text or a number.
    #[error("line {line}: not a mapping with `network:`, but {found}")]
    NotAMapping {
        /// The line.
        line: usize,
        /// What stands there.
        found: &'static str,
    },
    /// There is no `network`.
    #[error("no `network:`")]
    NoNetwork {
        /// Whether it looks like an agent's.
        is_agent: bool,
    },
    /// `network` is something else.
    #[error("line {line}: `network:` is not a mapping, but {found}")]
    NetworkNotAMapping {
        /// The line.
        line: usize,
        /// What stands there.
        found: &'static str,
    },
}

impl NetworkFileError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            NetworkFileError::Yaml(YamlError::Encoding { .. } | YamlError::NotUtf8 { .. }) => {
                "save the file as UTF-8".into()
            }
            NetworkFileError::Yaml(_) => {
                "fix the YAML; OpenAgents, which reads it with Python's yaml.safe_load, fails there too".into()
            }
            NetworkFileError::NoNetwork { is_agent: true } => {
                "this is an agent's file: give it with `--agent FILE`".into()
            }
            NetworkFileError::Empty
            | NetworkFileError::NotAMapping { .. }
            | NetworkFileError::NoNetwork { is_agent: false }
            | NetworkFileError::NetworkNotAMapping { .. } => {
                "give a network.yaml: `network:` with `name:` and `transports:` below it".into()
            }
        }
    }
}
