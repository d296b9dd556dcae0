//! The settings that OpenAgents checks when it loads a network (its pydantic models): the network does not
//! start if it rejects one.

use std::collections::HashSet;

use super::NetworkFile;
use super::transport::Kind;
use super::yaml::{Entry, Node, NodeId, Value};
use crate::path::finding::Finding;

/// What OpenAgents rejects; the network starts only if this is empty.
pub(super) fn rejected(file: &NetworkFile) -> Vec<Finding> {
    let mut check = Check {
        file,
        findings: Vec::new(),
        seen: HashSet::new(),
    };
    check.network();
    check.transports();
    check.legacy_transport();
    check.mods();
    check.groups();
    check.findings
}

struct Check<'a> {
    file: &'a NetworkFile,
    findings: Vec<Finding>,
    /// The mappings whose keys are checked: many aliases may lead to one.
    seen: HashSet<NodeId>,
}

impl Check<'_> {
    fn network(&mut self) {
        let document = &self.file.document;
        for entry in document.entries(self.file.network) {
            if entry.key.value.as_text().is_none() {
                self.refuse(entry.key, "a key", "text", entry.key);
            }
        }
        match self.file.setting("name") {
            None => self.findings.push(
                Finding::of("network-setting-refused")
                    .instead("no `name:` below `network:`", "a name")
                    .with_hint("add `name: MyNetwork` below `network:`"),
            ),
            Some(name) => self.check(name, "name", name.text() != Some(""), "non-empty text"),
        }
        self.each(self.file.network, "network");
        self.each(self.file.network, "identity");
        if let Some(nodes) = self.file.setting("bootstrap_nodes") {
            let mut items = document.items(nodes.id).iter();
            let all_text = items.all(|id| document.node(*id).value.as_text().is_some());
            let is_valid = is_list(nodes) && all_text;
            self.check(nodes, "bootstrap_nodes", is_valid, "a list of strings");
        }
        if let Some(metadata) = document.get(self.file.root, "metadata") {
            let is_empty_list = is_list(metadata) && !metadata.is_true();
            let is_valid = metadata.is_mapping() || is_empty_list;
            self.check(metadata, "metadata", is_valid, "a mapping");
        }
    }

    fn transports(&mut self) {
        let document = &self.file.document;
        for id in self.mappings("transports", "a transport", "a mapping") {
            let is_kind = |kind: &Entry<'_>| kind.text().is_some_and(|t| Kind::of(t).is_some());
            match document.get(id, "type") {
                None => self.refuse(document.node(id), "a transport's type", KINDS, &NOTHING),
                Some(kind) => self.check(kind, "type", is_kind(&kind), KINDS),
            }
            if let Some(config) = document.get(id, "config") {
                self.text_keys(config, "config");
            }
        }
    }

    fn legacy_transport(&mut self) {
        let Some(legacy) = self.file.setting("transport").filter(Entry::is_true) else {
            return;
        };
        if let Some(config) = self.file.setting("transport_config") {
            self.check(config, "transport_config", config.is_mapping(), "a mapping");
        }
        let is_kind = legacy.text().is_some_and(|name| Kind::of(name).is_some());
        let is_valid = is_kind || self.file.setting("transports").is_some();
        self.check(legacy, "transport", is_valid, KINDS);
    }

    fn mods(&mut self) {
        let document = &self.file.document;
        for id in self.mappings("mods", "a mod", "a mapping with a name") {
            if document.get(id, "name").is_none() {
                self.refuse(document.node(id), "a mod's name", "text", &NOTHING);
            }
            self.each(id, "mod");
            if let Some(config) = document.get(id, "config") {
                self.text_keys(config, "config");
            }
        }
    }

    fn groups(&mut self) {
        let document = &self.file.document;
        let Some(groups) = self.file.setting("agent_groups") else {
            return;
        };
        self.text_keys(groups, "agent_groups");
        let required = self.file.setting("requires_password");
        let is_required = required.is_some_and(|entry| truth(&entry.value.value) == Some(true));
        let default = self.file.setting("default_agent_group");
        let default = default.and_then(|entry| entry.text()).unwrap_or("guest");
        for group in document.entries(groups.id) {
            if !group.is_mapping() {
                self.check(group, "a group", false, "a mapping");
                continue;
            }
            self.each(group.id, "group");
            if let Some(metadata) = document.get(group.id, "metadata") {
                self.text_keys(metadata, "metadata");
            }
            let hash = document.get(group.id, "password_hash");
            let has_password = hash.is_some_and(|hash| hash.is_true());
            if is_required && !has_password {
                let expected = "one in every group, because requires_password is true";
                self.refuse(group.key, "password_hash", expected, &NOTHING);
            } else if !is_required && has_password && group.key.value.is_text(default) {
                let expected = "none in the default group while requires_password is false";
                self.refuse(group.key, "password_hash", expected, group.key);
            }
        }
    }

    /// The items of a list setting that are mappings, as they must be.
    fn mappings(&mut self, key: &str, item: &str, expected: &str) -> Vec<NodeId> {
        let document = &self.file.document;
        let Some(list) = self.file.setting(key) else {
            return Vec::new();
        };
        self.check(list, key, is_list(list), "a list");
        let mut mappings = Vec::new();
        for id in document.items(list.id) {
            let node = document.node(*id);
            if node.value.is_mapping() {
                mappings.push(*id);
            } else {
                self.refuse(node, item, expected, node);
            }
        }
        mappings
    }

    fn each(&mut self, mapping: NodeId, name: &str) {
        for (key, kind) in settings(name) {
            if let Some(entry) = self.file.document.get(mapping, key) {
                let (is_valid, expected) = accepts(kind, &entry.value.value);
                self.check(entry, key, is_valid, expected);
            }
        }
    }

    fn text_keys(&mut self, entry: Entry<'_>, name: &str) {
        self.check(entry, name, entry.is_mapping(), "a mapping");
        if !entry.is_mapping() || !self.seen.insert(entry.id) {
            return;
        }
        for inner in self.file.document.entries(entry.id) {
            if inner.key.value.as_text().is_none() {
                self.refuse(inner.key, "a key", "text in quotes", inner.key);
            }
        }
    }

    fn check(&mut self, entry: Entry<'_>, name: &str, is_valid: bool, expected: &str) {
        if !is_valid {
            self.refuse(entry.key, name, expected, entry.value);
        }
    }

    fn refuse(&mut self, place: &Node, name: &str, expected: &str, found: &Node) {
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        let kind = found.value.kind();
        let found = match found.value.python_text() {
            Some(text) if kind == "text" => format!("'{text}'"),
            Some(text) if kind.starts_with("a number") => text,
            Some(_) | None => kind.to_owned(),
        };
        self.findings.push(
            Finding::of("network-setting-refused")
                .at_line(place.line)
                .instead(format!("{name}: {found}"), expected)
                .with_hint(format!("make `{name}` {expected}")),
        );
    }
}

/// The settings of a mapping that are known, and their types; `-` for those checked elsewhere.
pub(super) fn settings(mapping: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    SETTINGS.lines().skip(1).filter_map(move |row| {
        let (of, row) = row.split_once('\t')?;
        row.split_once('\t').filter(|_| of == mapping)
    })
}

/// Whether a value is of a type, and what the type is called.
fn accepts(kind: &str, value: &Value) -> (bool, &'static str) {
    let is_text = matches!(value, Value::Text(_));
    let text = "text, in quotes if it looks like a number";
    match kind {
        "text" => (is_text, text),
        "text?" => (is_text || *value == Value::Null, text),
        "truth" => (truth(value).is_some(), "true or false"),
        "whole" => {
            let is_whole = match value {
                Value::Int(_) | Value::Bool(_) => true,
                Value::Float(number) => number.fract() == 0.0,
                Value::Text(text) => is_whole(text),
                _ => false,
            };
            (is_whole, "a whole number")
        }
        "number" => {
            let is_number = match value {
                Value::Int(_) | Value::Bool(_) | Value::Float(_) => true,
                Value::Text(text) => text.trim().parse::<f64>().is_ok(),
                _ => false,
            };
            (is_number, "a number")
        }
        "mode" => {
            let is_mode = |text| ["centralized", "decentralized"].contains(&text);
            let expected = "centralized or decentralized";
            (value.as_text().is_some_and(is_mode), expected)
        }
        _ => (true, ""),
    }
}

/// A truth value as pydantic reads it.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        Value::Float(0.0) => Some(false),
        Value::Float(1.0) => Some(true),
        Value::Text(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
            "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn is_whole(text: &str) -> bool {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = digits
        .split_once('.')
        .filter(|(_, zeros)| zeros.bytes().all(|b| b == b'0'))
        .map_or(digits, |(whole, _)| whole);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

fn is_list(entry: Entry<'_>) -> bool {
    matches!(entry.value.value, Value::Sequence(_))
}

const SETTINGS: &str = include_str!("settings.tsv");
const KINDS: &str = "one of websocket, libp2p, grpc, webrtc, http, mcp, a2a";
const MAX_FINDINGS: usize = 50;
static NOTHING: Node = Node {
    value: Value::Null,
    line: 0,
    column: 0,
    span: 0..0,
    is_flow: false,
};
