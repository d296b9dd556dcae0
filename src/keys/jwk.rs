//! Keys as JSON Web Keys ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517), [RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6), [RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)).

use base64ct::{Base64UrlUnpadded, Encoding as _};
use ring::digest;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::pki::algorithm::ID_ED25519;
use crate::pki::element::{Element, ElementError, INTEGER, OCTET_STRING, SEQUENCE};
use crate::pki::encoding::{bit_string, oid, sequence, unsigned_integer};
use crate::pki::public_key::{Curve, KeyKind, PublicKey, public_key_info, rsa_public_key_info};

/// The members of a JWK that make the key, in their order; wiped on drop, for they may be private.
///
/// Every value is text that JSON takes as it is.
pub struct Jwk {
    /// Names and values.
    pub members: Vec<(&'static str, Zeroizing<String>)>,
}

impl Jwk {
    /// The public key in a SubjectPublicKeyInfo, with the thumbprint of
    /// [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638) as its `kid`; `None` for a kind that has no JWK.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn public(public_key_info: &[u8]) -> Result<Option<Self>, ElementError> {
        let key = PublicKey::from_der(public_key_info)?;
        let text = |text: &str| Zeroizing::new(text.to_owned());
        let members = match key.kind {
            KeyKind::Ec(curve) => {
                let Some((x, y)) = coordinates(curve, &key.key) else {
                    return Ok(None);
                };
                let name = match curve {
                    Curve::P256 => "P-256",
                    Curve::P384 => "P-384",
                    Curve::P521 => "P-521",
                    Curve::P224
                    | Curve::Secp256k1
                    | Curve::BrainpoolP256r1
                    | Curve::BrainpoolP384r1
                    | Curve::BrainpoolP512r1 => return Ok(None),
                };
                vec![
                    ("kty", text("EC")),
                    ("crv", text(name)),
                    ("x", encoded(x)),
                    ("y", encoded(y)),
                ]
            }
            KeyKind::Ed25519 | KeyKind::X25519 => {
                let curve = text(&key.kind.to_string());
                vec![
                    ("kty", text("OKP")),
                    ("crv", curve),
                    ("x", encoded(&key.key)),
                ]
            }
            KeyKind::Rsa => {
                let Some((modulus, exponent)) = key.rsa_numbers() else {
                    return Ok(None);
                };
                vec![
                    ("kty", text("RSA")),
                    ("n", encoded(without_zeros(modulus))),
                    ("e", encoded(without_zeros(exponent))),
                ]
            }
            KeyKind::RsaPss
            | KeyKind::EcOther
            | KeyKind::EcExplicit
            | KeyKind::Ed448
            | KeyKind::X448
            | KeyKind::Dsa
            | KeyKind::Other => return Ok(None),
        };
        let mut jwk = Jwk { members };
        let thumbprint = jwk.thumbprint();
        jwk.members.push(("kid", thumbprint));
        Ok(Some(jwk))
    }

    /// The SubjectPublicKeyInfo of a public key as JSON; members that do not make the key are ignored.
    ///
    /// # Errors
    /// When it is no public key of a kind that signs, or contains a private key.
    pub fn read_public(json: &str) -> Result<Vec<u8>, JwkError> {
        let members: Members = serde_json::from_str(json)?;
        if members.d.is_some() || members.k.is_some() {
            return Err(JwkError::Private);
        }
        let bytes = |name: &'static str, value: &Option<String>| {
            let value = value.as_deref().ok_or(JwkError::Missing { name })?;
            Base64UrlUnpadded::decode_vec(value).map_err(|source| JwkError::Base64 { name, source })
        };
        let curve = members.crv.as_deref().unwrap_or_default();
        match members.kty.as_str() {
            "EC" => {
                let curve = match curve {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    _ => return Err(JwkError::Unsupported),
                };
                let (x, y) = (bytes("x", &members.x)?, bytes("y", &members.y)?);
                if x.len() != curve.field_bytes() || y.len() != curve.field_bytes() {
                    return Err(JwkError::Length);
                }
                let point = [&[UNCOMPRESSED][..], &x, &y].concat();
                Ok(public_key_info(curve, &point))
            }
            "OKP" if curve == "Ed25519" => {
                let x = bytes("x", &members.x)?;
                if x.len() != ED25519_BYTES {
                    return Err(JwkError::Length);
                }
                let algorithm = sequence(&[&oid(ID_ED25519)]);
                Ok(sequence(&[&algorithm, &bit_string(&x)]))
            }
            "RSA" => {
                let (modulus, exponent) = (bytes("n", &members.n)?, bytes("e", &members.e)?);
                let numbers = [unsigned_integer(&modulus), unsigned_integer(&exponent)];
                let key = sequence(&[&numbers[0], &numbers[1]]);
                rsa_public_key_info(&key).map_err(JwkError::Rsa)
            }
            _ => Err(JwkError::Unsupported),
        }
    }

    /// Adds what makes it private, from PKCS #8 of the same key.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn add_private(&mut self, pkcs8: &[u8]) -> Result<(), ElementError> {
        let kind = self.members.first().map(|(_, kind)| kind.to_string());
        let mut parts = Element::only(pkcs8, SEQUENCE, "the private key")?.children();
        parts.next(INTEGER, "the version")?;
        parts.next(SEQUENCE, "the algorithm")?;
        let private = parts.next(OCTET_STRING, "the private key")?.content;
        match kind.as_deref() {
            Some("EC") => {
                let mut parts = Element::only(private, SEQUENCE, "the private key")?.children();
                parts.next(INTEGER, "the version")?;
                let scalar = parts.next(OCTET_STRING, "the private key")?.content;
                self.members.push(("d", encoded(scalar)));
            }
            Some("OKP") => {
                let seed = Element::only(private, OCTET_STRING, "the private key")?;
                self.members.push(("d", encoded(seed.content)));
            }
            Some(_) | None => {
                let mut numbers = Element::only(private, SEQUENCE, "the private key")?.children();
                for what in ["the version", "the modulus", "the exponent"] {
                    numbers.next(INTEGER, what)?;
                }
                for name in RSA_PRIVATE {
                    let number = numbers.next(INTEGER, "a number of the private key")?;
                    self.members
                        .push((name, encoded(without_zeros(number.content))));
                }
            }
        }
        Ok(())
    }

    /// The value of a member, such as `kid`, the thumbprint.
    pub fn member(&self, name: &str) -> Option<&str> {
        let mut members = self.members.iter();
        let member = members.find(|(own, _)| *own == name)?;
        Some(member.1.as_str())
    }

    /// SHA-256 over the members that make the public key, by their names (RFC 7638 §3).
    fn thumbprint(&self) -> Zeroizing<String> {
        let mut members: Vec<String> = self
            .members
            .iter()
            .map(|(name, value)| format!("\"{name}\":\"{}\"", value.as_str()))
            .collect();
        members.sort();
        let text = format!("{{{}}}", members.join(","));
        encoded(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }
}

/// The thumbprint ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)) of the key in a SubjectPublicKeyInfo; `None` for
/// a kind that has no JWK.
///
/// # Errors
/// If it is malformed.
pub fn jwk_thumbprint(public_key_info: &[u8]) -> Result<Option<String>, ElementError> {
    let jwk = Jwk::public(public_key_info)?;
    Ok(jwk.and_then(|jwk| jwk.member("kid").map(str::to_owned)))
}

/// Why JSON is no public key that can be used.
#[derive(Debug, thiserror::Error)]
pub enum JwkError {
    /// Not an object of a JWK's members.
    #[error("not a JSON Web Key: {0}")]
    Form(#[from] serde_json::Error),
    /// A private or symmetric key.
    #[error("the key is not a public key")]
    Private,
    /// A member that is missing.
    #[error("the key has no member '{name}'")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// A member that is not base64url.
    #[error("the key's member '{name}' is not base64url: {source}")]
    Base64 {
        /// Which.
        name: &'static str,
        /// Why.
        source: base64ct::Error,
    },
    /// A coordinate of the wrong length.
    #[error("a coordinate has the wrong length for the curve")]
    Length,
    /// A type or a curve that is not supported.
    #[error("the key's type or curve is not supported")]
    Unsupported,
    /// Numbers that make no RSA key.
    #[error("not an RSA key: {0}")]
    Rsa(ElementError),
}

/// The members of a JWK that are read.
#[derive(Deserialize)]
struct Members {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

impl std::fmt::Debug for Jwk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jwk(..)")
    }
}

/// The coordinates of an uncompressed point.
fn coordinates(curve: Curve, point: &[u8]) -> Option<(&[u8], &[u8])> {
    let (form, coordinates) = point.split_first()?;
    let length = curve.field_bytes();
    let is_uncompressed = *form == UNCOMPRESSED && coordinates.len() == 2 * length;
    is_uncompressed.then(|| coordinates.split_at(length))
}

fn encoded(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(Base64UrlUnpadded::encode_string(bytes))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// The members of a private RSA key, in the order of RSAPrivateKey.
const RSA_PRIVATE: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];
const UNCOMPRESSED: u8 = 4; // SEC 1 §2.3.3
const ED25519_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PrivateKey;
    use crate::pki::algorithm::KeyType;

    #[test]
    fn a_key_has_the_members_of_its_kind() {
        for (key_type, names) in [
            (KeyType::P256, "kty crv x y kid d"),
            (KeyType::P384, "kty crv x y kid d"),
            (KeyType::Ed25519, "kty crv x kid d"),
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            let mut jwk = Jwk::public(key.public_key_info()).unwrap().unwrap();
            jwk.add_private(key.pkcs8()).unwrap();
            let found: Vec<_> = jwk.members.iter().map(|(name, _)| *name).collect();
            assert_eq!(found.join(" "), names);
        }
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
            let key = PrivateKey::generate(key_type).unwrap();
            let jwk = Jwk::public(key.public_key_info()).unwrap().unwrap();
            let members: Vec<String> = jwk
                .members
                .iter()
                .map(|(name, value)| format!("\"{name}\":\"{}\"", value.as_str()))
                .collect();
            let json = format!("{{{}}}", members.join(","));
            assert_eq!(Jwk::read_public(&json).unwrap(), key.public_key_info());
        }
    }

    #[test]
    fn the_example_of_rfc_7638_has_its_thumbprint() {
        let json = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        let info = Jwk::read_public(json).unwrap();
        assert_eq!(
            jwk_thumbprint(&info).unwrap().unwrap(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn what_is_no_public_key_that_signs_is_refused() {
        for json in [
            "{}",
            "[]",
            r#"{"kty":"oct","k":"AAAA"}"#,
            r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AA"}"#,
            r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#,
            r#"{"kty":"RSA","n":"","e":"AQAB"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQ=="}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}"#,
        ] {
            assert!(Jwk::read_public(json).is_err(), "{json}");
        }
    }
}
