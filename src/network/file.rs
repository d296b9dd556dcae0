//! network.yaml as a whole.

use super::transport::{Transport, transports};
use super::yaml::{Document, Entry, NodeId, YamlError};
use crate::path::finding::Finding;

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

/// The known key that an unknown one most likely means; `None` if it resembles none.
pub(super) fn meant<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let key = snake(key);
    if let Some(same) = known.iter().find(|known| **known == key) {
        return Some(same);
    }
    let distance = |known: &str| strsim::damerau_levenshtein(&key, known);
    let nearest = known.iter().min_by_key(|known| distance(known))?;
    let allowed = match nearest.len() {
        0..4 => 0,
        4 | 5 => 1,
        6..12 => 2,
        _ => 4,
    };
    (distance(nearest) <= allowed).then_some(nearest)
}

/// The same for the keys of a `tls:` block, with the names that other programs use.
pub(super) fn meant_in_tls(key: &str) -> Option<&'static str> {
    let name = snake(key);
    let other = TLS_KEYS.iter().find(|key| is_other_name(&name, key));
    other.copied().or_else(|| meant(key, TLS_KEYS))
}

/// Whether a key is a name for TLS settings.
pub(super) fn is_tls(key: &str) -> bool {
    is_other_name(&snake(key), SECTION)
}

/// Whether TLS settings are where OpenAgents ignores them: a mapping or true value under a name for TLS.
pub(super) fn is_misplaced_tls(entry: &Entry<'_>) -> bool {
    let key = entry.name();
    let is_section = is_tls(key) && !["security", "secure", "credentials"].contains(&key);
    let is_file = ["cert_file", "key_file", "require_client_cert"].contains(&key);
    (is_section || is_file) && entry.is_true()
}

/// A key of a mapping that resembles a known one which the mapping lacks.
pub(super) fn misspelt(
    file: &NetworkFile,
    mapping: NodeId,
    entry: &Entry<'_>,
    known: &[&str],
) -> Option<Finding> {
    let key = entry.key.value.as_text()?;
    if known.contains(&key) {
        return None;
    }
    let is_missing = |key: &&str| file.document.get(mapping, key).is_none();
    let meant = meant(key, known).filter(is_missing)?;
    let finding = entry.finding("network-key-misspelt");
    let finding = finding.instead(format!("{key}:"), format!("{meant}:"));
    Some(finding.with_hint(format!("did you mean `{meant}`?")))
}

fn is_other_name(name: &str, key: &str) -> bool {
    let row = OTHER_NAMES.lines().filter_map(|row| row.split_once('\t'));
    let mut names = row.filter(|(known, _)| *known == key);
    names.any(|(_, names)| names.split(' ').any(|other| other == name))
}

/// `requireClientCert` and `require-client-cert` as `require_client_cert`; the beginning of a long key.
fn snake(key: &str) -> String {
    let mut name = String::new();
    let mut before_is_lower = false;
    for c in key.trim().chars().take(MAX_KEY_CHARACTERS) {
        if c.is_ascii_uppercase() && before_is_lower {
            name.push('_');
        }
        before_is_lower = c.is_ascii_lowercase();
        name.push(match c {
            '-' | ' ' | '.' => '_',
            c => c.to_ascii_lowercase(),
        });
    }
    name
}

const MAX_KEY_CHARACTERS: usize = 64;

/// The keys of a `tls:` block that OpenAgents reads.
pub(super) const TLS_KEYS: &[&str] = &[
    "enabled",
    "cert_file",
    "key_file",
    "ca_file",
    "require_client_cert",
];
pub(super) const CONFIG_KEYS: &[&str] = &["host", "port", "tls"];
/// The limit on checked keys of a mapping.
pub(super) const MAX_KEYS: usize = 1000;
const SECTION: &str = "tls:";
/// For `tls:` and each key in it, the names other programs use.
const OTHER_NAMES: &str = include_str!("keys.tsv");

#[cfg(test)]
mod keys_tests {
    use super::*;

    #[test]
    fn a_resembling_key_is_recognized_and_others_are_left_alone() {
        for key in [
            "require_client_certs",
            "requireClientCert",
            "require-client-cert",
            "require_client_auth",
            "require_clent_cert",
            "mtls",
        ] {
            assert_eq!(meant_in_tls(key), Some("require_client_cert"), "{key}");
        }
        assert_eq!(meant_in_tls("cert_fiel"), Some("cert_file"));
        assert_eq!(meant_in_tls("key"), Some("key_file"));
        assert_eq!(meant_in_tls("CA_FILE"), Some("ca_file"));
        assert_eq!(meant_in_tls("enabeld"), Some("enabled"));
        assert_eq!(meant_in_tls("session_tickets"), None);
        assert!(is_tls("ssl") && is_tls("TLS") && !is_tls("host"));
    }
}
