//! The settings that OpenAgents checks when it loads a network (its pydantic models): any that it refuses
//! keeps the network from starting at all.

use std::collections::HashSet;

use super::NetworkFile;
use super::transport::Kind;
use super::yaml::{Entry, Node, NodeId, Value};
use crate::path::finding::Finding;

/// What OpenAgents refuses; the network starts only when this is empty.
pub(super) fn refused(file: &NetworkFile) -> Vec<Finding> {
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
    /// The mappings whose keys were looked at: many aliases may lead to one.
    seen: HashSet<NodeId>,
}

/// What a setting must be.
#[derive(Clone, Copy)]
enum Wanted {
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
            Some(name) if name.value.value.is_text("") => {
                self.refuse(name.key, "name", "non-empty text", name.value);
            }
            Some(_) => {}
        }
        self.each(self.file.network, SETTINGS);
        for key in ["bootstrap_nodes"] {
            let Some(entry) = self.file.setting(key) else {
                continue;
            };
            let items = document.items(entry.id).iter();
            let all_text = items.clone().all(|id| is_text(document.node(*id)));
            if !matches!(entry.value.value, Value::Sequence(_)) || !all_text {
                self.refuse(entry.key, key, "a list of strings", entry.value);
            }
        }
        if let Some(metadata) = document.get(self.file.root, "metadata")
            && !metadata.value.value.is_mapping()
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
        if !legacy.value.value.is_true() {
            return;
        }
        if let Some(config) = self.file.setting("transport_config")
            && !config.value.value.is_mapping()
        {
            self.refuse(config.key, "transport_config", "a mapping", config.value);
        }
        let name = legacy.value.value.as_text();
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
            self.each(*id, &[("name", Wanted::Text), ("enabled", Wanted::Truth)]);
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
            if !group.value.value.is_mapping() {
                self.refuse(group.key, "a group", "a mapping", group.value);
                continue;
            }
            self.each(
                group.id,
                &[
                    ("password_hash", Wanted::TextOrNull),
                    ("description", Wanted::Text),
                ],
            );
            if let Some(metadata) = document.get(group.id, "metadata") {
                self.text_keys(metadata, "metadata");
            }
            let hash = document.get(group.id, "password_hash");
            let has_password = hash.is_some_and(|hash| hash.value.value.is_true());
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

    fn each(&mut self, mapping: NodeId, settings: &[(&str, Wanted)]) {
        for (key, wanted) in settings {
            let Some(entry) = self.file.document.get(mapping, key) else {
                continue;
            };
            if !wanted.takes(&entry.value.value) {
                self.refuse(entry.key, key, wanted.words(), entry.value);
            }
        }
    }

    fn text_keys(&mut self, entry: Entry<'_>, name: &str) {
        if !entry.value.value.is_mapping() {
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

    fn refuse(&mut self, place: &Node, name: &str, wanted: &str, found: &Node) {
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
                .instead(format!("{name}: {found}"), wanted)
                .with_hint(format!("make `{name}` {wanted}")),
        );
    }
}

impl Wanted {
    fn takes(self, value: &Value) -> bool {
        let is_text = matches!(value, Value::Text(_));
        match self {
            Wanted::Text => is_text,
            Wanted::TextOrNull => is_text || *value == Value::Null,
            Wanted::Truth => truth(value).is_some(),
            Wanted::Whole => match value {
                Value::Int(_) | Value::Bool(_) => true,
                Value::Float(number) => number.fract() == 0.0,
                Value::Text(text) => is_whole(text),
                _ => false,
            },
            Wanted::Number => match value {
                Value::Int(_) | Value::Bool(_) | Value::Float(_) => true,
                Value::Text(text) => text.trim().parse::<f64>().is_ok(),
                _ => false,
            },
            Wanted::OneOf(names) => value.as_text().is_some_and(|text| names.contains(&text)),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Wanted::Text | Wanted::TextOrNull => "text, in quotes if it looks like a number",
            Wanted::Truth => "true or false",
            Wanted::Whole => "a whole number",
            Wanted::Number => "a number",
            Wanted::OneOf(_) => "centralized or decentralized",
        }
    }
}

/// What pydantic takes for a truth value.
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

fn is_text(node: &Node) -> bool {
    node.value.as_text().is_some()
}

const SETTINGS: &[(&str, Wanted)] = &[
    ("name", Wanted::Text),
    ("mode", Wanted::OneOf(&["centralized", "decentralized"])),
    ("node_id", Wanted::TextOrNull),
    ("manifest_transport", Wanted::TextOrNull),
    ("recommended_transport", Wanted::TextOrNull),
    ("encryption_enabled", Wanted::Truth),
    ("encryption_type", Wanted::Text),
    ("disable_agent_secret_verification", Wanted::Truth),
    ("discovery_interval", Wanted::Whole),
    ("discovery_enabled", Wanted::Truth),
    ("max_connections", Wanted::Whole),
    ("connection_timeout", Wanted::Number),
    ("retry_attempts", Wanted::Whole),
    ("heartbeat_interval", Wanted::Whole),
    ("message_queue_size", Wanted::Whole),
    ("message_timeout", Wanted::Number),
    ("default_agent_group", Wanted::Text),
    ("requires_password", Wanted::Truth),
    ("auto_start_agents", Wanted::Truth),
    ("initialized", Wanted::Truth),
    ("identity_enabled", Wanted::Truth),
    ("identity_endpoint", Wanted::Text),
    ("identity_api_key", Wanted::TextOrNull),
    ("identity_auto_register", Wanted::Truth),
    ("identity_origin", Wanted::Text),
    ("identity_cache_ttl", Wanted::Whole),
    ("created_by_version", Wanted::TextOrNull),
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
