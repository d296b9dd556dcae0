//! Which certificates the two libraries can read at all, beyond what X.509 allows and short of it.

use super::pem::Dialect;
use crate::pki::attribute::{self, Attribute};
use crate::pki::certificate::{Certificate, CertificateError};
use crate::pki::element::{
    Element, Elements, INTEGER, SEQUENCE, UTC_TIME, context_constructed, is_minimal_integer,
};
use crate::pki::encoding::sequence;
use crate::pki::general_name::GeneralName;
use const_oid::db::rfc4519::COMMON_NAME;

/// A certificate as a library holds it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// As it is sent on.
    pub(super) der: Vec<u8>,
    /// What can be read of it.
    pub(super) certificate: Certificate,
    /// Whether its dates are none, so that `certificate` has others in their place.
    pub(super) has_broken_dates: bool,
}

/// Names that grpc-core cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamesFault {
    Address,
    CommonName,
}

impl NamesFault {
    /// The rule that is broken.
    pub(super) fn rule(self) -> &'static str {
        match self {
            NamesFault::Address => "ip-name-form",
            NamesFault::CommonName => "name-malformed",
        }
    }

    /// What is found, as a clause.
    pub(super) fn clause(self) -> &'static str {
        match self {
            NamesFault::Address => "an IP name that is not an address",
            NamesFault::CommonName => "a common name that is not text",
        }
    }
}

/// Why a certificate cannot be read: in our words, and in those of OpenSSL.
pub(super) type Unreadable = (&'static str, &'static str);

/// Reads a certificate; what follows it is the caller's affair.
pub(super) fn held(der: &[u8], dialect: Dialect) -> Result<Held, Unreadable> {
    let der = match dialect {
        Dialect::OpenSsl => definite(der).unwrap_or_else(|| der.to_vec()),
        Dialect::BoringSsl => der.to_vec(),
    };
    let (certificate, has_broken_dates) = match Certificate::from_der(der.clone()) {
        Ok(certificate) => (certificate, false),
        Err(CertificateError::Time { .. }) if dialect == Dialect::OpenSsl => {
            let dated = with_other_dates(&der).and_then(|der| Certificate::from_der(der).ok());
            (dated.ok_or(NO_CERTIFICATE)?, true)
        }
        Err(_) if dialect == Dialect::OpenSsl => {
            // OpenSSL looks at no version, so that one beyond 3 does not keep a server from starting.
            let known = with_version_3(&der).and_then(|der| Certificate::from_der(der).ok());
            (known.ok_or(NO_CERTIFICATE)?, false)
        }
        Err(_) => return Err(NO_CERTIFICATE),
    };
    check(&certificate, dialect)?;
    Ok(Held {
        der,
        certificate,
        has_broken_dates,
    })
}

/// Whether its names can be handed to grpc-core, which looks at them on both sides: addresses of 4 or
/// 16 bytes, and a common name that is text.
pub(super) fn names_fault(certificate: &Certificate) -> Option<NamesFault> {
    let names = certificate
        .subject_alt_names()
        .ok()
        .flatten()
        .unwrap_or_default();
    let is_odd =
        |name: &GeneralName| matches!(name, GeneralName::Ip(_)) && name.address().is_none();
    if names.iter().any(is_odd) {
        return Some(NamesFault::Address);
    }
    let is_no_text = |attribute: &Attribute<'_>| {
        attribute.oid == COMMON_NAME && !STRINGS.contains(&attribute.value.tag)
    };
    let subject = attribute::read(certificate.subject().as_der()).unwrap_or_default();
    let first = subject.iter().flatten().find(|a| a.oid == COMMON_NAME);
    first
        .is_some_and(is_no_text)
        .then_some(NamesFault::CommonName)
}

/// The tag and the text of notBefore and notAfter.
pub(super) fn dates(certificate: &Certificate) -> Option<[(u8, Vec<u8>); 2]> {
    let fields = Element::only(certificate.to_be_signed(), SEQUENCE, "it").ok()?;
    let mut times = validity(&mut fields.children())?.children();
    let mut next = || {
        let time = times.any("a date").ok()?;
        Some((time.tag, time.content.to_vec()))
    };
    Some([next()?, next()?])
}

/// Whether a date is written as RFC 5280 has it: digits to the second, and Z.
pub(super) fn is_plain(tag: u8, text: &[u8]) -> bool {
    let digits = if tag == UTC_TIME { 12 } else { 14 };
    matches!(text.split_last(), Some((b'Z', rest)) if rest.len() == digits && rest.iter().all(u8::is_ascii_digit))
}

fn check(certificate: &Certificate, dialect: Dialect) -> Result<(), Unreadable> {
    if !is_minimal_integer(certificate.serial().as_bytes()) {
        let error = "error:068000DD:asn1 encoding routines::illegal padding";
        return Err(("serial number is not encoded in its shortest form", error));
    }
    for name in [certificate.subject(), certificate.issuer()] {
        check_name(name.as_der(), dialect)?;
    }
    if dialect == Dialect::OpenSsl {
        return Ok(());
    }
    let version = certificate.version();
    let fits = (version == 3 || certificate.extensions().is_empty())
        && (version > 1 || !certificate.has_unique_identifiers());
    if !fits {
        return Err(("version does not allow its fields", ""));
    }
    let is_read = |(tag, text): &(u8, Vec<u8>)| {
        is_plain(*tag, text) || *tag == UTC_TIME && text.len() == OFFSET_OCTETS
    };
    if dates(certificate).is_some_and(|dates| !dates.iter().all(is_read)) {
        return Err(("dates are not encoded in whole seconds and UTC", ""));
    }
    Ok(())
}

fn check_name(name: &[u8], dialect: Dialect) -> Result<(), Unreadable> {
    let Ok(rdns) = attribute::read(name) else {
        return Err(NO_CERTIFICATE);
    };
    for attribute in rdns.iter().flatten() {
        let value = attribute.value;
        if value.tag == UTF8_STRING && std::str::from_utf8(value.content).is_err() {
            let error = "error:06800086:asn1 encoding routines::invalid utf8string";
            return Err(("name is marked as UTF-8 but is not", error));
        }
        if value.tag == BMP_STRING && !value.content.len().is_multiple_of(2) {
            let error = "error:068000D6:asn1 encoding routines::bmpstring is wrong length";
            return Err(("name ends in the middle of a character", error));
        }
        if dialect == Dialect::OpenSsl && NO_NAMES.contains(&value.tag) {
            let error = "error:0680008C:asn1 encoding routines::mstring wrong tag";
            return Err(("name is not text", error));
        }
    }
    Ok(())
}

/// BER of indefinite length as DER, which OpenSSL makes of it.
fn definite(der: &[u8]) -> Option<Vec<u8>> {
    let content = der.strip_prefix(&[SEQUENCE, INDEFINITE])?;
    let mut elements = Elements::new(content);
    let mut length = 0;
    for _ in 0..CERTIFICATE_PARTS {
        length += elements.any("a part").ok()?.whole.len();
    }
    Some(sequence(&[&content[..length]]))
}

/// The certificate with dates that can be read in the place of its own.
fn with_other_dates(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = Element::only(der, SEQUENCE, "it").ok()?;
    let mut parts = certificate.children();
    let fields = parts.next(SEQUENCE, "it").ok()?;
    let validity = validity(&mut fields.children())?;
    let start = validity.whole.as_ptr().addr() - fields.content.as_ptr().addr();
    let (before, rest) = fields.content.split_at(start);
    let dates = sequence(&[EPOCH, EPOCH]);
    let after = &rest[validity.whole.len()..];
    let fields_der = sequence(&[before, &dates, after]);
    let behind = &certificate.content[fields.whole.len()..];
    Some(sequence(&[&fields_der, behind]))
}

/// The certificate with version 3 in the place of a higher one.
fn with_version_3(der: &[u8]) -> Option<Vec<u8>> {
    let parts = Element::only(der, SEQUENCE, "it").ok()?.children();
    let fields = { parts }.next(SEQUENCE, "it").ok()?;
    let version = fields
        .children()
        .optional(context_constructed(0), "version");
    let [INTEGER, 1, _] = version.ok()??.content else {
        return None;
    };
    let start = fields.content.as_ptr().addr() - der.as_ptr().addr();
    let mut der = der.to_vec();
    der[start + VERSION_OFFSET] = 2;
    Some(der)
}

/// The validity among a certificate's fields.
fn validity<'a>(fields: &mut Elements<'a>) -> Option<Element<'a>> {
    fields.optional(context_constructed(0), "version").ok()?;
    fields.next(INTEGER, "serialNumber").ok()?;
    fields.next(SEQUENCE, "signature").ok()?;
    fields.next(SEQUENCE, "issuer").ok()?;
    fields.next(SEQUENCE, "validity").ok()
}

const NO_CERTIFICATE: Unreadable = (
    "not a certificate",
    "error:068000A8:asn1 encoding routines::wrong tag",
);
const UTF8_STRING: u8 = 0x0c;
const BMP_STRING: u8 = 0x1e;
/// What ASN1_STRING_to_UTF8 reads.
const STRINGS: [u8; 8] = [UTF8_STRING, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x1c, BMP_STRING];
/// The universal types that B_ASN1_PRINTABLE of OpenSSL leaves out.
const NO_NAMES: [u8; 13] = [
    0x01, INTEGER, 0x04, 0x05, 0x06, 0x11, 0x31, 0x15, 0x17, 0x18, 0x19, 0x1a, 0x1b,
];
const INDEFINITE: u8 = 0x80;
/// Behind the tags and lengths of `[0]` and INTEGER.
const VERSION_OFFSET: usize = 4;
const CERTIFICATE_PARTS: usize = 3;
/// YYMMDDHHMMSS+hhmm.
const OFFSET_OCTETS: usize = 17;
const EPOCH: &[u8] = b"\x17\x0d700101000000Z";
