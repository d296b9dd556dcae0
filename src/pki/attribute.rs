//! Attributes of distinguished names as they are read.

use std::fmt;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;

use super::element::{Element, ElementError, OBJECT_IDENTIFIER, SEQUENCE, SET};
use super::escape::is_unsafe_to_show;
use super::oid::ObjectIdentifier;

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
        let octets = self.value.content;
        match self.value.tag {
            UTF8_STRING => std::str::from_utf8(octets).ok().map(str::to_owned),
            NUMERIC_STRING | PRINTABLE_STRING | T61_STRING | IA5_STRING | GRAPHIC_STRING
            | VISIBLE_STRING | GENERAL_STRING => {
                Some(octets.iter().copied().map(char::from).collect())
            }
            BMP_STRING => {
                let (units, rest) = octets.as_chunks();
                let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
                String::from_utf16(&units).ok().filter(|_| rest.is_empty())
            }
            UNIVERSAL_STRING => {
                let (units, rest) = octets.as_chunks();
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
        match SHORT_NAMES.iter().find(|(oid, _)| self.oid == *oid) {
            Some((_, name)) => write!(f, "{name}=")?,
            None => write!(f, "{}=", self.oid)?,
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
                    for octet in c.encode_utf8(&mut [0; 4]).bytes() {
                        write!(f, "\\{octet:02X}")?;
                    }
                }
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// The attributes of each RDN of a Name.
pub(crate) fn read(name: &[u8]) -> Result<Vec<Vec<Attribute<'_>>>, ElementError> {
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

/// What is wrong with the encoding of a Name is, as a clause.
pub(crate) fn fault(name: &[u8]) -> Option<String> {
    let rdns = match read(name) {
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

/// Octets in lower-case hex.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
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
const SHORT_NAMES: [(KnownObjectIdentifier, &str); 17] = [
    (KnownObjectIdentifier::new_unwrap("2.5.4.3"), "CN"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.4"), "SN"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.5"), "serialNumber"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.6"), "C"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.7"), "L"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.8"), "ST"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.9"), "STREET"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.10"), "O"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.11"), "OU"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.12"), "title"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.17"), "postalCode"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.42"), "GN"),
    (KnownObjectIdentifier::new_unwrap("2.5.4.46"), "dnQualifier"),
    (
        KnownObjectIdentifier::new_unwrap("2.5.4.97"),
        "organizationIdentifier",
    ),
    (
        KnownObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1"),
        "UID",
    ),
    (
        KnownObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25"),
        "DC",
    ),
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1"),
        "emailAddress",
    ),
];
