//! JSON read strictly ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259), [RFC 7493 §2](https://www.rfc-editor.org/rfc/rfc7493#section-2)):
//! two readers of one message must never see two different values.

use serde::Deserialize;

/// Reads a JSON text into `T`, which may borrow from it.
///
/// # Errors
/// When it is not strict JSON, see [`check`], or not of `T`'s form.
pub(super) fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, JsonError> {
    let text = std::str::from_utf8(text).map_err(|source| JsonError::Utf8 { source })?;
    check(text)?;
    serde_json::from_str(text).map_err(JsonError::Form)
}

/// A member that may be missing, but is not null: for `deserialize_with` beside `default`.
pub(super) fn present<'a, D: serde::Deserializer<'a>, T: Deserialize<'a>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Checks that `text` is one JSON text without duplicate names and lone surrogates, nested at most 1,000 deep.
///
/// Uses 8 bytes of memory for each name of the objects that are open at once.
///
/// # Errors
/// The first violation.
pub(super) fn check(text: &str) -> Result<(), JsonError> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
        names: Vec::new(),
        unescaped: Vec::new(),
        open: Vec::new(),
    };
    scanner.text()
}

/// A strict JSON text in one line: without the white space outside of its strings, everything else as it is.
pub(super) fn compact(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let (mut start, mut in_string, mut is_escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b' ' | b'\t' | b'\r' | b'\n' if !in_string => {
                line.push_str(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    line.push_str(&text[start..]);
    line
}

/// Why a text is not the JSON that is expected.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8 {
        /// Where.
        source: std::str::Utf8Error,
    },
    /// Not JSON.
    #[error("invalid JSON at byte {at}")]
    Syntax {
        /// Where.
        at: usize,
    },
    /// An object has two members of one name.
    #[error("duplicate name in the JSON object that ends at byte {at}")]
    DuplicateName {
        /// Where the object ends.
        at: usize,
    },
    /// Half of a surrogate pair.
    #[error("lone surrogate at byte {at}")]
    LoneSurrogate {
        /// Where.
        at: usize,
    },
    /// Too many arrays and objects within each other.
    #[error("JSON is nested more than {MAX_DEPTH} deep")]
    Depth,
    /// Other members or types than expected.
    #[error("unexpected JSON: {0}")]
    Form(serde_json::Error),
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The names of all open objects, as start and length in `bytes`, or beyond its end in `unescaped`.
    names: Vec<(u32, u32)>,
    unescaped: Vec<u8>,
    open: Vec<Container>,
}

/// An array or an object that has not ended yet.
#[derive(Clone, Copy)]
struct Container {
    is_object: bool,
    first_name: usize,
    first_unescaped: usize,
}

impl Scanner<'_> {
    fn text(&mut self) -> Result<(), JsonError> {
        // Positions of names are kept in 32 bits.
        if self.bytes.len() > u32::MAX as usize / 2 {
            return Err(self.syntax());
        }
        loop {
            if self.begin_value()? {
                continue;
            }
            loop {
                self.skip_space();
                let Some(container) = self.open.last() else {
                    let is_whole = self.at == self.bytes.len();
                    return if is_whole { Ok(()) } else { Err(self.syntax()) };
                };
                match (container.is_object, self.next()?) {
                    (true, b',') => {
                        self.skip_space();
                        self.name()?;
                        break;
                    }
                    (false, b',') => break,
                    (true, b'}') | (false, b']') => self.close()?,
                    _ => return Err(self.syntax()),
                }
            }
        }
    }

    /// Reads a value, or the beginning of one; whether another value has to follow at once.
    fn begin_value(&mut self) -> Result<bool, JsonError> {
        self.skip_space();
        match self.next()? {
            b'{' => {
                self.open(true)?;
                self.skip_space();
                if !self.eat(b'}') {
                    self.name()?;
                    return Ok(true);
                }
                self.close()?;
            }
            b'[' => {
                self.open(false)?;
                self.skip_space();
                if !self.eat(b']') {
                    return Ok(true);
                }
                self.close()?;
            }
            b'"' => {
                self.string()?;
            }
            b't' => self.word(b"rue")?,
            b'f' => self.word(b"alse")?,
            b'n' => self.word(b"ull")?,
            b'-' => {
                let first = self.next()?;
                self.number(first)?;
            }
            first @ b'0'..=b'9' => self.number(first)?,
            _ => return Err(self.syntax()),
        }
        Ok(false)
    }

    fn open(&mut self, is_object: bool) -> Result<(), JsonError> {
        if self.open.len() == MAX_DEPTH {
            return Err(JsonError::Depth);
        }
        self.open.push(Container {
            is_object,
            first_name: self.names.len(),
            first_unescaped: self.unescaped.len(),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), JsonError> {
        let Some(container) = self.open.pop() else {
            return Err(self.syntax());
        };
        let mut names = std::mem::take(&mut self.names);
        let own = &mut names[container.first_name..];
        own.sort_unstable_by(|one, other| self.spelling(*one).cmp(self.spelling(*other)));
        let is_twice = |pair: &[(u32, u32)]| self.spelling(pair[0]) == self.spelling(pair[1]);
        if own.windows(2).any(is_twice) {
            return Err(JsonError::DuplicateName { at: self.at });
        }
        names.truncate(container.first_name);
        self.names = names;
        self.unescaped.truncate(container.first_unescaped);
        Ok(())
    }

    /// The bytes of a name, without escapes.
    fn spelling(&self, (start, length): (u32, u32)) -> &[u8] {
        let (start, length) = (start as usize, length as usize);
        match start.checked_sub(self.bytes.len()) {
            Some(start) => &self.unescaped[start..start + length],
            None => &self.bytes[start..start + length],
        }
    }

    /// Reads a member's name and its colon.
    fn name(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if !self.eat(b'"') {
            return Err(self.syntax());
        }
        let is_escaped = self.string()?;
        let name = if is_escaped {
            let quoted = &self.bytes[start..self.at];
            let name: String = serde_json::from_slice(quoted).map_err(JsonError::Form)?;
            let start = self.bytes.len() + self.unescaped.len();
            self.unescaped.extend(name.as_bytes());
            (start as u32, name.len() as u32)
        } else {
            (start as u32 + 1, (self.at - start - 2) as u32)
        };
        self.names.push(name);
        self.skip_space();
        if self.eat(b':') {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    /// Reads a string from behind its first quote; whether there are escapes in it.
    fn string(&mut self) -> Result<bool, JsonError> {
        let mut is_escaped = false;
        loop {
            match self.next()? {
                b'"' => return Ok(is_escaped),
                b'\\' => {
                    is_escaped = true;
                    self.escape()?;
                }
                0..0x20 => return Err(self.syntax()),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.hexadecimal()? {
                0xd800..0xdc00 => {
                    let follows = self.eat(b'\\') && self.eat(b'u');
                    if follows && (0xdc00..0xe000).contains(&self.hexadecimal()?) {
                        Ok(())
                    } else {
                        Err(JsonError::LoneSurrogate { at: self.at })
                    }
                }
                0xdc00..0xe000 => Err(JsonError::LoneSurrogate { at: self.at }),
                _ => Ok(()),
            },
            _ => Err(self.syntax()),
        }
    }

    fn hexadecimal(&mut self) -> Result<u32, JsonError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16);
            value = value * 16 + digit.ok_or_else(|| self.syntax())?;
        }
        Ok(value)
    }

    /// Reads a number from behind its first digit.
    fn number(&mut self, first: u8) -> Result<(), JsonError> {
        match first {
            b'0' => {}
            b'1'..=b'9' => {
                self.skip_digits();
            }
            _ => return Err(self.syntax()),
        }
        if self.eat(b'.') && self.skip_digits() == 0 {
            return Err(self.syntax());
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            if self.skip_digits() == 0 {
                return Err(self.syntax());
            }
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> usize {
        let rest = &self.bytes[self.at..];
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), JsonError> {
        if !self.bytes[self.at..].starts_with(rest) {
            return Err(self.syntax());
        }
        self.at += rest.len();
        Ok(())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn next(&mut self) -> Result<u8, JsonError> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte.ok_or_else(|| self.syntax())
    }

    fn syntax(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }
}

const MAX_DEPTH: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_rfc_8259_has_it() {
        for text in [
            "{}",
            " [ ] ",
            "0",
            "-0.5e+7",
            "\"\\ud83d\\ude00\"",
            "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}",
            "123456789012345678901234567890",
            "null",
        ] {
            assert!(check(text).is_ok(), "{text}");
        }
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "1e",
            "+1",
            "nul",
            "\"\t\"",
            "\"\\x\"",
            "'a'",
            "[1] 2",
            "{\"a\" 1}",
            "\u{feff}1",
            "NaN",
            "[}",
            "\"",
            "{1:2}",
            "-a",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check(&"[".repeat(MAX_DEPTH + 1)).is_err());
    }

    #[test]
    fn a_name_is_there_once_however_it_is_spelled() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"[{"x":{"a":1,"b":2,"\u0061":1}}]"#,
            r#"{"\u0061":1,"\u0061":2}"#,
            r#"{"":1,"":2}"#,
        ] {
            let error = check(text).unwrap_err();
            assert!(matches!(error, JsonError::DuplicateName { .. }), "{text}");
        }
        for text in [r#"["\ud83d"]"#, r#"["\ude00"]"#, r#"{"\ud83d\ud83d":1}"#] {
            let error = check(text).unwrap_err();
            assert!(matches!(error, JsonError::LoneSurrogate { .. }), "{text}");
        }
    }

    #[test]
    fn a_line_keeps_everything_but_the_space_between_tokens() {
        let line = "{\"a \\\" b\":[1.0,1e2]}";
        assert_eq!(compact("{ \"a \\\" b\" :\n [1.0, 1e2 ] }"), line);
    }
}
