//! What people and programs are told.

use serde::Serialize;
use time::OffsetDateTime;

use super::condition::Subject;
use crate::config::EventKind;
use crate::error::{Error, shown};
use crate::ops::expiry::Left;
use crate::pki::escape::Escaped;
use crate::pki::validity::rfc3339;

/// A message: about one thing, or about many of which the same is to be said.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// `expiry`, `renewal-failed`, `revoked`, `ca-expiry`, `crl-stale`, `resolved` or `test`.
    pub event: &'static str,
    /// The event that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolves: Option<&'static str>,
    /// The name of what it is about: of many, the one that expires first.
    pub subject: String,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its file.
    pub path: String,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// Seconds until then; negative when it has passed.
    pub expires_in_seconds: Option<i64>,
    /// How urgent it is.
    pub severity: Severity,
    /// The same for people.
    pub text: String,
    /// How many it is about.
    pub count: usize,
    /// All of them, at most a hundred; left out for one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
}

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For information.
    Info,
    /// Before long.
    Warning,
    /// Now.
    Critical,
}

impl Severity {
    /// That of a condition.
    pub(super) fn of(event: EventKind, threshold: i64) -> Self {
        match event {
            EventKind::Revoked | EventKind::CrlStale => Severity::Critical,
            EventKind::RenewalFailed => Severity::Warning,
            EventKind::Expiry | EventKind::CaExpiry if threshold > WEEK => Severity::Warning,
            EventKind::Expiry | EventKind::CaExpiry => Severity::Critical,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl Message {
    /// That these conditions of one kind hold.
    pub(super) fn of(
        event: EventKind,
        severity: Severity,
        mut subjects: Vec<Subject>,
        now: OffsetDateTime,
    ) -> Self {
        subjects.sort_by_key(|one| one.not_after);
        let line = subjects.first().map(|one| line(event, one, now));
        let many = match event {
            EventKind::Expiry => "certificates expire soon",
            EventKind::RenewalFailed => "certificates could not be renewed",
            EventKind::Revoked => "certificates in use are revoked",
            EventKind::CaExpiry => "CA certificates expire soon",
            EventKind::CrlStale => "CRLs are out of date",
        };
        Message::new(event.name(), None, severity, subjects, (line, many), now)
    }

    /// That these conditions of one kind are over.
    pub(super) fn resolved(
        event: EventKind,
        mut subjects: Vec<Subject>,
        now: OffsetDateTime,
    ) -> Self {
        subjects.sort_by_key(|one| one.not_after);
        let what = match event {
            EventKind::Expiry | EventKind::CaExpiry => "was replaced",
            EventKind::RenewalFailed => "can be renewed again",
            EventKind::Revoked => "is no longer in use, or no longer revoked",
            EventKind::CrlStale => "was refreshed",
        };
        let line = subjects.first().map(|one| format!("{} {what}", name(one)));
        let resolves = Some(event.name());
        let many = match event {
            EventKind::Expiry => "certificates were replaced",
            EventKind::CaExpiry => "CA certificates were replaced",
            EventKind::RenewalFailed => "certificates can be renewed again",
            EventKind::Revoked => "revoked certificates are no longer in use",
            EventKind::CrlStale => "CRLs were refreshed",
        };
        Message::new(
            RESOLVED,
            resolves,
            Severity::Info,
            subjects,
            (line, many),
            now,
        )
    }

    /// A sample, to see whether it arrives.
    pub(super) fn sample(directory: &std::path::Path, now: OffsetDateTime) -> Self {
        let text = format!(
            "Test of the notifications of {}: nothing is wrong",
            shown(directory)
        );
        Message {
            event: "test",
            resolves: None,
            subject: "test".into(),
            serial: None,
            path: directory.to_string_lossy().into_owned(),
            not_after: Some(now),
            expires_in_seconds: Some(0),
            severity: Severity::Info,
            text,
            count: 0,
            subjects: Vec::new(),
        }
    }

    fn new(
        event: &'static str,
        resolves: Option<&'static str>,
        severity: Severity,
        mut subjects: Vec<Subject>,
        (line, many): (Option<String>, &str),
        now: OffsetDateTime,
    ) -> Self {
        let count = subjects.len();
        let first = subjects.first().cloned();
        let text = match line {
            Some(line) if count == 1 => line,
            Some(_) | None => {
                let names: Vec<_> = subjects.iter().take(FEW).map(name).collect();
                let rest = count.saturating_sub(FEW);
                let more = match rest {
                    0 => String::new(),
                    rest => format!(" and {rest} more"),
                };
                format!("{count} {many}: {}{more}", names.join(", "))
            }
        };
        subjects.truncate(if count > 1 { MAX_SUBJECTS } else { 0 });
        let not_after = first.as_ref().and_then(|one| one.not_after);
        Message {
            event,
            resolves,
            serial: first.as_ref().and_then(|one| one.serial.clone()),
            path: first.as_ref().map_or(String::new(), |one| one.path.clone()),
            subject: first.map_or(String::new(), |one| one.subject),
            not_after,
            expires_in_seconds: not_after.map(|at| (at - now).whole_seconds()),
            severity,
            text,
            count,
            subjects,
        }
    }

    /// The message as JSON.
    ///
    /// # Errors
    /// When it has no JSON.
    pub(super) fn json(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|source| Error::Output {
            source: source.into(),
        })
    }

    /// The subject of a mail.
    pub(super) fn title(&self) -> String {
        let text: String = self.text.chars().take(MAX_TITLE).collect();
        let cut = if text.len() < self.text.len() {
            "…"
        } else {
            ""
        };
        format!("[openagents-certs] {}: {text}{cut}", self.severity.name())
    }

    /// The text of a mail.
    pub(super) fn body(&self) -> String {
        let mut text = format!("{}\n", self.text);
        for one in &self.subjects {
            let until = one
                .not_after
                .map_or(String::new(), |at| format!(", {}", rfc3339(at)));
            text.push_str(&format!("\n{}{until}, {}", name(one), Escaped(&one.path)));
        }
        if self.subjects.len() < self.count && self.count > 1 {
            text.push_str(&format!("\nand {} more", self.count - self.subjects.len()));
        }
        text
    }
}

/// One condition for people.
fn line(event: EventKind, one: &Subject, now: OffsetDateTime) -> String {
    let (name, path) = (name(one), Escaped(&one.path));
    let when = one.not_after.map_or(String::new(), |at| {
        let left = (at - now).whole_seconds();
        if left > 0 {
            format!("expires in {} ({})", Left(left), rfc3339(at))
        } else {
            format!("expired on {}", rfc3339(at))
        }
    });
    match event {
        EventKind::Expiry => format!("{name} {when}: {path}"),
        EventKind::CaExpiry => format!("CA {name} {when}: {path}"),
        EventKind::Revoked => format!("{name} is revoked and still in {path}"),
        EventKind::RenewalFailed => {
            let reason = one.reason.as_deref().unwrap_or("no reason given");
            let when = if when.is_empty() {
                when
            } else {
                format!("; it {when}")
            };
            format!(
                "{name} could not be renewed: {}{when}: {path}",
                Escaped(reason)
            )
        }
        EventKind::CrlStale => match one.not_after {
            Some(at) => format!("{name} is out of date since {}: {path}", rfc3339(at)),
            None => format!("{name} is out of date: {path}"),
        },
    }
}

fn name(one: &Subject) -> String {
    Escaped(&one.subject).to_string()
}

/// The event that says that another is over.
const RESOLVED: &str = "resolved";
const WEEK: i64 = 7 * 86400;
const FEW: usize = 5;
const MAX_SUBJECTS: usize = 100;
const MAX_TITLE: usize = 120;
