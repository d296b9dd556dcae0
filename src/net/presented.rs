//! The certificates that a live port presents now, and whether it proves that it holds their key.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::connection::Hello;
use super::dial::{self, Attempt};
use super::http::Plaintext;
use super::recorder::Identity;
use super::session::{Failure, Outcome, Plan, Session, Then, TlsVersion};
use super::target::Target;
use crate::pki::certificate::{Certificate, CertificateError};

/// The certificates that a port presents.
#[derive(Debug)]
pub struct PresentedChain {
    /// The server's address.
    pub address: SocketAddr,
    /// The negotiated version.
    pub version: Option<TlsVersion>,
    /// The certificates in the order they came; at least one.
    pub certificates: Vec<Certificate>,
    /// Whether the server proved that it holds the key of the first one. Without the proof nothing
    /// is known of who serves there.
    pub is_key_proven: bool,
}

impl PresentedChain {
    /// The certificates, if the server proved that it holds the key.
    ///
    /// # Errors
    /// When it did not.
    pub fn proven(self, target: &Target) -> Result<Vec<Certificate>, ProbeError> {
        if self.is_key_proven {
            Ok(self.certificates)
        } else {
            Err(ProbeError::KeyUnproven {
                target: target.to_string(),
            })
        }
    }
}

/// Reads the certificates that a port presents: one TLS connection to the first address that
/// accepts. Resolving, connecting and the handshake take at most `timeout` each.
///
/// # Errors
/// When there is no address, no connection or no handshake, or a certificate cannot be parsed.
pub fn presented_chain(
    target: &Target,
    identity: Option<&Identity>,
    timeout: Duration,
) -> Result<PresentedChain, ProbeError> {
    let end = Instant::now() + timeout * super::probe::STEPS;
    let addresses = dial::resolve(target, timeout).map_err(|source| ProbeError::Unresolved {
        target: target.to_string(),
        source,
    })?;
    let (address, stream) =
        dial::connect_first(&addresses, timeout).map_err(|attempts| ProbeError::Unreached {
            target: target.to_string(),
            attempts,
        })?;
    let plan = Plan {
        target,
        // Servers of either protocol accept it.
        hello: Hello::HTTP,
        identity,
        then: Then::Close,
        step: timeout,
        end,
    };
    chain_of(Session::run(stream, address, &plan), target)
}

fn chain_of(session: Session, target: &Target) -> Result<PresentedChain, ProbeError> {
    let target = target.to_string();
    if session.certificates.is_empty() {
        return Err(ProbeError::handshake(target, session.outcome, None));
    }
    let is_key_proven = session.is_key_proven();
    let mut certificates = Vec::new();
    for served in session.certificates {
        match served.certificate {
            Ok(certificate) => certificates.push(certificate),
            Err(source) => {
                let place = certificates.len() + 1;
                return Err(ProbeError::Malformed {
                    target,
                    place,
                    source,
                });
            }
        }
    }
    if !is_key_proven && session.outcome != Outcome::Finished {
        return Err(ProbeError::handshake(target, session.outcome, None));
    }
    Ok(PresentedChain {
        address: session.address,
        version: session.version,
        certificates,
        is_key_proven,
    })
}

/// Why the certificates of a port cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The host name cannot be resolved.
    #[error("{target}: cannot resolve host: {source}")]
    Unresolved {
        /// The port.
        target: String,
        /// The resolver's reason.
        source: io::Error,
    },
    /// No address accepts a connection.
    #[error("{target}: cannot connect: {}", list(attempts))]
    Unreached {
        /// The port.
        target: String,
        /// The attempts.
        attempts: Vec<Attempt>,
    },
    /// The TLS handshake failed.
    #[error("{target}: {}", no_handshake(failure, plaintext.as_ref()))]
    Handshake {
        /// The port.
        target: String,
        /// The reason.
        failure: Failure,
        /// What the port speaks instead, if that was asked.
        plaintext: Option<Plaintext>,
    },
    /// A certificate cannot be parsed.
    #[error("{target}: certificate {place} of those presented cannot be parsed: {source}")]
    Malformed {
        /// The port.
        target: String,
        /// Its place, from 1.
        place: usize,
        /// The reason.
        source: CertificateError,
    },
    /// The server did not prove that it holds the private key.
    #[error("{target}: the server did not prove that it holds the private key of its certificate")]
    KeyUnproven {
        /// The port.
        target: String,
    },
}

impl ProbeError {
    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            ProbeError::Unresolved { .. } => "check the host name, or give an address".into(),
            ProbeError::Unreached { .. } => {
                "start the server, or check host, port and firewall".into()
            }
            ProbeError::Handshake { target, .. }
            | ProbeError::Malformed { target, .. }
            | ProbeError::KeyUnproven { target } => {
                format!("examine the port with `openagents-certs verify-chain --connect {target}`")
            }
        }
    }

    pub(super) fn handshake(
        target: String,
        outcome: Outcome,
        plaintext: Option<Plaintext>,
    ) -> Self {
        let failure = match outcome {
            Outcome::Failed(failure) => failure,
            Outcome::Finished => Failure::Misbehaved("the server presented no certificate".into()),
        };
        ProbeError::Handshake {
            target,
            failure,
            plaintext,
        }
    }
}

fn no_handshake(failure: &Failure, plaintext: Option<&Plaintext>) -> String {
    let recognized = match failure {
        Failure::NotTls(first) => Some(Plaintext::recognize(first)),
        Failure::TimedOut
        | Failure::Closed
        | Failure::Reset
        | Failure::Alert(_)
        | Failure::Incompatible(_)
        | Failure::Misbehaved(_)
        | Failure::TooMuch
        | Failure::System(_) => None,
    };
    match plaintext.or(recognized.as_ref()) {
        Some(Plaintext::Http2) => "the port speaks plaintext gRPC (HTTP/2), not TLS".into(),
        Some(Plaintext::Http1) => "the port speaks plaintext HTTP, not TLS".into(),
        Some(Plaintext::Ssh) => "the port speaks SSH, not TLS".into(),
        Some(Plaintext::Other(_) | Plaintext::Nothing) | None => {
            format!("TLS handshake failed: {failure}")
        }
    }
}

fn list(attempts: &[Attempt]) -> String {
    let texts: Vec<String> = attempts.iter().map(Attempt::to_string).collect();
    texts.join("; ")
}
