//! Values that are computed once for all who ask within a moment.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::server::failure::Failure;

/// The latest of a value. However many ask, it is computed once in a while at most, and computing it takes a twentieth
/// of the time at most. Nobody waits for a value that takes long if there is one that is not too old.
pub(super) struct Latest<T> {
    latest: RwLock<Option<Computed<T>>>,
    /// Held by the one who computes it.
    turn: Mutex<()>,
    /// How long a value is used at least.
    least: Duration,
}

struct Computed<T> {
    value: Arc<T>,
    at: Instant,
    took: Duration,
}

/// What there is of a value.
pub(super) enum Age<T> {
    /// It is current.
    Current(Arc<T>),
    /// It can be shown, and is to be computed again meanwhile.
    Old(Arc<T>),
    /// There is none to be shown.
    Missing,
}

impl<T> Latest<T> {
    /// None yet; one that is computed is used for as long at least.
    pub(super) fn for_at_least(least: Duration) -> Self {
        Latest {
            latest: RwLock::new(None),
            turn: Mutex::new(()),
            least,
        }
    }

    /// The last value, however old it is.
    pub(super) fn last(&self) -> Option<Arc<T>> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().map(|latest| Arc::clone(&latest.value))
    }

    /// What there is.
    pub(super) fn look(&self) -> Age<T> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        let Some(latest) = &*latest else {
            return Age::Missing;
        };
        let (age, current) = (latest.at.elapsed(), self.least.max(latest.took * SHARE));
        let value = || Arc::clone(&latest.value);
        match age {
            age if age < current => Age::Current(value()),
            age if latest.took > QUICK && age < current + OLD => Age::Old(value()),
            _ => Age::Missing,
        }
    }

    /// The value that `compute` gives, or another one does meanwhile.
    ///
    /// # Errors
    /// As `compute`.
    pub(super) async fn renew(
        &self,
        compute: impl AsyncFnOnce() -> Result<T, Failure>,
    ) -> Result<Arc<T>, Failure> {
        let _turn = self.turn.lock().await;
        if let Age::Current(value) = self.look() {
            return Ok(value);
        }
        let began = Instant::now();
        let value = Arc::new(compute().await?);
        let computed = Computed {
            value: Arc::clone(&value),
            at: Instant::now(),
            took: began.elapsed(),
        };
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(computed);
        Ok(value)
    }

    /// Whether somebody computes it now.
    pub(super) fn is_being_renewed(&self) -> bool {
        self.turn.try_lock().is_err()
    }
}

/// How many times as long as it takes to compute a value is it used.
const SHARE: u32 = 20;
/// What takes no longer is waited for.
const QUICK: Duration = Duration::from_millis(20);
/// How long a value is shown beyond that.
const OLD: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_computed_once_for_all_who_ask_within_a_moment() {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        let latest = Latest::for_at_least(Duration::from_secs(3600));
        assert!(matches!(latest.look(), Age::Missing));
        let failed = runtime.block_on(latest.renew(async || Err(Failure::Unavailable)));
        assert!(failed.is_err() && latest.last().is_none());
        for value in [1, 2] {
            let got = runtime.block_on(latest.renew(async || Ok(value)));
            assert_eq!(*got.unwrap(), 1);
        }
        assert!(matches!(latest.look(), Age::Current(one) if *one == 1));
        assert!(!latest.is_being_renewed());
    }
}
