//! Public keys as they are read.

use std::fmt;

use const_oid::ObjectIdentifier as KnownObjectIdentifier;

use super::algorithm::{
    AlgorithmIdentifier, ID_EC_PUBLIC_KEY, ID_ED25519, ID_X25519, RSA_ENCRYPTION, RSASSA_PSS,
    SECP256R1, SECP384R1,
};
use super::element::{
    BIT_STRING, Element, ElementError, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, is_minimal_integer,
    whole_bits,
};
use super::encoding::{bit_string, oid, sequence};
use super::oid::{ObjectIdentifier, known_oid};

/// A SubjectPublicKeyInfo that was read ([RFC 5280 §4.1.2.7](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The algorithm and its parameters.
    pub algorithm: AlgorithmIdentifier,
    /// What kind of key it is.
    pub kind: KeyKind,
    /// Its size: of the modulus for RSA and DSA, of the field for curves; `None` if it is not known.
    pub bits: Option<usize>,
    /// The content of the subjectPublicKey.
    pub key: Vec<u8>,
    /// What is wrong with its form.
    pub faults: Vec<KeyFault>,
}

impl PublicKey {
    /// Reads the DER of a SubjectPublicKeyInfo.
    ///
    /// Checks the form of the key; [`PublicKey::weakness`] says whether it protects anything.
    ///
    /// # Errors
    /// If it is none, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, ElementError> {
        let parts = KeyParts::read(der)?;
        let oid = ObjectIdentifier::from_der_content(parts.algorithm);
        oid.check("the public key's algorithm")?;
        let mut read = PublicKey {
            algorithm: AlgorithmIdentifier {
                oid,
                parameters: parts.parameters.map(|parameters| parameters.whole.to_vec()),
            },
            kind: parts.kind,
            bits: parts.bits(),
            key: parts.key.to_vec(),
            faults: Vec::new(),
        };
        read.check();
        Ok(read)
    }

    /// The modulus and the exponent of an RSA key, as unsigned big-endian bytes.
    pub fn rsa_numbers(&self) -> Option<(&[u8], &[u8])> {
        let is_rsa = matches!(self.kind, KeyKind::Rsa | KeyKind::RsaPss);
        is_rsa.then(|| rsa_numbers(&self.key).ok())?
    }

    fn check(&mut self) {
        match self.kind {
            KeyKind::Rsa | KeyKind::RsaPss => self.check_rsa(),
            KeyKind::Ec(curve) => self.check_point(curve),
            KeyKind::EcOther => self.malformed("its curve is unknown"),
            KeyKind::EcExplicit => self.malformed("its curve is given by parameters, not by name"),
            KeyKind::Ed25519 | KeyKind::X25519 => self.check_length(32),
            KeyKind::Ed448 => self.check_length(57),
            KeyKind::X448 => self.check_length(56),
            KeyKind::Dsa => {
                if self.bits.is_none() {
                    self.malformed("its parameters are not DSA parameters");
                }
            }
            KeyKind::Other => {}
        }
    }

    fn check_rsa(&mut self) {
        if self.kind == KeyKind::Rsa && self.algorithm.parameters.is_none() {
            self.unusual("its algorithm lacks the NULL parameters");
        } else if self.kind == KeyKind::Rsa && !self.algorithm.has_no_parameters() {
            self.malformed("its algorithm has parameters");
        }
        let is_even = |number: &[u8]| number.last().is_none_or(|last| last & 1 == 0);
        match rsa_numbers(&self.key) {
            Err(error) => self.malformed(&error.to_string()),
            Ok((modulus, _)) if is_even(modulus) => self.malformed("its modulus is even"),
            Ok((_, exponent)) if is_even(exponent) => self.malformed("its exponent is even"),
            Ok((_, [1])) => self.malformed("its exponent is 1"),
            Ok(_) => {}
        }
    }

    fn check_point(&mut self, curve: Curve) {
        let bytes = curve.field_bytes();
        match (self.key.first(), self.key.len()) {
            (Some(4), length) if length == 1 + 2 * bytes => {}
            (Some(2 | 3), length) if length == 1 + bytes => {
                self.unusual("its point is compressed");
            }
            (Some(6 | 7), length) if length == 1 + 2 * bytes => {
                self.malformed("its point is in hybrid form");
            }
            (Some(0), 1) => self.malformed("its point is at infinity"),
            _ => self.malformed("its point has the wrong length for its curve"),
        }
    }

    fn check_length(&mut self, bytes: usize) {
        if self.key.len() != bytes {
            self.malformed("its length is wrong for its type");
        }
        if self.algorithm.parameters.is_some() {
            self.malformed("its algorithm has parameters");
        }
    }

    fn malformed(&mut self, clause: &str) {
        self.faults.push(KeyFault {
            clause: clause.to_owned(),
            is_malformed: true,
        });
    }

    fn unusual(&mut self, clause: &str) {
        self.faults.push(KeyFault {
            clause: clause.to_owned(),
            is_malformed: false,
        });
    }
}

/// A fault in the form of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFault {
    /// What is wrong, as a clause.
    pub clause: String,
    /// Whether a verifier has to refuse the key; otherwise it is only unusual.
    pub is_malformed: bool,
}

/// A SubjectPublicKeyInfo in place: identified and measured without copying.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyParts<'a> {
    pub(crate) kind: KeyKind,
    /// The content of the algorithm's object identifier.
    pub(crate) algorithm: &'a [u8],
    /// The algorithm's parameters.
    pub(crate) parameters: Option<Element<'a>>,
    /// The content of the subjectPublicKey.
    pub(crate) key: &'a [u8],
}

impl<'a> KeyParts<'a> {
    /// Splits the DER; does not look at the key itself.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self, ElementError> {
        let mut parts = Element::only(der, SEQUENCE, "the public key")?.children();
        let mut algorithm = parts
            .next(SEQUENCE, "the public key's algorithm")?
            .children();
        let key = whole_bits(
            parts.next(BIT_STRING, "subjectPublicKey")?,
            "subjectPublicKey",
        )?;
        parts.end("subjectPublicKey")?;
        let oid = algorithm.next(OBJECT_IDENTIFIER, "the public key's algorithm")?;
        let parameters = match algorithm.is_empty() {
            true => None,
            false => Some(algorithm.any("the algorithm's parameters")?),
        };
        algorithm.end("the algorithm's parameters")?;
        Ok(KeyParts {
            kind: KeyKind::of(oid.content, parameters.map(|parameters| parameters.whole)),
            algorithm: oid.content,
            parameters,
            key,
        })
    }

    /// Reads a key of a form that every verifier of its kind reads; `None` for others.
    ///
    /// Points on the NIST curves of RFC 5480 have to be uncompressed.
    pub(crate) fn read_strictly(der: &'a [u8]) -> Option<Self> {
        let parts = KeyParts::read(der).ok()?;
        let is_readable = match parts.kind {
            KeyKind::Rsa => parts.rsa_numbers().is_some(),
            KeyKind::Ec(curve @ (Curve::P256 | Curve::P384 | Curve::P521)) => {
                parts.key.first() == Some(&UNCOMPRESSED)
                    && parts.key.len() == 1 + 2 * curve.field_bytes()
            }
            KeyKind::EcExplicit => parts.parameters.is_some_and(|p| p.tag == SEQUENCE),
            KeyKind::Ed25519 => parts.key.len() == 32 && parts.parameters.is_none(),
            KeyKind::Ec(_)
            | KeyKind::EcOther
            | KeyKind::RsaPss
            | KeyKind::Ed448
            | KeyKind::X25519
            | KeyKind::X448
            | KeyKind::Dsa
            | KeyKind::Other => true,
        };
        is_readable.then_some(parts)
    }

    /// The modulus and the exponent of an RSA key, as unsigned big-endian bytes.
    pub(crate) fn rsa_numbers(&self) -> Option<(&'a [u8], &'a [u8])> {
        let is_rsa = matches!(self.kind, KeyKind::Rsa | KeyKind::RsaPss);
        is_rsa.then(|| rsa_numbers(self.key).ok())?
    }

    /// The size: of the modulus for RSA and DSA, of the field for curves.
    pub(crate) fn bits(&self) -> Option<usize> {
        match self.kind {
            KeyKind::Ec(curve) => Some(curve.bits()),
            KeyKind::Ed25519 | KeyKind::X25519 => Some(256),
            KeyKind::Ed448 | KeyKind::X448 => Some(448),
            KeyKind::Rsa | KeyKind::RsaPss => {
                self.rsa_numbers().map(|(modulus, _)| bit_length(modulus))
            }
            KeyKind::Dsa => dsa_prime_bits(self.parameters?),
            KeyKind::EcOther | KeyKind::EcExplicit | KeyKind::Other => None,
        }
    }
}

impl fmt::Display for KeyParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identifier = match (self.kind, self.parameters) {
            (KeyKind::Rsa, _) => return write!(f, "RSA {} bits", self.bits().unwrap_or(0)),
            (KeyKind::Ec(curve), _) => return write!(f, "EC on {curve}"),
            (KeyKind::EcExplicit, _) => return f.write_str("EC on an explicit curve"),
            (KeyKind::EcOther, Some(curve)) => {
                f.write_str("EC on ")?;
                curve.content
            }
            (KeyKind::Other, _) => self.algorithm,
            (kind, _) => return kind.fmt(f),
        };
        let identifier = ObjectIdentifier::from_der_content(identifier);
        match identifier.name() {
            Some(name) => f.write_str(name),
            None => identifier.fmt(f),
        }
    }
}

/// What kind of key it is. Shown with the curve, without the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA (RFC 3279 §2.3.1).
    Rsa,
    /// RSA for PSS alone (RFC 4055 §1.2).
    RsaPss,
    /// ECDSA or ECDH on a named curve (RFC 5480 §2.1.1).
    Ec(Curve),
    /// ECDSA or ECDH on a named curve that is not one of ours.
    EcOther,
    /// ECDSA or ECDH on a curve given by parameters, which lets its author choose the generator
    /// (CVE-2020-0601).
    EcExplicit,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410).
    Ed448,
    /// X25519, which signs nothing (RFC 8410).
    X25519,
    /// X448, which signs nothing (RFC 8410).
    X448,
    /// DSA (RFC 3279 §2.3.2).
    Dsa,
    /// Something else.
    Other,
}

impl KeyKind {
    /// The kind of an algorithm with this object identifier (its content) and the DER of its parameters.
    pub(crate) fn of(algorithm: &[u8], parameters: Option<&[u8]>) -> Self {
        if algorithm != ID_EC_PUBLIC_KEY.as_bytes() {
            let known = KINDS.iter().find(|(oid, _)| oid.as_bytes() == algorithm);
            return known.map_or(KeyKind::Other, |(_, kind)| *kind);
        }
        let parameters = parameters.unwrap_or_default();
        let Ok(name) = Element::only(parameters, OBJECT_IDENTIFIER, "the curve") else {
            return KeyKind::EcExplicit;
        };
        let is_named = |curve: &Curve| curve.oid().as_bytes() == name.content;
        let curve = Curve::ALL.into_iter().find(is_named);
        curve.map_or(KeyKind::EcOther, KeyKind::Ec)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::Rsa => "RSA",
            KeyKind::RsaPss => "RSA-PSS",
            KeyKind::Ec(curve) => return write!(f, "EC {curve}"),
            KeyKind::EcOther | KeyKind::EcExplicit => "EC, unknown curve",
            KeyKind::Ed25519 => "Ed25519",
            KeyKind::Ed448 => "Ed448",
            KeyKind::X25519 => "X25519",
            KeyKind::X448 => "X448",
            KeyKind::Dsa => "DSA",
            KeyKind::Other => "unknown",
        })
    }
}

impl serde::Serialize for KeyKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A named curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-224, secp224r1.
    P224,
    /// NIST P-256, secp256r1.
    P256,
    /// NIST P-384, secp384r1.
    P384,
    /// NIST P-521, secp521r1.
    P521,
    /// secp256k1 (SEC 2).
    Secp256k1,
    /// brainpoolP256r1 (RFC 5639).
    BrainpoolP256r1,
    /// brainpoolP384r1 (RFC 5639).
    BrainpoolP384r1,
    /// brainpoolP512r1 (RFC 5639).
    BrainpoolP512r1,
}

impl Curve {
    /// All of them.
    pub const ALL: [Curve; 8] = [
        Curve::P224,
        Curve::P256,
        Curve::P384,
        Curve::P521,
        Curve::Secp256k1,
        Curve::BrainpoolP256r1,
        Curve::BrainpoolP384r1,
        Curve::BrainpoolP512r1,
    ];

    /// The object identifier that names it.
    pub fn oid(self) -> KnownObjectIdentifier {
        self.row().1
    }

    /// The size of its field in bits.
    pub fn bits(self) -> usize {
        self.row().2
    }

    /// How many bytes a coordinate takes.
    pub fn field_bytes(self) -> usize {
        self.bits().div_ceil(8)
    }

    /// Name, object identifier and size.
    fn row(self) -> (&'static str, KnownObjectIdentifier, usize) {
        const P224: KnownObjectIdentifier = known_oid("1.3.132.0.33");
        const P521: KnownObjectIdentifier = known_oid("1.3.132.0.35");
        const SECP256K1: KnownObjectIdentifier = known_oid("1.3.132.0.10");
        const BRAINPOOL_P256R1: KnownObjectIdentifier = known_oid("1.3.36.3.3.2.8.1.1.7");
        const BRAINPOOL_P384R1: KnownObjectIdentifier = known_oid("1.3.36.3.3.2.8.1.1.11");
        const BRAINPOOL_P512R1: KnownObjectIdentifier = known_oid("1.3.36.3.3.2.8.1.1.13");
        match self {
            Curve::P224 => ("P-224", P224, 224),
            Curve::P256 => ("P-256", SECP256R1, 256),
            Curve::P384 => ("P-384", SECP384R1, 384),
            Curve::P521 => ("P-521", P521, 521),
            Curve::Secp256k1 => ("secp256k1", SECP256K1, 256),
            Curve::BrainpoolP256r1 => ("brainpoolP256r1", BRAINPOOL_P256R1, 256),
            Curve::BrainpoolP384r1 => ("brainpoolP384r1", BRAINPOOL_P384R1, 384),
            Curve::BrainpoolP512r1 => ("brainpoolP512r1", BRAINPOOL_P512R1, 512),
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().0)
    }
}

/// The DER SubjectPublicKeyInfo around an RSAPublicKey
/// ([RFC 8017 §A.1.1](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1)).
///
/// # Errors
/// If it is malformed, or something follows it.
pub fn rsa_public_key_info(key: &[u8]) -> Result<Vec<u8>, ElementError> {
    rsa_numbers(key)?;
    Ok(sequence(&[RSA_IDENTIFIER, &bit_string(key)]))
}

/// The DER SubjectPublicKeyInfo of a point on a named curve ([RFC 5480 §2](https://www.rfc-editor.org/rfc/rfc5480#section-2)).
/// Does not check that it is on the curve.
pub fn public_key_info(curve: Curve, point: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&oid(ID_EC_PUBLIC_KEY), &oid(curve.oid())]);
    sequence(&[&algorithm, &bit_string(point)])
}

/// The modulus and the exponent of an RSAPublicKey (RFC 8017 §A.1.1), as unsigned big-endian bytes.
pub(crate) fn rsa_numbers(key: &[u8]) -> Result<(&[u8], &[u8]), ElementError> {
    let sequence = Element::only(key, SEQUENCE, "the RSA public key")?;
    let mut parts = sequence.children();
    let modulus = unsigned(parts.next(INTEGER, "the modulus")?, "the modulus")?;
    let exponent = unsigned(parts.next(INTEGER, "the exponent")?, "the exponent")?;
    parts.end("the exponent")?;
    Ok((modulus, exponent))
}

/// A positive INTEGER's bytes without the zero for its sign.
pub(crate) fn unsigned<'a>(
    element: Element<'a>,
    what: &'static str,
) -> Result<&'a [u8], ElementError> {
    match element.content {
        content if !is_minimal_integer(content) => Err(ElementError::Content { what }),
        [0] | [0x80..=0xff, ..] => Err(ElementError::Content { what }),
        [0, magnitude @ ..] => Ok(magnitude),
        magnitude => Ok(magnitude),
    }
}

/// How many bits an unsigned number without leading zero bytes has.
pub(crate) fn bit_length(magnitude: &[u8]) -> usize {
    magnitude.first().map_or(0, |first| {
        magnitude.len() * 8 - first.leading_zeros() as usize
    })
}

fn dsa_prime_bits(parameters: Element<'_>) -> Option<usize> {
    let prime = match parameters.tag {
        SEQUENCE => parameters.children().next(INTEGER, "the prime").ok()?,
        _ => return None,
    };
    unsigned(prime, "the prime").ok().map(bit_length)
}

/// The AlgorithmIdentifier of rsaEncryption with NULL.
const RSA_IDENTIFIER: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
const UNCOMPRESSED: u8 = 0x04; // SEC 1 §2.3.3
const KINDS: [(KnownObjectIdentifier, KeyKind); 7] = [
    (RSA_ENCRYPTION, KeyKind::Rsa),
    (RSASSA_PSS, KeyKind::RsaPss),
    (ID_ED25519, KeyKind::Ed25519),
    (ID_ED448, KeyKind::Ed448),
    (ID_X25519, KeyKind::X25519),
    (ID_X448, KeyKind::X448),
    (ID_DSA, KeyKind::Dsa),
];
const ID_ED448: KnownObjectIdentifier = known_oid("1.3.101.113");
const ID_X448: KnownObjectIdentifier = known_oid("1.3.101.111");
const ID_DSA: KnownObjectIdentifier = known_oid("1.2.840.10040.4.1");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ed25519_key_has_32_bytes_and_no_parameters() {
        let mut der = vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        der.extend([9; 32]);
        let key = PublicKey::from_der(&der).unwrap();
        assert_eq!((key.kind, key.bits), (KeyKind::Ed25519, Some(256)));
        assert!(key.faults.is_empty());
    }

    #[test]
    fn a_modulus_is_positive_and_minimal() {
        let element = |content| Element {
            tag: INTEGER,
            content,
            whole: &[],
        };
        assert_eq!(unsigned(element(&[0, 0x80]), ""), Ok(&[0x80][..]));
        for content in [&[][..], &[0], &[0x80], &[0, 1]] {
            assert!(unsigned(element(content), "").is_err());
        }
        assert_eq!(bit_length(&[1, 0]), 9);
    }
}
