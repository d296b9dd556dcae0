//! Password-based encryption of keys ([RFC 8018](https://www.rfc-editor.org/rfc/rfc8018),
//! [RFC 7292 §B and §C](https://www.rfc-editor.org/rfc/rfc7292#appendix-B)).

use std::fmt;

use ::pkcs8::pkcs5::pbes2::Parameters;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use const_oid::ObjectIdentifier as KnownObjectIdentifier;
use der::Decode as _;
use ring::digest::{self, Algorithm};
use zeroize::Zeroizing;

use super::password::Password;
use crate::pki::algorithm_identifier::AlgorithmIdentifier;
use crate::pki::element::{
    Element, ElementError, Elements, INTEGER, OCTET_STRING, SEQUENCE, is_minimal_integer,
};

/// How something is encrypted with a password, and within the bounds of what we are ready to compute.
pub(super) struct Encryption {
    scheme: Scheme,
    description: String,
    cost: u64,
}

enum Scheme {
    /// PBES2, as the DER of its parameters.
    Pbes2(Vec<u8>),
    /// One of PKCS #12's own.
    Pkcs12 {
        cipher: Cipher,
        salt: Vec<u8>,
        rounds: u64,
    },
}

#[derive(Clone, Copy)]
enum Cipher {
    TripleDes,
    Rc2Of128,
    Rc2Of40,
}

/// How much more work is done for one file: rounds of a hash, or what costs as much.
pub(super) struct Effort(u64);

impl Effort {
    /// What one file may cost.
    pub(super) fn for_one_file() -> Self {
        Effort(MAX_COST)
    }

    /// Takes the cost of one derivation.
    pub(super) fn take(&mut self, cost: u64) -> Result<(), EncryptionError> {
        self.0 = self
            .0
            .checked_sub(cost)
            .ok_or(EncryptionError::TooCostly { what: "rounds" })?;
        Ok(())
    }
}

impl Encryption {
    /// Reads an AlgorithmIdentifier, and refuses what costs too much before anything is computed.
    pub(super) fn read(sequence: Element<'_>) -> Result<Self, EncryptionError> {
        let algorithm = AlgorithmIdentifier::read(sequence)?;
        let parameters = algorithm.parameters.as_deref().unwrap_or_default();
        if algorithm.oid == PBES2 {
            return pbes2(parameters);
        }
        let known = PKCS12_CIPHERS
            .iter()
            .find(|(oid, ..)| algorithm.oid == *oid);
        let &(_, cipher, name) = known.ok_or_else(|| EncryptionError::Unsupported {
            algorithm: algorithm.to_string(),
        })?;
        let mut parts =
            Element::only(parameters, SEQUENCE, "the encryption's parameters")?.children();
        let salt = parts.next(OCTET_STRING, "the salt")?.content.to_vec();
        let rounds = rounds(parts.next(INTEGER, "the rounds")?)?;
        parts.end("the rounds")?;
        Ok(Encryption {
            scheme: Scheme::Pkcs12 {
                cipher,
                salt,
                rounds,
            },
            description: format!("{name}, {rounds} rounds"),
            cost: rounds.saturating_mul(PKCS12_DERIVATIONS),
        })
    }

    /// The content.
    pub(super) fn decrypt(
        &self,
        content: &[u8],
        password: &Password,
        effort: &mut Effort,
    ) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
        effort.take(self.cost)?;
        let mut buffer = Zeroizing::new(content.to_vec());
        let length = match &self.scheme {
            Scheme::Pbes2(parameters) => {
                let parameters = Parameters::from_der(parameters)
                    .map_err(|source| EncryptionError::Parameters { source })?;
                let decrypted = parameters.decrypt_in_place(password.octets(), &mut buffer);
                decrypted
                    .map_err(|source| EncryptionError::Password { source })?
                    .len()
            }
            Scheme::Pkcs12 {
                cipher,
                salt,
                rounds,
            } => pkcs12_decrypt(*cipher, salt, *rounds, &password.utf_16(), &mut buffer)?,
        };
        buffer.truncate(length);
        Ok(buffer)
    }
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

/// Why something is not decrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// Its parameters are not what they should be.
    #[error("the encryption is malformed: {0}")]
    Malformed(#[from] ElementError),
    /// Parameters that the library does not read.
    #[error("the encryption's parameters are not understood: {source}")]
    Parameters {
        /// What it says.
        source: der::Error,
    },
    /// Something we have not.
    #[error("encrypted with {algorithm}, which is not supported")]
    Unsupported {
        /// What it is.
        algorithm: String,
    },
    /// It would take too long, or too much memory.
    #[error("the encryption asks for more {what} than any real file: refused")]
    TooCostly {
        /// More of what.
        what: &'static str,
    },
    /// A number that makes no sense.
    #[error("the encryption's {what} makes no sense")]
    Senseless {
        /// Which number.
        what: &'static str,
    },
    /// The password is not the right one.
    #[error("wrong password, or a damaged file: {source}")]
    Password {
        /// What the library says.
        source: ::pkcs8::pkcs5::Error,
    },
    /// The same in PKCS #12.
    #[error("wrong password, or a damaged file")]
    Padding,
}

/// Reads the parameters of PBES2 (RFC 8018 §A.4).
fn pbes2(parameters: &[u8]) -> Result<Encryption, EncryptionError> {
    let mut parts = Element::only(parameters, SEQUENCE, "the encryption's parameters")?.children();
    let derivation = AlgorithmIdentifier::read(parts.next(SEQUENCE, "the key derivation")?)?;
    let cipher = AlgorithmIdentifier::read(parts.next(SEQUENCE, "the cipher")?)?;
    parts.end("the cipher")?;
    let known = PBES2_CIPHERS.iter().find(|(oid, ..)| cipher.oid == *oid);
    let &(_, cipher_name, key_octets, iv_octets) =
        known.ok_or_else(|| EncryptionError::Unsupported {
            algorithm: cipher.to_string(),
        })?;
    let iv = Element::only(
        cipher.parameters.as_deref().unwrap_or_default(),
        OCTET_STRING,
        "the IV",
    )?;
    if iv.content.len() != iv_octets {
        return Err(EncryptionError::Senseless { what: "IV" });
    }
    let derivation_parameters = derivation.parameters.as_deref().unwrap_or_default();
    let (derivation, cost) = if derivation.oid == PBKDF2 {
        pbkdf2(derivation_parameters, key_octets)?
    } else if derivation.oid == SCRYPT {
        scrypt(derivation_parameters, key_octets)?
    } else {
        return Err(EncryptionError::Unsupported {
            algorithm: derivation.to_string(),
        });
    };
    Ok(Encryption {
        scheme: Scheme::Pbes2(parameters.to_vec()),
        description: format!("PBES2, {derivation}, {cipher_name}"),
        cost,
    })
}

/// What a PBKDF2 derivation is, and what it costs (RFC 8018 §A.2).
fn pbkdf2(parameters: &[u8], key_octets: u64) -> Result<(String, u64), EncryptionError> {
    let mut parts = Element::only(parameters, SEQUENCE, "PBKDF2's parameters")?.children();
    parts.next(OCTET_STRING, "the salt")?;
    let rounds = rounds(parts.next(INTEGER, "the rounds")?)?;
    key_length(&mut parts, key_octets)?;
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
    // A key longer than the hash takes two rows of rounds: only SHA-1 with a key over 20 octets.
    let rows = if hash.0 == "HMAC-SHA1" {
        key_octets.div_ceil(20)
    } else {
        1
    };
    let cost = rounds.saturating_mul(2 * hash.1 * rows);
    Ok((format!("PBKDF2 with {}, {rounds} rounds", hash.0), cost))
}

/// What a scrypt derivation is, and what it costs ([RFC 7914 §7.1](https://www.rfc-editor.org/rfc/rfc7914#section-7.1)).
fn scrypt(parameters: &[u8], key_octets: u64) -> Result<(String, u64), EncryptionError> {
    let mut parts = Element::only(parameters, SEQUENCE, "scrypt's parameters")?.children();
    parts.next(OCTET_STRING, "the salt")?;
    let mut number = |what| {
        let element = parts.next(INTEGER, what)?;
        positive(element, "memory")
    };
    let (cost, block_size, parallel) = (number("N")?, number("r")?, number("p")?);
    key_length(&mut parts, key_octets)?;
    parts.end("scrypt's parameters")?;
    if !cost.is_power_of_two() || cost < 2 || block_size == 0 || parallel == 0 {
        return Err(EncryptionError::Senseless {
            what: "scrypt parameters",
        });
    }
    let memory = cost
        .saturating_mul(block_size)
        .saturating_mul(SCRYPT_BLOCK_OCTETS);
    if memory > MAX_SCRYPT_OCTETS || parallel > MAX_SCRYPT_OCTETS {
        return Err(EncryptionError::TooCostly { what: "memory" });
    }
    let work = memory.saturating_mul(parallel) / SCRYPT_OCTETS_PER_ROUND;
    Ok((
        format!("scrypt with N={cost}, r={block_size}, p={parallel}"),
        work,
    ))
}

/// The optional keyLength, which has to be the cipher's.
fn key_length(parts: &mut Elements<'_>, key_octets: u64) -> Result<(), EncryptionError> {
    match parts.optional(INTEGER, "keyLength")? {
        Some(element) if positive(element, "key")? != key_octets => {
            Err(EncryptionError::Senseless { what: "key length" })
        }
        Some(_) | None => Ok(()),
    }
}

fn rounds(element: Element<'_>) -> Result<u64, EncryptionError> {
    match positive(element, "rounds")? {
        0 => Err(EncryptionError::Senseless {
            what: "number of rounds",
        }),
        rounds if rounds > MAX_COST => Err(EncryptionError::TooCostly { what: "rounds" }),
        rounds => Ok(rounds),
    }
}

/// An INTEGER that is not negative; one of more than 63 bits is too much of `what`.
pub(super) fn positive(element: Element<'_>, what: &'static str) -> Result<u64, EncryptionError> {
    let content = element.content;
    if !is_minimal_integer(content) || content[0] & 0x80 != 0 {
        return Err(EncryptionError::Senseless { what });
    }
    if content.len() > 8 {
        return Err(EncryptionError::TooCostly { what });
    }
    Ok(content
        .iter()
        .fold(0, |value, octet| value << 8 | u64::from(*octet)))
}

/// Decrypts in place and gives the length of what comes out (RFC 7292 §C).
fn pkcs12_decrypt(
    cipher: Cipher,
    salt: &[u8],
    rounds: u64,
    password: &[u8],
    buffer: &mut [u8],
) -> Result<usize, EncryptionError> {
    let derive = |purpose, octets| {
        pkcs12_derive(
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            purpose,
            password,
            salt,
            rounds,
            octets,
        )
    };
    let iv = derive(Purpose::InitialVector, 8);
    let key = |octets| derive(Purpose::Key, octets);
    match cipher {
        Cipher::TripleDes => cbc_decrypt::<des::TdesEde3>(&key(24), &iv, buffer),
        Cipher::Rc2Of128 => cbc_decrypt::<rc2::Rc2>(&key(16), &iv, buffer),
        Cipher::Rc2Of40 => cbc_decrypt::<rc2::Rc2>(&key(5), &iv, buffer),
    }
}

fn cbc_decrypt<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    buffer: &mut [u8],
) -> Result<usize, EncryptionError> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).or(Err(EncryptionError::Padding))?;
    let content = cipher
        .decrypt_padded::<Pkcs7>(buffer)
        .or(Err(EncryptionError::Padding))?;
    Ok(content.len())
}

/// What a derived key is for: the ID octet of RFC 7292 §B.3.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    InitialVector = 2,
    Mac = 3,
}

/// PKCS #12's own key derivation (RFC 7292 §B.2).
pub(super) fn pkcs12_derive(
    hash: &'static Algorithm,
    purpose: Purpose,
    password: &[u8],
    salt: &[u8],
    rounds: u64,
    octets: usize,
) -> Zeroizing<Vec<u8>> {
    let block = hash.block_len();
    let filled = |octets: &[u8]| {
        let length = octets.len().div_ceil(block) * block;
        Zeroizing::new(
            octets
                .iter()
                .copied()
                .cycle()
                .take(length)
                .collect::<Vec<u8>>(),
        )
    };
    let mut input = Zeroizing::new([&filled(salt)[..], &filled(password)[..]].concat());
    let mut derived = Zeroizing::new(Vec::with_capacity(octets + hash.output_len()));
    while derived.len() < octets {
        let mut context = digest::Context::new(hash);
        context.update(&vec![purpose as u8; block]);
        context.update(&input);
        let mut result = context.finish();
        for _ in 1..rounds {
            result = digest::digest(hash, result.as_ref());
        }
        derived.extend_from_slice(result.as_ref());
        let addend: Vec<u8> = result
            .as_ref()
            .iter()
            .copied()
            .cycle()
            .take(block)
            .collect();
        for part in input.chunks_mut(block) {
            let mut carry = 1;
            for (octet, addend) in part.iter_mut().zip(&addend).rev() {
                carry += u16::from(*octet) + u16::from(*addend);
                *octet = carry as u8;
                carry >>= 8;
            }
        }
    }
    derived.truncate(octets);
    derived
}

/// In hashes: twice what GnuTLS asks for, a PKCS #12 of three derivations of 600,000 rounds. Well
/// below two seconds.
const MAX_COST: u64 = 6_000_000;
const MAX_SCRYPT_OCTETS: u64 = 64 << 20;
const SCRYPT_BLOCK_OCTETS: u64 = 128; // RFC 7914 §2
const SCRYPT_OCTETS_PER_ROUND: u64 = 32;
/// Two rows of rounds for a key of 24 octets, one for the IV.
const PKCS12_DERIVATIONS: u64 = 3;

const PBES2: KnownObjectIdentifier = KnownObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: KnownObjectIdentifier = KnownObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const SCRYPT: KnownObjectIdentifier = KnownObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");

/// Ciphers, with the octets of their key and of their IV.
const PBES2_CIPHERS: [(KnownObjectIdentifier, &str, u64, usize); 6] = [
    (
        KnownObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"),
        "AES-128-CBC",
        16,
        16,
    ),
    (
        KnownObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"),
        "AES-192-CBC",
        24,
        16,
    ),
    (
        KnownObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"),
        "AES-256-CBC",
        32,
        16,
    ),
    (
        KnownObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.6"),
        "AES-128-GCM",
        16,
        12,
    ),
    (
        KnownObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46"),
        "AES-256-GCM",
        32,
        12,
    ),
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.3.7"),
        "DES-EDE3-CBC",
        24,
        8,
    ),
];

/// Hashes of PBKDF2 (RFC 8018 §B.1.2), with what a round costs.
const PBKDF2_HASHES: [(KnownObjectIdentifier, &str, u64); 5] = [
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.2.7"),
        "HMAC-SHA1",
        1,
    ),
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.2.8"),
        "HMAC-SHA224",
        1,
    ),
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.2.9"),
        "HMAC-SHA256",
        1,
    ),
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.2.10"),
        "HMAC-SHA384",
        2,
    ),
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.2.11"),
        "HMAC-SHA512",
        2,
    ),
];

const PKCS12_CIPHERS: [(KnownObjectIdentifier, Cipher, &str); 3] = [
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3"),
        Cipher::TripleDes,
        "PBE with SHA-1 and 3-key triple DES",
    ),
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5"),
        Cipher::Rc2Of128,
        "PBE with SHA-1 and RC2 of 128 bits",
    ),
    (
        KnownObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6"),
        Cipher::Rc2Of40,
        "PBE with SHA-1 and RC2 of 40 bits",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pkcs12_derives_what_others_derive() {
        // From the test vectors of Bouncy Castle and OpenSSL for SHA-1, "smeg", one round.
        let password = Password::new(Zeroizing::new(b"smeg".to_vec()));
        let salt = [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f];
        let hash = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        let key = pkcs12_derive(hash, Purpose::Key, &password.utf_16(), &salt, 1, 24);
        let expected = "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3";
        let shown: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(shown, expected);
    }
}
