//! What `explain` has to say about a text.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::catalogue::{Cause, Side, Telling};
use super::checks::{Checks, Conclusion, StackPair};
use super::{Request, Seen};
use crate::ops::columns::lines;
use crate::ops::quoting::posix;
use crate::ops::verify_chain::Files;
use crate::ops::{self, Verdict};
use crate::path::ReferenceName;
use crate::path::stacks::Stack;
use crate::pki::escape::{Escaped, is_unsafe_to_show};

/// Every error that was recognised in a text.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Each distinct one once, the most telling first.
    pub matches: Vec<Match>,
    /// How many lines the text has.
    pub lines: u64,
    /// What was found in the files that were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
    /// The cause, where the files show one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<Conclusion>,
    /// The width of the terminal; `None` where the text goes elsewhere.
    #[serde(skip)]
    pub columns: Option<usize>,
}

/// An error that was recognised.
#[derive(Clone, Debug, Serialize)]
pub struct Match {
    /// Its stable name.
    pub id: &'static str,
    /// The same in a few words.
    pub title: &'static str,
    /// The program or library that prints it.
    pub stack: &'static str,
    /// The side that prints it.
    pub side: Side,
    /// Whether no known text was found, and this is what the words of the text suggest.
    pub guess: bool,
    /// The part of the text that shows it.
    pub text: String,
    /// What it means.
    pub meaning: &'static str,
    /// What may have caused it, the most likely first.
    pub causes: &'static [Cause],
    /// Commands that find or fix the cause.
    pub next: Vec<String>,
    /// How often the text has it.
    pub count: u64,
    /// The first line that has it, from 1.
    pub line: u64,
    #[serde(skip)]
    guessed_from: Vec<&'static str>,
    /// Whether it says only that something failed, and others here say more.
    #[serde(skip)]
    is_wrapper: bool,
}

impl Report {
    pub(super) fn new(
        seen: Vec<Seen>,
        lines: u64,
        request: &Request,
        checks: Option<Checks>,
        conclusion: Option<Conclusion>,
    ) -> Self {
        let most = seen.iter().map(|seen| seen.topic.tells).min();
        let matches = seen.into_iter().map(|seen| Match {
            is_wrapper: seen.topic.tells == Telling::Wrapper && most != Some(Telling::Wrapper),
            id: &seen.topic.id,
            title: &seen.topic.title,
            stack: seen.stack,
            side: seen.side,
            guess: !seen.guessed_from.is_empty(),
            meaning: &seen.topic.meaning,
            causes: &seen.topic.causes,
            next: commands(
                &seen.topic.next,
                &request.files,
                request.host.as_ref(),
                seen.host.as_deref(),
            ),
            text: seen.text,
            count: seen.count,
            line: seen.line,
            guessed_from: seen.guessed_from,
        });
        Report {
            matches: matches.collect(),
            lines,
            checks,
            conclusion,
            columns: None,
        }
    }
}

impl ops::Report for Report {
    fn is_content(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        if self.matches.is_empty() {
            Verdict::No
        } else {
            Verdict::Yes
        }
    }

    fn reason(&self) -> Option<String> {
        let lines = if self.lines == 1 { "line" } else { "lines" };
        self.matches
            .is_empty()
            .then(|| format!("no known TLS error in {} {lines}", self.lines))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = Page::new(self.columns);
        if self.matches.is_empty() {
            f.write_str(NOT_RECOGNISED)?;
        }
        for (i, one) in self.matches.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            one.write(f, page)?;
        }
        self.write_checks(f, page)
    }
}

impl Report {
    fn write_checks(&self, f: &mut fmt::Formatter<'_>, page: Page) -> fmt::Result {
        let Some(checks) = &self.checks else {
            return Ok(());
        };
        writeln!(f, "\nfiles")?;
        let mut shown = HashSet::new();
        let files = checks.files.iter().flat_map(|files| &files.files);
        for file in files.filter(|file| shown.insert(&file.path)) {
            let path = crate::error::shown(&file.path);
            let about =
                |found: &&ops::verify_chain::FileFinding| found.path.as_ref() == Some(&path);
            let findings = checks.findings.iter().filter(about);
            let mut ids: Vec<_> = findings.map(|found| found.finding.id).collect();
            ids.dedup();
            let outcome = match ids.as_slice() {
                [] => "no findings".to_owned(),
                ids => ids.join(", "),
            };
            writeln!(f, "  {}: {outcome}", path)?;
        }
        let Some(conclusion) = &self.conclusion else {
            return page.write(f, "cause", NO_CAUSE);
        };
        let label = if conclusion.explains { "cause" } else { "also" };
        let file = conclusion.path.as_ref();
        let file = file.map_or(String::new(), |file| format!("{}: ", Escaped(file)));
        let id = conclusion.finding;
        let id = id.map_or(String::new(), |id| format!(" [{id}]"));
        page.write(f, label, &format!("{file}{}{id}", conclusion.message))?;
        if !conclusion.reproduced_by.is_empty() {
            page.write(f, "same in", &pairs(&conclusion.reproduced_by))?;
        }
        match &conclusion.hint {
            Some(hint) => page.write(f, "hint", hint),
            None => Ok(()),
        }
    }
}

impl Match {
    fn write(&self, f: &mut fmt::Formatter<'_>, page: Page) -> fmt::Result {
        let times = match self.count {
            1 => String::new(),
            count => format!(", {count} times"),
        };
        let (id, line) = (self.id, self.line);
        if self.is_wrapper {
            return writeln!(f, "{id} (line {line}{times}): adds nothing to the above");
        }
        let side = match self.side {
            Side::Client => ", printed by a client",
            Side::Server => ", printed by a server",
            Side::Either => "",
        };
        if self.guess {
            writeln!(f, "{id} (a guess; line {line})")?;
            let words = self.guessed_from.join("` and `");
            page.write(f, "guess", &format!("{GUESSED} `{words}`"))?;
        } else {
            writeln!(f, "{id} ({}{side}; line {line}{times})", self.stack)?;
        }
        page.write(f, "text", &Escaped(&self.text).to_string())?;
        page.write(f, "means", &format!("{}. {}", self.title, self.meaning))?;
        page.write_causes(f, self.causes)?;
        page.write_next(f, &self.next)
    }
}

/// The programs in words.
fn pairs(pairs: &[StackPair]) -> String {
    if pairs.len() == Stack::ALL.len().pow(2) {
        return "every pair of grpc-core, grpc-js and tonic".to_owned();
    }
    let pairs = pairs.iter();
    let pairs: Vec<_> = pairs
        .map(|pair| format!("{} to {}", pair.client, pair.server))
        .collect();
    format!("{} (client to server)", pairs.join(", "))
}

/// Labelled texts, wrapped to a width.
#[derive(Clone, Copy)]
pub(super) struct Page {
    columns: usize,
}

impl Page {
    pub(super) fn new(columns: Option<usize>) -> Self {
        let columns = columns.unwrap_or(DEFAULT_COLUMNS);
        Page {
            columns: columns.clamp(MIN_COLUMNS, MAX_COLUMNS),
        }
    }

    /// A label and its text, broken between words.
    pub(super) fn write(self, f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
        for (i, line) in lines(text, self.columns - INDENT).iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            writeln!(f, "  {label:<7} {line}")?;
        }
        Ok(())
    }

    /// The causes as a numbered list.
    pub(super) fn write_causes(self, f: &mut fmt::Formatter<'_>, causes: &[Cause]) -> fmt::Result {
        for (i, cause) in causes.iter().enumerate() {
            let label = if i == 0 { "causes" } else { "" };
            let id = cause.finding.as_ref();
            let id = id.map_or(String::new(), |id| format!(" [{id}]"));
            self.write(f, label, &format!("{}. {}{id}", i + 1, cause.message))?;
        }
        Ok(())
    }

    /// The commands, each on one line so that it can be copied.
    pub(super) fn write_next(self, f: &mut fmt::Formatter<'_>, next: &[String]) -> fmt::Result {
        for (i, command) in next.iter().enumerate() {
            writeln!(f, "  {:<7} {command}", if i == 0 { "next" } else { "" })?;
        }
        Ok(())
    }
}

/// The commands with the files and names that were given in them, or else the usual ones.
pub(super) fn commands(
    commands: &[String],
    files: &Files,
    host: Option<&ReferenceName>,
    dialled: Option<&str>,
) -> Vec<String> {
    let file = |given: &Option<PathBuf>, usual: &str| match given {
        Some(path) => quoted(path),
        None => usual.to_owned(),
    };
    let host = match host {
        Some(ReferenceName::Dns(name)) => name.to_string(),
        Some(ReferenceName::Ip(address)) => address.to_string(),
        Some(ReferenceName::Email(_) | ReferenceName::Uri(_)) | None => {
            dialled.unwrap_or("HOST").to_owned()
        }
    };
    let ca = file(&files.ca, "certs/ca.crt");
    let values = [
        ("{host}", host),
        ("{port}", "8600".to_owned()),
        ("{cert}", file(&files.certificate, "certs/server.crt")),
        ("{key}", file(&files.key, "certs/server.key")),
        (
            "{client-cert}",
            file(&files.client_certificate, "certs/client.crt"),
        ),
        ("{client-key}", file(&files.client_key, "certs/client.key")),
        ("{client-ca}", file(&files.client_ca, &ca)),
        ("{ca}", ca),
    ];
    let filled = |command: &String| {
        let pieces = command.split_inclusive('}');
        let pieces = pieces.map(|piece| {
            let at = piece.find('{').unwrap_or(piece.len());
            let (before, name) = piece.split_at(at);
            let value = values.iter().find(|(known, _)| *known == name);
            format!("{before}{}", value.map_or(name, |(_, value)| value))
        });
        pieces.collect()
    };
    commands.iter().map(filled).collect()
}

/// A path as a shell takes it; one with characters that cannot be shown is escaped instead.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains(is_unsafe_to_show) {
        return format!("'{}'", Escaped(&text));
    }
    String::from_utf8_lossy(&posix(text.as_bytes())).into_owned()
}

const INDENT: usize = 10;
const DEFAULT_COLUMNS: usize = 80;
const MIN_COLUMNS: usize = 40;
const MAX_COLUMNS: usize = 100;
const GUESSED: &str = "this text is not known; what follows is a guess from";
const NO_CAUSE: &str =
    "not found in these files; consider the other causes above, and check the peer's files";
const NOT_RECOGNISED: &str = "no known TLS error in this text
  next    give more of the log, from both sides: the line before the last often says more
          GRPC_VERBOSITY=debug GRPC_TRACE=tsi (grpcio) and NODE_DEBUG=tls (Node) print more
          openagents-certs verify-chain -C certs checks the files themselves
          openagents-certs explain --list lists every finding
";
