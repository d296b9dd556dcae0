//! Periods of validity and lifetimes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset};

use super::element::{Element, GENERALIZED_TIME, UTC_TIME};
use super::escape::Escaped;

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

/// A moment as it was read, and whether it was written as
/// [RFC 5280 §4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The moment, in UTC.
    pub(crate) time: OffsetDateTime,
    /// What is wrong with the encoding of it is, as a clause.
    pub(crate) fault: Option<&'static str>,
}

/// A time that is no moment at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is not a valid time: '{}'", Escaped(text))]
pub struct MomentError {
    field: &'static str,
    text: String,
}

impl Moment {
    /// Reads a UTCTime or a GeneralizedTime. `field` names it in errors.
    ///
    /// Offsets, fractions and missing seconds are read as ASN.1 means them and noted as a fault. A
    /// UTCTime's year lies from 1950 to 2049.
    ///
    /// # Errors
    /// If it is neither, names no moment that exists, or has no zone.
    pub(crate) fn read(element: Element<'_>, field: &'static str) -> Result<Self, MomentError> {
        let wrong = || MomentError {
            field,
            text: element
                .content
                .iter()
                .take(MAX_BYTES_SHOWN)
                .copied()
                .map(char::from)
                .collect(),
        };
        let year_digits = match element.tag {
            UTC_TIME => 2,
            GENERALIZED_TIME => 4,
            _ => return Err(wrong()),
        };
        read(element.content, year_digits).ok_or_else(wrong)
    }
}

/// The one fault that most programs overlook.
pub(crate) const EARLY_GENERALIZED_TIME: &str = "it is a GeneralizedTime before 2050";

/// The one that BoringSSL overlooks.
pub(crate) const OFFSET_TIME: &str = "it has an offset instead of Z";

const MAX_BYTES_SHOWN: usize = 40;

fn read(bytes: &[u8], year_digits: usize) -> Option<Moment> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let (date_and_time, rest) = bytes.split_at(digits);
    let (year, after_year) = date_and_time.split_at_checked(year_digits)?;
    let year = match (number(year), year_digits) {
        (year @ 0..=49, 2) => 2000 + year,
        (year, 2) => 1900 + year,
        (year, _) => year,
    };
    let pairs: Vec<u8> = after_year
        .chunks(2)
        .map(|pair| number(pair) as u8)
        .collect();
    let (month, day, hour, minute, second) = match (pairs.as_slice(), after_year.len()) {
        (&[month, day, hour, minute], 8) => (month, day, hour, minute, None),
        (&[month, day, hour, minute, second], 10) => (month, day, hour, minute, Some(second)),
        _ => return None,
    };
    let (nanosecond, zone) = fraction(rest)?;
    let offset = offset(zone)?;
    let date = Date::from_calendar_date(i32::from(year), Month::try_from(month).ok()?, day).ok()?;
    let clock = Time::from_hms_nano(hour, minute, second.unwrap_or(0), nanosecond).ok()?;
    let time = date
        .with_time(clock)
        .assume_offset(offset)
        .checked_to_offset(UtcOffset::UTC)?;
    let fault = if zone != b"Z" {
        Some(OFFSET_TIME)
    } else if rest != zone {
        Some("it has a fraction of a second")
    } else if second.is_none() {
        Some("it has no seconds")
    } else if year_digits == 4 && (1950..2050).contains(&year) {
        Some(EARLY_GENERALIZED_TIME)
    } else {
        None
    };
    Some(Moment { time, fault })
}

/// The fraction's nanoseconds and what follows it.
fn fraction(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.' | b',', after_point)) = bytes.split_first() else {
        return Some((0, bytes));
    };
    let digits = after_point
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    if digits == 0 {
        return None;
    }
    let (fraction, rest) = after_point.split_at(digits);
    let nine = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanosecond = nine.fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
    Some((nanosecond, rest))
}

fn offset(zone: &[u8]) -> Option<UtcOffset> {
    match zone {
        b"Z" => Some(UtcOffset::UTC),
        [sign @ (b'+' | b'-'), digits @ ..]
            if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit) =>
        {
            let (hours, minutes) = (number(&digits[..2]) as i8, number(&digits[2..]) as i8);
            let sign = if *sign == b'-' { -1 } else { 1 };
            if minutes > 59 || hours > 14 {
                return None;
            }
            UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
        }
        _ => None,
    }
}

/// The number that at most four digits are.
fn number(digits: &[u8]) -> u16 {
    digits
        .iter()
        .fold(0, |n, digit| n * 10 + u16::from(digit - b'0'))
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

#[cfg(test)]
mod moment_tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_forms_of_rfc_5280_are_read_without_fault() {
        for (tag, text, time) in [
            (
                UTC_TIME,
                "491231235959Z",
                datetime!(2049-12-31 23:59:59 UTC),
            ),
            (UTC_TIME, "500101000000Z", datetime!(1950-01-01 0:00 UTC)),
            (
                GENERALIZED_TIME,
                "20500101000000Z",
                datetime!(2050-01-01 0:00 UTC),
            ),
            (
                GENERALIZED_TIME,
                "99991231235959Z",
                datetime!(9999-12-31 23:59:59 UTC),
            ),
        ] {
            assert_eq!(read_text(tag, text).unwrap(), Moment { time, fault: None });
        }
    }

    #[test]
    fn other_forms_of_asn_1_are_read_with_a_fault() {
        for (tag, text, time) in [
            (UTC_TIME, "2701010000Z", datetime!(2027-01-01 0:00 UTC)),
            (
                UTC_TIME,
                "270101000000+0200",
                datetime!(2026-12-31 22:00 UTC),
            ),
            (
                UTC_TIME,
                "270101000000-0130",
                datetime!(2027-01-01 1:30 UTC),
            ),
            (
                GENERALIZED_TIME,
                "20270101000000Z",
                datetime!(2027-01-01 0:00 UTC),
            ),
            (
                GENERALIZED_TIME,
                "20600101000000.5Z",
                datetime!(2060-01-01 0:00:00.5 UTC),
            ),
        ] {
            let moment = read_text(tag, text).unwrap();
            assert_eq!(moment.time, time);
            assert!(moment.fault.is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "Z",
            "271301000000Z",
            "270001000000Z",
            "270132000000Z",
            "270229000000Z",
            "270101240000Z",
            "270101006000Z",
            "270101000060Z",
            "270101000000",
            "270101000000z",
            "27010100000Z",
            "270101000000ZZ",
            "2701010000 0Z",
            "-70101000000Z",
            "270101000000+9900",
            "270101000000.Z",
            "2701010000000000000000Z",
        ] {
            assert!(read_text(UTC_TIME, text).is_err(), "{text}");
        }
        assert!(read_text(0x13, "270101000000Z").is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_we_write_reads_back(seconds in 0_i64..253_402_300_800) {
            let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let der = crate::pki::encoding::time_der(time);
            let (element, _) = Element::first(&der, "time").unwrap();
            proptest::prop_assert_eq!(Moment::read(element, "time").unwrap(), Moment { time, fault: None });
        }
    }

    fn read_text(tag: u8, text: &str) -> Result<Moment, MomentError> {
        let element = Element {
            tag,
            content: text.as_bytes(),
            whole: &[],
        };
        Moment::read(element, "notAfter")
    }
}
