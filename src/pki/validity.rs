//! Periods of validity and lifetimes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

/// The period from `notBefore` to `notAfter`, both included
/// ([RFC 5280 §4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).
///
/// UTC, whole seconds. What we issue has `not_before < not_after`; what is read may not. Says nothing about whether
/// the issuer is valid as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Validity {
    #[serde(with = "time::serde::rfc3339")]
    not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
}

impl Validity {
    /// The period from [`BACKDATE`] before `now` until `end`.
    ///
    /// # Errors
    /// When `end` is not after `now`, or lies beyond the year 9999.
    pub fn until(end: OffsetDateTime, now: OffsetDateTime) -> Result<Self, ValidityError> {
        if end <= now {
            return Err(ValidityError::Past { end });
        }
        if end > LAST_MOMENT {
            return Err(ValidityError::TooLate);
        }
        Ok(Validity {
            not_before: whole_seconds(now - BACKDATE),
            not_after: whole_seconds(end),
        })
    }

    /// The period from [`BACKDATE`] before `now` until `lifetime` after it.
    ///
    /// # Errors
    /// If the end lies beyond the year 9999.
    pub fn starting(now: OffsetDateTime, lifetime: Lifetime) -> Result<Self, ValidityError> {
        let end = now.checked_add(lifetime.0).ok_or(ValidityError::TooLate)?;
        Self::until(end, now)
    }

    /// The period between two moments, as a certificate states it; cut to whole seconds.
    ///
    /// # Errors
    /// If it ends before it begins.
    pub fn between(
        not_before: OffsetDateTime,
        not_after: OffsetDateTime,
    ) -> Result<Self, ValidityError> {
        if not_after < not_before {
            return Err(ValidityError::Order {
                not_before,
                not_after,
            });
        }
        Ok(Validity {
            not_before: whole_seconds(not_before),
            not_after: whole_seconds(not_after),
        })
    }

    /// The first moment of validity.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// This period cut to lie within `issuer`'s.
    ///
    /// # Errors
    /// If the two have no moment in common.
    pub fn within(self, issuer: Validity) -> Result<Self, ValidityError> {
        let cut = Validity {
            not_before: self.not_before.max(issuer.not_before),
            not_after: self.not_after.min(issuer.not_after),
        };
        if cut.not_before >= cut.not_after {
            Err(ValidityError::OutsideIssuer { issuer })
        } else {
            Ok(cut)
        }
    }
}

/// How long something is to be valid: a whole number and a unit, `s m h d w y` (a year is 365 days).
///
/// At least one second; `Display` gives the largest unit that fits without remainder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lifetime(Duration);

impl Lifetime {
    /// One second, the shortest.
    pub const SECOND: Lifetime = Lifetime(Duration::SECOND);

    /// `days` days; `None` for zero.
    pub const fn from_days(days: u32) -> Option<Self> {
        if days == 0 {
            None
        } else {
            Some(Lifetime(Duration::days(days as i64)))
        }
    }

    /// `seconds` seconds, and one for zero.
    pub const fn from_seconds(seconds: u32) -> Self {
        Lifetime(Duration::seconds(if seconds == 0 {
            1
        } else {
            seconds as i64
        }))
    }

    /// From one moment to a later one, in whole seconds; `None` if it is not later.
    pub fn between(start: OffsetDateTime, end: OffsetDateTime) -> Option<Self> {
        let seconds = end.unix_timestamp() - start.unix_timestamp();
        (seconds > 0).then_some(Lifetime(Duration::seconds(seconds)))
    }

    /// The length of time.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Lifetime {
    type Err = ValidityError;

    fn from_str(text: &str) -> Result<Self, ValidityError> {
        let wrong = || ValidityError::Lifetime {
            text: text.to_owned(),
        };
        let unit = text.chars().last().ok_or_else(wrong)?;
        let number = &text[..text.len() - unit.len_utf8()];
        let &(_, seconds) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        let count = whole_number(number).ok_or_else(wrong)?;
        if count == 0 {
            return Err(ValidityError::Zero);
        }
        let total = i64::try_from(count)
            .ok()
            .and_then(|n| n.checked_mul(seconds))
            .ok_or(ValidityError::TooLate)?;
        Ok(Lifetime(Duration::seconds(total)))
    }
}

impl TryFrom<String> for Lifetime {
    type Error = ValidityError;

    fn try_from(text: String) -> Result<Self, ValidityError> {
        text.parse()
    }
}

impl From<Lifetime> for String {
    fn from(lifetime: Lifetime) -> String {
        lifetime.to_string()
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.whole_seconds();
        let (unit, seconds) = UNITS
            .into_iter()
            .find(|(_, seconds)| total % seconds == 0)
            .unwrap_or(('s', 1));
        write!(f, "{}{unit}", total / seconds)
    }
}

/// A number of days as `--days` takes it: digits only, at least one, at most what a date can hold.
///
/// # Errors
/// If it is anything else.
pub fn days(text: &str) -> Result<Lifetime, ValidityError> {
    match whole_number(text) {
        Some(0) => Err(ValidityError::Zero),
        Some(n) => u32::try_from(n)
            .ok()
            .and_then(Lifetime::from_days)
            .ok_or(ValidityError::TooLate),
        None => Err(ValidityError::Days {
            text: text.to_owned(),
        }),
    }
}

/// A moment as RFC 3339 writes it, such as `2027-01-31T00:00:00Z`, in UTC.
///
/// # Errors
/// If it is not of that form, or no such moment exists.
pub fn moment(text: &str) -> Result<OffsetDateTime, ValidityError> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(|t| t.to_offset(time::UtcOffset::UTC))
        .map_err(|source| ValidityError::Moment {
            text: text.to_owned(),
            source,
        })
}

/// Why a date or a lifetime cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ValidityError {
    /// Not a number and a unit.
    #[error("not a lifetime: '{}' (a whole number and one of s, m, h, d, w, y)", text.escape_debug())]
    Lifetime {
        /// The text as given.
        text: String,
    },
    /// Not a number of days.
    #[error("not a number of days: '{}'", text.escape_debug())]
    Days {
        /// The text as given.
        text: String,
    },
    /// Not an RFC 3339 date and time.
    #[error("not a time: '{}' (RFC 3339, such as 2027-01-31T00:00:00Z)", text.escape_debug())]
    Moment {
        /// The text as given.
        text: String,
        /// The parser's error.
        source: time::error::Parse,
    },
    /// Nothing is valid for no time.
    #[error("a lifetime of zero")]
    Zero,
    /// Already over.
    #[error("{} has passed already", rfc3339(*end))]
    Past {
        /// The end that was asked for.
        end: OffsetDateTime,
    },
    /// X.509 cannot say a year past 9999.
    #[error("ends beyond the year 9999")]
    TooLate,
    /// It ends before it begins.
    #[error("ends at {}, before it begins at {}", rfc3339(*not_after), rfc3339(*not_before))]
    Order {
        /// Its first moment.
        not_before: OffsetDateTime,
        /// Its last moment.
        not_after: OffsetDateTime,
    },
    /// The issuer is valid at another time.
    #[error("the issuer is valid only from {} to {}", rfc3339(issuer.not_before), rfc3339(issuer.not_after))]
    OutsideIssuer {
        /// If the issuer is valid.
        issuer: Validity,
    },
}

/// A moment as RFC 3339, in UTC.
pub fn rfc3339(moment: OffsetDateTime) -> String {
    moment
        .to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .unwrap_or_else(|_| moment.unix_timestamp().to_string())
}

/// How far notBefore lies before the moment of issue, for clocks that are behind.
pub const BACKDATE: Duration = Duration::minutes(5);

/// The last moment a certificate can name (RFC 5280 §4.1.2.5).
const LAST_MOMENT: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

const UNITS: [(char, i64); 6] = [
    ('y', 365 * 86400),
    ('w', 7 * 86400),
    ('d', 86400),
    ('h', 3600),
    ('m', 60),
    ('s', 1),
];

fn whole_number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

fn whole_seconds(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00.5 UTC);

    #[test]
    fn lifetimes_are_a_number_and_a_unit() {
        for text in ["15m", "36h", "90d", "1y", "45s"] {
            assert_eq!(text.parse::<Lifetime>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "d",
            "0d",
            "-1d",
            "1dd",
            "1.5h",
            "１d",
            "99999999999999999999d",
            "9223372036854775807y",
        ] {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_starts_five_minutes_ago_and_has_whole_seconds() {
        let validity = Validity::starting(NOW, "24h".parse().unwrap()).unwrap();
        assert_eq!(validity.not_before(), datetime!(2026-11-20 08:00:00 UTC));
        assert_eq!(validity.not_after(), datetime!(2026-11-21 08:05:00 UTC));
    }

    #[test]
    fn what_is_past_or_beyond_the_year_9999_is_refused() {
        assert!(matches!(
            Validity::until(NOW - Duration::SECOND, NOW),
            Err(ValidityError::Past { .. })
        ));
        assert!(matches!(
            Validity::starting(NOW, "9000y".parse().unwrap()),
            Err(ValidityError::TooLate)
        ));
    }

    #[test]
    fn days_are_digits_only() {
        for text in [
            "0",
            "-1",
            "0x10",
            "5 ",
            "",
            "NaN",
            "2147483648000",
            "1_000",
            "1,000",
            "+5",
        ] {
            assert!(days(text).is_err(), "{text}");
        }
        assert_eq!(days("825").unwrap().to_string(), "825d");
    }
}
