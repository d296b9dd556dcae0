//! The envelope: what a message says about itself, and its payload.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::json::{self, present};
use super::{Denial, MessageError, base64};

/// What a message claims. Trustworthy once a [`super::Receiver`] has accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Names the work that the message is part of; empty where it is missing.
    pub trace_id: String,
    /// Names the message.
    pub message_id: String,
    /// Names the effect, so that a message sent again has it once; empty where it is missing.
    pub idempotency_key: String,
    /// When it was signed.
    pub issued_at: OffsetDateTime,
    /// The first moment it is not valid any more.
    pub expires_at: OffsetDateTime,
    /// Who sends it: a name of the signer's certificate.
    pub subject: String,
    /// The tenant of the sender.
    pub tenant_id: String,
    /// The service that sends it.
    pub service_id: String,
    /// Who vouches for the sender; informational.
    pub issuer: String,
    /// Who it is for.
    pub audience: String,
    /// What it may be used for; distinct.
    pub scopes: Vec<String>,
    /// What it asks for.
    pub capability: Capability,
}

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// To read something.
    Read,
    /// To act for the sender.
    Delegate,
    /// To call a tool.
    ToolCall,
    /// To run a step of a workflow.
    WorkflowCommand,
}

impl Capability {
    /// All of them.
    pub const ALL: [Capability; 4] = [
        Capability::Read,
        Capability::Delegate,
        Capability::ToolCall,
        Capability::WorkflowCommand,
    ];
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::Read => "read",
            Capability::Delegate => "delegate",
            Capability::ToolCall => "tool_call",
            Capability::WorkflowCommand => "workflow_command",
        })
    }
}

impl FromStr for Capability {
    type Err = MessageError;

    fn from_str(text: &str) -> Result<Self, MessageError> {
        let mut all = Self::ALL.into_iter();
        all.find(|capability| capability.to_string() == text)
            .ok_or_else(|| MessageError::Claim {
                what: format!(
                    "unknown capability '{}'; expected read, delegate, tool_call or workflow_command",
                    text.escape_debug()
                ),
            })
    }
}

/// A payload, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A JSON text without duplicate names.
    Json(&'a str),
    /// Other UTF-8; no bytes at all are this, too.
    Text(&'a str),
    /// Anything else.
    Bytes(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// The payload that these bytes are.
    pub fn of(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if json::check(text).is_ok() => Payload::Json(text),
            Ok(text) => Payload::Text(text),
            Err(_) => Payload::Bytes(bytes),
        }
    }

    /// The member that holds it, as it is in an envelope but in one line: `"payload":…`.
    pub fn member(self) -> String {
        let mut member = String::new();
        self.append_member(&mut member);
        member
    }

    fn append_member(self, line: &mut String) {
        match self {
            Payload::Json(text) => line.extend(["\"payload\":", &json::compact(text)]),
            Payload::Text(text) => {
                line.reserve(text.len() + text.len() / 16 + MEMBER_MARGIN_BYTES);
                line.push_str("\"payloadText\":");
                append_quoted(line, text);
            }
            Payload::Bytes(bytes) => {
                line.reserve(bytes.len().div_ceil(3) * 4 + MEMBER_MARGIN_BYTES);
                line.push_str("\"payloadBase64\":\"");
                base64::append(line, bytes);
                line.push('"');
            }
        }
    }
}

/// Appends a JSON string.
fn append_quoted(line: &mut String, text: &str) {
    let mut bytes = std::mem::take(line).into_bytes();
    serde_json::to_writer(&mut bytes, text)
        .unwrap_or_else(|error| unreachable!("a string is always JSON: {error}"));
    *line = String::from_utf8(bytes)
        .unwrap_or_else(|error| unreachable!("JSON is always UTF-8: {error}"));
}

/// Room for a member's name, and what ends the envelope.
const MEMBER_MARGIN_BYTES: usize = 32;

/// An envelope that was read.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) claims: Claims,
    /// The payload, where it is JSON.
    pub(super) payload: Option<&'a str>,
    /// The JWE as JSON, where the payload is encrypted.
    pub(super) encrypted_payload: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// Reads an envelope, with all members that it must have and no others.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, Denial> {
        let wire: Wire<'a> = json::read(text).map_err(Denial::malformed)?;
        let moment = |text: &str| {
            OffsetDateTime::parse(text, &Rfc3339)
                .map_err(|_| Denial::malformed("issuedAt or expiresAt is not an RFC 3339 time"))
        };
        let scopes = wire.auth.scopes;
        let mut distinct = scopes.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < scopes.len() || scopes.iter().any(String::is_empty) {
            return Err(Denial::malformed(
                "scopes are not distinct non-empty strings",
            ));
        }
        if wire.message_id.is_empty() {
            return Err(Denial::malformed("messageId is empty"));
        }
        let is_string = |value: &&RawValue| value.get().starts_with('"');
        let payloads = [
            wire.payload.is_some(),
            wire.payload_text.is_some(),
            wire.payload_base64.is_some(),
            wire.encrypted_payload.is_some(),
        ];
        let is_one = payloads.into_iter().filter(|given| *given).count() == 1;
        if !is_one || !wire.payload_text.as_ref().is_none_or(is_string) {
            return Err(Denial::malformed(
                "the envelope has no payload, or more than one",
            ));
        }
        if let Some(text) = wire.payload_base64 {
            base64::decode(text)
                .ok_or_else(|| Denial::malformed("payloadBase64 is not canonical base64"))?;
        }
        let claims = Claims {
            trace_id: wire.trace_id.unwrap_or_default(),
            message_id: wire.message_id,
            idempotency_key: wire.idempotency_key.unwrap_or_default(),
            issued_at: moment(&wire.issued_at)?,
            expires_at: moment(&wire.expires_at)?,
            subject: wire.caller.subject,
            tenant_id: wire.caller.tenant_id,
            service_id: wire.caller.service_id,
            issuer: wire.auth.issuer,
            audience: wire.auth.audience,
            scopes,
            capability: wire.capability,
        };
        if claims.expires_at <= claims.issued_at {
            return Err(Denial::malformed("expiresAt is not after issuedAt"));
        }
        Ok(Envelope {
            claims,
            payload: wire.payload.map(RawValue::get),
            encrypted_payload: wire.encrypted_payload.map(RawValue::get),
        })
    }
}

/// The payload member of an envelope that is written.
pub(super) enum PayloadMember<'a> {
    Plain(Payload<'a>),
    /// A JWE as JSON.
    Encrypted(String),
}

/// Writes an envelope.
pub(super) fn write(claims: &Claims, content: PayloadMember<'_>) -> Result<String, MessageError> {
    let head = Head {
        trace_id: &claims.trace_id,
        message_id: &claims.message_id,
        idempotency_key: &claims.idempotency_key,
        issued_at: &moment(claims.issued_at)?,
        expires_at: &moment(claims.expires_at)?,
        caller: Caller {
            subject: claims.subject.clone(),
            tenant_id: claims.tenant_id.clone(),
            service_id: claims.service_id.clone(),
        },
        auth: Auth {
            issuer: claims.issuer.clone(),
            audience: claims.audience.clone(),
            scopes: claims.scopes.clone(),
        },
        capability: claims.capability,
    };
    let mut text = serde_json::to_string(&head).map_err(|_| MessageError::Signing)?;
    text.truncate(text.len() - 1);
    text.push(',');
    match content {
        PayloadMember::Plain(Payload::Json(json)) => {
            text.reserve(json.len() + MEMBER_MARGIN_BYTES);
            text.extend(["\"payload\":", json.trim()]);
        }
        PayloadMember::Plain(payload) => payload.append_member(&mut text),
        PayloadMember::Encrypted(jwe) => {
            text.reserve(jwe.len() + MEMBER_MARGIN_BYTES);
            text.extend(["\"encryptedPayload\":", &jwe]);
        }
    }
    text.push('}');
    Ok(text)
}

fn moment(moment: OffsetDateTime) -> Result<String, MessageError> {
    moment.format(&Rfc3339).map_err(|_| MessageError::Claim {
        what: "the message's times have no RFC 3339 form".into(),
    })
}

/// An envelope's members in their order, but for the payload.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    trace_id: &'a str,
    message_id: &'a str,
    idempotency_key: &'a str,
    issued_at: &'a str,
    expires_at: &'a str,
    caller: Caller,
    auth: Auth,
    capability: Capability,
}

/// An envelope as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(default, deserialize_with = "present")]
    trace_id: Option<String>,
    message_id: String,
    #[serde(default, deserialize_with = "present")]
    idempotency_key: Option<String>,
    issued_at: String,
    expires_at: String,
    caller: Caller,
    auth: Auth,
    capability: Capability,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload_text: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload_base64: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present")]
    encrypted_payload: Option<&'a RawValue>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Caller {
    subject: String,
    tenant_id: String,
    service_id: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    issuer: String,
    audience: String,
    scopes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_json_text_or_bytes_by_its_content() {
        let json = Payload::of(b" {\"a\" : 1.0}\n");
        assert_eq!(json.member(), "\"payload\":{\"a\":1.0}");
        assert_eq!(
            Payload::of(b"{\"a\":1,\"a\":2}").member(),
            r#""payloadText":"{\"a\":1,\"a\":2}""#
        );
        assert_eq!(Payload::of(b"").member(), r#""payloadText":"""#);
        assert_eq!(Payload::of(&[0xff]).member(), r#""payloadBase64":"/w==""#);
    }
}
