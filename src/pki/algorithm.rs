//! Key types and signature algorithms we make.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;
use serde::{Deserialize, Serialize};

use super::element::{Element, ElementError, NULL};
use super::general_name::object_identifier;
use super::oid::{ObjectIdentifier, known_oid};

/// The kinds of key this program makes.
///
/// P-256 is what every gRPC stack takes; grpc-core takes no Ed25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub enum KeyType {
    /// ECDSA on NIST P-256.
    #[default]
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it.
    Ed25519,
    /// X25519 (RFC 7748): agrees on keys for encryption and cannot sign.
    X25519,
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
}

impl KeyType {
    /// All of them.
    pub const ALL: [KeyType; 7] = [
        KeyType::P256,
        KeyType::P384,
        KeyType::Ed25519,
        KeyType::X25519,
        KeyType::Rsa2048,
        KeyType::Rsa3072,
        KeyType::Rsa4096,
    ];
    /// Those that can sign, which TLS and CAs need.
    pub const SIGNING: [KeyType; 6] = [
        KeyType::P256,
        KeyType::P384,
        KeyType::Ed25519,
        KeyType::Rsa2048,
        KeyType::Rsa3072,
        KeyType::Rsa4096,
    ];

    /// The algorithm that a key of this type signs certificates with; `None` if it cannot sign.
    pub fn signature_algorithm(self) -> Option<SignatureAlgorithm> {
        match self {
            KeyType::P256 => Some(SignatureAlgorithm::EcdsaWithSha256),
            KeyType::P384 => Some(SignatureAlgorithm::EcdsaWithSha384),
            KeyType::Ed25519 => Some(SignatureAlgorithm::Ed25519),
            KeyType::X25519 => None,
            KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => {
                Some(SignatureAlgorithm::RsaWithSha256)
            }
        }
    }

    /// The modulus length in bits; `None` for what is not RSA.
    pub fn modulus_bits(self) -> Option<u32> {
        match self {
            KeyType::Rsa2048 => Some(2048),
            KeyType::Rsa3072 => Some(3072),
            KeyType::Rsa4096 => Some(4096),
            KeyType::P256 | KeyType::P384 | KeyType::Ed25519 | KeyType::X25519 => None,
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyType::P256 => "p256",
            KeyType::P384 => "p384",
            KeyType::Ed25519 => "ed25519",
            KeyType::X25519 => "x25519",
            KeyType::Rsa2048 => "rsa-2048",
            KeyType::Rsa3072 => "rsa-3072",
            KeyType::Rsa4096 => "rsa-4096",
        })
    }
}

impl FromStr for KeyType {
    type Err = UnknownKeyType;

    fn from_str(text: &str) -> Result<Self, UnknownKeyType> {
        Self::ALL
            .into_iter()
            .find(|k| k.to_string() == text)
            .ok_or_else(|| UnknownKeyType {
                text: text.to_owned(),
            })
    }
}

impl From<KeyType> for String {
    fn from(key_type: KeyType) -> String {
        key_type.to_string()
    }
}

impl TryFrom<String> for KeyType {
    type Error = UnknownKeyType;

    fn try_from(text: String) -> Result<Self, UnknownKeyType> {
        text.parse()
    }
}

/// Not a key type we make.
#[derive(Debug, thiserror::Error)]
#[error("no such key type: '{}' (p256, p384, ed25519, x25519, rsa-2048, rsa-3072, rsa-4096)", text.escape_debug())]
pub struct UnknownKeyType {
    text: String,
}

/// The signature algorithms we sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256 (RFC 5758 §3.2).
    EcdsaWithSha256,
    /// ecdsa-with-SHA384 (RFC 5758 §3.2).
    EcdsaWithSha384,
    /// id-Ed25519 (RFC 8410 §3).
    Ed25519,
    /// sha256WithRSAEncryption (RFC 4055 §5).
    RsaWithSha256,
}

impl SignatureAlgorithm {
    /// The DER AlgorithmIdentifier: NULL parameters for RSA, none for the others, as their RFCs say.
    pub fn identifier_der(self) -> &'static [u8] {
        match self {
            SignatureAlgorithm::EcdsaWithSha256 => &[
                0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
            ],
            SignatureAlgorithm::EcdsaWithSha384 => &[
                0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03,
            ],
            SignatureAlgorithm::Ed25519 => &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70],
            SignatureAlgorithm::RsaWithSha256 => &[
                0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05,
                0x00,
            ],
        }
    }
}

/// id-ecPublicKey (RFC 5480 §2.1.1).
pub const ID_EC_PUBLIC_KEY: KnownObjectIdentifier = known_oid("1.2.840.10045.2.1");
/// secp256r1, NIST P-256 (RFC 5480 §2.1.1.1).
pub const SECP256R1: KnownObjectIdentifier = known_oid("1.2.840.10045.3.1.7");
/// secp384r1, NIST P-384 (RFC 5480 §2.1.1.1).
pub const SECP384R1: KnownObjectIdentifier = known_oid("1.3.132.0.34");
/// id-Ed25519 (RFC 8410 §3).
pub const ID_ED25519: KnownObjectIdentifier = known_oid("1.3.101.112");
/// id-X25519 (RFC 8410 §3).
pub const ID_X25519: KnownObjectIdentifier = known_oid("1.3.101.110");
/// rsaEncryption (RFC 3279 §2.3.1).
pub const RSA_ENCRYPTION: KnownObjectIdentifier = known_oid("1.2.840.113549.1.1.1");

/// SHA-1 (RFC 3279 §2.1).
pub(crate) const ID_SHA1: KnownObjectIdentifier = known_oid("1.3.14.3.2.26");
/// SHA-256 (RFC 5754 §2.2).
pub(crate) const ID_SHA256: KnownObjectIdentifier = known_oid("2.16.840.1.101.3.4.2.1");
/// SHA-384 (RFC 5754 §2.3).
pub(crate) const ID_SHA384: KnownObjectIdentifier = known_oid("2.16.840.1.101.3.4.2.2");
/// SHA-512 (RFC 5754 §2.4).
pub(crate) const ID_SHA512: KnownObjectIdentifier = known_oid("2.16.840.1.101.3.4.2.3");

/// An AlgorithmIdentifier ([RFC 5280 §4.1.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.1.2)).
///
/// Shown by the name its RFC gives it, or else in dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlgorithmIdentifier {
    /// Which algorithm.
    pub oid: ObjectIdentifier,
    /// The DER of its parameters, if there are any.
    pub parameters: Option<Vec<u8>>,
}

impl AlgorithmIdentifier {
    /// Reads the SEQUENCE.
    pub(crate) fn read(sequence: Element<'_>) -> Result<Self, ElementError> {
        let mut elements = sequence.children();
        let oid = object_identifier(&mut elements, "the algorithm")?;
        let parameters = if elements.is_empty() {
            None
        } else {
            Some(elements.any("the algorithm's parameters")?.whole.to_vec())
        };
        elements.end("the algorithm's parameters")?;
        Ok(AlgorithmIdentifier { oid, parameters })
    }

    /// Whether it has no parameters, or NULL for them.
    pub fn has_no_parameters(&self) -> bool {
        matches!(self.parameters.as_deref(), None | Some([NULL, 0]))
    }

    /// Whether it has parameters that a signature algorithm does not have: only RSASSA-PSS has any.
    pub(crate) fn has_foreign_parameters(&self) -> bool {
        self.oid != RSASSA_PSS && !self.has_no_parameters()
    }
}

impl fmt::Display for AlgorithmIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oid.name() {
            Some(name) => f.write_str(name),
            None => self.oid.fmt(f),
        }
    }
}

impl serde::Serialize for AlgorithmIdentifier {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// id-RSASSA-PSS (RFC 4055 §3.1).
pub(crate) const RSASSA_PSS: KnownObjectIdentifier = known_oid("1.2.840.113549.1.1.10");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_type_reads_back_as_itself() {
        for key_type in KeyType::ALL {
            assert_eq!(key_type.to_string().parse::<KeyType>().unwrap(), key_type);
        }
        assert!("rsa-1024".parse::<KeyType>().is_err());
    }
}
