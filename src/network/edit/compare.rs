//! Whether two networks say the same but for the TLS of their first gRPC transport.

use std::collections::{HashMap, HashSet};

use crate::network::NetworkFile;
use crate::network::transport::Kind;
use crate::network::yaml::{Document, NodeId, Value};

/// Whether nothing but the `tls:` block was touched, or what had to be made to hold it.
pub(super) fn same_but_for_tls(before: &NetworkFile, after: &NetworkFile) -> bool {
    let mut allowed = HashMap::new();
    let is_grpc = |kind: Kind| kind == Kind::Grpc;
    let had_list = before.setting("transports").is_some();
    let old = before.transports().into_iter().find(|t| is_grpc(t.kind));
    let new = after.transports().into_iter().find(|t| is_grpc(t.kind));
    let Some(new) = new else {
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
    /// In which mapping which key may differ.
    allowed: HashMap<NodeId, &'static str>,
    /// The item that is new.
    skipped_item: Option<NodeId>,
    /// The pairs that were compared, or are being compared further up.
    seen: HashSet<(NodeId, NodeId)>,
}

impl Comparison<'_> {
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
        let one: Vec<_> = before
            .entries(one)
            .into_iter()
            .filter(|e| keeps(&e.key.value))
            .collect();
        let other: Vec<_> = after
            .entries(other)
            .into_iter()
            .filter(|e| keeps(&e.key.value))
            .collect();
        one.len() == other.len()
            && one
                .iter()
                .zip(&other)
                .all(|(one, other)| one.key.value == other.key.value && self.same(one.id, other.id))
    }
}
