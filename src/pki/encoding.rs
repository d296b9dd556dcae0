//! DER, written: the elements that certificates, requests, revocation lists and keys consist of.

use std::net::IpAddr;

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::element::{
    BIT_STRING, BOOLEAN, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    UTC_TIME, context,
};
use super::san::SubjectAltName;

/// One element: an identifier byte, the length, and these parts as its content. Allocates once, so that a secret
/// leaves no copy behind.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut der = Vec::with_capacity(length + MAX_HEADER_BYTES);
    der.push(tag);
    let bytes = length.to_be_bytes();
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = &bytes[leading.min(bytes.len() - 1)..];
    if length >= LONG_LENGTH.into() {
        der.push(LONG_LENGTH | significant.len() as u8);
    }
    der.extend_from_slice(significant);
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A SEQUENCE.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// The INTEGER of an unsigned big-endian number.
pub(crate) fn unsigned_integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let significant = &number[zeros.min(number.len().saturating_sub(1))..];
    let is_positive = significant.first().is_some_and(|first| first & 0x80 == 0);
    let sign: &[u8] = if is_positive { &[] } else { &[0] };
    element(INTEGER, &[sign, significant])
}

/// A BIT STRING of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes])
}

/// An OBJECT IDENTIFIER.
pub(crate) fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[oid.as_bytes()])
}

/// One Extension; `critical` is left out if it is false, which is the default.
pub(crate) fn extension(id: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[BOOLEAN, 1, 0xff] } else { &[] };
    sequence(&[&oid(id), critical, &element(OCTET_STRING, &[value])])
}

/// A time as UTCTime through 2049, as GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
pub(crate) fn time_der(time: OffsetDateTime) -> Vec<u8> {
    if time.year() < 2050 {
        element(UTC_TIME, &[&time_text(time).as_bytes()[2..]])
    } else {
        generalized_time(time)
    }
}

/// A time as GeneralizedTime in whatever year, as invalidityDate has it (RFC 5280 §5.3.2).
pub(crate) fn generalized_time(time: OffsetDateTime) -> Vec<u8> {
    element(GENERALIZED_TIME, &[time_text(time).as_bytes()])
}

fn time_text(time: OffsetDateTime) -> String {
    let time = time
        .max(OffsetDateTime::UNIX_EPOCH)
        .to_offset(time::UtcOffset::UTC);
    let (date, clock) = (time.date(), time.time());
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

/// The GeneralNames of these names.
pub(crate) fn general_names(names: &[SubjectAltName]) -> Vec<u8> {
    let names = names.iter().map(|name| match name {
        SubjectAltName::Dns(text) => general_name(GENERAL_NAME_DNS, text.as_bytes()),
        SubjectAltName::Email(text) => general_name(GENERAL_NAME_EMAIL, text.as_bytes()),
        SubjectAltName::Uri(text) => general_name(GENERAL_NAME_URI, text.as_bytes()),
        SubjectAltName::Ip(address) => general_name(GENERAL_NAME_IP, &address_bytes(*address)),
    });
    sequence(&[&names.collect::<Vec<_>>().concat()])
}

/// One GeneralName of a form that holds text or bytes.
pub(crate) fn general_name(number: u8, content: &[u8]) -> Vec<u8> {
    element(context(number), &[content])
}

/// The bytes of an address, 4 or 16.
pub(crate) fn address_bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// rfc822Name of a GeneralName (RFC 5280 §4.2.1.6).
pub(crate) const GENERAL_NAME_EMAIL: u8 = 1;
/// dNSName.
pub(crate) const GENERAL_NAME_DNS: u8 = 2;
/// uniformResourceIdentifier.
pub(crate) const GENERAL_NAME_URI: u8 = 6;
/// iPAddress.
pub(crate) const GENERAL_NAME_IP: u8 = 7;

const LONG_LENGTH: u8 = 0x80; // X.690 §8.1.3.5
const MAX_HEADER_BYTES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::element::Element;

    #[test]
    fn lengths_are_encoded_as_der_has_them() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000] {
            let der = element(OCTET_STRING, &[&vec![7; length]]);
            let element = Element::only(&der, OCTET_STRING, "it").unwrap();
            assert_eq!(element.content.len(), length);
        }
    }

    #[test]
    fn integers_are_minimal_and_positive() {
        for (number, content) in [
            (&[][..], &[0][..]),
            (&[0, 0], &[0]),
            (&[0, 0x7f], &[0x7f]),
            (&[0x80], &[0, 0x80]),
            (&[0, 1, 0], &[1, 0]),
        ] {
            let der = unsigned_integer(number);
            assert_eq!(Element::only(&der, INTEGER, "it").unwrap().content, content);
        }
    }

    #[test]
    fn times_change_their_type_in_2050() {
        use time::macros::datetime;
        let text = |time| String::from_utf8(time_der(time)[2..].to_vec()).unwrap();
        assert_eq!(
            time_der(datetime!(2049-12-31 23:59:59 UTC))[..2],
            [0x17, 13]
        );
        assert_eq!(time_der(datetime!(2050-01-01 0:00 UTC))[..2], [0x18, 15]);
        assert_eq!(text(datetime!(9999-12-31 23:59:59 UTC)), "99991231235959Z");
        assert_eq!(text(datetime!(2026-01-02 01:04:05 +1)), "260102000405Z");
    }
}
