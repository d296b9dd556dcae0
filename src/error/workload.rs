//! Why a process gets no identity, or an entry cannot be added.

use std::path::PathBuf;

use super::shown;
use crate::net::workload::{ClientError, NodeError};
use crate::pki::escape::Escaped;

/// Why a process gets no identity, or an entry cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// Nothing says of which trust domain identities are.
    #[error("{}: has no [workload] with a `trust_domain`", shown(path))]
    NoTrustDomain {
        /// The settings.
        path: PathBuf,
    },
    /// A path that no socket can be at.
    #[error("{}: {what}", shown(path))]
    SocketPath {
        /// The path.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// An entry that does not fit the settings.
    #[error("{what}")]
    Entry {
        /// Why not.
        what: String,
    },
    /// There is no entry with this id.
    #[error("there is no workload entry {}", Escaped(id))]
    NoEntry {
        /// The id.
        id: String,
    },
    /// No key signs JWT-SVIDs now.
    #[error("no key signs JWT-SVIDs now")]
    NoJwtKey,
    /// A directory without the certificate of a node.
    #[error("{}: has no enrolled certificate with a SPIFFE ID", shown(path))]
    NoNode {
        /// The directory.
        path: PathBuf,
    },
    /// The Workload API does not answer, or refuses.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server of a node, or the endpoint of another trust domain, gives nothing.
    #[error(transparent)]
    Server(#[from] NodeError),
}

impl WorkloadError {
    /// The error's stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            WorkloadError::NoTrustDomain { .. } => "trust-domain",
            WorkloadError::SocketPath { .. } => "socket-path",
            WorkloadError::Entry { .. } => "workload-entry",
            WorkloadError::NoEntry { .. } => "no-workload-entry",
            WorkloadError::NoJwtKey => "jwt-key",
            WorkloadError::NoNode { .. } => "no-node",
            WorkloadError::Client(_) => "workload",
            WorkloadError::Server(_) => "workload-server",
        }
    }

    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            WorkloadError::NoTrustDomain { .. } => {
                "add `[workload]` with `trust_domain = \"example.org\"`; see `openagents-certs template show certs.toml`"
            }
            WorkloadError::SocketPath { .. } => {
                "choose another path, or stop the process (`ss -xlp` shows it)"
            }
            WorkloadError::Entry { .. } => {
                "see an example with `openagents-certs workload entry add --help`"
            }
            WorkloadError::NoEntry { .. } => {
                "see the entries with `openagents-certs workload entry list`"
            }
            WorkloadError::NoJwtKey => "correct this machine's clock, or wait a minute",
            WorkloadError::NoNode { .. } => {
                "enroll it: on the server `openagents-certs token create spiffe://example.org/node/7 --profile svid`"
            }
            WorkloadError::Client(error) => return error.hint(),
            WorkloadError::Server(error) => return error.hint(),
        }
        .into()
    }
}

impl From<ClientError> for super::Error {
    fn from(error: ClientError) -> Self {
        super::Error::Workload(error.into())
    }
}
