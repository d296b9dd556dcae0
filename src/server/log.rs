//! The server's log: one event, one line. What reads it may be slow; the server does not wait for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use super::failure::Failure;
use crate::error::Error;
use crate::pki::escape::Escaped;
use crate::pki::validity::rfc3339;

/// Something that happened: one line for people, one JSON object for programs.
#[derive(Debug, Serialize)]
pub struct Event {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// How important it is.
    pub level: Level,
    /// What.
    pub event: &'static str,
    /// A description, safe to show.
    pub message: String,
    /// The error's stable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The request it is about.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
    /// Where the server listens.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub listening: Option<Listening>,
}

/// How important an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Seen only when more detail is asked for.
    Debug,
    /// Normal.
    Info,
    /// Something failed.
    Error,
}

/// A request and its answer.
#[derive(Debug, Serialize)]
pub struct Exchange {
    /// The request's id, which its answer has in `X-Request-Id`.
    pub request_id: String,
    /// The address it came from.
    pub client: String,
    /// Its method.
    pub method: String,
    /// The route, or the path where there is none.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// How long it took.
    pub duration_ms: f64,
}

/// Where the server listens, and what its clients need.
#[derive(Clone, Debug, Serialize)]
pub struct Listening {
    /// The address of the https port.
    pub https: String,
    /// The address of the plain HTTP port, if there is one.
    pub http: Option<String>,
    /// The socket of the SPIFFE Workload API, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_socket: Option<String>,
    /// The URL that clients use.
    pub public_url: String,
    /// The file of the trust anchors that clients need.
    pub anchors: String,
    /// SHA-256 of each of them.
    pub anchor_fingerprints: Vec<String>,
    /// The process.
    pub pid: u32,
}

impl Event {
    /// An event of this kind.
    pub(super) fn new(
        event: &'static str,
        message: impl Into<String>,
        now: OffsetDateTime,
    ) -> Self {
        Event {
            time: now,
            level: Level::Info,
            event,
            message: message.into(),
            code: None,
            hint: None,
            exchange: None,
            listening: None,
        }
    }

    /// An error.
    pub(super) fn of_error(event: &'static str, error: &Error, now: OffsetDateTime) -> Self {
        Event {
            level: Level::Error,
            code: Some(error.code()),
            hint: error.hint(),
            ..Event::new(event, error.to_string(), now)
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.replace_nanosecond(0).unwrap_or(self.time);
        write!(f, "{} {}: {}", rfc3339(time), self.event, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.https)?;
        if let Some(http) = &self.http {
            write!(f, " and http://{http}")?;
        }
        if let Some(socket) = &self.workload_socket {
            write!(f, " and unix:{socket}")?;
        }
        write!(f, " as {}; clients need {}", self.public_url, self.anchors)
    }
}

/// Takes events. Clones write to the same place.
#[derive(Clone)]
pub(super) struct Log {
    lines: SyncSender<Line>,
    lost: Arc<AtomicU64>,
    level: Level,
}

enum Line {
    Event(Box<Event>),
    /// To be answered when everything before it is written.
    Flush(SyncSender<()>),
}

impl Log {
    /// A log, and a thread that passes its events on: those of this level and above.
    pub(super) fn start(
        level: Level,
        write: impl Fn(&Event) + Send + 'static,
    ) -> Result<Self, Error> {
        let (lines, waiting) = sync_channel(MAX_WAITING);
        let thread = thread::Builder::new().name("log".into());
        let thread = thread.stack_size(STACK_BYTES).spawn(move || {
            for line in waiting {
                match line {
                    Line::Event(event) => write(&event),
                    // The one who waits may have given up.
                    Line::Flush(done) => drop(done.send(())),
                }
            }
        });
        thread.map_err(|source| Error::Io {
            action: "start a thread for",
            path: "the log".into(),
            source,
        })?;
        let lost = Arc::new(AtomicU64::new(0));
        Ok(Log { lines, lost, level })
    }

    /// Whether events of this level are written.
    pub(super) fn wants(&self, level: Level) -> bool {
        level >= self.level
    }

    /// Writes an event; drops it if what reads the log is too slow.
    pub(super) fn event(&self, event: Event) {
        if !self.wants(event.level) {
            return;
        }
        if self.lines.try_send(Line::Event(Box::new(event))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written, but not for long.
    pub(super) fn flush(&self) {
        let (done, waiting) = sync_channel(1);
        if self.lines.try_send(Line::Flush(done)).is_ok() {
            let _ = waiting.recv_timeout(MAX_FLUSH);
        }
    }

    /// How many events were dropped.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes an error of ours, and gives what the one who asked is told.
    pub(super) fn failure(&self, error: Error, now: OffsetDateTime) -> Failure {
        let event = Event::of_error("failed", &error, now);
        let failure = Failure::of(error);
        match failure {
            Failure::Request(_) => {}
            Failure::Unavailable | Failure::Internal => self.event(event),
        }
        failure
    }
}

/// A path from a request, safe to show and not long. What looks like a token is left out.
pub(super) fn shown_path(path: &str) -> String {
    let end = path
        .char_indices()
        .nth(MAX_PATH)
        .map_or(path.len(), |(at, _)| at);
    let shown = Escaped(&path[..end]).to_string();
    match shown.find("oact1.") {
        Some(at) => format!("{}…", &shown[..at]),
        None => shown,
    }
}

const MAX_FLUSH: Duration = Duration::from_secs(1);
const MAX_PATH: usize = 120;
const MAX_WAITING: usize = 1_024;
const STACK_BYTES: usize = 256 * 1024;
