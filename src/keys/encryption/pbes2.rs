//! PBES2: a key derived with PBKDF2 or scrypt, and a cipher ([RFC 8018](https://www.rfc-editor.org/rfc/rfc8018)).

use const_oid::ObjectIdentifier as KnownObjectIdentifier;

use super::{EncryptionError, positive, rounds};
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::element::{Element, Elements, INTEGER, OCTET_STRING, SEQUENCE};
use crate::pki::oid::known_oid;

/// Reads the parameters of PBES2 (RFC 8018 §A.4).
/// Gives what it is and what it costs.
pub(super) fn read(parameters: &[u8]) -> Result<(String, u64), EncryptionError> {
    let mut parts = Element::only(parameters, SEQUENCE, "the encryption's parameters")?.children();
    let derivation = AlgorithmIdentifier::read(parts.next(SEQUENCE, "the key derivation")?)?;
    let cipher = AlgorithmIdentifier::read(parts.next(SEQUENCE, "the cipher")?)?;
    parts.end("the cipher")?;
    let known = PBES2_CIPHERS.iter().find(|(oid, ..)| cipher.oid == *oid);
    let &(_, cipher_name, key_bytes, iv_bytes) =
        known.ok_or_else(|| EncryptionError::Unsupported {
            algorithm: cipher.to_string(),
        })?;
    let iv = Element::only(
        cipher.parameters.as_deref().unwrap_or_default(),
        OCTET_STRING,
        "the IV",
    )?;
    if iv.content.len() != iv_bytes {
        return Err(EncryptionError::Senseless { what: "IV" });
    }
    let derivation_parameters = derivation.parameters.as_deref().unwrap_or_default();
    let (derivation, cost) = if derivation.oid == PBKDF2 {
        pbkdf2(derivation_parameters, key_bytes)?
    } else if derivation.oid == SCRYPT {
        scrypt(derivation_parameters, key_bytes)?
    } else {
        return Err(EncryptionError::Unsupported {
            algorithm: derivation.to_string(),
        });
    };
    Ok((format!("PBES2, {derivation}, {cipher_name}"), cost))
}

/// What a PBKDF2 derivation is, and what it costs (RFC 8018 §A.2).
fn pbkdf2(parameters: &[u8], key_bytes: u64) -> Result<(String, u64), EncryptionError> {
    let mut parts = Element::only(parameters, SEQUENCE, "PBKDF2's parameters")?.children();
    parts.next(OCTET_STRING, "the salt")?;
    let rounds = rounds(parts.next(INTEGER, "the rounds")?)?;
    key_length(&mut parts, key_bytes)?;
    let hash = match parts.optional(SEQUENCE, "the PRF")? {
        None => ("HMAC-SHA1", 1),
        Some(sequence) => {
            let prf = AlgorithmIdentifier::read(sequence)?;
            let known = PBKDF2_HASHES.iter().find(|(oid, ..)| prf.oid == *oid);
            let &(_, name, weight) = known.ok_or_else(|| EncryptionError::Unsupported {
                algorithm: prf.to_string(),
            })?;
            (name, weight)
        }
    };
    parts.end("PBKDF2's parameters")?;
    // A key longer than the hash takes two rows of rounds: only SHA-1 with a key over 20 bytes.
    let rows = if hash.0 == "HMAC-SHA1" {
        key_bytes.div_ceil(20)
    } else {
        1
    };
    let cost = rounds.saturating_mul(2 * hash.1 * rows);
    Ok((format!("PBKDF2 with {}, {rounds} rounds", hash.0), cost))
}

/// What a scrypt derivation is, and what it costs ([RFC 7914 §7.1](https://www.rfc-editor.org/rfc/rfc7914#section-7.1)).
fn scrypt(parameters: &[u8], key_bytes: u64) -> Result<(String, u64), EncryptionError> {
    let mut parts = Element::only(parameters, SEQUENCE, "scrypt's parameters")?.children();
    parts.next(OCTET_STRING, "the salt")?;
    let mut number = |what| {
        let element = parts.next(INTEGER, what)?;
        positive(element, "memory")
    };
    let (cost, block_size, parallel) = (number("N")?, number("r")?, number("p")?);
    key_length(&mut parts, key_bytes)?;
    parts.end("scrypt's parameters")?;
    if !cost.is_power_of_two() || cost < 2 || block_size == 0 || parallel == 0 {
        return Err(EncryptionError::Senseless {
            what: "scrypt parameters",
        });
    }
    let memory = cost
        .saturating_mul(block_size)
        .saturating_mul(SCRYPT_BLOCK_BYTES);
    if memory > MAX_SCRYPT_BYTES || parallel > MAX_SCRYPT_BYTES {
        return Err(EncryptionError::TooCostly { what: "memory" });
    }
    let work = memory.saturating_mul(parallel) / SCRYPT_BYTES_PER_ROUND;
    Ok((
        format!("scrypt with N={cost}, r={block_size}, p={parallel}"),
        work,
    ))
}

/// The optional keyLength, which has to be the cipher's.
fn key_length(parts: &mut Elements<'_>, key_bytes: u64) -> Result<(), EncryptionError> {
    match parts.optional(INTEGER, "keyLength")? {
        Some(element) if positive(element, "key")? != key_bytes => {
            Err(EncryptionError::Senseless { what: "key length" })
        }
        Some(_) | None => Ok(()),
    }
}

const MAX_SCRYPT_BYTES: u64 = 64 << 20;
const SCRYPT_BLOCK_BYTES: u64 = 128; // RFC 7914 §2
const SCRYPT_BYTES_PER_ROUND: u64 = 32;

pub(in crate::keys) const PBKDF2: KnownObjectIdentifier = known_oid("1.2.840.113549.1.5.12");
pub(in crate::keys) const HMAC_SHA256: KnownObjectIdentifier = known_oid("1.2.840.113549.2.9");
pub(in crate::keys) const AES_256_CBC: KnownObjectIdentifier = known_oid("2.16.840.1.101.3.4.1.42");
const SCRYPT: KnownObjectIdentifier = known_oid("1.3.6.1.4.1.11591.4.11");

/// Ciphers, with the bytes of their key and of their IV.
const PBES2_CIPHERS: [(KnownObjectIdentifier, &str, u64, usize); 6] = [
    (known_oid("2.16.840.1.101.3.4.1.2"), "AES-128-CBC", 16, 16),
    (known_oid("2.16.840.1.101.3.4.1.22"), "AES-192-CBC", 24, 16),
    (AES_256_CBC, "AES-256-CBC", 32, 16),
    (known_oid("2.16.840.1.101.3.4.1.6"), "AES-128-GCM", 16, 12),
    (known_oid("2.16.840.1.101.3.4.1.46"), "AES-256-GCM", 32, 12),
    (known_oid("1.2.840.113549.3.7"), "DES-EDE3-CBC", 24, 8),
];

/// Hashes of PBKDF2 (RFC 8018 §B.1.2), with what a round costs.
const PBKDF2_HASHES: [(KnownObjectIdentifier, &str, u64); 5] = [
    (known_oid("1.2.840.113549.2.7"), "HMAC-SHA1", 1),
    (known_oid("1.2.840.113549.2.8"), "HMAC-SHA224", 1),
    (HMAC_SHA256, "HMAC-SHA256", 1),
    (known_oid("1.2.840.113549.2.10"), "HMAC-SHA384", 2),
    (known_oid("1.2.840.113549.2.11"), "HMAC-SHA512", 2),
];
