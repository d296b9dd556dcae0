//! What a port serves, seen as a client sees it: TCP, TLS, the certificates, and whether HTTP/2
//! answers behind them.
//!
//! ```text
//! Target ─► address ─► wire ─► tls ─► http2 ─► Session ┐
//!           connect    caps    rustls  SETTINGS         ├─► Probe
//!                                      plaintext ───────┘
//! ```
//!
//! Nothing that is seen is trusted: every certificate is accepted, so that all of them can be
//! shown, and whether they are good is for the path engine to say. Every step has a
//! deadline, every connection a cap on what is read from it.

mod address;
mod alert;
mod exporter;
mod http1;
mod http2;
mod identity;
mod parallel;
mod plaintext;
pub mod probe;
mod recorder;
mod responder;
mod service;
mod session;
mod target;
mod tls;
mod wire;

pub use address::{Attempt, Reached};
pub use alert::Alert;
pub use exporter::Exporter;
pub use http2::{Answer, End};
pub use identity::{Identity, IdentityError};
pub use plaintext::Spoken;
pub use recorder::{ClientCertificateRequest, KeyProof};
pub use responder::{Responder, ResponderError};
pub use service::ServiceManager;
pub use session::{Failure, Outcome, ServedCertificate, Session, TlsVersion};
pub use target::{Host, Scheme, Target, TargetError};
