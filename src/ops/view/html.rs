//! Views as HTML.

use std::fmt::{self, Write as _};

use super::{Cell, Content, Item, STYLE, Section, TableKind, Tone, View};
use crate::pki::escape::is_unsafe_to_show;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::validity::rfc3339;

/// A view as HTML.
pub(super) struct Page<'a>(pub(super) &'a View);

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
        Sections(&view.sections).fmt(f)?;
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

/// The sections of a view as HTML.
pub(super) struct Sections<'a>(pub(super) &'a [Section]);

impl fmt::Display for Sections<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in self.0 {
            writeln!(f, "<section>\n<h2>{}</h2>", Html(&section.title))?;
            match &section.content {
                Content::Facts(facts) => write_facts(f, facts)?,
                Content::Table { heads, rows, kind } => write_table(f, heads, rows, *kind)?,
                Content::Items(items) => items.iter().try_for_each(|item| write_item(f, item))?,
            }
            f.write_str("</section>\n")?;
        }
        Ok(())
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
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"{class}\">\n<thead><tr>"
    )?;
    for (i, head) in heads.iter().enumerate() {
        let is_name = matches!(first.and_then(|row| row.get(i)), Some(Cell::Name(_)));
        let class = if is_name { " class=\"name\"" } else { "" };
        match head.is_empty() {
            // A heading without text says nothing to whoever hears it.
            true => write!(f, "<td{class}></td>")?,
            false => write!(f, "<th scope=\"col\"{class}>{}</th>", Html(head))?,
        }
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
                "<td class=\"time\" data-key=\"{part:.6}\"><svg class=\"bar {class}\" aria-hidden=\"true\"><rect width=\"{percent:.1}%\" height=\"100%\"/></svg>{}</td>",
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

/// Sorts and filters tables; a page is complete without it.
const SCRIPT: &str = include_str!("tables.js");
/// From this many rows on, good ones are folded away.
const MANY_ROWS: usize = 30;
/// Distinguishes a page from any other file.
pub(super) const MARK: &str = "<meta name=\"generator\" content=\"openagents-certs\">";

#[cfg(test)]
mod tests {
    use super::super::tests::page;
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
}
