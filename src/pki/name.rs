//! Distinguished names.

use std::fmt;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;

use super::element::{Element, ElementError, OBJECT_IDENTIFIER, SEQUENCE, SET};
use super::encoding::{element, oid, sequence};
use super::escape::is_unsafe_to_show;
use super::fingerprint::Hex;
use super::oid::ObjectIdentifier;

/// A distinguished name as the DER it has in a certificate
/// ([RFC 5280 §4.1.2.4](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.4)), so that a copy of it
/// is a copy byte for byte.
///
/// Shown as [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514) has it: last attribute first, and
/// control, bidirectional and invisible characters as hex pairs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName(Vec<u8>);

impl DistinguishedName {
    /// The name with no attributes, for a subject that is only in the SubjectAltName.
    pub fn empty() -> Self {
        DistinguishedName(vec![0x30, 0x00])
    }

    /// A name of these attributes in this order, one to each RDN: the country as PrintableString,
    /// e-mail as IA5String, the others as UTF8String (RFC 5280 §4.1.2.4).
    ///
    /// # Errors
    /// If a value is empty, longer than its upper bound (RFC 5280 appendix A.1), holds
    /// characters its string type has not, or ones that cannot be shown.
    pub fn build(attributes: &[(AttributeType, &str)]) -> Result<Self, AttributeError> {
        let rdns = attributes
            .iter()
            .map(|(kind, value)| rdn(*kind, value))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(DistinguishedName(sequence(&[&rdns.concat()])))
    }

    /// The name with this DER, taken as it is.
    pub fn from_der(der: &[u8]) -> Self {
        DistinguishedName(der.to_vec())
    }

    /// The DER of the whole Name.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// Whether it has no attributes.
    pub fn is_empty(&self) -> bool {
        self.0 == [0x30, 0x00]
    }

    /// The values of every attribute of this type, first to last, if they are text.
    pub fn values(&self, kind: AttributeType) -> Vec<String> {
        let rdns = attributes(&self.0).unwrap_or_default();
        let attributes = rdns.iter().flatten();
        attributes
            .filter(|attribute| attribute.oid == kind.oid())
            .filter_map(Attribute::text)
            .collect()
    }

    /// What is wrong with the encoding of it is, as a clause; `None` if it reads as a Name.
    pub(crate) fn fault(&self) -> Option<String> {
        let rdns = match attributes(&self.0) {
            Ok(rdns) => rdns,
            Err(error) => return Some(error.to_string()),
        };
        if rdns.iter().any(Vec::is_empty) {
            return Some("a relative distinguished name is empty".into());
        }
        let mut attributes = rdns.iter().flatten();
        attributes
            .any(|attribute| attribute.oid.check("").is_err())
            .then(|| "an attribute's type is a malformed object identifier".into())
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(rdns) = attributes(&self.0) else {
            return write!(f, "#{}", Hex(&self.0));
        };
        for (i, rdn) in rdns.iter().rev().enumerate() {
            for (j, attribute) in rdn.iter().enumerate() {
                f.write_str(if j > 0 {
                    "+"
                } else if i > 0 {
                    ","
                } else {
                    ""
                })?;
                attribute.fmt(f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

impl serde::Serialize for DistinguishedName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The attribute types a subject can be given (RFC 5280 appendix A.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    /// countryName: two letters (ISO 3166).
    Country,
    /// stateOrProvinceName.
    StateOrProvince,
    /// localityName.
    Locality,
    /// organizationName.
    Organization,
    /// organizationalUnitName.
    OrganizationalUnit,
    /// commonName.
    CommonName,
    /// emailAddress (PKCS #9).
    EmailAddress,
}

impl AttributeType {
    /// The object identifier.
    pub fn oid(self) -> KnownObjectIdentifier {
        KnownObjectIdentifier::new_unwrap(match self {
            AttributeType::Country => "2.5.4.6",
            AttributeType::StateOrProvince => "2.5.4.8",
            AttributeType::Locality => "2.5.4.7",
            AttributeType::Organization => "2.5.4.10",
            AttributeType::OrganizationalUnit => "2.5.4.11",
            AttributeType::CommonName => "2.5.4.3",
            AttributeType::EmailAddress => "1.2.840.113549.1.9.1",
        })
    }

    /// The most characters a value may have (RFC 5280 appendix A.1).
    pub fn upper_bound(self) -> usize {
        match self {
            AttributeType::Country => 2,
            AttributeType::StateOrProvince | AttributeType::Locality => 128,
            AttributeType::Organization
            | AttributeType::OrganizationalUnit
            | AttributeType::CommonName => 64,
            AttributeType::EmailAddress => 255,
        }
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AttributeType::Country => "country",
            AttributeType::StateOrProvince => "state or province",
            AttributeType::Locality => "locality",
            AttributeType::Organization => "organization",
            AttributeType::OrganizationalUnit => "organizational unit",
            AttributeType::CommonName => "common name",
            AttributeType::EmailAddress => "e-mail address",
        })
    }
}

/// Why a subject cannot contain a value.
#[derive(Debug, thiserror::Error)]
pub enum AttributeError {
    /// No value at all.
    #[error("{kind} is empty")]
    Empty {
        /// Which attribute.
        kind: AttributeType,
    },
    /// Over the upper bound of RFC 5280.
    #[error("{kind} has {length} characters, more than {}", kind.upper_bound())]
    TooLong {
        /// Which attribute.
        kind: AttributeType,
        /// How many characters it has.
        length: usize,
    },
    /// A character that the attribute's string type has not, or that cannot be shown.
    #[error("{kind} '{}' contains the character U+{:04X}, which is not allowed", value.escape_debug(), u32::from(*character))]
    Character {
        /// Which attribute.
        kind: AttributeType,
        /// The value.
        value: String,
        /// The first character that is wrong.
        character: char,
    },
}

/// A relative distinguished name of one attribute.
fn rdn(kind: AttributeType, value: &str) -> Result<Vec<u8>, AttributeError> {
    if value.is_empty() {
        return Err(AttributeError::Empty { kind });
    }
    let length = value.chars().count();
    if length > kind.upper_bound() {
        return Err(AttributeError::TooLong { kind, length });
    }
    let (tag, is_allowed): (u8, fn(char) -> bool) = match kind {
        AttributeType::Country => (PRINTABLE_STRING, |c| c.is_ascii_uppercase()),
        AttributeType::EmailAddress => (IA5_STRING, |c| c.is_ascii()),
        AttributeType::StateOrProvince
        | AttributeType::Locality
        | AttributeType::Organization
        | AttributeType::OrganizationalUnit
        | AttributeType::CommonName => (UTF8_STRING, |_| true),
    };
    let wrong = value
        .chars()
        .find(|&c| is_unsafe_to_show(c) || !is_allowed(c));
    if let Some(character) = wrong {
        return Err(AttributeError::Character {
            kind,
            value: value.to_owned(),
            character,
        });
    }
    let attribute = sequence(&[&oid(kind.oid()), &element(tag, &[value.as_bytes()])]);
    Ok(element(SET, &[&attribute]))
}

/// An attribute type and the element that is its value. Shown as
/// [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514) has it.
pub(crate) struct Attribute<'a> {
    /// Its type.
    pub(crate) oid: ObjectIdentifier,
    /// Its value, whatever its type.
    pub(crate) value: Element<'a>,
}

impl Attribute<'_> {
    /// The value where it is text: a directory string of any type. A T61String is read as Latin-1,
    /// as every other program does.
    pub(crate) fn text(&self) -> Option<String> {
        let bytes = self.value.content;
        match self.value.tag {
            UTF8_STRING => std::str::from_utf8(bytes).ok().map(str::to_owned),
            NUMERIC_STRING | PRINTABLE_STRING | T61_STRING | IA5_STRING | GRAPHIC_STRING
            | VISIBLE_STRING | GENERAL_STRING => {
                Some(bytes.iter().copied().map(char::from).collect())
            }
            BMP_STRING => {
                let (units, rest) = bytes.as_chunks();
                let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
                String::from_utf16(&units).ok().filter(|_| rest.is_empty())
            }
            UNIVERSAL_STRING => {
                let (units, rest) = bytes.as_chunks();
                let text: Option<_> = units
                    .iter()
                    .map(|unit| char::from_u32(u32::from_be_bytes(*unit)))
                    .collect();
                text.filter(|_| rest.is_empty())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let oid = self.oid.to_string();
        match SHORT_NAMES.iter().find(|(known, _)| oid == *known) {
            Some((_, name)) => write!(f, "{name}=")?,
            None => write!(f, "{oid}=")?,
        }
        let Some(value) = self.text() else {
            return write!(f, "#{}", Hex(self.value.whole));
        };
        let last = value.chars().count().saturating_sub(1);
        for (i, c) in value.chars().enumerate() {
            match c {
                '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{c}")?,
                ' ' if i == 0 || i == last => f.write_str("\\ ")?,
                '#' if i == 0 => f.write_str("\\#")?,
                c if is_unsafe_to_show(c) => {
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        write!(f, "\\{byte:02X}")?;
                    }
                }
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// The attributes of each RDN of a Name.
pub(crate) fn attributes(name: &[u8]) -> Result<Vec<Vec<Attribute<'_>>>, ElementError> {
    let rdns = Element::only(name, SEQUENCE, "the name")?.children();
    rdns.each_tagged(SET, "a relative distinguished name", |rdn| {
        rdn.children()
            .each_tagged(SEQUENCE, "an attribute", |attribute| {
                let mut parts = attribute.children();
                let oid = parts.next(OBJECT_IDENTIFIER, "an attribute's type")?;
                let oid = ObjectIdentifier::from_der_content(oid.content);
                let value = parts.any("an attribute's value")?;
                parts.end("an attribute's value")?;
                Ok(Attribute { oid, value })
            })
    })
}

pub(crate) const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
const T61_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
const GRAPHIC_STRING: u8 = 0x19;
const VISIBLE_STRING: u8 = 0x1a;
const GENERAL_STRING: u8 = 0x1b;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

/// RFC 4514 §3, and the few others in common use.
const SHORT_NAMES: [(&str, &str); 17] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.42", "GN"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_last_attribute_first_with_specials_escaped() {
        let name = DistinguishedName::build(&[
            (AttributeType::Country, "CH"),
            (AttributeType::Organization, "Acme, Inc."),
            (AttributeType::CommonName, " a+b "),
        ]);
        assert_eq!(
            name.unwrap().to_string(),
            "CN=\\ a\\+b\\ ,O=Acme\\, Inc.,C=CH"
        );
    }

    #[test]
    fn a_common_name_has_at_most_64_characters_whatever_their_bytes() {
        assert!(DistinguishedName::build(&[(AttributeType::CommonName, &"ü".repeat(64))]).is_ok());
        assert!(DistinguishedName::build(&[(AttributeType::CommonName, &"a".repeat(65))]).is_err());
    }

    #[test]
    fn characters_that_cannot_be_shown_are_refused() {
        for value in ["a\nb", "a\u{202e}b", "a\0", "\u{1b}[31m"] {
            assert!(DistinguishedName::build(&[(AttributeType::CommonName, value)]).is_err());
        }
        assert!(DistinguishedName::build(&[(AttributeType::Country, "che")]).is_err());
    }
}
