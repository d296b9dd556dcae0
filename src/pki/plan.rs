//! What will be signed.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::asn1::{BitString, OctetString};
use der::{Encode, Tag};
use serde::Serialize;

use super::algorithm::SignatureAlgorithm;
use super::encoding::{
    GENERAL_NAME_URI, context, context_primitive, element, extension, general_name, general_names,
    time_der,
};
use super::name::DistinguishedName;
use super::san::SubjectAltName;
use super::serial::SerialNumber;
use super::subtree::NameConstraints;
use super::validity::{Validity, rfc3339};

/// Everything a certificate will say, but for its public key and serial number, which are drawn
/// when it is signed ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
///
/// The same plan, key and serial number give the same bytes. Nothing is checked here: [`super::lint`] does.
#[derive(Clone, Debug, Serialize)]
pub struct IssuancePlan {
    /// The subject; empty when the names alone identify it.
    pub subject: DistinguishedName,
    /// The issuer's subject, byte for byte.
    pub issuer: DistinguishedName,
    /// When it is valid.
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
    /// The DER of the TBSCertificate for this public key (a DER SubjectPublicKeyInfo) and serial
    /// number, to be signed with this algorithm.
    ///
    /// # Errors
    /// When `subject_public_key_info` is none.
    pub fn to_be_signed(
        &self,
        subject_public_key_info: &[u8],
        serial: &SerialNumber,
        algorithm: SignatureAlgorithm,
    ) -> der::Result<Vec<u8>> {
        let identifier = key_identifier(subject_public_key_info)?;
        self.to_be_signed_for(subject_public_key_info, &identifier, serial, algorithm)
    }

    /// The same for a subject that has its subject key identifier already, as in a cross-certificate.
    ///
    /// # Errors
    /// As [`IssuancePlan::to_be_signed`].
    pub fn to_be_signed_for(
        &self,
        subject_public_key_info: &[u8],
        identifier: &[u8],
        serial: &SerialNumber,
        algorithm: SignatureAlgorithm,
    ) -> der::Result<Vec<u8>> {
        let validity = [
            time_der(self.validity.not_before())?,
            time_der(self.validity.not_after())?,
        ]
        .concat();
        let extensions = self.extensions(identifier)?.concat();
        let fields = [
            element(context(0), &VERSION_3)?,
            serial.to_der()?,
            algorithm.identifier_der().to_vec(),
            self.issuer.as_der().to_vec(),
            element(Tag::Sequence, &validity)?,
            self.subject.as_der().to_vec(),
            subject_public_key_info.to_vec(),
            element(context(3), &element(Tag::Sequence, &extensions)?)?,
        ];
        element(Tag::Sequence, &fields.concat())
    }

    /// Every extension as DER, in the order they stand in the certificate.
    fn extensions(&self, identifier: &[u8]) -> der::Result<Vec<Vec<u8>>> {
        let authority = self
            .authority_key_identifier
            .as_deref()
            .unwrap_or(identifier);
        let authority = element(Tag::Sequence, &element(context_primitive(0), authority)?)?;
        let names = (!self.subject_alt_names.is_empty())
            .then(|| general_names(&self.subject_alt_names))
            .transpose()?;
        let constraints = (!self.name_constraints.is_empty())
            .then(|| self.name_constraints.to_der())
            .transpose()?;
        let access = self
            .ocsp
            .iter()
            .map(|url| access_description("1.3.6.1.5.5.7.48.1", url));
        let access = access.chain(
            self.ca_issuers
                .iter()
                .map(|url| access_description("1.3.6.1.5.5.7.48.2", url)),
        );
        let points = self
            .crl_distribution_points
            .iter()
            .map(|url| distribution_point(url));
        let policies = self
            .certificate_policies
            .iter()
            .map(|oid| element(Tag::Sequence, &oid.to_der()?));
        let all = [
            ("2.5.29.19", true, Some(self.basic_constraints.to_der()?)),
            ("2.5.29.15", true, Some(self.key_usage.to_der()?)),
            (
                "2.5.29.37",
                false,
                sequence_of(self.extended_key_usages.iter().map(Encode::to_der))?,
            ),
            ("2.5.29.17", self.subject.is_empty(), names),
            (
                "2.5.29.14",
                false,
                Some(OctetString::new(identifier)?.to_der()?),
            ),
            ("2.5.29.35", false, Some(authority)),
            ("2.5.29.30", true, constraints),
            ("2.5.29.31", false, sequence_of(points)?),
            ("1.3.6.1.5.5.7.1.1", false, sequence_of(access)?),
            ("2.5.29.32", false, sequence_of(policies)?),
        ];
        let present = all
            .into_iter()
            .filter_map(|(oid, critical, value)| Some((oid, critical, value?)));
        present
            .map(|(oid, critical, value)| extension(oid, critical, value))
            .collect()
    }
}

impl fmt::Display for IssuancePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .subject_alt_names
            .iter()
            .map(SubjectAltName::value)
            .collect();
        let names = if names.is_empty() {
            self.subject.to_string()
        } else {
            names.join(", ")
        };
        write!(f, "{names}, until {}", rfc3339(self.validity.not_after()))
    }
}

impl BasicConstraints {
    pub(crate) fn to_der(self) -> der::Result<Vec<u8>> {
        let content = match self {
            BasicConstraints::EndEntity => Vec::new(),
            BasicConstraints::Ca { path_length: None } => true.to_der()?,
            BasicConstraints::Ca {
                path_length: Some(n),
            } => [true.to_der()?, n.to_der()?].concat(),
        };
        element(Tag::Sequence, &content)
    }
}

impl KeyUsage {
    pub(crate) fn to_der(self) -> der::Result<Vec<u8>> {
        let (unused_bits, octet) = match self {
            KeyUsage::EndEntity => (7, 0b1000_0000), // digitalSignature (0)
            KeyUsage::Agreement => (3, 0b0000_1000), // keyAgreement (4)
            KeyUsage::Encipherment => (5, 0b0010_0000), // keyEncipherment (2)
            KeyUsage::Ca => (1, 0b0000_0110),        // keyCertSign (5), cRLSign (6)
        };
        BitString::new(unused_bits, [octet])?.to_der()
    }
}

/// A signed object's DER from what was signed: a certificate, a CSR or a CRL
/// (RFC 5280 §4.1.1, RFC 2986 §4.2).
///
/// # Errors
/// When the three together are too long for DER.
pub fn signed(
    to_be_signed: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
) -> der::Result<Vec<u8>> {
    let signature = BitString::from_bytes(signature)?.to_der()?;
    element(
        Tag::Sequence,
        &[to_be_signed, algorithm.identifier_der(), &signature].concat(),
    )
}

/// The key identifier of a DER SubjectPublicKeyInfo: the first 160 bits of the SHA-256 of the
/// subjectPublicKey's content ([RFC 7093 §2](https://www.rfc-editor.org/rfc/rfc7093#section-2) method 1).
///
/// # Errors
/// When it is no SubjectPublicKeyInfo.
pub fn key_identifier(subject_public_key_info: &[u8]) -> der::Result<Vec<u8>> {
    use der::Decode as _;
    let info = ::pkcs8::spki::SubjectPublicKeyInfoRef::from_der(subject_public_key_info)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, info.subject_public_key.raw_bytes());
    Ok(digest.as_ref()[..KEY_IDENTIFIER_OCTETS].to_vec())
}

const KEY_IDENTIFIER_OCTETS: usize = 20; // RFC 7093 §2
const VERSION_3: [u8; 3] = [0x02, 0x01, 0x02];

/// A SEQUENCE OF these elements; `None` when there are none, for no extension may be empty.
fn sequence_of(
    elements: impl Iterator<Item = der::Result<Vec<u8>>>,
) -> der::Result<Option<Vec<u8>>> {
    let content = elements.collect::<der::Result<Vec<_>>>()?.concat();
    if content.is_empty() {
        Ok(None)
    } else {
        element(Tag::Sequence, &content).map(Some)
    }
}

fn distribution_point(url: &str) -> der::Result<Vec<u8>> {
    let full_name = element(context(0), &general_name(GENERAL_NAME_URI, url.as_bytes())?)?;
    element(Tag::Sequence, &element(context(0), &full_name)?)
}

fn access_description(method: &str, url: &str) -> der::Result<Vec<u8>> {
    let method = ObjectIdentifier::new(method)?.to_der()?;
    element(
        Tag::Sequence,
        &[method, general_name(GENERAL_NAME_URI, url.as_bytes())?].concat(),
    )
}

fn as_text<S: serde::Serializer>(
    oids: &[ObjectIdentifier],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(oids.iter().map(ToString::to_string))
}
