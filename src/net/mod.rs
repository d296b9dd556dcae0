//! A network port as a client sees it: TCP, TLS, the certificates, and whether HTTP/2 answers.
//!
//! ```text
//! Target ─► dial ─► connection ─► http ─► Session ┬─► Probe
//!                   TLS, limits   SETTINGS        └─► PresentedChain
//! ```
//!
//! No certificate is judged here: all are accepted, so that all are seen. Whether the server holds
//! the key of its certificate is checked on every connection. Each step has a deadline, each
//! connection a limit on what is read from it.

pub mod acme;
mod challenge;
mod connection;
mod dial;
pub mod dns;
pub mod est;
mod exporter;
pub mod grpc;
mod http;
pub mod https;
pub mod mail;
mod presented;
pub mod probe;
mod recorder;
pub mod resolver;
mod responder;
mod service;
mod session;
mod spiffe;
mod target;
pub mod webhook;
pub mod workload;

pub use crate::pki::signature::KeyProof;
pub use challenge::{ChallengeListener, Protocol, WELL_KNOWN, reverse_name};
pub use connection::Alert;
pub use dial::{Attempt, Reached};
pub use exporter::Exporter;
pub use http::{Answer, End, Plaintext};
pub use presented::{PresentedChain, ProbeError, presented_chain};
pub use recorder::{ClientCertificateRequest, Identity, IdentityError};
pub use responder::{Counts, Responder, ResponderError};
pub use service::ServiceManager;
pub use session::{Failure, Outcome, ServedCertificate, Session, TlsVersion};
pub use target::{Host, Scheme, Target, TargetError};
