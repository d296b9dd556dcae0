//! From the parser's events to nodes. An alias is a second way to the same node, so that no alias makes
//! anything larger.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::{Document, DuplicateKey, Node, NodeId, Value, YamlError, clause, excerpt, resolve};

/// Reads a text of printable characters.
pub(super) fn compose(text: &str) -> Result<Document, YamlError> {
    let mut composer = Composer::default();
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    composer.offset = text.len() - body.len();
    let mut options = granit_parser::options! { emit_anchor_events: true };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(body, options);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        composer.take(event, &span)?;
    }
    check_tabs(text, &composer.quoted)?;
    Ok(Document {
        nodes: composer.nodes,
        root: composer.root,
        index: composer.index,
        merging: composer.merging,
        duplicates: composer.duplicates,
    })
}

#[derive(Default)]
struct Composer {
    /// The bytes before the parser's input.
    offset: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
    root: Option<NodeId>,
    anchors: HashMap<usize, NodeId>,
    names: HashMap<String, usize>,
    documents: usize,
    duplicates: Vec<DuplicateKey>,
    /// The ranges of scalars that may contain a tab: those in quotes and blocks.
    quoted: Vec<Range<usize>>,
    index: HashMap<NodeId, HashMap<String, usize>>,
    merging: HashSet<NodeId>,
    /// How many mappings are merged into others.
    merged: usize,
}

/// A collection that has not ended.
enum Open {
    Sequence(NodeId, Vec<NodeId>),
    Mapping(NodeId, Vec<(NodeId, NodeId)>, Option<NodeId>),
}

impl Composer {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), YamlError> {
        let line = span.start.line();
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(YamlError::SecondDocument { line });
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                if matches!(self.open.last(), Some(Open::Mapping(_, _, None))) {
                    one_line_key(span, &text)?;
                }
                let value = resolve(&text, is_plain, tag_name(tag.as_deref()), line)?;
                let id = self.add(value, span, false)?;
                if !is_plain {
                    self.quoted.push(self.nodes[id.0].span.clone());
                }
                self.anchors.insert(anchor, id);
                self.place(id)?;
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(&id) => self.place(id)?,
                None => {
                    return Err(YamlError::Syntax {
                        line,
                        what: "an alias without an anchor".into(),
                    });
                }
            },
            Event::Anchor(_, name) => {
                if let Some(first) = self.names.insert(name.to_string(), line) {
                    let name = excerpt(&name);
                    return Err(YamlError::DuplicateAnchor { line, first, name });
                }
            }
            Event::SequenceStart(style, anchor, tag) => {
                collection_tag(tag.as_deref(), SEQUENCE_TAGS, line)?;
                let flow = style == StructureStyle::Flow;
                let id = self.add(Value::Sequence(Vec::new()), span, flow)?;
                self.anchors.insert(anchor, id);
                self.open.push(Open::Sequence(id, Vec::new()));
            }
            Event::MappingStart(style, anchor, tag) => {
                collection_tag(tag.as_deref(), MAPPING_TAGS, line)?;
                let flow = style == StructureStyle::Flow;
                let id = self.add(Value::Mapping(Vec::new()), span, flow)?;
                self.anchors.insert(anchor, id);
                self.open.push(Open::Mapping(id, Vec::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            // Stream and document ends do not matter; comments and unresolved aliases are not requested.
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, value: Value, span: &Span, is_flow: bool) -> Result<NodeId, YamlError> {
        let line = span.start.line();
        if self.nodes.len() >= MAX_NODES {
            return Err(YamlError::TooMany {
                line,
                limit: MAX_NODES,
            });
        }
        let range = span.byte_range().unwrap_or_default();
        self.nodes.push(Node {
            value,
            line,
            column: span.start.col(),
            span: range.start + self.offset..range.end + self.offset,
            is_flow,
        });
        Ok(NodeId(self.nodes.len() - 1))
    }

    /// Puts a complete node where it belongs: it is the root, an item, a key or a value.
    fn place(&mut self, id: NodeId) -> Result<(), YamlError> {
        let value = &self.nodes[id.0].value;
        match self.open.last_mut() {
            None => self.root = Some(id),
            Some(Open::Sequence(_, items)) => {
                misplaced_merge(&self.nodes[id.0])?;
                items.push(id);
            }
            Some(Open::Mapping(_, pairs, key)) => match key.take() {
                Some(key) => {
                    misplaced_merge(&self.nodes[id.0])?;
                    pairs.push((key, id));
                }
                None if matches!(value, Value::Sequence(_) | Value::Mapping(_)) => {
                    let line = self.nodes[id.0].line;
                    return Err(YamlError::Key { line });
                }
                None => *key = Some(id),
            },
        }
        Ok(())
    }

    fn close(&mut self, span: &Span) -> Result<(), YamlError> {
        let end = span.byte_range().unwrap_or_default().end + self.offset;
        let id = match self.open.pop() {
            None => return Ok(()),
            Some(Open::Sequence(id, items)) => {
                self.nodes[id.0].value = Value::Sequence(items);
                id
            }
            Some(Open::Mapping(id, pairs, _)) => {
                self.note_duplicates(&pairs);
                self.check_merges(id, &pairs)?;
                self.index(id, &pairs);
                self.nodes[id.0].value = Value::Mapping(pairs);
                id
            }
        };
        self.nodes[id.0].span.end = end;
        self.place(id)
    }

    fn note_duplicates(&mut self, pairs: &[(NodeId, NodeId)]) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut found = Vec::new();
        for (key, _) in pairs {
            let key = &self.nodes[key.0];
            let Some(text) = key.value.as_text() else {
                continue;
            };
            if let Some(first) = seen.insert(text, key.line) {
                found.push(DuplicateKey {
                    key: text.to_owned(),
                    first,
                    last: key.line,
                });
            }
        }
        let room = MAX_DUPLICATES.saturating_sub(self.duplicates.len());
        self.duplicates.extend(found.into_iter().take(room));
    }

    fn check_merges(&mut self, id: NodeId, pairs: &[(NodeId, NodeId)]) -> Result<(), YamlError> {
        // A collection that is still open counts too.
        let is_mapping = |id: NodeId| matches!(self.nodes[id.0].value, Value::Mapping(_));
        for (key, value) in pairs {
            let key = &self.nodes[key.0];
            if !key.value.is_merge() {
                continue;
            }
            let line = key.line;
            let (is_good, count) = match &self.nodes[value.0].value {
                Value::Sequence(items) => (items.iter().all(|item| is_mapping(*item)), items.len()),
                _ => (is_mapping(*value), 1),
            };
            if !is_good {
                return Err(YamlError::Merge { line });
            }
            self.merging.insert(id);
            self.merged += count;
            if self.merged > MAX_MERGED {
                let limit = MAX_MERGED;
                return Err(YamlError::TooMany { line, limit });
            }
        }
        Ok(())
    }

    /// Indexes the keys of a large mapping, because many aliases may lead to it.
    fn index(&mut self, id: NodeId, pairs: &[(NodeId, NodeId)]) {
        if pairs.len() <= MAX_SCANNED {
            return;
        }
        let keys = pairs.iter().enumerate().filter_map(|(at, (key, _))| {
            let text = self.nodes[key.0].value.as_text()?;
            Some((text.to_owned(), at))
        });
        let keys = keys.collect();
        self.index.insert(id, keys);
    }
}

/// A key must be on the line of its colon; YAML 1.2 is less strict.
fn one_line_key(span: &Span, text: &str) -> Result<(), YamlError> {
    let what = if span.is_empty() && text.is_empty() {
        "a colon without a key before it"
    } else if span.start.line() != span.end.line() {
        "a key that spans lines"
    } else {
        return Ok(());
    };
    Err(YamlError::Syntax {
        line: span.start.line(),
        what: what.into(),
    })
}

/// `<<` has a meaning only as a key.
fn misplaced_merge(node: &Node) -> Result<(), YamlError> {
    if node.value.is_merge() {
        Err(YamlError::Tag {
            line: node.line,
            tag: "of <<".into(),
        })
    } else {
        Ok(())
    }
}

/// The name of one of YAML's own tags, or another tag as a whole.
fn tag_name(tag: Option<&Tag>) -> Option<String> {
    let tag = tag?;
    let whole = format!("{}{}", tag.handle(), tag.suffix());
    Some(
        whole
            .strip_prefix("tag:yaml.org,2002:")
            .map_or(whole.clone(), str::to_owned),
    )
}

fn collection_tag(tag: Option<&Tag>, known: &[&str], line: usize) -> Result<(), YamlError> {
    match tag_name(tag) {
        Some(tag) if !known.contains(&tag.as_str()) => Err(YamlError::Tag {
            line,
            tag: excerpt(&tag),
        }),
        Some(_) | None => Ok(()),
    }
}

/// Checks every tab: PyYAML accepts one only in quotes, block scalars and comments. `quoted` are the
/// ranges of the scalars that may contain tabs, in their order.
fn check_tabs(text: &str, quoted: &[Range<usize>]) -> Result<(), YamlError> {
    if !text.contains('\t') {
        return Ok(());
    }
    let is_quoted = |at: usize| {
        let next = quoted.partition_point(|range| range.end <= at);
        quoted.get(next).is_some_and(|range| range.start <= at)
    };
    let mut is_comment = false;
    let mut line = 1;
    let mut before = '\n';
    for (at, c) in text.char_indices() {
        match c {
            '\n' => {
                line += 1;
                is_comment = false;
            }
            '\r' => {
                line += usize::from(!text[at + 1..].starts_with('\n'));
                is_comment = false;
            }
            '#' if before.is_whitespace() || before == '\u{feff}' => is_comment |= !is_quoted(at),
            '\t' if !is_comment && !is_quoted(at) => return Err(YamlError::Tab { line }),
            _ => {}
        }
        before = c;
    }
    Ok(())
}

fn syntax(error: &ScanError) -> YamlError {
    YamlError::Syntax {
        line: error.marker().line(),
        what: clause(&error.kind().to_string()),
    }
}

const SEQUENCE_TAGS: &[&str] = &["!", "seq"];
const MAPPING_TAGS: &[&str] = &["!", "map"];
const MAX_NODES: usize = 500_000;
const MAX_DUPLICATES: usize = 100;
const MAX_MERGED: usize = 1000;
const MAX_SCANNED: usize = 16;

#[cfg(test)]
mod tests {
    use crate::network::yaml::{Document, YamlError};

    #[test]
    fn a_tab_is_accepted_only_in_quotes_blocks_and_comments() {
        for text in [
            "a: 'x\ty' # z\t",
            "a: \"\t\"\n#\tb\n",
            "a: |\n  x\ty\n  \tz\nb: 1\n",
        ] {
            Document::read(text.as_bytes()).unwrap();
        }
        for text in ["a:\t1", "x: 1\na: 1\t# b", "x: y\na: b\tc", "x:\n\t\n"] {
            let error = Document::read(text.as_bytes()).unwrap_err();
            let is_tab = matches!(error, YamlError::Tab { .. } | YamlError::Syntax { .. });
            assert!(is_tab, "{text:?}: {error}");
        }
    }
}
