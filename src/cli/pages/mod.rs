//! The manual: one page per command, and those on files, findings and JSON; laid out as man-pages(7) asks.

mod command;

use roff::{Inline, Roff, bold, roman};

use crate::ops::explain::{Explained, all_findings};
use crate::path::finding::Severity;

/// Every page, by its file name, such as `openagents-certs-ca-init.1`.
pub fn man_pages() -> Vec<(String, String)> {
    let mut root = super::command().disable_help_subcommand(true);
    root.build();
    let mut pages = command::pages(&root);
    pages.push(("certs.1".into(), format!(".so man1/{PROGRAM}.1\n")));
    for (name, section, page) in [
        ("files", FORMATS, files_page()),
        ("findings", MISCELLANEA, findings_page()),
        ("json", MISCELLANEA, json_page()),
    ] {
        pages.push((format!("{PROGRAM}-{name}.{section}"), page));
    }
    pages.sort();
    pages
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

fn files_page() -> String {
    let name = format!("{PROGRAM}-files");
    let mut page = Page::new(&name, FORMATS, "the files of a PKI directory");
    page.heading("DESCRIPTION");
    page.paragraph(
        "Everything is in one directory: ./certs unless -C or OPENAGENTS_CERTS_DIR names another. Files appear whole \
         or not at all, and a certificate and its key always match, even if the program is killed. Nothing is \
         overwritten without --force, and a CA's key never is. Symbolic links are not written through. Two processes \
         that need the same directory wait for each other.",
    );
    page.heading("FILES");
    for (name, text) in FILES {
        page.term(name, text);
    }
    page.see_also(&["(1)", "-findings(7)", "-json(7)"].map(|page| format!("{PROGRAM}{page}")));
    page.end()
}

static FILES: &[(&str, &str)] = &[
    (
        "ca.crt",
        "The trust anchors to distribute, PEM: one, or the old and the new one during a rotation. Mode 0644.",
    ),
    (
        "ca.key",
        "The CA's private key, PKCS #8 in PEM, encrypted if a passphrase was given. Mode 0600. Back it up, and keep it secret: anyone who has it can issue any certificate of the network.",
    ),
    (
        "issuer.crt",
        "Only in a subordinate authority: its certificate and those above it, without the trust anchor.",
    ),
    (
        "certs.toml",
        "Settings and profiles (optional). `openagents-certs template init` writes one that explains each setting.",
    ),
    (
        "inventory.db",
        "What was issued and revoked, in SQLite. A certificate is recorded here before it is released.",
    ),
    (
        "crl.pem",
        "The current certificate revocation list, once there is one.",
    ),
    (
        "server.crt, server.key",
        "The server's certificate followed by its intermediates, and its private key, mode 0600. Name them as cert_file and key_file in a network's tls block.",
    ),
    (
        "serve.crt, serve.key",
        "The certificate that `serve` presents, issued by its own CA and renewed by it, and its private key, mode 0600.",
    ),
    (
        "NAME.crt, NAME.key",
        "Any other certificate that was issued, and its private key.",
    ),
    ("ca-DATE.crt, ca-DATE.key", "A CA that was replaced."),
];

fn findings_page() -> String {
    let name = format!("{PROGRAM}-findings");
    let mut page = Page::new(&name, MISCELLANEA, "everything that a check can find");
    page.heading("DESCRIPTION");
    page.paragraph(
        "verify, verify-chain, inspect and status report findings. Each has an id that does not change, a severity, the \
         values found, how to fix it, and a reference. An error makes the answer no; a warning is something that some \
         programs refuse; a note is worth knowing. The severity is that of the default profile, tls; where the profiles \
         rfc5280 (the standard to the letter) and webpki (public CAs) differ, they are named. \
         `openagents-certs explain ID` shows the same.",
    );
    page.heading("FINDINGS");
    for finding in all_findings() {
        page.term(finding.id, &format!("{}. {}", finding.message, finding.why));
        for one in &finding.stacks {
            page.more(one.stack, one.effect);
        }
        page.more("severity", &severities(&finding));
        page.more("hint", finding.hint);
        page.more("see", finding.reference);
    }
    page.see_also(
        &["-explain(1)", "-verify(1)", "-json(7)"].map(|page| format!("{PROGRAM}{page}")),
    );
    page.end()
}

fn severities(finding: &Explained) -> String {
    let Some(severity) = finding.severity else {
        return String::new();
    };
    let name = |one: Option<Severity>| one.map_or("not checked".to_owned(), |one| one.to_string());
    let (tls, rfc5280, webpki) = (
        name(severity.tls),
        name(severity.rfc5280),
        name(severity.webpki),
    );
    if tls == rfc5280 && tls == webpki {
        tls
    } else {
        format!("{tls}; rfc5280: {rfc5280}; webpki: {webpki}")
    }
}

/// The fields of a command's JSON, as the manual documents them: path and meaning.
pub fn json_fields(command: &str) -> Vec<(String, &'static str)> {
    let mut fields = Vec::new();
    for (_, path, text) in rows().filter(|(name, ..)| *name == command) {
        if text.starts_with('@') {
            let of_shape = rows().filter(|(name, ..)| *name == text);
            fields.extend(of_shape.map(|(_, below, text)| (joined(path, below), text)));
        } else {
            fields.push((path.to_owned(), text));
        }
    }
    fields
}

fn json_page() -> String {
    let name = format!("{PROGRAM}-json");
    let mut page = Page::new(&name, MISCELLANEA, "the JSON that commands write");
    page.heading("DESCRIPTION");
    page.paragraph(
        "With --format json, or --json, each command writes one JSON object to standard output. Names do not change; \
         new ones may be added. One name means the same in every command. Times are RFC 3339 in UTC, names of numbers \
         end in their unit, and paths are absolute. Characters that could mislead a terminal are \\u escapes. Below, [] \
         stands for each member of a list; a field that may be absent says so. `issue` stands for each of its \
         subcommands except batch.",
    );
    page.heading("STANDARD ERROR");
    page.paragraph(
        "Everything on standard error is JSON, one object per line, with one of these members:",
    );
    page.term("error", "Why the command could not be carried out (exit status 2): code, a name that does not change; message, with the path or value; hint, what to do about it, or null.");
    page.term(
        "reason",
        "Why the answer is not yes (exit status 1 or 2): verdict and message.",
    );
    page.term("warning", "What may not work as expected: message.");
    page.term(
        "notice",
        "A summary where standard output has the result itself, or progress: message.",
    );
    let mut last = "";
    for (command, path, text) in rows() {
        if command != last {
            page.heading(&command.trim_start_matches('@').to_uppercase());
            last = command;
        }
        match (path, text.strip_prefix('@')) {
            ("", Some(shape)) => {
                page.paragraph(&format!("The fields of {}.", shape.to_uppercase()))
            }
            (path, Some(shape)) => page.term(
                path,
                &format!("Has the fields of {}.", shape.to_uppercase()),
            ),
            (path, None) => page.term(path, text),
        }
    }
    page.see_also(&["(1)", "-files(5)", "-findings(7)"].map(|page| format!("{PROGRAM}{page}")));
    page.end()
}

fn joined(path: &str, below: &str) -> String {
    if path.is_empty() {
        below.to_owned()
    } else {
        format!("{path}.{below}")
    }
}

/// Command, path and meaning.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.lines().filter_map(|row| {
        let mut columns = row.splitn(3, '\t');
        Some((columns.next()?, columns.next()?, columns.next()?))
    })
}

static TABLE: &str = include_str!("json.tsv");
