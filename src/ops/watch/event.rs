//! What happens while certificates are watched.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use crate::ops::renew::{Failure, Outcome, Renewed, State};
use crate::pki::validity::rfc3339;

/// Something that happened: one line for people, one JSON object for programs.
#[derive(Debug, Serialize)]
pub struct Event {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// What.
    pub event: Kind,
    /// It, in words.
    pub message: String,
    /// The certificate it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Box<Renewed>>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The watch began.
    Started,
    /// It waits for the next certificate to be due.
    Waiting,
    /// It was told to look now.
    Asked,
    /// A certificate was renewed, and all that follows went well.
    Renewed,
    /// A certificate was renewed by another process.
    RenewedElsewhere,
    /// A certificate was renewed and is in place, but what follows failed.
    FollowFailed,
    /// What follows a renewal failed first, and went well now.
    Followed,
    /// The old pair was put back.
    RolledBack,
    /// A certificate is due and was not renewed.
    NotRenewed,
    /// The revocation list was due, and made anew.
    ListRenewed,
    /// Something failed that is not one certificate's.
    Failed,
    /// The watch ends.
    Stopped,
}

impl Event {
    /// Something that happened to no certificate.
    pub(super) fn new(event: Kind, message: impl Into<String>, time: OffsetDateTime) -> Self {
        Event {
            time,
            event,
            message: message.into(),
            certificate: None,
            error: None,
        }
    }

    /// What became of a certificate; nothing when nothing did.
    pub(super) fn of(one: &Renewed, failure: Option<String>, time: OffsetDateTime) -> Option<Self> {
        let kind = match (one.outcome, one.state) {
            (_, State::RolledBack) => Kind::RolledBack,
            (Outcome::Renewed, _) if failure.is_some() => Kind::FollowFailed,
            (Outcome::Renewed, _) => Kind::Renewed,
            (Outcome::RenewedElsewhere, _) => Kind::RenewedElsewhere,
            (Outcome::Revoked | Outcome::Refused | Outcome::Failed, _) => Kind::NotRenewed,
            (Outcome::NotDue | Outcome::WouldRenew, _) => return None,
        };
        // The line says itself what became of the program.
        let is_said = one.hook.as_ref().is_some_and(|hook| !hook.succeeded);
        let failure = failure.filter(|_| !is_said);
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
            Kind::Asked => "asked",
            Kind::Renewed => "renewed",
            Kind::RenewedElsewhere => "renewed elsewhere",
            Kind::FollowFailed => "renewed, but",
            Kind::Followed => "mended",
            Kind::RolledBack => "rolled back",
            Kind::NotRenewed => "not renewed",
            Kind::ListRenewed => "new list",
            Kind::Failed => "failed",
            Kind::Stopped => "stopped",
        })
    }
}
