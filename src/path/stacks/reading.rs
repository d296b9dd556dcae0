//! Which certificates and public keys the two libraries can read: some that X.509 does not allow, and
//! not all that it does.

use const_oid::db::rfc4519::COMMON_NAME;

use super::pem::Dialect;
use crate::pki::certificate::{Certificate, CertificateError};
use crate::pki::element::{
    Element, Elements, INTEGER, SEQUENCE, UTC_TIME, context_constructed, is_minimal_integer,
};
use crate::pki::encoding::sequence;
use crate::pki::general_name::GeneralName;
use crate::pki::name::{self, Attribute};
use crate::pki::public_key::{Curve, KeyKind, KeyParts};

/// A certificate as a library holds it.
#[derive(Clone, Debug)]
pub(super) struct LibraryCertificate {
    /// As it is sent on.
    pub(super) der: Vec<u8>,
    /// As the engine reads it.
    pub(super) certificate: Certificate,
    /// Whether its dates are malformed, so that `certificate` has others in their place.
    pub(super) has_broken_dates: bool,
}

/// Names that grpc-core cannot read.
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

/// Reads a certificate; the caller decides what may follow it.
pub(super) fn certificate(der: &[u8], dialect: Dialect) -> Result<LibraryCertificate, Unreadable> {
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
            // OpenSSL does not check the version, so a server starts with one beyond 3.
            let known = with_version_3(&der).and_then(|der| Certificate::from_der(der).ok());
            (known.ok_or(NO_CERTIFICATE)?, false)
        }
        Err(_) => return Err(NO_CERTIFICATE),
    };
    check(&certificate, dialect)?;
    Ok(LibraryCertificate {
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
    let subject = name::attributes(certificate.subject().as_der()).unwrap_or_default();
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

/// Whether a date has the form of RFC 5280: digits to the second, and Z.
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
        is_plain(*tag, text) || *tag == UTC_TIME && text.len() == OFFSET_BYTES
    };
    if dates(certificate).is_some_and(|dates| !dates.iter().all(is_read)) {
        return Err(("dates are not encoded in whole seconds and UTC", ""));
    }
    Ok(())
}

fn check_name(name: &[u8], dialect: Dialect) -> Result<(), Unreadable> {
    let Ok(rdns) = name::attributes(name) else {
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

/// How a library reads a SubjectPublicKeyInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyReading {
    Usable,
    /// It cannot be read.
    Undecodable,
    /// It can be read, but cannot sign.
    WrongType,
    /// It is worth less than 80 bits of security.
    TooSmall,
}

impl KeyReading {
    /// Reads a key as this library does.
    pub(super) fn of(public_key_info: &[u8], dialect: Dialect) -> Self {
        let Ok(key) = KeyParts::read(public_key_info) else {
            return KeyReading::Undecodable;
        };
        match dialect {
            Dialect::BoringSsl if is_read_by_boring_ssl(&key) => KeyReading::Usable,
            Dialect::BoringSsl => KeyReading::Undecodable,
            Dialect::OpenSsl => KeyReading::by_openssl(&key),
        }
    }

    fn by_openssl(key: &KeyParts<'_>) -> Self {
        let curve = key.parameters.map(|parameters| parameters.whole);
        match key.kind {
            KeyKind::Rsa | KeyKind::RsaPss => match key.bits() {
                None => KeyReading::Undecodable,
                Some(bits) if bits < MIN_RSA_BITS => KeyReading::TooSmall,
                Some(_) => KeyReading::Usable,
            },
            KeyKind::EcOther if curve == Some(SM2) => KeyReading::WrongType,
            KeyKind::EcOther if curve.is_some_and(|curve| SMALL_CURVES.contains(&curve)) => {
                KeyReading::TooSmall
            }
            KeyKind::EcExplicit if curve.and_then(<[u8]>::first) != Some(&SEQUENCE) => {
                KeyReading::Undecodable
            }
            KeyKind::X25519 | KeyKind::X448 => KeyReading::WrongType,
            KeyKind::Ec(_)
            | KeyKind::EcOther
            | KeyKind::EcExplicit
            | KeyKind::Ed25519
            | KeyKind::Ed448
            | KeyKind::Dsa => KeyReading::Usable,
            KeyKind::Other => KeyReading::Undecodable,
        }
    }
}

/// Whether two SubjectPublicKeyInfos hold the same key, however it is encoded.
pub(super) fn is_same_key(one: &[u8], other: &[u8]) -> bool {
    one == other
        || match (KeyParts::read(one), KeyParts::read(other)) {
            (Ok(one), Ok(other)) => coordinates(&one) == coordinates(&other),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
}

/// Whether the curve is given by parameters instead of by name.
pub(super) fn is_described(public_key_info: &[u8]) -> bool {
    KeyParts::read(public_key_info).is_ok_and(|key| {
        key.kind == KeyKind::EcExplicit && key.parameters.is_some_and(|p| p.tag == SEQUENCE)
    })
}

fn is_read_by_boring_ssl(key: &KeyParts<'_>) -> bool {
    if key.kind == KeyKind::Rsa {
        return key.parameters.is_some_and(|null| null.whole == [5, 0])
            && key.bits().is_some_and(|bits| bits <= MAX_RSA_BITS);
    }
    if let KeyKind::Ec(curve @ (Curve::P224 | Curve::P256 | Curve::P384 | Curve::P521)) = key.kind {
        return match key.key.first() {
            Some(4) => true,
            Some(2 | 3) => key.key.len() == 1 + curve.field_bytes(),
            Some(_) | None => false,
        };
    }
    key.kind == KeyKind::Ed25519 && key.key.len() == 32 && key.parameters.is_none()
}

/// What distinguishes a point from others: its first coordinate and the parity of the second.
fn coordinates<'a>(key: &KeyParts<'a>) -> (&'a [u8], u8) {
    let is_curve = matches!(
        key.kind,
        KeyKind::Ec(_) | KeyKind::EcOther | KeyKind::EcExplicit
    );
    match key.key {
        [form @ (2 | 3), x @ ..] if is_curve => (x, form & 1),
        [4 | 6 | 7, both @ ..] if is_curve => {
            let parity = both.last().map_or(0, |last| last & 1);
            (&both[..both.len() / 2], parity)
        }
        whole => (whole, 0),
    }
}

const NO_CERTIFICATE: Unreadable = (
    "not a certificate",
    "error:068000A8:asn1 encoding routines::wrong tag",
);
const UTF8_STRING: u8 = 0x0c;
const BMP_STRING: u8 = 0x1e;
/// The types that ASN1_STRING_to_UTF8 reads.
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
const OFFSET_BYTES: usize = 17;
const EPOCH: &[u8] = b"\x17\x0d700101000000Z";
/// From here on OpenSSL counts 80 bits of security, by the formula of NIST SP 800-56B, appendix D.
const MIN_RSA_BITS: usize = 919;
/// OPENSSL_RSA_MAX_MODULUS_BITS of both libraries: neither verifies with a larger key.
pub(super) const MAX_RSA_BITS: usize = 16_384;
const SM2: &[u8] = &[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];
/// secp112r1 and r2, secp128r1 and r2, sect113r1 and r2, sect131r1 and r2.
const SMALL_CURVES: [&[u8]; 8] = [
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x06],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x07],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x1c],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x1d],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x04],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x05],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x16],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x17],
];
