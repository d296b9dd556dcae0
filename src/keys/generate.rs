//! New keys.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{KeyError, PrivateKey, fill};
use crate::pki::algorithm::KeyType;

/// A new key of this type. May leave copies of it on the stack.
#[inline(never)]
pub(super) fn generate(key_type: KeyType) -> Result<PrivateKey, KeyError> {
    match key_type {
        KeyType::P256 => ecdsa(key_type, &ECDSA_P256_SHA256_ASN1_SIGNING, &P256_INFO, 65),
        KeyType::P384 => ecdsa(key_type, &ECDSA_P384_SHA384_ASN1_SIGNING, &P384_INFO, 97),
        KeyType::Ed25519 => ed25519(),
        KeyType::X25519 => x25519(),
        KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => rsa(key_type),
    }
}

/// ring ends the PKCS #8 it makes with the public point, uncompressed.
fn ecdsa(
    key_type: KeyType,
    algorithm: &'static EcdsaSigningAlgorithm,
    info_header: &[u8],
    point_bytes: usize,
) -> Result<PrivateKey, KeyError> {
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())
        .map_err(|ring::error::Unspecified| KeyError::Randomness)?;
    let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
    let public_key_info = [info_header, &pkcs8[pkcs8.len() - point_bytes..]].concat();
    Ok(PrivateKey {
        pkcs8,
        public_key_info,
        key_type,
    })
}

/// ring makes version 2 of PKCS #8 for Ed25519, so the version 1 is put together here (RFC 8410 §7).
fn ed25519() -> Result<PrivateKey, KeyError> {
    let pkcs8 = random_pkcs8(&ED25519_PKCS8_HEADER)?;
    let seed = &pkcs8[ED25519_PKCS8_HEADER.len()..];
    let pair =
        Ed25519KeyPair::from_seed_unchecked(seed).map_err(|e| KeyError::Refused(e.to_string()))?;
    let public_key_info = [&ED25519_INFO[..], pair.public_key().as_ref()].concat();
    Ok(PrivateKey {
        pkcs8,
        public_key_info,
        key_type: KeyType::Ed25519,
    })
}

#[cfg(feature = "rsa")]
fn x25519() -> Result<PrivateKey, KeyError> {
    let pkcs8 = random_pkcs8(&X25519_PKCS8_HEADER)?;
    let public = x25519_public(&pkcs8[X25519_PKCS8_HEADER.len()..])?;
    Ok(PrivateKey {
        pkcs8,
        public_key_info: [&X25519_INFO[..], &public].concat(),
        key_type: KeyType::X25519,
    })
}

#[cfg(not(feature = "rsa"))]
fn x25519() -> Result<PrivateKey, KeyError> {
    Err(KeyError::NotInThisBuild { kind: "X25519" })
}

/// The public half of an X25519 private key (RFC 7748 §6.1).
#[cfg(feature = "rsa")]
pub(super) fn x25519_public(private: &[u8]) -> Result<Vec<u8>, KeyError> {
    use aws_lc_rs::agreement::{PrivateKey, X25519};
    let key = PrivateKey::from_private_key(&X25519, private)
        .map_err(|e| KeyError::Refused(e.to_string()))?;
    let public = key
        .compute_public_key()
        .map_err(|e| KeyError::Refused(e.to_string()))?;
    Ok(public.as_ref().to_vec())
}

/// PKCS #8 with this header and 32 random bytes as the key (RFC 8410 §7).
fn random_pkcs8(header: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut pkcs8 = Zeroizing::new(vec![0; header.len() + SEED_BYTES]);
    pkcs8[..header.len()].copy_from_slice(header);
    fill(&mut pkcs8[header.len()..])?;
    Ok(pkcs8)
}

#[cfg(feature = "rsa")]
fn rsa(key_type: KeyType) -> Result<PrivateKey, KeyError> {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;

    let size = match key_type {
        KeyType::Rsa2048 => KeySize::Rsa2048,
        KeyType::Rsa3072 => KeySize::Rsa3072,
        KeyType::Rsa4096 => KeySize::Rsa4096,
        KeyType::P256 | KeyType::P384 | KeyType::Ed25519 | KeyType::X25519 => {
            return Err(KeyError::Unsupported);
        }
    };
    let failed = |aws_lc_rs::error::Unspecified| KeyError::Randomness;
    let pair = KeyPair::generate(size).map_err(failed)?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
    Ok(PrivateKey {
        pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()),
        public_key_info: public.as_ref().to_vec(),
        key_type,
    })
}

#[cfg(not(feature = "rsa"))]
fn rsa(_: KeyType) -> Result<PrivateKey, KeyError> {
    Err(KeyError::NotInThisBuild { kind: "RSA" })
}

/// A self-signed client certificate and its PKCS #8 key that nobody keeps, valid for a day.
///
/// # Errors
/// If the system gives no random numbers.
pub fn throw_away_pair(
    common_name: &str,
    now: OffsetDateTime,
) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), KeyError> {
    let refused = |error: rcgen::Error| KeyError::Refused(error.to_string());
    let key = rcgen::KeyPair::generate().map_err(refused)?;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let kind = rcgen::DnType::CommonName;
    params.distinguished_name.push(kind, common_name);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = now - Duration::minutes(5);
    params.not_after = now + Duration::days(1);
    let certificate = params.self_signed(&key).map_err(refused)?;
    Ok((
        certificate.der().to_vec(),
        Zeroizing::new(key.serialize_der()),
    ))
}

const SEED_BYTES: usize = 32; // RFC 8032 §5.1.5, RFC 7748 §6.1

/// A SubjectPublicKeyInfo up to the point, for id-ecPublicKey on secp256r1 (RFC 5480 §2).
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The same on secp384r1.
const P384_INFO: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// A SubjectPublicKeyInfo up to the key, for id-Ed25519 (RFC 8410 §4).
const ED25519_INFO: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// PKCS #8 version 1 up to the seed, for id-Ed25519 (RFC 8410 §7).
const ED25519_PKCS8_HEADER: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// A SubjectPublicKeyInfo up to the key, for id-X25519 (RFC 8410 §4).
#[cfg(feature = "rsa")]
const X25519_INFO: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00,
];
/// PKCS #8 version 1 up to the private key, for id-X25519 (RFC 8410 §7).
#[cfg(feature = "rsa")]
const X25519_PKCS8_HEADER: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
];
