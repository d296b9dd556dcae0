//! Certificates named on standard input, so that `list` pipes into `renew`, `revoke` and `export`.

use std::ffi::{OsStr, OsString};

use serde_json::Value;

use crate::error::{Error, TargetListError};
use crate::files;

/// The arguments with each `-` replaced by what standard input names; see [`parse`].
///
/// # Errors
/// When standard input cannot be read, or names nothing that can be understood.
pub fn expand(arguments: &[OsString]) -> Result<Vec<OsString>, Error> {
    let mut expanded = Vec::with_capacity(arguments.len());
    for argument in arguments {
        if argument == "-" {
            let input = files::read_stdin()?;
            let targets = parse(&String::from_utf8_lossy(&input))?;
            expanded.extend(targets.into_iter().map(OsString::from));
        } else {
            expanded.push(argument.clone());
        }
    }
    Ok(expanded)
}

/// Whether one of the arguments is `-`. An empty list on standard input then means no certificate,
/// where no argument at all may mean every one.
pub fn is_piped(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == OsStr::new("-"))
}

/// The serial numbers or names in a text: what `list` writes as a table, as CSV, as JSON or with
/// `--serials`, JSON lines with `serial` or `name`, or one serial number, name or file per line.
///
/// # Errors
/// When the JSON or CSV is malformed or has no serial numbers.
pub fn parse(text: &str) -> Result<Vec<String>, TargetListError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let first = text.lines().next().unwrap_or_default();
    let mut columns = first.split_whitespace();
    if text.starts_with(['{', '[']) {
        from_json(text)
    } else if first.split(',').any(|column| column.trim() == SERIAL) {
        from_csv(text)
    } else if columns.next() == Some("STATUS") && columns.any(|column| column == "SERIAL") {
        from_table(text)
    } else {
        let lines = text.lines().map(str::trim);
        let targets = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(targets.map(str::to_owned).collect())
    }
}

const SERIAL: &str = "serial";

fn from_json(text: &str) -> Result<Vec<String>, TargetListError> {
    let mut targets = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let document = document?;
        let listed = document.get("certificates").unwrap_or(&document);
        match listed {
            Value::Array(items) => {
                for item in items {
                    targets.push(target(item)?);
                }
            }
            item => targets.push(target(item)?),
        }
    }
    Ok(targets)
}

fn target(item: &Value) -> Result<String, TargetListError> {
    let text = item
        .get(SERIAL)
        .or_else(|| item.get("name"))
        .unwrap_or(item);
    let shown = || TargetListError::NoSerial(item.to_string().chars().take(80).collect());
    text.as_str().map(str::to_owned).ok_or_else(shown)
}

fn from_csv(text: &str) -> Result<Vec<String>, TargetListError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let column = reader.headers()?.iter().position(|name| name == SERIAL);
    let column = column.unwrap_or_default();
    let records = reader.records();
    let serials = records.map(|record| Ok(record?.get(column).unwrap_or_default().to_owned()));
    serials.collect()
}

/// The serial number is the third column; no column before it contains spaces.
fn from_table(text: &str) -> Result<Vec<String>, TargetListError> {
    let lines = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let serials = lines.map(|line| {
        let serial = line.split_whitespace().nth(2);
        serial
            .map(str::to_owned)
            .ok_or_else(|| TargetListError::Line(line.to_owned()))
    });
    serials.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_list_gives_the_same_serial_numbers() {
        let expected = ["4f:2a", "00:01"];
        for text in [
            "4f:2a\n\n# a comment\n 00:01 \n",
            "STATUS         EXPIRES               SERIAL  PROFILE  NAMES\n\
             valid          2026-12-01T00:00:00Z  4f:2a   server   a b\n\
             not_yet_valid  2026-12-02T00:00:00Z  00:01   client   c\n",
            "serial,status\n4f:2a,valid\n\"00:01\",expired\n",
            "\u{feff}status,serial\nvalid,4f:2a\nexpired,00:01\n",
            r#"{"certificates":[{"serial":"4f:2a","status":"valid"},{"serial":"00:01"}]}"#,
            "{\"serial\":\"4f:2a\"}\n{\"serial\":\"00:01\",\"name\":\"b\"}\n",
            r#"["4f:2a","00:01"]"#,
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        assert_eq!(parse("agent-7\n").unwrap(), ["agent-7"]);
        assert_eq!(parse("\n").unwrap(), <[String; 0]>::default());
        assert_eq!(
            parse(r#"{"certificates":[]}"#).unwrap(),
            <[String; 0]>::default()
        );
    }

    #[test]
    fn what_names_no_certificate_is_refused() {
        for text in [
            "{\"serial\":",
            "[{\"status\":\"valid\"}]",
            "[1]",
            "STATUS SERIAL\nvalid",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
