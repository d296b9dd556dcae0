//! Signed certificate timestamps ([RFC 6962 §3](https://www.rfc-editor.org/rfc/rfc6962#section-3)).

use std::fmt;

use base64ct::{Base64, Encoding as _};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::element::{Element, ElementError, OCTET_STRING};
use super::validity::rfc3339;

/// That a log of Certificate Transparency has seen a certificate. The signature is not checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedCertificateTimestamp {
    /// The version: 1 is written as 0.
    pub version: u8,
    /// The log's identifier, in base64 as log lists have it; `None` for another version than 1.
    pub log_id: Option<String>,
    /// When the log saw it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub timestamp: Option<OffsetDateTime>,
}

impl fmt::Display for SignedCertificateTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.log_id, self.timestamp) {
            (Some(log), Some(time)) => write!(f, "{} by log {log}", rfc3339(time)),
            (None, _) | (_, None) => write!(f, "of version {}", self.version),
        }
    }
}

/// Reads the value of the extension: an OCTET STRING around a list in TLS encoding.
pub(crate) fn read_all(value: &[u8]) -> Result<Vec<SignedCertificateTimestamp>, ElementError> {
    let list = Element::only(value, OCTET_STRING, WHAT)?.content;
    let (mut rest, after) = vector(list)?;
    if !after.is_empty() {
        return Err(ElementError::Trailing {
            what: WHAT,
            octets: after.len(),
        });
    }
    let mut timestamps = Vec::new();
    while !rest.is_empty() {
        let (timestamp, after) = vector(rest)?;
        timestamps.push(read(timestamp)?);
        rest = after;
    }
    Ok(timestamps)
}

fn read(octets: &[u8]) -> Result<SignedCertificateTimestamp, ElementError> {
    let (&version, rest) = octets.split_first().ok_or(TRUNCATED)?;
    if version != VERSION_1 {
        return Ok(SignedCertificateTimestamp {
            version,
            log_id: None,
            timestamp: None,
        });
    }
    let (log_id, rest) = rest.split_first_chunk::<LOG_ID_OCTETS>().ok_or(TRUNCATED)?;
    let (milliseconds, _) = rest.split_first_chunk::<8>().ok_or(TRUNCATED)?;
    let milliseconds = i64::try_from(u64::from_be_bytes(*milliseconds)).ok();
    let timestamp = milliseconds
        .and_then(|n| OffsetDateTime::UNIX_EPOCH.checked_add(Duration::milliseconds(n)))
        .ok_or(ElementError::Content { what: WHAT })?;
    Ok(SignedCertificateTimestamp {
        version,
        log_id: Some(Base64::encode_string(log_id)),
        timestamp: Some(timestamp),
    })
}

/// The content of a TLS vector with a length of two octets, and what follows it.
fn vector(octets: &[u8]) -> Result<(&[u8], &[u8]), ElementError> {
    let (length, rest) = octets.split_first_chunk::<2>().ok_or(TRUNCATED)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(TRUNCATED)
}

const WHAT: &str = "the list of timestamps";
const TRUNCATED: ElementError = ElementError::Truncated { what: WHAT };
const VERSION_1: u8 = 0;
const LOG_ID_OCTETS: usize = 32;
