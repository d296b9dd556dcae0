//! How often accounts and orders are created ([RFC 8555 §6.6](https://www.rfc-editor.org/rfc/rfc8555#section-6.6)).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use super::problem::Problem;

/// Counts per hour, in this process. Each is a bucket: it holds the limit, and is refilled within an hour.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    buckets: Mutex<HashMap<(Counted, String), Bucket>>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// Accounts that an address created.
    AccountsOfAddress,
    /// Orders of an account.
    OrdersOfAccount,
    /// Orders from an address.
    OrdersOfAddress,
}

#[derive(Debug)]
struct Bucket {
    used: f64,
    at: OffsetDateTime,
}

impl Limiter {
    /// Counts one more. A limit of 0 is none.
    ///
    /// # Errors
    /// When there were too many, with the seconds to wait.
    pub(super) fn count(
        &self,
        counted: Counted,
        whose: &str,
        per_hour: u32,
        now: OffsetDateTime,
    ) -> Result<(), Problem> {
        if per_hour == 0 {
            return Ok(());
        }
        let per_second = f64::from(per_hour) / HOUR;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS {
            buckets.retain(|_, bucket| (now - bucket.at).as_seconds_f64() < HOUR);
        }
        if buckets.len() >= MAX_BUCKETS {
            buckets.clear();
        }
        let bucket = buckets
            .entry((counted, whose.to_owned()))
            .or_insert(Bucket { used: 0.0, at: now });
        let refilled = (now - bucket.at).as_seconds_f64().max(0.0) * per_second;
        bucket.used = (bucket.used - refilled).max(0.0);
        bucket.at = now;
        let excess = bucket.used + 1.0 - f64::from(per_hour);
        if excess > TOLERANCE {
            let seconds = (excess / per_second).ceil().max(1.0);
            return Err(Problem::rate_limited(counted.name(), seconds as u32));
        }
        bucket.used += 1.0;
        Ok(())
    }
}

impl Counted {
    fn name(self) -> &'static str {
        match self {
            Counted::AccountsOfAddress => "new accounts from this address",
            Counted::OrdersOfAccount => "new orders of this account",
            Counted::OrdersOfAddress => "new orders from this address",
        }
    }
}

/// The addresses that count as one: of IPv6 a whole /64, which one host can have.
pub(super) fn source(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => address.segments()[..4]
                .iter()
                .map(|part| format!("{part:x}:"))
                .collect(),
        },
        Some(address) => address.to_string(),
        None => String::new(),
    }
}

const HOUR: f64 = 3600.0;
/// What rounding may add up to.
const TOLERANCE: f64 = 1e-6;
const MAX_BUCKETS: usize = 100_000;

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_limit_is_refilled_within_an_hour() {
        let limiter = Limiter::default();
        let start = datetime!(2026-11-20 08:00 UTC);
        let count = |whose: &str, after: i64| {
            let now = start + Duration::seconds(after);
            limiter.count(Counted::OrdersOfAddress, whose, 4, now)
        };
        for _ in 0..4 {
            assert!(count("a", 0).is_ok());
        }
        assert_eq!(count("a", 0).unwrap_err().retry_after, Some(900));
        assert_eq!(count("a", 300).unwrap_err().retry_after, Some(600));
        assert!(count("b", 300).is_ok());
        assert!(count("a", 900).is_ok());
        assert!(count("a", 900).is_err());
        let unlimited = |_| limiter.count(Counted::OrdersOfAccount, "a", 0, start);
        assert!((0..1000).map(unlimited).all(|counted| counted.is_ok()));
    }

    #[test]
    fn the_addresses_of_a_host_count_as_one() {
        let source = |text: &str| source(Some(text.parse().unwrap()));
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    }
}
