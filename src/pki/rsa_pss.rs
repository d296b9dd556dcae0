//! RSASSA-PSS signatures with a salt of any length ([RFC 8017 §8.1.2 and §9.1.2](https://www.rfc-editor.org/rfc/rfc8017#section-8.1.2)).
//!
//! ring and AWS-LC verify only salts as long as the hash; OpenSSL 3.0 signs requests with the longest salt that
//! fits. Only public values are computed with here.

use num_bigint::BigUint;
use ring::digest::{self, SHA256, SHA384, SHA512};

use super::algorithm_identifier::{AlgorithmIdentifier, RSASSA_PSS};
use super::element::{Element, INTEGER, SEQUENCE, context_constructed, small_integer};
use super::public_key::bit_length;

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
const MGF1: const_oid::ObjectIdentifier =
    const_oid::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const HASHES: [(const_oid::ObjectIdentifier, &digest::Algorithm); 3] = [
    (
        const_oid::ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
        &SHA256,
    ),
    (
        const_oid::ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
        &SHA384,
    ),
    (
        const_oid::ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
        &SHA512,
    ),
];
