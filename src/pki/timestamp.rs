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
    /// If the log saw it.
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

/// The content of a TLS vector with a length of two bytes, and what follows it.
fn vector(octets: &[u8]) -> Result<(&[u8], &[u8]), ElementError> {
    let (length, rest) = octets.split_first_chunk::<2>().ok_or(TRUNCATED)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(TRUNCATED)
}

const WHAT: &str = "the list of timestamps";
const TRUNCATED: ElementError = ElementError::Truncated { what: WHAT };
const VERSION_1: u8 = 0;
const LOG_ID_OCTETS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_names_its_log_and_its_moment() {
        let list = read_all(&list(&timestamp())).unwrap();
        let text = format!("2026-11-20T08:05:00Z by log {}=", "CQkJ".repeat(10) + "CQk");
        assert_eq!(list[0].to_string(), text);
    }

    #[test]
    fn a_list_that_is_cut_or_too_long_is_malformed() {
        let good = timestamp();
        for length in 0..good.len() - 5 {
            assert!(read_all(&list(&good[..length])).is_err(), "{length}");
        }
        let mut longer = list(&good);
        longer[1] += 1;
        longer.push(0);
        assert!(read_all(&longer).is_err());
    }

    fn timestamp() -> Vec<u8> {
        let moment = time::macros::datetime!(2026-11-20 08:05:00 UTC);
        let milliseconds = (moment.unix_timestamp() * 1000).to_be_bytes();
        [
            &[VERSION_1][..],
            &[9; LOG_ID_OCTETS],
            &milliseconds,
            &[0, 0, 4, 3, 0],
        ]
        .concat()
    }

    fn list(timestamp: &[u8]) -> Vec<u8> {
        let length = timestamp.len() as u8;
        [
            &[OCTET_STRING, length + 4, 0, length + 2, 0, length][..],
            timestamp,
        ]
        .concat()
    }
}
