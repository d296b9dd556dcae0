//! The only writer to the terminal: Report → text or JSON, Error → `error: … / hint: …`.

use std::io::{self, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter};

use crate::error::Error;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Default)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams and how they are written.
#[derive(Clone, Copy, Debug)]
pub struct Renderer {
    /// Text or JSON.
    pub format: Format,
    /// When colours are used.
    pub color: Color,
    /// Leave out everything but results and errors.
    pub quiet: bool,
}

impl Renderer {
    /// Writes a result to standard output, as text or as JSON.
    ///
    /// # Errors
    /// When standard output takes nothing more; a reader that has gone away is no error.
    pub fn result(&self, data: &impl Serialize, text: &dyn std::fmt::Display) -> Result<(), Error> {
        match self.format {
            Format::Text => self.text(text),
            Format::Json => self.line(&json(data)),
        }
    }

    /// Writes text to standard output whatever the format: what a command was asked to emit as it is.
    ///
    /// # Errors
    /// As [`Renderer::result`].
    pub fn text(&self, text: &dyn std::fmt::Display) -> Result<(), Error> {
        self.line(&text.to_string())
    }

    /// Writes octets to standard output exactly as they are.
    ///
    /// # Errors
    /// As [`Renderer::result`].
    pub fn raw(&self, octets: &[u8]) -> Result<(), Error> {
        let mut stream = io::stdout().lock();
        written(stream.write_all(octets).and_then(|()| stream.flush()))
    }

    fn line(&self, text: &str) -> Result<(), Error> {
        let mut stream = self.stdout();
        written(stream.write_all(text.as_bytes()).and_then(|()| {
            if !text.ends_with('\n') {
                stream.write_all(b"\n")?;
            }
            stream.flush()
        }))
    }

    /// Writes an error and its hint to standard error.
    pub fn error(&self, error: &Error) {
        match self.format {
            Format::Text => {
                self.labelled("error", AnsiColor::Red, &with_causes(error));
                if let Some(hint) = error.hint() {
                    self.labelled("hint", AnsiColor::Cyan, &hint);
                }
            }
            Format::Json => {
                let (code, message, hint) = (error.code(), with_causes(error), error.hint());
                self.stderr_line(&json(&ErrorReport {
                    error: ErrorFields {
                        code,
                        message,
                        hint,
                    },
                }));
            }
        }
    }

    /// Writes a warning to standard error, unless quiet.
    pub fn warning(&self, message: &str) {
        if !self.quiet {
            self.labelled("warning", AnsiColor::Yellow, message);
        }
    }

    /// Says on standard error, in one line, why the answer is no.
    pub fn reason(&self, message: &str) {
        self.labelled("no", AnsiColor::Red, message);
    }

    fn labelled(&self, label: &str, color: AnsiColor, message: &str) {
        let style = Style::new().bold().fg_color(Some(color.into()));
        self.stderr_line(&format!("{style}{label}:{style:#} {message}"));
    }

    fn stderr_line(&self, text: &str) {
        // Nobody is left to tell when standard error fails.
        let _ = writeln!(AutoStream::new(io::stderr(), self.color.into()), "{text}");
    }

    fn stdout(&self) -> AutoStream<io::Stdout> {
        AutoStream::new(io::stdout(), self.color.into())
    }
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
    }
}

/// A reader that has gone away is no error.
fn written(result: io::Result<()>) -> Result<(), Error> {
    match result {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output { source }),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[derive(Serialize)]
struct ErrorReport {
    error: ErrorFields,
}

#[derive(Serialize)]
struct ErrorFields {
    code: &'static str,
    message: String,
    hint: Option<String>,
}

/// The message and every cause that it does not say itself.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let message = crate::pki::escape::Escaped(&error.to_string()).to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

/// Indented JSON in which every character that cannot be shown safely is a `\u` escape.
fn json(data: &impl Serialize) -> String {
    let mut out = Vec::new();
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut out, SafeFormatter(PrettyFormatter::new()));
    match data.serialize(&mut serializer) {
        Ok(()) => String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Err(error) => unreachable!("a report has only string keys and finite numbers: {error}"),
    }
}

struct SafeFormatter(PrettyFormatter<'static>);

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(crate::pki::escape::is_unsafe_to_show) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut characters = rest[at..].chars();
            for unit in characters
                .next()
                .into_iter()
                .flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec())
            {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
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
