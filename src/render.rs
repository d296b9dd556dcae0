//! The only writer to the terminal: Report → text or JSON, Error → `error: … / hint: …`.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use indicatif::ProgressState;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::error::Error;
use crate::pki::escape::is_unsafe_to_show;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For spreadsheets: of commands that give a table.
    Csv,
    /// For Prometheus: of commands that measure.
    Prometheus,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
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
    /// Write only what was asked for, and errors.
    pub quiet: bool,
}

impl Renderer {
    /// Writes a result to standard output, as text or as JSON.
    ///
    /// # Errors
    /// When standard output takes nothing more; a reader that has gone away is no error.
    pub fn result(&self, data: &impl Serialize, text: &dyn std::fmt::Display) -> Result<(), Error> {
        match self.format {
            Format::Text | Format::Csv | Format::Prometheus => self.text(text),
            Format::Json => Self::json(data),
        }
    }

    /// Writes a report to standard output, as text that fits the terminal or as JSON.
    ///
    /// # Errors
    /// As [`Renderer::result`].
    pub fn report(&self, report: &(impl Serialize + std::fmt::Display)) -> Result<(), Error> {
        match self.columns() {
            Some(columns) => self.result(report, &wrapped(&report.to_string(), columns)),
            None => self.result(report, report),
        }
    }

    /// How many columns the terminal has that results are written to; `None` where they are not written to one.
    pub fn columns(&self) -> Option<usize> {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(stdout).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    }

    /// Whether results are written to a terminal.
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Writes a part of a result that has no end: a line of text, or JSON in one line.
    ///
    /// # Errors
    /// As [`Renderer::result`].
    pub fn event(&self, data: &impl Serialize, text: &dyn std::fmt::Display) -> Result<(), Error> {
        match self.format {
            Format::Text | Format::Csv | Format::Prometheus => self.text(text),
            Format::Json => self.line(&json_line(data)),
        }
    }

    /// Begins a result of many parts, each written as it comes.
    pub fn parts(&self) -> Parts {
        Parts::new(self.stdout())
    }

    /// Writes text to standard output whatever the format: what a command was asked to emit as it is.
    ///
    /// # Errors
    /// As [`Renderer::result`].
    pub fn text(&self, text: &dyn std::fmt::Display) -> Result<(), Error> {
        self.line(&text.to_string())
    }

    /// Whether somebody reads standard output as it is written, on a terminal.
    pub fn is_on_terminal(&self) -> bool {
        io::IsTerminal::is_terminal(&io::stdout())
    }

    /// Writes bytes to standard output exactly as they are.
    ///
    /// # Errors
    /// As [`Renderer::result`].
    pub fn raw(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut stream = io::stdout().lock();
        written(stream.write_all(bytes).and_then(|()| stream.flush()))
    }

    /// Writes JSON as it is made, for it may be far larger than the data.
    fn json(data: &impl Serialize) -> Result<(), Error> {
        let mut stream = io::BufWriter::with_capacity(JSON_BUFFER_BYTES, io::stdout().lock());
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
            Format::Text | Format::Csv | Format::Prometheus => {
                self.labelled("error", AnsiColor::Red, &with_causes(error));
                if let Some(hint) = error.hint() {
                    self.labelled("hint", AnsiColor::Cyan, &hint);
                }
            }
            Format::Json => {
                let (code, message, hint) = (error.code(), with_causes(error), error.hint());
                self.stderr_json(
                    "error",
                    &ErrorFields {
                        code,
                        message,
                        hint,
                    },
                );
            }
        }
    }

    /// Writes a warning to standard error, unless quiet.
    pub fn warning(&self, message: &str) {
        match self.format {
            _ if self.quiet => {}
            Format::Json => self.stderr_json("warning", &MessageFields { message }),
            Format::Text | Format::Csv | Format::Prometheus => {
                self.labelled("warning", AnsiColor::Yellow, message);
            }
        }
    }

    /// Writes a notice to standard error, unless quiet: a summary, where standard output has the result.
    pub fn notice(&self, text: &dyn std::fmt::Display) {
        let text = text.to_string();
        match self.format {
            _ if self.quiet => {}
            Format::Json => {
                let message = anstream::adapter::strip_str(text.trim()).to_string();
                self.stderr_json("notice", &MessageFields { message: &message });
            }
            Format::Text | Format::Csv | Format::Prometheus => self.stderr_line(text.trim_end()),
        }
    }

    /// Writes a line of a log to standard error: text, or JSON.
    pub fn log(&self, data: &impl Serialize, text: &dyn std::fmt::Display) {
        match self.format {
            Format::Json => self.stderr_line(&json_line(data)),
            Format::Text | Format::Csv | Format::Prometheus => self.stderr_line(&text.to_string()),
        }
    }

    /// Writes to standard error, in one line, why the answer is not yes. On a terminal that has just shown the report
    /// it would only repeat it.
    pub fn reason(&self, verdict: &str, message: &str) {
        match self.format {
            Format::Json => self.stderr_json("reason", &ReasonFields { verdict, message }),
            Format::Text | Format::Csv | Format::Prometheus => {
                let is_repeated = !self.quiet && self.is_terminal() && io::stderr().is_terminal();
                if !is_repeated {
                    let color = if verdict == "no" {
                        AnsiColor::Red
                    } else {
                        AnsiColor::Yellow
                    };
                    self.labelled(verdict, color, message);
                }
            }
        }
    }

    /// Writes to standard error why a message is denied: what was found, and the reason in the last line.
    pub fn denied(&self, reason: &str, message: &str) {
        match self.format {
            Format::Json => self.stderr_json("denied", &DeniedFields { reason, message }),
            Format::Text | Format::Csv | Format::Prometheus => {
                if !self.quiet {
                    self.stderr_line(message);
                }
                self.labelled("denied", AnsiColor::Red, reason);
            }
        }
    }

    /// Whether text that only confirms what was done is left out.
    pub fn is_silent(&self) -> bool {
        self.quiet && self.format != Format::Json
    }

    /// A copy of standard error, for a program that is started to write to.
    pub fn stderr_copy(&self) -> Option<OwnedFd> {
        io::stderr().as_fd().try_clone_to_owned().ok()
    }

    fn labelled(&self, label: &str, color: AnsiColor, message: &str) {
        let style = Style::new().bold().fg_color(Some(color.into()));
        self.stderr_line(&format!("{style}{label}:{style:#} {message}"));
    }

    /// One line of JSON: an object whose only member is `name`.
    fn stderr_json(&self, name: &str, fields: &impl Serialize) {
        let object = std::collections::BTreeMap::from([(name, fields)]);
        self.stderr_line(&json_line(&object));
    }

    fn stderr_line(&self, text: &str) {
        // Nobody is left to tell when standard error fails.
        let _ = writeln!(AutoStream::new(io::stderr(), self.color.into()), "{text}");
    }

    fn stdout(&self) -> AutoStream<io::Stdout> {
        AutoStream::new(io::stdout(), self.color.into())
    }
}

/// Text whose lines are at most this wide where they can be broken at a space; what follows is indented. Colours
/// take no room.
fn wrapped(text: &str, columns: usize) -> String {
    let width = |word: &str| anstream::adapter::strip_str(word).to_string().width();
    let mut lines = Vec::new();
    for line in text.lines() {
        let start = line.len() - line.trim_start().len();
        let indent = " ".repeat(start.min(columns / 2) + 2);
        let mut current = line[..start].to_owned();
        let mut is_empty = true;
        for word in line[start..].split(' ') {
            if !is_empty && width(&current) + 1 + width(word) > columns {
                lines.push(current.trim_end().to_owned());
                current = indent.clone();
                is_empty = true;
            }
            if !is_empty {
                current.push(' ');
            }
            current.push_str(word);
            is_empty = false;
        }
        lines.push(current);
    }
    lines.join("\n") + "\n"
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

const JSON_BUFFER_BYTES: usize = 64 * 1024;

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
struct MessageFields<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct DeniedFields<'a> {
    reason: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct ReasonFields<'a> {
    verdict: &'a str,
    message: &'a str,
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

/// The same in one line: a string in JSON contains no line end, so each line begins with a name or a bracket.
fn json_line(data: &impl Serialize) -> String {
    json(data).lines().map(str::trim_start).collect()
}

/// Writes what [`json`] returns.
fn write_json(writer: &mut impl Write, data: &impl Serialize) -> io::Result<()> {
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

/// A result of many parts. What was written is there when [`Parts::finish`] returns.
pub struct Parts {
    out: io::BufWriter<AutoStream<io::Stdout>>,
    written: usize,
    flow: ControlFlow<()>,
}

impl Parts {
    fn new(out: AutoStream<io::Stdout>) -> Self {
        Parts {
            out: io::BufWriter::new(out),
            written: 0,
            flow: ControlFlow::Continue(()),
        }
    }

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
        let template = format!("{{wide_bar}} {{pos}}/{{len}} {unit}  {{rate}}  {{eta}} left");
        let bar = if io::stderr().is_terminal() && !renderer.quiet {
            indicatif::ProgressBar::new(total)
        } else {
            indicatif::ProgressBar::hidden()
        };
        if let Ok(style) = indicatif::ProgressStyle::with_template(&template) {
            bar.set_style(style.with_key(
                "rate",
                |state: &ProgressState, out: &mut dyn fmt::Write| {
                    // A bar that cannot be drawn is no reason to stop.
                    let _ = write!(out, "{:.0} a second", state.per_sec());
                },
            ));
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

    /// So many steps of so many are done.
    pub fn set_of(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.set(done);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_spaces_and_colours_take_no_room() {
        let text = "  one two three\n\u{1b}[31mred\u{1b}[0m and more\n0123456789abc\n";
        let expected = "  one two\n    three\n\u{1b}[31mred\u{1b}[0m and\n  more\n0123456789abc\n";
        assert_eq!(wrapped(text, 10), expected);
    }
}

#[cfg(test)]
mod json_tests {
    use super::*;

    #[test]
    fn json_escapes_what_cannot_be_shown_and_reads_back_the_same() {
        let value = "a\u{1b}\u{202e}\u{7f}é\u{e0001}\n";
        let text = json(&value);
        assert_eq!(text, "\"a\\u001b\\u202e\\u007fé\\udb40\\udc01\\n\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }
}
