//! Password-based encryption of keys ([RFC 8018](https://www.rfc-editor.org/rfc/rfc8018),
//! [RFC 7292 §B and §C](https://www.rfc-editor.org/rfc/rfc7292#appendix-B)).

mod pbes2;
mod pkcs12;

use std::fmt;

use ::pkcs8::pkcs5::pbes2::Parameters;
use const_oid::ObjectIdentifier as KnownObjectIdentifier;
use der::Decode as _;
use zeroize::Zeroizing;

pub(super) use self::pbes2::{AES_256_CBC, HMAC_SHA256, PBKDF2};
pub(super) use self::pkcs12::{
    Purpose, derive, encrypt_aes_256, encrypt_rc2_of_40, encrypt_triple_des,
};
use super::Password;
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::element::{
    Element, ElementError, INTEGER, OCTET_STRING, SEQUENCE, is_minimal_integer,
};
use crate::pki::oid::known_oid;

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
        cipher: pkcs12::Cipher,
        salt: Vec<u8>,
        rounds: u64,
    },
}

/// How much more work is done for one file: rounds of a hash, or what costs as much.
#[derive(Debug)]
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
            let (description, cost) = pbes2::read(parameters)?;
            return Ok(Encryption {
                scheme: Scheme::Pbes2(parameters.to_vec()),
                description,
                cost,
            });
        }
        let known = pkcs12::CIPHERS
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
            cost: rounds.saturating_mul(pkcs12::DERIVATIONS),
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
                let decrypted = parameters.decrypt_in_place(password.bytes(), &mut buffer);
                decrypted
                    .map_err(|source| EncryptionError::Password { source })?
                    .len()
            }
            Scheme::Pkcs12 {
                cipher,
                salt,
                rounds,
            } => pkcs12::decrypt(*cipher, salt, *rounds, &password.utf_16(), &mut buffer)?,
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
        .fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// In hashes: twice what GnuTLS asks for, a PKCS #12 of three derivations of 600,000 rounds. Well
/// below two seconds.
const MAX_COST: u64 = if cfg!(fuzzing) { 20_000 } else { 6_000_000 };
pub(super) const PBES2: KnownObjectIdentifier = known_oid("1.2.840.113549.1.5.13");
