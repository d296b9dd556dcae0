//! The events of a watch.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use crate::ops::renew::{Failure, Outcome, Renewed, State};
use crate::pki::validity::rfc3339;

/// An event: one line for people, one JSON object for programs.
#[derive(Debug, Serialize)]
pub struct Event {
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// What happened.
    pub event: Kind,
    /// A description.
    pub message: String,
    /// The certificate it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Box<Renewed>>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The watch started.
    Started,
    /// It waits for the next certificate to be due.
    Waiting,
    /// A check was requested.
    Asked,
    /// A certificate was renewed and all following steps succeeded.
    Renewed,
    /// Another process renewed a certificate.
    RenewedElsewhere,
    /// A certificate was renewed and is in place, but a following step failed.
    FollowFailed,
    /// A step that had failed after a renewal succeeded.
    Followed,
    /// The old pair was restored.
    RolledBack,
    /// A due certificate was not renewed.
    NotRenewed,
    /// The CRL was due and was refreshed.
    ListRenewed,
    /// A notification was sent.
    Notified,
    /// Something failed that is not about one certificate.
    Failed,
    /// The watch stopped.
    Stopped,
}

impl Event {
    /// An event that is not about a certificate.
    pub(super) fn new(event: Kind, message: impl Into<String>, time: OffsetDateTime) -> Self {
        Event {
            time,
            event,
            message: message.into(),
            certificate: None,
            error: None,
        }
    }

    /// The event for a certificate; `None` when nothing happened.
    pub(super) fn of(one: &Renewed, failure: Option<String>, time: OffsetDateTime) -> Option<Self> {
        let kind = match (one.outcome, one.state) {
            (_, State::RolledBack) => Kind::RolledBack,
            (Outcome::Renewed, _) if failure.is_some() => Kind::FollowFailed,
            (Outcome::Renewed, _) => Kind::Renewed,
            (Outcome::RenewedElsewhere, _) => Kind::RenewedElsewhere,
            (Outcome::Revoked | Outcome::Refused | Outcome::Failed, _) => Kind::NotRenewed,
            (Outcome::NotDue | Outcome::WouldRenew, _) => return None,
        };
        // The line already reports the program.
        let is_reported = one.hook.as_ref().is_some_and(|hook| !hook.succeeded);
        let failure = failure.filter(|_| !is_reported);
        let failure = failure.map_or(String::new(), |failure| format!("; {failure}"));
        Some(Event {
            certificate: Some(Box::new(one.clone())),
            ..Event::new(kind, format!("{}{failure}", one.line()), time)
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.replace_nanosecond(0).unwrap_or(self.time);
        write!(f, "{} {}: {}", rfc3339(time), self.event, self.message)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Started => "started",
            Kind::Waiting => "waiting",
            Kind::Asked => "check requested",
            Kind::Renewed => "renewed",
            Kind::RenewedElsewhere => "renewed elsewhere",
            Kind::FollowFailed => "renewed, but",
            Kind::Followed => "followed up",
            Kind::RolledBack => "rolled back",
            Kind::NotRenewed => "not renewed",
            Kind::ListRenewed => "CRL refreshed",
            Kind::Notified => "notified",
            Kind::Failed => "failed",
            Kind::Stopped => "stopped",
        })
    }
}
