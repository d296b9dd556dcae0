//! Names as certificates hold them.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::element::{
    Element, ElementError, Elements, OBJECT_IDENTIFIER, SEQUENCE, context, context_constructed,
};
use super::encoding::{
    GENERAL_NAME_DNS, GENERAL_NAME_IP, GENERAL_NAME_URI, address_bytes, element, general_name,
    sequence,
};
use super::escape::Escaped;
use super::fingerprint::Colons;
use super::name::DistinguishedName;
use super::oid::ObjectIdentifier;
use super::san::{NameError, SubjectAltName};

/// A GeneralName as it was read ([RFC 5280 §4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)).
///
/// Text is as it is there, one character to each byte, so that it may hold anything; `Display`
/// gives it with its type and escapes what cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GeneralName {
    /// otherName: its type and the DER of its value.
    Other(ObjectIdentifier, Vec<u8>),
    /// rfc822Name.
    Email(String),
    /// dNSName.
    Dns(String),
    /// x400Address, as DER content.
    X400(Vec<u8>),
    /// directoryName.
    Directory(DistinguishedName),
    /// ediPartyName, as DER content.
    EdiParty(Vec<u8>),
    /// uniformResourceIdentifier.
    Uri(String),
    /// iPAddress: 4 or 16 bytes, or with its mask 8 or 32 in name constraints, or malformed.
    Ip(Vec<u8>),
    /// registeredID.
    RegisteredId(ObjectIdentifier),
}

impl From<&SubjectAltName> for GeneralName {
    fn from(name: &SubjectAltName) -> Self {
        match name {
            SubjectAltName::Dns(text) => GeneralName::Dns(text.clone()),
            SubjectAltName::Uri(text) => GeneralName::Uri(text.clone()),
            SubjectAltName::Email(text) => GeneralName::Email(text.clone()),
            SubjectAltName::Ip(IpAddr::V4(address)) => GeneralName::Ip(address.octets().to_vec()),
            SubjectAltName::Ip(IpAddr::V6(address)) => GeneralName::Ip(address.octets().to_vec()),
        }
    }
}

impl GeneralName {
    /// The name of these that a server would be dialled by: `localhost` if it is among them, else the first host
    /// without a wildcard or address.
    pub fn dialled(names: &[GeneralName]) -> Option<String> {
        let host = |name: &GeneralName| match name {
            GeneralName::Dns(text) if !text.contains('*') => Some(text.clone()),
            _ => name.address().map(|address| address.to_string()),
        };
        let hosts: Vec<String> = names.iter().filter_map(host).collect();
        let local = hosts.iter().find(|name| *name == "localhost");
        local.or(hosts.first()).cloned()
    }

    /// Reads one GeneralName.
    pub(crate) fn read(element: Element<'_>) -> Result<Self, ElementError> {
        let text = || element.content.iter().copied().map(char::from).collect();
        let content = || element.content.to_vec();
        Ok(match element.tag {
            tag if tag == context_constructed(0) => {
                let mut parts = element.children();
                let kind = object_identifier(&mut parts, "the otherName's type")?;
                let value = parts.next(context_constructed(0), "the otherName's value")?;
                parts.end("the otherName")?;
                GeneralName::Other(kind, value.content.to_vec())
            }
            tag if tag == context(1) => GeneralName::Email(text()),
            tag if tag == context(2) => GeneralName::Dns(text()),
            tag if tag == context_constructed(3) => GeneralName::X400(content()),
            tag if tag == context_constructed(4) => {
                let name = Element::only(element.content, SEQUENCE, "the directoryName")?;
                GeneralName::Directory(DistinguishedName::from_der(name.whole))
            }
            tag if tag == context_constructed(5) => GeneralName::EdiParty(content()),
            tag if tag == context(6) => GeneralName::Uri(text()),
            tag if tag == context(7) => GeneralName::Ip(content()),
            tag if tag == context(8) => {
                let id = ObjectIdentifier::from_der_content(element.content);
                id.check("the registeredID")?;
                GeneralName::RegisteredId(id)
            }
            _ => {
                return Err(ElementError::Content {
                    what: "a GeneralName",
                });
            }
        })
    }

    /// Reads GeneralNames up to the end.
    pub(crate) fn read_all(elements: Elements<'_>) -> Result<Vec<Self>, ElementError> {
        elements.each("a GeneralName", Self::read)
    }

    /// The text of a URI.
    pub fn uri(&self) -> Option<&str> {
        match self {
            GeneralName::Uri(uri) => Some(uri),
            GeneralName::Other(..)
            | GeneralName::Email(_)
            | GeneralName::Dns(_)
            | GeneralName::X400(_)
            | GeneralName::Directory(_)
            | GeneralName::EdiParty(_)
            | GeneralName::Ip(_)
            | GeneralName::RegisteredId(_) => None,
        }
    }

    /// The name of a directoryName.
    pub fn directory(&self) -> Option<&DistinguishedName> {
        match self {
            GeneralName::Directory(name) => Some(name),
            GeneralName::Other(..)
            | GeneralName::Email(_)
            | GeneralName::Dns(_)
            | GeneralName::X400(_)
            | GeneralName::EdiParty(_)
            | GeneralName::Uri(_)
            | GeneralName::Ip(_)
            | GeneralName::RegisteredId(_) => None,
        }
    }

    /// The text of a dNSName.
    pub fn dns(&self) -> Option<&str> {
        let GeneralName::Dns(text) = self else {
            return None;
        };
        Some(text)
    }

    /// The address of an iPAddress of 4 or 16 bytes.
    pub fn address(&self) -> Option<IpAddr> {
        let bytes = self.ip_bytes()?;
        <[u8; 4]>::try_from(bytes)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
            .ok()
    }

    /// The address and the mask of an iPAddress of 8 or 32 bytes, as name constraints have it.
    pub fn network(&self) -> Option<(IpAddr, IpAddr)> {
        let bytes = self.ip_bytes()?;
        let (address, mask) = bytes.split_at(bytes.len() / 2);
        match bytes.len() {
            8 | 32 => Some((half(address)?, half(mask)?)),
            _ => None,
        }
    }

    /// What is wrong with its form, as a clause.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self {
            GeneralName::Dns(text) | GeneralName::Email(text) | GeneralName::Uri(text) => {
                if text.is_empty() {
                    Some("is empty")
                } else if !text.is_ascii() {
                    Some("has bytes that are not ASCII")
                } else if text.bytes().any(|b| b.is_ascii_control()) {
                    Some("has control characters")
                } else {
                    None
                }
            }
            GeneralName::Ip(bytes) => {
                (bytes.len() != 4 && bytes.len() != 16).then_some("is not an IP address")
            }
            GeneralName::Other(..)
            | GeneralName::X400(_)
            | GeneralName::Directory(_)
            | GeneralName::EdiParty(_)
            | GeneralName::RegisteredId(_) => None,
        }
    }

    fn ip_bytes(&self) -> Option<&[u8]> {
        match self {
            GeneralName::Ip(bytes) => Some(bytes),
            GeneralName::Other(..)
            | GeneralName::Email(_)
            | GeneralName::Dns(_)
            | GeneralName::X400(_)
            | GeneralName::Directory(_)
            | GeneralName::EdiParty(_)
            | GeneralName::Uri(_)
            | GeneralName::RegisteredId(_) => None,
        }
    }
}

impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GeneralName::Other(kind, value) => {
                write!(f, "other:{kind}=")?;
                bytes(f, value)
            }
            GeneralName::Email(text) => write!(f, "email:{}", Escaped(text)),
            GeneralName::Dns(text) => write!(f, "dns:{}", Escaped(text)),
            GeneralName::Uri(text) => write!(f, "uri:{}", Escaped(text)),
            GeneralName::X400(value) => {
                f.write_str("x400:")?;
                bytes(f, value)
            }
            GeneralName::Directory(name) => write!(f, "directory:{name}"),
            GeneralName::EdiParty(value) => {
                f.write_str("edi:")?;
                bytes(f, value)
            }
            GeneralName::Ip(value) => match (self.address(), self.network()) {
                (Some(address), _) => write!(f, "ip:{address}"),
                (None, Some((address, mask))) => match prefix_length(mask) {
                    Some(bits) => write!(f, "ip:{address}/{bits}"),
                    None => write!(f, "ip:{address}/{mask}"),
                },
                (None, None) => {
                    f.write_str("ip: malformed: ")?;
                    bytes(f, value)
                }
            },
            GeneralName::RegisteredId(id) => write!(f, "registered-id:{id}"),
        }
    }
}

impl serde::Serialize for GeneralName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The next element, which is an object identifier.
pub(crate) fn object_identifier(
    elements: &mut Elements<'_>,
    what: &'static str,
) -> Result<ObjectIdentifier, ElementError> {
    let oid = ObjectIdentifier::from_der_content(elements.next(OBJECT_IDENTIFIER, what)?.content);
    oid.check(what)?;
    Ok(oid)
}

const MAX_BYTES_SHOWN: usize = 64;

/// Bytes in hex, the first of them when there are many.
fn bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let shown = &bytes[..bytes.len().min(MAX_BYTES_SHOWN)];
    write!(f, "{}", Colons(shown))?;
    if shown.len() < bytes.len() {
        write!(f, "… ({} bytes)", bytes.len())?;
    }
    Ok(())
}

/// An address of 4 or 16 bytes.
fn half(bytes: &[u8]) -> Option<IpAddr> {
    GeneralName::Ip(bytes.to_vec()).address()
}

/// How many leading ones a mask has, when nothing but zeros follows them.
fn prefix_length(mask: IpAddr) -> Option<u32> {
    let (bits, width) = match mask {
        IpAddr::V4(mask) => (u128::from(u32::from(mask)) << 96, 32),
        IpAddr::V6(mask) => (u128::from(mask), 128),
    };
    let ones = bits.leading_ones();
    let is_prefix = ones == 128 || bits << ones == 0;
    (is_prefix && ones <= width).then_some(ones)
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
    /// Whether there are no constraints.
    pub fn is_empty(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }
}

impl NameConstraints {
    pub(crate) fn to_der(&self) -> Vec<u8> {
        let mut content = Vec::new();
        for (number, subtrees) in [(0, &self.permitted), (1, &self.excluded)] {
            if !subtrees.is_empty() {
                let bases: Vec<_> = subtrees.iter().map(Subtree::to_der).collect();
                content.extend(element(context_constructed(number), &[&bases.concat()]));
            }
        }
        sequence(&[&content])
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

impl Subtree {
    /// A domain and all below it; a leading dot is dropped, for RFC 5280 has none there.
    ///
    /// # Errors
    /// If it is not a domain.
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
    /// If it is malformed, or the address has bits set behind the prefix.
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
        let bytes = address_bytes(address);
        let bits = bytes.len() * 8;
        let prefix = if prefix.is_empty() {
            bits
        } else {
            prefix
                .parse()
                .ok()
                .filter(|n| *n <= bits)
                .ok_or_else(wrong)?
        };
        let inside = bytes
            .iter()
            .enumerate()
            .all(|(i, byte)| byte & !prefix_byte(prefix, i) == 0);
        match u8::try_from(prefix) {
            Ok(prefix) if inside => Ok(Subtree::Ip { address, prefix }),
            Ok(_) | Err(_) => Err(wrong()),
        }
    }

    /// A host that URIs may have, or with a leading dot a domain it lies below.
    ///
    /// # Errors
    /// If it is not a host.
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

    fn to_der(&self) -> Vec<u8> {
        let base = match self {
            Subtree::Dns(domain) => general_name(GENERAL_NAME_DNS, domain.as_bytes()),
            Subtree::Uri(host) => general_name(GENERAL_NAME_URI, host.as_bytes()),
            Subtree::Ip { address, prefix } => {
                let bytes = address_bytes(*address);
                let mask = (0..bytes.len()).map(|i| prefix_byte(usize::from(*prefix), i));
                let base: Vec<u8> = bytes
                    .iter()
                    .zip(mask.clone())
                    .map(|(a, m)| a & m)
                    .chain(mask)
                    .collect();
                general_name(GENERAL_NAME_IP, &base)
            }
        };
        sequence(&[&base])
    }
}

/// Why text is not a subtree.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not {what} to constrain names to", text.escape_debug())]
pub struct SubtreeError {
    text: String,
    what: &'static str,
    source: Option<NameError>,
}

/// The `i`th byte of a mask of `prefix` ones.
fn prefix_byte(prefix: usize, i: usize) -> u8 {
    let ones = prefix.saturating_sub(i * 8).min(8);
    (0xff00_u16 >> ones) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_escaped() {
        let name = GeneralName::read_all(Elements::new(b"\x82\x05a\x1b[\x9bm")).unwrap();
        assert_eq!(name[0].to_string(), "dns:a\\u{1b}[\\u{9b}m");
        assert_eq!(name[0].fault(), Some("has bytes that are not ASCII"));
    }

    #[test]
    fn addresses_are_shown_with_their_prefix_or_mask() {
        for (bytes, text) in [
            (&[10, 0, 0, 7][..], "ip:10.0.0.7"),
            (&[10, 0, 0, 0, 255, 0, 0, 0], "ip:10.0.0.0/8"),
            (&[10, 0, 0, 0, 255, 0, 255, 0], "ip:10.0.0.0/255.0.255.0"),
            (&[0, 0, 0, 0, 0, 0, 0, 0], "ip:0.0.0.0/0"),
            (&[1], "ip: malformed: 01"),
        ] {
            assert_eq!(GeneralName::Ip(bytes.to_vec()).to_string(), text);
        }
    }
}

#[cfg(test)]
mod subtree_tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_row_of_ones() {
        assert_eq!([0, 1, 2, 3].map(|i| prefix_byte(12, i)), [0xff, 0xf0, 0, 0]);
        assert_eq!(prefix_byte(128, 15), 0xff);
    }
}
