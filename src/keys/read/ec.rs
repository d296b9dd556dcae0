//! Private keys on curves.

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::{
    NewKey, ReadKeyError, bare_algorithm, curve_algorithm, encode, pkcs8, public_key_info,
};
use crate::pki::algorithm::ID_ED25519;
use crate::pki::element::{
    BIT_STRING, Element, ElementError, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    context_constructed, small_integer, whole_bits,
};
use crate::pki::oid::ObjectIdentifier;
use crate::pki::public_key::{Curve, KeyKind};

/// Reads an ECPrivateKey (RFC 5915 §3), for this curve when something else said it.
pub(super) fn read_sec1(
    sequence: Element<'_>,
    curve: Option<Curve>,
) -> Result<NewKey, ReadKeyError> {
    let mut parts = sequence.children();
    if small_integer(parts.next(INTEGER, "the version")?, "the version")? != 1 {
        return Err(ElementError::Content {
            what: "the version",
        }
        .into());
    }
    let private = parts.next(OCTET_STRING, "the private key")?.content;
    let named = match parts.optional(context_constructed(0), "the curve")? {
        Some(wrapper) => Some(named_curve(wrapper)?),
        None => None,
    };
    let given = match parts.optional(context_constructed(1), "the public key")? {
        Some(wrapper) => {
            let bits = Element::only(wrapper.content, BIT_STRING, "the public key")?;
            Some(whole_bits(bits, "the public key")?)
        }
        None => None,
    };
    parts.end("the public key")?;
    let curve = match (curve, named) {
        (Some(outer), Some(inner)) if outer != inner => {
            return Err(ReadKeyError::Inconsistent {
                what: "it names two different curves",
            });
        }
        (Some(curve), _) | (None, Some(curve)) => curve,
        (None, None) => return Err(ElementError::Missing { what: "the curve" }.into()),
    };
    let scalar = scalar(private, curve)?;
    let (public, is_checked) = public_half(curve, &scalar, given)?;
    Ok(new_key(curve, &scalar, public, is_checked))
}

/// Reads a CurvePrivateKey of Ed25519 (RFC 8410 §7).
pub(super) fn read_ed25519(private: &[u8]) -> Result<NewKey, ReadKeyError> {
    let seed = Element::only(private, OCTET_STRING, "the Ed25519 private key")?.content;
    let refused = ReadKeyError::Inconsistent {
        what: "an Ed25519 private key has 32 bytes",
    };
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).or(Err(refused))?;
    let algorithm = bare_algorithm(ID_ED25519);
    Ok(okp_key(
        KeyKind::Ed25519,
        &algorithm,
        seed,
        pair.public_key().as_ref(),
    ))
}

/// Reads a CurvePrivateKey of X25519 (RFC 8410 §7).
#[cfg(feature = "rsa")]
pub(super) fn read_x25519(private: &[u8]) -> Result<NewKey, ReadKeyError> {
    let private = Element::only(private, OCTET_STRING, "the X25519 private key")?.content;
    let refused = ReadKeyError::Inconsistent {
        what: "an X25519 private key has 32 bytes",
    };
    let public = crate::keys::generate::x25519_public(private).or(Err(refused))?;
    let algorithm = bare_algorithm(crate::pki::algorithm::ID_X25519);
    Ok(okp_key(KeyKind::X25519, &algorithm, private, &public))
}

/// A key whose halves are 32 bytes each (RFC 8410).
fn okp_key(kind: KeyKind, algorithm: &[u8], private: &[u8], public: &[u8]) -> NewKey {
    NewKey {
        kind,
        bits: Some(256),
        public_key_info: Some(public_key_info(algorithm, public)),
        pkcs8: pkcs8(algorithm, &encode(OCTET_STRING, &[private])),
        is_checked: true,
    }
}

fn new_key(curve: Curve, scalar: &[u8], public: Option<Vec<u8>>, is_checked: bool) -> NewKey {
    let algorithm = curve_algorithm(curve);
    let public_part = public
        .as_ref()
        .map(|key| encode(context_constructed(1), &[&encode(BIT_STRING, &[&[0], key])]));
    let private = encode(
        SEQUENCE,
        &[
            &[INTEGER, 1, 1],
            &encode(OCTET_STRING, &[scalar]),
            public_part.as_ref().map_or(&[], |part| &part[..]),
        ],
    );
    NewKey {
        kind: KeyKind::Ec(curve),
        bits: Some(curve.bits()),
        public_key_info: public.map(|key| public_key_info(&algorithm, &key)),
        pkcs8: pkcs8(&algorithm, &private),
        is_checked,
    }
}

fn named_curve(wrapper: Element<'_>) -> Result<Curve, ReadKeyError> {
    if wrapper.content.first() == Some(&SEQUENCE) {
        return Err(ReadKeyError::UnnamedCurve);
    }
    let named = Element::only(wrapper.content, OBJECT_IDENTIFIER, "the curve")?;
    let oid = ObjectIdentifier::from_der_content(named.content);
    let known = Curve::ALL.into_iter().find(|curve| oid == curve.oid());
    known.ok_or_else(|| ElementError::Content { what: "the curve" }.into())
}

/// The scalar in as many bytes as the field has; some programs write fewer or more.
fn scalar(private: &[u8], curve: Curve) -> Result<Zeroizing<Vec<u8>>, ReadKeyError> {
    let leading = private.iter().take_while(|byte| **byte == 0).count();
    let significant = &private[leading..];
    let bytes = curve.field_bytes();
    if significant.is_empty() || significant.len() > bytes {
        return Err(ReadKeyError::Inconsistent {
            what: "its private half is zero or too large",
        });
    }
    let mut scalar = Zeroizing::new(vec![0; bytes]);
    scalar[bytes - significant.len()..].copy_from_slice(significant);
    Ok(scalar)
}

/// The public half, and whether it was found to be this key's.
#[cfg(feature = "rsa")]
fn public_half(
    curve: Curve,
    scalar: &[u8],
    given: Option<&[u8]>,
) -> Result<(Option<Vec<u8>>, bool), ReadKeyError> {
    use aws_lc_rs::agreement::{ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey};
    let algorithm = match curve {
        Curve::P256 => &ECDH_P256,
        Curve::P384 => &ECDH_P384,
        Curve::P521 => &ECDH_P521,
        Curve::P224
        | Curve::Secp256k1
        | Curve::BrainpoolP256r1
        | Curve::BrainpoolP384r1
        | Curve::BrainpoolP512r1 => return Ok((given.map(<[u8]>::to_vec), false)),
    };
    let refused = |_| ReadKeyError::Inconsistent {
        what: "its private half is not valid on its curve",
    };
    let public = PrivateKey::from_private_key(algorithm, scalar)
        .map_err(refused)?
        .compute_public_key()
        .or(Err(ReadKeyError::Inconsistent {
            what: "its private half has no public half",
        }))?;
    check_given(given, public.as_ref())?;
    Ok((Some(public.as_ref().to_vec()), true))
}

/// The public half, and whether it was found to be this key's. Without aws-lc it has to be in the file.
#[cfg(not(feature = "rsa"))]
fn public_half(
    curve: Curve,
    scalar: &[u8],
    given: Option<&[u8]>,
) -> Result<(Option<Vec<u8>>, bool), ReadKeyError> {
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    };
    let algorithm = match curve {
        Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        Curve::P224
        | Curve::P521
        | Curve::Secp256k1
        | Curve::BrainpoolP256r1
        | Curve::BrainpoolP384r1
        | Curve::BrainpoolP512r1 => return Ok((given.map(<[u8]>::to_vec), false)),
    };
    let Some(given) = given else {
        return Ok((None, false));
    };
    let refused = |_| ReadKeyError::Inconsistent {
        what: "its halves do not belong together",
    };
    let random = SystemRandom::new();
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, given, &random)
        .map_err(refused)?;
    Ok((Some(given.to_vec()), true))
}

/// Whether a point given in the file is the one that belongs to the key; compressed ones too.
#[cfg(feature = "rsa")]
fn check_given(given: Option<&[u8]>, public: &[u8]) -> Result<(), ReadKeyError> {
    let wrong = ReadKeyError::Inconsistent {
        what: "its public half belongs to another key",
    };
    let (x, y) = public[1..].split_at(public.len() / 2);
    match given {
        None => Ok(()),
        Some(given) if given == public => Ok(()),
        Some([sign @ (2 | 3), given @ ..])
            if given == x && y.last().is_some_and(|last| sign & 1 == last & 1) =>
        {
            Ok(())
        }
        Some(_) => Err(wrong),
    }
}
