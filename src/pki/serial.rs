//! Serial numbers.

use std::fmt;

use der::asn1::{Int, Uint};

/// A certificate's serial number as the content octets of its DER INTEGER, big-endian
/// ([RFC 5280 §4.1.2.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2)).
///
/// What is read may be zero, negative or too long; what we make is a random positive one of
/// 128 bits. Shown as hex octets with colons.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber(Vec<u8>);

impl SerialNumber {
    /// A positive serial number of these 128 bits. They must come from the system's randomness.
    pub fn from_random(bits: [u8; 16]) -> Self {
        let significant = bits.iter().position(|&b| b != 0).unwrap_or(bits.len() - 1);
        let mut octets = bits[significant..].to_vec();
        if octets[0] & 0x80 != 0 {
            octets.insert(0, 0);
        }
        SerialNumber(octets)
    }

    /// The serial number with these INTEGER content octets, taken as they are.
    pub fn from_der_content(octets: &[u8]) -> Self {
        SerialNumber(octets.to_vec())
    }

    /// The INTEGER's content octets, two's complement, big-endian.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the INTEGER is negative, which no conforming CA makes.
    pub fn is_negative(&self) -> bool {
        self.0.first().is_some_and(|b| b & 0x80 != 0)
    }

    /// Whether the INTEGER is zero, which no conforming CA makes.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&b| b == 0)
    }

    /// The number in decimal; `None` when it has more than [`MAX_DECIMAL_OCTETS`] octets, for that
    /// takes a time that grows with the square of its length.
    pub fn decimal(&self) -> Option<String> {
        if self.0.is_empty() || self.0.len() > MAX_DECIMAL_OCTETS {
            return None;
        }
        let mut magnitude = self.0.clone();
        if self.is_negative() {
            let mut carry = true;
            for octet in magnitude.iter_mut().rev() {
                (*octet, carry) = (!*octet).overflowing_add(u8::from(carry));
            }
        }
        let mut groups = Vec::new();
        while magnitude.iter().any(|octet| *octet != 0) {
            let mut remainder = 0;
            for octet in &mut magnitude {
                let value = remainder << 8 | u32::from(*octet);
                (*octet, remainder) = ((value / DECIMAL_GROUP) as u8, value % DECIMAL_GROUP);
            }
            groups.push(remainder);
        }
        let first = groups.pop().unwrap_or(0);
        let sign = if self.is_negative() { "-" } else { "" };
        let rest: String = groups
            .iter()
            .rev()
            .map(|group| format!("{group:06}"))
            .collect();
        Some(format!("{sign}{first}{rest}"))
    }

    /// The whole DER INTEGER.
    pub(crate) fn to_der(&self) -> der::Result<Vec<u8>> {
        use der::Encode as _;
        if self.is_negative() {
            Int::new(&self.0)?.to_der()
        } else {
            Uint::new(&self.0)?.to_der()
        }
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = match self.0.as_slice() {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        for (i, octet) in octets.iter().enumerate() {
            if i > 0 {
                f.write_str(":")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

impl serde::Serialize for SerialNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The longest serial number that is shown in decimal: three times what RFC 5280 allows.
pub const MAX_DECIMAL_OCTETS: usize = 64;

const DECIMAL_GROUP: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_is_what_the_octets_count() {
        for (octets, text) in [
            (&[0][..], "0"),
            (&[1], "1"),
            (&[0xff], "-1"),
            (&[0x80], "-128"),
            (&[0, 0xff], "255"),
            (&[0x0f, 0x42, 0x40], "1000000"),
            (
                &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                "9223372036854775807",
            ),
        ] {
            assert_eq!(
                SerialNumber::from_der_content(octets).decimal().unwrap(),
                text
            );
        }
        assert_eq!(SerialNumber::from_der_content(&[1; 65]).decimal(), None);
    }

    proptest::proptest! {
        #[test]
        fn decimal_is_the_machines(number: i128) {
            let serial = SerialNumber::from_der_content(&number.to_be_bytes());
            proptest::prop_assert_eq!(serial.decimal().unwrap(), number.to_string());
        }
    }

    #[test]
    fn a_high_first_bit_does_not_make_it_negative() {
        let serial = SerialNumber::from_random([0xff; 16]);
        assert!(!serial.is_negative());
        assert_eq!(serial.as_bytes().len(), 17);
        assert_eq!(serial.to_string(), ["ff"; 16].join(":"));
    }
}
