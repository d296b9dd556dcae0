//! Where in a text the `tls:` block goes, and how it is written there.

use std::ops::Range;

use super::{EditError, TlsFiles};
use crate::network::NetworkFile;
use crate::network::transport::{Kind, Transport};
use crate::network::yaml::{Document, Entry, Node, NodeId, Value};

/// A piece of text that takes a place in another.
#[derive(Debug)]
pub(super) struct Insertion {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

/// How a text is laid out.
pub(super) struct Layout<'a> {
    text: &'a str,
    line_end: &'static str,
}

impl<'a> Layout<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let line_end = match text.find(['\n', '\r']) {
            Some(at) if text[at..].starts_with("\r\n") => "\r\n",
            Some(at) if text[at..].starts_with('\r') => "\r",
            Some(_) | None => "\n",
        };
        Layout { text, line_end }
    }

    /// The end of the line on which this octet stands, before its line end.
    fn end_of_line(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.find(['\n', '\r']).unwrap_or(rest.len())
    }

    /// Where the line begins on which this octet stands.
    fn start_of_line(&self, at: usize) -> usize {
        self.text[..at].rfind(['\n', '\r']).map_or(0, |at| at + 1)
    }

    /// Lines behind the line on which this octet stands.
    fn after_line(&self, at: usize, lines: &[String]) -> Insertion {
        let end = self.end_of_line(at);
        let text = lines.iter().map(|line| format!("{}{line}", self.line_end));
        Insertion {
            at: end..end,
            text: text.collect(),
        }
    }

    /// Whether nothing but a comment follows a one-line value on its line.
    fn is_last_on_line(&self, value: &Node) -> bool {
        let end = self.end_of_line(value.span.start);
        let rest = self.text.get(value.span.end..end);
        rest.is_some_and(|rest| rest.trim_start().is_empty() || rest.trim_start().starts_with('#'))
    }

    /// Right behind the bracket that opens a flow collection.
    fn behind_bracket(
        &self,
        collection: &Node,
        text: &str,
        is_empty: bool,
    ) -> Result<Insertion, EditError> {
        let bracket = collection.span.start;
        if !self.text[bracket..].starts_with(['{', '[']) {
            return Err(EditError::Unsure);
        }
        let separator = if is_empty { "" } else { ", " };
        Ok(Insertion {
            at: bracket + 1..bracket + 1,
            text: format!("{text}{separator}"),
        })
    }
}

/// All that has to be put in.
pub(super) fn insertions(
    file: &NetworkFile,
    layout: &Layout<'_>,
    files: &TlsFiles,
) -> Result<Vec<Insertion>, EditError> {
    let document = file.document();
    let transports = file.transports();
    match transports
        .iter()
        .find(|transport| transport.kind == Kind::Grpc)
    {
        None => new_transport(file, layout, files),
        Some(transport) => {
            let holder = transport.item.unwrap_or(file.network);
            let name = if transport.item.is_some() {
                "config"
            } else {
                "transport_config"
            };
            match document.get(holder, name) {
                None => new_config(document, layout, holder, name, transport, files),
                Some(config) => in_config(document, layout, config, name, files),
            }
        }
    }
}

/// Into a transport that has settings.
fn in_config(
    document: &Document,
    layout: &Layout<'_>,
    config: Entry<'_>,
    name: &'static str,
    files: &TlsFiles,
) -> Result<Vec<Insertion>, EditError> {
    not_an_alias(config)?;
    let Value::Mapping(pairs) = &config.value.value else {
        if config.value.value == Value::Null {
            let text = format!("{{tls: {{{}}}}}", flow(&entries(files)));
            return Ok(vec![instead_of(layout, config, &text)]);
        }
        return Err(EditError::Kind {
            line: config.key.line,
            key: name,
            found: config.value.value.kind(),
        });
    };
    let own_tls = document
        .get(config.id, "tls")
        .filter(|tls| is_within(config.value, tls.key));
    if let Some(tls) = own_tls {
        return mended(document, layout, tls, files);
    }
    if config.value.is_flow {
        let text = format!("tls: {{{}}}", flow(&entries(files)));
        return Ok(vec![layout.behind_bracket(
            config.value,
            &text,
            pairs.is_empty(),
        )?]);
    }
    let column = config.value.column;
    let anchor = ["port", "host"].iter().find_map(|key| {
        let entry = document.get(config.id, key)?;
        let is_plain = is_within(config.value, entry.key)
            && entry.value.line == entry.key.line
            && entry.value.span.start > entry.key.span.start
            && layout.is_last_on_line(entry.value);
        is_plain.then_some(entry.value.span.end)
    });
    let at = anchor.unwrap_or(config.key.span.end);
    Ok(vec![
        layout.after_line(at, &block("tls", column, &entries(files))),
    ])
}

/// A `tls:` that is there and not effective.
fn mended(
    document: &Document,
    layout: &Layout<'_>,
    tls: Entry<'_>,
    files: &TlsFiles,
) -> Result<Vec<Insertion>, EditError> {
    not_an_alias(tls)?;
    let Value::Mapping(pairs) = &tls.value.value else {
        return Ok(vec![replaced(layout, tls, files)?]);
    };
    if pairs.is_empty() {
        return Ok(vec![layout.behind_bracket(
            tls.value,
            &flow(&entries(files)),
            true,
        )?]);
    }
    let mut insertions = Vec::new();
    let mut missing = Vec::new();
    for (key, wanted) in entries(files) {
        match document.get(tls.id, key) {
            Some(entry) if says(&entry.value.value, key, &wanted) => {}
            Some(entry) if is_within(tls.value, entry.key) => {
                not_an_alias(entry)?;
                let is_collection =
                    matches!(entry.value.value, Value::Sequence(_) | Value::Mapping(_));
                if is_collection && !entry.value.is_flow {
                    return Err(EditError::Unsure);
                }
                insertions.push(instead_of(layout, entry, &wanted));
            }
            Some(_) | None => missing.push((key, wanted)),
        }
    }
    if missing.is_empty() {
        return Ok(insertions);
    }
    if tls.value.is_flow {
        insertions.push(layout.behind_bracket(tls.value, &flow(&missing), false)?);
    } else {
        let indent = " ".repeat(tls.value.column);
        let lines: Vec<_> = missing
            .iter()
            .map(|(key, value)| format!("{indent}{key}: {value}"))
            .collect();
        insertions.push(layout.after_line(tls.key.span.end, &lines));
    }
    Ok(insertions)
}

/// Whether a value says what is wanted already.
fn says(value: &Value, key: &str, wanted: &str) -> bool {
    match value {
        Value::Text(path) => key.ends_with("_file") && quoted(path) == wanted,
        value => !key.ends_with("_file") && value.is_true(),
    }
}

/// The block in the place of a value that is no mapping: `true`, a text, a list.
fn replaced(layout: &Layout<'_>, tls: Entry<'_>, files: &TlsFiles) -> Result<Insertion, EditError> {
    let flow_text = format!("{{{}}}", flow(&entries(files)));
    if !matches!(tls.value.value, Value::Sequence(_)) || tls.value.is_flow {
        return Ok(instead_of(layout, tls, &flow_text));
    }
    // A block list: from behind the colon to the end of its last line.
    let start = colon(layout, tls.key);
    let end = last_octet(layout, tls.value);
    Ok(Insertion {
        at: start..end,
        text: format!(" {flow_text}"),
    })
}

/// A `config:` for a transport that has none.
fn new_config(
    document: &Document,
    layout: &Layout<'_>,
    holder: NodeId,
    name: &str,
    transport: &Transport,
    files: &TlsFiles,
) -> Result<Vec<Insertion>, EditError> {
    let node = document.node(holder);
    let first = if transport.item.is_some() {
        "type"
    } else {
        "transport"
    };
    let kind = document.get(holder, first).ok_or(EditError::Unsure)?;
    if node.is_flow {
        let text = format!("{name}: {{tls: {{{}}}}}", flow(&entries(files)));
        return Ok(vec![layout.behind_bracket(node, &text, false)?]);
    }
    if !is_within(node, kind.key) || !layout.is_last_on_line(kind.value) {
        return Err(EditError::Unsure);
    }
    let column = node.column;
    let mut lines = vec![format!("{}{name}:", " ".repeat(column))];
    lines.extend(block("tls", column + INDENT, &entries(files)));
    Ok(vec![layout.after_line(kind.value.span.end, &lines)])
}

/// A gRPC transport for a network that has none.
fn new_transport(
    file: &NetworkFile,
    layout: &Layout<'_>,
    files: &TlsFiles,
) -> Result<Vec<Insertion>, EditError> {
    let document = file.document();
    let Some(list) = file.setting("transports") else {
        return new_list(file, layout, files);
    };
    not_an_alias(list)?;
    let Value::Sequence(items) = &list.value.value else {
        return Err(EditError::Kind {
            line: list.key.line,
            key: "transports",
            found: list.value.value.kind(),
        });
    };
    if list.value.is_flow {
        let item = flow_transport(files);
        return Ok(vec![layout.behind_bracket(
            list.value,
            &item,
            items.is_empty(),
        )?]);
    }
    let first = items.first().map(|item| document.node(*item));
    let first = first.ok_or(EditError::Unsure)?;
    let start = layout.start_of_line(first.span.start);
    let before = &layout.text[start..first.span.start];
    let indent = before.find('-').ok_or(EditError::Unsure)?;
    if before[..indent].trim() != "" || first.span.start < list.key.span.start {
        return Err(EditError::Unsure);
    }
    let lines = block_transport(indent, files);
    let text = lines
        .iter()
        .map(|line| format!("{line}{}", layout.line_end));
    Ok(vec![Insertion {
        at: start..start,
        text: text.collect(),
    }])
}

/// A list of transports for a network without one: gRPC, and the HTTP that it has without a list.
fn new_list(
    file: &NetworkFile,
    layout: &Layout<'_>,
    files: &TlsFiles,
) -> Result<Vec<Insertion>, EditError> {
    let legacy = file.setting("transport");
    if let Some(legacy) = legacy.filter(|entry| entry.value.value.is_true()) {
        return Err(EditError::Legacy {
            line: legacy.key.line,
        });
    }
    let network = file.document().node(file.network);
    if network.is_flow {
        let text = format!("transports: [{{type: http}}, {}]", flow_transport(files));
        let is_empty = !network.value.is_true();
        return Ok(vec![layout.behind_bracket(network, &text, is_empty)?]);
    }
    let key = file.document().get(file.root, "network");
    let key = key.ok_or(EditError::Unsure)?;
    not_an_alias(key)?;
    let indent = " ".repeat(network.column);
    let mut lines = vec![
        format!("{indent}transports:"),
        format!("{indent}  - type: http"),
    ];
    lines.extend(block_transport(network.column + INDENT, files));
    Ok(vec![layout.after_line(key.key.span.end, &lines)])
}

/// A gRPC transport in brackets.
fn flow_transport(files: &TlsFiles) -> String {
    let entries = flow(&entries(files));
    format!("{{type: grpc, config: {{port: 8600, tls: {{{entries}}}}}}}")
}

/// A gRPC transport as an item of a list whose dashes are in this column.
fn block_transport(column: usize, files: &TlsFiles) -> Vec<String> {
    let indent = " ".repeat(column);
    let mut lines = vec![
        format!("{indent}- type: grpc"),
        format!("{indent}  config:"),
        format!("{indent}    port: 8600"),
    ];
    lines.extend(block("tls", column + 2 * INDENT, &entries(files)));
    lines
}

/// The entries of a block, as they are written.
fn entries(files: &TlsFiles) -> Vec<(&'static str, String)> {
    let mut entries = vec![
        ("enabled", "true".to_owned()),
        ("cert_file", quoted(&files.cert_file)),
        ("key_file", quoted(&files.key_file)),
    ];
    if let Some(ca_file) = &files.ca_file {
        entries.push(("ca_file", quoted(ca_file)));
        entries.push(("require_client_cert", "true".to_owned()));
    }
    entries
}

fn block(key: &str, column: usize, entries: &[(&'static str, String)]) -> Vec<String> {
    let indent = " ".repeat(column);
    let mut lines = vec![format!("{indent}{key}:")];
    lines.extend(
        entries
            .iter()
            .map(|(key, value)| format!("{indent}  {key}: {value}")),
    );
    lines
}

fn flow(entries: &[(&'static str, String)]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    entries.join(", ")
}

/// A path as YAML reads it back; in quotes, which are never wrong.
fn quoted(path: &str) -> String {
    let mut text = String::from("\"");
    for c in path.chars() {
        match c {
            '"' | '\\' => {
                text.push('\\');
                text.push(c);
            }
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                text.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// This text in the place of a scalar or a flow collection, or where nothing stands behind the colon.
fn instead_of(layout: &Layout<'_>, entry: Entry<'_>, text: &str) -> Insertion {
    let span = &entry.value.span;
    if span.is_empty() || span.start < entry.key.span.end {
        let at = colon(layout, entry.key);
        Insertion {
            at: at..at,
            text: format!(" {text}"),
        }
    } else {
        Insertion {
            at: span.clone(),
            text: text.to_owned(),
        }
    }
}

/// The octet behind the colon of a key.
fn colon(layout: &Layout<'_>, key: &Node) -> usize {
    let rest = &layout.text[key.span.end..];
    key.span.end + rest.find(':').map_or(0, |at| at + 1)
}

/// The end of the last line on which a block collection has something.
fn last_octet(layout: &Layout<'_>, node: &Node) -> usize {
    let end = node.span.end.min(layout.text.len());
    let kept = layout.text[..end].trim_end();
    kept.len().max(node.span.start)
}

/// Whether a key stands in a mapping itself and is not merged into it.
fn is_within(mapping: &Node, key: &Node) -> bool {
    key.span.start >= mapping.span.start
        && key.span.end <= mapping.span.end.max(key.span.end)
        && key.column >= if mapping.is_flow { 0 } else { mapping.column }
}

fn not_an_alias(entry: Entry<'_>) -> Result<(), EditError> {
    if entry.value.span.start < entry.key.span.start {
        Err(EditError::Alias {
            line: entry.key.line,
        })
    } else {
        Ok(())
    }
}

const INDENT: usize = 2;
