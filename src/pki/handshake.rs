//! The signature of a TLS handshake, by which a server proves that it holds its private key.

use std::ops::RangeInclusive;

use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use serde::Serialize;
use webpki::RawPublicKeyEntity;

use super::certificate::Certificate;
use super::public_key::{KeyKind, PublicKey};

/// Whether the server proved that it holds the private key of its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyProof {
    /// Its signature over the handshake verifies.
    Proven,
    /// Its signature does not verify.
    Failed,
    /// The key or the signature is of a type that cannot be verified here: nothing is proven.
    Unchecked,
}

impl KeyProof {
    /// What a signature proves about the key of a certificate, given the algorithms of its scheme.
    ///
    /// Reads the certificate with our own parser, which also reads those that webpki rejects, such as
    /// version 1.
    pub fn of(
        message: &[u8],
        certificate: &[u8],
        signature: &[u8],
        algorithms: &[Algorithm],
    ) -> KeyProof {
        let Ok(certificate) = Certificate::from_der(certificate.to_vec()) else {
            return KeyProof::Unchecked;
        };
        let public_key_info = SubjectPublicKeyInfoDer::from(certificate.public_key_info());
        let Ok(public_key) = RawPublicKeyEntity::try_from(&public_key_info) else {
            return KeyProof::Unchecked;
        };
        let mut proof = KeyProof::Unchecked;
        for algorithm in algorithms {
            match public_key.verify_signature(*algorithm, message, signature) {
                Ok(()) => return KeyProof::Proven,
                Err(webpki::Error::InvalidSignatureForPublicKey) => proof = KeyProof::Failed,
                Err(_) => {}
            }
        }
        if is_rsa_of_other_size(&public_key_info) {
            KeyProof::Unchecked
        } else {
            proof
        }
    }
}

/// ring verifies no RSA signature outside these sizes, however valid it is.
fn is_rsa_of_other_size(public_key_info: &[u8]) -> bool {
    PublicKey::from_der(public_key_info).is_ok_and(|key| {
        matches!(key.kind, KeyKind::Rsa) && !key.bits.is_some_and(|bits| RSA_BITS.contains(&bits))
    })
}

/// An algorithm of a signature scheme.
pub type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// ECDSA on P-521 with SHA-512, which ring lacks.
#[cfg(feature = "rsa")]
pub const P521_SHA512: Option<Algorithm> = Some(webpki::aws_lc_rs::ECDSA_P521_SHA512);
#[cfg(not(feature = "rsa"))]
/// ECDSA on P-521 with SHA-512, which ring lacks.
pub const P521_SHA512: Option<Algorithm> = None;

const RSA_BITS: RangeInclusive<usize> = 2048..=8192;
