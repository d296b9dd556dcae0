//! Ranges of IP addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PatternError;

/// A range of IP addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
///
/// An IPv4 address written as an IPv6 one (`::ffff:10.0.0.7`) is the IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpRange {
    address: IpAddr,
    prefix: u8,
}

impl IpRange {
    /// Whether an address lies in the range.
    pub fn covers(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                leading(u128::from(range.to_bits()) << 96, self.prefix)
                    == leading(u128::from(address.to_bits()) << 96, self.prefix)
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                leading(range.to_bits(), self.prefix) == leading(address.to_bits(), self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for IpRange {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = |what| PatternError::shape(text, what);
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| wrong("it is neither an IP address nor a range such as 10.0.0.0/8"))?;
        let (bits, most) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let prefix = match prefix {
            None => most,
            Some(prefix) if prefix.bytes().all(|b| b.is_ascii_digit()) => prefix
                .parse()
                .ok()
                .filter(|&prefix| prefix <= most)
                .ok_or_else(|| wrong("its prefix is longer than the address"))?,
            Some(_) => return Err(wrong("its prefix is no number of bits")),
        };
        if leading(bits, prefix) != bits {
            return Err(wrong("its address has bits beyond the prefix"));
        }
        if address != address.to_canonical() {
            return Err(wrong("write the IPv4 address itself"));
        }
        Ok(IpRange { address, prefix })
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The first bits, the others cleared.
fn leading(bits: u128, prefix: u8) -> u128 {
    bits & !u128::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_ranges_cover_the_addresses_that_share_their_first_bits() {
        for (range, covered, not) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("0.0.0.0/0", "::ffff:1.2.3.4", "::1"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("::/0", "::1", "127.0.0.1"),
        ] {
            let parsed: IpRange = range.parse().unwrap();
            assert_eq!(parsed.to_string().parse::<IpRange>().unwrap(), parsed);
            assert!(parsed.covers(covered.parse().unwrap()), "{range} {covered}");
            assert!(!parsed.covers(not.parse().unwrap()), "{range} {not}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "a",
            "::ffff:10.0.0.1",
            "1::/129",
        ] {
            assert!(text.parse::<IpRange>().is_err(), "{text}");
        }
    }
}
