//! YAML as Python's `yaml.safe_load` reads it: the words of YAML 1.1, one document, the last of two equal
//! keys, merge keys. Every node has its position, for the lines of findings and the places of edits.

mod compose;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::Regex;

use crate::pki::escape::is_unsafe_to_show;

/// A document.
#[derive(Debug)]
pub struct Document {
    nodes: Vec<Node>,
    root: Option<NodeId>,
    /// The positions of the text keys of large mappings, the last of equal ones.
    index: HashMap<NodeId, HashMap<String, usize>>,
    /// The mappings that merge others.
    merging: HashSet<NodeId>,
    /// Keys that are twice in one mapping.
    pub duplicates: Vec<DuplicateKey>,
}

/// A node's place in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(usize);

/// A scalar or a collection.
#[derive(Debug)]
pub struct Node {
    /// Its value in Python.
    pub value: Value,
    /// The line it begins on, the first being 1.
    pub line: usize,
    /// The characters before it on that line.
    pub column: usize,
    /// Its bytes in the text. A block collection may end behind blank lines and comments.
    pub span: Range<usize>,
    /// Whether it is in brackets.
    pub is_flow: bool,
}

/// A key that is more than once in a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The key.
    pub key: String,
    /// The line of the one that is ignored.
    pub first: usize,
    /// The line of the one that counts.
    pub last: usize,
}

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a Node,
    /// The value.
    pub value: &'a Node,
    /// Where the value is in the document.
    pub id: NodeId,
}

impl<'a> Entry<'a> {
    /// The key; empty if it is not text.
    pub fn name(&self) -> &'a str {
        self.key.value.as_text().unwrap_or_default()
    }

    /// The value, if it is text.
    pub fn text(&self) -> Option<&'a str> {
        self.value.value.as_text()
    }

    /// Whether Python's `if` accepts the value.
    pub fn is_true(&self) -> bool {
        self.value.value.is_true()
    }

    /// Whether the value is a mapping.
    pub fn is_mapping(&self) -> bool {
        self.value.value.is_mapping()
    }

    /// The line of the key.
    pub fn line(&self) -> usize {
        self.key.line
    }
}

impl Document {
    /// Reads UTF-8, with or without a byte order mark.
    ///
    /// Takes time and memory linear in the text, however many aliases it has. Rejects a text of more
    /// than half a million nodes, or nested deeper than 255.
    ///
    /// # Errors
    /// When Python cannot read it either, or it is too large for a configuration.
    pub fn read(bytes: &[u8]) -> Result<Self, YamlError> {
        let text = text(bytes)?;
        compose::compose(text)
    }

    /// The outermost node; `None` in an empty document.
    pub fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// The node at a place.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The entry of a mapping with a text key, as Python's `get` finds it; `None` if it is not a mapping.
    pub fn get(&self, mapping: NodeId, key: &str) -> Option<Entry<'_>> {
        self.find(mapping, key, &mut HashSet::new())
    }

    /// The entries of a mapping as Python sees them, with merged ones; of equal text keys, the one that counts.
    pub fn entries(&self, mapping: NodeId) -> Vec<Entry<'_>> {
        let mut all = Vec::new();
        self.gather(mapping, &mut HashSet::new(), &mut all);
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut kept: Vec<Entry<'_>> = Vec::new();
        for entry in all {
            match entry.key.value.as_text() {
                Some(text) => match seen.get(text) {
                    Some(&at) => kept[at] = entry,
                    None => {
                        seen.insert(text, kept.len());
                        kept.push(entry);
                    }
                },
                None => kept.push(entry),
            }
        }
        kept
    }

    /// The items of a sequence; empty if it is not one.
    pub fn items(&self, sequence: NodeId) -> &[NodeId] {
        match &self.node(sequence).value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The pairs of a mapping itself, in their order.
    fn pairs(&self, mapping: NodeId) -> &[(NodeId, NodeId)] {
        match &self.node(mapping).value {
            Value::Mapping(pairs) => pairs,
            _ => &[],
        }
    }

    fn find(&self, mapping: NodeId, key: &str, visited: &mut HashSet<NodeId>) -> Option<Entry<'_>> {
        if !visited.insert(mapping) {
            return None;
        }
        let pairs = self.pairs(mapping);
        let own = pairs.iter().rev();
        let is_key = |(other, _): &&(NodeId, NodeId)| self.node(*other).value.is_text(key);
        let found = match self.index.get(&mapping) {
            Some(index) => index.get(key).map(|at| &pairs[*at]),
            None => own.clone().find(is_key),
        };
        if let Some((key, value)) = found {
            return Some(self.entry(*key, *value));
        }
        if !self.merging.contains(&mapping) {
            return None;
        }
        let merges = own.filter(|(key, _)| self.node(*key).value.is_merge());
        for (_, value) in merges {
            for source in self.sources(*value) {
                if let Some(found) = self.find(source, key, visited) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Every entry, those that count least first.
    fn gather<'a>(
        &'a self,
        mapping: NodeId,
        visited: &mut HashSet<NodeId>,
        all: &mut Vec<Entry<'a>>,
    ) {
        if !visited.insert(mapping) {
            return;
        }
        let pairs = self.pairs(mapping);
        let is_merge = |key: NodeId| self.node(key).value.is_merge();
        for (_, value) in pairs.iter().filter(|(key, _)| is_merge(*key)) {
            for source in self.sources(*value).into_iter().rev() {
                self.gather(source, visited, all);
            }
        }
        let own = pairs.iter().filter(|(key, _)| !is_merge(*key));
        all.extend(own.map(|(key, value)| self.entry(*key, *value)));
    }

    /// The merged mappings, those that count most first.
    fn sources(&self, value: NodeId) -> Vec<NodeId> {
        match &self.node(value).value {
            Value::Sequence(items) => items.clone(),
            _ => vec![value],
        }
    }

    fn entry(&self, key: NodeId, value: NodeId) -> Entry<'_> {
        Entry {
            key: self.node(key),
            value: self.node(value),
            id: value,
        }
    }
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// Text in UTF-16 or UTF-32.
    #[error("encoded as {encoding}; OpenAgents reads only UTF-8")]
    Encoding {
        /// Which.
        encoding: &'static str,
    },
    /// Bytes that are not text.
    #[error("line {line}: bytes that are not UTF-8")]
    NotUtf8 {
        /// The line.
        line: usize,
    },
    /// A character that YAML does not allow.
    #[error("line {line}: the character U+{:04X}, which YAML does not allow", u32::from(*character))]
    Character {
        /// The line.
        line: usize,
        /// The character.
        character: char,
    },
    /// Not the grammar of YAML.
    #[error("line {line}: not YAML: {what}")]
    Syntax {
        /// The line.
        line: usize,
        /// What the parser says.
        what: String,
    },
    /// A tab between the parts of the text.
    #[error("line {line}: a tab outside quotes, which Python rejects")]
    Tab {
        /// The line.
        line: usize,
    },
    /// A second document in one file.
    #[error("line {line}: a second document begins, but only one is read")]
    SecondDocument {
        /// The line.
        line: usize,
    },
    /// One anchor for two nodes.
    #[error("line {line}: duplicate anchor &{name}, first on line {first}")]
    DuplicateAnchor {
        /// The line of the second.
        line: usize,
        /// The line of the first.
        first: usize,
        /// Its name.
        name: String,
    },
    /// A tag that `safe_load` does not know.
    #[error("line {line}: unsupported tag {tag}")]
    Tag {
        /// The line.
        line: usize,
        /// The tag.
        tag: String,
    },
    /// A scalar that is not what its form or tag says.
    #[error("line {line}: '{text}' is not a {expected}")]
    Scalar {
        /// The line.
        line: usize,
        /// The scalar.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A list or mapping as a key.
    #[error("line {line}: a list or mapping as a key")]
    Key {
        /// The line.
        line: usize,
    },
    /// Something under `<<` that is not a mapping.
    #[error("line {line}: << does not merge a mapping or a list of mappings")]
    Merge {
        /// The line.
        line: usize,
    },
    /// More than any configuration has.
    #[error("line {line}: more than {limit} values")]
    TooMany {
        /// The line of the first too many.
        line: usize,
        /// The limit.
        limit: usize,
    },
}

/// The bytes as text, if YAML allows every character.
fn text(bytes: &[u8]) -> Result<&str, YamlError> {
    let utf16 = [&[0xff, 0xfe][..], &[0xfe, 0xff][..]];
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(YamlError::Encoding { encoding: "UTF-32" });
    }
    if utf16.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(YamlError::Encoding { encoding: "UTF-16" });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| YamlError::NotUtf8 {
        line: line_at(&bytes[..error.valid_up_to()]),
    })?;
    match text.char_indices().find(|(_, c)| !is_printable(*c)) {
        Some((at, character)) => Err(YamlError::Character {
            line: line_at(&bytes[..at]),
            character,
        }),
        None => Ok(text),
    }
}

/// What the parser says, kept to one short line.
fn clause(message: &str) -> String {
    let line: String = message
        .chars()
        .map(|c| if is_unsafe_to_show(c) { ' ' } else { c })
        .take(MAX_MESSAGE_CHARACTERS)
        .collect();
    line.trim_end_matches('.').to_owned()
}

/// A text cut to what a message shows.
fn excerpt(text: &str) -> String {
    let shown: String = text.chars().take(MAX_EXCERPT_CHARACTERS).collect();
    crate::pki::escape::Escaped(&shown).to_string()
}

fn line_at(before: &[u8]) -> usize {
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// PyYAML's set: YAML 1.1's printable characters and the byte order mark.
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

const MAX_MESSAGE_CHARACTERS: usize = 200;
const MAX_EXCERPT_CHARACTERS: usize = 60;

/// A value as Python has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An integer; one beyond 127 bits as the nearest of them.
    Int(i128),
    /// A float.
    Float(f64),
    /// A string.
    Text(String),
    /// A date, a time or binary data, which no setting is.
    Other(String),
    /// The key `<<`.
    Merge,
    /// A list.
    Sequence(Vec<NodeId>),
    /// A dictionary: its keys and values in their order.
    Mapping(Vec<(NodeId, NodeId)>),
}

impl Value {
    /// Whether Python's `if` accepts it.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Other(_) | Value::Merge => true,
            Value::Sequence(items) => !items.is_empty(),
            Value::Mapping(pairs) => !pairs.is_empty(),
        }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is this string.
    pub fn is_text(&self, text: &str) -> bool {
        self.as_text() == Some(text)
    }

    /// Whether it is a dictionary.
    pub fn is_mapping(&self) -> bool {
        matches!(self, Value::Mapping(_))
    }

    fn is_merge(&self) -> bool {
        matches!(self, Value::Merge)
    }

    /// What Python's `str` returns for a scalar; `None` for a collection.
    pub fn python_text(&self) -> Option<String> {
        match self {
            Value::Null => Some("None".into()),
            Value::Bool(true) => Some("True".into()),
            Value::Bool(false) => Some("False".into()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => Some(format!("{value:?}")),
            Value::Text(text) | Value::Other(text) => Some(text.clone()),
            Value::Merge | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// What it is, in words that a message can use.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Int(_) => "a number",
            Value::Float(_) => "a decimal number",
            Value::Text(_) => "text",
            Value::Other(_) => "a date or binary data",
            Value::Merge => "a merge key",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// The value of a scalar; `tag` is a name within YAML's own tags, or a whole tag.
fn resolve(
    text: &str,
    is_plain: bool,
    tag: Option<String>,
    line: usize,
) -> Result<Value, YamlError> {
    let wrong = |expected| YamlError::Scalar {
        line,
        text: excerpt(text),
        expected,
    };
    let value = match tag.as_deref() {
        None if is_plain => return implicit(text, line),
        Some("!") => return implicit(text, line),
        None | Some("str") => Ok(Value::Text(text.to_owned())),
        Some("null") => Ok(Value::Null),
        Some("bool") => match text.to_lowercase().as_str() {
            "yes" | "true" | "on" => Ok(Value::Bool(true)),
            "no" | "false" | "off" => Ok(Value::Bool(false)),
            _ => Err("truth value"),
        },
        Some("int") => integer(text).map(Value::Int).ok_or("whole number"),
        Some("float") => float(text).map(Value::Float).ok_or("number"),
        Some("timestamp") if !matches(&TIMESTAMP, text) => Err("date"),
        Some("timestamp" | "binary") => Ok(Value::Other(text.to_owned())),
        Some(tag) => {
            let tag = excerpt(tag);
            return Err(YamlError::Tag { line, tag });
        }
    };
    value.map_err(wrong)
}

/// A plain scalar without a tag, resolved as PyYAML's `resolver.py` does.
fn implicit(text: &str, line: usize) -> Result<Value, YamlError> {
    let wrong = |expected| YamlError::Scalar {
        line,
        text: excerpt(text),
        expected,
    };
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        "<<" => Value::Merge,
        // A string as a key, and unreadable as a value.
        "=" => return Err(wrong("supported value")),
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
            Value::Text(text.to_owned())
        }
        _ if matches(&FLOAT, text) => Value::Float(float(text).ok_or_else(|| wrong("number"))?),
        _ if matches(&INTEGER, text) => {
            Value::Int(integer(text).ok_or_else(|| wrong("whole number"))?)
        }
        _ if matches(&TIMESTAMP, text) => Value::Other(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    };
    Ok(value)
}

/// The number that Python's constructor returns; `None` if it raises.
fn integer(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let digits = unsigned(&text);
    let radix = |digits: &str, radix| {
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        is_number.then(|| i128::from_str_radix(digits, radix).unwrap_or(i128::MAX))
    };
    let value = if digits == "0" {
        Some(0)
    } else if let Some(digits) = digits.strip_prefix("0b") {
        radix(digits, 2)
    } else if let Some(digits) = digits.strip_prefix("0x") {
        radix(digits, 16)
    } else if digits.starts_with('0') {
        radix(digits, 8)
    } else {
        digits.split(':').try_fold(0_i128, |sum, part| {
            Some(sum.saturating_mul(60).saturating_add(radix(part, 10)?))
        })
    };
    value.map(|value| if text.starts_with('-') { -value } else { value })
}

fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let digits = unsigned(&text);
    let value = match digits {
        ".inf" => Some(f64::INFINITY),
        ".nan" => Some(f64::NAN),
        digits => digits.split(':').try_fold(0.0, |sum, part| {
            part.parse::<f64>().ok().map(|part| sum * 60.0 + part)
        }),
    };
    value.map(|value| if text.starts_with('-') { -value } else { value })
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|regex| regex.is_match(text))
}

// The patterns of PyYAML's `resolver.py`.
static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?",
        r"|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?",
        r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*",
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    ))
    .ok()
});
static INTEGER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+",
        r"|[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
    ))
    .ok()
});
static TIMESTAMP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}",
        r":[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$",
    ))
    .ok()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_keys_counts_and_own_keys_before_merged_ones() {
        let text =
            b"a: &a {x: 1, y: 1, z: 1}\nb: &b {y: 2, w: 2}\nc:\n  <<: [*b, *a]\n  x: 3\n  x: 4\n";
        let document = Document::read(text).unwrap();
        let c = document.get(document.root().unwrap(), "c").unwrap().id;
        let value = |key| document.get(c, key).map(|entry| entry.value.value.clone());
        assert_eq!(value("x"), Some(Value::Int(4)));
        assert_eq!(value("y"), Some(Value::Int(2)));
        assert_eq!(
            (value("z"), value("w")),
            (Some(Value::Int(1)), Some(Value::Int(2)))
        );
        assert_eq!(value("v"), None);
        assert_eq!(document.entries(c).len(), 4);
        let duplicate = DuplicateKey {
            key: "x".into(),
            first: 5,
            last: 6,
        };
        assert_eq!(document.duplicates, [duplicate]);
    }

    #[test]
    fn large_mappings_are_looked_up_as_small_ones() {
        let keys: String = (0..100).map(|i| format!("k{i}: {i}\n")).collect();
        let document = Document::read(format!("{keys}k7: last\n").as_bytes()).unwrap();
        let root = document.root().unwrap();
        let value = |key| {
            document
                .get(root, key)
                .map(|entry| entry.value.value.clone())
        };
        assert_eq!(value("k7"), Some(Value::Text("last".into())));
        assert_eq!(value("k99"), Some(Value::Int(99)));
        assert_eq!(value("k100"), None);
    }

    #[test]
    fn a_mapping_that_merges_itself_ends() {
        let document = Document::read(b"a: &a\n  <<: *a\n  x: 1\n");
        if let Ok(document) = document {
            let a = document.get(document.root().unwrap(), "a").unwrap().id;
            assert!(document.get(a, "y").is_none());
            assert_eq!(document.entries(a).len(), 1);
        }
    }
}

#[cfg(test)]
mod scalar_tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_those_of_yaml_1_1() {
        let plain = |text: &str| implicit(text, 1).unwrap();
        for text in ["yes", "Yes", "YES", "on", "true", "TRUE"] {
            assert_eq!(plain(text), Value::Bool(true), "{text}");
        }
        for text in [
            "y", "n", "tRue", "yEs", "OFf", "08", "0o17", "1e3", "0.0.0.0", "::1",
        ] {
            assert_eq!(plain(text), Value::Text(text.into()), "{text}");
        }
        for (text, number) in [
            ("8600", 8600),
            ("020630", 8600),
            ("0x2198", 8600),
            ("8_600", 8600),
            ("1:30", 90),
            ("2:23:20", 8600),
            ("0b101", 5),
            ("-1", -1),
            ("0", 0),
            ("00", 0),
        ] {
            assert_eq!(plain(text), Value::Int(number), "{text}");
        }
        for (text, number) in [
            ("8600.0", 8600.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("1.5e+3", 1500.0),
        ] {
            assert_eq!(plain(text), Value::Float(number), "{text}");
        }
        assert_eq!(plain("2026-11-20"), Value::Other("2026-11-20".into()));
        assert_eq!(plain("NULL"), Value::Null);
        assert!(implicit("0b_", 3).is_err());
    }

    #[test]
    fn truth_is_pythons() {
        assert!(Value::Text("false".into()).is_true());
        assert!(Value::Float(f64::NAN).is_true());
        for value in [
            Value::Null,
            Value::Int(0),
            Value::Float(-0.0),
            Value::Text(String::new()),
            Value::Sequence(Vec::new()),
        ] {
            assert!(!value.is_true(), "{value:?}");
        }
    }

    #[test]
    fn dates_and_times_are_distinguished_from_other_text() {
        for text in [
            "2026-11-20",
            "2026-1-2T3:04:05",
            "2026-11-20 08:05:00.5 +01:00",
            "2026-11-20t08:05:00Z",
        ] {
            assert!(matches(&TIMESTAMP, text), "{text}");
        }
        for text in [
            "2026-1-2",
            "2026-11-20T",
            "20261120",
            "2026-11-20x",
            "127.0.0.1",
        ] {
            assert!(!matches(&TIMESTAMP, text), "{text}");
        }
    }
}
