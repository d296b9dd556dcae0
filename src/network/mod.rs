//! A grpcs network as values: network.yaml and agent.yaml, read as OpenAgents 0.9.3 reads them, and what is
//! wrong with them. No files: the text comes in, findings go out.
//!
//! ```text
//! octets ─► yaml::Document ─► NetworkFile ─► start() ─► Startup: what listens, and what is on it
//!                                       └──► examine() ─► Findings: all that is off, ignored, misspelt
//! ```

pub mod agent;
mod edit;
mod examine;
mod exposure;
mod file;
mod host;
pub mod reach;
mod settings;
mod spelling;
mod startup;
mod tls;
mod transport;
pub mod yaml;

pub use edit::{EditError, Edited, TlsFiles, unified_diff, with_tls};
pub use examine::examine;
pub use file::{NetworkFile, NetworkFileError};
pub use startup::{Credentials, Grpc, Listener, Offers, Startup, start};
pub use tls::{FileName, Tls};
pub use transport::{Kind, Transport};

/// Why a YAML cannot be used for what it was given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableFile {
    /// As a network's.
    #[error(transparent)]
    Network(#[from] NetworkFileError),
    /// As an agent's.
    #[error(transparent)]
    Agent(#[from] agent::AgentFileError),
    /// To put a `tls:` block into.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl UnusableFile {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            UnusableFile::Network(error) => error.hint(),
            UnusableFile::Agent(error) => error.hint(),
            UnusableFile::Edit(error) => error.hint(),
        }
    }
}
