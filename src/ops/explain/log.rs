//! What is recognised in a text of any length, each error once.

use std::ops::Range;

use super::line::{Line, fold};
use super::patterns::{Patterns, place};
use super::texts::{MARKS, Text, texts};
use super::topic::{Side, Stack, Telling, Topic};

/// An error that was recognised.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) topic: &'static Topic,
    /// Who prints it: as the lines themselves show, or else as the text does.
    pub(super) stack: Stack,
    pub(super) is_marked: bool,
    pub(super) side: Side,
    /// The part of the line that tells it, not escaped.
    pub(super) text: String,
    /// The name that was dialled, where the text says it.
    pub(super) host: Option<String>,
    pub(super) count: u64,
    pub(super) line: u64,
}

/// Every text that is known, made ready to be looked for.
pub(super) struct Known {
    texts: Vec<Text>,
    patterns: Patterns,
}

impl Known {
    pub(super) fn new() -> Self {
        let texts = texts();
        let patterns = texts.iter().map(|text| fold(&text.pattern)).collect();
        Known {
            texts,
            patterns: Patterns::new(patterns),
        }
    }
}

/// Looks through lines as they come.
pub(super) struct Log<'a> {
    known: &'a Known,
    seen: Vec<Seen>,
    /// The whole text while it is short, for what a terminal has broken into lines.
    whole: Option<String>,
    is_empty: bool,
    /// The program that printed the first line that shows one.
    first_mark: Option<Stack>,
}

impl<'a> Log<'a> {
    pub(super) fn new(known: &'a Known) -> Self {
        Log {
            known,
            seen: Vec::new(),
            whole: Some(String::new()),
            is_empty: true,
            first_mark: None,
        }
    }

    /// Takes a line, or a piece of one of which the first octets were in the piece before.
    pub(super) fn take(&mut self, number: u64, overlap: usize, octets: &[u8]) {
        let line = Line::new(octets);
        self.is_empty &= line.clean.is_empty();
        // The overlap is of raw octets; what is taken out of them makes it no longer.
        self.first_mark = self.first_mark.or_else(|| mark(&line));
        self.look(number, overlap, &line);
        if let Some(whole) = &mut self.whole {
            whole.push_str(&line.clean);
            whole.push(' ');
            if whole.len() > MAX_WHOLE_OCTETS {
                self.whole = None;
            }
        }
    }

    /// Whether nothing was there but blanks.
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// What was recognised, the most telling first.
    pub(super) fn finish(mut self) -> Vec<Seen> {
        let tells = |seen: &Seen| seen.topic.telling == Telling::Cause;
        if !self.seen.iter().any(tells)
            && let Some(whole) = self.whole.take()
        {
            let alone = std::mem::take(&mut self.seen);
            self.look(1, 0, &Line::new(whole.as_bytes()));
            let known = |seen: &Seen| alone.iter().any(|one| std::ptr::eq(one.topic, seen.topic));
            self.seen.retain(|seen| !known(seen));
            self.seen.extend(alone);
        }
        for seen in self.seen.iter_mut().filter(|seen| !seen.is_marked) {
            seen.stack = self.first_mark.unwrap_or(seen.stack);
        }
        self.seen
            .sort_by_key(|seen| (seen.topic.telling, seen.line));
        self.seen
    }

    fn look(&mut self, number: u64, overlap: usize, line: &Line) {
        let mut found = self.known.patterns.find(&line.folded);
        found.retain(|(_, place)| overlap == 0 || place.end > overlap);
        let found = telling(&self.known.texts, found);
        if found.is_empty() {
            return;
        }
        let marked = mark(line);
        for (index, place) in found {
            let text = &self.known.texts[index];
            let known = self
                .seen
                .iter_mut()
                .find(|seen| std::ptr::eq(seen.topic, text.topic));
            match known {
                Some(seen) => {
                    seen.count += 1;
                    if let (false, Some(stack)) = (seen.is_marked, marked) {
                        (seen.stack, seen.is_marked) = (stack, true);
                    }
                    seen.host = seen.host.take().or_else(|| dialled(line));
                }
                None => self.seen.push(Seen {
                    topic: text.topic,
                    stack: marked.unwrap_or(text.stack),
                    is_marked: marked.is_some(),
                    side: text.side,
                    text: excerpt(&line.clean, &place),
                    host: dialled(line),
                    count: 1,
                    line: number,
                }),
            }
        }
    }
}

/// The program that a line shows to have printed it.
fn mark(line: &Line) -> Option<Stack> {
    let mut marks = MARKS.iter();
    let found = marks.find(|(mark, _)| line.folded.contains(mark));
    found.map(|(_, stack)| *stack)
}

/// Of what matches in a line, each topic once: what lies inside of a longer match is left out, and so
/// is what tells less than the rest.
fn telling(texts: &[Text], found: Vec<(usize, Range<usize>)>) -> Vec<(usize, Range<usize>)> {
    let inside = |inner: &(usize, Range<usize>), outer: &(usize, Range<usize>)| {
        let contains = outer.1.start <= inner.1.start && inner.1.end <= outer.1.end;
        let is_longer = outer.1.len() > inner.1.len();
        let is_before = outer.1 == inner.1 && outer.0 < inner.0;
        contains && (is_longer || is_before)
    };
    let outermost: Vec<_> = found
        .iter()
        .filter(|one| !found.iter().any(|other| inside(one, other)))
        .cloned()
        .collect();
    let most = outermost
        .iter()
        .map(|(index, _)| texts[*index].topic.telling)
        .min();
    let mut kept: Vec<(usize, Range<usize>)> = Vec::new();
    for (index, place) in outermost {
        let topic = texts[index].topic;
        let is_known = kept
            .iter()
            .any(|(other, _)| std::ptr::eq(texts[*other].topic, topic));
        if Some(topic.telling) == most && !is_known {
            kept.push((index, place));
        }
    }
    kept.sort_by_key(|(_, place)| place.start);
    kept
}

/// The part of a line around a match, with no word cut in two where that can be.
fn excerpt(text: &str, place: &Range<usize>) -> String {
    let spare = MAX_EXCERPT_OCTETS.saturating_sub(place.len());
    let mut start = place.start.saturating_sub(spare * 2 / 3);
    if text.len() - start < MAX_EXCERPT_OCTETS {
        start = text.len().saturating_sub(MAX_EXCERPT_OCTETS).min(start);
    }
    let mut end = text.len().min(start + MAX_EXCERPT_OCTETS);
    if start > 0 {
        start += text.as_bytes()[start..]
            .iter()
            .position(|&b| b == b' ')
            .map_or(0, |at| at + 1);
        start = start.min(place.start);
    }
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = if start > 0 { "… " } else { "" };
    let after = if end < text.len() { " …" } else { "" };
    format!("{before}{}{after}", &text[start..end])
}

/// The name that was dialled, where a text about names has it.
fn dialled(line: &Line) -> Option<String> {
    DIALLED.iter().find_map(|pattern| {
        let end = place(pattern, &line.folded)?.end;
        let name: String = line.clean[end..]
            .trim_start_matches(['\'', '"', ' ', '`', '(', '<', ':'])
            .chars()
            .take(MAX_HOST_CHARACTERS)
            .take_while(|c| c.is_ascii_alphanumeric() || "-.:_[]".contains(*c))
            .collect();
        let name = name
            .trim_end_matches(['.', ':', ']', '['])
            .trim_start_matches('[');
        (!name.is_empty()).then(|| name.to_owned())
    })
}

/// What stands before the dialled name, folded.
const DIALLED: &[&str] = &[
    "no match found for server name: ",
    "certificate is not valid for ",
    "certificate not valid for name ",
    "x509: certificate is valid for *, not ",
    "certificate is not valid for any names, but wanted to match ",
    "cannot validate certificate for ",
    "certificate's altnames: host: ",
    "certificate's altnames: ip: ",
    "matches target host name ",
    "does not match target host name ",
    "matches target ipv4 address ",
    "dns name matching ",
    "names matching ip address ",
    "no name matching ",
    "peer name ",
    "certificateerror: hostname ",
    "certificate for ",
    "does not match the expected. expected ",
];

const MAX_WHOLE_OCTETS: usize = 64 * 1024;
const MAX_EXCERPT_OCTETS: usize = 300;
const MAX_HOST_CHARACTERS: usize = 253; // RFC 1035 §2.3.4, as text
