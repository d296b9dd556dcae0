//! Extensions as they are read, and what the standard ones say
//! ([RFC 5280 §4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2)).

use std::fmt;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;
use serde::Serialize;

use super::element::{
    BIT_STRING, BOOLEAN, Element, ElementError, Elements, INTEGER, OCTET_STRING, SEQUENCE, boolean,
    context, context_constructed, small_integer,
};
use super::general_name::{GeneralName, object_identifier};
use super::oid::ObjectIdentifier;

/// An extension: its type, whether it is critical, and the DER that is its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its type.
    pub oid: ObjectIdentifier,
    /// Whether a verifier that does not know it must refuse the certificate.
    pub critical: bool,
    /// The content of extnValue.
    pub value: Vec<u8>,
    /// What is wrong with its encoding, as a clause.
    pub(crate) fault: Option<&'static str>,
}

impl Extension {
    /// Reads the SEQUENCE of extensions.
    pub(crate) fn read_all(sequence: Element<'_>) -> Result<Vec<Self>, ElementError> {
        sequence
            .children()
            .each_tagged(SEQUENCE, "an extension", Self::read)
    }

    fn read(sequence: Element<'_>) -> Result<Self, ElementError> {
        let mut elements = sequence.children();
        let oid = elements.next(super::element::OBJECT_IDENTIFIER, "an extension's type")?;
        let oid = ObjectIdentifier::from_der_content(oid.content);
        let mut fault = None;
        if oid.check("an extension's type").is_err() {
            fault = Some("its type is a malformed object identifier");
        }
        let critical = match elements.optional(BOOLEAN, "an extension's critical")? {
            None => false,
            Some(element) => match boolean(element, "an extension's critical")? {
                Some(critical) => {
                    if !critical {
                        fault = Some("critical is encoded although it is false");
                    }
                    critical
                }
                None => {
                    fault = Some("critical is neither 00 nor ff");
                    true
                }
            },
        };
        let value = elements.next(OCTET_STRING, "an extension's value")?;
        elements.end("an extension's value")?;
        Ok(Extension {
            oid,
            critical,
            value: value.content.to_vec(),
            fault,
        })
    }
}

impl Extension {
    /// Its name as RFC 5280 writes it, or else its object identifier.
    pub fn title(&self) -> String {
        extension_name(&self.oid).map_or_else(|| self.oid.to_string(), str::to_owned)
    }
}

/// basicConstraints ([RFC 5280 §4.2.1.9](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BasicConstraints {
    /// Whether it is a CA's certificate.
    pub ca: bool,
    /// How many more intermediates may follow below it.
    pub path_length: Option<u64>,
}

impl BasicConstraints {
    /// Reads the extension's value, and what is unusual about its encoding.
    pub(crate) fn read(value: &[u8]) -> Result<(Self, Option<&'static str>), ElementError> {
        let sequence = Element::only(value, SEQUENCE, "basicConstraints")?;
        let mut elements = sequence.children();
        let mut fault = None;
        let ca = match elements.optional(BOOLEAN, "cA")? {
            None => false,
            Some(element) => match boolean(element, "cA")? {
                Some(true) => true,
                Some(false) => {
                    fault = Some("cA is encoded although it is false");
                    false
                }
                None => return Err(ElementError::Content { what: "cA" }),
            },
        };
        let path_length = elements
            .optional(INTEGER, "pathLenConstraint")?
            .map(|element| small_integer(element, "pathLenConstraint"))
            .transpose()?;
        elements.end("basicConstraints")?;
        Ok((BasicConstraints { ca, path_length }, fault))
    }
}

/// The bits of keyUsage ([RFC 5280 §4.2.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: u32 = 0;
    /// keyEncipherment.
    pub const KEY_ENCIPHERMENT: u32 = 2;
    /// keyAgreement.
    pub const KEY_AGREEMENT: u32 = 4;
    /// keyCertSign.
    pub const KEY_CERT_SIGN: u32 = 5;
    /// cRLSign.
    pub const CRL_SIGN: u32 = 6;

    /// Whether this bit is set: the number RFC 5280 gives it, such as [`KeyUsage::KEY_CERT_SIGN`].
    pub fn has(self, bit: u32) -> bool {
        self.0 << bit & 0x8000 != 0
    }

    /// The names of the bits that are set.
    pub fn names(self) -> Vec<&'static str> {
        let names = (0..).zip(KEY_USAGE_NAMES);
        names
            .filter(|(bit, _)| self.has(*bit))
            .map(|(_, name)| name)
            .collect()
    }

    /// Reads the extension's value, and what is unusual about its encoding.
    pub(crate) fn read(value: &[u8]) -> Result<(Self, Option<&'static str>), ElementError> {
        let bits = Element::only(value, BIT_STRING, "keyUsage")?;
        let wrong = ElementError::Content { what: "keyUsage" };
        let (&unused, bytes) = bits.content.split_first().ok_or(wrong)?;
        if unused > 7 || (unused > 0 && bytes.is_empty()) {
            return Err(wrong);
        }
        let at = |i: usize| u16::from(bytes.get(i).copied().unwrap_or(0));
        let usage = KeyUsage((at(0) << 8 | at(1)) & KEY_USAGE_MASK);
        let last = bytes.last().copied().unwrap_or(0);
        let fault = if unused > 0 && last.trailing_zeros() < u32::from(unused) {
            return Err(wrong);
        } else if bytes.len() > 2 || (at(0) << 8 | at(1)) & !KEY_USAGE_MASK != 0 {
            Some("it has undefined bits")
        } else if usage.0 == 0 {
            Some("it allows nothing")
        } else {
            None
        };
        Ok((usage, fault))
    }
}

impl Serialize for KeyUsage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

/// authorityKeyIdentifier ([RFC 5280 §4.2.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.1)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorityKeyIdentifier {
    /// The issuer's subjectKeyIdentifier.
    pub key_identifier: Option<Vec<u8>>,
    /// The names of the issuer's issuer.
    pub issuer: Vec<GeneralName>,
    /// The content of the issuer's serial number.
    pub serial: Option<Vec<u8>>,
}

impl AuthorityKeyIdentifier {
    pub(crate) fn read(value: &[u8]) -> Result<Self, ElementError> {
        let sequence = Element::only(value, SEQUENCE, "authorityKeyIdentifier")?;
        let mut elements = sequence.children();
        let key_identifier = elements.optional(context(0), "keyIdentifier")?;
        let issuer = elements.optional(context_constructed(1), "authorityCertIssuer")?;
        let serial = elements.optional(context(2), "authorityCertSerialNumber")?;
        elements.end("authorityKeyIdentifier")?;
        Ok(AuthorityKeyIdentifier {
            key_identifier: key_identifier.map(|e| e.content.to_vec()),
            issuer: issuer.map_or(Ok(Vec::new()), |e| GeneralName::read_all(e.children()))?,
            serial: serial.map(|e| e.content.to_vec()),
        })
    }
}

/// nameConstraints ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NameConstraints {
    /// The subtrees that names must lie in, for each type that occurs.
    pub permitted: Vec<GeneralName>,
    /// The subtrees names must not lie in.
    pub excluded: Vec<GeneralName>,
}

impl NameConstraints {
    /// Each constraint as a clause: `only dns:example.org`, `never ip:10.0.0.0/8`.
    pub fn clauses(&self) -> Vec<String> {
        let permitted = self.permitted.iter().map(|name| format!("only {name}"));
        let excluded = self.excluded.iter().map(|name| format!("never {name}"));
        permitted.chain(excluded).collect()
    }

    pub(crate) fn read(value: &[u8]) -> Result<Self, ElementError> {
        let sequence = Element::only(value, SEQUENCE, "nameConstraints")?;
        let mut elements = sequence.children();
        let permitted = elements.optional(context_constructed(0), "permittedSubtrees")?;
        let excluded = elements.optional(context_constructed(1), "excludedSubtrees")?;
        elements.end("nameConstraints")?;
        let subtrees =
            |list: Option<Element<'_>>| list.map_or(Ok(Vec::new()), |e| subtrees(e.children()));
        Ok(NameConstraints {
            permitted: subtrees(permitted)?,
            excluded: subtrees(excluded)?,
        })
    }
}

/// The object identifiers of extendedKeyUsage.
pub(crate) fn extended_key_usages(value: &[u8]) -> Result<Vec<ObjectIdentifier>, ElementError> {
    let elements = Element::only(value, SEQUENCE, "extendedKeyUsage")?.children();
    let usages = elements.each("an extended key usage", |element| {
        object_identifier(&mut Elements::new(element.whole), "an extended key usage")
    })?;
    if usages.is_empty() {
        return Err(ElementError::Missing {
            what: "an extended key usage",
        });
    }
    Ok(usages)
}

/// The names of subjectAltName or issuerAltName.
pub(crate) fn alt_names(value: &[u8]) -> Result<Vec<GeneralName>, ElementError> {
    let sequence = Element::only(value, SEQUENCE, "the SubjectAltName")?;
    GeneralName::read_all(sequence.children())
}

/// The bytes of subjectKeyIdentifier.
pub(crate) fn subject_key_identifier(value: &[u8]) -> Result<Vec<u8>, ElementError> {
    Element::only(value, OCTET_STRING, "subjectKeyIdentifier").map(|e| e.content.to_vec())
}

fn subtrees(elements: Elements<'_>) -> Result<Vec<GeneralName>, ElementError> {
    elements.each_tagged(SEQUENCE, "a subtree", |subtree| {
        let mut parts = subtree.children();
        let base = GeneralName::read(parts.any("a subtree's base")?)?;
        // RFC 5280 has minimum always 0, and no maximum.
        parts.end("a subtree's base")?;
        Ok(base)
    })
}

/// The shown name of a known extension, as RFC 5280 writes it.
pub fn extension_name(oid: &ObjectIdentifier) -> Option<&'static str> {
    EXTENSION_NAMES
        .iter()
        .find(|(known, _)| oid == known)
        .map(|(_, name)| *name)
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

const KEY_USAGE_MASK: u16 = 0xff80;
const KEY_USAGE_NAMES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

macro_rules! known {
    ($($constant:ident $oid:literal $name:literal)*) => {
        $(#[doc = concat!($name, ".")] pub const $constant: KnownObjectIdentifier = KnownObjectIdentifier::new_unwrap($oid);)*
        const EXTENSION_NAMES: &[(KnownObjectIdentifier, &str)] = &[$(($constant, $name)),*];
    };
}

known! {
    SUBJECT_DIRECTORY_ATTRIBUTES "2.5.29.9" "subjectDirectoryAttributes"
    SUBJECT_KEY_IDENTIFIER "2.5.29.14" "subjectKeyIdentifier"
    KEY_USAGE "2.5.29.15" "keyUsage"
    SUBJECT_ALT_NAME "2.5.29.17" "subjectAltName"
    ISSUER_ALT_NAME "2.5.29.18" "issuerAltName"
    BASIC_CONSTRAINTS "2.5.29.19" "basicConstraints"
    CRL_NUMBER "2.5.29.20" "cRLNumber"
    REASON_CODE "2.5.29.21" "reasonCode"
    INVALIDITY_DATE "2.5.29.24" "invalidityDate"
    DELTA_CRL_INDICATOR "2.5.29.27" "deltaCRLIndicator"
    ISSUING_DISTRIBUTION_POINT "2.5.29.28" "issuingDistributionPoint"
    CERTIFICATE_ISSUER "2.5.29.29" "certificateIssuer"
    NAME_CONSTRAINTS "2.5.29.30" "nameConstraints"
    CRL_DISTRIBUTION_POINTS "2.5.29.31" "cRLDistributionPoints"
    CERTIFICATE_POLICIES "2.5.29.32" "certificatePolicies"
    POLICY_MAPPINGS "2.5.29.33" "policyMappings"
    AUTHORITY_KEY_IDENTIFIER "2.5.29.35" "authorityKeyIdentifier"
    POLICY_CONSTRAINTS "2.5.29.36" "policyConstraints"
    EXTENDED_KEY_USAGE "2.5.29.37" "extendedKeyUsage"
    FRESHEST_CRL "2.5.29.46" "freshestCRL"
    INHIBIT_ANY_POLICY "2.5.29.54" "inhibitAnyPolicy"
    AUTHORITY_INFORMATION_ACCESS "1.3.6.1.5.5.7.1.1" "authorityInfoAccess"
    OCSP_NO_CHECK "1.3.6.1.5.5.7.48.1.5" "ocspNoCheck"
    SUBJECT_INFORMATION_ACCESS "1.3.6.1.5.5.7.1.11" "subjectInfoAccess"
    TLS_FEATURE "1.3.6.1.5.5.7.1.24" "tlsFeature"
    SIGNED_CERTIFICATE_TIMESTAMPS "1.3.6.1.4.1.11129.2.4.2" "signedCertificateTimestampList"
    PRECERTIFICATE_POISON "1.3.6.1.4.1.11129.2.4.3" "precertificatePoison"
    NETSCAPE_CERTIFICATE_TYPE "2.16.840.1.113730.1.1" "netscapeCertType"
    NETSCAPE_COMMENT "2.16.840.1.113730.1.13" "netscapeComment"
}

/// Where a revocation list is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DistributionPoint {
    /// Its names, mostly URLs.
    pub names: Vec<GeneralName>,
    /// Whether its name is relative to the issuer's, which no one uses.
    pub relative: bool,
    /// The reasons it is for; all when empty.
    pub reasons: Vec<&'static str>,
    /// Who signs the list, when that is another than the certificate's issuer.
    pub crl_issuer: Vec<GeneralName>,
}

impl DistributionPoint {
    pub(crate) fn read(element: Element<'_>) -> Result<Self, ElementError> {
        let mut parts = element.children();
        let mut point = DistributionPoint::default();
        if let Some(name) = parts.optional(context_constructed(0), "distributionPoint")? {
            (point.names, point.relative) = point_name(name)?;
        }
        if let Some(reasons) = parts.optional(context(1), "reasons")? {
            point.reasons = reason_names(reasons)?;
        }
        if let Some(issuer) = parts.optional(context_constructed(2), "cRLIssuer")? {
            point.crl_issuer = GeneralName::read_all(issuer.children())?;
        }
        parts.end("the distribution point")?;
        Ok(point)
    }
}

impl fmt::Display for DistributionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = joined(&self.names);
        f.write_str(if self.relative {
            "relative to the issuer"
        } else if names.is_empty() {
            "(no name)"
        } else {
            &names
        })?;
        if !self.reasons.is_empty() {
            write!(f, " for {}", self.reasons.join(", "))?;
        }
        if !self.crl_issuer.is_empty() {
            write!(f, " signed by {}", joined(&self.crl_issuer))?;
        }
        Ok(())
    }
}

/// What a revocation list speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IssuingDistributionPoint {
    /// Its own name.
    pub names: Vec<GeneralName>,
    /// Only certificates of end entities.
    pub only_user_certificates: bool,
    /// Only certificates of CAs.
    pub only_ca_certificates: bool,
    /// Only these reasons; all when empty.
    pub only_some_reasons: Vec<&'static str>,
    /// Also certificates of other issuers.
    pub indirect: bool,
    /// Only attribute certificates.
    pub only_attribute_certificates: bool,
}

impl IssuingDistributionPoint {
    pub(crate) fn read(value: &[u8]) -> Result<Self, ElementError> {
        let mut parts = Element::only(value, SEQUENCE, "issuingDistributionPoint")?.children();
        let mut point = IssuingDistributionPoint::default();
        if let Some(name) = parts.optional(context_constructed(0), "distributionPoint")? {
            point.names = point_name(name)?.0;
        }
        let flag = |number, parts: &mut Elements<'_>| {
            let element = parts.optional(context(number), "issuingDistributionPoint")?;
            let value = element.map(|e| boolean(e, "issuingDistributionPoint"));
            Ok(value.transpose()?.is_some_and(|value| value != Some(false)))
        };
        point.only_user_certificates = flag(1, &mut parts)?;
        point.only_ca_certificates = flag(2, &mut parts)?;
        if let Some(reasons) = parts.optional(context(3), "onlySomeReasons")? {
            point.only_some_reasons = reason_names(reasons)?;
        }
        point.indirect = flag(4, &mut parts)?;
        point.only_attribute_certificates = flag(5, &mut parts)?;
        parts.end("issuingDistributionPoint")?;
        Ok(point)
    }
}

impl fmt::Display for IssuingDistributionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![joined(&self.names)];
        for (holds, text) in [
            (self.only_user_certificates, "only end entities"),
            (self.only_ca_certificates, "only CAs"),
            (
                self.only_attribute_certificates,
                "only attribute certificates",
            ),
            (self.indirect, "of other issuers too"),
        ] {
            parts.extend(holds.then(|| text.to_owned()));
        }
        if !self.only_some_reasons.is_empty() {
            parts.push(format!("only for {}", self.only_some_reasons.join(", ")));
        }
        parts.retain(|part| !part.is_empty());
        f.write_str(&parts.join("; "))
    }
}

/// The names of a DistributionPointName, or that it is relative.
fn point_name(wrapper: Element<'_>) -> Result<(Vec<GeneralName>, bool), ElementError> {
    let mut choice = wrapper.children();
    let name = choice.any("distributionPoint")?;
    choice.end("distributionPoint")?;
    match name.tag {
        tag if tag == context_constructed(0) => {
            Ok((GeneralName::read_all(name.children())?, false))
        }
        tag if tag == context_constructed(1) => Ok((Vec::new(), true)),
        _ => Err(ElementError::Content {
            what: "distributionPoint",
        }),
    }
}

/// The names of ReasonFlags (RFC 5280 §4.2.1.13); at least one must be set.
fn reason_names(flags: Element<'_>) -> Result<Vec<&'static str>, ElementError> {
    let wrong = ElementError::Content {
        what: "the reasons",
    };
    let (unused, bytes) = flags.content.split_first().ok_or(wrong)?;
    let at = |i: usize| u16::from(bytes.get(i).copied().unwrap_or(0));
    let bits = at(0) << 8 | at(1);
    let names: Vec<_> = (0..)
        .zip(REASON_FLAGS)
        .filter(|(bit, _)| bits << bit & 0x8000 != 0)
        .map(|(_, name)| name)
        .collect();
    if *unused > 7 || names.is_empty() {
        Err(wrong)
    } else {
        Ok(names)
    }
}

fn joined(names: &[GeneralName]) -> String {
    names
        .iter()
        .map(GeneralName::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

const REASON_FLAGS: [&str; 9] = [
    "unused",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
    "aACompromise",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_usage_names_its_bits() {
        let (usage, fault) = KeyUsage::read(&[3, 2, 1, 6]).unwrap();
        assert_eq!(usage.names(), ["keyCertSign", "cRLSign"]);
        assert!(usage.has(KeyUsage::KEY_CERT_SIGN) && !usage.has(KeyUsage::DIGITAL_SIGNATURE));
        assert_eq!(fault, None);
        assert_eq!(
            KeyUsage::read(&[3, 3, 7, 0, 0x80]).unwrap().0.names(),
            ["decipherOnly"]
        );
        assert!(KeyUsage::read(&[3, 2, 7, 0xff]).is_err());
    }

    #[test]
    fn a_path_length_too_large_for_any_path_is_malformed() {
        let read = |value: &[u8]| BasicConstraints::read(value).map(|(bc, _)| bc.path_length);
        assert_eq!(read(&[0x30, 6, 1, 1, 0xff, 2, 1, 3]), Ok(Some(3)));
        let huge = [0x30, 14, 1, 1, 0xff, 2, 9, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert!(read(&huge).is_err());
        assert!(read(&[0x30, 6, 1, 1, 0xff, 2, 1, 0x83]).is_err());
    }
}
