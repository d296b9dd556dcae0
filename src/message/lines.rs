//! Streams of messages: one JSON object per line, in and out.

use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::json::{self, present};
use super::{Accepted, Denial, MessageError, Payload, SignedMessage, base64};

/// A line that asks for a message to be signed.
#[derive(Debug)]
pub struct OutgoingLine {
    kind: Kind,
    bytes: Zeroizing<Vec<u8>>,
    /// The trace id it asks for.
    pub trace_id: Option<String>,
    /// The idempotency key it asks for.
    pub idempotency_key: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Json,
    Text,
    Bytes,
}

impl OutgoingLine {
    /// Reads `{"payload":…}`, `{"payloadText":"…"}` or `{"payloadBase64":"…"}`, with `traceId` and `idempotencyKey` or
    /// without.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(line: &[u8]) -> Result<Self, MessageError> {
        let claim = |what: String| MessageError::Claim { what };
        let wire: Outgoing<'_> = json::read(line).map_err(|error| claim(error.to_string()))?;
        let (kind, bytes) = match (wire.payload, wire.payload_text, wire.payload_base64) {
            (Some(json), None, None) => (Kind::Json, json.get().as_bytes().to_vec()),
            (None, Some(text), None) => (Kind::Text, text.into_bytes()),
            (None, None, Some(text)) => {
                let bytes = base64::decode(&text);
                (
                    Kind::Bytes,
                    bytes.ok_or_else(|| claim("payloadBase64 is not canonical base64".into()))?,
                )
            }
            _ => {
                return Err(claim(
                    "expected one of payload, payloadText and payloadBase64".into(),
                ));
            }
        };
        Ok(OutgoingLine {
            kind,
            bytes: Zeroizing::new(bytes),
            trace_id: wire.trace_id,
            idempotency_key: wire.idempotency_key,
        })
    }

    /// Its payload, of the kind it was given as.
    pub fn payload(&self) -> Payload<'_> {
        match (self.kind, std::str::from_utf8(&self.bytes)) {
            (Kind::Json, Ok(text)) => Payload::Json(text),
            (Kind::Text, Ok(text)) => Payload::Text(text),
            (Kind::Bytes, _) | (_, Err(_)) => Payload::Bytes(&self.bytes),
        }
    }

    /// How many bytes its payload has.
    #[expect(clippy::len_without_is_empty, reason = "a line is not a collection")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of its payload.
    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }
}

/// The message of a line `{"message":…}`: a string, or under a shared key an object, too.
///
/// # Errors
/// When it is something else.
pub fn incoming(line: &[u8]) -> Result<Vec<u8>, Denial> {
    let wire: Incoming<'_> = json::read(line).map_err(Denial::malformed)?;
    let text = wire.message.get();
    if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(Denial::malformed)?;
        return Ok(text.into_bytes());
    }
    Ok(text.as_bytes().to_vec())
}

impl SignedMessage {
    /// The line that answers an [`OutgoingLine`].
    pub fn answer(&self) -> String {
        sent(Some(&self.message_id), &self.text)
    }
}

/// The line for a message that is sent; one under a shared key has no id.
pub fn sent(message_id: Option<&str>, message: &str) -> String {
    serde_json::json!({ "messageId": message_id, "message": message }).to_string()
}

impl Accepted {
    /// The line that says what was accepted: the claims, or for a message that was opened its payload.
    pub fn answer(&self) -> String {
        match &self.plaintext {
            Some(plaintext) => {
                let ids = serde_json::json!({
                    "messageId": self.claims.message_id,
                    "traceId": self.claims.trace_id,
                    "subject": self.claims.subject,
                });
                let ids = ids.to_string();
                let members = ids.trim_matches(['{', '}']);
                format!(
                    "{{{ALLOWED},{members},{}}}",
                    Payload::of(plaintext).member()
                )
            }
            None => format!("{{{ALLOWED},\"claims\":{}}}", self.claims_line()),
        }
    }

    /// The claims as one line of JSON, every value as it was signed.
    pub fn claims_line(&self) -> String {
        json::compact(std::str::from_utf8(&self.envelope).unwrap_or_default())
    }
}

/// The line for a message under a shared key that was opened.
pub fn opened(plaintext: &[u8]) -> String {
    format!("{{{ALLOWED},{}}}", Payload::of(plaintext).member())
}

impl Denial {
    /// The line that says why a message is denied.
    pub fn answer(&self) -> String {
        serde_json::json!({ "decision": "deny", "reason": self.reason.name() }).to_string()
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Outgoing<'a> {
    #[serde(borrow, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
    #[serde(deserialize_with = "present")]
    payload_text: Option<String>,
    #[serde(deserialize_with = "present")]
    payload_base64: Option<String>,
    #[serde(deserialize_with = "present")]
    trace_id: Option<String>,
    #[serde(deserialize_with = "present")]
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

const ALLOWED: &str = "\"decision\":\"allow\",\"reason\":\"authorized\"";
