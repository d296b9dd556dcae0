//! Reports described once: headings, facts, tables and findings, for the terminal and as one HTML file.
//!
//! The texts of a view are plain; what a renderer could misread is escaped when it is rendered. Nothing in
//! a page is loaded from elsewhere, and only the script that sorts and filters its tables runs.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use time::OffsetDateTime;

use super::Verdict;
use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
use crate::path::finding::{Finding, Severity};
use crate::pki::escape::is_unsafe_to_show;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::validity::rfc3339;

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

    fn class(self) -> &'static str {
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

/// A view as HTML.
struct Page<'a>(&'a View);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.0;
        let title = Html(&view.title);
        f.write_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")?;
        f.write_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")?;
        f.write_str("<meta name=\"color-scheme\" content=\"light dark\">\n")?;
        writeln!(f, "{MARK}\n{}", policy())?;
        writeln!(
            f,
            "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"
        )?;
        writeln!(f, "<header>\n<h1>{title}</h1>")?;
        let tone = view.tone.class();
        writeln!(f, "<p class=\"answer {tone}\">{}</p>", Html(&view.answer))?;
        if !view.lead.is_empty() {
            writeln!(f, "<p class=\"lead\">{}</p>", Html(&view.lead))?;
        }
        f.write_str("</header>\n<main>\n")?;
        for section in &view.sections {
            writeln!(f, "<section>\n<h2>{}</h2>", Html(&section.title))?;
            match &section.content {
                Content::Facts(facts) => write_facts(f, facts)?,
                Content::Table { heads, rows, kind } => write_table(f, heads, rows, *kind)?,
                Content::Items(items) => items.iter().try_for_each(|item| write_item(f, item))?,
            }
            f.write_str("</section>\n")?;
        }
        let version = env!("CARGO_PKG_VERSION");
        let at = rfc3339(view.at.replace_nanosecond(0).unwrap_or(view.at));
        writeln!(
            f,
            "</main>\n<footer>openagents-certs {version}, as of {}</footer>",
            Html(&at)
        )?;
        write!(f, "<script>{SCRIPT}</script>\n</body>\n</html>\n")
    }
}

fn write_table(
    f: &mut fmt::Formatter<'_>,
    heads: &[String],
    rows: &[Vec<Cell>],
    kind: TableKind,
) -> fmt::Result {
    let is_good = |row: &&Vec<Cell>| matches!(row.first(), Some(Cell::Badge(Tone::Good, _)));
    if kind == TableKind::Grid || rows.len() < MANY_ROWS {
        return write_rows(f, heads, rows.iter(), kind);
    }
    let good = rows.iter().filter(is_good).count();
    if good < rows.len() {
        let others = rows.iter().filter(|row| !is_good(row));
        write_rows(f, heads, others, kind)?;
    }
    if good > 0 {
        writeln!(f, "<details><summary>{good} ok</summary>")?;
        write_rows(f, heads, rows.iter().filter(is_good), kind)?;
        f.write_str("</details>\n")?;
    }
    Ok(())
}

fn write_rows<'a>(
    f: &mut fmt::Formatter<'_>,
    heads: &[String],
    rows: impl Iterator<Item = &'a Vec<Cell>> + Clone,
    kind: TableKind,
) -> fmt::Result {
    let class = match kind {
        TableKind::List => "list",
        TableKind::Grid => "grid",
    };
    let first = rows.clone().next();
    writeln!(
        f,
        "<div class=\"scroll\"><table class=\"{class}\">\n<thead><tr>"
    )?;
    for (i, head) in heads.iter().enumerate() {
        let is_name = matches!(first.and_then(|row| row.get(i)), Some(Cell::Name(_)));
        let class = if is_name { " class=\"name\"" } else { "" };
        write!(f, "<th scope=\"col\"{class}>{}</th>", Html(head))?;
    }
    f.write_str("</tr></thead>\n<tbody>\n")?;
    for row in rows {
        f.write_str("<tr>")?;
        row.iter().try_for_each(|cell| write_cell(f, cell))?;
        f.write_str("</tr>\n")?;
    }
    f.write_str("</tbody></table></div>\n")
}

fn write_cell(f: &mut fmt::Formatter<'_>, cell: &Cell) -> fmt::Result {
    match cell {
        Cell::Text(text) => write!(f, "<td>{}</td>", Html(text)),
        Cell::Name(text) => write!(f, "<td class=\"name\">{}</td>", Html(text)),
        Cell::Whole(text) => write!(f, "<td class=\"whole\">{}</td>", Html(text)),
        Cell::Code(text) => write!(f, "<td><code>{}</code></td>", Html(text)),
        Cell::Number(text) => {
            write!(f, "<td><code class=\"unbroken\">{}</code></td>", Html(text))
        }
        Cell::Badge(tone, text) => {
            let class = tone.class();
            write!(
                f,
                "<td><span class=\"badge {class}\">{}</span></td>",
                Html(text)
            )
        }
        Cell::Bar { part, tone, text } => {
            let part = part.clamp(0.0, 1.0);
            let (class, percent) = (tone.class(), part * 100.0);
            write!(
                f,
                "<td class=\"time\" data-key=\"{part:.6}\"><span class=\"bar\"><span class=\"{class}\" style=\"width:{percent:.1}%\"></span></span>{}</td>",
                Html(text)
            )
        }
    }
}

fn write_item(f: &mut fmt::Formatter<'_>, item: &Item) -> fmt::Result {
    let tone = item.tone.class();
    writeln!(f, "<article class=\"{tone}\">")?;
    let (label, title) = (Html(&item.label), Html(&item.title));
    writeln!(
        f,
        "<h3><span class=\"badge {tone}\">{label}</span> {title}</h3>"
    )?;
    if !item.details.is_empty() {
        write_facts(f, &item.details)?;
    }
    f.write_str("</article>\n")
}

fn write_facts(f: &mut fmt::Formatter<'_>, facts: &[(String, String)]) -> fmt::Result {
    f.write_str("<dl>\n")?;
    for (name, value) in facts {
        writeln!(f, "<dt>{}</dt><dd>{}</dd>", Html(name), Html(value))?;
    }
    f.write_str("</dl>\n")
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

/// Text for HTML: markup as entities, what is unsafe to show as escapes.
struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is between backticks is code; the last backtick of an odd number is shown.
        let closed = self.0.matches('`').count() / 2 * 2;
        for (i, part) in self.0.split('`').enumerate() {
            match i {
                0 => {}
                i if i > closed => f.write_str("`")?,
                i if i % 2 == 1 => f.write_str("<code>")?,
                _ => f.write_str("</code>")?,
            }
            write_escaped(f, part)?;
        }
        Ok(())
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&#39;")?,
            c if is_unsafe_to_show(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

/// What a browser permits in a page: its own style, and its own script by its hash; nothing is loaded.
fn policy() -> String {
    let hash = Fingerprint::sha256(SCRIPT.as_bytes()).base64();
    format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">"
    )
}

/// Light and dark, wide and narrow, and on paper.
const STYLE: &str = include_str!("view.css");
/// Sorts and filters tables; a page is complete without it.
const SCRIPT: &str = include_str!("view.js");
/// From this many rows on, good ones are folded away.
const MANY_ROWS: usize = 30;
/// Distinguishes a page from any other file.
const MARK: &str = "<meta name=\"generator\" content=\"openagents-certs\">";
const MARK_WITHIN: usize = 1024;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn nothing_in_a_text_becomes_markup() {
        let evil = "</td><script>alert('x')</script>&\"\u{202e}\n";
        let page = page(vec![vec![
            Cell::Text(evil.into()),
            Cell::Code(evil.into()),
            Cell::Badge(Tone::Bad, evil.into()),
        ]]);
        let page = page.to_html();
        assert_eq!(page.matches("<script>").count(), 1);
        assert!(page.contains("script-src 'sha256-"));
        assert!(!page.contains('\u{202e}'));
        let shown =
            "&lt;/td&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\\u{202e}\\u{a}";
        assert_eq!(page.matches(shown).count(), 3);
    }

    #[test]
    fn text_between_backticks_is_code() {
        let html = |text| Html(text).to_string();
        assert_eq!(
            html("run `a < b` and `c`"),
            "run <code>a &lt; b</code> and <code>c</code>"
        );
        assert_eq!(html("one ` alone"), "one ` alone");
        assert_eq!(html("`a` b`"), "<code>a</code> b`");
    }

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

    fn page(rows: Vec<Vec<Cell>>) -> View {
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
