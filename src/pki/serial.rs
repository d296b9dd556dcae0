//! Serial numbers.

use std::fmt;
use std::str::FromStr;

use super::element::{INTEGER, is_minimal_integer};
use super::fingerprint::Colons;

/// A certificate's serial number as the content bytes of its DER INTEGER, big-endian
/// ([RFC 5280 §4.1.2.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2)).
///
/// What is read may be zero, negative or too long; what we make is a random positive one of
/// 128 bits. Shown as hex bytes with colons.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber(Vec<u8>);

impl SerialNumber {
    /// A positive serial number of these 128 bits. They must come from the system's randomness.
    pub fn from_random(bits: [u8; 16]) -> Self {
        let significant = bits.iter().position(|&b| b != 0).unwrap_or(bits.len() - 1);
        let mut bytes = bits[significant..].to_vec();
        if bytes[0] & 0x80 != 0 {
            bytes.insert(0, 0);
        }
        SerialNumber(bytes)
    }

    /// The serial number with these INTEGER content bytes, taken as they are.
    pub fn from_der_content(bytes: &[u8]) -> Self {
        SerialNumber(bytes.to_vec())
    }

    /// The positive serial number these decimal digits say; `None` for other text, and for what is
    /// longer than any serial number may be.
    pub fn from_decimal(text: &str) -> Option<Self> {
        let is_short = (1..=MAX_DECIMAL_DIGITS).contains(&text.len());
        if !is_short || !text.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let mut bytes = [0; MAX_SERIAL_BYTES + 2];
        for digit in text.bytes() {
            let mut carry = u32::from(digit - b'0');
            for byte in bytes.iter_mut().rev() {
                carry += u32::from(*byte) * 10;
                *byte = carry as u8;
                carry >>= 8;
            }
        }
        let first = bytes.iter().position(|byte| *byte != 0)?;
        let sign = usize::from(bytes[first] & 0x80 != 0);
        Some(SerialNumber(bytes[first - sign.min(first)..].to_vec()))
    }

    /// The INTEGER's content bytes, two's complement, big-endian.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the INTEGER is negative, which no conforming CA issues.
    pub fn is_negative(&self) -> bool {
        self.0.first().is_some_and(|b| b & 0x80 != 0)
    }

    /// Whether the INTEGER is zero, which no conforming CA issues.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&b| b == 0)
    }

    /// The bytes it is shown with: without the zero that keeps a high first bit positive.
    pub fn shown_bytes(&self) -> &[u8] {
        match self.0.as_slice() {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        }
    }

    /// The number in decimal; `None` if it has more than [`MAX_DECIMAL_BYTES`] bytes, for that
    /// takes a time that grows with the square of its length.
    pub fn decimal(&self) -> Option<String> {
        if self.0.is_empty() || self.0.len() > MAX_DECIMAL_BYTES {
            return None;
        }
        let mut magnitude = self.0.clone();
        if self.is_negative() {
            let mut carry = true;
            for byte in magnitude.iter_mut().rev() {
                (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
            }
        }
        let mut groups = Vec::new();
        while magnitude.iter().any(|byte| *byte != 0) {
            let mut remainder = 0;
            for byte in &mut magnitude {
                let value = remainder << 8 | u32::from(*byte);
                (*byte, remainder) = ((value / DECIMAL_GROUP) as u8, value % DECIMAL_GROUP);
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
    pub(crate) fn to_der(&self) -> Vec<u8> {
        super::encoding::element(INTEGER, &[self.minimal()])
    }

    /// The shortest content bytes of the same INTEGER.
    pub(crate) fn minimal(&self) -> &[u8] {
        let mut bytes = self.0.as_slice();
        while bytes.len() > 1 && !is_minimal_integer(bytes) {
            bytes = &bytes[1..];
        }
        bytes
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Colons(self.shown_bytes()).fmt(f)
    }
}

impl serde::Serialize for SerialNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The first hex digits of a serial number as it is shown, with or without colons: what one types
/// to name a certificate.
///
/// At least one digit and at most 64; `0x` in front and any case are taken. A serial number with an
/// odd number of digits is shown with a zero in front, which belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialPrefix {
    digits: String,
}

impl SerialPrefix {
    /// Whether the serial number starts with these digits.
    pub fn matches(&self, serial: &SerialNumber) -> bool {
        let shown = serial.shown_bytes();
        let digits = shown
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0xf])
            .map(|nibble| char::from_digit(nibble.into(), 16));
        self.digits.len() <= shown.len() * 2
            && self
                .digits
                .chars()
                .map(Some)
                .zip(digits)
                .all(|(a, b)| a == b)
    }

    /// The least bytes any serial number that matches is shown with, and the first bytes that
    /// are beyond them all; `None` for the second when nothing is beyond.
    pub fn byte_range(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let nibbles: Vec<u8> = self
            .digits
            .chars()
            .filter_map(|c| c.to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        let least = pack(&nibbles);
        let beyond = nibbles.iter().rposition(|&nibble| nibble < 0xf).map(|at| {
            let mut next = nibbles[..=at].to_vec();
            next[at] += 1;
            pack(&next)
        });
        (least, beyond)
    }
}

impl FromStr for SerialPrefix {
    type Err = SerialPrefixError;

    fn from_str(text: &str) -> Result<Self, SerialPrefixError> {
        let wrong = || SerialPrefixError {
            text: text.to_owned(),
        };
        let bare = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text);
        let digits: String = bare
            .chars()
            .filter(|&c| c != ':')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let good = !digits.is_empty()
            && digits.len() <= MAX_PREFIX_DIGITS
            && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if good {
            Ok(SerialPrefix { digits })
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for SerialPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, digit) in self.digits.chars().enumerate() {
            if i > 0 && i % 2 == 0 {
                f.write_str(":")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// Not the start of a serial number.
#[derive(Debug, thiserror::Error)]
#[error("not a serial number or the start of one: '{}' (hex digits, such as 4f:2a:90)", text.escape_debug())]
pub struct SerialPrefixError {
    text: String,
}

const MAX_PREFIX_DIGITS: usize = 64;

/// Bytes of these nibbles, a zero behind the last when they are odd.
fn pack(nibbles: &[u8]) -> Vec<u8> {
    nibbles
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0))
        .collect()
}
/// The longest serial number that is shown in decimal: three times what RFC 5280 allows.
pub const MAX_DECIMAL_BYTES: usize = 64;

const DECIMAL_GROUP: u32 = 1_000_000;
const MAX_SERIAL_BYTES: usize = 20; // RFC 5280 §4.1.2.2
const MAX_DECIMAL_DIGITS: usize = 49; // of 2¹⁶⁰

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_is_what_the_bytes_count() {
        for (bytes, text) in [
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
                SerialNumber::from_der_content(bytes).decimal().unwrap(),
                text
            );
        }
        assert_eq!(SerialNumber::from_der_content(&[1; 65]).decimal(), None);
    }

    proptest::proptest! {
        #[test]
        fn decimal_reads_back(bits: [u8; 16]) {
            let serial = SerialNumber::from_random(bits);
            let read = SerialNumber::from_decimal(&serial.decimal().unwrap());
            proptest::prop_assert_eq!(read, (!serial.is_zero()).then_some(serial));
        }

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

    #[test]
    fn a_prefix_matches_what_is_shown() {
        let serial =
            SerialNumber::from_random([0xff, 0x0a, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        for text in ["f", "ff", "FF:0A", "0xff0", "ff:0a:9"] {
            assert!(
                text.parse::<SerialPrefix>().unwrap().matches(&serial),
                "{text}"
            );
        }
        for text in ["00ff", "fe", "ff1", "ff0a9b000000000000000000000000010"] {
            assert!(
                !text.parse::<SerialPrefix>().unwrap().matches(&serial),
                "{text}"
            );
        }
        for text in ["", "0x", ":", "g", "-1", "ff 0a", &"0".repeat(65)] {
            assert!(text.parse::<SerialPrefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_a_range_of_bytes() {
        let range = |text: &str| text.parse::<SerialPrefix>().unwrap().byte_range();
        assert_eq!(range("4f"), (vec![0x4f], Some(vec![0x50])));
        assert_eq!(range("4f2"), (vec![0x4f, 0x20], Some(vec![0x4f, 0x30])));
        assert_eq!(range("4ff"), (vec![0x4f, 0xf0], Some(vec![0x50])));
        assert_eq!(range("ff"), (vec![0xff], None));
    }
}
