//! The signatures of requests ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).

use base64ct::{Base64UrlUnpadded, Encoding as _};
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::{Value, json};

/// Signs a message: an ECDSA signature on P-256 with SHA-256, 64 bytes.
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send>;

/// The key of an account: P-256, which every server accepts.
pub struct AccountKey {
    x: String,
    y: String,
    sign: Sign,
}

impl AccountKey {
    /// A key with these coordinates, base64url.
    pub fn new(x: String, y: String, sign: Sign) -> Self {
        AccountKey { x, y, sign }
    }

    /// The public key.
    pub fn jwk(&self) -> Value {
        json!({"crv": "P-256", "kty": "EC", "x": self.x, "y": self.y})
    }

    /// The key's thumbprint ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)), base64url.
    pub fn thumbprint(&self) -> String {
        let (x, y) = (&self.x, &self.y);
        let text = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
        encode(digest(&SHA256, text.as_bytes()).as_ref())
    }

    /// What proves control of a name
    /// ([RFC 8555 §8.1](https://www.rfc-editor.org/rfc/rfc8555#section-8.1)).
    pub fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.thumbprint())
    }

    /// A request as the server takes it; without an account it contains the key.
    pub(super) fn outer(
        &self,
        account: Option<&str>,
        nonce: &str,
        url: &str,
        payload: Option<&Value>,
    ) -> Value {
        let mut header = json!({"alg": "ES256", "nonce": nonce, "url": url});
        match account {
            Some(account) => header["kid"] = json!(account),
            None => header["jwk"] = self.jwk(),
        }
        let payload = payload.map_or(String::new(), |payload| {
            encode(payload.to_string().as_bytes())
        });
        self.signed(&header, &payload)
    }

    /// What the new key signs when it replaces another.
    pub(super) fn inner(&self, url: &str, payload: &Value) -> Value {
        let header = json!({"alg": "ES256", "jwk": self.jwk(), "url": url});
        self.signed(&header, &encode(payload.to_string().as_bytes()))
    }

    fn signed(&self, header: &Value, payload: &str) -> Value {
        let protected = encode(header.to_string().as_bytes());
        let signature = (self.sign)(format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": encode(&signature)})
    }
}

/// An account that somebody has with a CA already, to which an ACME account is bound
/// ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).
pub struct ExternalAccount {
    id: String,
    key: hmac::Key,
}

impl ExternalAccount {
    /// The account with this identifier and HMAC key.
    pub fn new(id: String, key: &[u8]) -> Self {
        ExternalAccount {
            id,
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    pub(super) fn binding(&self, account: &AccountKey, url: &str) -> Value {
        let header = json!({"alg": "HS256", "kid": self.id, "url": url});
        let protected = encode(header.to_string().as_bytes());
        let payload = encode(account.jwk().to_string().as_bytes());
        let message = format!("{protected}.{payload}");
        let signature = hmac::sign(&self.key, message.as_bytes());
        json!({"protected": protected, "payload": payload, "signature": encode(signature.as_ref())})
    }
}

/// The value of a TXT record for a key authorization
/// ([RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)).
pub fn txt_value(key_authorization: &str) -> String {
    encode(digest(&SHA256, key_authorization.as_bytes()).as_ref())
}

/// SHA-256 of a key authorization, for a challenge certificate
/// ([RFC 8737 §3](https://www.rfc-editor.org/rfc/rfc8737#section-3)).
pub(crate) fn authorization_digest(key_authorization: &str) -> Vec<u8> {
    digest(&SHA256, key_authorization.as_bytes())
        .as_ref()
        .to_vec()
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
