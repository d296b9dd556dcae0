//! The bundle of a trust domain, as others fetch it
//! ([SPIFFE Trust Domain and Bundle §4](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Trust_Domain_and_Bundle.md)).

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::jwt::JwtKey;
use crate::authority::INVENTORY;
use crate::error::Error;
use crate::keys::Jwk;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::validity::Lifetime;
use crate::store::{Document, DocumentKind, Inventory, StoreError};

/// The keys of a bundle: trust anchors, and keys of JWT-SVIDs.
///
/// # Errors
/// When an anchor's key is malformed.
pub fn keys(anchors: &[Certificate], jwt_keys: &[JwtKey]) -> Result<Vec<Value>, Error> {
    let mut keys = Vec::new();
    for anchor in anchors {
        let jwk = Jwk::public(anchor.public_key_info()).map_err(Error::PublicKey)?;
        let members = jwk.map(|jwk| jwk.members).unwrap_or_default();
        let mut key = Map::new();
        key.insert("use".into(), "x509-svid".into());
        let members = members.into_iter().filter(|(name, _)| *name != "kid");
        key.extend(members.map(|(name, value)| (name.to_owned(), value.to_string().into())));
        let certificate = Base64::encode_string(anchor.as_der());
        key.insert("x5c".into(), json!([certificate]));
        keys.push(Value::Object(key));
    }
    for jwt_key in jwt_keys {
        let mut key = Map::new();
        key.insert("use".into(), "jwt-svid".into());
        key.extend(jwt_key.jwk.clone());
        keys.push(Value::Object(key));
    }
    Ok(keys)
}

/// The bundle as JSON.
pub fn document(keys: &[Value], sequence: u64, refresh_hint: Lifetime) -> String {
    let bundle = json!({
        "keys": keys,
        "spiffe_sequence": sequence,
        "spiffe_refresh_hint": refresh_hint.duration().whole_seconds(),
    });
    bundle.to_string()
}

/// The number of a bundle with these keys, if it is the last one that got a number.
///
/// # Errors
/// When the inventory cannot be read.
pub fn known_sequence(inventory: &dyn Inventory, keys: &[Value]) -> Result<Option<u64>, Error> {
    let last = last(inventory)?.map(|(_, last)| last);
    let last = last.filter(|last| last.digest == digest(keys));
    Ok(last.map(|last| last.sequence))
}

/// Gives a bundle with these keys a number above that of the last one, unless it is the same.
///
/// # Errors
/// When the inventory cannot be read or written.
pub fn next_sequence(inventory: &mut dyn Inventory, keys: &[Value]) -> Result<u64, Error> {
    loop {
        if let Some(sequence) = known_sequence(inventory, keys)? {
            return Ok(sequence);
        }
        let (version, last) = last(inventory)?.unzip();
        let number = Number {
            sequence: last.map_or(1, |last| last.sequence.saturating_add(1)),
            digest: digest(keys),
        };
        let is_first = inventory.put_document(&Document {
            kind: DocumentKind::BundleSequence,
            key: KEY.into(),
            version: version.unwrap_or(0),
            owner: String::new(),
            expires_at: None,
            content: match serde_json::to_string(&number) {
                Ok(content) => content,
                Err(error) => unreachable!("it has only a number and text: {error}"),
            },
        })?;
        if is_first {
            return Ok(number.sequence);
        }
    }
}

/// The last number, and the version of its document.
fn last(inventory: &dyn Inventory) -> Result<Option<(u64, Number)>, Error> {
    let Some(document) = inventory.document(DocumentKind::BundleSequence, KEY)? else {
        return Ok(None);
    };
    let number = serde_json::from_str(&document.content);
    let number = number.map_err(|error| StoreError::Damaged {
        path: INVENTORY.into(),
        what: format!("the number of the bundle: {error}"),
    })?;
    Ok(Some((document.version, number)))
}

fn digest(keys: &[Value]) -> String {
    let text = Value::Array(keys.to_vec()).to_string();
    Fingerprint::sha256(text.as_bytes()).base64()
}

/// What the inventory has of the last bundle.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Number {
    sequence: u64,
    digest: String,
}

const KEY: &str = "own";
