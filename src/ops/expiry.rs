//! Validity as of some moment, and durations in words.

use std::fmt;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::serial::SerialNumber;
use crate::pki::validity::{Validity, rfc3339};
use crate::store::Entry;

/// A validity period as of some moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Expiry {
    /// The first moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// The last moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// Seconds until then; negative when it has passed.
    pub expires_in_seconds: i64,
}

impl Expiry {
    /// A validity period as of `now`.
    pub fn of(validity: Validity, now: OffsetDateTime) -> Self {
        Expiry::between(validity.not_before(), validity.not_after(), now)
    }

    /// A certificate's validity as of `now`, whatever the order of its ends.
    pub(super) fn between(
        not_before: OffsetDateTime,
        not_after: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Self {
        Expiry {
            not_before,
            not_after,
            expires_in_seconds: not_after.unix_timestamp() - now.unix_timestamp(),
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = Duration::seconds(self.expires_in_seconds);
        write!(
            f,
            "{} ({} {})",
            rfc3339(self.not_after),
            Span(left.abs()),
            if left.is_negative() { "ago" } else { "left" }
        )
    }
}

/// A duration in seconds, short: `89d`, `3d 4h`, `5h 12m`, `40s`.
pub struct Left(pub i64);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (large, small) = match self.0 {
            i64::MIN..60 => return write!(f, "{}s", self.0),
            60..3600 => return write!(f, "{}m", self.0 / 60),
            3600..DAY => ((self.0 / 3600, 'h'), (self.0 % 3600 / 60, 'm')),
            DAY.. => ((self.0 / DAY, 'd'), (self.0 % DAY / 3600, 'h')),
        };
        write!(f, "{}{}", large.0, large.1)?;
        if small.0 > 0 && (large.1 == 'h' || large.0 < FEW_DAYS) {
            write!(f, " {}{}", small.0, small.1)?;
        }
        Ok(())
    }
}

const DAY: i64 = 86400;
/// Fewer days than this are shown with hours.
const FEW_DAYS: i64 = 10;

/// A duration in its two largest units, such as `3 days 4 hours` or `89 days`.
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.whole_seconds();
        let (large, small) = match seconds {
            0..60 => (Some((seconds, "second")), None),
            60..3600 => (
                Some((seconds / 60, "minute")),
                Some((seconds % 60, "second")),
            ),
            3600..86400 => (
                Some((seconds / 3600, "hour")),
                Some((seconds % 3600 / 60, "minute")),
            ),
            86400..1_209_600 => (
                Some((seconds / 86400, "day")),
                Some((seconds % 86400 / 3600, "hour")),
            ),
            _ => (Some((seconds / 86400, "day")), None),
        };
        for (i, (count, unit)) in large
            .into_iter()
            .chain(small.filter(|(count, _)| *count > 0))
            .enumerate()
        {
            write!(
                f,
                "{}{count} {unit}{}",
                if i > 0 { " " } else { "" },
                if count == 1 { "" } else { "s" }
            )?;
        }
        Ok(())
    }
}

/// A certificate's identity and validity; reports flatten it.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateFacts {
    /// The subject.
    pub subject: DistinguishedName,
    /// The issuer.
    pub issuer: DistinguishedName,
    /// The serial number.
    pub serial: SerialNumber,
    /// The names, each with its type, such as `dns:localhost`.
    pub subject_alt_names: Vec<String>,
    /// The validity as of some moment.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// SHA-256 over the certificate.
    pub fingerprint_sha256: Fingerprint,
}

impl CertificateFacts {
    /// The facts of a certificate as of `now`.
    pub fn of(certificate: &Certificate, now: OffsetDateTime) -> Self {
        let names = certificate.subject_alt_names().ok().flatten();
        let names = names.unwrap_or_default();
        CertificateFacts {
            subject: certificate.subject().clone(),
            issuer: certificate.issuer().clone(),
            serial: certificate.serial().clone(),
            subject_alt_names: names.iter().map(ToString::to_string).collect(),
            expiry: Expiry::between(certificate.not_before(), certificate.not_after(), now),
            fingerprint_sha256: Fingerprint::sha256(certificate.as_der()),
        }
    }

    /// The facts of a recorded certificate as of `now`.
    pub fn of_entry(entry: &Entry, now: OffsetDateTime) -> Self {
        CertificateFacts {
            subject: entry.subject.clone(),
            issuer: entry.issuer.clone(),
            serial: entry.serial.clone(),
            subject_alt_names: entry.names.iter().map(ToString::to_string).collect(),
            expiry: Expiry::of(entry.validity, now),
            fingerprint_sha256: entry.fingerprint.clone(),
        }
    }

    /// The first name without its type, the common name, or the subject; the serial number when all are empty.
    pub fn name(&self) -> String {
        let first = self.subject_alt_names.first();
        let name = first.map(|name| name.split_once(':').map_or(&**name, |(_, name)| name));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            return Escaped(name).to_string();
        }
        self.common_name()
            .unwrap_or_else(|| match self.subject.is_empty() {
                true => format!("serial {}", self.serial),
                false => self.subject.to_string(),
            })
    }

    /// The first common name that is not empty.
    pub fn common_name(&self) -> Option<String> {
        let names = self.subject.values(AttributeType::CommonName);
        let name = names.into_iter().find(|name| !name.is_empty())?;
        Some(Escaped(&name).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_short() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (3599, "59m"),
            (3600, "1h"),
            (3660, "1h 1m"),
            (90000, "1d 1h"),
            (10 * DAY + 3600, "10d"),
        ] {
            assert_eq!(Left(seconds).to_string(), text);
        }
    }

    #[test]
    fn a_span_has_its_two_largest_units() {
        for (seconds, text) in [
            (1, "1 second"),
            (90, "1 minute 30 seconds"),
            (86400, "1 day"),
            (90000, "1 day 1 hour"),
            (31_536_000, "365 days"),
        ] {
            assert_eq!(Span(Duration::seconds(seconds)).to_string(), text);
        }
    }
}
