//! Several certificates in one file.

use std::borrow::Borrow;
use std::collections::HashMap;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;

use super::certificate::{Certificate, CertificateError};
use super::document::{is_der, unreadable};
use super::element::{Element, ElementError, INTEGER, SEQUENCE, SET, context_constructed};
use super::encoding::{element, oid, sequence};
use super::escape::Escaped;
use super::general_name::object_identifier;
use super::oid::known_oid;
use super::pem::{self, Block, MAX_BLOCKS, PemError};

/// The certificates of a file, and what else was in it.
#[derive(Debug)]
pub struct Bundle {
    /// The certificates in their order; at least one.
    pub certificates: Vec<Certificate>,
    /// How many private keys stand among them.
    pub private_keys: usize,
    /// The labels of the PEM blocks that are neither.
    pub others: Vec<String>,
    /// Whether a byte order mark stands before all, which some stacks stumble over.
    pub byte_order_mark: bool,
}

impl Bundle {
    /// Reads PEM or DER.
    ///
    /// # Errors
    /// If there is no certificate in it, or any block or certificate is broken.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        if is_der(bytes) {
            let certificate = Certificate::from_der(bytes.to_vec());
            return Ok(Bundle {
                certificates: vec![certificate.map_err(|source| BundleError::Der { source })?],
                private_keys: 0,
                others: Vec::new(),
                byte_order_mark: false,
            });
        }
        let mut bundle = Bundle {
            certificates: Vec::new(),
            private_keys: 0,
            others: Vec::new(),
            byte_order_mark: pem::has_byte_order_mark(bytes),
        };
        for block in pem::blocks(bytes)? {
            bundle.take(block)?;
        }
        if bundle.certificates.is_empty() {
            return Err(bundle.none(bytes));
        }
        Ok(bundle)
    }

    fn take(&mut self, block: Block) -> Result<(), BundleError> {
        if CERTIFICATE_LABELS.contains(&block.label.as_str()) {
            let certificate = Certificate::from_der(block.contents.to_vec());
            self.certificates
                .push(certificate.map_err(|source| BundleError::Certificate {
                    line: block.line,
                    source,
                })?);
        } else if block.is_private_key() {
            if Certificate::from_der(block.contents.to_vec()).is_ok() {
                return Err(BundleError::Label {
                    line: block.line,
                    label: block.label,
                });
            }
            self.private_keys += 1;
        } else {
            self.others.push(block.label);
        }
        Ok(())
    }

    fn none(self, bytes: &[u8]) -> BundleError {
        if self.private_keys > 0 {
            return BundleError::Other {
                label: "PRIVATE KEY".into(),
            };
        }
        match self.others.into_iter().next() {
            Some(label) => BundleError::Other { label },
            None => BundleError::Nothing {
                what: unreadable(bytes),
            },
        }
    }
}

/// The certificates of a file in PEM or DER, in their order; at least one.
///
/// # Errors
/// As [`Bundle::read`].
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, BundleError> {
    Bundle::read(bytes).map(|bundle| bundle.certificates)
}

/// Why a file gives no certificates.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A block is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A block holds no certificate, though its label says so.
    #[error("line {line}: {source}")]
    Certificate {
        /// The line of its BEGIN.
        line: usize,
        /// The fault.
        source: CertificateError,
    },
    /// A certificate under the label of something else.
    #[error("line {line}: a certificate under the label {}", Escaped(label))]
    Label {
        /// The line of its BEGIN.
        line: usize,
        /// The label.
        label: String,
    },
    /// DER, but no certificate.
    #[error(transparent)]
    Der {
        /// The fault.
        source: CertificateError,
    },
    /// Only other things.
    #[error("no certificate in it, but a {}", Escaped(label))]
    Other {
        /// The label of the first.
        label: String,
    },
    /// Neither PEM nor DER.
    #[error("no certificate in it: {what}")]
    Nothing {
        /// What it looks like.
        what: &'static str,
    },
}

/// Which certificate of a bundle stands in which relation to the others; indices count from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relations {
    /// For each certificate the one that issued it, going by names and key identifiers; itself
    /// when it is self-issued, and `None` if its issuer is not there.
    pub issuers: Vec<Option<usize>>,
    /// For each certificate the earlier one that it is a copy of.
    pub copy_of: Vec<Option<usize>>,
    /// The first certificate that stands before one that it issued, which TLS servers must not send so.
    pub misplaced: Option<usize>,
}

/// How the certificates of a bundle go together. In time linear in their number, but for copies
/// of one name. Does not check signatures.
pub fn relations<C: Borrow<Certificate>>(certificates: &[C]) -> Relations {
    let certificates: Vec<&Certificate> = certificates.iter().map(C::borrow).collect();
    let mut by_subject: HashMap<_, Vec<usize>> = HashMap::new();
    let mut by_der = HashMap::new();
    let mut relations = Relations::default();
    for (i, certificate) in certificates.iter().enumerate() {
        let first = *by_der.entry(certificate.as_der()).or_insert(i);
        relations.copy_of.push((first != i).then_some(first));
        if first == i {
            by_subject.entry(certificate.subject()).or_default().push(i);
        }
    }
    for (i, certificate) in certificates.iter().enumerate() {
        let namesakes = by_subject
            .get(certificate.issuer())
            .map_or(&[][..], Vec::as_slice);
        let considered = &namesakes[..namesakes.len().min(MAX_NAMESAKES)];
        let fitting = |j: &&usize| key_identifiers_fit(certificate, certificates[**j]);
        let itself = relations.copy_of[i].unwrap_or(i);
        let issuer = considered
            .iter()
            .filter(fitting)
            .max_by_key(|j| **j == itself)
            .copied();
        relations.issuers.push(issuer);
        if let Some(issuer) = issuer
            && issuer < i
            && relations.copy_of[i].is_none()
        {
            relations.misplaced = Some(relations.misplaced.map_or(issuer, |m| m.min(issuer)));
        }
    }
    relations
}

/// Whether nothing in the key identifiers keeps `issuer` from being the issuer's certificate.
fn key_identifiers_fit(certificate: &Certificate, issuer: &Certificate) -> bool {
    let wanted = certificate
        .authority_key_identifier()
        .ok()
        .flatten()
        .and_then(|a| a.key_identifier);
    let there = issuer.subject_key_identifier().ok().flatten();
    match (wanted, there) {
        (Some(wanted), Some(there)) => wanted == there,
        (None, _) | (_, None) => true,
    }
}

const CERTIFICATE_LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];
const MAX_NAMESAKES: usize = 64;

/// The DER of the certificates and of the revocation lists in a SignedData
/// ([RFC 5652 §5.1](https://www.rfc-editor.org/rfc/rfc5652#section-5.1)), as `.p7b` files are.
///
/// Whatever is signed is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedData {
    /// The certificates, in the order they are there.
    pub certificates: Vec<Vec<u8>>,
    /// The revocation lists.
    pub revocation_lists: Vec<Vec<u8>>,
}

impl SignedData {
    /// Reads DER.
    ///
    /// # Errors
    /// If it is not a SignedData, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, ElementError> {
        let info = Element::only(der, SEQUENCE, "the PKCS #7")?;
        let mut parts = info.children();
        let kind = object_identifier(&mut parts, "its content's type")?;
        if kind != SIGNED_DATA {
            return Err(ElementError::Content {
                what: "its content's type",
            });
        }
        let wrapper = parts.next(context_constructed(0), "its content")?;
        parts.end("its content")?;
        let content = Element::only(wrapper.content, SEQUENCE, "signedData")?;
        let mut fields = content.children();
        fields.next(INTEGER, "version")?;
        fields.next(SET, "digestAlgorithms")?;
        fields.next(SEQUENCE, "encapContentInfo")?;
        let certificates = fields.optional(context_constructed(0), "certificates")?;
        let revocation_lists = fields.optional(context_constructed(1), "crls")?;
        fields.next(SET, "signerInfos")?;
        fields.end("signerInfos")?;
        Ok(SignedData {
            certificates: members(certificates)?,
            revocation_lists: members(revocation_lists)?,
        })
    }
}

/// The DER of a SignedData that only carries certificates ("certs-only",
/// [RFC 5652 §5.2](https://www.rfc-editor.org/rfc/rfc5652#section-5.2)), in their order.
pub fn certificates_only<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let certificates: Vec<&[u8]> = certificates.into_iter().collect();
    let empty = element(SET, &[]);
    let signed_data = sequence(&[
        &[INTEGER, 1, 1],
        &empty,
        &sequence(&[&oid(DATA)]),
        &element(context_constructed(0), &certificates),
        &empty,
    ]);
    let content = element(context_constructed(0), &[&signed_data]);
    sequence(&[&oid(SIGNED_DATA), &content])
}

/// id-data (RFC 5652 §4).
pub(crate) const DATA: KnownObjectIdentifier = known_oid("1.2.840.113549.1.7.1");

/// id-signedData (RFC 5652 §5.1).
pub(crate) const SIGNED_DATA: KnownObjectIdentifier = known_oid("1.2.840.113549.1.7.2");

/// The members of a set that are SEQUENCEs; other kinds of certificate, which no one uses, are tagged.
fn members(set: Option<Element<'_>>) -> Result<Vec<Vec<u8>>, ElementError> {
    let Some(set) = set else {
        return Ok(Vec::new());
    };
    let members = set
        .children()
        .each_tagged(SEQUENCE, "a member", |element| Ok(element.whole.to_vec()))?;
    if members.len() > MAX_BLOCKS {
        return Err(ElementError::TooMany { what: "members" });
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_written_are_read_back_in_order() {
        let certificates = [[2, 1], [1, 2]].map(|number| sequence(&[&[INTEGER, 2], &number]));
        let der = certificates_only(certificates.iter().map(Vec::as_slice));
        let read = SignedData::from_der(&der).unwrap();
        assert_eq!(read.certificates, certificates);
        assert!(SignedData::from_der(&certificates_only([])).is_ok());
    }
}
