//! Where in a text the `tls:` block goes, and how it is written there.

use std::ops::Range;

use super::{EditError, TlsFiles};
use crate::network::NetworkFile;
use crate::network::transport::Kind;
use crate::network::yaml::{Document, Entry, Node, NodeId, Value};

/// A text for a range of another text.
#[derive(Debug)]
pub(super) struct Insertion {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

/// The text of a network.yaml, and the entries of the block for it.
pub(super) struct Editor<'a> {
    file: &'a NetworkFile,
    document: &'a Document,
    text: &'a str,
    line_end: &'static str,
    entries: Vec<(&'static str, String)>,
}

type Insertions = Result<Vec<Insertion>, EditError>;

impl<'a> Editor<'a> {
    pub(super) fn new(file: &'a NetworkFile, text: &'a str, files: &TlsFiles) -> Self {
        let line_end = match text.find(['\n', '\r']) {
            Some(at) if text[at..].starts_with("\r\n") => "\r\n",
            Some(at) if text[at..].starts_with('\r') => "\r",
            Some(_) | None => "\n",
        };
        let mut entries = vec![
            ("enabled", "true".to_owned()),
            ("cert_file", quoted(&files.cert_file)),
            ("key_file", quoted(&files.key_file)),
        ];
        if let Some(ca_file) = &files.ca_file {
            entries.push(("ca_file", quoted(ca_file)));
            entries.push(("require_client_cert", "true".to_owned()));
        }
        Editor {
            file,
            document: file.document(),
            text,
            line_end,
            entries,
        }
    }

    /// Everything to insert.
    pub(super) fn insertions(&self) -> Insertions {
        let mut transports = self.file.transports().into_iter();
        let grpc = transports.find(|transport| transport.kind == Kind::Grpc);
        let Some(transport) = grpc else {
            return self.new_transport();
        };
        let (holder, name, kind) = match transport.item {
            Some(item) => (item, "config", "type"),
            None => (self.file.network, "transport_config", "transport"),
        };
        match self.document.get(holder, name) {
            Some(config) => self.in_config(config, name),
            None => self.new_config(holder, name, kind),
        }
    }

    /// The block in a transport with settings.
    fn in_config(&self, config: Entry<'_>, name: &'static str) -> Insertions {
        not_an_alias(config)?;
        let Value::Mapping(pairs) = &config.value.value else {
            if config.value.value == Value::Null {
                let text = format!("{{tls: {}}}", self.flow_block());
                return Ok(vec![self.replacement(config, &text)]);
            }
            return Err(kind_error(config, name));
        };
        let own_tls = self.document.get(config.id, "tls");
        if let Some(tls) = own_tls.filter(|tls| is_within(config.value, tls.key)) {
            return self.completed(tls);
        }
        if config.value.is_flow {
            let text = format!("tls: {}", self.flow_block());
            return self.behind_bracket(config.value, &text, pairs.is_empty());
        }
        let anchor = ["port", "host"].iter().find_map(|key| {
            let entry = self.document.get(config.id, key)?;
            let is_plain = is_within(config.value, entry.key)
                && entry.value.line == entry.key.line
                && entry.value.span.start > entry.key.span.start
                && self.is_last_on_line(entry.value);
            is_plain.then_some(entry.value.span.end)
        });
        let at = anchor.unwrap_or(config.key.span.end);
        Ok(vec![self.after_line(at, &self.block(config.value.column))])
    }

    /// A `tls:` that is not effective, corrected.
    fn completed(&self, tls: Entry<'_>) -> Insertions {
        not_an_alias(tls)?;
        let Value::Mapping(pairs) = &tls.value.value else {
            return Ok(vec![self.replaced(tls)]);
        };
        if pairs.is_empty() {
            return self.behind_bracket(tls.value, &flow(&self.entries), true);
        }
        let mut insertions = Vec::new();
        let mut missing = Vec::new();
        for (key, expected) in &self.entries {
            match self.document.get(tls.id, key) {
                Some(entry) if says(&entry.value.value, key, expected) => {}
                Some(entry) if is_within(tls.value, entry.key) => {
                    not_an_alias(entry)?;
                    let value = &entry.value.value;
                    let is_collection = matches!(value, Value::Sequence(_) | Value::Mapping(_));
                    if is_collection && !entry.value.is_flow {
                        return Err(EditError::Unsure);
                    }
                    insertions.push(self.replacement(entry, expected));
                }
                Some(_) | None => missing.push((*key, expected.clone())),
            }
        }
        if missing.is_empty() {
            return Ok(insertions);
        }
        if tls.value.is_flow {
            insertions.extend(self.behind_bracket(tls.value, &flow(&missing), false)?);
        } else {
            let lines = lines(tls.value.column, &missing);
            insertions.push(self.after_line(tls.key.span.end, &lines));
        }
        Ok(insertions)
    }

    /// The block instead of a value that is not a mapping: `true`, a text, a list.
    fn replaced(&self, tls: Entry<'_>) -> Insertion {
        let text = self.flow_block();
        if !matches!(tls.value.value, Value::Sequence(_)) || tls.value.is_flow {
            return self.replacement(tls, &text);
        }
        // A block list: from behind the colon to the end of its last line.
        let end = tls.value.span.end.min(self.text.len());
        let end = self.text[..end].trim_end().len();
        Insertion {
            at: self.colon(tls.key)..end.max(tls.value.span.start),
            text: format!(" {text}"),
        }
    }

    /// A `config:` for a transport without one, behind the entry that says its kind.
    fn new_config(&self, holder: NodeId, name: &str, kind: &str) -> Insertions {
        let node = self.document.node(holder);
        let kind = self.document.get(holder, kind).ok_or(EditError::Unsure)?;
        if node.is_flow {
            let text = format!("{name}: {{tls: {}}}", self.flow_block());
            return self.behind_bracket(node, &text, false);
        }
        if !is_within(node, kind.key) || !self.is_last_on_line(kind.value) {
            return Err(EditError::Unsure);
        }
        let mut lines = vec![format!("{}{name}:", " ".repeat(node.column))];
        lines.extend(self.block(node.column + INDENT));
        Ok(vec![self.after_line(kind.value.span.end, &lines)])
    }

    /// A gRPC transport for a network without one.
    fn new_transport(&self) -> Insertions {
        let Some(list) = self.file.setting("transports") else {
            return self.new_list();
        };
        not_an_alias(list)?;
        let Value::Sequence(items) = &list.value.value else {
            return Err(kind_error(list, "transports"));
        };
        if list.value.is_flow {
            return self.behind_bracket(list.value, &self.flow_transport(), items.is_empty());
        }
        let first = items.first().map(|item| self.document.node(*item));
        let first = first.ok_or(EditError::Unsure)?.span.start;
        let start = self.text[..first].rfind(['\n', '\r']);
        let start = start.map_or(0, |at| at + 1);
        let before = &self.text[start..first];
        let indent = before.find('-').ok_or(EditError::Unsure)?;
        if !before[..indent].trim().is_empty() || first < list.key.span.start {
            return Err(EditError::Unsure);
        }
        let lines = self.block_transport(indent).into_iter();
        Ok(vec![Insertion {
            at: start..start,
            text: lines.map(|line| line + self.line_end).collect(),
        }])
    }

    /// A list of transports for a network without one: gRPC, and the HTTP that it has without a list.
    fn new_list(&self) -> Insertions {
        let legacy = self.file.setting("transport").filter(Entry::is_true);
        if let Some(legacy) = legacy {
            let line = legacy.line();
            return Err(EditError::Legacy { line });
        }
        let network = self.document.node(self.file.network);
        if network.is_flow {
            let text = format!("transports: [{{type: http}}, {}]", self.flow_transport());
            return self.behind_bracket(network, &text, !network.value.is_true());
        }
        let key = self.document.get(self.file.root, "network");
        let key = key.ok_or(EditError::Unsure)?;
        not_an_alias(key)?;
        let indent = " ".repeat(network.column);
        let mut lines = vec![
            format!("{indent}transports:"),
            format!("{indent}  - type: http"),
        ];
        lines.extend(self.block_transport(network.column + INDENT));
        Ok(vec![self.after_line(key.key.span.end, &lines)])
    }

    /// A gRPC transport in brackets.
    fn flow_transport(&self) -> String {
        let tls = self.flow_block();
        format!("{{type: grpc, config: {{port: 8600, tls: {tls}}}}}")
    }

    /// A gRPC transport as an item of a list with its dashes in this column.
    fn block_transport(&self, column: usize) -> Vec<String> {
        let indent = " ".repeat(column);
        let mut lines = vec![
            format!("{indent}- type: grpc"),
            format!("{indent}  config:"),
            format!("{indent}    port: 8600"),
        ];
        lines.extend(self.block(column + 2 * INDENT));
        lines
    }

    fn block(&self, column: usize) -> Vec<String> {
        let mut all = vec![format!("{}tls:", " ".repeat(column))];
        all.extend(lines(column + INDENT, &self.entries));
        all
    }

    fn flow_block(&self) -> String {
        format!("{{{}}}", flow(&self.entries))
    }

    /// Lines after the line of a byte.
    fn after_line(&self, at: usize, lines: &[String]) -> Insertion {
        let end = self.end_of_line(at);
        let lines = lines.iter();
        let text = lines.map(|line| format!("{}{line}", self.line_end));
        Insertion {
            at: end..end,
            text: text.collect(),
        }
    }

    /// The end of the line of a byte, before its line end.
    fn end_of_line(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.find(['\n', '\r']).unwrap_or(rest.len())
    }

    /// Whether at most a comment follows a one-line value on its line.
    fn is_last_on_line(&self, value: &Node) -> bool {
        let end = self.end_of_line(value.span.start);
        let rest = self.text.get(value.span.end..end).map(str::trim_start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    }

    /// A text behind the bracket that opens a flow collection.
    fn behind_bracket(&self, collection: &Node, text: &str, is_empty: bool) -> Insertions {
        let bracket = collection.span.start;
        if !self.text[bracket..].starts_with(['{', '[']) {
            return Err(EditError::Unsure);
        }
        let separator = if is_empty { "" } else { ", " };
        Ok(vec![Insertion {
            at: bracket + 1..bracket + 1,
            text: format!("{text}{separator}"),
        }])
    }

    /// A text instead of a scalar or a flow collection, or of no value.
    fn replacement(&self, entry: Entry<'_>, text: &str) -> Insertion {
        let span = entry.value.span.clone();
        if !span.is_empty() && span.start >= entry.key.span.end {
            let text = text.to_owned();
            return Insertion { at: span, text };
        }
        let at = self.colon(entry.key);
        Insertion {
            at: at..at,
            text: format!(" {text}"),
        }
    }

    /// The byte behind the colon of a key.
    fn colon(&self, key: &Node) -> usize {
        let rest = &self.text[key.span.end..];
        key.span.end + rest.find(':').map_or(0, |at| at + 1)
    }
}

/// Whether a value is the expected one already.
fn says(value: &Value, key: &str, expected: &str) -> bool {
    match value {
        Value::Text(path) => key.ends_with("_file") && quoted(path) == expected,
        value => !key.ends_with("_file") && value.is_true(),
    }
}

fn lines(column: usize, entries: &[(&str, String)]) -> Vec<String> {
    let indent = " ".repeat(column);
    let entries = entries.iter();
    let lines = entries.map(|(key, value)| format!("{indent}{key}: {value}"));
    lines.collect()
}

fn flow(entries: &[(&str, String)]) -> String {
    lines(0, entries).join(", ")
}

/// A path in quotes, as YAML reads it back.
fn quoted(path: &str) -> String {
    let mut text = String::from("\"");
    for c in path.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                text.push_str(&escape(c));
            }
            c if c.is_control() => text.push_str(&escape(c)),
            c => text.push(c),
        }
    }
    text + "\""
}

fn escape(c: char) -> String {
    format!("\\U{:08x}", u32::from(c))
}

/// Whether a key is in a mapping itself and not merged into it.
fn is_within(mapping: &Node, key: &Node) -> bool {
    key.span.start >= mapping.span.start && (mapping.is_flow || key.column >= mapping.column)
}

fn kind_error(entry: Entry<'_>, key: &'static str) -> EditError {
    EditError::Kind {
        line: entry.line(),
        key,
        found: entry.value.value.kind(),
    }
}

fn not_an_alias(entry: Entry<'_>) -> Result<(), EditError> {
    let line = entry.line();
    match entry.value.span.start < entry.key.span.start {
        true => Err(EditError::Alias { line }),
        false => Ok(()),
    }
}

const INDENT: usize = 2;
