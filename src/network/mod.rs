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

impl yaml::Entry<'_> {
    /// A finding of a rule about this entry's line.
    fn finding(&self, rule: &str) -> Finding {
        Finding::of(rule).at_line(self.line())
    }
}
