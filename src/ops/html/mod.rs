//! Reports as one HTML file: nothing in it is loaded from elsewhere, nothing runs, everything is escaped here.

mod style;

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::path::Path;

use time::OffsetDateTime;

use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
use crate::pki::escape::is_unsafe_to_show;
use crate::pki::validity::rfc3339;

/// A page: what it is about, the answer, and what it rests on.
///
/// Its texts are plain; what HTML would take for markup, and what could not be shown safely, is escaped
/// when the page is written out.
#[derive(Clone, Debug)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// The answer in a few words.
    pub answer: String,
    /// How the answer is.
    pub tone: Tone,
    /// A sentence below the answer; may be empty.
    pub lead: String,
    /// What it rests on, in the order it is read.
    pub sections: Vec<Section>,
    /// The moment it speaks of.
    pub at: OffsetDateTime,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Well.
    Good,
    /// To be looked at.
    Warning,
    /// Bad.
    Bad,
    /// Neither.
    Plain,
}

/// A part of a page under a heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// What stands under it.
    pub content: Content,
}

/// What stands under a heading.
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
        /// Whether it is a grid of short cells, such as a calendar.
        is_grid: bool,
    },
    /// Things that were found, one under the other.
    Items(Vec<Item>),
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Text.
    Text(String),
    /// Text that stays on one line, such as a time.
    Whole(String),
    /// A word with the colour of what it means.
    Badge(Tone, String),
    /// A part of a whole, drawn, and a text beside it.
    Bar {
        /// The part, from 0 to 1.
        part: f64,
        /// How it is.
        tone: Tone,
        /// What is said of it.
        text: String,
    },
    /// A path, a number or the like, in letters of one width.
    Code(String),
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Item {
    /// How it is.
    pub tone: Tone,
    /// A word for it, such as its severity.
    pub label: String,
    /// What it is.
    pub title: String,
    /// More of it: names, which may be empty, and their values.
    pub details: Vec<(String, String)>,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = Html(&self.title);
        f.write_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")?;
        f.write_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")?;
        f.write_str("<meta name=\"color-scheme\" content=\"light dark\">\n")?;
        writeln!(f, "{MARK}")?;
        f.write_str(POLICY)?;
        writeln!(
            f,
            "<title>{title}</title>\n<style>{}</style>\n</head>\n<body>",
            style::STYLE
        )?;
        writeln!(f, "<header>\n<h1>{title}</h1>")?;
        let tone = class(self.tone);
        writeln!(f, "<p class=\"answer {tone}\">{}</p>", Html(&self.answer))?;
        if !self.lead.is_empty() {
            writeln!(f, "<p class=\"lead\">{}</p>", Html(&self.lead))?;
        }
        f.write_str("</header>\n<main>\n")?;
        for section in &self.sections {
            section.fmt(f)?;
        }
        let version = env!("CARGO_PKG_VERSION");
        let at = rfc3339(self.at);
        writeln!(
            f,
            "</main>\n<footer>openagents-certs {version}, as of {}</footer>",
            Html(&at)
        )?;
        f.write_str("</body>\n</html>\n")
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "<section>\n<h2>{}</h2>", Html(&self.title))?;
        match &self.content {
            Content::Facts(facts) => write_facts(f, facts)?,
            Content::Table {
                heads,
                rows,
                is_grid,
            } => {
                let class = if *is_grid { "grid" } else { "list" };
                writeln!(
                    f,
                    "<div class=\"scroll\"><table class=\"{class}\">\n<thead><tr>"
                )?;
                for head in heads {
                    write!(f, "<th scope=\"col\">{}</th>", Html(head))?;
                }
                f.write_str("</tr></thead>\n<tbody>\n")?;
                for row in rows {
                    f.write_str("<tr>")?;
                    row.iter().try_for_each(|cell| cell.fmt(f))?;
                    f.write_str("</tr>\n")?;
                }
                f.write_str("</tbody></table></div>\n")?;
            }
            Content::Items(items) => {
                for item in items {
                    item.fmt(f)?;
                }
            }
        }
        f.write_str("</section>\n")
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Text(text) => write!(f, "<td>{}</td>", Html(text)),
            Cell::Whole(text) => write!(f, "<td class=\"whole\">{}</td>", Html(text)),
            Cell::Code(text) => write!(f, "<td><code>{}</code></td>", Html(text)),
            Cell::Badge(tone, text) => {
                let class = class(*tone);
                write!(
                    f,
                    "<td><span class=\"badge {class}\">{}</span></td>",
                    Html(text)
                )
            }
            Cell::Bar { part, tone, text } => {
                let percent = part.clamp(0.0, 1.0) * 100.0;
                let class = class(*tone);
                write!(
                    f,
                    "<td class=\"time\"><span class=\"bar\"><span class=\"{class}\" style=\"width:{percent:.1}%\"></span></span>{}</td>",
                    Html(text)
                )
            }
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tone = class(self.tone);
        writeln!(f, "<article class=\"{tone}\">")?;
        let label = Html(&self.label);
        writeln!(
            f,
            "<h3><span class=\"badge {tone}\">{label}</span> {}</h3>",
            Html(&self.title)
        )?;
        if !self.details.is_empty() {
            write_facts(f, &self.details)?;
        }
        f.write_str("</article>\n")
    }
}

fn write_facts(f: &mut fmt::Formatter<'_>, facts: &[(String, String)]) -> fmt::Result {
    f.write_str("<dl>\n")?;
    for (name, value) in facts {
        writeln!(f, "<dt>{}</dt><dd>{}</dd>", Html(name), Html(value))?;
    }
    f.write_str("</dl>\n")
}

/// Writes a page to a file. An earlier page is replaced; anything else only when `replace` is set.
///
/// # Errors
/// When something else is there and `replace` is not set, or the disk refuses.
pub fn write(page: &Page, path: &Path, replace: bool) -> Result<(), Error> {
    let (directory, name) = files::place(path)?;
    let replace = replace || is_page(path)?;
    let lock = Lock::acquire(directory)?;
    files::write_together(&lock, &[file(name, page.to_string().as_bytes())], replace)
}

fn file<'a>(name: &'a OsStr, content: &'a [u8]) -> NewFile<'a> {
    NewFile {
        name,
        content,
        secret: false,
    }
}

/// Whether a page stands there that was written before.
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

/// Text as HTML shows it: what would be markup as entities, what cannot be shown as escapes.
struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
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
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
        Tone::Plain => "plain",
    }
}

/// What tells a page of ours from any other file.
const MARK: &str = "<meta name=\"generator\" content=\"openagents-certs\">";
const MARK_WITHIN: usize = 1024;
/// Nothing is loaded and nothing runs, whatever is in the page.
const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n";

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
        ]])
        .to_string();
        assert!(!page.contains("<script"));
        assert!(!page.contains('\u{202e}'));
        let shown =
            "&lt;/td&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\\u{202e}\\u{a}";
        assert_eq!(page.matches(shown).count(), 3);
    }

    #[test]
    fn a_page_replaces_a_page_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.html");
        let page = page(Vec::new());
        write(&page, &path, false).unwrap();
        write(&page, &path, false).unwrap();
        std::fs::write(&path, "<p>mine").unwrap();
        assert_eq!(write(&page, &path, false).unwrap_err().code(), "exists");
        write(&page, &path, true).unwrap();
    }

    fn page(rows: Vec<Vec<Cell>>) -> Page {
        Page {
            title: "Certificates".into(),
            answer: "all well".into(),
            tone: Tone::Good,
            lead: String::new(),
            sections: vec![Section {
                title: "All".into(),
                content: Content::Table {
                    heads: vec!["Name".into()],
                    rows,
                    is_grid: false,
                },
            }],
            at: datetime!(2026-11-20 08:05 UTC),
        }
    }
}
