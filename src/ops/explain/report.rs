//! What `explain` has to say about a text.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Request;
use super::checks::{Checks, Conclusion, Pair};
use super::log::Seen;
use super::topic::{self, Cause, Side, Telling};
use crate::ops::verify_chain::Files;
use crate::ops::{self, Verdict};
use crate::path::profile::ReferenceName;
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
}

/// An error that was recognised.
#[derive(Clone, Debug, Serialize)]
pub struct Match {
    /// Its stable name.
    pub id: &'static str,
    /// Who prints it.
    pub stack: topic::Stack,
    /// On which side.
    pub side: Side,
    /// The part of the text that tells it.
    pub text: String,
    /// What it means.
    pub meaning: &'static str,
    /// What may have led to it, the likeliest first.
    pub causes: &'static [Cause],
    /// Commands that tell more or mend it.
    pub next: Vec<String>,
    /// How often it stands there.
    pub count: u64,
    /// The first line it stands on, from 1.
    pub line: u64,
    /// Whether it says only that something failed, and others here say more.
    #[serde(skip)]
    is_outdone: bool,
}

impl Report {
    pub(super) fn new(
        seen: Vec<Seen>,
        lines: u64,
        request: &Request,
        checks: Option<Checks>,
        conclusion: Option<Conclusion>,
    ) -> Self {
        let most = seen.iter().map(|seen| seen.topic.telling).min();
        let matches = seen.into_iter().map(|seen| Match {
            is_outdone: seen.topic.telling == Telling::Wrapper && most != Some(Telling::Wrapper),
            id: seen.topic.id,
            stack: seen.stack,
            side: seen.side,
            meaning: seen.topic.meaning,
            causes: seen.topic.causes,
            next: next(
                seen.topic.next,
                &request.files,
                request.host.as_ref(),
                seen.host.as_deref(),
            ),
            text: seen.text,
            count: seen.count,
            line: seen.line,
        });
        Report {
            matches: matches.collect(),
            lines,
            checks,
            conclusion,
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
        self.matches.is_empty().then(|| {
            format!(
                "no TLS error that is known here in {} {}",
                self.lines,
                if self.lines == 1 { "line" } else { "lines" }
            )
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.matches.is_empty() {
            f.write_str(NOT_RECOGNISED)?;
        }
        for (i, one) in self.matches.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            one.fmt(f)?;
        }
        self.write_checks(f)
    }
}

impl Report {
    fn write_checks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(checks) = &self.checks else {
            return Ok(());
        };
        writeln!(f, "\nfiles")?;
        let mut told = HashSet::new();
        let files = checks.files.iter().flat_map(|files| &files.files);
        for file in files.filter(|file| told.insert(&file.file)) {
            let about = checks
                .findings
                .iter()
                .filter(|found| found.file.as_ref() == Some(&file.file));
            let mut ids: Vec<_> = about.map(|found| found.finding.id).collect();
            ids.dedup();
            let outcome = if ids.is_empty() {
                "nothing wrong".to_owned()
            } else {
                ids.join(", ")
            };
            writeln!(f, "  {}: {outcome}", Escaped(&file.file))?;
        }
        let Some(conclusion) = &self.conclusion else {
            return write_wrapped(f, "cause", NO_CAUSE);
        };
        let label = if conclusion.explains { "cause" } else { "also" };
        let file = conclusion
            .file
            .as_ref()
            .map_or(String::new(), |file| format!("{}: ", Escaped(file)));
        let id = conclusion
            .finding
            .map_or(String::new(), |id| format!(" [{id}]"));
        write_wrapped(f, label, &format!("{file}{}{id}", conclusion.message))?;
        if !conclusion.reproduced_by.is_empty() {
            write_wrapped(f, "so say", &pairs(&conclusion.reproduced_by))?;
        }
        match &conclusion.hint {
            Some(hint) => write_wrapped(f, "hint", hint),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Client => ", printed by a client",
            Side::Server => ", printed by a server",
            Side::Either => "",
        };
        let times = match self.count {
            1 => String::new(),
            count => format!(", {count} times"),
        };
        if self.is_outdone {
            return writeln!(
                f,
                "{} (line {}{times}): it says no more",
                self.id, self.line
            );
        }
        writeln!(
            f,
            "{} ({}{side}; line {}{times})",
            self.id,
            self.stack.name(),
            self.line
        )?;
        write_wrapped(f, "text", &Escaped(&self.text).to_string())?;
        write_wrapped(f, "means", self.meaning)?;
        write_causes(f, self.causes)?;
        write_next(f, &self.next)
    }
}

/// The programs in words.
fn pairs(pairs: &[Pair]) -> String {
    if pairs.len() == Stack::ALL.len().pow(2) {
        return "grpc-core, grpc-js and tonic, whatever they talk to".to_owned();
    }
    let pairs = pairs.iter();
    let pairs: Vec<_> = pairs
        .map(|pair| format!("{} to {}", pair.client, pair.server))
        .collect();
    format!("{} (client to server)", pairs.join(", "))
}

/// The causes as a numbered list.
pub(super) fn write_causes(f: &mut fmt::Formatter<'_>, causes: &[Cause]) -> fmt::Result {
    for (i, cause) in causes.iter().enumerate() {
        let label = if i == 0 { "causes" } else { "" };
        let id = cause.finding.map_or(String::new(), |id| format!(" [{id}]"));
        write_wrapped(f, label, &format!("{}. {}{id}", i + 1, cause.message))?;
    }
    Ok(())
}

/// The commands, each on a line of its own so that it can be copied.
pub(super) fn write_next(f: &mut fmt::Formatter<'_>, next: &[String]) -> fmt::Result {
    for (i, command) in next.iter().enumerate() {
        writeln!(f, "  {:<7} {command}", if i == 0 { "next" } else { "" })?;
    }
    Ok(())
}

/// A labelled text, broken into lines between words.
pub(super) fn write_wrapped(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let mut label = label;
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + word.chars().count() >= MAX_COLUMNS {
            writeln!(f, "  {label:<7} {line}")?;
            (label, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(f, "  {label:<7} {line}")
}

/// The commands with the files and names in them that were given, or their usual ones.
pub(super) fn next(
    commands: &[&str],
    files: &Files,
    host: Option<&ReferenceName>,
    told: Option<&str>,
) -> Vec<String> {
    let file = |given: &Option<PathBuf>, usual: &str| match given {
        Some(path) => quoted(path),
        None => usual.to_owned(),
    };
    let host = match host {
        Some(ReferenceName::Dns(name)) => name.to_string(),
        Some(ReferenceName::Ip(address)) => address.to_string(),
        Some(ReferenceName::Email(_) | ReferenceName::Uri(_)) | None => {
            told.unwrap_or("HOST").to_owned()
        }
    };
    let client_ca = file(&files.client_ca, &file(&files.ca, "certs/ca.crt"));
    let fill = [
        ("{host}", host),
        ("{port}", "8600".to_owned()),
        ("{cert}", file(&files.certificate, "certs/server.crt")),
        ("{key}", file(&files.key, "certs/server.key")),
        ("{ca}", file(&files.ca, "certs/ca.crt")),
        (
            "{client-cert}",
            file(&files.client_certificate, "certs/client.crt"),
        ),
        ("{client-key}", file(&files.client_key, "certs/client.key")),
        ("{client-ca}", client_ca),
    ];
    let filled = |command: &&str| {
        let pieces = command.split_inclusive('}');
        let pieces = pieces.map(|piece| {
            let Some((before, name)) = piece.split_once('{') else {
                return piece.to_owned();
            };
            let name = format!("{{{name}");
            let value = fill.iter().find(|(known, _)| *known == name);
            format!(
                "{before}{}",
                value.map_or(name.as_str(), |(_, value)| value)
            )
        });
        pieces.collect()
    };
    commands.iter().map(filled).collect()
}

/// A path as a shell takes it; what cannot be shown is escaped, and has to be typed otherwise.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    if text.contains(is_unsafe_to_show) {
        return format!("'{}'", Escaped(&text));
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

const NO_CAUSE: &str = "these files show none: look at the causes above that lie elsewhere, and at the other side's files";
const MAX_COLUMNS: usize = 88;
const NOT_RECOGNISED: &str = "nothing in this text is a TLS error that is known here
  next    give more of the log, best of both sides: the line before the last often says more
          GRPC_VERBOSITY=debug GRPC_TRACE=tsi (grpcio), NODE_DEBUG=tls (Node) print more
          openagents-certs explain --list lists what a check can find
          openagents-certs verify-chain -C certs checks the files themselves
";
