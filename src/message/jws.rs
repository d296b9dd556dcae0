//! A JWS whose key is known to its reader, in flattened JSON ([RFC 7515 §7.2.2](https://www.rfc-editor.org/rfc/rfc7515#section-7.2.2)),
//! as ACME has it ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).

use ring::{digest, hmac};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Algorithm, JsonError, base64, json};
use crate::pki::public_key::{Curve, KeyKind, PublicKey};

/// A JWS, decoded and not verified.
#[derive(Debug)]
pub struct Jws {
    /// The protected header.
    pub header: Header,
    /// The payload.
    pub payload: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// The protected header. Members that are not listed have no meaning here, and are ignored.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// How it is signed.
    pub alg: String,
    /// The public key, as JSON.
    #[serde(default, deserialize_with = "json::present")]
    pub jwk: Option<Box<RawValue>>,
    /// The name of the key.
    #[serde(default, deserialize_with = "json::present")]
    pub kid: Option<String>,
    /// Where it was sent.
    #[serde(default, deserialize_with = "json::present")]
    pub url: Option<String>,
    /// What makes it unique.
    #[serde(default, deserialize_with = "json::present")]
    pub nonce: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    crit: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "json::present")]
    b64: Option<IgnoredAny>,
}

impl Jws {
    /// Reads a JWS with one signature and no unprotected header.
    ///
    /// # Errors
    /// When it is anything else, has a duplicate member, or a header that must be understood.
    pub fn read(text: &[u8]) -> Result<Self, JwsError> {
        let parts: FlattenedJws<'_> = json::read(text)?;
        let decoded = |part: &'static str, text: &str| {
            base64::decode_url(text).ok_or(JwsError::Base64 { part })
        };
        let header = decoded("protected", &parts.protected)?;
        let header: Header = json::read(&header).map_err(JwsError::Header)?;
        if header.crit.is_some() || header.b64.is_some() {
            return Err(JwsError::Critical);
        }
        Ok(Jws {
            header,
            payload: decoded("payload", &parts.payload)?,
            signature: decoded("signature", &parts.signature)?,
            signed: [parts.protected.as_bytes(), b".", parts.payload.as_bytes()].concat(),
        })
    }

    /// Whether it is signed with this key, in one of [`SIGNATURES`].
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        match Algorithm::from_jose_name(&self.header.alg) {
            Some(algorithm) => algorithm.verifies(key, &self.signed, &self.signature),
            None if self.header.alg == "ES512" => {
                key.kind == KeyKind::Ec(Curve::P521) && self.is_signed_on_p521(key)
            }
            None => false,
        }
    }

    /// Whether it has this key's MAC, in one of [`MACS`].
    pub fn is_authenticated_by(&self, key: &[u8]) -> bool {
        let algorithm = match self.header.alg.as_str() {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            _ => return false,
        };
        hmac::verify(
            &hmac::Key::new(algorithm, key),
            &self.signed,
            &self.signature,
        )
        .is_ok()
    }

    #[cfg(feature = "rsa")]
    fn is_signed_on_p521(&self, key: &PublicKey) -> bool {
        use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
        UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, &key.key)
            .verify(&self.signed, &self.signature)
            .is_ok()
    }

    #[cfg(not(feature = "rsa"))]
    fn is_signed_on_p521(&self, _: &PublicKey) -> bool {
        false
    }
}

/// SHA-256 in base64url, as in key authorizations ([RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)).
pub fn digest_base64url(bytes: &[u8]) -> String {
    base64::encode_url(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The bytes of canonical base64url without padding.
pub fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    base64::decode_url(text)
}

/// base64url without padding.
pub fn encode_base64url(bytes: &[u8]) -> String {
    base64::encode_url(bytes)
}

/// Reads strict JSON: no duplicate names, nothing after it.
///
/// # Errors
/// When it is not that, or not of `T`'s form.
pub fn read_json<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, JsonError> {
    json::read(text)
}

/// Why text is no JWS of this form.
#[derive(Debug, thiserror::Error)]
pub enum JwsError {
    /// Not JSON, or other members.
    #[error("the request is not a JWS: {0}")]
    Form(#[from] JsonError),
    /// A part that is not base64url.
    #[error("the JWS's {part} is not base64url without padding")]
    Base64 {
        /// Which.
        part: &'static str,
    },
    /// A protected header that is not JSON, or of another form.
    #[error("the JWS's protected header is malformed: {0}")]
    Header(JsonError),
    /// Extensions that must be understood.
    #[error("the JWS has a header parameter 'crit' or 'b64', which is not supported")]
    Critical,
}

/// The algorithms of signatures that are verified.
#[cfg(feature = "rsa")]
pub const SIGNATURES: &[&str] = &["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"];
/// The algorithms of signatures that are verified.
#[cfg(not(feature = "rsa"))]
pub const SIGNATURES: &[&str] = &["ES256", "ES384", "EdDSA", "RS256", "PS256"];
/// The algorithms of MACs that are verified.
pub const MACS: &[&str] = &["HS256", "HS384", "HS512"];

/// The members of the JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlattenedJws<'a> {
    #[serde(borrow)]
    protected: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    payload: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    signature: std::borrow::Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PrivateKey;
    use crate::message::SigningKey;
    use crate::pki::algorithm::KeyType;

    #[test]
    fn a_signature_is_of_its_key_and_its_algorithm() {
        for (key_type, alg) in [
            (KeyType::P256, "ES256"),
            (KeyType::P384, "ES384"),
            (KeyType::Ed25519, "EdDSA"),
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            let public = PublicKey::from_der(key.public_key_info()).unwrap();
            let signing = SigningKey::new(key.pkcs8(), &public).unwrap();
            let protected = encode_base64url(format!(r#"{{"alg":"{alg}"}}"#).as_bytes());
            let signed = format!("{protected}.e30");
            let algorithm = signing.algorithm(None).unwrap();
            let signature = signing.sign(algorithm, signed.as_bytes()).unwrap();
            let text = |payload: &str| {
                let signature = encode_base64url(&signature);
                format!(
                    r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#
                )
            };
            let jws = Jws::read(text("e30").as_bytes()).unwrap();
            assert!(jws.is_signed_by(&public));
            assert_eq!(jws.payload, b"{}");
            let other = PrivateKey::generate(key_type).unwrap();
            let other = PublicKey::from_der(other.public_key_info()).unwrap();
            assert!(!jws.is_signed_by(&other));
            assert!(
                !Jws::read(text("W10").as_bytes())
                    .unwrap()
                    .is_signed_by(&public)
            );
        }
    }

    #[test]
    fn a_mac_is_of_its_key() {
        let protected = encode_base64url(br#"{"alg":"HS256"}"#);
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let mac = hmac::sign(&key, format!("{protected}.").as_bytes());
        let mac = encode_base64url(mac.as_ref());
        let text = format!(r#"{{"protected":"{protected}","payload":"","signature":"{mac}"}}"#);
        let jws = Jws::read(text.as_bytes()).unwrap();
        assert!(jws.is_authenticated_by(b"secret"));
        assert!(!jws.is_authenticated_by(b"Secret"));
        let public = PrivateKey::generate(KeyType::P256).unwrap();
        let public = PublicKey::from_der(public.public_key_info()).unwrap();
        assert!(!jws.is_signed_by(&public));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let protected = encode_base64url(br#"{"alg":"none"}"#);
        let valid = format!(r#"{{"protected":"{protected}","payload":"","signature":""}}"#);
        assert!(Jws::read(valid.as_bytes()).is_ok());
        let header = |json: &str| {
            let protected = encode_base64url(json.as_bytes());
            format!(r#"{{"protected":"{protected}","payload":"","signature":""}}"#)
        };
        for text in [
            valid.replace("\"payload\":\"\"", "\"payload\":\"\",\"header\":{}"),
            valid.replace("\"payload\":\"\"", "\"payload\":\"\",\"payload\":\"\""),
            valid.replace("\"payload\":\"\"", "\"payload\":\"e30=\""),
            valid.replace("\"payload\":\"\",", ""),
            header(r#"{"alg":"ES256","alg":"none"}"#),
            header(r#"{"alg":"ES256","crit":["b64"],"b64":false}"#),
            header(r#"{"alg":"ES256","kid":null}"#),
            header("{}"),
            header("[]"),
            "[".repeat(100_000),
        ] {
            assert!(Jws::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
