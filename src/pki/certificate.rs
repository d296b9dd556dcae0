//! A certificate as it is read.

use std::ops::Range;

use time::OffsetDateTime;

use super::algorithm::AlgorithmIdentifier;
use super::element::{
    BIT_STRING, Element, ElementError, Elements, INTEGER, SEQUENCE, context, context_constructed,
    small_integer, whole_bits,
};
use super::extension::{
    AUTHORITY_KEY_IDENTIFIER, AuthorityKeyIdentifier, BASIC_CONSTRAINTS, BasicConstraints,
    EXTENDED_KEY_USAGE, Extension, KEY_USAGE, KeyUsage, NAME_CONSTRAINTS, NameConstraints,
    SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER, alt_names, extended_key_usages,
    subject_key_identifier,
};
use super::general_name::GeneralName;
use super::name::DistinguishedName;
use super::oid::ObjectIdentifier;
use super::plan::{self, IssuancePlan};
use super::serial::SerialNumber;
use super::validity::{Moment, MomentError, Validity, ValidityError};

/// A certificate that was read: DER with nothing behind it, of the structure
/// [RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1) gives it, whose dates are dates.
///
/// What is odd but can be shown is read all the same; `path::certificate_problems` lists it, and who
/// judges a certificate must look there first. Says nothing about whether it is to be trusted.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    to_be_signed: Range<usize>,
    version: u8,
    serial: SerialNumber,
    inner_algorithm: Range<usize>,
    issuer: DistinguishedName,
    not_before: Moment,
    not_after: Moment,
    subject: DistinguishedName,
    public_key_info: Range<usize>,
    has_unique_identifiers: bool,
    extensions: Vec<Extension>,
    outer_algorithm: Range<usize>,
    signature_algorithm: AlgorithmIdentifier,
    signature: Range<usize>,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// If it is not a certificate, something follows it, or one of its dates is none.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let mut elements = Elements::new(&der);
        let mut parts = elements.next(SEQUENCE, "the certificate")?.children();
        let fields = parts.next(SEQUENCE, "tbsCertificate")?;
        let algorithm = parts.next(SEQUENCE, "signatureAlgorithm")?;
        let signature = parts.next(BIT_STRING, "signatureValue")?;
        parts.end("signatureValue")?;
        if !elements.is_empty() {
            return Err(CertificateError::Trailing {
                bytes: elements.len(),
            });
        }
        let fields = Fields::read(fields)?;
        let range = |part: &[u8]| range_within(&der, part);
        let certificate = Certificate {
            to_be_signed: range(fields.whole),
            version: fields.version,
            serial: SerialNumber::from_der_content(fields.serial),
            inner_algorithm: range(fields.algorithm.whole),
            issuer: DistinguishedName::from_der(fields.issuer.whole),
            not_before: fields.not_before,
            not_after: fields.not_after,
            subject: DistinguishedName::from_der(fields.subject.whole),
            public_key_info: range(fields.public_key_info.whole),
            has_unique_identifiers: fields.has_unique_identifiers,
            extensions: fields.extensions,
            outer_algorithm: range(algorithm.whole),
            signature_algorithm: AlgorithmIdentifier::read(algorithm)?,
            signature: range(whole_bits(signature, "signatureValue")?),
            der: Vec::new(),
        };
        Ok(Certificate { der, ..certificate })
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The DER, without a copy.
    pub fn into_der(self) -> Vec<u8> {
        self.der
    }

    /// The DER of the TBSCertificate: what is signed.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.der[self.to_be_signed.clone()]
    }

    /// The version: 1, 2 or 3.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// The issuer.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The first moment of validity.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before.time
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after.time
    }

    /// The subject.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Whether subject and issuer are the same, byte for byte. Says nothing about the signature.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// The DER of the SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> &[u8] {
        &self.der[self.public_key_info.clone()]
    }

    /// The algorithm it is signed with.
    pub fn signature_algorithm(&self) -> &AlgorithmIdentifier {
        &self.signature_algorithm
    }

    /// The DER of the signatureAlgorithm.
    pub fn signature_algorithm_der(&self) -> &[u8] {
        &self.der[self.outer_algorithm.clone()]
    }

    /// Whether the algorithm that is signed is the one outside
    /// ([RFC 5280 §4.1.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.1.2)).
    pub fn signature_algorithms_agree(&self) -> bool {
        self.der[self.inner_algorithm.clone()] == self.der[self.outer_algorithm.clone()]
    }

    /// What is wrong with the encoding of notBefore and notAfter: the field and a clause.
    pub fn time_faults(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [("notBefore", self.not_before), ("notAfter", self.not_after)]
            .into_iter()
            .filter_map(|(field, moment)| Some((field, moment.fault?)))
    }

    /// Whether it has an issuerUniqueID or a subjectUniqueID.
    pub fn has_unique_identifiers(&self) -> bool {
        self.has_unique_identifiers
    }

    /// The bytes of the signature.
    pub fn signature(&self) -> &[u8] {
        &self.der[self.signature.clone()]
    }

    /// Every extension, in the order they are there.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The first extension of this type.
    pub fn extension(&self, oid: const_oid::ObjectIdentifier) -> Option<&Extension> {
        self.extensions.iter().find(|e| e.oid == oid)
    }

    /// basicConstraints; `None` if it has none.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn basic_constraints(&self) -> Result<Option<BasicConstraints>, ElementError> {
        self.read(BASIC_CONSTRAINTS, |v| {
            BasicConstraints::read(v).map(|(value, _)| value)
        })
    }

    /// Whether basicConstraints says that it is a CA's.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn is_ca(&self) -> Result<bool, ElementError> {
        Ok(self
            .basic_constraints()?
            .is_some_and(|constraints| constraints.ca))
    }

    /// keyUsage; `None` if it has none.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn key_usage(&self) -> Result<Option<KeyUsage>, ElementError> {
        self.read(KEY_USAGE, |v| KeyUsage::read(v).map(|(value, _)| value))
    }

    /// extendedKeyUsage, at least one; `None` if it has none.
    ///
    /// # Errors
    /// If the extension is malformed or empty.
    pub fn extended_key_usages(&self) -> Result<Option<Vec<ObjectIdentifier>>, ElementError> {
        self.read(EXTENDED_KEY_USAGE, extended_key_usages)
    }

    /// The names of subjectAltName; `None` if it has none.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn subject_alt_names(&self) -> Result<Option<Vec<GeneralName>>, ElementError> {
        self.read(SUBJECT_ALT_NAME, alt_names)
    }

    /// nameConstraints; `None` if it has none.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn name_constraints(&self) -> Result<Option<NameConstraints>, ElementError> {
        self.read(NAME_CONSTRAINTS, NameConstraints::read)
    }

    /// subjectKeyIdentifier; `None` if it has none.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn subject_key_identifier(&self) -> Result<Option<Vec<u8>>, ElementError> {
        self.read(SUBJECT_KEY_IDENTIFIER, subject_key_identifier)
    }

    /// authorityKeyIdentifier; `None` if it has none.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn authority_key_identifier(&self) -> Result<Option<AuthorityKeyIdentifier>, ElementError> {
        self.read(AUTHORITY_KEY_IDENTIFIER, AuthorityKeyIdentifier::read)
    }

    fn read<T>(
        &self,
        oid: const_oid::ObjectIdentifier,
        read: impl FnOnce(&[u8]) -> Result<T, ElementError>,
    ) -> Result<Option<T>, ElementError> {
        self.extension(oid)
            .map(|extension| read(&extension.value))
            .transpose()
    }
}

impl AsRef<[u8]> for Certificate {
    fn as_ref(&self) -> &[u8] {
        self.as_der()
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

/// Why DER is not a certificate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It does not have the structure of one.
    #[error("not a certificate: {source}")]
    Malformed {
        /// The fault.
        #[from]
        source: ElementError,
    },
    /// One of its dates is malformed.
    #[error("malformed certificate: {source}")]
    Time {
        /// Which, and what is there.
        #[from]
        source: MomentError,
    },
    /// Something follows it.
    #[error("{bytes} bytes follow the certificate")]
    Trailing {
        /// The number.
        bytes: usize,
    },
}

/// What a TBSCertificate is made of.
struct Fields<'a> {
    whole: &'a [u8],
    version: u8,
    serial: &'a [u8],
    algorithm: Element<'a>,
    issuer: Element<'a>,
    not_before: Moment,
    not_after: Moment,
    subject: Element<'a>,
    public_key_info: Element<'a>,
    has_unique_identifiers: bool,
    extensions: Vec<Extension>,
}

impl<'a> Fields<'a> {
    fn read(sequence: Element<'a>) -> Result<Self, CertificateError> {
        let mut fields = sequence.children();
        let version = fields
            .optional(context_constructed(0), "version")
            .and_then(version)?;
        let serial = fields.next(INTEGER, "serialNumber")?;
        if serial.content.is_empty() {
            return Err(ElementError::Content {
                what: "serialNumber",
            }
            .into());
        }
        let algorithm = fields.next(SEQUENCE, "signature")?;
        let issuer = fields.next(SEQUENCE, "issuer")?;
        let validity = fields.next(SEQUENCE, "validity")?;
        let (not_before, not_after) = self::validity(validity)?;
        let subject = fields.next(SEQUENCE, "subject")?;
        let public_key_info = fields.next(SEQUENCE, "subjectPublicKeyInfo")?;
        let issuer_id = fields.optional(context(1), "issuerUniqueID")?;
        let subject_id = fields.optional(context(2), "subjectUniqueID")?;
        let extensions = match fields.optional(context_constructed(3), "extensions")? {
            None => Vec::new(),
            Some(wrapper) => Element::only(wrapper.content, SEQUENCE, "extensions")
                .and_then(Extension::read_all)?,
        };
        fields.end("extensions")?;
        Ok(Fields {
            whole: sequence.whole,
            version,
            serial: serial.content,
            algorithm,
            issuer,
            not_before,
            not_after,
            subject,
            public_key_info,
            has_unique_identifiers: issuer_id.is_some() || subject_id.is_some(),
            extensions,
        })
    }
}

fn version(wrapper: Option<Element<'_>>) -> Result<u8, ElementError> {
    let Some(wrapper) = wrapper else { return Ok(1) };
    let number = small_integer(
        Element::only(wrapper.content, INTEGER, "version")?,
        "version",
    )?;
    match number {
        0 => Ok(1),
        1 => Ok(2),
        2 => Ok(3),
        _ => Err(ElementError::Content { what: "version" }),
    }
}

fn validity(sequence: Element<'_>) -> Result<(Moment, Moment), CertificateError> {
    let mut times = sequence.children();
    let not_before = times.any("notBefore")?;
    let not_after = times.any("notAfter")?;
    times.end("notAfter")?;
    let not_before = Moment::read(not_before, "notBefore")?;
    let not_after = Moment::read(not_after, "notAfter")?;
    Ok((not_before, not_after))
}

/// Where `part`, which is a part of `whole`, lies in it.
pub(crate) fn range_within(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

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
        let own = plan::key_identifier(&public_key_info)
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
    pub fn planned(planned: &IssuancePlan) -> Self {
        Issuer {
            subject: planned.subject.clone(),
            key_identifier: Vec::new(),
            validity: planned.validity,
            is_ca: true,
            name_constraints: NameConstraints::default(),
            path_length: match planned.basic_constraints {
                plan::BasicConstraints::Ca { path_length } => path_length.map(u64::from),
                plan::BasicConstraints::EndEntity => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::certificate_problems;

    #[test]
    fn der_that_is_cut_anywhere_is_no_certificate() {
        let der = sample();
        assert!(certificate_problems(&Certificate::from_der(der.clone()).unwrap()).is_empty());
        for length in 0..der.len() {
            assert!(
                Certificate::from_der(der[..length].to_vec()).is_err(),
                "{length}"
            );
        }
    }

    #[test]
    fn what_follows_a_certificate_is_counted() {
        let der = [sample(), vec![0; 3]].concat();
        assert_eq!(
            Certificate::from_der(der).unwrap_err(),
            CertificateError::Trailing { bytes: 3 }
        );
    }

    #[test]
    fn no_byte_can_be_changed_to_make_it_panic() {
        let der = sample();
        for at in 0..der.len() {
            for value in [0, 1, 0x1f, 0x30, 0x7f, 0x80, 0xff] {
                let mut changed = der.clone();
                changed[at] = value;
                if let Ok(certificate) = Certificate::from_der(changed) {
                    let _ = (
                        certificate_problems(&certificate),
                        certificate.subject().to_string(),
                    );
                }
            }
        }
    }

    /// A certificate by our own hand, with a signature of zeros.
    fn sample() -> Vec<u8> {
        use crate::pki::algorithm::SignatureAlgorithm;
        use crate::pki::plan;
        use crate::pki::validity::Validity;
        let now = time::macros::datetime!(2026-11-20 08:05:00 UTC);
        let plan = plan::IssuancePlan {
            subject: DistinguishedName::empty(),
            issuer: DistinguishedName::build(&[(
                crate::pki::name::AttributeType::CommonName,
                "Root",
            )])
            .unwrap(),
            validity: Validity::until(now + time::Duration::DAY, now).unwrap(),
            subject_alt_names: vec!["a.example".parse().unwrap(), "10.0.0.1".parse().unwrap()],
            basic_constraints: plan::BasicConstraints::EndEntity,
            key_usage: plan::KeyUsage::EndEntity,
            extended_key_usages: vec![crate::pki::usage::SERVER_AUTH],
            authority_key_identifier: Some(vec![7; 20]),
            name_constraints: crate::pki::general_name::NameConstraints::default(),
            crl_distribution_points: vec!["http://crl.example/a.crl".into()],
            ca_issuers: vec!["http://ca.example/a.crt".into()],
            ocsp: vec!["http://ocsp.example".into()],
            certificate_policies: Vec::new(),
            no_check: false,
        };
        let mut key = vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        key.extend([9; 32]);
        let serial = SerialNumber::from_random([1; 16]);
        let tbs = plan
            .to_be_signed(&key, &serial, SignatureAlgorithm::Ed25519)
            .unwrap();
        plan::signed(&tbs, SignatureAlgorithm::Ed25519, &[0; 64])
    }
}
