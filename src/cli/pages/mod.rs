//! The manual: a page for each command, and those on findings, JSON and files.

mod files;
mod findings;
mod json;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

/// Every page, by the name of its file, such as `openagents-certs-ca-init.1`.
pub fn man_pages() -> Vec<(String, String)> {
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    of_commands(&command, &mut pages);
    pages.push((
        format!("certs.{COMMANDS}"),
        format!(".so man1/{PROGRAM}.1\n"),
    ));
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

/// The fields of the JSON a command writes, as the manual has them: path and meaning.
pub fn json_fields(command: &str) -> Vec<(String, &'static str)> {
    json::fields(command)
}

/// The page of this name: a command's words or page's name, with or without the program's.
pub(super) fn page(words: &[String]) -> Option<String> {
    let name = words.join("-");
    let name = name
        .strip_prefix(PROGRAM)
        .unwrap_or(&name)
        .trim_matches('-');
    let wanted = if name.is_empty() || name == "certs" {
        PROGRAM.to_owned()
    } else {
        format!("{PROGRAM}-{name}")
    };
    let mut pages = man_pages().into_iter();
    let is_it = |file: &str| {
        let base = file.rsplit_once('.').map_or(file, |(base, _)| base);
        base == wanted || file == wanted
    };
    pages.find(|(file, _)| is_it(file)).map(|(_, page)| page)
}

fn of_commands(command: &Command, pages: &mut Vec<(String, String)>) {
    for child in command
        .get_subcommands()
        .filter(|child| !child.is_hide_set())
    {
        of_commands(child, pages);
    }
    let source = format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source);
    let mut page = Vec::new();
    match man.render(&mut page) {
        Ok(()) => pages.push((
            man.get_filename(),
            String::from_utf8_lossy(&page).into_owned(),
        )),
        Err(error) => unreachable!("memory can be written to: {error}"),
    }
}

/// A page that is being written.
struct Page(Roff);

impl Page {
    /// A page with its title and what it is in one line.
    fn new(name: &str, section: &str, what: &str) -> Self {
        let mut roff = Roff::new();
        let title = format!("{PROGRAM}-{name}");
        let source = format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"));
        roff.control(
            "TH",
            [title.to_uppercase().as_str(), section, "", &source, ""],
        );
        roff.control("SH", ["NAME"]);
        roff.text([roman(format!("{title} - {what}"))]);
        Page(roff)
    }

    fn heading(&mut self, text: &str) {
        self.0.control("SH", [text]);
    }

    fn paragraph(&mut self, text: &str) {
        self.0.control("PP", []);
        self.0.text([roman(text)]);
    }

    /// A term in bold and what is said of it.
    fn term(&mut self, term: &str, text: &str) {
        self.0.control("TP", []);
        self.0.text([bold(term)]);
        self.0.text([roman(text)]);
    }

    /// What belongs to the term before, in a paragraph of its own.
    fn more(&mut self, label: &str, text: &str) {
        self.0.control("IP", []);
        let label: Inline = roman(format!("{label}: "));
        self.0.text([label, roman(text)]);
    }

    fn end(self) -> String {
        self.0.render()
    }
}

const PROGRAM: &str = "openagents-certs";
const COMMANDS: &str = "1";
const FORMATS: &str = "5";
const MISCELLANEA: &str = "7";
