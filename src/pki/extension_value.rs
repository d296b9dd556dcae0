//! The values of extensions, for showing them.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use serde::{Serialize, Serializer};
use time::{Duration, OffsetDateTime};

use super::crl::RevocationReason;
use super::element::{Element, ElementError, INTEGER, OCTET_STRING, SEQUENCE, small_integer};
use super::extension as known;
use super::extension::{
    AuthorityKeyIdentifier, BasicConstraints, DistributionPoint, Extension,
    IssuingDistributionPoint, KeyUsage, NameConstraints, alt_names, extended_key_usages,
    subject_key_identifier,
};
use super::general_name::{GeneralName, object_identifier};
use super::oid::ObjectIdentifier;
use super::policy::{Policy, PolicyConstraints, PolicyMapping, policy_constraints, policy_mapping};
use super::serial::SerialNumber;
use super::validity::{Moment, rfc3339};

/// What an extension says. In JSON the value alone; which it is, the extension's name says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExtensionValue {
    /// basicConstraints (RFC 5280 §4.2.1.9).
    BasicConstraints(BasicConstraints),
    /// keyUsage (§4.2.1.3).
    KeyUsage(KeyUsage),
    /// extendedKeyUsage (§4.2.1.12).
    ExtendedKeyUsage(Vec<Named>),
    /// subjectAltName, issuerAltName, and a CRL entry's certificateIssuer (§4.2.1.6, §4.2.1.7, §5.3.3).
    Names(Vec<GeneralName>),
    /// nameConstraints (§4.2.1.10).
    NameConstraints(NameConstraints),
    /// subjectKeyIdentifier (§4.2.1.2).
    KeyIdentifier(Bytes),
    /// authorityKeyIdentifier (§4.2.1.1).
    AuthorityKeyIdentifier(Authority),
    /// cRLDistributionPoints and freshestCRL (§4.2.1.13, §4.2.1.15).
    DistributionPoints(Vec<DistributionPoint>),
    /// authorityInfoAccess and subjectInfoAccess (§4.2.2).
    Access(Vec<AccessDescription>),
    /// certificatePolicies (§4.2.1.4).
    Policies(Vec<Policy>),
    /// policyMappings (§4.2.1.5).
    PolicyMappings(Vec<PolicyMapping>),
    /// policyConstraints (§4.2.1.11).
    PolicyConstraints(PolicyConstraints),
    /// inhibitAnyPolicy (§4.2.1.14): how many certificates further down any policy is good.
    SkipCertificates(u64),
    /// The signed timestamps of Certificate Transparency (RFC 6962 §3.3).
    Timestamps(Vec<SignedCertificateTimestamp>),
    /// tlsFeature (RFC 7633).
    TlsFeature(Vec<String>),
    /// cRLNumber and deltaCRLIndicator (§5.2.3, §5.2.4), in hex.
    Number(SerialNumber),
    /// issuingDistributionPoint (§5.2.5).
    IssuingDistributionPoint(IssuingDistributionPoint),
    /// reasonCode (§5.3.1).
    Reason(RevocationReason),
    /// invalidityDate (§5.3.2).
    Time(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
    /// A comment.
    Text(String),
    /// An unknown extension.
    Unknown(Bytes),
}

impl ExtensionValue {
    /// Reads an extension's value; a known one that does not read is an error, an unknown one is
    /// [`ExtensionValue::Unknown`].
    ///
    /// # Errors
    /// If it is malformed.
    pub fn read(extension: &Extension) -> Result<Self, ElementError> {
        let reader = READERS.iter().find(|(oid, _)| extension.oid == *oid);
        match reader {
            Some((_, read)) => read(&extension.value),
            None => Ok(ExtensionValue::Unknown(Bytes(extension.value.clone()))),
        }
    }

    /// The lines of text it is shown with; at least one.
    pub fn lines(&self) -> Vec<String> {
        match self {
            ExtensionValue::BasicConstraints(constraints) => {
                vec![basic_constraints_line(*constraints)]
            }
            ExtensionValue::KeyUsage(usage) => vec![usage.to_string()],
            ExtensionValue::ExtendedKeyUsage(usages) => {
                let usages: Vec<_> = usages.iter().map(Named::to_string).collect();
                vec![usages.join(", ")]
            }
            ExtensionValue::Names(names) => lines_of(names),
            ExtensionValue::NameConstraints(constraints) => {
                let (permitted, excluded) = (&constraints.permitted, &constraints.excluded);
                let permitted = permitted.iter().map(|name| format!("permitted {name}"));
                let excluded = excluded.iter().map(|name| format!("excluded {name}"));
                permitted.chain(excluded).collect()
            }
            ExtensionValue::KeyIdentifier(bytes) | ExtensionValue::Unknown(bytes) => {
                vec![bytes.to_string()]
            }
            ExtensionValue::AuthorityKeyIdentifier(authority) => authority.lines(),
            ExtensionValue::DistributionPoints(points) => lines_of(points),
            ExtensionValue::Access(descriptions) => lines_of(descriptions),
            ExtensionValue::Policies(policies) => lines_of(policies),
            ExtensionValue::PolicyMappings(mappings) => lines_of(mappings),
            ExtensionValue::PolicyConstraints(constraints) => vec![constraints.to_string()],
            ExtensionValue::SkipCertificates(count) => vec![format!("after {count} certificates")],
            ExtensionValue::Timestamps(timestamps) => lines_of(timestamps),
            ExtensionValue::TlsFeature(features) => vec![features.join(", ")],
            ExtensionValue::Number(number) => vec![number.to_string()],
            ExtensionValue::IssuingDistributionPoint(point) => vec![point.to_string()],
            ExtensionValue::Reason(reason) => vec![reason.to_string()],
            ExtensionValue::Time(time) => vec![rfc3339(*time)],
            ExtensionValue::Text(text) => vec![super::escape::Escaped(text).to_string()],
        }
    }
}

/// Bytes shown in hex: the first [`Bytes::MAX_SHOWN`] of them, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// How many are shown.
    pub const MAX_SHOWN: usize = 64;
    /// How many are in JSON.
    const MAX_SERIALIZED: usize = 64 * 1024;
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(Self::MAX_SHOWN)];
        write!(f, "{}", super::fingerprint::Colons(shown))?;
        match self.0.len() {
            0 => f.write_str("(empty)"),
            total if total > shown.len() => write!(f, "… ({total} bytes)"),
            _ => Ok(()),
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let shown = &self.0[..self.0.len().min(Self::MAX_SERIALIZED)];
        let mut fields = serializer.serialize_struct("Bytes", 2)?;
        fields.serialize_field("size_bytes", &self.0.len())?;
        fields.serialize_field("hex", &super::fingerprint::Colons(shown).to_string())?;
        fields.end()
    }
}

/// An object identifier and the name its RFC gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The object identifier.
    pub oid: ObjectIdentifier,
    /// Its name, where it has a known one.
    pub name: Option<&'static str>,
}

impl From<ObjectIdentifier> for Named {
    fn from(oid: ObjectIdentifier) -> Self {
        let name = oid.name().map(|name| {
            let short = ["id-kp-", "id-ad-", "id-qt-"]
                .iter()
                .find_map(|p| name.strip_prefix(p));
            short.unwrap_or(name)
        });
        Named { name, oid }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.write_str(name),
            None => self.oid.fmt(f),
        }
    }
}

/// authorityKeyIdentifier as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Authority {
    key_identifier: Option<Bytes>,
    issuer: Vec<GeneralName>,
    serial: Option<SerialNumber>,
}

impl Authority {
    fn lines(&self) -> Vec<String> {
        let key = self.key_identifier.iter().map(ToString::to_string);
        let issuer = self.issuer.iter().map(|name| format!("issuer {name}"));
        let serial = self.serial.iter().map(|serial| format!("serial {serial}"));
        let lines: Vec<_> = key.chain(issuer).chain(serial).collect();
        if lines.is_empty() {
            vec!["(empty)".into()]
        } else {
            lines
        }
    }
}

/// How to ask about a certificate or its issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessDescription {
    /// What is found there.
    pub method: Named,
    /// Where.
    pub location: GeneralName,
}

impl fmt::Display for AccessDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.location)
    }
}

type Reader = fn(&[u8]) -> Result<ExtensionValue, ElementError>;

const READERS: &[(const_oid::ObjectIdentifier, Reader)] = &[
    (known::BASIC_CONSTRAINTS, |v| {
        BasicConstraints::read(v).map(|(value, _)| ExtensionValue::BasicConstraints(value))
    }),
    (known::KEY_USAGE, |v| {
        KeyUsage::read(v).map(|(value, _)| ExtensionValue::KeyUsage(value))
    }),
    (known::EXTENDED_KEY_USAGE, |v| {
        let usages = extended_key_usages(v)?;
        Ok(ExtensionValue::ExtendedKeyUsage(
            usages.into_iter().map(Named::from).collect(),
        ))
    }),
    (known::SUBJECT_ALT_NAME, names),
    (known::ISSUER_ALT_NAME, names),
    (known::CERTIFICATE_ISSUER, names),
    (known::NAME_CONSTRAINTS, |v| {
        NameConstraints::read(v).map(ExtensionValue::NameConstraints)
    }),
    (known::SUBJECT_KEY_IDENTIFIER, |v| {
        subject_key_identifier(v).map(|bytes| ExtensionValue::KeyIdentifier(Bytes(bytes)))
    }),
    (known::AUTHORITY_KEY_IDENTIFIER, |v| {
        let read = AuthorityKeyIdentifier::read(v)?;
        Ok(ExtensionValue::AuthorityKeyIdentifier(Authority {
            key_identifier: read.key_identifier.map(Bytes),
            issuer: read.issuer,
            serial: read.serial.as_deref().map(SerialNumber::from_der_content),
        }))
    }),
    (known::CRL_DISTRIBUTION_POINTS, distribution_points),
    (known::FRESHEST_CRL, distribution_points),
    (known::AUTHORITY_INFORMATION_ACCESS, access),
    (known::SUBJECT_INFORMATION_ACCESS, access),
    (known::CERTIFICATE_POLICIES, |v| {
        each(v, Policy::read).map(ExtensionValue::Policies)
    }),
    (known::POLICY_MAPPINGS, |v| {
        each(v, policy_mapping).map(ExtensionValue::PolicyMappings)
    }),
    (known::POLICY_CONSTRAINTS, |v| {
        policy_constraints(v).map(ExtensionValue::PolicyConstraints)
    }),
    (known::INHIBIT_ANY_POLICY, |v| {
        let count = Element::only(v, INTEGER, "inhibitAnyPolicy")?;
        small_integer(count, "inhibitAnyPolicy").map(ExtensionValue::SkipCertificates)
    }),
    (known::SIGNED_CERTIFICATE_TIMESTAMPS, |v| {
        read_timestamps(v).map(ExtensionValue::Timestamps)
    }),
    (known::TLS_FEATURE, |v| {
        each_of(v, INTEGER, tls_feature).map(ExtensionValue::TlsFeature)
    }),
    (known::CRL_NUMBER, number),
    (known::DELTA_CRL_INDICATOR, number),
    (known::ISSUING_DISTRIBUTION_POINT, |v| {
        IssuingDistributionPoint::read(v).map(ExtensionValue::IssuingDistributionPoint)
    }),
    (known::REASON_CODE, |v| {
        RevocationReason::read(v).map(ExtensionValue::Reason)
    }),
    (known::INVALIDITY_DATE, |v| {
        let (element, _) = Element::first(v, "invalidityDate")?;
        let wrong = ElementError::Content {
            what: "invalidityDate",
        };
        Moment::read(element, "invalidityDate")
            .map(|m| ExtensionValue::Time(m.time))
            .or(Err(wrong))
    }),
    (known::NETSCAPE_COMMENT, |v| {
        let (element, _) = Element::first(v, "netscapeComment")?;
        Ok(ExtensionValue::Text(latin_1(element.content)))
    }),
];

fn names(value: &[u8]) -> Result<ExtensionValue, ElementError> {
    alt_names(value).map(ExtensionValue::Names)
}

fn distribution_points(value: &[u8]) -> Result<ExtensionValue, ElementError> {
    each(value, DistributionPoint::read).map(ExtensionValue::DistributionPoints)
}

fn access(value: &[u8]) -> Result<ExtensionValue, ElementError> {
    each(value, access_description).map(ExtensionValue::Access)
}

fn basic_constraints_line(constraints: BasicConstraints) -> String {
    let ca = if constraints.ca { "CA" } else { "not a CA" };
    match constraints.path_length {
        Some(length) => format!("{ca}, path length {length}"),
        None => ca.to_owned(),
    }
}

/// Reads each SEQUENCE in a SEQUENCE SIZE (1..MAX).
pub(crate) fn each<T>(
    value: &[u8],
    read: impl Fn(Element<'_>) -> Result<T, ElementError>,
) -> Result<Vec<T>, ElementError> {
    each_of(value, SEQUENCE, read)
}

fn each_of<T>(
    value: &[u8],
    tag: u8,
    read: impl Fn(Element<'_>) -> Result<T, ElementError>,
) -> Result<Vec<T>, ElementError> {
    let elements = Element::only(value, SEQUENCE, "the extension")?.children();
    let all = elements.each_tagged(tag, "an item of the extension", read)?;
    if all.is_empty() {
        return Err(ElementError::Missing {
            what: "an item of the extension",
        });
    }
    Ok(all)
}

pub(crate) fn access_description(element: Element<'_>) -> Result<AccessDescription, ElementError> {
    let mut parts = element.children();
    let method = object_identifier(&mut parts, "an access method")?.into();
    let location = GeneralName::read(parts.any("an access location")?)?;
    parts.end("an access location")?;
    Ok(AccessDescription { method, location })
}

fn tls_feature(element: Element<'_>) -> Result<String, ElementError> {
    Ok(match small_integer(element, "a TLS feature")? {
        5 => "status_request (OCSP must be stapled)".into(),
        17 => "status_request_v2".into(),
        number => number.to_string(),
    })
}

fn number(value: &[u8]) -> Result<ExtensionValue, ElementError> {
    let number = Element::only(value, INTEGER, "the CRL's number")?;
    Ok(ExtensionValue::Number(SerialNumber::from_der_content(
        number.content,
    )))
}

fn lines_of(items: &[impl fmt::Display]) -> Vec<String> {
    if items.is_empty() {
        return vec!["(empty)".into()];
    }
    items.iter().map(ToString::to_string).collect()
}

pub(super) fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// That a log of Certificate Transparency has seen a certificate. The signature is not checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedCertificateTimestamp {
    /// The version: 1 is written as 0.
    pub version: u8,
    /// The log's identifier, in base64 as log lists have it; `None` for another version than 1.
    pub log_id: Option<String>,
    /// If the log saw it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub timestamp: Option<OffsetDateTime>,
}

impl fmt::Display for SignedCertificateTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.log_id, self.timestamp) {
            (Some(log), Some(time)) => write!(f, "{} by log {log}", rfc3339(time)),
            (None, _) | (_, None) => write!(f, "of version {}", self.version),
        }
    }
}

/// Reads the value of the extension: an OCTET STRING around a list in TLS encoding.
pub(crate) fn read_timestamps(
    value: &[u8],
) -> Result<Vec<SignedCertificateTimestamp>, ElementError> {
    let list = Element::only(value, OCTET_STRING, WHAT)?.content;
    let (mut rest, after) = vector(list)?;
    if !after.is_empty() {
        return Err(ElementError::Trailing {
            what: WHAT,
            bytes: after.len(),
        });
    }
    let mut timestamps = Vec::new();
    while !rest.is_empty() {
        let (timestamp, after) = vector(rest)?;
        timestamps.push(read(timestamp)?);
        rest = after;
    }
    Ok(timestamps)
}

fn read(bytes: &[u8]) -> Result<SignedCertificateTimestamp, ElementError> {
    let (&version, rest) = bytes.split_first().ok_or(TRUNCATED)?;
    if version != VERSION_1 {
        return Ok(SignedCertificateTimestamp {
            version,
            log_id: None,
            timestamp: None,
        });
    }
    let (log_id, rest) = rest.split_first_chunk::<LOG_ID_BYTES>().ok_or(TRUNCATED)?;
    let (milliseconds, _) = rest.split_first_chunk::<8>().ok_or(TRUNCATED)?;
    let milliseconds = i64::try_from(u64::from_be_bytes(*milliseconds)).ok();
    let timestamp = milliseconds
        .and_then(|n| OffsetDateTime::UNIX_EPOCH.checked_add(Duration::milliseconds(n)))
        .ok_or(ElementError::Content { what: WHAT })?;
    Ok(SignedCertificateTimestamp {
        version,
        log_id: Some(Base64::encode_string(log_id)),
        timestamp: Some(timestamp),
    })
}

/// The content of a TLS vector with a length of two bytes, and what follows it.
fn vector(bytes: &[u8]) -> Result<(&[u8], &[u8]), ElementError> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(TRUNCATED)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(TRUNCATED)
}

const WHAT: &str = "the list of timestamps";
const TRUNCATED: ElementError = ElementError::Truncated { what: WHAT };
const VERSION_1: u8 = 0;
const LOG_ID_BYTES: usize = 32;

#[cfg(test)]
mod timestamp_tests {
    use super::*;

    #[test]
    fn a_timestamp_names_its_log_and_its_moment() {
        let list = read_timestamps(&list(&timestamp())).unwrap();
        let text = format!("2026-11-20T08:05:00Z by log {}=", "CQkJ".repeat(10) + "CQk");
        assert_eq!(list[0].to_string(), text);
    }

    #[test]
    fn a_list_that_is_cut_or_too_long_is_malformed() {
        let good = timestamp();
        for length in 0..good.len() - 5 {
            assert!(read_timestamps(&list(&good[..length])).is_err(), "{length}");
        }
        let mut longer = list(&good);
        longer[1] += 1;
        longer.push(0);
        assert!(read_timestamps(&longer).is_err());
    }

    fn timestamp() -> Vec<u8> {
        let moment = time::macros::datetime!(2026-11-20 08:05:00 UTC);
        let milliseconds = (moment.unix_timestamp() * 1000).to_be_bytes();
        [
            &[VERSION_1][..],
            &[9; LOG_ID_BYTES],
            &milliseconds,
            &[0, 0, 4, 3, 0],
        ]
        .concat()
    }

    fn list(timestamp: &[u8]) -> Vec<u8> {
        let length = timestamp.len() as u8;
        [
            &[OCTET_STRING, length + 4, 0, length + 2, 0, length][..],
            timestamp,
        ]
        .concat()
    }
}
