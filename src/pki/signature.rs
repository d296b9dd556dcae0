//! The signature of a TLS handshake, by which a server proves that it holds its private key.

use std::ops::RangeInclusive;

use num_bigint::BigUint;
use ring::digest::{self, SHA256, SHA384, SHA512};
use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use serde::Serialize;
use webpki::RawPublicKeyEntity;

use super::algorithm::{AlgorithmIdentifier, ID_SHA256, ID_SHA384, ID_SHA512, RSASSA_PSS};
use super::certificate::Certificate;
use super::element::{Element, INTEGER, SEQUENCE, context_constructed, small_integer};
use super::oid::known_oid;
use super::public_key::{KeyKind, PublicKey, bit_length};

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

/// The parameters of a signature, of those that are supported: SHA-2, and MGF1 with the same hash.
pub(crate) struct PssParameters {
    hash: &'static digest::Algorithm,
    salt_bytes: usize,
}

impl PssParameters {
    /// Reads RSASSA-PSS-params ([RFC 4055 §3.1](https://www.rfc-editor.org/rfc/rfc4055#section-3.1)); `None` if the
    /// algorithm is another one, or its hash is SHA-1, the default, or one that is not supported.
    pub(crate) fn read(algorithm: &AlgorithmIdentifier) -> Option<Self> {
        let parameters = algorithm.parameters.as_deref()?;
        let is_pss = algorithm.oid == RSASSA_PSS;
        let mut fields = Element::only(parameters, SEQUENCE, "parameters")
            .ok()?
            .children();
        let mut field = |number| fields.next(context_constructed(number), "parameters").ok();
        let hash = hash(field(0)?.content)?;
        let mask = Element::only(field(1)?.content, SEQUENCE, "mask").ok()?;
        let mask = AlgorithmIdentifier::read(mask).ok()?;
        let is_same = mask.oid == MGF1 && self::hash(mask.parameters.as_deref()?)? == hash;
        let salt = Element::only(field(2)?.content, INTEGER, "salt length").ok()?;
        let salt_bytes = usize::try_from(small_integer(salt, "salt length").ok()?).ok()?;
        (is_pss && is_same && fields.is_empty()).then_some(PssParameters { hash, salt_bytes })
    }

    /// Whether this is the signature over `message` by the key with these big-endian numbers, of at most 8192 and
    /// 64 bits.
    pub(crate) fn verify(
        &self,
        (modulus, exponent): (&[u8], &[u8]),
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let bits = bit_length(modulus);
        let is_usable = bits <= MAX_MODULUS_BITS && exponent.len() <= 8 && bits > 16;
        if !is_usable || signature.len() != modulus.len() {
            return false;
        }
        let modulus = BigUint::from_bytes_be(modulus);
        let signature = BigUint::from_bytes_be(signature);
        if signature >= modulus {
            return false;
        }
        let encoded = signature.modpow(&BigUint::from_bytes_be(exponent), &modulus);
        let bytes = (bits - 1).div_ceil(8);
        let encoded = encoded.to_bytes_be();
        let padding = bytes.checked_sub(encoded.len());
        padding.is_some_and(|zeros| {
            self.is_encoding([vec![0; zeros], encoded].concat(), bits - 1, message)
        })
    }

    /// EMSA-PSS-VERIFY.
    fn is_encoding(&self, encoded: Vec<u8>, bits: usize, message: &[u8]) -> bool {
        let hash_bytes = self.hash.output_len();
        let Some(block_bytes) = encoded.len().checked_sub(hash_bytes + 1) else {
            return false;
        };
        let (masked, rest) = encoded.split_at(block_bytes);
        let (seed, trailer) = rest.split_at(hash_bytes);
        let unused = 0xff_u8 >> (8 * encoded.len() - bits);
        let Some(padding_bytes) = block_bytes.checked_sub(self.salt_bytes + 1) else {
            return false;
        };
        if trailer != [0xbc] || masked[0] & !unused != 0 {
            return false;
        }
        let mask = self.mask(seed, block_bytes);
        let mut block: Vec<u8> = masked.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        block[0] &= unused;
        let (padding, salt) = block.split_at(padding_bytes + 1);
        let (mark, zeros) = match padding.split_last() {
            Some((mark, zeros)) => (*mark, zeros),
            None => return false,
        };
        let mut context = digest::Context::new(self.hash);
        context.update(&[0; 8]);
        context.update(digest::digest(self.hash, message).as_ref());
        context.update(salt);
        mark == 1 && zeros.iter().all(|zero| *zero == 0) && context.finish().as_ref() == seed
    }

    /// MGF1 (RFC 8017 §B.2.1).
    fn mask(&self, seed: &[u8], length: usize) -> Vec<u8> {
        let blocks = (0_u32..).map(|counter| {
            let mut context = digest::Context::new(self.hash);
            context.update(seed);
            context.update(&counter.to_be_bytes());
            context.finish()
        });
        let bytes = blocks.flat_map(|block| block.as_ref().to_vec());
        bytes.take(length).collect()
    }
}

fn hash(identifier: &[u8]) -> Option<&'static digest::Algorithm> {
    let sequence = Element::only(identifier, SEQUENCE, "hash").ok()?;
    let algorithm = AlgorithmIdentifier::read(sequence).ok()?;
    if !algorithm.has_no_parameters() {
        return None;
    }
    let known = HASHES.iter().find(|(oid, _)| algorithm.oid == *oid);
    known.map(|(_, hash)| *hash)
}

const MAX_MODULUS_BITS: usize = 8192; // as ring has it
const MGF1: const_oid::ObjectIdentifier = known_oid("1.2.840.113549.1.1.8");
const HASHES: [(const_oid::ObjectIdentifier, &digest::Algorithm); 3] = [
    (ID_SHA256, &SHA256),
    (ID_SHA384, &SHA384),
    (ID_SHA512, &SHA512),
];
