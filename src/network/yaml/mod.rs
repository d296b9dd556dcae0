//! YAML as Python's `yaml.safe_load` takes it: the words of YAML 1.1, one document, the last of two equal
//! keys, merge keys. Every node knows where it stands, so that a finding can name its line and an
//! edit its place.

mod compose;
mod error;
mod scalar;
mod tabs;
mod timestamp;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

pub use error::YamlError;
pub use scalar::Value;

/// A document that was read.
#[derive(Debug)]
pub struct Document {
    nodes: Vec<Node>,
    root: Option<NodeId>,
    /// Where the text keys of large mappings stand: of equal ones the last.
    index: HashMap<NodeId, HashMap<String, usize>>,
    /// The mappings that merge others.
    merging: HashSet<NodeId>,
    /// Keys that stand twice in one mapping: the line of the first and of the one that counts.
    pub duplicates: Vec<DuplicateKey>,
}

/// A node's place in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(usize);

/// A scalar or a collection.
#[derive(Debug)]
pub struct Node {
    /// What Python makes of it.
    pub value: Value,
    /// The line it begins on, the first being 1.
    pub line: usize,
    /// How many characters stand before it on that line.
    pub column: usize,
    /// Its octets in the text. A block collection's end says little: it may lie behind blank lines and comments.
    pub span: Range<usize>,
    /// Whether it is written between brackets.
    pub is_flow: bool,
}

/// A key that stands more than once in a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The key.
    pub key: String,
    /// The line of the one that does not count.
    pub first: usize,
    /// The line of the one that does.
    pub last: usize,
}

/// A key and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a Node,
    /// The value.
    pub value: &'a Node,
    /// Where the value is in the document.
    pub id: NodeId,
}

impl Document {
    /// Reads UTF-8, with or without a byte order mark.
    ///
    /// Takes time and memory linear in the text, whatever its aliases are; a text of more than half a
    /// million nodes or nested deeper than 255 is refused.
    ///
    /// # Errors
    /// When Python would not read it either, or it is too large for any configuration.
    pub fn read(octets: &[u8]) -> Result<Self, YamlError> {
        let text = error::text(octets)?;
        compose::compose(text)
    }

    /// The outermost node; `None` where there is none at all.
    pub fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// The node at a place.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// What a mapping has under a text key, as Python's `get` would find it; `None` where it is no mapping.
    pub fn get(&self, mapping: NodeId, key: &str) -> Option<Entry<'_>> {
        self.find(mapping, key, &mut HashSet::new())
    }

    /// The entries of a mapping as Python sees them: merged ones too, of equal text keys the one that counts.
    pub fn entries(&self, mapping: NodeId) -> Vec<Entry<'_>> {
        let mut all = Vec::new();
        self.gather(mapping, &mut HashSet::new(), &mut all);
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut kept: Vec<Entry<'_>> = Vec::new();
        for entry in all {
            match entry.key.value.as_text() {
                Some(text) => match seen.get(text) {
                    Some(&at) => kept[at] = entry,
                    None => {
                        seen.insert(text, kept.len());
                        kept.push(entry);
                    }
                },
                None => kept.push(entry),
            }
        }
        kept
    }

    /// The items of a sequence; empty where it is none.
    pub fn items(&self, sequence: NodeId) -> &[NodeId] {
        match &self.node(sequence).value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The pairs that stand in a mapping itself, in their order.
    fn pairs(&self, mapping: NodeId) -> &[(NodeId, NodeId)] {
        match &self.node(mapping).value {
            Value::Mapping(pairs) => pairs,
            _ => &[],
        }
    }

    fn find(
        &self,
        mapping: NodeId,
        wanted: &str,
        visited: &mut HashSet<NodeId>,
    ) -> Option<Entry<'_>> {
        if !visited.insert(mapping) {
            return None;
        }
        let pairs = self.pairs(mapping);
        let own = pairs.iter().rev();
        let is_wanted = |(key, _): &&(NodeId, NodeId)| self.node(*key).value.is_text(wanted);
        let found = match self.index.get(&mapping) {
            Some(index) => index.get(wanted).map(|at| &pairs[*at]),
            None => own.clone().find(is_wanted),
        };
        if let Some((key, value)) = found {
            return Some(self.entry(*key, *value));
        }
        if !self.merging.contains(&mapping) {
            return None;
        }
        let merges = own.filter(|(key, _)| self.node(*key).value.is_merge());
        for (_, value) in merges {
            for source in self.sources(*value) {
                if let Some(found) = self.find(source, wanted, visited) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Every entry, those that count least first.
    fn gather<'a>(
        &'a self,
        mapping: NodeId,
        visited: &mut HashSet<NodeId>,
        all: &mut Vec<Entry<'a>>,
    ) {
        if !visited.insert(mapping) {
            return;
        }
        let pairs = self.pairs(mapping);
        let is_merge = |key: NodeId| self.node(key).value.is_merge();
        for (_, value) in pairs.iter().filter(|(key, _)| is_merge(*key)) {
            for source in self.sources(*value).into_iter().rev() {
                self.gather(source, visited, all);
            }
        }
        let own = pairs.iter().filter(|(key, _)| !is_merge(*key));
        all.extend(own.map(|(key, value)| self.entry(*key, *value)));
    }

    /// The mappings that are merged in, those that count most first.
    fn sources(&self, value: NodeId) -> Vec<NodeId> {
        match &self.node(value).value {
            Value::Sequence(items) => items.clone(),
            _ => vec![value],
        }
    }

    fn entry(&self, key: NodeId, value: NodeId) -> Entry<'_> {
        Entry {
            key: self.node(key),
            value: self.node(value),
            id: value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_keys_counts_and_own_keys_before_merged_ones() {
        let text =
            b"a: &a {x: 1, y: 1, z: 1}\nb: &b {y: 2, w: 2}\nc:\n  <<: [*b, *a]\n  x: 3\n  x: 4\n";
        let document = Document::read(text).unwrap();
        let c = document.get(document.root().unwrap(), "c").unwrap().id;
        let value = |key| document.get(c, key).map(|entry| entry.value.value.clone());
        assert_eq!(value("x"), Some(Value::Int(4)));
        assert_eq!(value("y"), Some(Value::Int(2)));
        assert_eq!(
            (value("z"), value("w")),
            (Some(Value::Int(1)), Some(Value::Int(2)))
        );
        assert_eq!(value("v"), None);
        assert_eq!(document.entries(c).len(), 4);
        let duplicate = DuplicateKey {
            key: "x".into(),
            first: 5,
            last: 6,
        };
        assert_eq!(document.duplicates, [duplicate]);
    }

    #[test]
    fn large_mappings_are_looked_up_as_small_ones() {
        let keys: String = (0..100).map(|i| format!("k{i}: {i}\n")).collect();
        let document = Document::read(format!("{keys}k7: last\n").as_bytes()).unwrap();
        let root = document.root().unwrap();
        let value = |key| {
            document
                .get(root, key)
                .map(|entry| entry.value.value.clone())
        };
        assert_eq!(value("k7"), Some(Value::Text("last".into())));
        assert_eq!(value("k99"), Some(Value::Int(99)));
        assert_eq!(value("k100"), None);
    }

    #[test]
    fn a_mapping_that_merges_itself_ends() {
        let document = Document::read(b"a: &a\n  <<: *a\n  x: 1\n");
        if let Ok(document) = document {
            let a = document.get(document.root().unwrap(), "a").unwrap().id;
            assert!(document.get(a, "y").is_none());
            assert_eq!(document.entries(a).len(), 1);
        }
    }
}
