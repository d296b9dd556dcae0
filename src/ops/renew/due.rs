//! When a certificate is due for renewal.

use time::{Duration, OffsetDateTime};

use crate::pki::fingerprint::Fingerprint;
use crate::pki::validity::{Lifetime, Validity};
use crate::store::Entry;

/// When certificates are due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// When so much of its lifetime is gone, from 0 to 1.
    pub at_fraction: Option<f64>,
    /// So long before its end, where it is valid for longer than that.
    pub before: Option<Lifetime>,
    /// Up to this part of what is then left, certificates are put off, each by its own, so that those that
    /// were issued together are not renewed together; from 0 to 1.
    pub spread: f64,
}

impl Timing {
    /// The moment from which a certificate is due: when two thirds of its lifetime are gone where nothing is said,
    /// the earlier of the two where both are.
    ///
    /// The lifetime counts from the moment of issue. What it is put off by is a part of its fingerprint, so it is the
    /// same whenever it is asked.
    pub fn due_at(&self, entry: &Entry) -> OffsetDateTime {
        let end = entry.validity.not_after();
        let start = start(entry.validity, entry.issued_at);
        let lifetime = end - start;
        let at_fraction = |fraction: f64| start + lifetime * fraction;
        let before = self
            .before
            .map(Lifetime::duration)
            .filter(|before| *before < lifetime)
            .map(|before| end - before);
        let nominal = match (self.at_fraction, before) {
            (Some(fraction), Some(before)) => at_fraction(fraction).min(before),
            (Some(fraction), None) => at_fraction(fraction),
            (None, Some(before)) => before,
            (None, None) => at_fraction(TWO_THIRDS),
        };
        let put_off = (end - nominal) * (self.spread * part(&entry.fingerprint));
        let due_at = nominal + Duration::seconds(put_off.whole_seconds().max(0));
        due_at.replace_nanosecond(0).unwrap_or(due_at)
    }
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            at_fraction: None,
            before: None,
            spread: SPREAD,
        }
    }
}

/// How far certificates are put off where nothing is said: of 90 days with two thirds gone, up to 22 hours.
pub const SPREAD: f64 = 0.03;
const TWO_THIRDS: f64 = 2.0 / 3.0;

/// The moment of issue, or where that cannot be the first moment of validity.
fn start(validity: Validity, issued_at: OffsetDateTime) -> OffsetDateTime {
    if (validity.not_before()..validity.not_after()).contains(&issued_at) {
        issued_at
    } else {
        validity.not_before()
    }
}

/// A number from 0 to 1 that is a certificate's own.
fn part(fingerprint: &Fingerprint) -> f64 {
    let first = fingerprint.as_bytes().iter().take(4);
    let number = first.fold(0_u32, |number, octet| number << 8 | u32::from(*octet));
    f64::from(number) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::store::test_entry;

    const ISSUED: OffsetDateTime = datetime!(2026-11-20 8:05 UTC);
    const SHARP: Timing = Timing {
        at_fraction: None,
        before: None,
        spread: 0.0,
    };

    #[test]
    fn a_certificate_is_due_when_two_thirds_of_its_lifetime_are_gone() {
        assert_eq!(SHARP.due_at(&lasting(90)), ISSUED + Duration::days(60));
        let sooner = Timing {
            at_fraction: Some(0.5),
            ..SHARP
        };
        assert_eq!(sooner.due_at(&lasting(90)), ISSUED + Duration::days(45));
    }

    #[test]
    fn it_is_due_so_long_before_its_end_unless_it_is_never_valid_that_long() {
        let week = Timing {
            before: "7d".parse().ok(),
            ..SHARP
        };
        assert_eq!(week.due_at(&lasting(90)), ISSUED + Duration::days(83));
        assert_eq!(week.due_at(&lasting(6)), ISSUED + Duration::days(4));
        let both = Timing {
            at_fraction: Some(0.5),
            ..week
        };
        assert_eq!(both.due_at(&lasting(90)), ISSUED + Duration::days(45));
    }

    #[test]
    fn those_issued_together_are_spread_over_a_little_of_what_is_left() {
        let due = (0..=255_u8).map(|n| {
            let fingerprint = Fingerprint::sha256(&[n]);
            Timing::default().due_at(&Entry {
                fingerprint,
                ..lasting(90)
            })
        });
        let due: Vec<_> = due.collect();
        let (first, last) = (due.iter().min().unwrap(), due.iter().max().unwrap());
        assert!(*first >= ISSUED + Duration::days(60));
        assert!(*last <= ISSUED + Duration::days(61));
        assert!(*last - *first > Duration::hours(20));
    }

    fn lasting(days: i64) -> Entry {
        let not_before = ISSUED - Duration::minutes(5);
        Entry {
            issued_at: ISSUED,
            validity: Validity::between(not_before, ISSUED + Duration::days(days)).unwrap(),
            ..test_entry(1)
        }
    }
}
