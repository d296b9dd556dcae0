//! Checks of the files an error may be about.

use serde::Serialize;
use time::OffsetDateTime;

use super::log::{Log, Seen};
use crate::error::Error;
use crate::ops::verify_chain::{self, FileFinding, Files, FilesReport};
use crate::path::ReferenceName;
use crate::path::finding::Severity;
use crate::path::stacks::Stack;

/// The result of checking the files.
#[derive(Debug, Serialize)]
pub struct Checks {
    /// The files, and how each stack handles them.
    #[serde(flatten)]
    pub files: Option<FilesReport>,
    /// The findings, the worst first.
    pub findings: Vec<FileFinding>,
    /// Why the files could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Unchecked>,
}

/// Why files could not be checked.
#[derive(Clone, Debug, Serialize)]
pub struct Unchecked {
    /// The error's stable name.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

/// What the files say about the cause.
#[derive(Clone, Debug, Serialize)]
pub struct Conclusion {
    /// Whether it is a cause of the error in the text; otherwise it is another fault.
    pub explains: bool,
    /// The finding; `None` where a file cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<&'static str>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is wrong with it.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// The pairs of client and server that print the same error with these files.
    pub reproduced_by: Vec<Pair>,
}

/// A client and a server.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pair {
    /// What the client runs on.
    pub client: Stack,
    /// What the server runs on.
    pub server: Stack,
}

/// Checks the whole setup, as far as its files exist.
pub(super) fn run(
    files: &Files,
    host: Option<&ReferenceName>,
    now: OffsetDateTime,
) -> Option<Checks> {
    if files.is_empty() {
        return None;
    }
    let host = match host {
        Some(ReferenceName::Dns(name)) => Some(name.clone()),
        Some(ReferenceName::Ip(address)) => Some(address.to_string()),
        Some(ReferenceName::Email(_) | ReferenceName::Uri(_)) | None => None,
    };
    let request = verify_chain::Request {
        host,
        ..verify_chain::Request::of_files(files.clone().completed(None))
    };
    Some(match verify_chain::run(&request, now) {
        Ok(report) => Checks {
            files: report.files,
            findings: report.findings,
            error: None,
        },
        Err(error) => Checks {
            files: None,
            findings: Vec::new(),
            error: Some(unchecked(&error)),
        },
    })
}

/// The first cause of a recognised error that the files show, or else their worst finding.
pub(super) fn conclude(seen: &[Seen], checks: Option<&Checks>) -> Option<Conclusion> {
    let checks = checks?;
    if let Some(error) = &checks.error {
        return Some(Conclusion {
            explains: !seen.is_empty(),
            finding: None,
            path: None,
            message: error.message.clone(),
            hint: error.hint.clone(),
            reproduced_by: Vec::new(),
        });
    }
    let pairs = reproducing(seen, checks);
    let causes = seen.iter().flat_map(|seen| &seen.topic.causes);
    let counts = |found: &&FileFinding| found.finding.severity != Severity::Note;
    for id in causes.filter_map(|cause| cause.finding.as_deref()) {
        let named = |found: &&FileFinding| found.finding.id == id && counts(found);
        if let Some(found) = checks.findings.iter().find(named) {
            return Some(because(found, true, pairs));
        }
    }
    // Which errors the programs would print follows from what they refuse.
    let refused = |found: &&FileFinding| !found.affects.is_empty() && counts(found);
    if !pairs.is_empty()
        && let Some(found) = checks.findings.iter().find(refused)
    {
        return Some(because(found, true, pairs));
    }
    let mut errors = checks.findings.iter();
    let worst = errors.find(|found| found.finding.severity == Severity::Error);
    worst.map(|found| because(found, false, pairs))
}

/// The pairs that would print an error with the same meaning.
fn reproducing(seen: &[Seen], checks: &Checks) -> Vec<Pair> {
    let outcomes = checks.files.iter().flat_map(|files| &files.stacks);
    let same = outcomes.filter(|outcome| {
        let texts = [&outcome.client_error, &outcome.server_error];
        let mut log = Log::default();
        for (number, text) in (1..).zip(texts.into_iter().flatten()) {
            log.take(number, 0, text.as_bytes());
        }
        let expected = log.finish();
        let is_same = |one: &Seen| seen.iter().any(|other| one.topic.id == other.topic.id);
        expected.iter().any(is_same)
    });
    same.map(|outcome| Pair {
        client: outcome.client,
        server: outcome.server,
    })
    .collect()
}

fn because(found: &FileFinding, explains: bool, reproduced_by: Vec<Pair>) -> Conclusion {
    Conclusion {
        explains,
        finding: Some(found.finding.id),
        path: found.path.clone(),
        message: found.finding.summary(),
        hint: Some(found.finding.hint.clone()),
        reproduced_by,
    }
}

fn unchecked(error: &Error) -> Unchecked {
    Unchecked {
        code: error.code(),
        message: error.to_string(),
        hint: error.hint(),
    }
}
