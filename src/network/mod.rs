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
pub mod rule;
mod settings;
mod spelling;
mod startup;
mod tls;
mod transport;
pub mod yaml;

pub use edit::{Diff, EditError, Edited, TlsFiles, with_tls};
pub use examine::examine;
pub use file::{NetworkFile, NetworkFileError};
pub use startup::{Credentials, Grpc, Listener, Offers, Startup, start};
pub use tls::{FileName, Tls};
pub use transport::{Kind, Transport};
