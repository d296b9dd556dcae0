//! Certificates as a JWK Set ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), for peers that look keys up there.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::recipient::encryption_algorithm;
use super::{Algorithm, base64, thumbprint};
use crate::keys::Jwk;
use crate::pki::certificate::Certificate;
use crate::pki::extension::KeyUsage;
use crate::pki::public_key::PublicKey;

/// A JWK Set.
#[derive(Debug, Default, Serialize)]
pub struct JsonWebKeySet {
    /// The keys.
    pub keys: Vec<JsonWebKey>,
}

/// The public key of a certificate as a JWK, with the certificate.
#[derive(Debug, Serialize)]
pub struct JsonWebKey {
    /// The SHA-256 thumbprint of the certificate, as messages have it.
    kid: String,
    /// `sig` or `enc`.
    #[serde(rename = "use")]
    usage: &'static str,
    /// What the key signs or is encrypted to with.
    alg: &'static str,
    /// The members that make the key.
    #[serde(flatten)]
    key: BTreeMap<&'static str, String>,
    /// The certificate and its intermediates.
    x5c: Vec<String>,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

impl JsonWebKey {
    /// The key of a certificate with the intermediates behind it; `None` for a CA's, one that is not valid now, and one
    /// that messages can neither be signed with nor encrypted to.
    pub fn new(chain: &[Certificate], now: OffsetDateTime) -> Option<Self> {
        let (leaf, carried) = super::sender::leaf_and_chain(chain).ok()?;
        let is_valid = leaf.not_before() <= now && now <= leaf.not_after();
        if !is_valid || leaf.is_ca().unwrap_or(true) {
            return None;
        }
        let kind = PublicKey::from_der(leaf.public_key_info()).ok()?.kind;
        let key_usage = leaf.key_usage().ok()?;
        let signs = key_usage.is_none_or(|usage| usage.has(KeyUsage::DIGITAL_SIGNATURE));
        let (usage, alg) = match Algorithm::of_message(kind).filter(|_| signs) {
            Some(algorithm) => ("sig", algorithm.jose_name()),
            None => ("enc", encryption_algorithm(kind)?),
        };
        let members = Jwk::public(leaf.public_key_info()).ok()??.members;
        let members = members.into_iter().filter(|(name, _)| *name != "kid");
        Some(JsonWebKey {
            kid: thumbprint(leaf),
            usage,
            alg,
            key: members
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            x5c: carried
                .iter()
                .map(|one| base64::encode(one.as_der()))
                .collect(),
            thumbprint: thumbprint(leaf),
        })
    }
}
