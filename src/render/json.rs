//! JSON that is safe to show.

use std::io::{self, Write};

use serde::Serialize;

use crate::pki::escape::is_unsafe_to_show;

/// Indented JSON in which every character that cannot be shown safely is a `\u` escape.
pub(super) fn json(data: &impl Serialize) -> String {
    let mut out = Vec::new();
    match write_json(&mut out, data) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(error) => unreachable!("a report has only string keys and finite numbers: {error}"),
    }
}

/// The same in one line: a string in JSON contains no line end, so each line begins with a name or a bracket.
pub(super) fn json_line(data: &impl Serialize) -> String {
    json(data).lines().map(str::trim_start).collect()
}

/// Writes what [`json`] returns.
pub(super) fn write_json(writer: &mut impl Write, data: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(Escaping(writer), data).map_err(io::Error::from)
}

/// Escapes what cannot be shown safely. Such characters occur only in strings, where `\u` is an escape.
struct Escaping<'a, W>(&'a mut W);

impl<W: Write> Write for Escaping<'_, W> {
    /// Takes whole fragments: the serializer writes one `str` at a time.
    fn write(&mut self, fragment: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(fragment).map_err(io::Error::other)?;
        let mut rest = text;
        let is_escaped = |c: char| c != '\n' && is_unsafe_to_show(c);
        while let Some(at) = rest.find(is_escaped) {
            self.0.write_all(&rest.as_bytes()[..at])?;
            let mut characters = rest[at..].chars();
            for unit in characters
                .next()
                .iter()
                .flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec())
            {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        self.0.write_all(rest.as_bytes())?;
        Ok(fragment.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_what_cannot_be_shown_and_reads_back_the_same() {
        let value = "a\u{1b}\u{202e}\u{7f}é\u{e0001}\n";
        let text = json(&value);
        assert_eq!(text, "\"a\\u001b\\u202e\\u007fé\\udb40\\udc01\\n\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }
}
