//! `openagents-certs-json(7)`: each field of each report.
//!
//! The table has three columns: a command, the path of a field, and what it is. A command that begins with
//! `@` is a shape that others have as a part, and a meaning that is `@shape` puts its fields in there. A path
//! that ends in `.*` stands for all below it.

use super::Page;

/// The fields of the JSON a command writes: path and meaning. Members of lists are written `[]`.
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
    let mut page = Page::new("json", "7", "what --format json writes");
    page.heading("DESCRIPTION");
    page.paragraph(
        "With --format json, or --json, each command writes one JSON object to standard output. Names do not \
         change; new ones may come. Times are RFC 3339 in UTC, units stand in the names. Characters that a \
         terminal could be misled by are \\u escapes. Below, [] stands for each member of a list, and a field \
         that is not always there is said to be so. `issue` stands for each of its subcommands but batch.",
    );
    page.heading("ERRORS");
    page.paragraph("What could not be done is an object on standard error, with exit code 2:");
    page.term("error.code", "The error's name, which does not change.");
    page.term("error.message", "What happened, with the path or value.");
    page.term("error.hint", "What to do about it, or null.");
    let mut last = "";
    for (command, path, text) in rows() {
        if command != last {
            page.heading(&command.trim_start_matches('@').to_uppercase());
            last = command;
        }
        match (path, text.strip_prefix('@')) {
            ("", Some(shape)) => page.paragraph(&format!(
                "The fields of {} below or above.",
                shape.to_uppercase()
            )),
            (path, Some(shape)) => page.term(
                path,
                &format!("Has the fields of {}.", shape.to_uppercase()),
            ),
            (path, None) => page.term(path, text),
        }
    }
    page.heading("SEE ALSO");
    page.paragraph("openagents-certs(1), openagents-certs-findings(7)");
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
