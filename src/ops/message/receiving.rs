//! Receiving: the database and the log beside the checks.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::{Pair, trust};
use crate::error::{Error, InFile as _};
use crate::files::{self, Log};
use crate::message::http::{RequestVerifier, VerifiedRequest};
use crate::message::{
    Accepted, Denial, Event, Expectations, MessageError, OpeningKey, Policy, Reason, Receiver,
    lines,
};
use crate::store::{Replay, StoreError};

/// What messages are checked against, and where it is noted.
#[derive(Debug)]
pub struct ReceptionRequest {
    /// The trust anchors.
    pub ca: PathBuf,
    /// Revocation lists.
    pub revocation_lists: Vec<PathBuf>,
    /// Who messages are for.
    pub audience: String,
    /// The scopes a message must have.
    pub scopes: Vec<String>,
    /// The tenant of the sender.
    pub tenant: Option<String>,
    /// The longest that a message may be valid.
    pub max_lifetime: Duration,
    /// The largest message, in bytes.
    pub max_size: usize,
    /// The policy.
    pub policy: Option<PathBuf>,
    /// The ids of messages that are approved.
    pub approved: Vec<String>,
    /// Signed approvals.
    pub approvals: Vec<PathBuf>,
    /// The database of ids that were seen.
    pub replay: Option<PathBuf>,
    /// The log of decisions.
    pub trace: Option<PathBuf>,
    /// The pair that opens sealed messages.
    pub pair: Option<Pair>,
}

/// Receives messages.
#[derive(Debug)]
pub struct Reception {
    receiver: Receiver,
    key: Option<OpeningKey>,
    /// Lines are worked on at once; what is noted comes one by one.
    notes: Mutex<Notes>,
    /// Approvals that do not count, and why.
    pub warnings: Vec<String>,
}

impl Reception {
    /// Reads everything, before any message is.
    ///
    /// # Errors
    /// When a file cannot be read, or the database or the log not be written.
    pub fn open(request: &ReceptionRequest, now: OffsetDateTime) -> Result<Self, Error> {
        let policy = request.policy.as_ref().map(|path| {
            let text = files::read(path)?;
            Policy::from_toml(&String::from_utf8_lossy(&text))
                .map_err(MessageError::Policy)
                .in_file(path)
        });
        let expectations = Expectations {
            audience: request.audience.clone(),
            scopes: request.scopes.clone(),
            tenant: request.tenant.clone(),
            max_lifetime: request.max_lifetime,
            max_size: request.max_size,
            policy: policy.transpose()?,
            approved: request.approved.clone(),
        };
        let mut receiver =
            Receiver::new(expectations, trust(&request.ca, &request.revocation_lists)?);
        let mut warnings = Vec::new();
        for path in &request.approvals {
            if let Err(denial) = receiver.approve(&files::read(path)?, now) {
                warnings.push(format!(
                    "{}: the approval does not count: {denial}",
                    path.display()
                ));
            }
        }
        Ok(Reception {
            receiver,
            key: request.pair.as_ref().map(Pair::opening_key).transpose()?,
            notes: Mutex::new(Notes::open(
                request.replay.as_ref(),
                request.trace.as_ref(),
            )?),
            warnings,
        })
    }

    /// Checks a message, and opens it if there is a pair. What is noted is durable when it returns.
    ///
    /// # Errors
    /// When the database or the log cannot be written; then the message is not recorded.
    pub fn receive(
        &self,
        message: &[u8],
        now: OffsetDateTime,
    ) -> Result<Result<Accepted, Denial>, Error> {
        let key = self.key.as_ref();
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.are_kept() {
            let Notes { replay, trace } = &mut *notes;
            let log = &mut |event: &Event<'_>| note(trace, event);
            return self
                .receiver
                .receive(message, key, replay.as_mut(), log, now);
        }
        drop(notes);
        let log = &mut |_: &Event<'_>| Ok(());
        self.receiver.receive(message, key, None, log, now)
    }

    /// The answer to a line `{"message":…}`, `None` for one that is too long; and whether it was denied.
    ///
    /// # Errors
    /// As [`Reception::receive`].
    pub fn answer(
        &self,
        line: Option<&[u8]>,
        now: OffsetDateTime,
    ) -> Result<(String, bool), Error> {
        let too_large =
            || Denial::new(Reason::TooLarge, "the line is longer than a message may be");
        let message = line.ok_or_else(too_large).and_then(lines::incoming);
        let answer = match message {
            Ok(message) => self.receive(&message, now)?,
            Err(denial) => Err(self.refuse(denial, now)?),
        };
        Ok(match answer {
            Ok(accepted) => (accepted.answer(), false),
            Err(denial) => (denial.answer(), true),
        })
    }

    /// Notes the denial of what is not even a message.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn refuse(&self, denial: Denial, now: OffsetDateTime) -> Result<Denial, Error> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let log = &mut |event: &Event<'_>| note(&mut notes.trace, event);
        self.receiver.refuse(denial, log, now)
    }

    /// Whether messages have to be received one after the other, as they come.
    pub fn is_in_order(&self) -> bool {
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .are_kept()
    }

    /// Does something that receives messages; what is recorded of them becomes durable at its end, together.
    ///
    /// # Errors
    /// As `receive`, and when the database cannot be written; then none of them is recorded.
    pub(super) fn in_batch<T>(
        &self,
        receive: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let replay = |change: fn(&mut Replay) -> Result<(), StoreError>| {
            let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            notes.replay.as_mut().map_or(Ok(()), change)
        };
        replay(Replay::begin_batch)?;
        let received = receive()?;
        replay(Replay::end_batch)?;
        Ok(received)
    }
}

/// Receives requests.
#[derive(Debug)]
pub struct RequestReception {
    verifier: RequestVerifier,
    notes: Notes,
}

impl RequestReception {
    /// Opens the database and the log.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn open(
        verifier: RequestVerifier,
        replay: Option<&PathBuf>,
        trace: Option<&PathBuf>,
    ) -> Result<Self, Error> {
        let notes = Notes::open(replay, trace)?;
        Ok(RequestReception { verifier, notes })
    }

    /// Checks a request.
    ///
    /// # Errors
    /// When the database or the log cannot be written; then the request is not recorded.
    pub fn receive(
        &mut self,
        request: &[u8],
        now: OffsetDateTime,
    ) -> Result<Result<VerifiedRequest, Denial>, Error> {
        let Notes { replay, trace } = &mut self.notes;
        let log = &mut |event: &Event<'_>| note(trace, event);
        self.verifier.receive(request, replay.as_mut(), log, now)
    }
}

/// Where it is noted what was seen and decided.
#[derive(Debug)]
struct Notes {
    replay: Option<Replay>,
    trace: Option<Log>,
}

impl Notes {
    fn are_kept(&self) -> bool {
        self.replay.is_some() || self.trace.is_some()
    }

    fn open(replay: Option<&PathBuf>, trace: Option<&PathBuf>) -> Result<Self, Error> {
        files::size_limit_is_an_error();
        let replay = replay.map(|path| Replay::open(path)).transpose()?;
        let trace = trace.map(|path| Log::open(path)).transpose()?;
        Ok(Notes { replay, trace })
    }
}

fn note(trace: &mut Option<Log>, event: &Event<'_>) -> Result<(), Error> {
    let Some(trace) = trace else {
        return Ok(());
    };
    let line = serde_json::to_string(event)
        .unwrap_or_else(|error| unreachable!("an event has only text: {error}"));
    trace.append(&line)
}
