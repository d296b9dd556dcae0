//! `openagents-certs-json(7)`: each field of each report.
//!
//! The table has three columns: a command, the path of a field, and its meaning. A command that begins with `@` is a
//! shape that others share; the meaning `@shape` inserts its fields. A path that ends in `.*` covers all below it.

use super::{MISCELLANEA, PROGRAM, Page};

/// The fields of a command's JSON: path and meaning. `[]` stands for each member of a list.
pub(super) fn fields(command: &str) -> Vec<(String, &'static str)> {
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

pub(super) fn page() -> String {
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
