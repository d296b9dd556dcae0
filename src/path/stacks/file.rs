//! What is wrong with a certificate file by itself, whether or not a stack refuses it: what one stack
//! ignores today, another refuses tomorrow.

use std::collections::HashMap;

use super::load::what_else;
use super::pem::{Blocks, Dialect};
use super::{File, Stack};
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Rule, Severity};
use crate::pki::certificate::Certificate;
use crate::pki::element::Element;
use crate::pki::public_key::KeyKind;
use crate::pki::{bundle, pem};

/// What is wrong with the contents of a certificate file in this role; nothing for a key file.
pub(super) fn examine(file: File, octets: &[u8]) -> Vec<Finding> {
    let mut report = Report::default();
    match file {
        File::ServerKey | File::ClientKey => return Vec::new(),
        File::ServerCertificate | File::ClientCertificate => {
            let certificates = report.read(octets);
            report.order(&certificates);
        }
        File::ClientRoots | File::ServerRoots => {
            let certificates = report.read(octets);
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
    fn read(&mut self, octets: &[u8]) -> Vec<Certificate> {
        let has_mark = pem::has_byte_order_mark(octets);
        if has_mark {
            self.add("file-byte-order-mark", Severity::Error, None);
        }
        let text = octets.strip_prefix(BYTE_ORDER_MARK).unwrap_or(octets);
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
            let (id, found) = what_else(octets);
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
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named_for_what_it_is() {
        for (octets, id) in [
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
            let findings = examine(File::ClientRoots, octets);
            assert_eq!(findings[0].id, id);
        }
        assert!(examine(File::ServerKey, b"").is_empty());
    }
}
