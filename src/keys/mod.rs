//! Private keys and everything random.

mod age;
mod encryption;
mod generate;
mod jwk;
mod pkcs12;
mod pkcs12_writing;
mod read;
mod signer;

use std::fmt;

use ::pkcs8::PrivateKeyInfoRef;
use der::Decode as _;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::pki::algorithm::KeyType;
use crate::pki::pem;
use crate::pki::serial::SerialNumber;

pub use age::{AgeError, decrypt, encrypt};
pub use encryption::EncryptionError;
pub use generate::throw_away_pair;
pub use jwk::{Jwk, JwkError, jwk_thumbprint};
pub use pkcs12::{Pkcs12, Pkcs12Error};
pub use pkcs12_writing::{Pkcs12Contents, Protection, write_pkcs12};
pub use read::{
    KeyFormat, KeyReader, ReadKey, ReadKeyError, read_encrypted_key, read_key, read_pem_key,
};

pub use signer::{EcdsaForm, Signer, SigningError};

/// A private key: PKCS #8 version 1 (RFC 5958 without the public key, which grpc-core refuses) and
/// its public half. Wiped on drop.
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public_key_info: Vec<u8>,
    key_type: KeyType,
}

impl PrivateKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// If the system gives no randomness, or this build makes no keys of that type.
    pub fn generate(key_type: KeyType) -> Result<Self, KeyError> {
        forbid_core_dumps();
        let key = generate::generate(key_type);
        scrub_stack();
        key
    }

    /// What kind of key it is.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The public half as a DER SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    /// The key, ready to sign.
    ///
    /// # Errors
    /// If the library that signs refuses it.
    pub fn signer(&self) -> Result<Signer, KeyError> {
        Signer::from_pkcs8(&self.pkcs8)
    }

    /// The key as unencrypted PKCS #8.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// An unencrypted PKCS #8 key as PEM, with a password encrypted: PBES2 with scrypt (N = 2^14, r = 8, p = 1) and
/// AES-256-CBC, which OpenSSL 3 reads without being asked
/// ([RFC 8018 §6.2](https://www.rfc-editor.org/rfc/rfc8018#section-6.2), [RFC 7914](https://www.rfc-editor.org/rfc/rfc7914)).
///
/// # Errors
/// If the password is empty, or the system gives no randomness.
pub fn to_pem(pkcs8: &[u8], password: Option<&Password>) -> Result<Zeroizing<String>, KeyError> {
    let encoding = |source| KeyError::Encoding { source };
    let Some(password) = password else {
        return pem::encode("PRIVATE KEY", pkcs8).map_err(encoding);
    };
    if password.bytes().is_empty() {
        return Err(KeyError::EmptyPassword);
    }
    let info = PrivateKeyInfoRef::from_der(pkcs8).map_err(encoding)?;
    let encrypted = info
        .encrypt(password.bytes())
        .map_err(|e| KeyError::Refused(e.to_string()))?;
    pem::encode("ENCRYPTED PRIVATE KEY", encrypted.as_bytes()).map_err(encoding)
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system's random number generator failed.
    #[error("the system's random number generator failed")]
    Randomness,
    /// RSA and X25519 keys need the `rsa` feature.
    #[error("this build cannot generate {kind} keys")]
    NotInThisBuild {
        /// The kind of key.
        kind: &'static str,
    },
    /// An X25519 key only agrees on keys.
    #[error("an X25519 key cannot sign")]
    CannotSign,
    /// A library refused to make or read the key.
    #[error("the key was rejected: {0}")]
    Refused(String),
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty")]
    EmptyPassword,
    /// The key is none we sign with.
    #[error("not a PKCS #8 private key of a type we sign with (P-256, P-384, Ed25519, RSA)")]
    Unsupported,
    /// The key has no DER of its own.
    #[error("the key cannot be encoded")]
    Encoding {
        /// The encoder's error.
        source: der::Error,
    },
}

/// Keeps this process's memory, and with it keys, out of core dumps, as far as the system lets it.
fn forbid_core_dumps() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        use rustix::process::{
            DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit,
        };
        // A system that refuses either leaves things as they were, which is no reason not to work.
        let _ = setrlimit(
            Resource::Core,
            Rlimit {
                current: Some(0),
                maximum: Some(0),
            },
        );
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    });
}

/// A new random serial number of 128 bits.
///
/// # Errors
/// If the system gives no randomness.
pub fn random_serial() -> Result<SerialNumber, KeyError> {
    let mut bits = [0; 16];
    fill(&mut bits)?;
    Ok(SerialNumber::from_random(bits))
}

/// Random bytes of the system: nonces, content keys, identifiers.
///
/// # Errors
/// If the system gives no randomness.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// The system's randomness, for libraries that draw it themselves.
pub fn system_random() -> impl ring::rand::SecureRandom {
    SystemRandom::new()
}

/// Fills with the system's randomness.
fn fill(bytes: &mut [u8]) -> Result<(), KeyError> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|ring::error::Unspecified| KeyError::Randomness)
}

/// Overwrites what key generation left on the stack below the caller.
#[inline(never)]
fn scrub_stack() {
    let mut depth = [0xa5a5_a5a5_u64; 4096];
    zeroize::Zeroize::zeroize(std::hint::black_box(&mut depth[..]));
}

/// A password; wiped on drop.
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// The first line of a password file, without its line end.
    pub fn from_file(content: &[u8]) -> Self {
        let line = content.split(|b| *b == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Password(Zeroizing::new(line.to_vec()))
    }

    /// The password with these bytes.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Password(bytes)
    }

    /// The same password once more, for repeated use.
    pub fn again(&self) -> Self {
        Password(self.0.clone())
    }

    /// The bytes, UTF-8 in most files.
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As PKCS #12 wants it: UTF-16, big-endian, with a zero at the end
    /// ([RFC 7292 §B.1](https://www.rfc-editor.org/rfc/rfc7292#appendix-B.1)). What is not UTF-8 is
    /// taken as Latin-1.
    fn utf_16(&self) -> Zeroizing<Vec<u8>> {
        // Twice the bytes are always enough, so that nothing is moved in memory.
        let mut units = Zeroizing::new(Vec::with_capacity(self.0.len() * 2 + 2));
        match std::str::from_utf8(&self.0) {
            Ok(text) => units.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Err(_) => units.extend(self.0.iter().flat_map(|byte| [0, *byte])),
        }
        units.extend([0, 0]);
        units
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// HMAC-SHA256 ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)).
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

/// Whether two secrets are the same. How long it takes depends only on their lengths.
pub fn is_same_secret(one: &[u8], other: &[u8]) -> bool {
    let differences = one
        .iter()
        .zip(other)
        .fold(0, |found, (one, other)| found | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod password_tests {
    use super::*;

    #[test]
    fn a_password_file_is_its_first_line() {
        for content in ["test", "test\n", "test\r\n", "test\nmore\n"] {
            assert_eq!(Password::from_file(content.as_bytes()).bytes(), b"test");
        }
        assert_eq!(Password::from_file(b" a \n").bytes(), b" a ");
        assert_eq!(
            Password::from_file("é".as_bytes()).utf_16()[..],
            [0, 0xe9, 0, 0]
        );
    }
}

#[cfg(test)]
mod mac_tests {
    use super::*;

    #[test]
    fn only_equal_secrets_are_the_same() {
        assert!(is_same_secret(b"", b"") && is_same_secret(b"secret", b"secret"));
        for other in [&b"secreT"[..], b"Secret", b"secret ", b"secre", b""] {
            assert!(!is_same_secret(b"secret", other));
        }
    }

    #[test]
    fn a_keyed_hash_is_that_of_rfc_4231() {
        let tag = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
