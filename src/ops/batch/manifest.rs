//! Manifests: what is to be issued, a row a certificate, as CSV, JSON lines or TOML.
//!
//! They are read row by row, so that a manifest may be larger than memory.

use std::io::{BufRead, Read};

use serde::Deserialize;

use crate::pki::algorithm::KeyType;
use crate::pki::validity::Lifetime;
use crate::store::Labels;

/// How a manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// A header line, then a line a row; several names in one field are separated by spaces.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// A `[[certificate]]` table a row.
    Toml,
}

impl Syntax {
    /// What a file with this name is written in; JSON lines unless its ending says otherwise.
    pub fn of_name(name: &std::path::Path) -> Self {
        match name.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Syntax::Csv,
            Some("toml") => Syntax::Toml,
            Some(_) | None => Syntax::Jsonl,
        }
    }
}

/// One certificate that is wanted.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The profile it is issued by.
    pub profile: String,
    /// Its names; the first is the common name.
    #[serde(default)]
    pub names: Vec<String>,
    /// A SPIFFE ID: the certificate is an X.509-SVID.
    pub spiffe: Option<String>,
    /// How long it is valid, such as `24h`.
    pub ttl: Option<Lifetime>,
    /// The kind of its key.
    pub key_type: Option<KeyType>,
    /// The name of its files, without ending.
    pub name: Option<String>,
    /// A note for the inventory.
    pub note: Option<String>,
    /// Labels for the inventory.
    #[serde(default)]
    pub labels: Labels,
}

/// A row where it stands, or why it cannot be read.
pub type Numbered = (u64, Result<Row, String>);

/// The rows of a manifest, each with the line it begins on.
///
/// A row that cannot be read is an item, and the rest goes on; a manifest that cannot be read ends
/// with such an item.
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
/// The longest row that is read, in octets.
const MAX_ROW_OCTETS: u64 = 1 << 20;

#[derive(Deserialize)]
struct Table {
    certificate: [Row; 1],
}

/// Lines with their numbers, each at most [`MAX_ROW_OCTETS`] long.
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
            .take(MAX_ROW_OCTETS)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => return None,
            Ok(n) if n as u64 == MAX_ROW_OCTETS && !line.ends_with(b"\n") => {
                self.ended = true;
                Err("the line is longer than 1 MiB; nothing behind it was read".into())
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
    Box::new(reader.into_records().map(move |record| {
        let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
        match record {
            Ok(record) => (line(record.position()), csv_row(&headers, &record)),
            Err(error) => (line(error.position()), Err(error.to_string())),
        }
    }))
}

/// A CSV row by way of JSON, so that one set of rules reads every syntax; an empty field is none.
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
                if text.len() as u64 > MAX_ROW_OCTETS {
                    self.lines.ended = true;
                    return Some((
                        number,
                        Err("the table is longer than 1 MiB; nothing behind it was read".into()),
                    ));
                }
            } else if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
                return Some((number, Err(format!("a row begins with {TABLE}"))));
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
    fn the_three_syntaxes_say_the_same() {
        let csv = "profile,names,ttl,name\nclient,agent-7.test spiffe://td/a,24h,agent-7\nserver,b.test,,\n";
        let jsonl = concat!(
            r#"{"profile":"client","names":["agent-7.test","spiffe://td/a"],"ttl":"24h","name":"agent-7"}"#,
            "\n\n",
            r#"{"profile":"server","names":["b.test"]}"#
        );
        let toml = "# agents\n[[certificate]]\nprofile = \"client\"\nnames = [\"agent-7.test\", \"spiffe://td/a\"]\nttl = \"24h\"\n\
                    name = \"agent-7\"\n\n[[certificate]]\nprofile = \"server\"\nnames = [\"b.test\"]\n";
        let expected = read(Syntax::Jsonl, jsonl);
        assert_eq!(expected.len(), 2);
        assert_eq!(expected[0].names[1], "spiffe://td/a");
        assert_eq!(read(Syntax::Csv, csv), expected);
        assert_eq!(read(Syntax::Toml, toml), expected);
    }

    #[test]
    fn a_bad_row_has_its_line_and_the_rest_goes_on() {
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
