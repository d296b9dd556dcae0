//! What will be signed.

use std::fmt;
use std::net::IpAddr;

use const_oid::ObjectIdentifier;
use der::asn1::{BitString, GeneralizedTime, Ia5StringRef, OctetString, UtcTime};
use der::{Encode, Tag, TagNumber};
use serde::Serialize;
use time::OffsetDateTime;

use super::algorithm::SignatureAlgorithm;
use super::name::DistinguishedName;
use super::san::SubjectAltName;
use super::serial::SerialNumber;
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
    /// keyCertSign and cRLSign.
    Ca,
}

/// nameConstraints ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NameConstraints {
    /// The subtrees names must lie in, for each type that is there.
    pub permitted: Vec<Subtree>,
    /// The subtrees names must not lie in.
    pub excluded: Vec<Subtree>,
}

impl NameConstraints {
    /// Whether nothing is constrained.
    pub fn is_empty(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }
}

/// A subtree of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subtree {
    /// The domain and all below it.
    Dns(String),
    /// The addresses that agree with `address` in the first `prefix` bits.
    Ip {
        /// The network's address.
        address: IpAddr,
        /// How many bits count: at most 32 or 128.
        prefix: u8,
    },
    /// URIs with this host, or below it when it starts with a dot.
    Uri(String),
}

/// Why text is no subtree.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not {what} to constrain names to", text.escape_debug())]
pub struct SubtreeError {
    text: String,
    what: &'static str,
    source: Option<super::san::NameError>,
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
        let validity = [
            time_der(self.validity.not_before())?,
            time_der(self.validity.not_after())?,
        ]
        .concat();
        let extensions = self.extensions(&identifier)?.concat();
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
            KeyUsage::Ca => (1, 0b0000_0110),        // keyCertSign (5), cRLSign (6)
        };
        BitString::new(unused_bits, [octet])?.to_der()
    }
}

impl NameConstraints {
    fn to_der(&self) -> der::Result<Vec<u8>> {
        let mut content = Vec::new();
        for (number, subtrees) in [(0, &self.permitted), (1, &self.excluded)] {
            if !subtrees.is_empty() {
                let bases = subtrees
                    .iter()
                    .map(Subtree::to_der)
                    .collect::<der::Result<Vec<_>>>()?
                    .concat();
                content.extend(element(context(number), &bases)?);
            }
        }
        element(Tag::Sequence, &content)
    }
}

impl Subtree {
    /// A domain and all below it; a leading dot is dropped, for RFC 5280 has none there.
    ///
    /// # Errors
    /// When it is no domain.
    pub fn dns(text: &str) -> Result<Self, SubtreeError> {
        match text.strip_prefix('.').unwrap_or(text).parse() {
            Ok(SubjectAltName::Dns(domain)) if !domain.starts_with('*') => Ok(Subtree::Dns(domain)),
            Ok(_) => Err(SubtreeError {
                text: text.to_owned(),
                what: "a domain",
                source: None,
            }),
            Err(source) => Err(SubtreeError {
                text: text.to_owned(),
                what: "a domain",
                source: Some(source),
            }),
        }
    }

    /// A network as `address/prefix`, or one address.
    ///
    /// # Errors
    /// When it is none, or the address has bits set behind the prefix.
    pub fn ip(text: &str) -> Result<Self, SubtreeError> {
        let wrong = || SubtreeError {
            text: text.to_owned(),
            what: "a network",
            source: None,
        };
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address
            .parse()
            .map_err(|std::net::AddrParseError { .. }| wrong())?;
        let octets = address_octets(address);
        let bits = octets.len() * 8;
        let prefix = if prefix.is_empty() {
            bits
        } else {
            prefix
                .parse()
                .ok()
                .filter(|n| *n <= bits)
                .ok_or_else(wrong)?
        };
        let inside = octets
            .iter()
            .enumerate()
            .all(|(i, octet)| octet & !prefix_octet(prefix, i) == 0);
        match u8::try_from(prefix) {
            Ok(prefix) if inside => Ok(Subtree::Ip { address, prefix }),
            Ok(_) | Err(_) => Err(wrong()),
        }
    }

    /// A host that URIs may have, or with a leading dot a domain it lies below.
    ///
    /// # Errors
    /// When it is no host.
    pub fn uri(text: &str) -> Result<Self, SubtreeError> {
        let below = if text.starts_with('.') { "." } else { "" };
        match Self::dns(text)? {
            Subtree::Dns(host) => Ok(Subtree::Uri(format!("{below}{host}"))),
            Subtree::Ip { .. } | Subtree::Uri(_) => Err(SubtreeError {
                text: text.to_owned(),
                what: "a host",
                source: None,
            }),
        }
    }

    fn to_der(&self) -> der::Result<Vec<u8>> {
        let base = match self {
            Subtree::Dns(domain) => general_name(GENERAL_NAME_DNS, domain.as_bytes())?,
            Subtree::Uri(host) => general_name(GENERAL_NAME_URI, host.as_bytes())?,
            Subtree::Ip { address, prefix } => {
                let octets = address_octets(*address);
                let mask = (0..octets.len()).map(|i| prefix_octet(usize::from(*prefix), i));
                let base: Vec<u8> = octets
                    .iter()
                    .zip(mask.clone())
                    .map(|(a, m)| a & m)
                    .chain(mask)
                    .collect();
                general_name(GENERAL_NAME_IP, &base)?
            }
        };
        element(Tag::Sequence, &base)
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
    let info = x509_cert::spki::SubjectPublicKeyInfoRef::from_der(subject_public_key_info)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, info.subject_public_key.raw_bytes());
    Ok(digest.as_ref()[..KEY_IDENTIFIER_OCTETS].to_vec())
}

/// One DER element: a tag, the length and the content.
pub(crate) fn element(tag: Tag, content: &[u8]) -> der::Result<Vec<u8>> {
    let mut der = Vec::with_capacity(content.len() + 6);
    tag.encode(&mut der)?;
    der::Length::try_from(content.len())?.encode(&mut der)?;
    der.extend_from_slice(content);
    Ok(der)
}

/// One Extension as DER; `critical` is left out when false, as DER has it.
pub(crate) fn extension(oid: &str, critical: bool, value: Vec<u8>) -> der::Result<Vec<u8>> {
    let critical = if critical { true.to_der()? } else { Vec::new() };
    let content = [
        ObjectIdentifier::new(oid)?.to_der()?,
        critical,
        OctetString::new(value)?.to_der()?,
    ];
    element(Tag::Sequence, &content.concat())
}

/// A moment as UTCTime through 2049, as GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
pub(crate) fn time_der(moment: OffsetDateTime) -> der::Result<Vec<u8>> {
    let since_1970 = std::time::Duration::from_secs(moment.unix_timestamp().max(0).unsigned_abs());
    if moment.year() < 2050 {
        UtcTime::from_unix_duration(since_1970)?.to_der()
    } else {
        GeneralizedTime::from_unix_duration(since_1970)?.to_der()
    }
}

/// The GeneralNames of these names.
pub(crate) fn general_names(names: &[SubjectAltName]) -> der::Result<Vec<u8>> {
    let names = names.iter().map(|name| match name {
        SubjectAltName::Dns(text) => general_name(GENERAL_NAME_DNS, text.as_bytes()),
        SubjectAltName::Email(text) => general_name(GENERAL_NAME_EMAIL, text.as_bytes()),
        SubjectAltName::Uri(text) => general_name(GENERAL_NAME_URI, text.as_bytes()),
        SubjectAltName::Ip(address) => general_name(GENERAL_NAME_IP, &address_octets(*address)),
    });
    element(
        Tag::Sequence,
        &names.collect::<der::Result<Vec<_>>>()?.concat(),
    )
}

const KEY_IDENTIFIER_OCTETS: usize = 20; // RFC 7093 §2
const VERSION_3: [u8; 3] = [0x02, 0x01, 0x02];
const GENERAL_NAME_EMAIL: u32 = 1; // RFC 5280 §4.2.1.6
const GENERAL_NAME_DNS: u32 = 2;
const GENERAL_NAME_URI: u32 = 6;
const GENERAL_NAME_IP: u32 = 7;

fn general_name(number: u32, content: &[u8]) -> der::Result<Vec<u8>> {
    if number != GENERAL_NAME_IP {
        Ia5StringRef::new(content)?;
    }
    element(context_primitive(number), content)
}

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

fn address_octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The `i`th octet of a mask of `prefix` ones.
fn prefix_octet(prefix: usize, i: usize) -> u8 {
    let ones = prefix.saturating_sub(i * 8).min(8);
    (0xff00_u16 >> ones) as u8
}

fn context(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    }
}

fn context_primitive(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: false,
        number: TagNumber(number),
    }
}

fn as_text<S: serde::Serializer>(
    oids: &[ObjectIdentifier],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(oids.iter().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_row_of_ones() {
        assert_eq!(
            [0, 1, 2, 3].map(|i| prefix_octet(12, i)),
            [0xff, 0xf0, 0, 0]
        );
        assert_eq!(prefix_octet(128, 15), 0xff);
    }

    #[test]
    fn times_change_their_type_in_2050() {
        use time::macros::datetime;
        assert_eq!(
            time_der(datetime!(2049-12-31 23:59:59 UTC)).unwrap()[..2],
            [0x17, 13]
        );
        assert_eq!(
            time_der(datetime!(2050-01-01 0:00 UTC)).unwrap()[..2],
            [0x18, 15]
        );
        assert_eq!(
            &time_der(datetime!(9999-12-31 23:59:59 UTC)).unwrap()[2..],
            b"99991231235959Z"
        );
    }
}
