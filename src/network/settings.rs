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

/// The type of a setting.
#[derive(Clone, Copy)]
enum Type {
    Text,
    TextOrNull,
    Truth,
    Whole,
    Number,
    OneOf(&'static [&'static str]),
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
            Some(name) if name.text() == Some("") => {
                self.refuse(name.key, "name", "non-empty text", name.value);
            }
            Some(_) => {}
        }
        self.each(self.file.network, SETTINGS);
        if let Some(nodes) = self.file.setting("bootstrap_nodes") {
            let mut items = document.items(nodes.id).iter();
            let all_text = items.all(|id| document.node(*id).value.as_text().is_some());
            if !matches!(nodes.value.value, Value::Sequence(_)) || !all_text {
                self.refuse(
                    nodes.key,
                    "bootstrap_nodes",
                    "a list of strings",
                    nodes.value,
                );
            }
        }
        if let Some(metadata) = document.get(self.file.root, "metadata")
            && !metadata.is_mapping()
            && !matches!(&metadata.value.value, Value::Sequence(items) if items.is_empty())
        {
            self.refuse(metadata.key, "metadata", "a mapping", metadata.value);
        }
    }

    fn transports(&mut self) {
        let document = &self.file.document;
        let Some(list) = self.file.setting("transports") else {
            return;
        };
        if !matches!(list.value.value, Value::Sequence(_)) {
            self.refuse(list.key, "transports", "a list", list.value);
        }
        for id in document.items(list.id) {
            let item = document.node(*id);
            if !item.value.is_mapping() {
                self.refuse(item, "a transport", "a mapping", item);
                continue;
            }
            let kind = document.get(*id, "type");
            let is_kind = |node: &Node| node.value.as_text().is_some_and(|t| Kind::of(t).is_some());
            match kind {
                None => self.refuse(item, "a transport's type", KINDS, &NOTHING),
                Some(kind) if !is_kind(kind.value) => {
                    self.refuse(kind.key, "type", KINDS, kind.value);
                }
                Some(_) => {}
            }
            if let Some(config) = document.get(*id, "config") {
                self.text_keys(config, "config");
            }
        }
    }

    fn legacy_transport(&mut self) {
        let Some(legacy) = self.file.setting("transport") else {
            return;
        };
        if !legacy.is_true() {
            return;
        }
        if let Some(config) = self.file.setting("transport_config")
            && !config.is_mapping()
        {
            self.refuse(config.key, "transport_config", "a mapping", config.value);
        }
        let name = legacy.text();
        let counts = self.file.setting("transports").is_none();
        if counts && name.is_none_or(|name| Kind::of(name).is_none()) {
            self.refuse(legacy.key, "transport", KINDS, legacy.value);
        }
    }

    fn mods(&mut self) {
        let document = &self.file.document;
        let Some(mods) = self.file.setting("mods") else {
            return;
        };
        if !matches!(mods.value.value, Value::Sequence(_)) {
            self.refuse(mods.key, "mods", "a list", mods.value);
        }
        for id in document.items(mods.id) {
            let item = document.node(*id);
            if !item.value.is_mapping() {
                self.refuse(item, "a mod", "a mapping with a name", item);
                continue;
            }
            if document.get(*id, "name").is_none() {
                self.refuse(item, "a mod's name", "text", &NOTHING);
            }
            self.each(*id, MOD_SETTINGS);
            if let Some(config) = document.get(*id, "config") {
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
        let setting = |key: &str| self.file.setting(key).map(|entry| &entry.value.value);
        let is_required =
            setting("requires_password").is_some_and(|value| truth(value) == Some(true));
        let default = setting("default_agent_group").and_then(Value::as_text);
        let default = default.unwrap_or("guest").to_owned();
        for group in document.entries(groups.id) {
            if !group.is_mapping() {
                self.refuse(group.key, "a group", "a mapping", group.value);
                continue;
            }
            self.each(group.id, GROUP_SETTINGS);
            if let Some(metadata) = document.get(group.id, "metadata") {
                self.text_keys(metadata, "metadata");
            }
            let hash = document.get(group.id, "password_hash");
            let has_password = hash.is_some_and(|hash| hash.is_true());
            if is_required && !has_password {
                self.refuse(
                    group.key,
                    "password_hash",
                    "one in every group, because requires_password is true",
                    &NOTHING,
                );
            } else if !is_required && has_password && group.key.value.is_text(&default) {
                self.refuse(
                    group.key,
                    "password_hash",
                    "none in the default group while requires_password is false",
                    group.key,
                );
            }
        }
    }

    fn each(&mut self, mapping: NodeId, settings: &[(&str, Type)]) {
        for (key, expected) in settings {
            let Some(entry) = self.file.document.get(mapping, key) else {
                continue;
            };
            if !expected.accepts(&entry.value.value) {
                self.refuse(entry.key, key, expected.words(), entry.value);
            }
        }
    }

    fn text_keys(&mut self, entry: Entry<'_>, name: &str) {
        if !entry.is_mapping() {
            self.refuse(entry.key, name, "a mapping", entry.value);
            return;
        }
        if !self.seen.insert(entry.id) {
            return;
        }
        for inner in self.file.document.entries(entry.id) {
            if inner.key.value.as_text().is_none() {
                self.refuse(inner.key, "a key", "text in quotes", inner.key);
            }
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

impl Type {
    fn accepts(self, value: &Value) -> bool {
        let is_text = matches!(value, Value::Text(_));
        match self {
            Type::Text => is_text,
            Type::TextOrNull => is_text || *value == Value::Null,
            Type::Truth => truth(value).is_some(),
            Type::Whole => match value {
                Value::Int(_) | Value::Bool(_) => true,
                Value::Float(number) => number.fract() == 0.0,
                Value::Text(text) => is_whole(text),
                _ => false,
            },
            Type::Number => match value {
                Value::Int(_) | Value::Bool(_) | Value::Float(_) => true,
                Value::Text(text) => text.trim().parse::<f64>().is_ok(),
                _ => false,
            },
            Type::OneOf(names) => value.as_text().is_some_and(|text| names.contains(&text)),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Type::Text | Type::TextOrNull => "text, in quotes if it looks like a number",
            Type::Truth => "true or false",
            Type::Whole => "a whole number",
            Type::Number => "a number",
            Type::OneOf(_) => "centralized or decentralized",
        }
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

const SETTINGS: &[(&str, Type)] = &[
    ("name", Type::Text),
    ("mode", Type::OneOf(&["centralized", "decentralized"])),
    ("node_id", Type::TextOrNull),
    ("manifest_transport", Type::TextOrNull),
    ("recommended_transport", Type::TextOrNull),
    ("encryption_enabled", Type::Truth),
    ("encryption_type", Type::Text),
    ("disable_agent_secret_verification", Type::Truth),
    ("discovery_interval", Type::Whole),
    ("discovery_enabled", Type::Truth),
    ("max_connections", Type::Whole),
    ("connection_timeout", Type::Number),
    ("retry_attempts", Type::Whole),
    ("heartbeat_interval", Type::Whole),
    ("message_queue_size", Type::Whole),
    ("message_timeout", Type::Number),
    ("default_agent_group", Type::Text),
    ("requires_password", Type::Truth),
    ("auto_start_agents", Type::Truth),
    ("initialized", Type::Truth),
    ("identity_enabled", Type::Truth),
    ("identity_endpoint", Type::Text),
    ("identity_api_key", Type::TextOrNull),
    ("identity_auto_register", Type::Truth),
    ("identity_origin", Type::Text),
    ("identity_cache_ttl", Type::Whole),
    ("created_by_version", Type::TextOrNull),
];
const MOD_SETTINGS: &[(&str, Type)] = &[("name", Type::Text), ("enabled", Type::Truth)];
const GROUP_SETTINGS: &[(&str, Type)] = &[
    ("password_hash", Type::TextOrNull),
    ("description", Type::Text),
];
const KINDS: &str = "one of websocket, libp2p, grpc, webrtc, http, mcp, a2a";
const MAX_FINDINGS: usize = 50;
static NOTHING: Node = Node {
    value: Value::Null,
    line: 0,
    column: 0,
    span: 0..0,
    is_flow: false,
};
