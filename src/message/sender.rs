//! Signing and sealing.

use std::collections::HashSet;

use serde::Serialize;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::envelope::{self, PayloadMember};
use super::jwe::{self, Binding};
use super::signature::{Algorithm, SigningKey};
use super::trust::identities;
use super::{Capability, Claims, MessageError, Payload, Recipient, base64};
use crate::keys::random_bytes;
use crate::path::is_self_signed;
use crate::pki::certificate::Certificate;
use crate::pki::public_key::PublicKey;

/// A certificate and its key, which sign messages.
#[derive(Debug)]
pub struct Sender {
    key: SigningKey,
    algorithm: Algorithm,
    /// The protected header of every message, in base64url.
    header: String,
    identities: Vec<String>,
    issuer: String,
}

impl Sender {
    /// The sender with this certificate, the intermediates behind it, and its private key as PKCS #8.
    ///
    /// Does not check whether anyone trusts the certificate.
    ///
    /// # Errors
    /// When the key is not the certificate's or cannot sign so, or there are more than ten certificates.
    pub fn new(
        chain: &[Certificate],
        pkcs8: &[u8],
        algorithm: Option<Algorithm>,
    ) -> Result<Self, MessageError> {
        let (leaf, x5c) = leaf_and_chain(chain)?;
        let unusable = |error: crate::pki::element::ElementError| MessageError::Certificate {
            what: error.to_string(),
        };
        let public = PublicKey::from_der(leaf.public_key_info()).map_err(unusable)?;
        let key = SigningKey::new(pkcs8, &public)?;
        let algorithm = key.algorithm(algorithm)?;
        let header = Header {
            alg: algorithm.jose_name(),
            typ: TYPE,
            x5c: x5c.iter().map(|one| base64::encode(one.as_der())).collect(),
        };
        let header = serde_json::to_vec(&header).map_err(|_| MessageError::Signing)?;
        Ok(Sender {
            key,
            algorithm,
            header: base64::encode_url(&header),
            identities: identities(leaf),
            issuer: leaf.issuer().to_string(),
        })
    }

    /// Signs a payload that everyone may read.
    ///
    /// # Errors
    /// When the draft has a value that no envelope can have, or there is no randomness.
    pub fn sign(
        &self,
        draft: &MessageDraft,
        payload: Payload<'_>,
        now: OffsetDateTime,
    ) -> Result<SignedMessage, MessageError> {
        let claims = self.claims(draft, now)?;
        self.message(claims, PayloadMember::Plain(payload))
    }

    /// Signs a payload that only the recipients can decrypt.
    ///
    /// # Errors
    /// As [`Sender::sign`], and when there are no recipients, too many, or one twice.
    pub fn seal(
        &self,
        draft: &MessageDraft,
        payload: Zeroizing<Vec<u8>>,
        recipients: &[Recipient],
        now: OffsetDateTime,
    ) -> Result<SignedMessage, MessageError> {
        let claims = self.claims(draft, now)?;
        let binding = Binding {
            message_id: &claims.message_id,
            audience: &claims.audience,
            subject: &claims.subject,
        };
        let encrypted = jwe::seal(payload, binding, recipients)?;
        self.message(claims, PayloadMember::Encrypted(encrypted))
    }

    fn message(
        &self,
        claims: Claims,
        content: PayloadMember<'_>,
    ) -> Result<SignedMessage, MessageError> {
        let envelope = envelope::write(&claims, content)?;
        // A large message is in memory as often as it must be, and no more.
        let payload_length = base64::url_length(envelope.len());
        let mut text = String::with_capacity(
            self.header.len() + payload_length + base64::url_length(MAX_SIGNATURE_BYTES) + 3,
        );
        text.extend([&*self.header, "."]);
        base64::append_url(&mut text, envelope.as_bytes());
        drop(envelope);
        let signature = self.key.sign(self.algorithm, text.as_bytes())?;
        text.push('.');
        base64::append_url(&mut text, &signature);
        let message_id = claims.message_id;
        Ok(SignedMessage { message_id, text })
    }

    fn claims(&self, draft: &MessageDraft, now: OffsetDateTime) -> Result<Claims, MessageError> {
        let claim = |what: &str| MessageError::Claim {
            what: what.to_owned(),
        };
        let mut distinct = HashSet::new();
        if draft.scopes.is_empty() || draft.scopes.iter().any(String::is_empty) {
            return Err(claim("a scope is missing or empty"));
        }
        if !draft.scopes.iter().all(|scope| distinct.insert(scope)) {
            return Err(claim("a scope is given twice"));
        }
        if draft.audience.is_empty() {
            return Err(claim("the audience is empty"));
        }
        let id = |given: &Option<String>, what| match given.as_deref() {
            Some("") => Err(claim(what)),
            Some(given) => Ok(given.to_owned()),
            None => random_id(),
        };
        let subject = draft.subject.as_ref().or(self.identities.first());
        let subject = subject.ok_or_else(|| claim("the certificate has no name to send under"))?;
        // Three digits of a second are what every peer reads.
        let now = now
            .replace_nanosecond(now.nanosecond() / 1_000_000 * 1_000_000)
            .unwrap_or(now);
        let end = now.checked_add(draft.ttl).filter(|end| *end > now);
        Ok(Claims {
            trace_id: id(&draft.trace_id, "the trace id is empty")?,
            message_id: random_id()?,
            idempotency_key: id(&draft.idempotency_key, "the idempotency key is empty")?,
            issued_at: now,
            expires_at: end.ok_or_else(|| claim("the message ends before it begins"))?,
            subject: subject.clone(),
            tenant_id: draft.tenant_id.clone(),
            service_id: draft.service_id.as_ref().unwrap_or(subject).clone(),
            issuer: draft.issuer.as_ref().unwrap_or(&self.issuer).clone(),
            audience: draft.audience.clone(),
            scopes: draft.scopes.clone(),
            capability: draft.capability,
        })
    }
}

/// What a message is to say about itself.
#[derive(Clone, Debug)]
pub struct MessageDraft {
    /// Who it is for.
    pub audience: String,
    /// What it may be used for: distinct, at least one.
    pub scopes: Vec<String>,
    /// What it asks for.
    pub capability: Capability,
    /// How long it is valid.
    pub ttl: Duration,
    /// Who sends it; `None` for the certificate's first name.
    pub subject: Option<String>,
    /// The tenant of the sender.
    pub tenant_id: String,
    /// The service that sends it; `None` for the subject.
    pub service_id: Option<String>,
    /// Who vouches for the sender; `None` for the certificate's issuer.
    pub issuer: Option<String>,
    /// The trace id; `None` for a new one.
    pub trace_id: Option<String>,
    /// The idempotency key; `None` for a new one.
    pub idempotency_key: Option<String>,
}

/// A message that can be sent.
#[derive(Clone, Debug)]
pub struct SignedMessage {
    /// Its id.
    pub message_id: String,
    /// The compact JWS.
    pub text: String,
}

/// The leaf, and what a signature carries: the leaf and its intermediates, but no root.
pub(super) fn leaf_and_chain(
    chain: &[Certificate],
) -> Result<(&Certificate, Vec<&Certificate>), MessageError> {
    let Some((leaf, above)) = chain.split_first() else {
        return Err(MessageError::Certificate {
            what: "there is none".into(),
        });
    };
    let is_root = |one: &&Certificate| one.is_self_issued() && is_self_signed(one);
    let above = above.iter().filter(|one| !is_root(one));
    let carried: Vec<_> = [leaf].into_iter().chain(above).collect();
    if carried.len() > MAX_CHAIN {
        return Err(MessageError::Chain {
            count: carried.len(),
            most: MAX_CHAIN,
        });
    }
    Ok((leaf, carried))
}

/// 128 random bits in hexadecimal.
fn random_id() -> Result<String, MessageError> {
    Ok(format!("{:032x}", u128::from_be_bytes(random_bytes()?)))
}

#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
    x5c: Vec<String>,
}

/// The media type of messages, without `application/`.
const TYPE: &str = "openagents-message+jws";
const MAX_CHAIN: usize = 10;
/// Of RSA with 8,192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;
