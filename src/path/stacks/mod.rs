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
mod load;
mod name_check;
mod openssl;
mod pem;
mod quirks;
mod reading;
mod side;
mod svid;
mod text;
mod tonic;
mod verdict;

use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::finding::{CertificateReference, Evidence, Finding, Role, Rule, Severity};
use crate::pki::bundle;
use crate::pki::certificate::Certificate;
use crate::pki::element::Element;
use crate::pki::pem::has_byte_order_mark;
use crate::pki::public_key::KeyKind;
use load::what_else;
use pem::{Blocks, Dialect};

pub use pem::{PrivateKeyBlock, private_key_block};
pub use svid::examine_svids;

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
pub fn examine_file(file: File, bytes: &[u8]) -> Vec<Finding> {
    let mut report = Report::default();
    match file {
        File::ServerKey | File::ClientKey => return Vec::new(),
        File::ServerCertificate | File::ClientCertificate => {
            let certificates = report.read(bytes);
            report.order(&certificates);
        }
        File::ClientRoots | File::ServerRoots => {
            let certificates = report.read(bytes);
            report.namesakes(&certificates);
        }
    }
    report.findings
}

#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// The certificates that at least one stack reads.
    fn read(&mut self, bytes: &[u8]) -> Vec<Certificate> {
        let has_mark = has_byte_order_mark(bytes);
        if has_mark {
            self.add("file-byte-order-mark", Severity::Error, None);
        }
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let mut certificates = Vec::new();
        for (place, block) in Blocks::new(Dialect::BoringSsl, text).enumerate() {
            let block = match block {
                Ok(block) => block,
                Err(fault) => {
                    let (id, severity) = match certificates.is_empty() {
                        true => ("pem-broken", Severity::Error),
                        false => ("pem-broken-later", Severity::Warning),
                    };
                    let found = format!("block {}: {}", place + 1, fault.clause());
                    self.add(id, severity, Some(found));
                    break;
                }
            };
            match block.label.as_str() {
                "CERTIFICATE" => {}
                "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                    self.add("pem-label", Severity::Error, Some(block.label.clone()));
                }
                label => {
                    if label.ends_with("PRIVATE KEY") {
                        self.add("private-key-beside", Severity::Warning, Some(label.into()));
                    }
                    continue;
                }
            }
            match certificate(&block.contents) {
                Some(certificate) => certificates.push(certificate),
                None => {
                    let found = format!("block {}", place + 1);
                    self.add("certificate-unreadable", Severity::Error, Some(found));
                }
            }
        }
        if certificates.is_empty() && self.findings.is_empty() {
            let (id, found) = what_else(bytes);
            self.add(id, Severity::Error, Some(found));
        }
        certificates
    }

    /// Checks that the end entity comes first, and each issuer after the certificate it issued.
    fn order(&mut self, certificates: &[Certificate]) {
        let relations = bundle::relations(certificates);
        if let Some(place) = relations.misplaced {
            let severity = if place == 0 {
                Severity::Error
            } else {
                Severity::Warning
            };
            self.about("chain-order", severity, certificates, place);
        }
        let copy = relations.copy_of.iter().position(Option::is_some);
        if let Some(place) = copy {
            self.about("certificate-twice", Severity::Warning, certificates, place);
        }
    }

    /// Checks that no name has several keys.
    fn namesakes(&mut self, certificates: &[Certificate]) {
        let mut keys: HashMap<_, &[u8]> = HashMap::new();
        for (place, certificate) in certificates.iter().enumerate() {
            let key = certificate.public_key_info();
            let first = *keys.entry(certificate.subject()).or_insert(key);
            if first != key {
                self.about("anchors-one-name", Severity::Warning, certificates, place);
                return;
            }
        }
    }

    fn about(&mut self, id: &str, severity: Severity, certificates: &[Certificate], place: usize) {
        let Some(certificate) = certificates.get(place) else {
            return;
        };
        let role = if place == 0 {
            Role::EndEntity
        } else {
            Role::Intermediate
        };
        let reference = CertificateReference::new(role, place, certificate.subject());
        let finding = Finding::new(Rule::named(id), severity, Some(reference), None);
        self.findings.push(finding);
    }

    fn add(&mut self, id: &str, severity: Severity, found: Option<String>) {
        if self.findings.len() < MAX_FINDINGS {
            let evidence = found.map(Evidence::found);
            self.findings
                .push(Finding::new(Rule::named(id), severity, None, evidence));
        }
    }
}

/// The certificate of a block, if nothing follows it.
fn certificate(contents: &[u8]) -> Option<Certificate> {
    let (element, rest) = Element::first(contents, "the certificate").ok()?;
    let certificate = Certificate::from_der(element.whole.to_vec()).ok()?;
    rest.is_empty().then_some(certificate)
}

/// A private key file as each stack reads it: they do not agree where the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// What grpc-core finds.
    pub grpc_core: KeyLookup,
    /// What grpc-js finds.
    pub grpc_js: KeyLookup,
    /// What tonic finds.
    pub tonic: KeyLookup,
    /// Whether the file is empty.
    pub is_empty: bool,
}

impl KeyFile {
    /// What this stack finds.
    pub fn lookup(&self, stack: Stack) -> &KeyLookup {
        match stack {
            Stack::GrpcCore => &self.grpc_core,
            Stack::GrpcJs => &self.grpc_js,
            Stack::Tonic => &self.tonic,
        }
    }
}

/// The result of looking for a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLookup {
    /// No block of a private key: another encoding, another label, or nothing.
    Nothing {
        /// What is there instead, as a clause.
        instead: String,
    },
    /// A block that cannot be read, or one before it.
    Broken {
        /// Why, as a clause.
        why: String,
    },
    /// A key.
    Key(KeyBlock),
}

/// A block of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBlock {
    /// Its encoding.
    pub form: KeyForm,
    /// The kind of key, if it can be read.
    pub kind: Option<KeyKind>,
    /// Its public half as a DER SubjectPublicKeyInfo, if it is known.
    pub public_key_info: Option<Vec<u8>>,
    /// Whether rustls with ring accepts it; `None` if it was not asked.
    pub rustls_takes_it: Option<bool>,
}

/// The encoding of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// RSAPrivateKey.
    Pkcs1,
    /// ECPrivateKey.
    Sec1,
    /// PrivateKeyInfo.
    Pkcs8,
    /// OneAsymmetricKey of version 2, with the public key in it.
    Pkcs8WithPublicKey,
    /// Encrypted in any way.
    Encrypted,
    /// Not a readable key.
    Unreadable,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const MAX_FINDINGS: usize = 32;

#[cfg(test)]
mod file_tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named_for_what_it_is() {
        for (bytes, id) in [
            (&b""[..], "file-empty"),
            (b"\xff\xfe-\0", "file-utf16"),
            (b"\x30\x03\x02\x01\x00", "file-der"),
            (b"hello", "pem-missing"),
            (b"  -----BEGIN CERTIFICATE-----\n  AAEC\n", "pem-indented"),
            (b"-----BEGIN CERTIFICATE-----\nAAEC\n", "pem-broken"),
            (
                b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n",
                "certificate-unreadable",
            ),
            (
                b"-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----\n",
                "private-key-beside",
            ),
        ] {
            let findings = examine_file(File::ClientRoots, bytes);
            assert_eq!(findings[0].id, id);
        }
        assert!(examine_file(File::ServerKey, b"").is_empty());
    }
}
