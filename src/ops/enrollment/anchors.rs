//! Which trust anchors each enrolled machine has fetched: what a rotation waits for.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::authority::INVENTORY;
use crate::error::Error;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;
use crate::store::{Document, DocumentKind, Entry, Inventory, StoreError};

/// What an enrolled machine fetched last, by its current certificate.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The serial number of its certificate.
    pub serial: SerialNumber,
    /// When it fetched trust anchors; `None` if it has not.
    pub fetched_at: Option<OffsetDateTime>,
    anchors: Vec<String>,
}

impl Fetch {
    /// Whether a certificate was among them.
    pub fn contains(&self, anchor: &Certificate) -> bool {
        self.anchors.contains(&digest(anchor))
    }
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FetchedAnchors {
    /// SHA-256 of each, in base64.
    anchors: Vec<String>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    fetched_at: Option<OffsetDateTime>,
}

/// Notes that a machine was enrolled, as it has not fetched any anchors yet.
///
/// # Errors
/// When the inventory cannot be written.
pub fn enrolled(inventory: &mut dyn Inventory, entry: &Entry) -> Result<(), Error> {
    put(inventory, entry, FetchedAnchors::default())
}

/// Notes that one certificate took the place of another: what was fetched with the old one counts for the new.
///
/// # Errors
/// When the inventory cannot be read or written.
pub fn note_renewal(
    inventory: &mut dyn Inventory,
    old: &SerialNumber,
    new: &Entry,
) -> Result<(), Error> {
    let known = inventory.document(KIND, &old.to_string())?;
    let content = known.as_ref().map(content).transpose()?;
    if known.is_some() {
        inventory.remove_document(KIND, &old.to_string())?;
    }
    put(inventory, new, content.unwrap_or_default())
}

/// Whether a fetch of these anchors says something new about a machine: other anchors, or a day later.
///
/// # Errors
/// When the inventory cannot be read.
pub fn needs_note(
    inventory: &dyn Inventory,
    serial: &SerialNumber,
    anchors: &[Certificate],
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let Some(document) = inventory.document(KIND, &serial.to_string())? else {
        return Ok(true);
    };
    let known = content(&document)?;
    let is_recent = known.fetched_at.is_some_and(|at| now - at < Duration::DAY);
    Ok(!is_recent || known.anchors != digests(anchors))
}

/// Notes that the holder of a certificate fetched these anchors. A certificate that is not recorded is no machine
/// of ours; one that was replaced stands for the one in its place.
///
/// # Errors
/// When the inventory cannot be read or written.
pub fn note_fetch(
    inventory: &mut dyn Inventory,
    certificate: &Certificate,
    anchors: &[Certificate],
    now: OffsetDateTime,
) -> Result<(), Error> {
    let fingerprint = Fingerprint::sha256(certificate.as_der());
    let entry = inventory.find(certificate.serial())?;
    let Some(mut entry) = entry.filter(|entry| entry.fingerprint == fingerprint) else {
        return Ok(());
    };
    if let Some(newer) = entry.superseded_by.as_ref() {
        entry = inventory.find(newer)?.unwrap_or(entry);
    }
    let fetched = FetchedAnchors {
        anchors: digests(anchors),
        fetched_at: Some(now.replace_nanosecond(0).unwrap_or(now)),
    };
    put(inventory, &entry, fetched)
}

/// What each enrolled machine fetched last, by serial number.
///
/// # Errors
/// When the inventory cannot be read.
pub fn fetches(inventory: &dyn Inventory) -> Result<Vec<Fetch>, Error> {
    let mut fetches: Vec<Fetch> = Vec::new();
    loop {
        let after = fetches.last().map(|last| last.serial.to_string());
        let page = fetches_after(inventory, after.as_deref(), PAGE)?;
        if page.is_empty() {
            return Ok(fetches);
        }
        fetches.extend(page);
    }
}

/// As [`fetches`], at most `limit` behind a serial number.
fn fetches_after(
    inventory: &dyn Inventory,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Fetch>, Error> {
    let documents = inventory.documents(KIND, None, after, limit)?;
    let fetch = |document: &Document| {
        let FetchedAnchors {
            anchors,
            fetched_at,
        } = content(document)?;
        Ok(Fetch {
            serial: serial(&document.key),
            fetched_at,
            anchors,
        })
    };
    documents.iter().map(fetch).collect()
}

/// A machine that enrolled.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What it fetched last.
    pub fetch: Fetch,
    /// Its current certificate; `None` if that was removed from the inventory.
    pub entry: Option<Entry>,
}

/// At most `limit` machines that enrolled, by serial number, behind this one.
///
/// # Errors
/// When the inventory cannot be read.
pub fn machines(
    inventory: &dyn Inventory,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Machine>, Error> {
    let fetches = fetches_after(inventory, after, limit)?;
    let serials: Vec<_> = fetches.iter().map(|fetch| &fetch.serial).collect();
    let entries = inventory.find_each(&serials)?;
    let machines = fetches.into_iter().zip(entries);
    Ok(machines
        .map(|(fetch, entry)| Machine { fetch, entry })
        .collect())
}

fn put(inventory: &mut dyn Inventory, entry: &Entry, content: FetchedAnchors) -> Result<(), Error> {
    let key = entry.serial.to_string();
    let content = match serde_json::to_string(&content) {
        Ok(content) => content,
        Err(error) => unreachable!("it has only text: {error}"),
    };
    loop {
        let known = inventory.document(KIND, &key)?;
        let document = Document {
            kind: KIND,
            key: key.clone(),
            version: known.map_or(0, |known| known.version),
            owner: String::new(),
            expires_at: Some(entry.validity.not_after()),
            content: content.clone(),
        };
        if inventory.put_document(&document)? {
            return Ok(());
        }
    }
}

fn content(document: &Document) -> Result<FetchedAnchors, StoreError> {
    let content = serde_json::from_str(&document.content);
    content.map_err(|error| damaged(document, &error.to_string()))
}

fn damaged(document: &Document, what: &str) -> StoreError {
    StoreError::Damaged {
        path: INVENTORY.into(),
        what: format!("the anchors that {} fetched: {what}", document.key),
    }
}

/// The serial number that is shown so.
fn serial(shown: &str) -> SerialNumber {
    let bytes = shown
        .split(':')
        .filter_map(|byte| u8::from_str_radix(byte, 16).ok());
    let mut bytes: Vec<u8> = bytes.collect();
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    SerialNumber::from_der_content(&bytes)
}

fn digests(anchors: &[Certificate]) -> Vec<String> {
    anchors.iter().map(digest).collect()
}

fn digest(anchor: &Certificate) -> String {
    Fingerprint::sha256(anchor.as_der()).base64()
}

const KIND: DocumentKind = DocumentKind::AnchorsFetch;
const PAGE: usize = 500;
