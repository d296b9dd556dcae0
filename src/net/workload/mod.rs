//! The SPIFFE Workload API: its messages, and a client of it.

mod client;
pub mod messages;

pub use client::{Client, ClientError, Updates};

use crate::net::https::HttpsError;
use crate::pki::escape::Escaped;

/// Why a server gives the agent of a node nothing.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// It cannot be reached.
    #[error(transparent)]
    Https(#[from] HttpsError),
    /// It says no.
    #[error("{url}: refused with status {status}: {}", Escaped(reason))]
    Refused {
        /// Where it was asked.
        url: String,
        /// The status.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// It does not speak this protocol.
    #[error("{url}: {}", Escaped(what))]
    Malformed {
        /// Where it was asked.
        url: String,
        /// What is wrong.
        what: String,
    },
}

impl NodeError {
    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            NodeError::Https(error) => error.hint(),
            NodeError::Refused { .. } => {
                "enroll again with a token for the SPIFFE ID of the node, and add entries with `node`".into()
            }
            NodeError::Malformed { .. } => "check that the URL is that of `openagents-certs serve`".into(),
        }
    }
}

/// The service in the paths of calls.
pub const SERVICE: &str = "SpiffeWorkloadAPI";
/// The header that every call has, so that a confused program cannot make one.
pub const SECURITY_HEADER: &str = "workload.spiffe.io";
