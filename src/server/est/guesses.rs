//! Wrong passwords: after a few, whoever sends them waits before the next one is looked at.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

/// Wrong passwords by token and source.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<(String, IpAddr), Guess>>);

#[derive(Clone, Copy, Debug)]
struct Guess {
    count: u32,
    /// When the next one is looked at.
    until: OffsetDateTime,
}

impl Guesses {
    /// How many seconds a source has to wait for a token; `None` when it need not.
    pub(super) fn wait(
        &self,
        (id, address): &(String, IpAddr),
        now: OffsetDateTime,
    ) -> Option<u64> {
        let guesses = self.lock();
        let left = guesses.get(&(id.clone(), network(*address)))?.until - now;
        let seconds = u64::try_from(left.whole_milliseconds())
            .ok()?
            .div_ceil(1000);
        (seconds > 0).then_some(seconds)
    }

    /// Counts a wrong password.
    pub(super) fn note(&self, (id, address): (String, IpAddr), now: OffsetDateTime) {
        let mut guesses = self.lock();
        if guesses.len() >= MAX_SOURCES {
            guesses.retain(|_, guess| guess.until > now);
            if guesses.len() >= MAX_SOURCES {
                guesses.clear();
            }
        }
        let guess = guesses.entry((id, network(address))).or_insert(Guess {
            count: 0,
            until: now,
        });
        // Long ago is forgotten.
        if now - guess.until > FORGOTTEN_AFTER {
            guess.count = 0;
        }
        guess.count = guess.count.saturating_add(1);
        let doubled = guess
            .count
            .checked_sub(FREE)
            .map_or(0, |over| 1 << over.min(16));
        guess.until = now + Duration::seconds(doubled).min(LONGEST_WAIT);
    }

    /// Forgets the wrong passwords of a source that has the right one.
    pub(super) fn forget(&self, (id, address): &(String, IpAddr)) {
        let mut guesses = self.lock();
        if !guesses.is_empty() {
            guesses.remove(&(id.clone(), network(*address)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, IpAddr), Guess>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An IPv4 address, or the /64 network of an IPv6 address, which one host can have all of.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

/// How many wrong passwords cost no time; from here the wait doubles.
const FREE: u32 = 5;
const LONGEST_WAIT: Duration = Duration::seconds(60);
const FORGOTTEN_AFTER: Duration = Duration::minutes(10);
const MAX_SOURCES: usize = 10_000;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);

    #[test]
    fn each_wrong_password_after_a_few_doubles_the_wait_to_a_minute() {
        let guesses = Guesses::default();
        let mut waits = Vec::new();
        for _ in 0..13 {
            guesses.note(source("a", "10.0.0.1"), NOW);
            waits.push(guesses.wait(&source("a", "10.0.0.1"), NOW));
        }
        let none = [None; 4];
        let then = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Some);
        assert_eq!(waits, [&none[..], &then].concat());
        let later = NOW + Duration::seconds(60);
        assert_eq!(guesses.wait(&source("a", "10.0.0.1"), later), None);
    }

    #[test]
    fn another_source_and_another_token_do_not_wait() {
        let guesses = Guesses::default();
        for _ in 0..9 {
            guesses.note(source("a", "2001:db8::1"), NOW);
        }
        assert!(guesses.wait(&source("a", "2001:db8::2"), NOW).is_some());
        assert_eq!(guesses.wait(&source("a", "2001:db8:0:1::1"), NOW), None);
        assert_eq!(guesses.wait(&source("b", "2001:db8::1"), NOW), None);
        guesses.forget(&source("a", "2001:db8::1"));
        assert_eq!(guesses.wait(&source("a", "2001:db8::1"), NOW), None);
    }

    #[test]
    fn no_number_of_sources_takes_more_memory() {
        let guesses = Guesses::default();
        for n in 0..=2 * MAX_SOURCES {
            guesses.note(source(&n.to_string(), "10.0.0.1"), NOW);
        }
        assert!(guesses.lock().len() <= MAX_SOURCES);
    }

    fn source(id: &str, address: &str) -> (String, IpAddr) {
        (id.to_owned(), address.parse().unwrap())
    }
}
