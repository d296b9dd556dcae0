//! network.yaml as a whole.

use super::transport::{Transport, transports};
use super::yaml::{Document, Entry, NodeId, YamlError};

/// A network.yaml: a mapping with a mapping under `network`.
#[derive(Debug)]
pub struct NetworkFile {
    pub(super) document: Document,
    pub(super) root: NodeId,
    pub(super) network: NodeId,
}

impl NetworkFile {
    /// Reads the bytes of a file, in linear time and memory.
    ///
    /// # Errors
    /// When Python cannot read it as YAML, or it does not describe a network.
    pub fn read(bytes: &[u8]) -> Result<Self, NetworkFileError> {
        let document = Document::read(bytes)?;
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
        if !network.is_mapping() {
            return Err(NetworkFileError::NetworkNotAMapping {
                line: network.line(),
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

    /// The network's name; `None` if OpenAgents does not accept it.
    pub fn name(&self) -> Option<&str> {
        self.setting("name")?.text()
    }

    /// The YAML itself.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The transports that start, in their order: those listed, the old single one, or HTTP alone.
    pub fn transports(&self) -> Vec<Transport> {
        transports(self)
    }

    /// The transport that agents are referred to when they ask over HTTP.
    pub fn recommended_transport(&self) -> Option<String> {
        let recommended = self.setting("recommended_transport").filter(Entry::is_true);
        let named = recommended.and_then(|entry| entry.text().map(str::to_owned));
        named.or_else(|| {
            let transports = self.transports();
            transports.first().map(|first| first.kind.name().to_owned())
        })
    }

    pub(super) fn setting(&self, key: &str) -> Option<Entry<'_>> {
        self.document.get(self.network, key)
    }

    /// A setting beside `network:`, or else below it.
    pub(super) fn root_setting(&self, key: &str) -> Option<Entry<'_>> {
        let root = self.document.get(self.root, key);
        root.or_else(|| self.setting(key))
    }
}

/// Why a file is not a network.yaml.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkFileError {
    /// It is not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It is empty.
    #[error("the file is empty")]
    Empty,
    /// A list, a text or a number.
    #[error("line {line}: not a mapping with `network:`, but {found}")]
    NotAMapping {
        /// The line.
        line: usize,
        /// What is there.
        found: &'static str,
    },
    /// There is no `network`.
    #[error("no `network:`")]
    NoNetwork {
        /// Whether it looks like an agent's file.
        is_agent: bool,
    },
    /// `network` is something else.
    #[error("line {line}: `network:` is not a mapping, but {found}")]
    NetworkNotAMapping {
        /// The line.
        line: usize,
        /// What is there.
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
