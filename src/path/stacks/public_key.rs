//! Which public keys the two libraries can read, and which of them are too weak.

use super::pem::Dialect;
use crate::pki::public_key::{Curve, KeyKind, PublicKey};

/// What a library makes of a SubjectPublicKeyInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Usable,
    /// It cannot be read.
    Undecodable,
    /// It can be read, but signs nothing.
    WrongType,
    /// It is worth less than 80 bits of security.
    TooSmall,
}

/// Reads a key as this library does.
pub(super) fn reading(public_key_info: &[u8], dialect: Dialect) -> Reading {
    let Ok(key) = PublicKey::from_der(public_key_info) else {
        return Reading::Undecodable;
    };
    match dialect {
        Dialect::BoringSsl if is_read_by_boring_ssl(&key) => Reading::Usable,
        Dialect::BoringSsl => Reading::Undecodable,
        Dialect::OpenSsl => openssl(&key),
    }
}

/// Whether a point is written with one coordinate, which both libraries read and rustls does not.
pub(super) fn is_compressed(key: &PublicKey) -> bool {
    match key.kind {
        KeyKind::Ec(curve) => {
            matches!(key.key.first(), Some(2 | 3)) && key.key.len() == 1 + curve.field_octets()
        }
        KeyKind::Rsa
        | KeyKind::RsaPss
        | KeyKind::EcExplicit
        | KeyKind::Ed25519
        | KeyKind::Ed448
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => false,
    }
}

/// Whether two SubjectPublicKeyInfos hold the same key, however it is written.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one == other
        || match (PublicKey::from_der(one), PublicKey::from_der(other)) {
            (Ok(one), Ok(other)) => coordinates(&one) == coordinates(&other),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
}

/// Whether the curve is described instead of named.
pub(super) fn is_described(public_key_info: &[u8]) -> bool {
    PublicKey::from_der(public_key_info).is_ok_and(|key| {
        let parameters = key.algorithm.parameters.as_deref();
        key.kind == KeyKind::EcExplicit && parameters.and_then(<[u8]>::first) == Some(&SEQUENCE)
    })
}

fn is_read_by_boring_ssl(key: &PublicKey) -> bool {
    match key.kind {
        KeyKind::Rsa => {
            key.algorithm.parameters.as_deref() == Some(&[5, 0])
                && key.bits.is_some_and(|bits| bits <= MAX_RSA_BITS)
        }
        KeyKind::Ec(Curve::P224 | Curve::P256 | Curve::P384 | Curve::P521) => {
            key.key.first() == Some(&4) || is_compressed(key)
        }
        KeyKind::Ed25519 => key.problems.is_empty(),
        KeyKind::Ec(
            Curve::Secp256k1
            | Curve::BrainpoolP256r1
            | Curve::BrainpoolP384r1
            | Curve::BrainpoolP512r1,
        )
        | KeyKind::RsaPss
        | KeyKind::EcExplicit
        | KeyKind::Ed448
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => false,
    }
}

fn openssl(key: &PublicKey) -> Reading {
    match key.kind {
        KeyKind::Rsa | KeyKind::RsaPss => match key.bits {
            None => Reading::Undecodable,
            Some(bits) if bits < MIN_RSA_BITS => Reading::TooSmall,
            Some(_) => Reading::Usable,
        },
        KeyKind::EcExplicit => match key.algorithm.parameters.as_deref() {
            Some([SEQUENCE, ..]) => Reading::Usable,
            Some(oid) if oid == SM2 => Reading::WrongType,
            Some(oid) if SMALL_CURVES.contains(&oid) => Reading::TooSmall,
            Some([OBJECT_IDENTIFIER, ..]) => Reading::Usable,
            Some(_) | None => Reading::Undecodable,
        },
        KeyKind::X25519 | KeyKind::X448 => Reading::WrongType,
        KeyKind::Ec(_) | KeyKind::Ed25519 | KeyKind::Ed448 | KeyKind::Dsa => Reading::Usable,
        KeyKind::Other => Reading::Undecodable,
    }
}

/// What tells a point from others: its first coordinate and the parity of the second.
fn coordinates(key: &PublicKey) -> (&[u8], u8) {
    let is_curve = matches!(key.kind, KeyKind::Ec(_) | KeyKind::EcExplicit);
    match key.key.as_slice() {
        [form @ (2 | 3), x @ ..] if is_curve => (x, form & 1),
        [4 | 6 | 7, both @ ..] if is_curve => {
            let parity = both.last().map_or(0, |last| last & 1);
            (&both[..both.len() / 2], parity)
        }
        whole => (whole, 0),
    }
}

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
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
