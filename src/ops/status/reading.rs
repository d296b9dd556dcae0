//! What a file contains or a port serves: certificates with their chains, and CRLs.

use std::path::Path;
use std::time::Duration;

use crate::error::{ContentError, Error};
use crate::files;
use crate::net::{Target, presented_chain};
use crate::pki::bundle::{BundleError, SignedData, relations};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::document::{Document, DocumentError, Kind, Part, unreadable};

/// The contents of a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The roots and the certificates that issued no other in the file, each with those above it.
    pub(super) chains: Vec<Chain>,
    /// The CRLs.
    pub(super) revocation_lists: Vec<RevocationList>,
}

/// A certificate and those above it in its file, nearest first.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) certificate: Certificate,
    pub(super) above: Vec<Certificate>,
}

impl Chain {
    /// The certificates that a port serves.
    ///
    /// # Errors
    /// When it cannot be reached, speaks no TLS, or does not prove that it has the private key.
    pub(super) fn served(port: &str) -> Result<Self, Error> {
        let target: Target = port.parse()?;
        if target.scheme().is_some_and(|scheme| !scheme.is_tls()) {
            return Err(Error::Usage {
                message: format!("{target}: a port without TLS serves no certificate"),
                hint: "give grpcs://HOST:PORT, https://HOST:PORT or HOST:PORT".into(),
            });
        }
        let mut presented = presented_chain(&target, None, PATIENCE)?.proven(&target)?;
        let certificate = presented.remove(0);
        Ok(Chain {
            certificate,
            above: presented,
        })
    }
}

impl Content {
    /// Reads a file. One that was not named may contain only keys and the like, and is then empty.
    pub(super) fn read(path: &Path, is_named: bool) -> Result<Self, Error> {
        let octets = files::read(path)?;
        let failed = |line, source| Error::Content {
            path: path.to_owned(),
            line,
            source,
        };
        let document = match Document::read(&octets) {
            Ok(document) => document,
            Err(DocumentError::Nothing { .. }) => return Err(nothing(path, None, &octets)),
            Err(error) => return Err(failed(None, error.into())),
        };
        let mut certificates = Vec::new();
        let mut content = Content::default();
        for part in &document.parts {
            content
                .take(part, &mut certificates)
                .map_err(|source| failed(part.line(), source))?;
        }
        let is_empty = certificates.is_empty() && content.revocation_lists.is_empty();
        if is_empty && is_named {
            return Err(nothing(path, document.parts.first(), &octets));
        }
        content.chains = chains(certificates);
        Ok(content)
    }

    fn take(
        &mut self,
        part: &Part,
        certificates: &mut Vec<Certificate>,
    ) -> Result<(), ContentError> {
        let der = part.contents();
        match part.kind() {
            Kind::Certificate => certificates.push(Certificate::from_der(der.to_vec())?),
            Kind::RevocationList => self
                .revocation_lists
                .push(RevocationList::from_der(der.to_vec())?),
            Kind::Pkcs7 => {
                let data = SignedData::from_der(der)?;
                for der in data.certificates {
                    certificates.push(Certificate::from_der(der)?);
                }
                for der in data.revocation_lists {
                    self.revocation_lists.push(RevocationList::from_der(der)?);
                }
            }
            Kind::TrustedCertificate
            | Kind::SigningRequest
            | Kind::PublicKey
            | Kind::RsaPublicKey
            | Kind::PrivateKey
            | Kind::EncryptedPrivateKey
            | Kind::OpenSshPrivateKey
            | Kind::Pkcs12
            | Kind::Other => {}
        }
        Ok(())
    }
}

/// Each root and each certificate that issued no other, with those above it.
pub(super) fn chains(certificates: Vec<Certificate>) -> Vec<Chain> {
    let relations = relations(&certificates);
    let mut has_issued = vec![false; certificates.len()];
    for (i, issuer) in relations.issuers.iter().enumerate() {
        match issuer {
            Some(issuer) if *issuer != i => has_issued[*issuer] = true,
            Some(_) | None => {}
        }
    }
    let above = |mut i: usize| {
        let mut above = Vec::new();
        while let Some(issuer) = relations.issuers[i]
            && issuer != i
            && above.len() < MAX_ABOVE
        {
            above.push(certificates[issuer].clone());
            i = issuer;
        }
        above
    };
    let heads = (0..certificates.len()).filter(|i| relations.copy_of[*i].is_none());
    let mut chains: Vec<Chain> = heads
        .filter(|i| !has_issued[*i] || certificates[*i].is_self_issued())
        .map(|i| Chain {
            certificate: certificates[i].clone(),
            above: above(i),
        })
        .collect();
    if chains.is_empty() {
        // Certificates that issued each other in a ring.
        chains.extend(certificates.into_iter().map(|certificate| Chain {
            certificate,
            above: Vec::new(),
        }));
    }
    chains
}

/// The error for a file without certificates and CRLs.
fn nothing(path: &Path, first: Option<&Part>, octets: &[u8]) -> Error {
    let source = match first {
        Some(part) => BundleError::Other {
            label: part.kind().title().into(),
        },
        None => BundleError::Nothing {
            what: unreadable(octets),
        },
    };
    Error::Bundle {
        path: path.to_owned(),
        source,
    }
}

/// More than any path has.
const MAX_ABOVE: usize = 16;
/// The timeout of each step of a connection.
const PATIENCE: Duration = Duration::from_secs(5);
