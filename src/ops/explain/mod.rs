//! What an error text of a TLS program means, what a finding means, and how to fix them.

mod catalogue;
mod checks;
mod log;
mod report;

use std::ffi::OsStr;
use std::path::PathBuf;

use time::OffsetDateTime;

pub use catalogue::{Cause, Side};
pub use checks::{Checks, Conclusion, Pair};
pub use checks::{
    Explained, FindingReport, ListedRule, PerProfile, RuleList, StackEffect, all_findings,
    documented, rules, unknown_name,
};
pub use report::{Match, Report};

use crate::error::{Error, shown};

use crate::files;
use crate::ops::verify_chain::Files;
use crate::path::ReferenceName;
use log::Log;

/// A text to explain, and what it is about.
#[derive(Clone, Debug)]
pub struct Request {
    /// The text.
    pub text: Input,
    /// The files it may be about; others beside them with their usual names are included.
    pub files: Files,
    /// The dialled name.
    pub host: Option<ReferenceName>,
}

/// Where a text is.
#[derive(Clone, Debug)]
pub enum Input {
    /// The text itself.
    Given(String),
    /// In a file.
    File(PathBuf),
    /// On standard input.
    Stdin,
}

/// Recognises the errors in a text, and looks for their causes in the files.
///
/// # Errors
/// When the text cannot be read or is empty.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<Report, Error> {
    let mut log = Log::default();
    let mut lines = 0;
    match &request.text {
        Input::Given(text) => {
            for line in text.lines() {
                lines += 1;
                take_long(&mut log, lines, line.as_bytes());
            }
        }
        Input::File(path) => files::each_line(Some(path), &mut |piece| {
            lines = piece.line;
            log.take(piece.line, piece.overlap, piece.octets);
        })?,
        Input::Stdin => files::each_line(None, &mut |piece| {
            lines = piece.line;
            log.take(piece.line, piece.overlap, piece.octets);
        })?,
    }
    if log.is_empty() {
        return Err(nothing_given(&request.text));
    }
    let seen = log.finish();
    let checks = checks::run(&request.files, request.host.as_ref(), now);
    let conclusion = checks::conclude(&seen, checks.as_ref());
    Ok(Report::new(seen, lines, request, checks, conclusion))
}

/// The words of a command line as one text.
pub fn words(words: &[impl AsRef<OsStr>]) -> String {
    let words: Vec<_> = words
        .iter()
        .map(|word| word.as_ref().to_string_lossy())
        .collect();
    words.join(" ")
}

/// Takes a line in pieces, as they come from a file.
fn take_long(log: &mut Log, number: u64, line: &[u8]) {
    let mut start = 0;
    loop {
        let end = line.len().min(start + files::MAX_LINE_OCTETS);
        let overlap = if start == 0 { 0 } else { OVERLAP_BYTES };
        log.take(number, overlap, &line[start..end]);
        if end == line.len() {
            break;
        }
        start = end - OVERLAP_BYTES;
    }
}

fn nothing_given(text: &Input) -> Error {
    let file = match text {
        Input::File(path) => format!("{}: ", shown(path)),
        Input::Given(_) | Input::Stdin => String::new(),
    };
    Error::Usage {
        message: format!("{file}no text to explain"),
        hint: "give the error in quotes, or a log: `openagents-certs explain --log FILE`, `… 2>&1 | openagents-certs explain`"
            .into(),
    }
}

const OVERLAP_BYTES: usize = 1024;
