//! The only writer to the terminal: Report → text or JSON, Error → `error: … / hint: …`.

use std::io::{self, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

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
    /// For spreadsheets: of commands that give a table.
    #[value(hide = true)]
    Csv,
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
            Format::Text | Format::Csv => self.text(text),
            Format::Json => Self::json(data),
        }
    }

    /// Begins a result of many parts, each written as it comes.
    pub fn parts(&self) -> Parts {
        Parts {
            out: io::BufWriter::new(self.stdout()),
            written: 0,
            flow: ControlFlow::Continue(()),
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

    /// Writes JSON as it is made, for it may be far larger than the data.
    fn json(data: &impl Serialize) -> Result<(), Error> {
        let mut stream = io::BufWriter::with_capacity(JSON_BUFFER_OCTETS, io::stdout().lock());
        written(write_json(&mut stream, data).and_then(|()| {
            stream.write_all(b"\n")?;
            stream.flush()
        }))
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
            Format::Text | Format::Csv => {
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

    /// Writes news to standard error, unless quiet: a summary, where standard output has the result.
    pub fn news(&self, text: &dyn std::fmt::Display) {
        if !self.quiet {
            self.stderr_line(text.to_string().trim_end());
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

/// How far long work has come, on standard error: a bar with rate and time left on a terminal, otherwise a line
/// every few seconds.
pub struct Progress {
    bar: indicatif::ProgressBar,
    renderer: Renderer,
    every: Duration,
    started: Instant,
    told: Instant,
}

impl Progress {
    /// Work of `total` steps, each called `unit`.
    pub fn new(renderer: Renderer, total: u64, unit: &str) -> Self {
        let template = format!("{{wide_bar}} {{pos}}/{{len}} {unit}  {{per_sec}}  {{eta}} left");
        let bar = if io::stderr().is_terminal() && !renderer.quiet {
            indicatif::ProgressBar::new(total)
        } else {
            indicatif::ProgressBar::hidden()
        };
        if let Ok(style) = indicatif::ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_length(total);
        let now = Instant::now();
        Progress {
            bar,
            renderer,
            every: Duration::from_secs(5),
            started: now,
            told: now,
        }
    }

    /// So many steps are done.
    pub fn set(&mut self, done: u64) {
        self.bar.set_position(done);
        if self.bar.is_hidden() && !self.renderer.quiet && self.told.elapsed() >= self.every {
            self.told = Instant::now();
            let seconds = self.started.elapsed().as_secs().max(1);
            let total = self.bar.length().unwrap_or(done).max(done);
            self.renderer.stderr_line(&format!(
                "{done} of {total} done, {} a second",
                done / seconds
            ));
        }
    }

    /// A warning that does not disturb the bar.
    pub fn warning(&self, message: &str) {
        self.bar.suspend(|| self.renderer.warning(message));
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// A result of many parts. What was written is there when [`Parts::finish`] returns.
pub struct Parts {
    out: io::BufWriter<AutoStream<io::Stdout>>,
    written: usize,
    flow: ControlFlow<()>,
}

impl Parts {
    /// Writes a part as text; nothing when the reader has gone away.
    ///
    /// # Errors
    /// When standard output takes nothing more.
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        if self.flow.is_continue() {
            self.written += 1;
            self.flow = going_on(self.out.write_all(text.as_bytes()))?;
        }
        Ok(())
    }

    /// Whether there is still a reader.
    pub fn flow(&self) -> ControlFlow<()> {
        self.flow
    }

    /// Writes a part as an element of the array that is an object's only member, `name`.
    ///
    /// # Errors
    /// As [`Parts::text`].
    pub fn element(&mut self, name: &str, data: &impl Serialize) -> Result<(), Error> {
        let before = if self.written > 0 {
            ",".into()
        } else {
            format!("{{\n  \"{name}\": [")
        };
        // A string in JSON holds no line end, so each of these is one between its parts.
        let element = json(data).replace('\n', "\n    ");
        self.text(&format!("{before}\n    {element}"))
    }

    /// Ends the array that [`Parts::element`] has begun, or writes an empty one.
    ///
    /// # Errors
    /// As [`Parts::text`].
    pub fn end_elements(&mut self, name: &str) -> Result<(), Error> {
        let end = if self.written > 0 {
            "\n  ]\n}\n".into()
        } else {
            format!("{{\n  \"{name}\": []\n}}\n")
        };
        self.text(&end)
    }

    /// Writes out what is left.
    ///
    /// # Errors
    /// As [`Parts::text`].
    pub fn finish(mut self) -> Result<(), Error> {
        match self.flow {
            ControlFlow::Continue(()) => written(self.out.flush()),
            ControlFlow::Break(()) => Ok(()),
        }
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
    going_on(result).map(|_| ())
}

fn going_on(result: io::Result<()>) -> Result<ControlFlow<()>, Error> {
    match result {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(source) if source.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(source) => Err(Error::Output { source }),
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
    match write_json(&mut out, data) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(error) => unreachable!("a report has only string keys and finite numbers: {error}"),
    }
}

const JSON_BUFFER_OCTETS: usize = 64 * 1024;

/// Writes what [`json`] gives.
fn write_json(writer: &mut impl Write, data: &impl Serialize) -> io::Result<()> {
    let formatter = SafeFormatter(PrettyFormatter::new());
    let mut serializer = serde_json::Serializer::with_formatter(writer, formatter);
    data.serialize(&mut serializer).map_err(io::Error::from)
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
