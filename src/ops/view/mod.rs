//! Reports described once: headings, facts, tables and findings, for the terminal and as one HTML file.
//!
//! The texts of a view are plain; what a renderer could misread is escaped when it is rendered. Nothing in
//! a page is loaded from elsewhere, and only the script that sorts and filters its tables runs.

mod html;

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use time::OffsetDateTime;

use html::{MARK, Page, Sections};

use super::Verdict;
use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
use crate::path::finding::{Finding, Severity};

/// A report: its subject, the answer, and what the answer rests on.
#[derive(Clone, Debug)]
pub struct View {
    /// What it is about.
    pub title: String,
    /// The answer in a few words.
    pub answer: String,
    /// The answer's tone.
    pub tone: Tone,
    /// A sentence below the answer; may be empty.
    pub lead: String,
    /// The sections, in reading order.
    pub sections: Vec<Section>,
    /// The moment it describes.
    pub at: OffsetDateTime,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well: green.
    Good,
    /// Needs attention: yellow.
    Warning,
    /// Wrong: red.
    Bad,
    /// No judgement.
    Plain,
}

/// A section under a heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Its content.
    pub content: Content,
}

impl Section {
    /// A section.
    pub fn new(title: &str, content: Content) -> Self {
        let title = title.to_owned();
        Section { title, content }
    }

    /// A section with a table.
    pub fn table(title: &str, heads: &[&str], rows: Vec<Vec<Cell>>, kind: TableKind) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Section::new(title, Content::Table { heads, rows, kind })
    }
}

/// The content of a section.
#[derive(Clone, Debug)]
pub enum Content {
    /// Names and their values.
    Facts(Vec<(String, String)>),
    /// A table with heads.
    Table {
        /// The heads of its columns.
        heads: Vec<String>,
        /// Its rows.
        rows: Vec<Vec<Cell>>,
        /// How it is laid out.
        kind: TableKind,
    },
    /// Findings, one below the other.
    Items(Vec<Item>),
}

/// How a table is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Rows that are read one by one; in a page they can be sorted and filtered, and where there are many,
    /// those that begin with a good badge are folded away.
    List,
    /// A grid of short cells, such as a calendar.
    Grid,
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Text.
    Text(String),
    /// The name of the row, which stays visible on a narrow screen.
    Name(String),
    /// Text on one line, such as a time.
    Whole(String),
    /// A word with its tone.
    Badge(Tone, String),
    /// A share, drawn, with a text beside it.
    Bar {
        /// The share, from 0 to 1.
        part: f64,
        /// Its tone.
        tone: Tone,
        /// The text beside it.
        text: String,
    },
    /// A path in a monospaced font.
    Code(String),
    /// A number or the like in a monospaced font, on one line.
    Number(String),
}

/// A finding or an error.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its tone.
    pub tone: Tone,
    /// A word for it, such as its severity.
    pub label: String,
    /// What it is.
    pub title: String,
    /// Details: names, which may be empty, and their values.
    pub details: Vec<(String, String)>,
}

impl View {
    /// The view as a page.
    pub fn to_html(&self) -> String {
        Page(self).to_string()
    }

    /// The sections as HTML, to put into a page with [`STYLE`]: without inline style or script.
    pub fn sections_html(&self) -> String {
        Sections(&self.sections).to_string()
    }
}

impl Tone {
    /// The tone of an answer.
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Yes => Tone::Good,
            Verdict::No => Tone::Bad,
            Verdict::Undetermined => Tone::Warning,
        }
    }

    /// The tone of a finding.
    pub fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Warning,
            Severity::Note => Tone::Plain,
        }
    }

    /// Its colour on a terminal.
    pub fn style(self) -> Style {
        let color = match self {
            Tone::Good => AnsiColor::Green,
            Tone::Warning => AnsiColor::Yellow,
            Tone::Bad => AnsiColor::Red,
            Tone::Plain => return Style::new(),
        };
        Style::new().fg_color(Some(color.into()))
    }

    /// The name of its class in [`STYLE`].
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Warning => "warning",
            Tone::Bad => "bad",
            Tone::Plain => "plain",
        }
    }
}

/// Text in the colour of its tone, for a terminal.
pub struct Toned<T>(pub Tone, pub T);

impl<T: fmt::Display> fmt::Display for Toned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = self.0.style().bold();
        write!(f, "{style}{}{style:#}", self.1)
    }
}

/// A finding as the lines of a terminal, its severity in colour.
pub fn finding(finding: &Finding) -> String {
    let severity = finding.severity;
    let text = finding.to_string();
    let rest = text.strip_prefix(&severity.to_string()).unwrap_or(&text);
    format!("{}{rest}", Toned(Tone::of_severity(severity), severity))
}

/// Writes a view as a page. An earlier page is replaced; anything else only when `replace` is set.
///
/// # Errors
/// When something else is there and `replace` is not set, or the file cannot be written.
pub fn write_page(view: &View, path: &Path, replace: bool) -> Result<(), Error> {
    let (directory, name) = files::place(path)?;
    let replace = replace || is_page(path)?;
    let lock = Lock::acquire(directory)?;
    let page = view.to_html();
    files::write_together(&lock, &[file(name, page.as_bytes())], replace)
}

fn file<'a>(name: &'a OsStr, content: &'a [u8]) -> NewFile<'a> {
    NewFile {
        name,
        content,
        secret: false,
    }
}

/// Whether a file is a page that was written before.
fn is_page(path: &Path) -> Result<bool, Error> {
    match files::kind(path)? {
        Kind::File => {
            let content = files::read(path)?;
            let start = &content[..content.len().min(MARK_WITHIN)];
            Ok(start
                .windows(MARK.len())
                .any(|part| part == MARK.as_bytes()))
        }
        Kind::Absent | Kind::SymbolicLink | Kind::Other => Ok(false),
    }
}

/// The style of every page, that of the dashboard among them: light and dark, wide and narrow, and on paper.
pub const STYLE: &str = include_str!("style.css");
const MARK_WITHIN: usize = 1024;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_page_replaces_a_page_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.html");
        let page = page(Vec::new());
        write_page(&page, &path, false).unwrap();
        write_page(&page, &path, false).unwrap();
        std::fs::write(&path, "<p>mine").unwrap();
        assert_eq!(
            write_page(&page, &path, false).unwrap_err().code(),
            "exists"
        );
        write_page(&page, &path, true).unwrap();
    }

    pub(super) fn page(rows: Vec<Vec<Cell>>) -> View {
        View {
            title: "Certificates".into(),
            answer: "all well".into(),
            tone: Tone::Good,
            lead: String::new(),
            sections: vec![Section {
                title: "All".into(),
                content: Content::Table {
                    heads: vec!["Name".into()],
                    rows,
                    kind: TableKind::List,
                },
            }],
            at: datetime!(2026-11-20 08:05 UTC),
        }
    }
}
