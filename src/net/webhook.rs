//! Posting messages to a webhook.

use std::time::Duration;

use hyper::Method;
use ring::hmac;

use super::https::{Https, HttpsError, Limits, Trust};
use crate::pki::fingerprint::Hex;

/// A URL that messages are posted to.
pub struct Webhook<'a> {
    /// The URL, which may contain a secret.
    pub url: &'a str,
    /// What errors show of it.
    pub shown: &'a str,
    /// Whom the client trusts.
    pub trust: Trust,
    /// The key that signs what is posted.
    pub secret: Option<&'a [u8]>,
}

/// Why a message was not posted. Contains nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no answer.
    #[error("{shown}: {reason}")]
    Unreachable {
        /// The URL without its secret.
        shown: String,
        /// Why.
        reason: &'static str,
    },
    /// The answer is no success.
    #[error("{shown}: answered with status {status}")]
    Status {
        /// The URL without its secret.
        shown: String,
        /// The status code.
        status: u16,
    },
}

impl Webhook<'_> {
    /// Posts a message as JSON; tries again when the server cannot be reached or fails.
    ///
    /// # Errors
    /// When no attempt succeeded.
    pub fn post(&self, body: &[u8]) -> Result<(), WebhookError> {
        let limits = Limits {
            connect: CONNECT_PATIENCE,
            answer: PATIENCE,
            ..Limits::default()
        };
        let client = Https::new(&self.trust, limits).map_err(|error| self.unreachable(&error))?;
        let signature = self.secret.map(|secret| signature(secret, body));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(signature.as_deref().map(|value| (SIGNATURE, value)));
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let failure = match client.send(&Method::POST, self.url, &headers, body.to_vec()) {
                Ok(answer) if answer.is_success() => return Ok(()),
                Ok(answer) => WebhookError::Status {
                    shown: self.shown.to_owned(),
                    status: answer.status,
                },
                Err(error @ (HttpsError::Untrusted { .. } | HttpsError::Url { .. })) => {
                    return Err(self.unreachable(&error));
                }
                Err(error) => self.unreachable(&error),
            };
            // A client error stays one.
            let is_final = matches!(
                failure,
                WebhookError::Status { status: 300..=428 | 430..=499, .. }
            );
            if attempt == ATTEMPTS || is_final {
                return Err(failure);
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        Ok(())
    }

    fn unreachable(&self, error: &HttpsError) -> WebhookError {
        WebhookError::Unreachable {
            shown: self.shown.to_owned(),
            reason: match error {
                HttpsError::Setup { .. } => "its CA cannot be used",
                HttpsError::Url { .. } => "not a URL that can be posted to",
                HttpsError::Unreachable { .. } => "cannot connect",
                HttpsError::Untrusted { .. } => "its certificate is not trusted",
                HttpsError::Silent { .. } => "no answer in time",
                HttpsError::Broken { .. } => "the answer is incomplete",
            },
        }
    }
}

/// The signature of a body: HMAC with SHA-256, in hex.
fn signature(secret: &[u8], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    format!("sha256={}", Hex(tag.as_ref()))
}

/// The header of the signature: `sha256=HEX` over the body.
pub const SIGNATURE: &str = "x-openagents-certs-signature";
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const ATTEMPTS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_an_hmac_in_hex() {
        // RFC 4231 §4.3.
        let signed = signature(b"Jefe", b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signed, format!("sha256={expected}"));
    }
}
