//! Many patterns looked for in a line at once.

use std::ops::Range;

/// Patterns of words, with `*` for anything between two of them. They match whole words only.
///
/// Each is filed under four of its octets, the rarest of them; a line is gone over once, and only the
/// patterns filed under four octets that stand there are looked at, each at most once a line.
pub(super) struct Patterns {
    patterns: Vec<String>,
    /// The patterns filed under each hash of four octets.
    filed: Vec<Vec<u16>>,
}

impl Patterns {
    pub(super) fn new(patterns: Vec<String>) -> Self {
        let mut uses = vec![0_u32; BUCKETS];
        for gram in patterns.iter().flat_map(|pattern| grams(pattern)) {
            uses[gram] += 1;
        }
        let mut filed = vec![Vec::new(); BUCKETS];
        for (index, pattern) in (0..).zip(&patterns) {
            if let Some(rarest) = grams(pattern).min_by_key(|gram| uses[*gram]) {
                filed[rarest].push(index);
            }
        }
        Patterns { patterns, filed }
    }

    /// Which patterns match, and where; of each the first place. Text is folded like the patterns.
    pub(super) fn find(&self, text: &str) -> Vec<(usize, Range<usize>)> {
        let mut found = Vec::new();
        let mut seen = vec![false; self.patterns.len()];
        for gram in hashes(text.as_bytes()) {
            for index in self.filed[gram].iter().map(|index| usize::from(*index)) {
                if std::mem::replace(&mut seen[index], true) {
                    continue;
                }
                if let Some(place) = place(&self.patterns[index], text) {
                    found.push((index, place));
                }
            }
        }
        found.sort_by_key(|(index, _)| *index);
        found
    }
}

/// Where a pattern matches first.
pub(super) fn place(pattern: &str, text: &str) -> Option<Range<usize>> {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let last = pieces.clone().next_back();
    let begin = word_start(text, first, last.is_none())?;
    let mut end = begin + first.len();
    while let Some(piece) = pieces.next() {
        let is_last = pieces.clone().next().is_none();
        let mut from = end;
        end = loop {
            let at = from + text[from..].find(piece)?;
            if !is_last || ends_word(text, at + piece.len()) {
                break at + piece.len();
            }
            from = at + first_length(&text[at..]);
        };
    }
    Some(begin..end)
}

/// Where a word begins that reads so; it ends there as well where it is all of the pattern.
fn word_start(text: &str, word: &str, is_whole: bool) -> Option<usize> {
    text.match_indices(word).map(|(at, _)| at).find(|&at| {
        let before = text[..at].chars().next_back();
        let begins = !word.starts_with(is_of_word) || !before.is_some_and(is_of_word);
        begins && (!is_whole || ends_word(text, at + word.len()))
    })
}

fn ends_word(text: &str, end: usize) -> bool {
    let is_inside = |c: Option<char>| c.is_some_and(is_of_word);
    !(is_inside(text[..end].chars().next_back()) && is_inside(text[end..].chars().next()))
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// The hashes of each four octets of a pattern that stand together.
fn grams(pattern: &str) -> impl Iterator<Item = usize> {
    pattern
        .split('*')
        .flat_map(|piece| hashes(piece.as_bytes()))
}

fn hashes(octets: &[u8]) -> impl Iterator<Item = usize> {
    octets.windows(4).map(|four| {
        let number = four
            .iter()
            .fold(0_u32, |n, octet| n << 8 | u32::from(*octet));
        // Fibonacci hashing: the upper bits of a product are well mixed.
        (number.wrapping_mul(0x9e37_79b1) >> (32 - BUCKET_BITS)) as usize
    })
}

const BUCKET_BITS: u32 = 13;
const BUCKETS: usize = 1 << BUCKET_BITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_with_anything_between_them() {
        let patterns = Patterns::new(
            ["bad certificate", "peer*refused*name", "refused"]
                .map(String::from)
                .to_vec(),
        );
        let text = "the peer has refused: a bad certificate name";
        assert_eq!(patterns.find(text), [(0, 24..39), (1, 4..44), (2, 13..20)]);
    }

    #[test]
    fn a_part_of_a_word_is_no_word() {
        assert_eq!(
            place("expired", "unexpired expiredly expired"),
            Some(20..27)
        );
        assert_eq!(place("a*expired", "a expiredly"), None);
        assert_eq!(place("unknownca", "alert(unknownca)"), Some(6..15));
        assert_eq!(place("x509: ", "a x509: b"), Some(2..8));
    }

    #[test]
    fn a_line_made_to_be_slow_is_looked_at_once_for_each_pattern() {
        let patterns = Patterns::new(["aaaa*bbbb*cccc", "aaaab"].map(String::from).to_vec());
        assert_eq!(patterns.find(&"a".repeat(1 << 20)), []);
    }
}
