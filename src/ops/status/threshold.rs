//! How much remaining time is too little.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use time::Duration;

use crate::pki::validity::{Lifetime, ValidityError};

/// A threshold for the remaining time: a duration, or a fraction of the lifetime.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// Less than this remains.
    Time(Lifetime),
    /// Less than this fraction of the lifetime remains; above 0, below 1.
    Part(f64),
    /// Less than both remain, so that short-lived certificates are not always due.
    Both(Lifetime, f64),
}

impl Threshold {
    /// The time before expiry, for something with this lifetime.
    pub fn before_end(&self, lifetime: Duration) -> Duration {
        let part = |part: f64| lifetime.max(Duration::ZERO) * part;
        match *self {
            Threshold::Time(time) => time.duration(),
            Threshold::Part(share) => part(share),
            Threshold::Both(time, share) => time.duration().min(part(share)),
        }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    /// Reads `30d`, `33%`, `1/3` or `0.33`.
    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let part = if let Some(percent) = text.strip_suffix('%') {
            number(percent).map(|percent| percent / 100.0)
        } else if let Some((above, below)) = text.split_once('/') {
            number(above)
                .zip(number(below))
                .map(|(above, below)| above / below)
        } else if text.contains('.') {
            number(text)
        } else {
            return Ok(Threshold::Time(text.parse()?));
        };
        match part {
            Some(part) if part > 0.0 && part < 1.0 => Ok(Threshold::Part(part)),
            Some(_) | None => Err(ThresholdError::Part),
        }
    }
}

impl Serialize for Threshold {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (seconds, part_of_lifetime) = match *self {
            Threshold::Time(time) => (Some(time.duration().whole_seconds()), None),
            Threshold::Part(part) => (None, Some(part)),
            Threshold::Both(time, part) => (Some(time.duration().whole_seconds()), Some(part)),
        };
        Fields {
            seconds,
            part_of_lifetime,
        }
        .serialize(serializer)
    }
}

/// A threshold in JSON; all fields that are set must be undercut.
#[derive(Serialize)]
struct Fields {
    seconds: Option<i64>,
    part_of_lifetime: Option<f64>,
}

/// Why a text is not a threshold.
#[derive(Debug, thiserror::Error)]
pub enum ThresholdError {
    /// Not a duration.
    #[error(transparent)]
    Time(#[from] ValidityError),
    /// Not a fraction.
    #[error("a fraction of the lifetime is above 0% and below 100%, such as 33%, 1/3 or 0.33")]
    Part,
}

/// The two thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// Below it, something needs to be done.
    pub warning: Threshold,
    /// Below it, something needs to be done now.
    pub critical: Threshold,
}

impl Thresholds {
    /// The level of something with this lifetime and this remaining time; expired is critical.
    pub fn level(&self, left: Duration, lifetime: Duration) -> Level {
        if left.is_negative() || left < self.critical.before_end(lifetime) {
            Level::Critical
        } else if left < self.warning.before_end(lifetime) {
            Level::Warning
        } else {
            Level::Ok
        }
    }
}

/// How urgent something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// Something needs to be done.
    Warning,
    /// Something needs to be done now.
    Critical,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Critical => "critical",
        })
    }
}

/// Digits with at most one point.
fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = text.parse::<f64>().ok()?;
    (is_plain && number.is_finite()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_times_or_parts() {
        for (text, shown) in [
            ("12h", r#"{"seconds":43200,"part_of_lifetime":null}"#),
            ("50%", r#"{"seconds":null,"part_of_lifetime":0.5}"#),
            ("1/4", r#"{"seconds":null,"part_of_lifetime":0.25}"#),
            ("0.25", r#"{"seconds":null,"part_of_lifetime":0.25}"#),
        ] {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!(serde_json::to_string(&threshold).unwrap(), shown);
        }
        for text in [
            "", "30", "0%", "100%", "-5%", "1/0", "2/1", "inf%", "0.0", "%", "1e-3",
        ] {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_short_lived_is_judged_by_its_own_lifetime() {
        let both = |days, part| Threshold::Both(Lifetime::from_days(days).unwrap(), part);
        let thresholds = Thresholds {
            warning: both(30, 1.0 / 3.0),
            critical: both(7, 0.1),
        };
        let level =
            |left, lifetime| thresholds.level(Duration::hours(left), Duration::hours(lifetime));
        assert_eq!(level(20, 24), Level::Ok);
        assert_eq!(level(7, 24), Level::Warning);
        assert_eq!(level(2, 24), Level::Critical);
        assert_eq!(level(29 * 24, 365 * 24), Level::Warning);
        assert_eq!(level(-1, 24), Level::Critical);
    }
}
