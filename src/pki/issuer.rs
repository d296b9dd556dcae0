//! What a certificate takes from its issuer's.

use super::certificate::Certificate;
use super::element::ElementError;
use super::extension::{KeyUsage, NameConstraints};
use super::name::DistinguishedName;
use super::plan::{BasicConstraints, IssuancePlan};
use super::validity::{Validity, ValidityError};

/// The parts of a CA's certificate that what it issues repeats or must keep within.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The CA's subject, byte for byte.
    pub subject: DistinguishedName,
    /// Its subject key identifier, whatever it was made of; its key's hash if it has none.
    pub key_identifier: Vec<u8>,
    /// If it is valid.
    pub validity: Validity,
    /// Whether it is a CA at all: basicConstraints with cA, and keyCertSign where it has a keyUsage.
    pub is_ca: bool,
    /// How many more CAs may follow below it; `None` for any number.
    pub path_length: Option<u64>,
    /// The names it may issue for.
    pub name_constraints: NameConstraints,
    /// Its public key, a DER SubjectPublicKeyInfo.
    pub public_key_info: Vec<u8>,
}

impl Issuer {
    /// What `certificate` gives to those it issues.
    ///
    /// # Errors
    /// If its public key or its dates cannot be read.
    pub fn of(certificate: &Certificate) -> Result<Self, IssuerError> {
        let malformed = |source| IssuerError::Extension { source };
        let public_key_info = certificate.public_key_info().to_vec();
        let own = super::plan::key_identifier(&public_key_info)
            .map_err(|source| IssuerError::PublicKey { source })?;
        let named = certificate.subject_key_identifier().map_err(malformed)?;
        let may_sign = certificate
            .key_usage()
            .map_err(malformed)?
            .is_none_or(|usage| usage.has(KeyUsage::KEY_CERT_SIGN));
        let constraints = certificate.basic_constraints().map_err(malformed)?;
        Ok(Issuer {
            subject: certificate.subject().clone(),
            key_identifier: named.unwrap_or(own),
            validity: Validity::between(certificate.not_before(), certificate.not_after())?,
            name_constraints: certificate
                .name_constraints()
                .map_err(malformed)?
                .unwrap_or_default(),
            path_length: constraints.and_then(|constraints| constraints.path_length),
            is_ca: certificate.is_ca().map_err(malformed)? && may_sign,
            public_key_info,
        })
    }

    /// What a self-signed certificate will give, as far as its plan says: without key.
    pub fn planned(plan: &IssuancePlan) -> Self {
        Issuer {
            subject: plan.subject.clone(),
            key_identifier: Vec::new(),
            validity: plan.validity,
            is_ca: true,
            name_constraints: NameConstraints::default(),
            path_length: match plan.basic_constraints {
                BasicConstraints::Ca { path_length } => path_length.map(u64::from),
                BasicConstraints::EndEntity => None,
            },
            public_key_info: Vec::new(),
        }
    }
}

/// Why a certificate cannot be issued under.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// Its public key is malformed.
    #[error("the public key of the certificate is malformed")]
    PublicKey {
        /// The decoder's error.
        source: ElementError,
    },
    /// It ends before it begins.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// One of the extensions that decide is malformed.
    #[error("an extension of the certificate is malformed")]
    Extension {
        /// The decoder's error.
        source: ElementError,
    },
}
