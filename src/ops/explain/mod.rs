//! What an error text of a TLS program means, what a finding means, and how to fix them.

mod catalogue;
mod checks;
mod report;

use std::ffi::OsStr;
use std::ops::Range;
use std::path::PathBuf;

use time::OffsetDateTime;

use super::verify_chain::Files;
use crate::error::{Error, shown};
use crate::files;
use crate::path::ReferenceName;
use catalogue::{GUESSES, Hit, TEXTS, Telling, Text, Topic, mark};

pub use catalogue::{Cause, Side};
pub use checks::{Checks, Conclusion, StackPair};
pub use checks::{
    Explained, FindingReport, ListedRule, RuleList, StackEffect, all_findings, documented, rules,
    unknown_name,
};
pub use report::{Match, Report};

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
            log.take(piece.line, piece.overlap, piece.bytes);
        })?,
        Input::Stdin => files::each_line(None, &mut |piece| {
            lines = piece.line;
            log.take(piece.line, piece.overlap, piece.bytes);
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
        let end = line.len().min(start + files::MAX_PIECE_BYTES);
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
    Error::usage(
        format!("{file}no text to explain"),
        "give the error in quotes, or a log: `openagents-certs explain --log FILE`, `… 2>&1 | openagents-certs explain`",
    )
}

const OVERLAP_BYTES: usize = 1024;

/// An error that was recognised.
#[derive(Clone, Debug)]
struct Seen {
    topic: &'static Topic,
    /// Who prints it: as the lines themselves show, or else as the text does.
    stack: &'static str,
    is_marked: bool,
    side: Side,
    /// The part of the line that tells it, not escaped.
    text: String,
    /// The name that was dialled, where the text says it.
    host: Option<String>,
    /// The words it was guessed from, where no text was recognised.
    guessed_from: Vec<&'static str>,
    count: u64,
    line: u64,
}

/// Looks through lines as they come.
#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    guesses: Vec<Seen>,
    /// The whole text while it is short, for what a terminal has broken into lines.
    whole: String,
    has_text: bool,
    /// The program that printed the first line that shows one.
    first_mark: Option<&'static str>,
}

impl Log {
    /// Takes a line, or a piece of one whose first bytes were in the piece before.
    fn take(&mut self, number: u64, overlap: usize, bytes: &[u8]) {
        let line = Line::new(bytes);
        self.has_text |= !line.clean.is_empty();
        self.first_mark = self.first_mark.or_else(|| mark(&line.folded));
        // The overlap counts raw bytes; a cleaned line is no longer than they are.
        self.look(number, overlap, &line);
        if self.whole.len() < MAX_WHOLE_BYTES {
            self.whole.push_str(&line.clean);
            self.whole.push(' ');
            self.guess(number, &line);
        }
    }

    /// Whether nothing was there but blanks.
    fn is_empty(&self) -> bool {
        !self.has_text
    }

    /// What was recognised, the most telling first; a guess only where no text names a fault.
    fn finish(mut self) -> Vec<Seen> {
        if !self.tells(Telling::Cause) && self.whole.len() < MAX_WHOLE_BYTES {
            let alone = std::mem::take(&mut self.seen);
            let whole = Line::new(self.whole.as_bytes());
            self.look(1, 0, &whole);
            let is_new = |seen: &Seen| !alone.iter().any(|one| one.topic.id == seen.topic.id);
            self.seen.retain(is_new);
            self.seen.extend(alone);
            if self.guesses.is_empty() {
                self.guess(1, &whole);
            }
        }
        self.seen.sort_by_key(|seen| (seen.topic.tells, seen.line));
        if !self.tells(Telling::Cause) && !self.tells(Telling::Symptom) {
            let is_new = |guess: &Seen| self.seen.is_empty() || guess.topic.tells == Telling::Cause;
            let guess = std::mem::take(&mut self.guesses).into_iter();
            let guess: Vec<_> = guess.filter(is_new).collect();
            self.seen.splice(0..0, guess);
        }
        for seen in self.seen.iter_mut().filter(|seen| !seen.is_marked) {
            seen.stack = self.first_mark.unwrap_or(seen.stack);
        }
        self.seen
    }

    fn tells(&self, telling: Telling) -> bool {
        self.seen.iter().any(|seen| seen.topic.tells == telling)
    }

    fn look(&mut self, number: u64, overlap: usize, line: &Line) {
        let mut hits = TEXTS.phrases.find(&line.folded);
        hits.retain(|hit| overlap == 0 || hit.place.end > overlap);
        let marked = mark(&line.folded);
        for hit in telling(hits) {
            let text = &TEXTS.texts[hit.index];
            let host = hit.host.and_then(|at| host(&line.clean[at..]));
            let mut known = self.seen.iter_mut();
            match known.find(|seen| seen.topic.id == text.topic.id) {
                Some(seen) => {
                    seen.count += 1;
                    if let (false, Some(stack)) = (seen.is_marked, marked) {
                        (seen.stack, seen.is_marked) = (stack, true);
                    }
                    seen.host = seen.host.take().or(host);
                }
                None => self.seen.push(Seen {
                    topic: text.topic,
                    stack: marked.unwrap_or(text.stack),
                    is_marked: marked.is_some(),
                    side: text.side,
                    text: excerpt(&line.clean, &hit.place),
                    host,
                    guessed_from: Vec::new(),
                    count: 1,
                    line: number,
                }),
            }
        }
    }

    /// Keeps what the words of a line suggest, for the case that nothing is recognised.
    fn guess(&mut self, number: u64, line: &Line) {
        if !self.guesses.is_empty() {
            return;
        }
        let squashed = line
            .folded
            .replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let mut guesses = GUESSES.iter();
        let found = guesses.find_map(|guess| Some((guess.topic, guess.words(&squashed)?)));
        self.guesses.extend(found.map(|(topic, words)| Seen {
            topic,
            stack: "unknown",
            is_marked: false,
            side: Side::Either,
            text: excerpt(&line.clean, &(0..0)),
            host: None,
            guessed_from: words,
            count: 1,
            line: number,
        }));
    }
}

/// Of what matches in a line, each topic once: what lies inside a longer match is left out, and so is what says
/// less than the rest.
fn telling(hits: Vec<Hit>) -> Vec<Hit> {
    let text = |hit: &Hit| -> &Text { &TEXTS.texts[hit.index] };
    let inside = |inner: &Hit, outer: &Hit| {
        let contains = outer.place.start <= inner.place.start && inner.place.end <= outer.place.end;
        let is_longer = outer.place.len() > inner.place.len();
        let is_before = outer.place == inner.place && outer.index < inner.index;
        contains && (is_longer || is_before)
    };
    let is_inner = |hit: &Hit| {
        let mut outer = hits
            .iter()
            .filter(|other| !text(other).is_number || text(hit).is_number);
        outer.any(|other| inside(hit, other))
    };
    let outermost: Vec<_> = hits.iter().filter(|hit| !is_inner(hit)).collect();
    let most = outermost.iter().map(|hit| text(hit).topic.tells).min();
    let has_words = outermost
        .iter()
        .any(|hit| Some(text(hit).topic.tells) == most && !text(hit).is_number);
    let mut kept: Vec<Hit> = Vec::new();
    for hit in outermost {
        let is_known = kept
            .iter()
            .any(|other| text(other).topic.id == text(hit).topic.id);
        let is_weaker = has_words && text(hit).is_number;
        if Some(text(hit).topic.tells) == most && !is_known && !is_weaker {
            kept.push(hit.clone());
        }
    }
    kept.sort_by_key(|hit| hit.place.start);
    kept
}

/// The part of a line around a match, cut between words where that can be.
fn excerpt(text: &str, place: &Range<usize>) -> String {
    let spare = MAX_EXCERPT_BYTES.saturating_sub(place.len());
    let last_start = text.len().saturating_sub(MAX_EXCERPT_BYTES);
    let mut start = place.start.saturating_sub(spare * 2 / 3).min(last_start);
    if start > 0 {
        let blank = text.as_bytes()[start..]
            .iter()
            .position(|byte| *byte == b' ');
        start = blank.map_or(start, |at| start + at + 1).min(place.start);
    }
    let start = text.floor_char_boundary(start);
    let end = text.floor_char_boundary(start + MAX_EXCERPT_BYTES);
    let before = if start > 0 { "… " } else { "" };
    let after = if end < text.len() { " …" } else { "" };
    format!("{before}{}{after}", &text[start..end])
}

/// The host name that a text goes on with.
fn host(text: &str) -> Option<String> {
    let is_of_name = |c: &char| c.is_ascii_alphanumeric() || "-.:_[]*".contains(*c);
    let text = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != '*');
    let name: String = text
        .chars()
        .take(MAX_HOST_CHARACTERS)
        .take_while(is_of_name)
        .collect();
    let name = name.trim_end_matches(['.', ':', ']', '[', '*']);
    (!name.is_empty()).then(|| name.to_owned())
}

const MAX_WHOLE_BYTES: usize = 64 * 1024;
const MAX_EXCERPT_BYTES: usize = 300;
const MAX_HOST_CHARACTERS: usize = 253; // RFC 1035 §2.3.4, as text

/// A line without decoration, and the same folded for comparison. Both have the same length, so a place in one
/// is the same place in the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    /// The text itself.
    clean: String,
    /// ASCII letters in lower case, and `_` as a blank.
    folded: String,
}

impl Line {
    /// Takes out terminal escapes and NUL bytes (a log in UTF-16 has one after each letter), turns
    /// quotes and blanks into plain ones, and runs of blanks, also written as `\n` or `%20`, into one.
    fn new(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut clean = String::with_capacity(text.len());
        let mut rest = text.as_ref();
        while let Some(c) = rest.chars().next() {
            let (taken, shown) = match c {
                ESCAPE => (escape_length(rest), None),
                '\u{0}' | '\u{feff}' | '\u{fffd}' | '\u{200b}' => (c.len_utf8(), None),
                '\u{2018}' | '\u{2019}' => (c.len_utf8(), Some('\'')),
                '\u{201c}' | '\u{201d}' => (c.len_utf8(), Some('"')),
                '\\' => escaped_character(rest),
                '%' if rest.starts_with("%20") => (3, Some(' ')),
                c if c.is_whitespace() || c.is_control() => (c.len_utf8(), Some(' ')),
                c => (c.len_utf8(), Some(c)),
            };
            rest = &rest[taken..];
            if let Some(c) = shown
                && !(c == ' ' && (clean.is_empty() || clean.ends_with(' ')))
            {
                clean.push(c);
            }
        }
        clean.truncate(clean.trim_end().len());
        let folded = fold(&clean);
        Line { clean, folded }
    }
}

/// Text in the form that is compared, of the same length.
fn fold(text: &str) -> String {
    let folded = text.chars().map(|c| match c {
        '_' => ' ',
        c => c.to_ascii_lowercase(),
    });
    folded.collect()
}

/// A character written as an escape, as in JSON and in Python's `repr`; other backslashes stand for themselves.
fn escaped_character(text: &str) -> (usize, Option<char>) {
    match text.as_bytes().get(1) {
        Some(b'n' | b'r' | b't') => (2, Some(' ')),
        Some(b'"') => (2, Some('"')),
        Some(b'\'') => (2, Some('\'')),
        Some(b'\\') => (2, Some('\\')),
        Some(_) | None => (1, Some('\\')),
    }
}

/// The length of a terminal's escape sequence ([ECMA-48]); one that does not end is only its first character.
///
/// [ECMA-48]: https://ecma-international.org/publications-and-standards/standards/ecma-48/
fn escape_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        Some(b'[') => {
            let end = bytes[2..]
                .iter()
                .take(MAX_ESCAPE_BYTES)
                .position(|byte| (0x40..=0x7e).contains(byte));
            end.map_or(1, |end| end + 3)
        }
        Some(b']') => {
            let end = bytes[2..]
                .iter()
                .take(MAX_TITLE_BYTES)
                .position(|&byte| byte == 0x07);
            end.map_or(1, |end| end + 3)
        }
        Some(byte) if byte.is_ascii() => 2,
        Some(_) | None => 1,
    }
}

const ESCAPE: char = '\u{1b}';
const MAX_ESCAPE_BYTES: usize = 64;
const MAX_TITLE_BYTES: usize = 4096;

#[cfg(test)]
mod line_tests {
    use super::*;

    #[test]
    fn colours_and_quotes_and_blanks_do_not_disturb() {
        let line = Line::new(
            b"\x1b[31;1mERROR\x1b[0m\t [SSL:  WRONG_VERSION_NUMBER]\\n\xe2\x80\x99s \x1b]0;t\x07x%20y \r",
        );
        assert_eq!(line.clean, "ERROR [SSL: WRONG_VERSION_NUMBER] 's x y");
        assert_eq!(line.folded, "error [ssl: wrong version number] 's x y");
    }

    #[test]
    fn a_log_in_utf_16_is_read() {
        let bytes: Vec<u8> = "\u{feff}self-signed certificate\r"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(Line::new(&bytes).folded, "self-signed certificate");
    }

    #[test]
    fn an_escape_that_does_not_end_hides_nothing() {
        for start in ["\u{1b}[", "\u{1b}]"] {
            let text = format!("{start}{}certificate", "1".repeat(5000));
            assert!(Line::new(text.as_bytes()).clean.ends_with("certificate"));
        }
        assert_eq!(Line::new("\u{1b}".as_bytes()), Line::default());
    }
}
