//! A grpcs network as values: network.yaml and agent.yaml, read as OpenAgents 0.9.3 reads them, and what is
//! wrong with them. No files: text in, findings out.
//!
//! ```text
//! bytes ─► yaml::Document ─► NetworkFile ─► start() ─► Startup: what listens, and what it offers
//!                                      └──► examine() ─► Findings: what is ignored, misspelt, exposed
//! ```

pub mod agent;
mod edit;
mod examine;
mod file;
pub mod reach;
mod settings;
mod startup;
mod transport;
pub mod yaml;

pub use edit::{Edit, EditError, TlsFiles, unified_diff, with_tls};
pub use examine::examine;
pub use file::{NetworkFile, NetworkFileError};
pub use startup::{Credentials, Grpc, Listener, Offers, Startup, start};
pub use transport::{FileName, Tls};
pub use transport::{Kind, Transport};

use crate::path::finding::Finding;

/// Why a YAML file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableFile {
    /// As a network's.
    #[error(transparent)]
    Network(#[from] NetworkFileError),
    /// As an agent's.
    #[error(transparent)]
    Agent(#[from] agent::AgentFileError),
    /// To add a `tls:` block to.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl UnusableFile {
    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            UnusableFile::Network(error) => error.hint(),
            UnusableFile::Agent(error) => error.hint(),
            UnusableFile::Edit(error) => error.hint(),
        }
    }
}

impl yaml::Entry<'_> {
    /// A finding of a rule about this entry's line.
    fn finding(&self, rule: &str) -> Finding {
        Finding::of(rule).at_line(self.line())
    }
}
