//! DER written: the elements that certificates, requests and revocation lists are made of.

use std::net::IpAddr;

use const_oid::ObjectIdentifier;
use der::asn1::{GeneralizedTime, Ia5StringRef, OctetString, UtcTime};
use der::{Encode, Tag, TagNumber};
use time::OffsetDateTime;

use super::san::SubjectAltName;

/// One DER element: a tag, the length and the content.
pub(crate) fn element(tag: Tag, content: &[u8]) -> der::Result<Vec<u8>> {
    let mut der = Vec::with_capacity(content.len() + 6);
    tag.encode(&mut der)?;
    der::Length::try_from(content.len())?.encode(&mut der)?;
    der.extend_from_slice(content);
    Ok(der)
}

/// One Extension as DER; `critical` is left out when false, as DER has it.
pub(crate) fn extension(oid: &str, critical: bool, value: Vec<u8>) -> der::Result<Vec<u8>> {
    let critical = if critical { true.to_der()? } else { Vec::new() };
    let content = [
        ObjectIdentifier::new(oid)?.to_der()?,
        critical,
        OctetString::new(value)?.to_der()?,
    ];
    element(Tag::Sequence, &content.concat())
}

/// A moment as UTCTime through 2049, as GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
pub(crate) fn time_der(moment: OffsetDateTime) -> der::Result<Vec<u8>> {
    let since_1970 = std::time::Duration::from_secs(moment.unix_timestamp().max(0).unsigned_abs());
    if moment.year() < 2050 {
        UtcTime::from_unix_duration(since_1970)?.to_der()
    } else {
        GeneralizedTime::from_unix_duration(since_1970)?.to_der()
    }
}

/// The GeneralNames of these names.
pub(crate) fn general_names(names: &[SubjectAltName]) -> der::Result<Vec<u8>> {
    let names = names.iter().map(|name| match name {
        SubjectAltName::Dns(text) => general_name(GENERAL_NAME_DNS, text.as_bytes()),
        SubjectAltName::Email(text) => general_name(GENERAL_NAME_EMAIL, text.as_bytes()),
        SubjectAltName::Uri(text) => general_name(GENERAL_NAME_URI, text.as_bytes()),
        SubjectAltName::Ip(address) => general_name(GENERAL_NAME_IP, &address_octets(*address)),
    });
    element(
        Tag::Sequence,
        &names.collect::<der::Result<Vec<_>>>()?.concat(),
    )
}

/// One GeneralName of a form that holds text or octets.
pub(crate) fn general_name(number: u32, content: &[u8]) -> der::Result<Vec<u8>> {
    if number != GENERAL_NAME_IP {
        Ia5StringRef::new(content)?;
    }
    element(context_primitive(number), content)
}

/// A tag in the context of its structure, of an element that holds others.
pub(crate) fn context(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    }
}

/// A tag in the context of its structure, of an element that holds octets.
pub(crate) fn context_primitive(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: false,
        number: TagNumber(number),
    }
}

/// The octets of an address, 4 or 16.
pub(crate) fn address_octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// rfc822Name of a GeneralName (RFC 5280 §4.2.1.6).
pub(crate) const GENERAL_NAME_EMAIL: u32 = 1;
/// dNSName.
pub(crate) const GENERAL_NAME_DNS: u32 = 2;
/// uniformResourceIdentifier.
pub(crate) const GENERAL_NAME_URI: u32 = 6;
/// iPAddress.
pub(crate) const GENERAL_NAME_IP: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_change_their_type_in_2050() {
        use time::macros::datetime;
        assert_eq!(
            time_der(datetime!(2049-12-31 23:59:59 UTC)).unwrap()[..2],
            [0x17, 13]
        );
        assert_eq!(
            time_der(datetime!(2050-01-01 0:00 UTC)).unwrap()[..2],
            [0x18, 15]
        );
        assert_eq!(
            &time_der(datetime!(9999-12-31 23:59:59 UTC)).unwrap()[2..],
            b"99991231235959Z"
        );
    }
}
