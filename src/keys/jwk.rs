//! Keys as JSON Web Keys ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517), [RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6), [RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)).

use base64ct::{Base64UrlUnpadded, Encoding as _};
use ring::digest;
use zeroize::Zeroizing;

use crate::pki::element::{Element, ElementError, INTEGER, OCTET_STRING, SEQUENCE};
use crate::pki::public_key::{Curve, KeyKind, PublicKey};

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
                    ("x", octets(x)),
                    ("y", octets(y)),
                ]
            }
            KeyKind::Ed25519 | KeyKind::X25519 => {
                let curve = text(&key.kind.to_string());
                vec![
                    ("kty", text("OKP")),
                    ("crv", curve),
                    ("x", octets(&key.key)),
                ]
            }
            KeyKind::Rsa => {
                let Some((modulus, exponent)) = key.rsa_numbers() else {
                    return Ok(None);
                };
                vec![
                    ("kty", text("RSA")),
                    ("n", octets(without_zeros(modulus))),
                    ("e", octets(without_zeros(exponent))),
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
                self.members.push(("d", octets(scalar)));
            }
            Some("OKP") => {
                let seed = Element::only(private, OCTET_STRING, "the private key")?;
                self.members.push(("d", octets(seed.content)));
            }
            Some(_) | None => {
                let mut numbers = Element::only(private, SEQUENCE, "the private key")?.children();
                for what in ["the version", "the modulus", "the exponent"] {
                    numbers.next(INTEGER, what)?;
                }
                for name in RSA_PRIVATE {
                    let number = numbers.next(INTEGER, "a number of the private key")?;
                    self.members
                        .push((name, octets(without_zeros(number.content))));
                }
            }
        }
        Ok(())
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
        octets(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }
}

impl std::fmt::Debug for Jwk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jwk(..)")
    }
}

/// The coordinates of an uncompressed point.
fn coordinates(curve: Curve, point: &[u8]) -> Option<(&[u8], &[u8])> {
    let (form, coordinates) = point.split_first()?;
    let length = curve.field_octets();
    let is_uncompressed = *form == UNCOMPRESSED && coordinates.len() == 2 * length;
    is_uncompressed.then(|| coordinates.split_at(length))
}

fn octets(octets: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(Base64UrlUnpadded::encode_string(octets))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    &number[zeros..]
}

/// The members of a private RSA key, in the order of RSAPrivateKey.
const RSA_PRIVATE: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];
const UNCOMPRESSED: u8 = 4; // SEC 1 §2.3.3

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
}
