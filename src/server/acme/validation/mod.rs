//! Validation: the server looks whether the client answers its challenges ([RFC 8555 §8](https://www.rfc-editor.org/rfc/rfc8555#section-8)).
//!
//! A validation that waits is a document, so that a restart goes on with it.

mod address;
mod dial;
mod dns01;
mod http01;
mod tls_alpn01;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Acme;
use super::account::Account;
use super::challenge::key_authorization;
use super::document::{Storable, Stored};
use super::exchange::split;
use super::identifier::Identifier;
use super::order::Order;
use super::problem::{Problem, ProblemType, Refusal};
use super::request::AccountKey;
use crate::config::ChallengeType;
use crate::server::core::Core;
use crate::server::metrics::Counted;
use crate::server::settings::Settings;
use crate::store::{DocumentKind, Inventory};
use dial::Dialer;

/// What validates, in this process.
pub(super) struct Validator {
    slots: Semaphore,
    running: Mutex<HashSet<String>>,
}

impl Validator {
    /// One that validates so many challenges at once; 0 for any number.
    pub(super) fn new(at_once: u32) -> Self {
        let slots = match usize::try_from(at_once) {
            Ok(0) | Err(_) => Semaphore::MAX_PERMITS,
            Ok(slots) => slots.min(Semaphore::MAX_PERMITS),
        };
        Validator {
            slots: Semaphore::new(slots),
            running: Mutex::default(),
        }
    }

    /// False when it is running already.
    fn begin(&self, id: &str) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(id.to_owned())
    }

    fn end(&self, id: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(id);
    }
}

/// A validation that has not ended.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    order: String,
    index: usize,
}

/// Its document.
#[derive(Debug, Serialize, Deserialize)]
struct WaitingSince {
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
}

impl Storable for WaitingSince {
    const KIND: DocumentKind = DocumentKind::Validation;
}

impl Waiting {
    /// The validation of an authorization of an order.
    pub(super) fn new(order: &str, index: usize) -> Self {
        Waiting {
            order: order.to_owned(),
            index,
        }
    }

    /// Stores that it waits.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn save(
        &self,
        inventory: &mut dyn Inventory,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let since = WaitingSince { since: now };
        Stored::new(self.id(), String::new(), since).save(inventory)
    }

    fn id(&self) -> String {
        format!("{}/{}", self.order, self.index)
    }

    fn of_id(id: &str) -> Option<Self> {
        let (order, index) = id.rsplit_once('/')?;
        Some(Waiting::new(order, index.parse().ok()?))
    }
}

/// Starts a validation.
pub(super) fn start(core: &Arc<Core>, acme: &Arc<Acme>, waiting: Waiting) {
    if acme.validator.begin(&waiting.id()) {
        let (core, acme) = (Arc::clone(core), Arc::clone(acme));
        tokio::spawn(async move {
            // Closed never, and without a slot there is nothing to do.
            if let Ok(_slot) = acme.validator.slots.acquire().await {
                run(&core, &waiting).await;
            }
            acme.validator.end(&waiting.id());
        });
    }
}

/// Goes on with validations that a restart interrupted, now and when another server leaves some behind.
pub(super) fn resume(core: &Arc<Core>, acme: &Arc<Acme>) {
    let (core, acme) = (Arc::downgrade(core), Arc::downgrade(acme));
    tokio::spawn(async move {
        let mut abandoned_after = time::Duration::ZERO;
        while look(&core, &acme, abandoned_after).await.is_some() {
            abandoned_after = ABANDONED_AFTER;
            sleep(LOOK_EVERY).await;
        }
    });
}

/// Starts what waits for so long. `None` when the server has ended.
async fn look(core: &Weak<Core>, acme: &Weak<Acme>, abandoned_after: time::Duration) -> Option<()> {
    let (core, acme) = (core.upgrade()?, acme.upgrade()?);
    let waiting = core.read(move |inventory, now| {
        let mut found = Vec::new();
        for document in inventory.documents(DocumentKind::Validation, None, None, MOST_RESUMED)? {
            let waiting = Stored::<WaitingSince>::read(document)?;
            if now - waiting.value.since >= abandoned_after {
                found.extend(Waiting::of_id(&waiting.id));
            }
        }
        Ok(found)
    });
    for waiting in waiting.await.unwrap_or_default() {
        start(&core, &acme, waiting);
    }
    Some(())
}

/// Validates, and stores the result. What cannot be stored stays waiting.
async fn run(core: &Arc<Core>, waiting: &Waiting) {
    let (id, index) = (waiting.order.clone(), waiting.index);
    let read = core.read(move |inventory, now| Subject::read(inventory, &id, index, now));
    let Ok(subject) = read.await else {
        return;
    };
    let result = match subject {
        Some(subject) => Some(validated(core, &subject).await),
        None => None,
    };
    for attempt in 0..STORE_ATTEMPTS {
        let (waiting, result) = (waiting.clone(), result.clone());
        let written =
            core.write(move |inventory, now| split(settle(inventory, &waiting, result, now)));
        match written.await {
            Ok(Ok(Some(label))) => {
                core.metrics().count(Counted::Validations, label);
                if label == INVALID {
                    core.metrics().count(Counted::Orders, INVALID);
                }
                return;
            }
            Ok(Ok(None)) => return,
            Ok(Err(_)) | Err(_) => sleep(Duration::from_secs(attempt)).await,
        }
    }
}

/// What is validated.
struct Subject {
    identifier: Identifier,
    kind: ChallengeType,
    token: String,
    key_authorization: String,
}

impl Subject {
    /// `None` when nobody waits for it any more.
    fn read(
        inventory: &dyn Inventory,
        order: &str,
        index: usize,
        now: OffsetDateTime,
    ) -> Result<Option<Self>, crate::error::Error> {
        let Some(order) = Stored::<Order>::load(inventory, order)? else {
            return Ok(None);
        };
        let Some(account) = Stored::<Account>::load(inventory, &order.owner)? else {
            return Ok(None);
        };
        let key = AccountKey::of_account(&account.value).ok();
        let (Some(key), Some((identifier, kind))) = (key, order.value.validating(index, now))
        else {
            return Ok(None);
        };
        let token = order.value.token(index);
        Ok(Some(Subject {
            identifier: identifier.validated(),
            kind,
            key_authorization: key_authorization(&token, key.thumbprint()),
            token,
        }))
    }
}

/// Stores a result. Gives its name, if someone waited for it.
fn settle(
    inventory: &mut dyn Inventory,
    waiting: &Waiting,
    result: Option<Result<(), Problem>>,
    now: OffsetDateTime,
) -> Result<Option<&'static str>, Refusal> {
    inventory.remove_document(DocumentKind::Validation, &waiting.id())?;
    let order = Stored::<Order>::load(inventory, &waiting.order)?;
    let (Some(mut order), Some(result)) = (order, result) else {
        return Ok(None);
    };
    let label = match result {
        Ok(()) => "valid",
        Err(_) => INVALID,
    };
    if !order.value.validated(waiting.index, result, now) {
        return Ok(None);
    }
    order.save(inventory)?;
    Ok(Some(label))
}

/// Tries until it succeeds, or fails for good, or the time is up.
async fn validated(core: &Core, subject: &Subject) -> Result<(), Problem> {
    let settings = core.settings();
    let whole = async {
        let mut failure = None;
        for pause in PAUSES {
            sleep(pause).await;
            match attempt(&settings, subject).await {
                Ok(()) => return Ok(()),
                Err(problem) if is_final(problem.kind) => return Err(problem),
                Err(problem) => failure = Some(problem),
            }
        }
        Err(failure.unwrap_or_else(timed_out))
    };
    timeout(MOST_TIME, whole)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

async fn attempt(settings: &Settings, subject: &Subject) -> Result<(), Problem> {
    let dialer = Dialer::new(&settings.acme)?;
    match subject.kind {
        ChallengeType::Http01 => {
            let (token, expected) = (&subject.token, &subject.key_authorization);
            http01::validate(
                &dialer,
                &settings.acme,
                &subject.identifier,
                token,
                expected,
            )
            .await
        }
        ChallengeType::Dns01 => {
            dns01::validate(&dialer, &subject.identifier, &subject.key_authorization).await
        }
        ChallengeType::TlsAlpn01 => {
            let port = settings.acme.tls_alpn01_port;
            tls_alpn01::validate(
                &dialer,
                port,
                &subject.identifier,
                &subject.key_authorization,
            )
            .await
        }
    }
}

/// Whether trying again makes no sense: an answer was there, and it was wrong.
fn is_final(kind: ProblemType) -> bool {
    !matches!(kind, ProblemType::Connection | ProblemType::Dns)
}

fn timed_out() -> Problem {
    Problem::new(ProblemType::Connection, "the validation took too long")
}

const INVALID: &str = "invalid";
/// Before each attempt.
const PAUSES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_secs(2),
];
/// For all attempts of one validation.
const MOST_TIME: Duration = Duration::from_secs(20);
/// When a validation that another server began is taken over.
const ABANDONED_AFTER: time::Duration = time::Duration::seconds(60);
const LOOK_EVERY: Duration = Duration::from_secs(20);
const MOST_RESUMED: usize = 1_000;
const STORE_ATTEMPTS: u64 = 5;
