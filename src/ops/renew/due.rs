//! When a certificate is due for renewal.

use time::{Duration, OffsetDateTime};

use crate::pki::fingerprint::Fingerprint;
use crate::pki::validity::{Lifetime, Validity};
use crate::store::Entry;

/// When certificates are due for renewal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// After this fraction of the lifetime, from 0 to 1.
    pub at_fraction: Option<f64>,
    /// This long before expiry.
    pub before: Option<Lifetime>,
    /// Whether `before` holds for certificates with a shorter lifetime too, which are then always due, and
    /// without delay.
    pub before_is_strict: bool,
    /// Certificates are delayed by up to this fraction of the remaining lifetime, each by its own share, so
    /// that those issued together are not renewed together; from 0 to 1.
    pub spread: f64,
}

impl Timing {
    /// Whether it says more than the defaults.
    pub fn is_requested(&self) -> bool {
        self.at_fraction.is_some() || self.before.is_some()
    }

    /// When a certificate becomes due: by default after two thirds of its lifetime; the earlier moment when
    /// both settings are given.
    ///
    /// The lifetime counts from the time of issue. The delay derives from the fingerprint, so it is always
    /// the same.
    pub fn due_at(&self, entry: &Entry) -> OffsetDateTime {
        let end = entry.validity.not_after();
        let start = start(entry.validity, entry.issued_at);
        let lifetime = end - start;
        let at_fraction = |fraction: f64| start + lifetime * fraction;
        let before = self
            .before
            .map(Lifetime::duration)
            .filter(|before| self.before_is_strict || *before < lifetime)
            .map(|before| end - before);
        if let (Some(before), true) = (before, self.before_is_strict) {
            let fraction = self.at_fraction.map(at_fraction);
            return fraction.map_or(before, |fraction| fraction.min(before));
        }
        let nominal = match (self.at_fraction, before) {
            (Some(fraction), Some(before)) => at_fraction(fraction).min(before),
            (Some(fraction), None) => at_fraction(fraction),
            (None, Some(before)) => before,
            (None, None) => at_fraction(TWO_THIRDS),
        };
        let delay = (end - nominal) * (self.spread * share(&entry.fingerprint));
        let due_at = nominal + Duration::seconds(delay.whole_seconds().max(0));
        due_at.replace_nanosecond(0).unwrap_or(due_at)
    }
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            at_fraction: None,
            before: None,
            before_is_strict: false,
            spread: SPREAD,
        }
    }
}

/// The default delay: up to 22 hours for 90 days with a third left.
pub const SPREAD: f64 = 0.03;
const TWO_THIRDS: f64 = 2.0 / 3.0;

/// The time of issue; notBefore when that is outside the validity.
fn start(validity: Validity, issued_at: OffsetDateTime) -> OffsetDateTime {
    if (validity.not_before()..validity.not_after()).contains(&issued_at) {
        issued_at
    } else {
        validity.not_before()
    }
}

/// A number from 0 to 1 that differs between certificates.
fn share(fingerprint: &Fingerprint) -> f64 {
    let first = fingerprint.as_bytes().iter().take(4);
    let number = first.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
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
        before_is_strict: false,
        spread: 0.0,
    };

    #[test]
    fn a_certificate_is_due_after_two_thirds_of_its_lifetime() {
        assert_eq!(SHARP.due_at(&lasting(90)), ISSUED + Duration::days(60));
        let sooner = Timing {
            at_fraction: Some(0.5),
            ..SHARP
        };
        assert_eq!(sooner.due_at(&lasting(90)), ISSUED + Duration::days(45));
    }

    #[test]
    fn before_expiry_counts_for_longer_lifetimes_and_for_all_when_it_is_strict() {
        let week = Timing {
            before: "7d".parse().ok(),
            ..SHARP
        };
        assert_eq!(week.due_at(&lasting(90)), ISSUED + Duration::days(83));
        assert_eq!(week.due_at(&lasting(6)), ISSUED + Duration::days(4));
        let strict = Timing {
            before_is_strict: true,
            spread: 1.0,
            ..week
        };
        assert_eq!(strict.due_at(&lasting(90)), ISSUED + Duration::days(83));
        assert_eq!(strict.due_at(&lasting(6)), ISSUED - Duration::days(1));
        let both = Timing {
            at_fraction: Some(0.5),
            ..week
        };
        assert_eq!(both.due_at(&lasting(90)), ISSUED + Duration::days(45));
    }

    #[test]
    fn certificates_issued_together_are_renewed_at_different_times() {
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
