//! What will be signed.

use std::fmt;

use const_oid::ObjectIdentifier;
use serde::Serialize;

use super::algorithm::SignatureAlgorithm;
use super::certificate::Issuer;
use super::csr::EXTENSION_REQUEST;
use super::element::{
    BIT_STRING, BOOLEAN, ElementError, INTEGER, NULL, OCTET_STRING, SET, context,
    context_constructed,
};
use super::encoding::{
    GENERAL_NAME_URI, bit_string, element, extension, general_name, general_names, oid, sequence,
    time_der, unsigned_integer,
};
use super::extension as known;
use super::general_name::NameConstraints;
use super::name::DistinguishedName;
use super::oid::known_oid;
use super::public_key::KeyParts;
use super::san::SubjectAltName;
use super::serial::SerialNumber;
use super::validity::{Validity, rfc3339};

/// Everything a certificate will say, but for its public key and serial number, which are drawn
/// when it is signed ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
///
/// The same plan, key and serial number give the same bytes. Nothing is checked here: [`super::lint`] does.
#[derive(Clone, Debug, Serialize)]
pub struct IssuancePlan {
    /// The subject; empty if the names alone identify it.
    pub subject: DistinguishedName,
    /// The issuer's subject, byte for byte.
    pub issuer: DistinguishedName,
    /// If it is valid.
    pub validity: Validity,
    /// The names it is for; none in a CA's certificate.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Whether it may sign certificates, and through how many others.
    pub basic_constraints: BasicConstraints,
    /// What its key may do.
    #[serde(skip)]
    pub key_usage: KeyUsage,
    /// What it is for; empty in a CA's certificate.
    #[serde(serialize_with = "as_text")]
    pub extended_key_usages: Vec<ObjectIdentifier>,
    /// The issuer's subject key identifier; `None` for a self-signed certificate, whose own is used.
    #[serde(skip)]
    pub authority_key_identifier: Option<Vec<u8>>,
    /// What a CA may issue for; empty for no constraint.
    #[serde(skip_serializing_if = "NameConstraints::is_empty")]
    pub name_constraints: NameConstraints,
    /// Where its revocation list is found, as URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crl_distribution_points: Vec<String>,
    /// Where its issuer's certificate is found, as URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ca_issuers: Vec<String>,
    /// Where its status can be asked, as URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ocsp: Vec<String>,
    /// The policies it is issued under.
    #[serde(serialize_with = "as_text", skip_serializing_if = "Vec::is_empty")]
    pub certificate_policies: Vec<ObjectIdentifier>,
    /// Whether nobody is to ask if it is revoked: of an OCSP responder
    /// ([RFC 6960 §4.2.2.2.1](https://www.rfc-editor.org/rfc/rfc6960#section-4.2.2.2.1)).
    #[serde(skip)]
    pub no_check: bool,
}

/// basicConstraints ([RFC 5280 §4.2.1.9](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BasicConstraints {
    /// `cA` is false.
    EndEntity,
    /// `cA` is true.
    Ca {
        /// How many more CAs may follow below; `None` for any number.
        path_length: Option<u8>,
    },
}

/// The keyUsage bits we set ([RFC 5280 §4.2.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsage {
    /// digitalSignature: all that TLS 1.2 with ECDHE and TLS 1.3 need, whatever the key.
    EndEntity,
    /// keyAgreement: messages are encrypted to it.
    Agreement,
    /// keyEncipherment: the same for RSA.
    Encipherment,
    /// keyCertSign and cRLSign.
    Ca,
}

impl IssuancePlan {
    /// The plan of an end-entity certificate without names, usages and URLs.
    pub fn end_entity(subject: DistinguishedName, issuer: &Issuer, validity: Validity) -> Self {
        IssuancePlan {
            subject,
            issuer: issuer.subject.clone(),
            validity,
            subject_alt_names: Vec::new(),
            basic_constraints: BasicConstraints::EndEntity,
            key_usage: KeyUsage::EndEntity,
            extended_key_usages: Vec::new(),
            authority_key_identifier: Some(issuer.key_identifier.clone()),
            name_constraints: NameConstraints::default(),
            crl_distribution_points: Vec::new(),
            ca_issuers: Vec::new(),
            ocsp: Vec::new(),
            certificate_policies: Vec::new(),
            no_check: false,
        }
    }

    /// The DER of the TBSCertificate for this public key (a DER SubjectPublicKeyInfo) and serial
    /// number, to be signed with this algorithm.
    ///
    /// # Errors
    /// If `subject_public_key_info` is malformed.
    pub fn to_be_signed(
        &self,
        subject_public_key_info: &[u8],
        serial: &SerialNumber,
        algorithm: SignatureAlgorithm,
    ) -> Result<Vec<u8>, ElementError> {
        let identifier = key_identifier(subject_public_key_info)?;
        Ok(self.to_be_signed_for(subject_public_key_info, &identifier, serial, algorithm))
    }

    /// The same for a subject that already has a subject key identifier, as in a cross-certificate.
    pub fn to_be_signed_for(
        &self,
        subject_public_key_info: &[u8],
        identifier: &[u8],
        serial: &SerialNumber,
        algorithm: SignatureAlgorithm,
    ) -> Vec<u8> {
        let not_before = time_der(self.validity.not_before());
        let not_after = time_der(self.validity.not_after());
        let extensions = sequence(&[&self.extensions(identifier).concat()]);
        sequence(&[
            &element(context_constructed(0), &[&VERSION_3]),
            &serial.to_der(),
            algorithm.identifier_der(),
            self.issuer.as_der(),
            &sequence(&[&not_before, &not_after]),
            self.subject.as_der(),
            subject_public_key_info,
            &element(context_constructed(3), &[&extensions]),
        ])
    }

    /// Every extension, in the order of the certificate. None may be empty.
    fn extensions(&self, identifier: &[u8]) -> Vec<Vec<u8>> {
        let authority = self.authority_key_identifier.as_deref();
        let authority = element(context(0), &[authority.unwrap_or(identifier)]);
        let usages = self.extended_key_usages.iter().map(|usage| oid(*usage));
        let points = self.crl_distribution_points.iter();
        let points = points.map(|url| distribution_point(url));
        let ocsp = self.ocsp.iter().map(|url| access_description(OCSP, url));
        let issuers = self.ca_issuers.iter();
        let issuers = issuers.map(|url| access_description(CA_ISSUERS, url));
        let policies = self.certificate_policies.iter();
        let policies = policies.map(|policy| sequence(&[&oid(*policy)]));
        let names =
            (!self.subject_alt_names.is_empty()).then(|| general_names(&self.subject_alt_names));
        let constraints =
            (!self.name_constraints.is_empty()).then(|| self.name_constraints.to_der());
        let all = [
            (
                known::BASIC_CONSTRAINTS,
                true,
                Some(self.basic_constraints.to_der()),
            ),
            (known::KEY_USAGE, true, Some(self.key_usage.to_der())),
            (known::EXTENDED_KEY_USAGE, false, sequence_of(usages)),
            (known::SUBJECT_ALT_NAME, self.subject.is_empty(), names),
            (
                known::SUBJECT_KEY_IDENTIFIER,
                false,
                Some(element(OCTET_STRING, &[identifier])),
            ),
            (
                known::AUTHORITY_KEY_IDENTIFIER,
                false,
                Some(sequence(&[&authority])),
            ),
            (known::NAME_CONSTRAINTS, true, constraints),
            (known::CRL_DISTRIBUTION_POINTS, false, sequence_of(points)),
            (
                known::AUTHORITY_INFORMATION_ACCESS,
                false,
                sequence_of(ocsp.chain(issuers)),
            ),
            (known::CERTIFICATE_POLICIES, false, sequence_of(policies)),
            (
                known::OCSP_NO_CHECK,
                false,
                self.no_check.then(|| element(NULL, &[])),
            ),
        ];
        let present = all.into_iter();
        let present = present.filter_map(|(id, critical, value)| Some((id, critical, value?)));
        present
            .map(|(id, critical, value)| extension(id, critical, &value))
            .collect()
    }
}

impl fmt::Display for IssuancePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = match self.subject_alt_names.as_slice() {
            [] => self.subject.to_string(),
            names => SubjectAltName::list(names),
        };
        write!(f, "{names}, until {}", rfc3339(self.validity.not_after()))
    }
}

/// Everything that a PKCS #10 request will say, except for its public key
/// ([RFC 2986 §4](https://www.rfc-editor.org/rfc/rfc2986#section-4)).
#[derive(Clone, Debug)]
pub struct CsrPlan {
    /// The subject; empty if the names alone identify it.
    pub subject: DistinguishedName,
    /// The names that are requested.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Whether the certificate of a CA is requested.
    pub basic_constraints: BasicConstraints,
}

impl CsrPlan {
    /// The DER of the CertificationRequestInfo for this public key (a DER SubjectPublicKeyInfo).
    pub fn to_be_signed(&self, subject_public_key_info: &[u8]) -> Vec<u8> {
        let mut extensions = Vec::new();
        if !self.subject_alt_names.is_empty() {
            let names = general_names(&self.subject_alt_names);
            extensions.push(extension(
                known::SUBJECT_ALT_NAME,
                self.subject.is_empty(),
                &names,
            ));
        }
        if let BasicConstraints::Ca { .. } = self.basic_constraints {
            let constraints = self.basic_constraints.to_der();
            extensions.push(extension(known::BASIC_CONSTRAINTS, true, &constraints));
            extensions.push(extension(known::KEY_USAGE, true, &KeyUsage::Ca.to_der()));
        }
        let attributes = if extensions.is_empty() {
            Vec::new()
        } else {
            let values = element(SET, &[&sequence(&[&extensions.concat()])]);
            sequence(&[&oid(EXTENSION_REQUEST), &values])
        };
        sequence(&[
            &VERSION_1,
            self.subject.as_der(),
            subject_public_key_info,
            &element(context_constructed(0), &[&attributes]),
        ])
    }
}

impl BasicConstraints {
    fn to_der(self) -> Vec<u8> {
        const TRUE: &[u8] = &[BOOLEAN, 1, 0xff];
        match self {
            BasicConstraints::EndEntity => sequence(&[]),
            BasicConstraints::Ca { path_length: None } => sequence(&[TRUE]),
            BasicConstraints::Ca {
                path_length: Some(n),
            } => sequence(&[TRUE, &unsigned_integer(&[n])]),
        }
    }
}

impl KeyUsage {
    fn to_der(self) -> Vec<u8> {
        let (unused_bits, bits) = match self {
            KeyUsage::EndEntity => (7, 0b1000_0000), // digitalSignature (0)
            KeyUsage::Agreement => (3, 0b0000_1000), // keyAgreement (4)
            KeyUsage::Encipherment => (5, 0b0010_0000), // keyEncipherment (2)
            KeyUsage::Ca => (1, 0b0000_0110),        // keyCertSign (5), cRLSign (6)
        };
        element(BIT_STRING, &[&[unused_bits, bits]])
    }
}

/// The DER of a signed object: a certificate, a request or a revocation list (RFC 5280 §4.1.1, RFC 2986 §4.2).
pub fn signed(to_be_signed: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    sequence(&[
        to_be_signed,
        algorithm.identifier_der(),
        &bit_string(signature),
    ])
}

/// The key identifier of a DER SubjectPublicKeyInfo: the first 160 bits of the SHA-256 of the
/// subjectPublicKey's content ([RFC 7093 §2](https://www.rfc-editor.org/rfc/rfc7093#section-2) method 1).
///
/// # Errors
/// If it is malformed.
pub fn key_identifier(subject_public_key_info: &[u8]) -> Result<Vec<u8>, ElementError> {
    let key = KeyParts::read(subject_public_key_info)?.key;
    let digest = ring::digest::digest(&ring::digest::SHA256, key);
    Ok(digest.as_ref()[..KEY_IDENTIFIER_BYTES].to_vec())
}

const KEY_IDENTIFIER_BYTES: usize = 20; // RFC 7093 §2
const VERSION_1: [u8; 3] = [INTEGER, 1, 0];
const VERSION_3: [u8; 3] = [INTEGER, 1, 2];
const OCSP: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.48.1");
const CA_ISSUERS: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.48.2");

/// A SEQUENCE OF these elements; `None` if there are none.
fn sequence_of(elements: impl Iterator<Item = Vec<u8>>) -> Option<Vec<u8>> {
    let content = elements.collect::<Vec<_>>().concat();
    (!content.is_empty()).then(|| sequence(&[&content]))
}

fn distribution_point(url: &str) -> Vec<u8> {
    let name = general_name(GENERAL_NAME_URI, url.as_bytes());
    let full_name = element(context_constructed(0), &[&name]);
    sequence(&[&element(context_constructed(0), &[&full_name])])
}

fn access_description(method: ObjectIdentifier, url: &str) -> Vec<u8> {
    sequence(&[
        &oid(method),
        &general_name(GENERAL_NAME_URI, url.as_bytes()),
    ])
}

fn as_text<S: serde::Serializer>(
    oids: &[ObjectIdentifier],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(oids.iter().map(ToString::to_string))
}
