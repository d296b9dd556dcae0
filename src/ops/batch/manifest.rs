//! Manifests: the certificates to issue, one per row, as CSV, JSON lines or TOML.
//!
//! They are read row by row and may be larger than memory.

use std::io::{BufRead, Read};

use serde::Deserialize;

use crate::pki::algorithm::KeyType;
use crate::pki::validity::Lifetime;
use crate::store::Labels;

/// The syntax of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// A header line, then one row per line; spaces separate several names or labels in a field.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// One `[[certificate]]` table per row.
    Toml,
}

impl Syntax {
    /// The syntax of a file by its extension: `.csv`, `.toml`, otherwise JSON lines.
    pub fn of_name(name: &std::path::Path) -> Self {
        match name.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Syntax::Csv,
            Some("toml") => Syntax::Toml,
            Some(_) | None => Syntax::Jsonl,
        }
    }
}

/// One certificate to issue.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its profile; the command's `--profile` where there is none.
    pub profile: Option<String>,
    /// Its names; the first becomes the common name.
    #[serde(default)]
    pub names: Vec<String>,
    /// A SPIFFE ID: the certificate is an X.509-SVID.
    pub spiffe: Option<String>,
    /// Its validity period, such as `24h`.
    pub ttl: Option<Lifetime>,
    /// The type of its key.
    pub key_type: Option<KeyType>,
    /// The name of its files, without extension.
    pub name: Option<String>,
    /// A note for the inventory.
    pub note: Option<String>,
    /// Labels for the inventory.
    #[serde(default)]
    pub labels: Labels,
}

impl Row {
    /// What identifies the row in a report: the name of its files, or the first of its names.
    pub fn label(&self) -> Option<&str> {
        let names = self.name.iter().chain(&self.spiffe).chain(&self.names);
        names.map(String::as_str).next()
    }
}

/// A row and the line it begins on, or why it cannot be read.
pub type Numbered = (u64, Result<Row, String>);

/// The rows of a manifest, each with the line it begins on.
///
/// A row that cannot be read is an error item, and the next rows follow. A manifest that cannot be read, such as
/// one with an unknown column, is a single error item.
pub fn rows(
    syntax: Syntax,
    input: impl BufRead + Send + 'static,
) -> Box<dyn Iterator<Item = Numbered> + Send> {
    match syntax {
        Syntax::Csv => csv_rows(input),
        Syntax::Jsonl => Box::new(Lines::new(input).filter_map(|(number, line)| match line {
            Ok(line) if line.trim().is_empty() => None,
            Ok(line) => Some((
                number,
                serde_json::from_str(&line).map_err(|e| e.to_string()),
            )),
            Err(what) => Some((number, Err(what))),
        })),
        Syntax::Toml => Box::new(TomlTables {
            lines: Lines::new(input),
            next: None,
        }),
    }
}

const TABLE: &str = "[[certificate]]";
/// The longest row, in bytes.
const MAX_ROW_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
struct Table {
    certificate: [Row; 1],
}

/// Lines with their numbers, each of at most [`MAX_ROW_BYTES`].
struct Lines<R> {
    input: R,
    number: u64,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    fn new(input: R) -> Self {
        Lines {
            input,
            number: 0,
            ended: false,
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = (u64, Result<String, String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.number += 1;
        let mut line = Vec::new();
        let line = match self
            .input
            .by_ref()
            .take(MAX_ROW_BYTES)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => return None,
            Ok(n) if n as u64 == MAX_ROW_BYTES && !line.ends_with(b"\n") => {
                self.ended = true;
                Err("the line is longer than 1 MiB; nothing after it was read".into())
            }
            Ok(_) => String::from_utf8(line).map_err(|e| e.utf8_error().to_string()),
            Err(error) => {
                self.ended = true;
                Err(error.to_string())
            }
        };
        Some((self.number, line))
    }
}

fn csv_rows(input: impl Read + Send + 'static) -> Box<dyn Iterator<Item = Numbered> + Send> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(input);
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return Box::new(std::iter::once((1, Err(error.to_string())))),
    };
    if let Some(problem) = header_problem(&headers) {
        return Box::new(std::iter::once((1, Err(problem))));
    }
    Box::new(reader.into_records().map(move |record| {
        let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
        match record {
            Ok(record) => (line(record.position()), csv_row(&headers, &record)),
            Err(error) => (line(error.position()), Err(error.to_string())),
        }
    }))
}

/// What is wrong with a header: it would be wrong in every row.
fn header_problem(headers: &csv::StringRecord) -> Option<String> {
    let known = COLUMNS.join(", ");
    if let Some(unknown) = headers.iter().find(|name| !COLUMNS.contains(name)) {
        return Some(format!(
            "the header has no column '{}': the columns are {known}",
            unknown.escape_debug()
        ));
    }
    let mut seen = std::collections::HashSet::new();
    let twice = headers.iter().find(|name| !seen.insert(*name))?;
    Some(format!("the header has the column '{twice}' twice"))
}

/// The columns of a CSV manifest: the fields of [`Row`].
const COLUMNS: [&str; 8] = [
    "profile", "names", "spiffe", "ttl", "key_type", "name", "note", "labels",
];

/// A CSV row by way of JSON, so that one set of rules reads every syntax. Empty fields are left out.
fn csv_row(headers: &csv::StringRecord, record: &csv::StringRecord) -> Result<Row, String> {
    let fields = headers
        .iter()
        .zip(record)
        .filter(|(_, value)| !value.is_empty());
    let fields = fields.map(|(name, value)| {
        let value = match name {
            "names" => value
                .split_whitespace()
                .map(Into::into)
                .collect::<Vec<serde_json::Value>>()
                .into(),
            "labels" => {
                let labels = value.split_whitespace().map(|label| {
                    let (name, value) = label.split_once('=').unwrap_or((label, ""));
                    (name.to_owned(), value.into())
                });
                serde_json::Value::Object(labels.collect())
            }
            _ => value.into(),
        };
        (name.to_owned(), value)
    });
    serde_json::from_value(serde_json::Value::Object(fields.collect())).map_err(|e| e.to_string())
}

/// The tables of a TOML manifest, each read on its own.
struct TomlTables<R> {
    lines: Lines<R>,
    next: Option<u64>,
}

impl<R: BufRead> Iterator for TomlTables<R> {
    type Item = Numbered;

    fn next(&mut self) -> Option<Numbered> {
        let mut text = String::new();
        loop {
            let (number, line) = match self.lines.next() {
                Some((number, Ok(line))) => (number, line),
                Some((number, Err(what))) => return Some((number, Err(what))),
                None => break,
            };
            if line.trim_end().trim_start() == TABLE {
                if let Some(begin) = self.next.replace(number) {
                    return Some((begin, table(&text)));
                }
            } else if self.next.is_some() {
                text.push_str(&line);
                if text.len() as u64 > MAX_ROW_BYTES {
                    self.lines.ended = true;
                    return Some((
                        number,
                        Err("the table is longer than 1 MiB; nothing after it was read".into()),
                    ));
                }
            } else if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
                return Some((number, Err(format!("a row starts with {TABLE}"))));
            }
        }
        self.next.take().map(|begin| (begin, table(&text)))
    }
}

fn table(text: &str) -> Result<Row, String> {
    let parsed: Result<Table, _> = toml::from_str(&format!("{TABLE}\n{text}"));
    parsed
        .map(|Table { certificate: [row] }| row)
        .map_err(|e| e.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_syntaxes_mean_the_same() {
        let csv = "profile,names,ttl,name,labels\nclient,agent-7.test spiffe://td/a,24h,agent-7,team=red env=\nserver,b.test,,,\n";
        let jsonl = concat!(
            r#"{"profile":"client","names":["agent-7.test","spiffe://td/a"],"ttl":"24h","name":"agent-7","labels":{"team":"red","env":""}}"#,
            "\n\n",
            r#"{"profile":"server","names":["b.test"]}"#
        );
        let toml = "# agents\n[[certificate]]\nprofile = \"client\"\nnames = [\"agent-7.test\", \"spiffe://td/a\"]\nttl = \"24h\"\n\
                    name = \"agent-7\"\nlabels = { team = \"red\", env = \"\" }\n\n[[certificate]]\nprofile = \"server\"\nnames = [\"b.test\"]\n";
        let expected = read(Syntax::Jsonl, jsonl);
        assert_eq!(expected.len(), 2);
        assert_eq!(expected[0].names[1], "spiffe://td/a");
        assert_eq!(read(Syntax::Csv, csv), expected);
        assert_eq!(read(Syntax::Toml, toml), expected);
    }

    #[test]
    fn a_bad_header_is_one_error_and_not_one_per_row() {
        for (csv, expected) in [
            ("profil,names\nclient,a\nclient,b\n", "no column 'profil'"),
            ("names,names\na,b\n", "'names' twice"),
        ] {
            let rows: Vec<_> = rows(Syntax::Csv, std::io::Cursor::new(csv)).collect();
            assert_eq!(rows.len(), 1);
            let message = rows[0].1.as_ref().unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_row_needs_no_profile_and_is_known_by_its_name() {
        let rows = read(Syntax::Csv, "names,name\na.test b.test,\nc.test,c\n");
        assert_eq!(rows[0].profile, None);
        let labels: Vec<_> = rows.iter().map(Row::label).collect();
        assert_eq!(labels, [Some("a.test"), Some("c")]);
    }

    #[test]
    fn a_bad_row_has_its_line_and_the_next_rows_follow() {
        let text = "{\"profile\":\"client\",\"names\":[\"a\"]}\n{\"profil\":1}\n{\"profile\":\"client\",\"names\":[\"b\"]}\n";
        let rows: Vec<_> = rows(Syntax::Jsonl, std::io::Cursor::new(text)).collect();
        assert_eq!(
            rows.iter()
                .map(|(line, row)| (*line, row.is_ok()))
                .collect::<Vec<_>>(),
            [(1, true), (2, false), (3, true)]
        );
    }

    fn read(syntax: Syntax, text: &'static str) -> Vec<Row> {
        rows(syntax, std::io::Cursor::new(text))
            .map(|(_, row)| row.unwrap())
            .collect()
    }
}
