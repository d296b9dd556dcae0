//! What a certificate takes from its issuer's.

use x509_parser::extensions::ParsedExtension;

use super::certificate::Certificate;
use super::name::DistinguishedName;
use super::plan::IssuancePlan;
use super::validity::Validity;

/// The parts of a CA's certificate that what it issues repeats or must keep within.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The CA's subject, byte for byte.
    pub subject: DistinguishedName,
    /// Its subject key identifier, whatever it was made of; its key's hash where it has none.
    pub key_identifier: Vec<u8>,
    /// When it is valid.
    pub validity: Validity,
    /// Whether it is a CA at all: basicConstraints with cA, and keyCertSign where it has a keyUsage.
    pub is_ca: bool,
    /// Its public key, a DER SubjectPublicKeyInfo.
    pub public_key_info: Vec<u8>,
}

impl Issuer {
    /// What `certificate` gives to those it issues.
    ///
    /// # Errors
    /// When its public key or its dates cannot be read.
    pub fn of(certificate: &Certificate) -> Result<Self, IssuerError> {
        let fields = certificate.fields();
        let public_key_info = fields.public_key().raw.to_vec();
        let own = super::plan::key_identifier(&public_key_info)
            .map_err(|source| IssuerError::PublicKey { source })?;
        let mut issuer = Issuer {
            subject: certificate.subject(),
            key_identifier: own,
            validity: Validity::between(
                fields.validity().not_before.to_datetime(),
                fields.validity().not_after.to_datetime(),
            ),
            is_ca: false,
            public_key_info,
        };
        let mut may_sign = true;
        for extension in fields.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(identifier) => {
                    issuer.key_identifier = identifier.0.to_vec()
                }
                ParsedExtension::BasicConstraints(constraints) => issuer.is_ca = constraints.ca,
                ParsedExtension::KeyUsage(usage) => may_sign = usage.key_cert_sign(),
                _ => {}
            }
        }
        issuer.is_ca &= may_sign;
        Ok(issuer)
    }

    /// What a self-signed certificate will give, as far as its plan says: without key.
    pub fn planned(plan: &IssuancePlan) -> Self {
        Issuer {
            subject: plan.subject.clone(),
            key_identifier: Vec::new(),
            validity: plan.validity,
            is_ca: true,
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
        /// What the decoder says.
        source: der::Error,
    },
}
