//! What `explain` knows: tables beside this file that a person can edit, read when they are first needed.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::patterns::{Phrase, Phrases};

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
