//! A request for a certificate that will be signed.

use der::{Encode, Tag, TagNumber};

use super::encoding::{element, extension, general_names};
use super::name::DistinguishedName;
use super::plan::{BasicConstraints, KeyUsage};
use super::san::SubjectAltName;

/// Everything a PKCS #10 request will say but for its public key
/// ([RFC 2986 §4](https://www.rfc-editor.org/rfc/rfc2986#section-4)).
#[derive(Clone, Debug)]
pub struct CsrPlan {
    /// The subject; empty when the names alone identify it.
    pub subject: DistinguishedName,
    /// The names it asks for.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Whether it asks for a CA's certificate.
    pub basic_constraints: BasicConstraints,
}

impl CsrPlan {
    /// The DER of the CertificationRequestInfo for this public key (a DER SubjectPublicKeyInfo).
    ///
    /// # Errors
    /// When it is too long for DER.
    pub fn to_be_signed(&self, subject_public_key_info: &[u8]) -> der::Result<Vec<u8>> {
        let mut extensions = Vec::new();
        if !self.subject_alt_names.is_empty() {
            extensions.push(extension(
                "2.5.29.17",
                self.subject.is_empty(),
                general_names(&self.subject_alt_names)?,
            )?);
        }
        if let BasicConstraints::Ca { .. } = self.basic_constraints {
            extensions.push(extension(
                "2.5.29.19",
                true,
                self.basic_constraints.to_der()?,
            )?);
            extensions.push(extension("2.5.29.15", true, KeyUsage::Ca.to_der()?)?);
        }
        let attributes = if extensions.is_empty() {
            Vec::new()
        } else {
            let values = element(Tag::Set, &element(Tag::Sequence, &extensions.concat())?)?;
            element(
                Tag::Sequence,
                &[EXTENSION_REQUEST.to_der()?, values].concat(),
            )?
        };
        let attributes_tag = Tag::ContextSpecific {
            constructed: true,
            number: TagNumber(0),
        };
        let fields = [
            0_u8.to_der()?,
            self.subject.as_der().to_vec(),
            subject_public_key_info.to_vec(),
            element(attributes_tag, &attributes)?,
        ];
        element(Tag::Sequence, &fields.concat())
    }
}

/// extensionRequest (RFC 2985 §5.4.2).
const EXTENSION_REQUEST: const_oid::ObjectIdentifier =
    const_oid::ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
