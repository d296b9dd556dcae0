//! Whether two networks differ only in the TLS of their first gRPC transport.

use std::collections::{HashMap, HashSet};

use crate::network::NetworkFile;
use crate::network::transport::Kind;
use crate::network::yaml::{Document, NodeId, Value};

/// Whether only the `tls:` block differs, or what was added to contain it.
pub(super) fn same_but_for_tls(before: &NetworkFile, after: &NetworkFile) -> bool {
    let mut allowed = HashMap::new();
    let grpc = |file: &NetworkFile| {
        let mut transports = file.transports().into_iter();
        transports.find(|transport| transport.kind == Kind::Grpc)
    };
    let had_list = before.setting("transports").is_some();
    let old = grpc(before);
    let Some(new) = grpc(after) else {
        return false;
    };
    let mut skipped_item = None;
    match &old {
        None if had_list => skipped_item = new.item,
        None => {
            allowed.insert(after.network, "transports");
        }
        Some(old) => {
            let had_config = old
                .config
                .mapping
                .is_some_and(|id| before.document.node(id).value.is_mapping());
            match (had_config, new.config.mapping, new.item) {
                (true, Some(config), _) => allowed.insert(config, "tls"),
                (false, _, Some(item)) => allowed.insert(item, "config"),
                (_, _, None) => allowed.insert(after.network, "transport_config"),
                (true, None, _) => None,
            };
        }
    }
    let mut comparison = Comparison {
        before: &before.document,
        after: &after.document,
        allowed,
        skipped_item,
        seen: HashSet::new(),
    };
    comparison.same(before.root, after.root)
}

struct Comparison<'a> {
    before: &'a Document,
    after: &'a Document,
    /// The key that may differ, by its mapping.
    allowed: HashMap<NodeId, &'static str>,
    /// The new item.
    skipped_item: Option<NodeId>,
    /// The pairs that are compared already, or being compared further up.
    seen: HashSet<(NodeId, NodeId)>,
}

impl<'a> Comparison<'a> {
    fn same(&mut self, one: NodeId, other: NodeId) -> bool {
        if !self.seen.insert((one, other)) {
            return true;
        }
        match (&self.before.node(one).value, &self.after.node(other).value) {
            (Value::Mapping(_), Value::Mapping(_)) => self.same_mapping(one, other),
            (Value::Sequence(one), Value::Sequence(other)) => {
                let skipped = self.skipped_item;
                let other: Vec<_> = other.iter().filter(|id| Some(**id) != skipped).collect();
                one.len() == other.len()
                    && one
                        .iter()
                        .zip(other)
                        .all(|(one, other)| self.same(*one, *other))
            }
            (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
            (one, other) => one == other,
        }
    }

    fn same_mapping(&mut self, one: NodeId, other: NodeId) -> bool {
        let allowed = self.allowed.get(&other).copied();
        let keeps = |value: &Value| allowed.is_none_or(|key| !value.is_text(key));
        let (before, after) = (self.before, self.after);
        let kept = |document: &'a Document, id| {
            let entries = document.entries(id).into_iter();
            let entries = entries.filter(|entry| keeps(&entry.key.value));
            entries.collect::<Vec<_>>()
        };
        let (one, other) = (kept(before, one), kept(after, other));
        let mut pairs = one.iter().zip(&other);
        one.len() == other.len()
            && pairs
                .all(|(one, other)| one.key.value == other.key.value && self.same(one.id, other.id))
    }
}
