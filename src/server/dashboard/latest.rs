//! Values that are computed once for all who ask within a moment.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::server::failure::Failure;

/// The latest of a value. However many ask, it is computed once in a second at most, and takes a twentieth of the time
/// at most; who asks meanwhile gets the latest one.
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

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest {
            latest: RwLock::new(None),
            turn: Mutex::new(()),
        }
    }
}

impl<T> Latest<T> {
    /// The latest value, or a new one.
    ///
    /// # Errors
    /// As `compute`.
    pub(super) async fn get(
        &self,
        compute: impl AsyncFnOnce() -> Result<T, Failure>,
    ) -> Result<Arc<T>, Failure> {
        if let Some(value) = self.current(false) {
            return Ok(value);
        }
        // Whoever does not get the turn takes what there is, unless that is long out of date.
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => match self.current(true) {
                Some(value) => return Ok(value),
                None => self.turn.lock().await,
            },
        };
        if let Some(value) = self.current(false) {
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

    fn current(&self, may_be_old: bool) -> Option<Arc<T>> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        let latest = latest.as_ref()?;
        let fresh = FRESH.max(latest.took * SHARE);
        let limit = if may_be_old { fresh + OLD } else { fresh };
        (latest.at.elapsed() < limit).then(|| Arc::clone(&latest.value))
    }
}

const FRESH: Duration = Duration::from_secs(1);
/// How many times as long as it takes to compute a value is it used.
const SHARE: u32 = 20;
/// How long a value may be used while another one is computed.
const OLD: Duration = Duration::from_secs(60);
