//! Reading private keys, whatever form they come in.

mod ec;
mod reader;
mod rsa;

use std::fmt;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;
use zeroize::Zeroizing;

pub use self::reader::{KeyReader, read_encrypted_key, read_key, read_pem_key};
use super::encryption::EncryptionError;
use crate::pki::algorithm::{AlgorithmIdentifier, RSA_ENCRYPTION};
use crate::pki::element::{
    BIT_STRING, Element, ElementError, INTEGER, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    context, context_constructed, small_integer, whole_bits,
};
use crate::pki::encoding::element;
use crate::pki::public_key::{Curve, KeyKind, PublicKey};

/// A private key that was read, and its public half. Wiped on drop.
pub struct ReadKey {
    kind: KeyKind,
    bits: Option<usize>,
    public_key_info: Option<Vec<u8>>,
    pkcs8: Zeroizing<Vec<u8>>,
    format: KeyFormat,
    encryption: Option<String>,
    is_checked: bool,
}

impl ReadKey {
    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its size, as [`crate::pki::public_key::PublicKey::bits`].
    pub fn bits(&self) -> Option<usize> {
        self.bits
    }

    /// The public half as a DER SubjectPublicKeyInfo; `None` for a kind whose public half we cannot
    /// make when the file does not give it.
    pub fn public_key_info(&self) -> Option<&[u8]> {
        self.public_key_info.as_deref()
    }

    /// The key as PKCS #8 version 1, whatever form it came in; kinds we do not sign with, unchanged.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The form it came in.
    pub fn format(&self) -> KeyFormat {
        self.format
    }

    /// How it was encrypted; `None` if it was not.
    pub fn encryption(&self) -> Option<&str> {
        self.encryption.as_deref()
    }

    /// Whether the halves, or RSA's numbers, were found to belong together. That a prime is one is
    /// not looked at.
    pub fn is_checked(&self) -> bool {
        self.is_checked
    }
}

impl fmt::Debug for ReadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadKey({}, ..)", self.kind)
    }
}

/// The form a private key comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFormat {
    /// PrivateKeyInfo of version 1 ([RFC 5208](https://www.rfc-editor.org/rfc/rfc5208)).
    Pkcs8,
    /// OneAsymmetricKey of version 2, with the public key ([RFC 5958](https://www.rfc-editor.org/rfc/rfc5958)),
    /// which grpc-core refuses.
    Pkcs8WithPublicKey,
    /// RSAPrivateKey ([RFC 8017 §A.1.2](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2)).
    Pkcs1,
    /// ECPrivateKey ([RFC 5915](https://www.rfc-editor.org/rfc/rfc5915)).
    Sec1,
}

impl fmt::Display for KeyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyFormat::Pkcs8 => "PKCS #8",
            KeyFormat::Pkcs8WithPublicKey => {
                "PKCS #8 version 2 (with the public key; grpc-core refuses it)"
            }
            KeyFormat::Pkcs1 => "PKCS #1",
            KeyFormat::Sec1 => "SEC 1",
        })
    }
}

/// Why there is no private key to be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadKeyError {
    /// Not the structure of a private key.
    #[error("not a private key: {0}")]
    Malformed(#[from] ElementError),
    /// It is encrypted, and no password was given.
    #[error("the private key is encrypted ({encryption}) and no password was given")]
    PasswordNeeded {
        /// How.
        encryption: String,
    },
    /// It is not decrypted.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// Decrypted, and then no key: mostly the password was wrong.
    #[error("wrong password or damaged file: the decrypted data is not a private key")]
    DecryptedToNoKey {
        /// The fault.
        source: ElementError,
    },
    /// Encrypted as RFC 1421 has it, with a cipher we do not decrypt.
    #[error(
        "the private key is encrypted in the legacy format (DEK-Info) with an unsupported cipher"
    )]
    LegacyEncryption,
    /// The header that says how is malformed.
    #[error("the DEK-Info header of the private key is malformed")]
    DekInfo,
    /// Decrypted the old way to something that is no key.
    #[error("wrong password: the decrypted data is not a private key")]
    LegacyPassword,
    /// A form we do not read.
    #[error("an OpenSSH private key, which no TLS stack can read")]
    OpenSsh,
    /// DSA keys alone, which no TLS stack takes.
    #[error("a DSA private key, which no TLS stack accepts")]
    Dsa,
    /// Its parts do not belong together.
    #[error("the private key is damaged: {what}")]
    Inconsistent {
        /// The fault.
        what: &'static str,
    },
    /// A curve that is described instead of named.
    #[error(
        "an EC private key whose curve is given by parameters, not by name, which no TLS stack accepts"
    )]
    UnnamedCurve,
    /// More than two primes.
    #[error("an RSA private key of more than two primes, which is not supported")]
    MultiPrime,
    /// More keys than any file has.
    #[error("too many private keys in one file")]
    TooMany,
    /// A number beyond any use.
    #[error("an RSA private key of more than {} bits is not read", rsa::MAX_MODULUS_BYTES * 8)]
    TooLarge,
}

impl ReadKeyError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            ReadKeyError::PasswordNeeded { .. } => {
                Some("give the password's file with `--password-file FILE`".into())
            }
            ReadKeyError::Encryption(
                EncryptionError::Password { .. } | EncryptionError::Padding,
            )
            | ReadKeyError::LegacyPassword
            | ReadKeyError::DecryptedToNoKey { .. } => Some(
                "the password is the first line of the file given with `--password-file` or `--passphrase-file`".into(),
            ),
            ReadKeyError::LegacyEncryption
            | ReadKeyError::Encryption(EncryptionError::Unsupported { .. }) => Some(
                "convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW`".into(),
            ),
            ReadKeyError::OpenSsh => {
                Some("convert a copy of it with `ssh-keygen -p -m PKCS8 -f COPY`".into())
            }
            ReadKeyError::Malformed(_)
            | ReadKeyError::Encryption(_)
            | ReadKeyError::DekInfo
            | ReadKeyError::Dsa
            | ReadKeyError::Inconsistent { .. }
            | ReadKeyError::UnnamedCurve
            | ReadKeyError::MultiPrime
            | ReadKeyError::TooMany
            | ReadKeyError::TooLarge => None,
        }
    }
}

#[inline(never)]
fn read_der(der: &[u8]) -> Result<ReadKey, ReadKeyError> {
    let sequence = Element::only(der, SEQUENCE, "the private key")?;
    let mut parts = sequence.children();
    parts.next(INTEGER, "the private key's version")?;
    match parts.peek() {
        Some(OCTET_STRING) => ec::read_sec1(sequence, None).map(|key| key.of(KeyFormat::Sec1)),
        Some(INTEGER) => rsa::read_pkcs1(sequence, KeyKind::Rsa, &rsa_algorithm())
            .map(|key| key.of(KeyFormat::Pkcs1)),
        Some(_) | None => read_pkcs8(sequence),
    }
}

/// Reads a PrivateKeyInfo or OneAsymmetricKey (RFC 5958 §2).
fn read_pkcs8(sequence: Element<'_>) -> Result<ReadKey, ReadKeyError> {
    let mut parts = sequence.children();
    let version = small_integer(parts.next(INTEGER, "the version")?, "the version")?;
    let identifier = parts.next(SEQUENCE, "the algorithm")?;
    let algorithm = AlgorithmIdentifier::read(identifier)?;
    let private = parts.next(OCTET_STRING, "the private key")?.content;
    parts.optional(context_constructed(0), "the attributes")?;
    let public = parts.optional(context(1), "the public key")?;
    parts.end("the private key")?;
    if version > 1 || (version == 0 && public.is_some()) {
        return Err(ElementError::Content {
            what: "the version",
        }
        .into());
    }
    let public = public
        .map(|bits| whole_bits(bits, "the public key"))
        .transpose()?;
    let format = if public.is_some() {
        KeyFormat::Pkcs8WithPublicKey
    } else {
        KeyFormat::Pkcs8
    };
    let kind = KeyKind::of(algorithm.oid.as_bytes(), algorithm.parameters.as_deref());
    let key = match kind {
        KeyKind::Rsa | KeyKind::RsaPss => {
            let numbers = Element::only(private, SEQUENCE, "the RSA private key")?;
            rsa::read_pkcs1(numbers, kind, identifier.whole)?
        }
        KeyKind::Ec(curve) => ec::read_sec1(
            Element::only(private, SEQUENCE, "the EC private key")?,
            Some(curve),
        )?,
        KeyKind::Ed25519 => ec::read_ed25519(private)?,
        #[cfg(feature = "rsa")]
        KeyKind::X25519 => ec::read_x25519(private)?,
        #[cfg(not(feature = "rsa"))]
        KeyKind::X25519 => NewKey::unknown(kind, sequence, &algorithm, public),
        KeyKind::Dsa => return Err(ReadKeyError::Dsa),
        KeyKind::EcOther | KeyKind::EcExplicit => return Err(ReadKeyError::UnnamedCurve),
        KeyKind::Ed448 | KeyKind::X448 | KeyKind::Other => {
            NewKey::unknown(kind, sequence, &algorithm, public)
        }
    };
    if let (Some(given), Some(ours)) = (public, key.public_key_info.as_deref())
        && PublicKey::from_der(ours)?.key != given
    {
        return Err(ReadKeyError::Inconsistent {
            what: "its public half belongs to another key",
        });
    }
    Ok(key.of(format))
}

/// What the readers of the kinds make.
struct NewKey {
    kind: KeyKind,
    bits: Option<usize>,
    public_key_info: Option<Vec<u8>>,
    pkcs8: Zeroizing<Vec<u8>>,
    is_checked: bool,
}

impl NewKey {
    fn of(self, format: KeyFormat) -> ReadKey {
        let NewKey {
            kind,
            bits,
            public_key_info,
            pkcs8,
            is_checked,
        } = self;
        ReadKey {
            kind,
            bits,
            public_key_info,
            pkcs8,
            format,
            encryption: None,
            is_checked,
        }
    }

    /// A key of a kind we make nothing of but its name.
    fn unknown(
        kind: KeyKind,
        sequence: Element<'_>,
        algorithm: &AlgorithmIdentifier,
        public: Option<&[u8]>,
    ) -> Self {
        let identifier = encode(
            SEQUENCE,
            &[
                &encode(OBJECT_IDENTIFIER, &[algorithm.oid.as_bytes()]),
                algorithm.parameters.as_deref().unwrap_or_default(),
            ],
        );
        let info = |key: &[u8]| encode(SEQUENCE, &[&identifier, &encode(BIT_STRING, &[&[0], key])]);
        NewKey {
            kind,
            bits: None,
            public_key_info: public.map(|key| info(key).to_vec()),
            pkcs8: Zeroizing::new(sequence.whole.to_vec()),
            is_checked: false,
        }
    }
}

/// One DER element with the parts as its content; wiped on drop.
pub(in crate::keys) fn encode(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(element(tag, parts))
}

/// A PrivateKeyInfo of version 1.
fn pkcs8(algorithm: &[u8], private: &[u8]) -> Zeroizing<Vec<u8>> {
    encode(
        SEQUENCE,
        &[
            &[INTEGER, 1, 0],
            algorithm,
            &encode(OCTET_STRING, &[private]),
        ],
    )
}

/// The AlgorithmIdentifier of RSA.
fn rsa_algorithm() -> Zeroizing<Vec<u8>> {
    encode(SEQUENCE, &[&oid(RSA_ENCRYPTION), &[NULL, 0]])
}

/// The AlgorithmIdentifier of Ed25519 or X25519: without parameters (RFC 8410 §3).
fn bare_algorithm(algorithm: KnownObjectIdentifier) -> Zeroizing<Vec<u8>> {
    encode(SEQUENCE, &[&oid(algorithm)])
}

/// The AlgorithmIdentifier of a named curve.
fn curve_algorithm(curve: Curve) -> Zeroizing<Vec<u8>> {
    encode(
        SEQUENCE,
        &[
            &oid(crate::pki::algorithm::ID_EC_PUBLIC_KEY),
            &oid(curve.oid()),
        ],
    )
}

/// An OBJECT IDENTIFIER.
pub(in crate::keys) fn oid(oid: KnownObjectIdentifier) -> Zeroizing<Vec<u8>> {
    encode(OBJECT_IDENTIFIER, &[oid.as_bytes()])
}

/// A SubjectPublicKeyInfo.
fn public_key_info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    encode(SEQUENCE, &[algorithm, &encode(BIT_STRING, &[&[0], key])]).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PrivateKey;
    use crate::pki::algorithm::KeyType;

    #[test]
    fn a_key_we_made_reads_back_with_the_same_public_half() {
        for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
            let made = PrivateKey::generate(key_type).unwrap();
            let signer = made.signer().unwrap();
            let blocks = crate::pki::pem::blocks(
                crate::keys::to_pem(made.pkcs8(), None).unwrap().as_bytes(),
            )
            .unwrap();
            let key = read_key(&blocks[0].contents).unwrap();
            assert_eq!(key.public_key_info(), Some(signer.public_key_info()));
            assert!(key.is_checked());
            assert_eq!(key.format(), KeyFormat::Pkcs8);
            let again = read_key(key.pkcs8()).unwrap();
            assert_eq!(again.public_key_info(), Some(signer.public_key_info()));
        }
    }

    #[cfg(feature = "rsa")]
    #[test]
    fn an_x25519_key_reads_back_and_its_public_half_is_computed() {
        let generated = PrivateKey::generate(KeyType::X25519).unwrap();
        let key = read_key(generated.pkcs8()).unwrap();
        assert_eq!(key.kind(), KeyKind::X25519);
        assert_eq!(key.public_key_info(), Some(generated.public_key_info()));
        assert_eq!(key.pkcs8(), generated.pkcs8());
        assert!(key.is_checked());
    }

    #[test]
    fn a_key_that_is_cut_anywhere_is_none() {
        let made = PrivateKey::generate(KeyType::P256).unwrap();
        let blocks =
            crate::pki::pem::blocks(crate::keys::to_pem(made.pkcs8(), None).unwrap().as_bytes())
                .unwrap();
        for length in 0..blocks[0].contents.len() {
            assert!(read_key(&blocks[0].contents[..length]).is_err());
        }
    }
}
