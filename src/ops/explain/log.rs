//! What is recognised in a text of any length, each error once.

use std::ops::Range;

use super::catalogue::{GUESSES, Side, TEXTS, Telling, Text, Topic, mark};
use super::line::Line;
use super::patterns::Hit;

/// An error that was recognised.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) topic: &'static Topic,
    /// Who prints it: as the lines themselves show, or else as the text does.
    pub(super) stack: &'static str,
    is_marked: bool,
    pub(super) side: Side,
    /// The part of the line that tells it, not escaped.
    pub(super) text: String,
    /// The name that was dialled, where the text says it.
    pub(super) host: Option<String>,
    /// The words it was guessed from, where no text was recognised.
    pub(super) guessed_from: Vec<&'static str>,
    pub(super) count: u64,
    pub(super) line: u64,
}

/// Looks through lines as they come.
#[derive(Default)]
pub(super) struct Log {
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
    pub(super) fn take(&mut self, number: u64, overlap: usize, bytes: &[u8]) {
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
    pub(super) fn is_empty(&self) -> bool {
        !self.has_text
    }

    /// What was recognised, the most telling first; a guess only where no text names a fault.
    pub(super) fn finish(mut self) -> Vec<Seen> {
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
