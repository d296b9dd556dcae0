//! Values that are computed once for all who ask within a moment.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::server::failure::Failure;

/// The latest of a value. However many ask, it is computed once in a second at most, and computing it takes a
/// twentieth of the time at most. Nobody waits for a value that takes long if there is one that is not too old.
pub(super) struct Latest<T> {
    latest: RwLock<Option<Computed<T>>>,
    /// Held by the one who computes it.
    turn: Mutex<()>,
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

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest {
            latest: RwLock::new(None),
            turn: Mutex::new(()),
        }
    }
}

impl<T> Latest<T> {
    /// What there is.
    pub(super) fn look(&self) -> Age<T> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        let Some(latest) = &*latest else {
            return Age::Missing;
        };
        let (age, current) = (latest.at.elapsed(), FRESH.max(latest.took * SHARE));
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

const FRESH: Duration = Duration::from_secs(1);
/// How many times as long as it takes to compute a value is it used.
const SHARE: u32 = 20;
/// What takes no longer is waited for.
const QUICK: Duration = Duration::from_millis(20);
/// How long a value is shown beyond that.
const OLD: Duration = Duration::from_secs(300);
