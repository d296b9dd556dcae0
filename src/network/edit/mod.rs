//! A correct `tls:` block in a network.yaml: a few characters at one place, the rest unchanged to the byte.

mod place;

use std::collections::{HashMap, HashSet};

use super::NetworkFile;
use super::file::NetworkFileError;
use super::transport::{Kind, Tls};
use super::yaml::{Document, NodeId, Value};
use crate::pki::escape::is_unsafe_to_show;
use place::{Editor, Insertion};

/// The files for a `tls:` block, as the network reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate chain.
    pub cert_file: String,
    /// Its private key.
    pub key_file: String,
    /// The CA of the clients; with it, every client needs one.
    pub ca_file: Option<String>,
}

/// A network.yaml after an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The whole text.
    pub text: String,
    /// Whether it differs from before.
    pub changed: bool,
}

/// Adds an effective `tls:` block to the first gRPC transport; adds the transport too if there is none.
///
/// Keeps comments, order and line ends. Completes a block that is not effective; leaves one that is
/// effective and names these files.
///
/// # Errors
/// When the file cannot be read, an effective block says something else, the place has a form that
/// cannot be edited as text, or the result would not be as intended.
pub fn with_tls(bytes: &[u8], files: &TlsFiles) -> Result<Edit, EditError> {
    let file = NetworkFile::read(bytes)?;
    let text = std::str::from_utf8(bytes).map_err(|_| EditError::Unsure)?;
    if let Some(tls) = effective(&file) {
        let text = text.to_owned();
        let changed = false;
        return match says(&tls, files) {
            true => Ok(Edit { text, changed }),
            false => Err(EditError::Effective { line: tls.line }),
        };
    }
    let text = applied(text, Editor::new(&file, text, files).insertions()?);
    let after = NetworkFile::read(text.as_bytes()).map_err(|_| EditError::Unsure)?;
    if effective(&after).is_none() || !same_but_for_tls(&file, &after) {
        return Err(EditError::Unsure);
    }
    let changed = true;
    Ok(Edit { text, changed })
}

/// Why a network.yaml cannot be edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] NetworkFileError),
    /// TLS is already on, with other files or settings.
    #[error("line {line}: the `tls:` block is already in effect, with other values")]
    Effective {
        /// The line of `tls:`.
        line: usize,
    },
    /// The transport's settings are elsewhere, behind an alias.
    #[error("line {line}: the settings are shared through an alias")]
    Alias {
        /// The line of the key.
        line: usize,
    },
    /// A value where a mapping or list is needed.
    #[error("line {line}: `{key}:` is {found}, which OpenAgents rejects too")]
    Kind {
        /// The line of the key.
        line: usize,
        /// The key.
        key: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The old single transport, of another kind.
    #[error("line {line}: the network's single `transport:` is not grpc")]
    Legacy {
        /// The line of the key.
        line: usize,
    },
    /// The result would not be as intended.
    #[error("the `tls:` block cannot be added without risk to the rest of the file")]
    Unsure,
}

impl EditError {
    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            EditError::File(error) => error.hint(),
            EditError::Effective { .. } => {
                "TLS is already on: edit the block by hand; `openagents-certs verify-chain --network FILE` shows what is wrong with it".into()
            }
            EditError::Alias { .. } => "write out the transport's `config:` without an alias".into(),
            EditError::Kind { key, .. } => format!("make `{key}:` a mapping or a list, as in the examples"),
            EditError::Legacy { .. } => {
                "replace `transport:` with a `transports:` list that has a gRPC transport".into()
            }
            EditError::Unsure => {
                "add the block by hand below the `config:` of the gRPC transport; `openagents-certs generate` prints it".into()
            }
        }
    }
}

/// The block of the first gRPC transport, if it takes effect and names both files.
fn effective(file: &NetworkFile) -> Option<Tls> {
    let mut transports = file.transports().into_iter();
    let first = transports.find(|transport| transport.kind == Kind::Grpc)?;
    let tls = Tls::effective(&file.document, &first)?;
    (tls.cert_file.is_some() && tls.key_file.is_some()).then_some(tls)
}

/// Whether a block names these files, and requires client certificates if a CA is among them.
fn says(tls: &Tls, files: &TlsFiles) -> bool {
    let names = |name: &Option<super::FileName>, expected: &str| {
        let path = name.as_ref().and_then(|name| name.path.as_deref());
        path.is_some_and(|path| without_dot(path) == without_dot(expected))
    };
    names(&tls.cert_file, &files.cert_file)
        && names(&tls.key_file, &files.key_file)
        && files
            .ca_file
            .as_ref()
            .is_none_or(|ca_file| names(&tls.ca_file, ca_file) && tls.require_client_cert)
}

/// The path without a leading `./`.
fn without_dot(path: &str) -> &str {
    path.trim_start_matches("./")
}

/// The text with each range replaced; the ranges do not overlap.
fn applied(text: &str, mut insertions: Vec<Insertion>) -> String {
    insertions.sort_by_key(|insertion| insertion.at.start);
    let mut result = String::with_capacity(text.len() + 512);
    let mut done = 0;
    for insertion in insertions {
        result.push_str(&text[done..insertion.at.start]);
        result.push_str(&insertion.text);
        done = insertion.at.end;
    }
    result.push_str(&text[done..]);
    result
}

/// The change from one text to another as a unified diff; empty if there is none.
pub fn unified_diff(before: &str, after: &str) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    let text = diff
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .to_string();
    // A character that could move the cursor is shown as its code.
    let shown = |c: char| match is_unsafe_to_show(c) && c != '\t' {
        true => format!("\\u{{{:x}}}", u32::from(c)),
        false => c.to_string(),
    };
    let lines = text.lines();
    lines
        .map(|line| line.chars().map(shown).collect::<String>() + "\n")
        .collect()
}

const CONTEXT_LINES: usize = 3;

/// Whether only the `tls:` block differs, or what was added to contain it.
fn same_but_for_tls(before: &NetworkFile, after: &NetworkFile) -> bool {
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

#[cfg(test)]
mod tests;
