//! Why Python cannot read a text as YAML.

use crate::pki::escape::is_unsafe_to_show;

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
pub(super) fn text(bytes: &[u8]) -> Result<&str, YamlError> {
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
pub(super) fn clause(message: &str) -> String {
    let line: String = message
        .chars()
        .map(|c| if is_unsafe_to_show(c) { ' ' } else { c })
        .take(MAX_MESSAGE_CHARACTERS)
        .collect();
    line.trim_end_matches('.').to_owned()
}

/// A text cut to what a message shows.
pub(super) fn excerpt(text: &str) -> String {
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
