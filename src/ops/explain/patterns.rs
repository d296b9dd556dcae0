//! Phrases found in a line of text: thousands at once, whatever separates their words.

use std::collections::HashMap;
use std::ops::Range;

/// A phrase: words in lower case, with these between them.
///
/// `*` stands for up to [`MAX_GAP_WORDS`] other words, `{host}` for the same and for the host name that begins
/// there, and a `*` at the end of a word for any rest of it. Everything but letters and digits separates words,
/// except for the sign of a negative number with four digits or more, such as an error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phrase(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Word(&'static str),
    Prefix(&'static str),
    Gap,
    Host,
}

impl Phrase {
    pub(super) fn new(text: &'static str) -> Self {
        let pieces = text.split(' ').map(|word| match word {
            "*" => Piece::Gap,
            "{host}" => Piece::Host,
            word => match word.strip_suffix('*') {
                Some(stem) => Piece::Prefix(stem),
                None => Piece::Word(word),
            },
        });
        Phrase(pieces.collect())
    }

    /// The words that must be there as they are.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Word(word) => Some(*word),
            Piece::Prefix(_) | Piece::Gap | Piece::Host => None,
        })
    }

    /// Where the phrase is in a line of these words, and where the host name begins.
    fn find(&self, words: &[Word<'_>]) -> Option<(Range<usize>, Option<usize>)> {
        let segments: Vec<_> = self
            .0
            .split(|piece| matches!(piece, Piece::Gap | Piece::Host))
            .collect();
        let gaps: Vec<_> = self
            .0
            .iter()
            .filter(|piece| matches!(piece, Piece::Gap | Piece::Host))
            .collect();
        let first = segments.first()?;
        (0..words.len())
            .filter(|start| begins(&words[*start..], first))
            .find_map(|start| {
                let mut next = start + first.len();
                let mut host = None;
                for (gap, segment) in gaps.iter().zip(&segments[1..]) {
                    if **gap == Piece::Host {
                        host = Some(words[next - 1].end());
                    }
                    let window = next..=(next + MAX_GAP_WORDS).min(words.len());
                    next = window
                        .into_iter()
                        .find(|at| begins(&words[*at..], segment))?
                        + segment.len();
                }
                Some((words[start].at..words[next - 1].end(), host))
            })
    }
}

fn begins(words: &[Word<'_>], pieces: &[Piece]) -> bool {
    words.len() >= pieces.len()
        && pieces.iter().zip(words).all(|(piece, word)| match piece {
            Piece::Word(text) => word.text == *text,
            Piece::Prefix(stem) => word.text.starts_with(stem),
            Piece::Gap | Piece::Host => false,
        })
}

/// A word of a line, and where it is.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    text: &'a str,
    at: usize,
}

impl Word<'_> {
    fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// A phrase that a line has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Which phrase.
    pub(super) index: usize,
    /// The bytes it covers.
    pub(super) place: Range<usize>,
    /// Where the host name begins that it tells, with what separates it from the words before.
    pub(super) host: Option<usize>,
}

/// Many phrases, each filed under the rarest of its words, so that a line is compared only with those it may have.
pub(super) struct Phrases {
    phrases: Vec<Phrase>,
    filed: HashMap<&'static str, Vec<usize>>,
}

impl Phrases {
    pub(super) fn new(phrases: Vec<Phrase>) -> Self {
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for word in phrases.iter().flat_map(Phrase::words) {
            *uses.entry(word).or_default() += 1;
        }
        let mut filed: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, phrase) in phrases.iter().enumerate() {
            if let Some(rarest) = phrase.words().min_by_key(|word| uses[word]) {
                filed.entry(rarest).or_default().push(index);
            }
        }
        Phrases { phrases, filed }
    }

    /// The phrases that a line has, each once, in their own order. The line is in lower case.
    pub(super) fn find(&self, line: &str) -> Vec<Hit> {
        let words = words(line);
        let mut candidates: Vec<usize> = words
            .iter()
            .filter_map(|word| self.filed.get(word.text))
            .flatten()
            .copied()
            .collect();
        candidates.sort_unstable();
        candidates.dedup();
        let hits = candidates.into_iter().filter_map(|index| {
            let (place, host) = self.phrases[index].find(&words)?;
            Some(Hit { index, place, host })
        });
        hits.collect()
    }
}

fn words(line: &str) -> Vec<Word<'_>> {
    let bytes = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = |at: usize| {
            let rest = bytes[at..].iter();
            rest.take_while(|byte| byte.is_ascii_alphanumeric()).count()
        };
        let is_code = bytes[at] == b'-' && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric()) && {
            let digits = &bytes[at + 1..at + 1 + length(at + 1)];
            digits.len() >= MIN_CODE_DIGITS && digits.iter().all(u8::is_ascii_digit)
        };
        let end = if is_code {
            at + 1 + length(at + 1)
        } else {
            at + length(at)
        };
        if end > at {
            words.push(Word {
                text: &line[at..end],
                at,
            });
        }
        at = end.max(at + 1);
    }
    words
}

/// How many words a gap may span: far apart, two halves of a phrase do not belong together.
const MAX_GAP_WORDS: usize = 40;
const MIN_CODE_DIGITS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn places(phrase: &'static str, line: &str) -> Option<Range<usize>> {
        Phrase::new(phrase)
            .find(&words(line))
            .map(|(place, _)| place)
    }

    #[test]
    fn words_match_whatever_separates_them() {
        let phrases = ["bad certificate", "peer * name", "refused"].map(Phrase::new);
        let line = "the peer has refused: bad_certificate (name)";
        let hits = Phrases::new(phrases.to_vec()).find(line);
        let found: Vec<_> = hits.iter().map(|hit| &line[hit.place.clone()]).collect();
        assert_eq!(
            found,
            [
                "bad_certificate",
                "peer has refused: bad_certificate (name",
                "refused"
            ]
        );
    }

    #[test]
    fn part_of_a_word_is_not_the_word() {
        assert_eq!(
            places("expired", "unexpired expiredly expired"),
            Some(20..27)
        );
        assert_eq!(places("a * expired", "a expiredly"), None);
        assert_eq!(places("renegot*", "no renegotiation"), Some(3..16));
        assert_eq!(places("x509", "a x509: é b"), Some(2..6));
        assert_eq!(places("-9807", "(-9807) in 2026-9807"), Some(1..6));
        assert_eq!(places("-9807", "2026-9807"), None);
    }

    #[test]
    fn a_second_beginning_is_tried_when_the_first_leads_nowhere() {
        let far = "gap ".repeat(MAX_GAP_WORDS + 1);
        let line = format!("ssl {far}ssl http request");
        assert_eq!(
            places("ssl * request", &line),
            Some(line.len() - 16..line.len())
        );
        assert_eq!(places("ssl * request", &format!("ssl {far}request")), None);
    }

    #[test]
    fn the_host_begins_behind_the_words_before_it() {
        let hit = Phrase::new("valid for * not {host}").find(&words("valid for a, not b.test"));
        assert_eq!(hit, Some((0..16, Some(16))));
    }
}
