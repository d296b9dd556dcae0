//! A certificate that may take part in a path.

use std::sync::OnceLock;

use super::distinguished_name::is_same;
use super::extension::Extensions;
use super::public_key::PublicKey;
use crate::pki::certificate::Certificate;

/// A certificate with what was worked out about it, each thing at most once.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) certificate: &'a Certificate,
    /// Numbers that stand for subject and issuer: equal names have equal numbers.
    pub(super) subject: usize,
    pub(super) issuer: usize,
    extensions: OnceLock<Extensions>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(certificate: &'a Certificate, subject: usize, issuer: usize) -> Self {
        Candidate {
            certificate,
            subject,
            issuer,
            extensions: OnceLock::new(),
        }
    }

    /// A certificate whose names are compared with each other only.
    pub(super) fn alone(certificate: &'a Certificate) -> Self {
        let is_self_issued = is_same(certificate.subject(), certificate.issuer());
        Candidate::new(certificate, 0, usize::from(!is_self_issued))
    }

    pub(super) fn extensions(&self) -> &Extensions {
        self.extensions
            .get_or_init(|| Extensions::read(self.certificate))
    }

    pub(super) fn public_key(&self) -> PublicKey<'a> {
        PublicKey::read(self.certificate.public_key_info())
    }

    /// Whether subject and issuer are the same name.
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}
