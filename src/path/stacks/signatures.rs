//! Signatures, each checked once.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::path::algorithm::Scheme;
use crate::path::candidate::Candidate;
use crate::path::signature::{self, Outcome};

/// Signatures that were checked already, by signed certificate and signing key.
#[derive(Default)]
pub(super) struct Signatures(RefCell<HashMap<SignedBy, Outcome>>);

/// A signed certificate and the key that is to have signed it.
type SignedBy = (Vec<u8>, Vec<u8>);

impl Signatures {
    pub(super) fn check(&self, child: &Candidate<'_>, issuer: &Candidate<'_>) -> Outcome {
        let certificate = child.certificate;
        let key_info = issuer.certificate.public_key_info();
        let place = (certificate.as_der().to_vec(), key_info.to_vec());
        let mut known = self.0.borrow_mut();
        *known.entry(place).or_insert_with(|| {
            signature::check(
                Scheme::of(certificate),
                &issuer.public_key(),
                certificate.to_be_signed(),
                certificate.signature(),
            )
        })
    }
}
