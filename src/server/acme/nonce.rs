//! Nonces: each is accepted once ([RFC 8555 §6.5](https://www.rfc-editor.org/rfc/rfc8555#section-6.5)).
//!
//! A nonce proves by its MAC that a server on this store issued it, and when. What is stored is only that it was used,
//! in the transaction of the request that uses it.

use time::{Duration, OffsetDateTime};

use super::problem::{Problem, ProblemType, Refusal};
use crate::error::Error;
use crate::keys::{hmac_sha256, is_same_secret, random_bytes};
use crate::message::jws::{decode_base64url, encode_base64url};
use crate::store::{Document, DocumentKind, Inventory};

/// What issues and recognizes nonces: the same for all servers on one store.
pub(super) struct Nonces {
    secret: Vec<u8>,
}

/// A nonce that was issued here and has not expired; whether it was used is another question.
#[derive(Debug)]
pub(super) struct Nonce {
    id: String,
    expires_at: OffsetDateTime,
}

impl Nonces {
    /// Those of a store, whose key is created with the first one.
    ///
    /// # Errors
    /// When the store or the system's randomness cannot be used.
    pub(super) fn open(inventory: &mut dyn Inventory) -> Result<Self, Error> {
        let kind = DocumentKind::AcmeSecret;
        loop {
            if let Some(document) = inventory.document(kind, SECRET)? {
                return Ok(Nonces::new(document.content.as_bytes()));
            }
            let secret: [u8; 32] = random_bytes()?;
            inventory.put_document(&Document {
                kind,
                key: SECRET.into(),
                version: 0,
                owner: String::new(),
                expires_at: None,
                content: serde_json::Value::from(encode_base64url(&secret)).to_string(),
            })?;
        }
    }

    pub(super) fn new(secret: &[u8]) -> Self {
        Nonces {
            secret: secret.to_vec(),
        }
    }

    /// A new nonce.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(super) fn issue(&self, now: OffsetDateTime) -> Result<String, Error> {
        let random: [u8; RANDOM_BYTES] = random_bytes()?;
        let seconds = now.unix_timestamp().to_be_bytes();
        let mut nonce = [&seconds[..], &random].concat();
        let mac = hmac_sha256(&self.secret, &nonce);
        nonce.extend_from_slice(&mac);
        Ok(encode_base64url(&nonce))
    }

    /// The nonce in a request.
    ///
    /// # Errors
    /// When it was not issued here, or has expired.
    pub(super) fn read(&self, text: &str, now: OffsetDateTime) -> Result<Nonce, Problem> {
        let nonce = decode_base64url(text).filter(|nonce| nonce.len() == NONCE_BYTES);
        let nonce = nonce.ok_or_else(|| bad("the nonce was not issued by this server"))?;
        let (signed, mac) = nonce.split_at(NONCE_BYTES - MAC_BYTES);
        if !is_same_secret(&hmac_sha256(&self.secret, signed), mac) {
            return Err(bad("the nonce was not issued by this server"));
        }
        let (seconds, random) = signed.split_at(signed.len() - RANDOM_BYTES);
        let seconds = seconds.iter().fold(0, |n, byte| n << 8 | i64::from(*byte));
        let issued_at = OffsetDateTime::from_unix_timestamp(seconds);
        let issued_at = issued_at.map_err(|_| bad("the nonce has expired"))?;
        if now - issued_at > LIFETIME {
            return Err(bad("the nonce has expired"));
        }
        Ok(Nonce {
            id: encode_base64url(random),
            expires_at: issued_at + LIFETIME + SLACK,
        })
    }
}

impl Nonce {
    /// Uses it.
    ///
    /// # Errors
    /// When it was used before.
    pub(super) fn consume(&self, inventory: &mut dyn Inventory) -> Result<(), Refusal> {
        let is_new = inventory.put_document(&Document {
            kind: DocumentKind::Nonce,
            key: self.id.clone(),
            version: 0,
            owner: String::new(),
            expires_at: Some(self.expires_at),
            content: "1".into(),
        })?;
        if is_new {
            Ok(())
        } else {
            Err(bad("the nonce was used before").into())
        }
    }
}

/// A problem that clients answer by trying again with the nonce beside it.
pub(super) fn bad(detail: &str) -> Problem {
    Problem::new(ProblemType::BadNonce, detail)
}

/// How long a nonce is accepted.
const LIFETIME: Duration = Duration::minutes(30);
/// How far the clocks of servers on one store may be apart.
const SLACK: Duration = Duration::minutes(5);
const SECRET: &str = "nonce";
const RANDOM_BYTES: usize = 12;
const MAC_BYTES: usize = 32;
const NONCE_BYTES: usize = size_of::<i64>() + RANDOM_BYTES + MAC_BYTES;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_nonce_is_of_one_store_and_of_its_time() {
        let (ours, others) = (Nonces::new(b"a"), Nonces::new(b"b"));
        let now = datetime!(2026-11-20 08:00 UTC);
        let nonce = ours.issue(now).unwrap();
        assert!(ours.read(&nonce, now).is_ok());
        assert!(ours.read(&nonce, now + LIFETIME).is_ok());
        assert!(
            ours.read(&nonce, now + LIFETIME + Duration::SECOND)
                .is_err()
        );
        assert!(others.read(&nonce, now).is_err());
        let mut changed = nonce.clone().into_bytes();
        changed[11] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        assert!(ours.read(&changed, now).is_err());
        for text in ["", "a", "AAAA", "é", &nonce[1..]] {
            assert!(ours.read(text, now).is_err(), "{text}");
        }
        assert_ne!(nonce, ours.issue(now).unwrap());
    }
}
