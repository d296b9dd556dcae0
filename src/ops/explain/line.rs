//! A line of a log in a form that can be searched: no colours, one spelling of each text.

/// A line without decoration, and the same folded for comparison. Both have the same length, so a place in one
/// is the same place in the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The text itself.
    pub(super) clean: String,
    /// ASCII letters in lower case, and `_` as a blank.
    pub(super) folded: String,
}

impl Line {
    /// Takes out terminal escapes and NUL bytes (a log in UTF-16 has one after each letter), turns
    /// quotes and blanks into plain ones, and runs of blanks, also written as `\n` or `%20`, into one.
    pub(super) fn new(bytes: &[u8]) -> Self {
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
pub(super) fn fold(text: &str) -> String {
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
mod tests {
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
