//! The times certificates and revocation lists say.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use super::element::{Element, GENERALIZED_TIME, UTC_TIME};
use super::escape::Escaped;

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

/// Reads a UTCTime or a GeneralizedTime. `field` names it in errors.
///
/// Offsets, fractions and missing seconds are read as ASN.1 means them and noted as a fault. A
/// UTCTime's year lies from 1950 to 2049.
///
/// # Errors
/// If it is neither, names no moment that exists, or has no zone.
pub(crate) fn moment(element: Element<'_>, field: &'static str) -> Result<Moment, MomentError> {
    let wrong = || MomentError {
        field,
        text: element
            .content
            .iter()
            .take(MAX_OCTETS_SHOWN)
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

/// The one fault that most programs overlook.
pub(crate) const EARLY_GENERALIZED_TIME: &str = "it is a GeneralizedTime before 2050";

/// The one that BoringSSL overlooks.
pub(crate) const OFFSET_TIME: &str = "it has an offset instead of Z";

const MAX_OCTETS_SHOWN: usize = 40;

fn read(octets: &[u8], year_digits: usize) -> Option<Moment> {
    let digits = octets.iter().take_while(|b| b.is_ascii_digit()).count();
    let (date_and_time, rest) = octets.split_at(digits);
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
fn fraction(octets: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.' | b',', after_point)) = octets.split_first() else {
        return Some((0, octets));
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
            proptest::prop_assert_eq!(moment(element, "time").unwrap(), Moment { time, fault: None });
        }
    }

    fn read_text(tag: u8, text: &str) -> Result<Moment, MomentError> {
        let element = Element {
            tag,
            content: text.as_bytes(),
            whole: &[],
        };
        moment(element, "notAfter")
    }
}
