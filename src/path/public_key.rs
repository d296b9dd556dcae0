//! Subject public keys, identified and measured without copying.

use std::fmt;

use crate::pki::element::{Element, OBJECT_IDENTIFIER, SEQUENCE};
use crate::pki::oid::ObjectIdentifier;
pub(super) use crate::pki::public_key::bit_length;
use crate::pki::public_key::{KeyParts, rsa_numbers};

/// A public key as a SubjectPublicKeyInfo
/// ([RFC 5280 §4.1.2.7](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7)) gives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PublicKey<'a> {
    pub(super) kind: Kind<'a>,
    /// The content of subjectPublicKey.
    pub(super) octets: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// Big-endian, without leading zeros.
    Rsa {
        modulus: &'a [u8],
        exponent: &'a [u8],
    },
    Ec(Curve),
    /// A named curve that is none of ours.
    OtherCurve(&'a [u8]),
    /// A curve written out, which lets its writer choose the generator (CVE-2020-0601).
    ExplicitCurve,
    Ed25519,
    Dsa,
    /// An algorithm that we do not know, by its object identifier.
    Other(&'a [u8]),
    Malformed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The size of a coordinate in bytes.
    fn octets(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }
}

impl<'a> PublicKey<'a> {
    pub(super) fn read(public_key_info: &'a [u8]) -> Self {
        let malformed = PublicKey {
            kind: Kind::Malformed,
            octets: &[],
        };
        KeyParts::read(public_key_info).map_or(malformed, |parts| PublicKey {
            kind: kind(parts.algorithm, parts.parameters, parts.key),
            octets: parts.key,
        })
    }
}

impl fmt::Display for PublicKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Rsa { modulus, .. } => write!(f, "RSA {} bits", bit_length(modulus)),
            Kind::Ec(Curve::P256) => f.write_str("EC on P-256"),
            Kind::Ec(Curve::P384) => f.write_str("EC on P-384"),
            Kind::Ec(Curve::P521) => f.write_str("EC on P-521"),
            Kind::OtherCurve(oid) => write!(f, "EC on {}", Identifier(oid)),
            Kind::ExplicitCurve => f.write_str("EC on an explicit curve"),
            Kind::Ed25519 => f.write_str("Ed25519"),
            Kind::Dsa => f.write_str("DSA"),
            Kind::Other(oid) => Identifier(oid).fmt(f),
            Kind::Malformed => f.write_str("unreadable key"),
        }
    }
}

/// An object identifier by its name, or else in dots.
pub(super) struct Identifier<'a>(pub(super) &'a [u8]);

impl fmt::Display for Identifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let oid = ObjectIdentifier::from_der_content(self.0);
        match oid.name() {
            Some(name) => f.write_str(name),
            None => oid.fmt(f),
        }
    }
}

fn kind<'a>(oid: &'a [u8], parameters: Option<Element<'a>>, octets: &'a [u8]) -> Kind<'a> {
    match oid {
        RSA_ENCRYPTION => rsa_numbers(octets).map_or(Kind::Malformed, |(modulus, exponent)| {
            Kind::Rsa { modulus, exponent }
        }),
        EC_PUBLIC_KEY => match parameters {
            Some(e) if e.tag == OBJECT_IDENTIFIER => ec(e.content, octets),
            Some(e) if e.tag == SEQUENCE => Kind::ExplicitCurve,
            Some(_) | None => Kind::Malformed,
        },
        ED25519 if octets.len() == ED25519_OCTETS && parameters.is_none() => Kind::Ed25519,
        ED25519 => Kind::Malformed,
        DSA => Kind::Dsa,
        other => Kind::Other(other),
    }
}

fn ec<'a>(curve: &'a [u8], point: &[u8]) -> Kind<'a> {
    let curve = match curve {
        SECP256R1 => Curve::P256,
        SECP384R1 => Curve::P384,
        SECP521R1 => Curve::P521,
        other => return Kind::OtherCurve(other),
    };
    match point {
        // RFC 5480 §2.2; only the uncompressed form is one that every program reads.
        [UNCOMPRESSED, coordinates @ ..] if coordinates.len() == 2 * curve.octets() => {
            Kind::Ec(curve)
        }
        _ => Kind::Malformed,
    }
}

const UNCOMPRESSED: u8 = 0x04;
const ED25519_OCTETS: usize = 32; // RFC 8410 §4

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const SECP256R1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const SECP384R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const SECP521R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
