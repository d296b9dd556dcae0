//! What a CA may issue for: name constraints, and the subtrees of names they are made of.

use std::net::IpAddr;

use serde::Serialize;

use super::element::context_constructed;
use super::encoding::{
    GENERAL_NAME_DNS, GENERAL_NAME_IP, GENERAL_NAME_URI, address_octets, element, general_name,
    sequence,
};
use super::san::{NameError, SubjectAltName};

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
                let octets = address_octets(*address);
                let mask = (0..octets.len()).map(|i| prefix_octet(usize::from(*prefix), i));
                let base: Vec<u8> = octets
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
fn prefix_octet(prefix: usize, i: usize) -> u8 {
    let ones = prefix.saturating_sub(i * 8).min(8);
    (0xff00_u16 >> ones) as u8
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
}
