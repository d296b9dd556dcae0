//! What `explain` knows: tables beside this file that a person can edit, read when they are first needed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What an error means, whichever program printed it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    /// Its stable name: the key in the table.
    #[serde(skip)]
    pub(super) id: String,
    pub(super) title: String,
    pub(super) tells: Telling,
    pub(super) meaning: String,
    /// The most likely first.
    #[serde(default)]
    pub(super) causes: Vec<Cause>,
    /// Commands; `{cert}` and the like stand for the files that were given.
    pub(super) next: Vec<String>,
}

/// How much an error says, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Telling {
    /// It names the fault.
    Cause,
    /// It says who gave up, but not why.
    Symptom,
    /// It says only that something failed.
    Wrapper,
}

/// One of the things that lead to an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The finding that shows it, where a check can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// What it is.
    pub message: String,
}

/// Who printed a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The side that dials.
    Client,
    /// The side that listens.
    Server,
    /// It does not show.
    Either,
}

/// What some program prints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    pub(super) topic: &'static Topic,
    /// The program or library, where the line itself does not show another.
    pub(super) stack: &'static str,
    pub(super) side: Side,
    /// A bare number, which means something else in other versions: any text beside it counts for more.
    pub(super) is_number: bool,
}

/// A word that suggests a topic where nothing else is recognised.
#[derive(Debug)]
pub(super) struct Guess {
    pub(super) topic: &'static Topic,
    /// One of each group has to be there, in lower case and without separators.
    groups: Vec<Vec<&'static str>>,
}

impl Guess {
    /// The words that suggest it, where a text has them; the text has letters and digits only.
    pub(super) fn words(&self, squashed: &str) -> Option<Vec<&'static str>> {
        let groups = self.groups.iter();
        let found = groups.map(|group| group.iter().find(|word| squashed.contains(**word)));
        found.map(Option::<&&str>::copied).collect()
    }
}

/// The texts of all programs.
pub(super) struct Texts {
    pub(super) texts: Vec<Text>,
    pub(super) phrases: Phrases,
}

/// The topic of this name.
pub(super) fn topic(id: &str) -> Option<&'static Topic> {
    TOPICS.get(id)
}

/// Every topic, by its name.
pub(super) static TOPICS: LazyLock<BTreeMap<String, Topic>> = LazyLock::new(|| {
    let mut topics: BTreeMap<String, Topic> = toml::from_str(TOPICS_TOML).unwrap_or_default();
    topics
        .iter_mut()
        .for_each(|(id, topic)| topic.id.clone_from(id));
    topics
});

/// Every text, the more telling first where two cover the same words.
pub(super) static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    let rows: Vec<_> = verifications().chain(alerts()).chain(texts()).collect();
    let mut seen = HashSet::new();
    let (mut texts, mut phrases) = (Vec::new(), Vec::new());
    for row in rows
        .into_iter()
        .filter(|row| seen.insert(row.phrase.clone()))
    {
        let Some(topic) = topic(row.topic) else {
            continue;
        };
        // A phrase lives as long as the table it is read into.
        phrases.push(Phrase::new(String::leak(row.phrase)));
        texts.push(Text {
            topic,
            stack: row.stack,
            side: row.side,
            is_number: row.is_number,
        });
    }
    Texts {
        texts,
        phrases: Phrases::new(phrases),
    }
});

/// What to guess from words alone, the most particular first.
pub(super) static GUESSES: LazyLock<Vec<Guess>> = LazyLock::new(|| {
    let guesses = rows(GUESSES_TSV).filter_map(|[id, words]| {
        let groups = words.split(' ').map(|group| group.split('|').collect());
        Some(Guess {
            topic: topic(id)?,
            groups: groups.collect(),
        })
    });
    guesses.collect()
});

/// The program that a line shows to have printed it; the line is in lower case.
pub(super) fn mark(line: &str) -> Option<&'static str> {
    let found = MARKS.iter().find(|[_, mark]| line.contains(mark));
    found.map(|[stack, _]| *stack)
}

static MARKS: LazyLock<Vec<[&'static str; 2]>> = LazyLock::new(|| rows(MARKS_TSV).collect());

/// What programs make of a finding where they differ: program and effect.
pub(super) fn effects(finding: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_finding = rows::<3>(EFFECTS_TSV).filter(move |row| row[0] == finding);
    of_finding.map(|[_, stack, effect]| (stack, effect))
}

/// A row on its way to a [`Text`].
struct Row {
    phrase: String,
    topic: &'static str,
    stack: &'static str,
    side: Side,
    is_number: bool,
}

impl Row {
    fn openssl(phrase: String, topic: &'static str, is_number: bool) -> Self {
        Row {
            phrase,
            topic,
            stack: "openssl",
            side: Side::Either,
            is_number,
        }
    }
}

fn texts() -> impl Iterator<Item = Row> {
    rows(TEXTS_TSV).map(|[stack, side, topic, phrase]| Row {
        phrase: phrase.to_owned(),
        topic,
        stack,
        side: match side {
            "client" => Side::Client,
            "server" => Side::Server,
            _ => Side::Either,
        },
        is_number: is_number(phrase),
    })
}

/// Whether a phrase is only a number.
fn is_number(phrase: &str) -> bool {
    let (before, last) = phrase.rsplit_once(' ').unwrap_or(("", phrase));
    let digits = last.trim_start_matches('-');
    let is_code = digits.starts_with("0x") || digits.bytes().all(|byte| byte.is_ascii_digit());
    is_code && (before.is_empty() || before == "errno")
}

/// The results of OpenSSL's verification, by text and by number.
fn verifications() -> impl Iterator<Item = Row> {
    rows(VERIFICATIONS_TSV).flat_map(|[number, topic, text]| {
        let by_number = [
            "verify return code",
            "verify return",
            "verify error num",
            "verify error",
            "certificate verify error",
            "x509 v err",
        ];
        let by_number = by_number.map(|words| format!("{words} {number}"));
        let at_depth = [format!("error {number} at * depth")];
        let numbers = by_number.into_iter().chain(at_depth);
        let numbers = numbers.map(move |phrase| Row::openssl(phrase, topic, true));
        std::iter::once(Row::openssl(folded(text), topic, false)).chain(numbers)
    })
}

/// The alerts of TLS, as each program writes them.
fn alerts() -> impl Iterator<Item = Row> {
    rows(ALERTS_TSV).flat_map(|[number, name, topic, others]| {
        let words = folded(name);
        let joined = words.replace(' ', "");
        let mut named = vec![
            format!("alert {words}"),
            format!("alert * description {words}"),
            format!("tlsv1 {words}"),
            format!("alert {joined}"),
            format!("alertreceived {joined}"),
            format!("tls alert * {words}"),
        ];
        named.extend(
            others
                .split('|')
                .filter(|other| !other.is_empty())
                .map(str::to_owned),
        );
        let numbered = [
            format!("alert number {number}"),
            format!("alert code {number}"),
            format!("received alert {number}"),
            format!("alert message msg {number}"),
            format!("alert message type 2 {number}"),
        ];
        let named = named
            .into_iter()
            .map(move |phrase| Row::openssl(phrase, topic, false));
        named.chain(
            numbered
                .into_iter()
                .map(move |phrase| Row::openssl(phrase, topic, true)),
        )
    })
}

/// A text as phrases are written: words in lower case.
pub(super) fn folded(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").to_ascii_lowercase()
}

/// The rows of a table with tabs between columns; blank lines and those that begin with `#` are comments.
fn rows<const COLUMNS: usize>(
    table: &'static str,
) -> impl Iterator<Item = [&'static str; COLUMNS]> {
    let lines = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut columns = line.split('\t').chain(std::iter::repeat(""));
        std::array::from_fn(|_| columns.next().unwrap_or_default())
    })
}

const TOPICS_TOML: &str = include_str!("topics.toml");
const TEXTS_TSV: &str = include_str!("texts.tsv");
const ALERTS_TSV: &str = include_str!("alerts.tsv");
const VERIFICATIONS_TSV: &str = include_str!("verifications.tsv");
const GUESSES_TSV: &str = include_str!("guesses.tsv");
const MARKS_TSV: &str = include_str!("marks.tsv");
const EFFECTS_TSV: &str = include_str!("effects.tsv");

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
    use crate::ops::explain::rules;

    #[test]
    fn every_topic_says_what_it_means_what_causes_it_and_what_to_do() {
        let topics: BTreeMap<String, Topic> = toml::from_str(TOPICS_TOML).unwrap();
        let rules = rules();
        for (id, topic) in &topics {
            assert!(
                !topic.title.is_empty() && !topic.title.ends_with('.'),
                "{id}"
            );
            assert!(topic.meaning.ends_with('.'), "{id}: {}", topic.meaning);
            assert!(!topic.causes.is_empty() && !topic.next.is_empty(), "{id}");
            for cause in &topic.causes {
                assert!(!cause.message.ends_with('.'), "{id}: {}", cause.message);
                let Some(finding) = &cause.finding else {
                    continue;
                };
                let is_rule = rules.iter().any(|rule| rule.id == finding);
                assert!(is_rule, "{id}: {finding}");
            }
        }
    }

    #[test]
    fn every_row_is_complete_and_its_topic_exists() {
        let tables = [
            (TEXTS_TSV, 4, 2),
            (ALERTS_TSV, 4, 2),
            (VERIFICATIONS_TSV, 3, 1),
            (GUESSES_TSV, 2, 0),
        ];
        for (table, columns, topic_column) in tables {
            for row in rows::<5>(table) {
                let topic = topic(row[topic_column]);
                assert!(topic.is_some(), "{row:?}");
                assert!(row[columns..].iter().all(|rest| rest.is_empty()), "{row:?}");
                let needed = if columns == 4 && topic_column == 2 {
                    3
                } else {
                    columns
                };
                assert!(
                    row[..needed].iter().all(|column| !column.is_empty()),
                    "{row:?}"
                );
            }
        }
        for [stack, side, _, phrase] in rows(TEXTS_TSV) {
            assert!(
                ["client", "server", "either"].contains(&side),
                "{stack}: {side}"
            );
            let first_is_gap = phrase.starts_with(['*', '{']);
            let has_word = Phrase::new(phrase).words().next().is_some();
            assert!(has_word && !first_is_gap, "{phrase}");
            let is_folded = |word: &str| {
                let word = word.strip_suffix('*').unwrap_or(word);
                ["", "{host}"].contains(&word)
                    || folded(word) == word
                    || (word.starts_with('-') && folded(word) == word[1..])
            };
            assert!(phrase.split(' ').all(is_folded), "{phrase}");
        }
        for [id, stack, effect] in rows(EFFECTS_TSV) {
            assert!(rules().iter().any(|rule| rule.id == id), "{id}");
            assert!(!stack.is_empty() && !effect.is_empty(), "{id}");
        }
    }

    #[test]
    fn no_phrase_is_listed_twice() {
        let mut seen = HashSet::new();
        for [_, _, _, phrase] in rows(TEXTS_TSV) {
            assert!(seen.insert(phrase), "{phrase}");
        }
    }

    #[test]
    fn what_people_read_is_plain_english() {
        let tables = [TOPICS_TOML, EFFECTS_TSV].map(str::to_ascii_lowercase);
        for phrase in AWKWARD {
            for table in &tables {
                assert!(!table.contains(phrase), "{phrase}");
            }
        }
    }

    /// Phrases of the style guide's table that no text may use.
    const AWKWARD: [&str; 17] = [
        "anew",
        "mend",
        " told",
        "stands ",
        "whoever",
        "hangs on",
        "for ever",
        "so long",
        "so many",
        "in good time",
        "octet",
        "broken off",
        "is good",
        "is bad",
        "is none",
        "exists already",
        "is no file",
    ];
}

#[cfg(test)]
mod patterns_tests {
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
