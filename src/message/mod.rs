//! Signed and sealed messages between agents: what was said, by whom, for whom, until when.
//!
//! A message is a JWS ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)) over an envelope, signed with the key of an
//! agent's certificate, which travels in `x5c`. A sealed message has a JWE ([RFC 7516](https://www.rfc-editor.org/rfc/rfc7516))
//! for payload, which only its recipients can decrypt. Any JOSE library reads and writes both.
//!
//! ```text
//! Sender    payload ─► encrypt (JWE) ─► envelope ─► sign (JWS) ─► message
//! Receiver  message ─► form ─► signer's path ─► signature ─► claims ─► policy ─► replay ─► decrypt
//! ```
//!
//! No files, clock or terminal: bytes and the time are arguments.

mod base64;
mod denial;
mod envelope;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod http;
mod json;
mod jwe;
mod jwks;
pub mod jws;
pub mod lines;
mod policy;
mod receiver;
mod recipient;
mod request;
mod request_signer;
mod sender;
pub mod shared;
mod signature;
mod trust;

pub use denial::{Denial, Reason};
pub use envelope::{Capability, Claims, Payload};
pub use json::JsonError;
pub use jwks::{JsonWebKey, JsonWebKeySet};
pub use policy::{Policy, PolicyError};
pub use receiver::{Accepted, Event, EventKind, Expectations, Receiver};
pub use recipient::{OpeningKey, Recipient};
pub use sender::{MessageDraft, Sender, SignedMessage};
pub use signature::{Algorithm, SigningKey};
pub use trust::{Trust, identities, thumbprint};

use time::OffsetDateTime;

use crate::keys::KeyError;
use crate::pki::public_key::KeyKind;
use crate::pki::validity::rfc3339;

/// Why a message could not be signed, sealed or sent. That a received message is refused is a [`Denial`] instead.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The private key is not the certificate's.
    #[error("the private key does not match the certificate")]
    KeyMismatch,
    /// A key that cannot sign messages.
    #[error("{} key cannot sign messages", with_article(*kind))]
    CannotSign {
        /// Its kind.
        kind: KeyKind,
    },
    /// An algorithm that does not fit the key.
    #[error("{algorithm} does not fit {} key", with_article(*kind))]
    Algorithm {
        /// The algorithm.
        algorithm: Algorithm,
        /// The key's kind.
        kind: KeyKind,
    },
    /// A key that messages cannot be encrypted to.
    #[error("messages cannot be encrypted to {} key", with_article(*kind))]
    CannotReceive {
        /// Its kind.
        kind: KeyKind,
    },
    /// A certificate whose keyUsage does not permit encryption.
    #[error("the certificate's keyUsage does not permit {usage}")]
    RecipientUsage {
        /// What it would have to permit.
        usage: &'static str,
    },
    /// A certificate that is not valid now.
    #[error("the certificate is valid from {} to {} only", rfc3339(*not_before), rfc3339(*not_after))]
    RecipientValidity {
        /// The first moment of validity.
        not_before: OffsetDateTime,
        /// The last moment of validity.
        not_after: OffsetDateTime,
    },
    /// Two recipients with one certificate.
    #[error("the same recipient is given twice")]
    DuplicateRecipient,
    /// More recipients than a message may have, or none.
    #[error("a message has 1 to {most} recipients, not {count}")]
    Recipients {
        /// How many were given.
        count: usize,
        /// The limit.
        most: usize,
    },
    /// More certificates than `x5c` may have.
    #[error("a message carries at most {most} certificates, and the chain has {count}")]
    Chain {
        /// How many there are.
        count: usize,
        /// The limit.
        most: usize,
    },
    /// A value that the envelope cannot have.
    #[error("{what}")]
    Claim {
        /// Which, and what is wrong with it.
        what: String,
    },
    /// The certificate or its key cannot be read.
    #[error("the certificate cannot be used: {what}")]
    Certificate {
        /// What is wrong with it.
        what: String,
    },
    /// An HTTP request that cannot be signed.
    #[error("the request cannot be signed: {what}")]
    Request {
        /// What is wrong with it.
        what: String,
    },
    /// A policy that cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Not 32 bytes, or as many as a MAC needs.
    #[error("not a shared key: expected {least} to {most} bytes, raw, in hexadecimal or in base64")]
    SharedKey {
        /// The shortest one.
        least: usize,
        /// The longest one.
        most: usize,
    },
    /// Key agreement and RSA encryption need the `rsa` feature.
    #[error("this build cannot encrypt to certificates: it was built without the feature `rsa`")]
    NotInThisBuild,
    /// A cryptographic operation failed.
    #[error("the signature could not be created")]
    Signing,
    /// No randomness.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl MessageError {
    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            MessageError::KeyMismatch => "give the `--key` that belongs to `--cert`".into(),
            MessageError::CannotSign { .. } => {
                "sign with a P-256, P-384, Ed25519 or RSA key, such as of `openagents-certs issue client NAME`".into()
            }
            MessageError::Algorithm { .. } => {
                "leave `--alg` out; it follows from the key".into()
            }
            MessageError::CannotReceive { .. }
            | MessageError::RecipientUsage { .. }
            | MessageError::RecipientValidity { .. } => {
                "have the recipient create a pair with `openagents-certs issue message NAME`, and give its NAME.message.crt".into()
            }
            MessageError::SharedKey { .. } => {
                "create one with `openagents-certs message key FILE`".into()
            }
            MessageError::Policy(_) => {
                "the keys are max_lifetime, and in each [[allow]] subject, capabilities, tenants, scopes, approval and approvers".into()
            }
            MessageError::Request { .. } => {
                "give one HTTP/1.1 request: a request line, header fields with a Host, and an empty line".into()
            }
            MessageError::NotInThisBuild => {
                "use a build with default features, or `message seal-shared`".into()
            }
            MessageError::DuplicateRecipient => "give each recipient once".into(),
            MessageError::Recipients { .. } => "give the recipients with `--to`, at most 1,000".into(),
            MessageError::Chain { .. } => {
                "give the leaf and its intermediates in `--cert`, at most 10 certificates".into()
            }
            MessageError::Claim { .. } => "see `openagents-certs message sign --help`".into(),
            MessageError::Certificate { .. } => {
                "see what the file contains with `openagents-certs inspect FILE`".into()
            }
            MessageError::Signing | MessageError::Key(_) => {
                "check the key with `openagents-certs inspect FILE`".into()
            }
        })
    }
}

fn with_article(kind: KeyKind) -> String {
    let name = kind.to_string();
    let article = if name.starts_with(['R', 'E', 'X']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}
