//! Receiving: every check, in the order in which its reason counts, and only then decryption.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::envelope::Envelope;
use super::jwe::{Binding, Jwe, MAX_HEADER_BYTES};
use super::trust::{Signer, Trust};
use super::{Algorithm, Capability, Claims, Denial, OpeningKey, Policy, Reason, base64, json};
use crate::pki::certificate::Certificate;
use crate::store::{Replay, ReplayId, StoreError};

/// What a receiver requires of every message.
#[derive(Clone, Debug)]
pub struct Expectations {
    /// Who messages are for.
    pub audience: String,
    /// The scopes a message must have, all of them.
    pub scopes: Vec<String>,
    /// The tenant of the sender; `None` for any.
    pub tenant: Option<String>,
    /// The longest that a message may be valid.
    pub max_lifetime: Duration,
    /// The largest message, in bytes.
    pub max_size: usize,
    /// Which callers may ask for what; `None` for anything.
    pub policy: Option<Policy>,
    /// The ids of messages that are approved.
    pub approved: Vec<String>,
}

/// Signers whose path was judged, by the digest of their chain.
type Signers = HashMap<[u8; 32], (Algorithm, Arc<Signer>)>;

/// Accepts messages, or says why not.
#[derive(Debug)]
pub struct Receiver {
    expectations: Expectations,
    trust: Trust,
    /// Signers that were trusted, by the SHA-256 of the header that named them.
    signers: Mutex<Signers>,
    /// Who approved which message.
    approvals: Vec<(String, String)>,
}

impl Receiver {
    /// A receiver that trusts these signers.
    pub fn new(expectations: Expectations, trust: Trust) -> Self {
        Receiver {
            expectations,
            trust,
            signers: Mutex::new(HashMap::new()),
            approvals: Vec::new(),
        }
    }

    /// Takes a signed approval into account: a message with scope `approve` whose payload is `{"approve":MESSAGE-ID}`.
    ///
    /// It counts for messages whose rule in the policy names its sender as an approver, but for the sender's own.
    ///
    /// # Errors
    /// When it is not a valid message with such a payload.
    pub fn approve(&mut self, message: &[u8], now: OffsetDateTime) -> Result<(), Denial> {
        let parts = self.parts(message, now)?;
        let signer = self.signer(&parts, now)?;
        let Envelope {
            claims, payload, ..
        } = Envelope::read(&parts.payload)?;
        self.check_claims(&claims, &signer, &[APPROVAL_SCOPE.to_owned()], now)?;
        let payload = payload.unwrap_or_default();
        let approval: Approval = json::read(payload.as_bytes()).map_err(Denial::malformed)?;
        self.approvals.push((claims.subject, approval.approve));
        Ok(())
    }

    /// Checks a message, records that it was seen, and with `key` decrypts it. Each step is reported to `log` before
    /// anything is returned. A message that is denied is not recorded.
    ///
    /// # Errors
    /// When the replay database or the log cannot be written; then nothing is recorded. That the message is refused is
    /// the inner error.
    pub fn receive<E: From<StoreError>>(
        &self,
        message: &[u8],
        key: Option<&OpeningKey>,
        replay: Option<&mut Replay>,
        log: &mut dyn FnMut(&Event<'_>) -> Result<(), E>,
        now: OffsetDateTime,
    ) -> Result<Result<Accepted, Denial>, E> {
        let mut trail = Trail::new(log, now);
        let parts = match self.parts(message, now) {
            Ok(parts) => parts,
            Err(denial) => return trail.deny(denial),
        };
        let jwe = match self.check(&parts, key.is_some(), &mut trail) {
            Ok(jwe) => jwe,
            Err(denial) => return trail.deny(denial),
        };
        let recording = match (replay, &trail.claims) {
            (Some(replay), Some(claims)) => match replay.record(&ids(claims, now), now)? {
                Some(recording) => Some(recording),
                None => {
                    let detail = "its messageId or idempotencyKey was seen before";
                    return trail.deny(Denial::new(Reason::Replayed, detail));
                }
            },
            (_, _) => None,
        };
        trail.report(EventKind::Received, None)?;
        trail.report(EventKind::Authorization, Some(Ok(())))?;
        let opened = key.zip(jwe).map(|(key, jwe)| jwe.open(key)).transpose();
        let plaintext = match opened {
            Ok(plaintext) => plaintext,
            Err(denial) => {
                trail.report(EventKind::Denied, Some(Err(denial.reason)))?;
                return Ok(Err(denial));
            }
        };
        if plaintext.is_some() {
            trail.report(EventKind::Decrypted, Some(Ok(())))?;
        }
        if let Some(recording) = recording {
            recording.commit()?;
        }
        let Some(claims) = trail.claims else {
            return Ok(Err(Denial::malformed("the message has no claims")));
        };
        Ok(Ok(Accepted {
            claims,
            envelope: parts.payload,
            plaintext,
        }))
    }

    /// Reports the denial of what is not even a message.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn refuse<E>(
        &self,
        denial: Denial,
        log: &mut dyn FnMut(&Event<'_>) -> Result<(), E>,
        now: OffsetDateTime,
    ) -> Result<Denial, E> {
        let refused = Trail::new(log, now).deny::<()>(denial.clone())?;
        Ok(refused.err().unwrap_or(denial))
    }

    /// Reads the form of a message.
    fn parts<'m>(&self, message: &'m [u8], now: OffsetDateTime) -> Result<ReadMessage<'m>, Denial> {
        let message = message.strip_suffix(b"\n").unwrap_or(message);
        let message = message.strip_suffix(b"\r").unwrap_or(message);
        if message.len() > self.expectations.max_size {
            let detail = format!(
                "the message is larger than {} bytes",
                self.expectations.max_size
            );
            return Err(Denial::new(Reason::TooLarge, detail));
        }
        let text = std::str::from_utf8(message).map_err(Denial::malformed)?;
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Denial::malformed("a compact JWS has three parts"));
        };
        let not_base64 = || Denial::malformed("not canonical base64url without padding");
        Ok(ReadMessage {
            origin: self.origin(header, now)?,
            signed: &text.as_bytes()[..header.len() + 1 + payload.len()],
            payload: base64::decode_url(payload).ok_or_else(not_base64)?,
            signature: base64::decode_url(signature).ok_or_else(not_base64)?,
        })
    }

    /// Reads a header, unless it was read before.
    fn origin(&self, header: &str, now: OffsetDateTime) -> Result<Origin, Denial> {
        let mut name = [0; 32];
        name.copy_from_slice(digest::digest(&digest::SHA256, header.as_bytes()).as_ref());
        let signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = signers
            .get(&name)
            .filter(|(_, signer)| signer.is_trusted_at(now))
            .cloned();
        drop(signers);
        if let Some((algorithm, signer)) = known {
            return Ok(Origin::Known(algorithm, signer));
        }
        if header.len() / 4 * 3 > MAX_HEADER_BYTES {
            return Err(Denial::new(
                Reason::TooLarge,
                "the header is larger than 64 KiB",
            ));
        }
        let header = base64::decode_url(header)
            .ok_or_else(|| Denial::malformed("the header is not canonical base64url"))?;
        let header: Header<'_> = json::read(&header).map_err(Denial::malformed)?;
        let algorithm = Algorithm::from_jose_name(&header.alg).ok_or_else(|| {
            Denial::malformed(format_args!(
                "alg '{}' is not supported",
                header.alg.escape_debug()
            ))
        })?;
        let chain = header.x5c.iter().map(|text| {
            let der = base64::decode(text)
                .ok_or_else(|| Denial::malformed("x5c is not canonical base64"))?;
            Certificate::from_der(der).map_err(Denial::malformed)
        });
        Ok(Origin::New(
            name,
            algorithm,
            chain.collect::<Result<_, _>>()?,
        ))
    }

    /// All checks of a message in their order, but for replay; its JWE, if it has one.
    fn check<'p, E>(
        &self,
        parts: &'p ReadMessage<'_>,
        is_opened: bool,
        trail: &mut Trail<'_, E>,
    ) -> Result<Option<Jwe<'p>>, Denial> {
        let now = trail.now;
        let signer = self.signer(parts, now)?;
        trail.is_authentic = true;
        let envelope = Envelope::read(&parts.payload)?;
        let claims = &*trail.claims.insert(envelope.claims);
        let jwe = match envelope.encrypted_payload {
            Some(text) => {
                let binding = Binding {
                    message_id: &claims.message_id,
                    audience: &claims.audience,
                    subject: &claims.subject,
                };
                Some(Jwe::read(text, binding)?)
            }
            None if is_opened => return Err(Denial::malformed("the message is not sealed")),
            None => None,
        };
        self.check_claims(claims, &signer, &self.expectations.scopes, now)?;
        let expected = &self.expectations;
        if claims.trace_id.is_empty() || claims.idempotency_key.is_empty() {
            let detail = "traceId or idempotencyKey is missing or empty";
            return Err(Denial::new(Reason::MissingTraceOrIdempotency, detail));
        }
        if expected
            .tenant
            .as_ref()
            .is_some_and(|tenant| *tenant != claims.tenant_id)
        {
            let detail = format!("the message is from tenant '{}'", claims.tenant_id);
            return Err(Denial::new(Reason::WrongTenant, detail));
        }
        if let Some(policy) = &expected.policy {
            policy.check(claims, |is_approver| {
                let mut signed = self.approvals.iter();
                expected.approved.contains(&claims.message_id)
                    || signed.any(|(by, id)| *id == claims.message_id && is_approver(by))
            })?;
        }
        Ok(jwe)
    }

    /// The trusted signer of a message whose signature is right.
    fn signer(&self, parts: &ReadMessage<'_>, now: OffsetDateTime) -> Result<Arc<Signer>, Denial> {
        let (algorithm, signer) = match &parts.origin {
            Origin::Known(algorithm, signer) => (*algorithm, Arc::clone(signer)),
            Origin::New(name, algorithm, chain) => {
                let signer = Arc::new(self.trust.judge(chain, now)?);
                let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
                if signers.len() == MAX_SIGNERS {
                    signers.clear();
                }
                signers.insert(*name, (*algorithm, Arc::clone(&signer)));
                (*algorithm, signer)
            }
        };
        if algorithm.verifies(&signer.key, parts.signed, &parts.signature) {
            Ok(signer)
        } else {
            let detail =
                format!("the signature is not one of the certificate's key with {algorithm}");
            Err(Denial::new(Reason::BadSignature, detail))
        }
    }

    /// Whether the claims are the signer's, for us, and valid now.
    fn check_claims(
        &self,
        claims: &Claims,
        signer: &Signer,
        scopes: &[String],
        now: OffsetDateTime,
    ) -> Result<(), Denial> {
        let denied = |reason, detail: String| Err(Denial::new(reason, detail));
        if !signer.identities.contains(&claims.subject) {
            let names = signer.identities.join(", ");
            let detail = format!(
                "caller '{}' is not a name of the certificate ({names})",
                claims.subject
            );
            return denied(Reason::CallerMismatch, detail);
        }
        if claims.audience != self.expectations.audience {
            return denied(
                Reason::WrongAudience,
                format!("the message is for '{}'", claims.audience),
            );
        }
        if let Some(scope) = scopes.iter().find(|scope| !claims.scopes.contains(scope)) {
            return denied(
                Reason::MissingScope,
                format!("the message has no scope '{scope}'"),
            );
        }
        if claims.expires_at <= now {
            return denied(
                Reason::ExpiredMessage,
                format!("the message expired at {}", claims.expires_at),
            );
        }
        if claims.issued_at > now.saturating_add(MAX_SKEW) {
            return denied(
                Reason::NotYetValid,
                format!("the message was issued at {}", claims.issued_at),
            );
        }
        let policy = self
            .expectations
            .policy
            .as_ref()
            .and_then(Policy::max_lifetime);
        let longest = self.expectations.max_lifetime;
        let longest = policy.map_or(longest, |policy| policy.min(longest));
        if claims.expires_at - claims.issued_at > longest {
            return denied(
                Reason::LifetimeTooLong,
                format!("the message is valid longer than {longest}"),
            );
        }
        Ok(())
    }
}

/// A message that passed every check.
#[derive(Debug)]
pub struct Accepted {
    /// What it claims.
    pub claims: Claims,
    /// The envelope as it was signed: JSON.
    pub envelope: Vec<u8>,
    /// The payload, where it was sealed and a key was given.
    pub plaintext: Option<Zeroizing<Vec<u8>>>,
}

/// One step of a decision: a line of a trace. Never has a payload, a key or the message itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// When, RFC 3339.
    pub time: String,
    /// What happened.
    pub event: EventKind,
    /// Null while the signature is not verified, as all that follows from the message.
    pub trace_id: Option<&'a str>,
    /// The message's id; of a request its nonce.
    pub message_id: Option<&'a str>,
    /// The caller.
    pub subject: Option<&'a str>,
    /// The caller's tenant.
    pub tenant_id: Option<&'a str>,
    /// Who the message is for.
    pub audience: Option<&'a str>,
    /// The scopes of the message.
    pub scopes: Option<&'a [String]>,
    /// What it asks for.
    pub capability: Option<Capability>,
    /// `allow` or `deny`, where it was decided.
    pub decision: Option<&'static str>,
    /// `authorized`, or why it is denied.
    pub reason: Option<&'static str>,
}

/// What happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum EventKind {
    /// A message with a valid signature was received.
    #[serde(rename = "secure_message_received")]
    Received,
    /// It was decided.
    #[serde(rename = "authorization_decision")]
    Authorization,
    /// It was decrypted.
    #[serde(rename = "payload_decrypted_after_authorization")]
    Decrypted,
    /// It was denied.
    #[serde(rename = "message_denied")]
    Denied,
}

/// Reports what happens to one message or request.
pub(super) struct Trail<'l, E> {
    log: &'l mut dyn FnMut(&Event<'_>) -> Result<(), E>,
    pub(super) now: OffsetDateTime,
    /// Whether the signature was verified, so that there is something to report of the message.
    pub(super) is_authentic: bool,
    pub(super) claims: Option<Claims>,
    /// Of a request: its nonce and its sender.
    pub(super) request: (Option<String>, Option<String>),
}

impl<'l, E> Trail<'l, E> {
    pub(super) fn new(
        log: &'l mut dyn FnMut(&Event<'_>) -> Result<(), E>,
        now: OffsetDateTime,
    ) -> Self {
        let (is_authentic, claims, request) = (false, None, (None, None));
        Trail {
            log,
            now,
            is_authentic,
            claims,
            request,
        }
    }

    pub(super) fn deny<T>(mut self, denial: Denial) -> Result<Result<T, Denial>, E> {
        let decision = Some(Err(denial.reason));
        if self.is_authentic {
            self.report(EventKind::Received, None)?;
            self.report(EventKind::Authorization, decision)?;
        }
        self.report(EventKind::Denied, decision)?;
        Ok(Err(denial))
    }

    pub(super) fn report(
        &mut self,
        event: EventKind,
        decision: Option<Result<(), Reason>>,
    ) -> Result<(), E> {
        let claims = self.claims.as_ref();
        let (nonce, sender) = &self.request;
        let (decision, reason) = match decision {
            Some(Ok(())) => (Some("allow"), Some("authorized")),
            Some(Err(reason)) => (Some("deny"), Some(reason.name())),
            None => (None, None),
        };
        (self.log)(&Event {
            time: self.now.format(&Rfc3339).unwrap_or_default(),
            event,
            trace_id: claims.map(|claims| &*claims.trace_id),
            message_id: claims
                .map(|claims| &*claims.message_id)
                .or(nonce.as_deref()),
            subject: claims.map(|claims| &*claims.subject).or(sender.as_deref()),
            tenant_id: claims.map(|claims| &*claims.tenant_id),
            audience: claims.map(|claims| &*claims.audience),
            scopes: claims.map(|claims| &*claims.scopes),
            capability: claims.map(|claims| claims.capability),
            decision,
            reason,
        })
    }
}

/// A message whose form is right.
struct ReadMessage<'m> {
    origin: Origin,
    /// What is signed.
    signed: &'m [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Who a message says it is from.
enum Origin {
    Known(Algorithm, Arc<Signer>),
    New([u8; 32], Algorithm, Vec<Certificate>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[expect(dead_code, reason = "required, but any type is read")]
    #[serde(borrow)]
    typ: Cow<'a, str>,
    #[serde(borrow)]
    x5c: Vec<Cow<'a, str>>,
}

/// The payload of an approval.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    approve: String,
}

/// What may be there once: the message, and its effect.
fn ids(claims: &Claims, now: OffsetDateTime) -> [ReplayId<'_>; 2] {
    let until = claims.expires_at.saturating_add(MAX_SKEW);
    [
        ReplayId {
            kind: "message",
            owner: &claims.subject,
            id: &claims.message_id,
            until,
        },
        ReplayId {
            kind: "idempotency",
            owner: &claims.subject,
            id: &claims.idempotency_key,
            until: until.max(now.saturating_add(MIN_IDEMPOTENCY)),
        },
    ]
}

/// The scope of messages that approve another one.
const APPROVAL_SCOPE: &str = "approve";
/// How far the sender's clock may be ahead.
pub(super) const MAX_SKEW: Duration = Duration::seconds(30);
/// How long an idempotency key is kept at least.
pub(super) const MIN_IDEMPOTENCY: Duration = Duration::hours(24);
const MAX_SIGNERS: usize = 1_000;
