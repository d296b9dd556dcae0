//! The manual: one page per command, and those on files, findings and JSON; laid out as man-pages(7) asks.

mod command;
mod files;
mod findings;
mod json;

use roff::{Inline, Roff, bold, roman};

/// Every page, by its file name, such as `openagents-certs-ca-init.1`.
pub fn man_pages() -> Vec<(String, String)> {
    let mut root = super::command().disable_help_subcommand(true);
    root.build();
    let mut pages = command::pages(&root);
    pages.push(("certs.1".into(), format!(".so man1/{PROGRAM}.1\n")));
    for (name, section, page) in [
        ("files", FORMATS, files::page()),
        ("findings", MISCELLANEA, findings::page()),
        ("json", MISCELLANEA, json::page()),
    ] {
        pages.push((format!("{PROGRAM}-{name}.{section}"), page));
    }
    pages.sort();
    pages
}

/// The fields of a command's JSON, as the manual documents them: path and meaning.
pub fn json_fields(command: &str) -> Vec<(String, &'static str)> {
    json::fields(command)
}

/// The page with this name: a command's words or a page's name, with or without the program's.
pub(super) fn page(words: &[String]) -> Option<String> {
    let name = words.join("-");
    let name = name
        .strip_prefix(PROGRAM)
        .unwrap_or(&name)
        .trim_matches('-');
    let sought = if name.is_empty() || name == "certs" {
        PROGRAM.to_owned()
    } else {
        format!("{PROGRAM}-{name}")
    };
    let is_sought = |file: &str| {
        let base = file.rsplit_once('.').map_or(file, |(base, _)| base);
        base == sought || file == sought
    };
    let mut pages = man_pages().into_iter();
    pages
        .find(|(file, _)| is_sought(file))
        .map(|(_, page)| page)
}

/// The names that [`page`] takes.
pub(super) fn names() -> Vec<String> {
    let pages = man_pages().into_iter();
    let names = pages.filter_map(|(file, _)| {
        let (name, _) = file.rsplit_once('.')?;
        Some(
            name.strip_prefix(PROGRAM)?
                .trim_start_matches('-')
                .to_owned(),
        )
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// A page under construction.
struct Page(Roff);

impl Page {
    /// A page with its title line and NAME section.
    fn new(name: &str, section: &str, summary: &str) -> Self {
        let mut roff = Roff::new();
        // The short name: with the long one the header's three parts overprint each other at 80 columns.
        let title = name.replacen(PROGRAM, "certs", 1).to_uppercase();
        let source = format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"));
        roff.control("TH", [title.as_str(), section, UPDATED, &source, PROGRAM]);
        roff.control("SH", ["NAME"]);
        roff.text([roman(format!("{name} - {summary}"))]);
        Page(roff)
    }

    fn heading(&mut self, text: &str) {
        self.0.control("SH", [text]);
    }

    fn subheading(&mut self, text: &str) {
        self.0.control("SS", [text]);
    }

    fn paragraph(&mut self, text: &str) {
        self.0.control("PP", []);
        self.0.text([roman(text)]);
    }

    /// A term in bold and its description.
    fn term(&mut self, term: &str, text: &str) {
        self.tagged([bold(term)], text);
    }

    /// A term of several fonts and its description.
    fn tagged(&mut self, term: impl Into<Vec<Inline>>, text: &str) {
        self.0.control("TP", []);
        self.0.text(term);
        self.0.text([roman(text)]);
    }

    /// A further paragraph of the last term.
    fn more(&mut self, label: &str, text: &str) {
        self.0.control("IP", []);
        self.0.text([roman(format!("{label}: ")), roman(text)]);
    }

    /// Lines shown exactly as they are.
    fn verbatim<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        self.0.control("PP", []);
        self.0.control("nf", []);
        self.0.control("RS", ["4"]);
        for line in lines {
            self.0.text([roman(line)]);
        }
        self.0.control("RE", []);
        self.0.control("fi", []);
    }

    /// The pages named here, such as `openagents-certs-verify(1)`, in the order given.
    fn see_also(&mut self, pages: &[String]) {
        self.heading("SEE ALSO");
        let mut text = Vec::new();
        for (at, page) in pages.iter().enumerate() {
            let (name, section) = page.split_once('(').unwrap_or((page, ""));
            let end = if at + 1 < pages.len() { ", " } else { "" };
            text.push(bold(name));
            text.push(roman(format!("({section}{end}")));
        }
        self.0.text(text);
    }

    fn exit_status(&mut self) {
        self.heading("EXIT STATUS");
        self.term("0", "Done, or the answer is yes.");
        self.term(
            "1",
            "The answer is no: a check failed, or the request was refused. One line on standard error says why.",
        );
        self.term(
            "2",
            "Undetermined: wrong usage, unreadable or malformed input, an I/O error, or not enough to decide by.",
        );
    }

    fn end(self) -> String {
        self.0.render()
    }
}

const PROGRAM: &str = "openagents-certs";
/// When the manual was last revised.
const UPDATED: &str = "2026-11-28";
const COMMANDS: &str = "1";
const FORMATS: &str = "5";
const MISCELLANEA: &str = "7";
