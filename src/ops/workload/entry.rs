//! Entries of workloads in the inventory, beside those in certs.toml.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::authority::{self, CONFIG, INVENTORY};
use crate::config::{Config, Workload, WorkloadEntry};
use crate::error::{Error, WorkloadError};
use crate::keys;
use crate::ops::Report;
use crate::pki::escape::Escaped;
use crate::store::{Document, DocumentKind, Inventory, StoreError};

/// An entry in the inventory.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// Its id.
    pub id: String,
    /// The entry.
    pub entry: Arc<WorkloadEntry>,
    created_at: OffsetDateTime,
}

impl StoredEntry {
    /// Every entry in an inventory, the oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn all(inventory: &dyn Inventory) -> Result<Vec<Self>, Error> {
        KnownEntries::default().read(inventory)
    }

    fn of(document: &Document) -> Result<Self, Error> {
        let content: Result<Content, _> = serde_json::from_str(&document.content);
        let content = content.map_err(|error| StoreError::Damaged {
            path: INVENTORY.into(),
            what: format!("the workload entry {}: {error}", document.key),
        })?;
        Ok(StoredEntry {
            id: document.key.clone(),
            entry: Arc::new(content.entry),
            created_at: content.created_at,
        })
    }
}

/// The entries of an inventory that is read again and again: what has not changed is not parsed again.
#[derive(Default)]
pub struct KnownEntries {
    /// Each with the text that it was read from.
    by_id: HashMap<String, (String, StoredEntry)>,
}

impl KnownEntries {
    /// Every entry in the inventory, the oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&mut self, inventory: &dyn Inventory) -> Result<Vec<StoredEntry>, Error> {
        let mut known = std::mem::take(&mut self.by_id);
        let mut entries = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let kind = DocumentKind::WorkloadEntry;
            let page = inventory.documents(kind, None, after.as_deref(), PAGE)?;
            after = page.last().map(|last| last.key.clone());
            for document in page {
                let (text, entry) = match known.remove(&document.key) {
                    Some((text, entry)) if text == document.content => (text, entry),
                    Some(_) | None => {
                        let entry = StoredEntry::of(&document)?;
                        (document.content, entry)
                    }
                };
                entries.push(entry.clone());
                self.by_id.insert(document.key, (text, entry));
            }
            if after.is_none() {
                break;
            }
        }
        entries.sort_unstable_by(|one, other| {
            let in_time = one.created_at.cmp(&other.created_at);
            in_time.then_with(|| one.id.cmp(&other.id))
        });
        Ok(entries)
    }
}

/// Adds an entry; a server serves it within seconds.
///
/// # Errors
/// When it does not fit the settings, or the inventory cannot be written.
pub fn add(
    directory: &Path,
    entry: WorkloadEntry,
    requested_by: String,
    now: OffsetDateTime,
) -> Result<EntryChange, Error> {
    let mut inventory = crate::ops::list::inventory(directory)?;
    let config = authority::read_config(directory)?;
    let trust_domain = &workload(directory, &config)?.trust_domain;
    if let Some(what) = entry.contradiction(trust_domain, config.longest_svid()) {
        return Err(WorkloadError::Entry { what }.into());
    }
    let known = StoredEntry::all(&*inventory)?;
    if let Some(known) = known.into_iter().find(|known| *known.entry == entry) {
        return Ok(EntryChange::new(known.id, entry, "already there"));
    }
    let random = keys::random_bytes::<ID_BYTES>()?;
    let id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let content = Content {
        entry: entry.clone(),
        created_at: now.replace_nanosecond(0).unwrap_or(now),
        created_by: requested_by,
    };
    inventory.put_document(&Document {
        kind: DocumentKind::WorkloadEntry,
        key: id.clone(),
        version: 0,
        owner: String::new(),
        expires_at: None,
        content: match serde_json::to_string(&content) {
            Ok(content) => content,
            Err(error) => unreachable!("it has only text and numbers: {error}"),
        },
    })?;
    Ok(EntryChange::new(id, entry, "added"))
}

/// Removes an entry; a server ends the streams of processes that nothing else matches within seconds.
///
/// # Errors
/// When there is no such entry in the inventory, or it cannot be written.
pub fn remove(directory: &Path, id: &str) -> Result<EntryChange, Error> {
    let mut inventory = crate::ops::list::inventory(directory)?;
    let known = StoredEntry::all(&*inventory)?;
    let known = known.into_iter().find(|known| known.id == id);
    let Some(known) = known else {
        return Err(WorkloadError::NoEntry { id: id.to_owned() }.into());
    };
    inventory.remove_document(DocumentKind::WorkloadEntry, id)?;
    let entry = Arc::unwrap_or_clone(known.entry);
    Ok(EntryChange::new(known.id, entry, "removed"))
}

/// Every entry, in the order of the SVIDs: those of certs.toml, then those of the inventory.
///
/// # Errors
/// When the settings or the inventory cannot be read.
pub fn list(directory: &Path) -> Result<EntryList, Error> {
    let inventory = crate::ops::list::inventory(directory)?;
    let config = authority::read_config(directory)?;
    let workload = workload(directory, &config)?;
    let of_file = workload.entries().map(|entry| (None, Arc::clone(entry)));
    let stored = StoredEntry::all(&*inventory)?.into_iter();
    let stored = stored.map(|stored| (Some(stored.id), stored.entry));
    let entries = of_file.chain(stored);
    Ok(EntryList {
        trust_domain: workload.trust_domain.to_string(),
        entries: entries
            .map(|(id, entry)| ListedEntry {
                id,
                entry: Arc::unwrap_or_clone(entry),
            })
            .collect(),
    })
}

fn workload<'a>(directory: &Path, config: &'a Config) -> Result<&'a Workload, Error> {
    let path = directory.join(CONFIG);
    let workload = config.workload();
    workload.ok_or_else(|| WorkloadError::NoTrustDomain { path }.into())
}

/// An entry that was added or removed.
#[derive(Debug, Serialize)]
pub struct EntryChange {
    /// Its id.
    pub id: String,
    /// What was done: `added`, `already there` or `removed`.
    pub done: &'static str,
    /// The entry.
    #[serde(flatten)]
    pub entry: WorkloadEntry,
}

impl EntryChange {
    fn new(id: String, entry: WorkloadEntry, done: &'static str) -> Self {
        EntryChange { id, done, entry }
    }
}

impl fmt::Display for EntryChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Entry {} {}", self.id, self.done)?;
        writeln!(f, "  SPIFFE ID  {}", self.entry.spiffe_id)?;
        writeln!(f, "  selectors  {}", selectors(&self.entry))?;
        writeln!(f, "  ttl        {}", self.entry.ttl.lifetime())
    }
}

impl Report for EntryChange {}

/// Every entry.
#[derive(Debug, Serialize)]
pub struct EntryList {
    /// The trust domain.
    pub trust_domain: String,
    /// The entries, in the order of the SVIDs.
    pub entries: Vec<ListedEntry>,
}

/// An entry and where it is.
#[derive(Debug, Serialize)]
pub struct ListedEntry {
    /// Its id in the inventory; none of an entry in certs.toml.
    pub id: Option<String>,
    /// The entry.
    #[serde(flatten)]
    pub entry: WorkloadEntry,
}

impl fmt::Display for EntryList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .entries
            .iter()
            .map(|one| one.entry.spiffe_id.as_str().len());
        let width = width.max().unwrap_or(0).max("SPIFFE ID".len());
        if self.entries.is_empty() {
            return writeln!(
                f,
                "No entries: add one with `openagents-certs workload entry add ID --uid UID`"
            );
        }
        writeln!(f, "{:16}  {:width$}  TTL   SELECTORS", "ID", "SPIFFE ID")?;
        for ListedEntry { id, entry } in &self.entries {
            let id = id.as_deref().unwrap_or(CONFIG);
            let ttl = entry.ttl.lifetime().to_string();
            let (spiffe_id, selectors) = (entry.spiffe_id.as_str(), selectors(entry));
            writeln!(f, "{id:16}  {spiffe_id:width$}  {ttl:4}  {selectors}")?;
        }
        Ok(())
    }
}

impl Report for EntryList {
    fn is_content(&self) -> bool {
        true
    }
}

fn selectors(entry: &WorkloadEntry) -> String {
    let node = entry.node.as_ref().map(|node| format!("node:{node}"));
    let all = node.into_iter().chain(entry.selectors.texts());
    let all: Vec<_> = all.map(|text| Escaped(&text).to_string()).collect();
    all.join(" ")
}

/// What the inventory has of an entry.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    entry: WorkloadEntry,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    created_by: String,
}

const ID_BYTES: usize = 8;
const PAGE: usize = 500;
