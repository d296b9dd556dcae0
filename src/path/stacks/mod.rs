//! How the TLS stacks of gRPC handle the files of a `grpcs://` setup: grpc-core (BoringSSL), grpc-js
//! (Node's OpenSSL) and tonic (rustls), each as a client and as a server.
//!
//! ```text
//! bytes ─► reading (each stack's PEM) ─► chain ─► checks ─► Outcome for each pair, Findings
//!                                         quirks.rs: where each differs from RFC 5280
//! ```
//! Certificates, signatures, names and policies are those of the engine. This module adds what a stack
//! checks, in which order, and what it ignores.

mod chain;
mod file;
mod load;
mod name_check;
mod openssl;
mod pem;
mod quirks;
mod reading;
mod side;
mod text;
mod tonic;
mod verdict;

use serde::Serialize;
use time::OffsetDateTime;

use super::finding::Finding;

pub use file::{KeyBlock, KeyFile, KeyForm, KeyLookup};
pub use pem::{PrivateKeyBlock, private_key_block};

/// A TLS stack that gRPC programs run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stack {
    /// grpcio of Python, C++ and others: BoringSSL.
    GrpcCore,
    /// @grpc/grpc-js on Node: OpenSSL 3.0.
    GrpcJs,
    /// tonic: rustls with ring.
    Tonic,
}

impl Stack {
    /// All of them.
    pub const ALL: [Stack; 3] = [Stack::GrpcCore, Stack::GrpcJs, Stack::Tonic];
}

impl std::fmt::Display for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stack::GrpcCore => "grpc-core",
            Stack::GrpcJs => "grpc-js",
            Stack::Tonic => "tonic",
        })
    }
}

/// The files of a setup, byte for byte. A side that is not known is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup<'a> {
    /// The server's files.
    pub server: Option<ServerFiles<'a>>,
    /// The client's files.
    pub client: Option<ClientFiles<'a>>,
    /// The host name or address the client dials, without port and brackets. `None` if it is not known:
    /// then names are not checked.
    pub host: Option<&'a str>,
}

/// A server's files.
#[derive(Clone, Copy, Debug)]
pub struct ServerFiles<'a> {
    /// Its certificate chain file.
    pub certificate: &'a [u8],
    /// Its private key file; `None` if it is not available, and assumed to fit.
    pub key: Option<&'a KeyFile>,
    /// The CAs whose client certificates it accepts; `None` if it does not ask for one.
    pub client_roots: Option<&'a [u8]>,
}

/// A client's files.
#[derive(Clone, Copy, Debug)]
pub struct ClientFiles<'a> {
    /// The CAs it trusts; `None` if the file is not available, so that servers cannot be judged.
    pub roots: Option<&'a [u8]>,
    /// Its own certificate, if it has one.
    pub identity: Option<Identity<'a>>,
}

/// A client's certificate and key.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The certificate chain file.
    pub certificate: &'a [u8],
    /// The private key file; `None` if it is not available, and assumed to fit.
    pub key: Option<&'a KeyFile>,
}

/// Whether a client and a server connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The client's stack.
    pub client: Stack,
    /// The server's stack.
    pub server: Stack,
    /// Whether the server starts; `None` if its files are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_starts: Option<bool>,
    /// The server's message if it does not start, or refuses the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_error: Option<String>,
    /// Whether a call succeeds; `None` if a side is not known and the other has no fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connects: Option<bool>,
    /// The client's message if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_error: Option<String>,
}

/// The outcomes of all pairs of stacks, and why.
#[derive(Clone, Debug)]
pub struct Verdicts {
    /// One for each pair, the clients in their order and for each of them the servers.
    pub outcomes: Vec<Outcome>,
    /// Why something fails, each cause once; the one that affects most pairs first.
    pub causes: Vec<Cause>,
}

/// Why stacks fail.
#[derive(Clone, Debug, Serialize)]
pub struct Cause {
    /// What is wrong.
    #[serde(flatten)]
    pub finding: Finding,
    /// The file it is about: `server.crt`, `server.key`, `ca.crt`, `client.crt`, `client.key` or `client-ca.crt`.
    pub file: File,
    /// The stacks that fail.
    pub affects: Vec<Affected>,
}

/// A stack in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Affected {
    /// The stack.
    pub stack: Stack,
    /// The role in which it refuses.
    pub role: Side,
}

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The one that dials.
    Client,
    /// The one that listens.
    Server,
}

/// A file of a setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum File {
    /// The server's certificate chain.
    ServerCertificate,
    /// The server's private key.
    ServerKey,
    /// The CAs the client trusts.
    #[serde(rename = "ca")]
    ClientRoots,
    /// The client's certificate chain.
    ClientCertificate,
    /// The client's private key.
    ClientKey,
    /// The CAs the server trusts.
    #[serde(rename = "client_ca")]
    ServerRoots,
}

/// Judges each client with each server at this time.
pub fn judge(setup: &Setup<'_>, at: OffsetDateTime) -> Verdicts {
    verdict::judge(setup, at, &Stack::ALL, &Stack::ALL)
}

/// Judges this client with this server at this time: one outcome, and its causes.
pub fn judge_pair(setup: &Setup<'_>, at: OffsetDateTime, client: Stack, server: Stack) -> Verdicts {
    verdict::judge(setup, at, &[client], &[server])
}

/// Examines a certificate file by itself, whether or not a stack refuses it: its encoding, damaged
/// blocks, other contents, the order of a chain, anchors of one name. Key files are judged with their
/// certificate.
pub fn examine_file(file: File, octets: &[u8]) -> Vec<Finding> {
    file::examine(file, octets)
}
