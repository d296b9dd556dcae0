//! Copying everything that one inventory holds into another.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use time::OffsetDateTime;

use super::filter::common_name;
use super::{
    AuditRecord, AuthorityRecord, Document, DocumentKind, Entry, Inventory, Revocation,
    RevokedCertificate, StoreError,
};
use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::{Digest, Fingerprint};
use crate::pki::serial::SerialNumber;

/// What an inventory holds, as numbers that can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// How many certificates.
    pub entries: u64,
    /// How many revocations of certificates without an entry.
    pub carried_over: u64,
    /// How many documents that have not expired.
    pub documents: u64,
    /// How many records of the audit trail.
    pub audit_records: u64,
    /// The number of the last CRL.
    pub crl_number: u64,
    /// The sum of the SHA-256 digests of everything: the order does not matter.
    pub digest: Sum,
}

/// A sum of digests, modulo 2²⁵⁶.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum([u8; 32]);

impl Sum {
    fn add(&mut self, digest: &Fingerprint) {
        let mut carry = 0;
        for (sum, octet) in self.0.iter_mut().zip(digest.as_bytes()).rev() {
            let total = u16::from(*sum) + u16::from(*octet) + carry;
            *sum = total.to_le_bytes()[0];
            carry = total >> 8;
        }
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Copies everything, a page at a time, and calls `progress` with the number of certificates that are done. What is
/// there already stays, and takes over its status: so a copy that was interrupted goes on where it was.
///
/// The authorities are complete only when everything else is there. The audit trail comes along, and gets no record of
/// the copying.
///
/// # Errors
/// When one cannot be read or the other written; when another certificate has one's serial number.
pub fn copy(
    from: &dyn Inventory,
    to: &mut dyn Inventory,
    progress: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let actor = to.act_as(None);
    let copied = copy_all(from, to, progress);
    to.act_as(actor);
    copied
}

fn copy_all(
    from: &dyn Inventory,
    to: &mut dyn Inventory,
    progress: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let authorities = from.authorities()?;
    for authority in &authorities {
        to.record_authority(&authority.certificate, authority.created_at)?;
    }
    let (mut position, mut done) = (0, 0);
    loop {
        let page = from.entries_after(position, PAGE)?;
        let Some((last, _)) = page.last() else {
            break;
        };
        position = *last;
        done += page.len() as u64;
        let entries: Vec<Entry> = page.into_iter().map(|(_, entry)| entry).collect();
        put(to, &entries)?;
        progress(done);
    }
    for (manifest, rows) in from.manifests()? {
        to.note_rows_released(&manifest, rows)?;
    }
    copy_revoked(from, to)?;
    for &kind in DocumentKind::ALL {
        copy_documents(from, to, kind)?;
    }
    copy_audit(from, to)?;
    for AuthorityRecord {
        certificate,
        complete,
        retired_at,
        ..
    } in authorities
    {
        if complete {
            to.complete_authority(&certificate)?;
        }
        if let Some(moment) = retired_at {
            to.retire_authority(&certificate, &[], moment)?;
        }
    }
    Ok(())
}

/// Adds entries; those that are there become the same, but a revocation stays that only removing a hold could undo.
fn put(to: &mut dyn Inventory, entries: &[Entry]) -> Result<(), StoreError> {
    let serials: Vec<_> = entries.iter().map(|entry| &entry.serial).collect();
    let known = to.find_each(&serials)?;
    let mut outdated = Vec::new();
    let mut new = Vec::new();
    for (entry, known) in entries.iter().zip(known) {
        match known {
            None => new.push(entry.clone()),
            Some(known) if known == *entry => {}
            Some(known) if known.fingerprint != entry.fingerprint => new.push(entry.clone()),
            Some(known) if is_final(known.revocation) && entry.revocation.is_none() => {}
            Some(_) => {
                outdated.push(entry.serial.clone());
                new.push(entry.clone());
            }
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    to.together(&mut |to| {
        to.remove_entries(&outdated)?;
        to.record(&new)
    })
}

fn is_final(revocation: Option<Revocation>) -> bool {
    revocation.is_some_and(|revocation| revocation.reason != RevocationReason::CertificateHold)
}

/// Copies revocations of certificates without an entry, and the number of the last CRL. Those with one are revoked
/// already.
fn copy_revoked(from: &dyn Inventory, to: &mut dyn Inventory) -> Result<(), StoreError> {
    let number = from.crl_number()?;
    let mut page: Vec<RevokedCertificate> = Vec::new();
    let mut failed = Ok(());
    from.revoked(&mut |revoked| {
        page.push(revoked);
        if page.len() >= PAGE {
            failed = to.carry_over(&page, number);
            page.clear();
        }
        match &failed {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    failed?;
    to.carry_over(&page, number)
}

fn copy_documents(
    from: &dyn Inventory,
    to: &mut dyn Inventory,
    kind: DocumentKind,
) -> Result<(), StoreError> {
    // Those that an earlier copy brought, and that are over since.
    let mut stray = Vec::new();
    each_document(&*to, kind, &mut |documents| {
        for document in documents {
            if from.document(kind, &document.key)?.is_none() {
                stray.push(document.key.clone());
            }
        }
        Ok(())
    })?;
    for key in stray {
        to.remove_document(kind, &key)?;
    }
    each_document(from, kind, &mut |documents| {
        to.together(&mut |to| {
            for document in documents {
                let known = to.document(kind, &document.key)?;
                let version = known.as_ref().map_or(0, |known| known.version);
                let same = Document {
                    version,
                    ..document.clone()
                };
                if known.as_ref() != Some(&same) {
                    to.put_document(&same)?;
                }
            }
            Ok(())
        })
    })
}

/// Adds the records of the audit trail that are not there yet.
fn copy_audit(from: &dyn Inventory, to: &mut dyn Inventory) -> Result<(), StoreError> {
    let mut there: HashMap<Fingerprint, u64> = HashMap::new();
    each_record(&*to, &mut |records| {
        for record in records {
            *there.entry(digest_of_record(record)).or_default() += 1;
        }
        Ok(())
    })?;
    each_record(from, &mut |records| {
        let is_new = |record: &&AuditRecord| match there.get_mut(&digest_of_record(record)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            Some(_) | None => true,
        };
        let new: Vec<AuditRecord> = records.iter().filter(is_new).cloned().collect();
        match new.is_empty() {
            true => Ok(()),
            false => to.keep_audit(&new),
        }
    })
}

/// Passes all records of the audit trail, a page at a time.
fn each_record(
    inventory: &dyn Inventory,
    visitor: &mut dyn FnMut(&[AuditRecord]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut position = 0;
    loop {
        let page = inventory.audit_after(position, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        position = last.position;
        visitor(&page)?;
    }
}

/// Passes all documents of a kind, a page at a time.
fn each_document(
    inventory: &dyn Inventory,
    kind: DocumentKind,
    visitor: &mut dyn FnMut(&[Document]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let page = inventory.documents(kind, None, after.as_deref(), PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.key.clone());
        visitor(&page)?;
    }
}

/// What an inventory holds. Documents that have expired are not counted: they may be removed at any moment.
///
/// # Errors
/// When it cannot be read.
pub fn contents(
    inventory: &dyn Inventory,
    now: OffsetDateTime,
    progress: &mut dyn FnMut(u64),
) -> Result<Contents, StoreError> {
    let mut contents = Contents {
        crl_number: inventory.crl_number()?,
        ..Contents::default()
    };
    for authority in inventory.authorities()? {
        let retired_at = authority.retired_at.map(OffsetDateTime::unix_timestamp);
        let facts = format!("{retired_at:?} {}", authority.complete);
        contents.digest.add(&digest(&[
            b"authority",
            &authority.certificate,
            facts.as_bytes(),
        ]));
    }
    let recorded = contents.add_entries(inventory, progress)?;
    for (manifest, rows) in inventory.manifests()? {
        contents.digest.add(&digest(&[
            b"manifest",
            manifest.as_bytes(),
            &rows.to_be_bytes(),
        ]));
    }
    contents.add_revoked(inventory, &recorded)?;
    contents.add_documents(inventory, now)?;
    each_record(inventory, &mut |records| {
        for record in records {
            contents.audit_records += 1;
            contents.digest.add(&digest_of_record(record));
        }
        Ok(())
    })?;
    Ok(contents)
}

impl Contents {
    /// Adds the entries, and gives the serial numbers of those that are revoked.
    fn add_entries(
        &mut self,
        inventory: &dyn Inventory,
        progress: &mut dyn FnMut(u64),
    ) -> Result<HashSet<SerialNumber>, StoreError> {
        let mut recorded = HashSet::new();
        let mut position = 0;
        loop {
            let page = inventory.entries_after(position, PAGE)?;
            let Some((last, _)) = page.last() else {
                break;
            };
            position = *last;
            for (_, entry) in &page {
                self.entries += 1;
                self.digest.add(&digest_of(entry));
                if entry.revocation.is_some() {
                    recorded.insert(entry.serial.clone());
                }
            }
            progress(self.entries);
        }
        Ok(recorded)
    }

    /// Adds the revoked certificates that have no entry.
    fn add_revoked(
        &mut self,
        inventory: &dyn Inventory,
        recorded: &HashSet<SerialNumber>,
    ) -> Result<(), StoreError> {
        inventory.revoked(&mut |revoked| {
            if !recorded.contains(&revoked.serial) {
                self.carried_over += 1;
                let facts = format!(
                    "{:?} {}",
                    revoked.revocation,
                    revoked.not_after.unix_timestamp()
                );
                let parts = [
                    b"revoked".as_slice(),
                    revoked.serial.shown_bytes(),
                    revoked.issuer_fingerprint.as_bytes(),
                    facts.as_bytes(),
                ];
                self.digest.add(&digest(&parts));
            }
            ControlFlow::Continue(())
        })
    }

    fn add_documents(
        &mut self,
        inventory: &dyn Inventory,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        for &kind in DocumentKind::ALL {
            each_document(inventory, kind, &mut |documents| {
                let current = documents
                    .iter()
                    .filter(|document| document.expires_at.is_none_or(|end| end > now));
                for document in current {
                    self.documents += 1;
                    let expires_at = document.expires_at.map(OffsetDateTime::unix_timestamp);
                    let parts = [
                        kind.name(),
                        &document.key,
                        &document.owner,
                        &format!("{expires_at:?}"),
                        &document.content,
                    ];
                    self.digest.add(&digest(&parts.map(str::as_bytes)));
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn digest_of(entry: &Entry) -> Fingerprint {
    let moment = |moment: OffsetDateTime| moment.unix_timestamp();
    let serial =
        |serial: &Option<SerialNumber>| serial.as_ref().map(|serial| serial.shown_bytes().to_vec());
    let validity = (
        moment(entry.validity.not_before()),
        moment(entry.validity.not_after()),
    );
    let names: Vec<String> = entry.names.iter().map(ToString::to_string).collect();
    let facts = format!(
        "{validity:?} {names:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        common_name(entry),
        entry.profile,
        entry.key_type,
        entry
            .output
            .as_ref()
            .map(|output| (&output.directory, &output.base)),
        entry.requested_by,
        entry.note,
        entry.labels.lines(),
        moment(entry.issued_at),
        entry.revocation.map(|revocation| (
            moment(revocation.at),
            revocation.reason.code(),
            revocation.invalidity_date.map(moment)
        )),
        entry
            .batch
            .as_ref()
            .map(|batch| (batch.manifest.as_bytes(), batch.row)),
        (serial(&entry.replaces), serial(&entry.superseded_by)),
        entry.retired_at.map(moment),
    );
    digest(&[
        b"entry",
        entry.serial.shown_bytes(),
        &entry.certificate,
        entry.subject.as_der(),
        entry.issuer.as_der(),
        entry.issuer_fingerprint.as_bytes(),
        entry.fingerprint.as_bytes(),
        entry.public_key.as_bytes(),
        facts.as_bytes(),
    ])
}

/// The digest of a record without its position.
fn digest_of_record(record: &AuditRecord) -> Fingerprint {
    let AuditRecord { at, event, by, .. } = record;
    let serial = event.serial.as_ref().map(SerialNumber::shown_bytes);
    let facts = format!(
        "{} {serial:?} {} {:?} {:?} {:?} {:?} {:?}",
        at.unix_timestamp(),
        event.count,
        event.subject,
        event.details,
        by.actor,
        by.credential,
        by.origin
    );
    digest(&[b"audit", event.action.name().as_bytes(), facts.as_bytes()])
}

/// The digest of parts, each with its length.
fn digest(parts: &[&[u8]]) -> Fingerprint {
    let mut whole = Digest::sha256();
    for part in parts {
        whole.update(&(part.len() as u64).to_be_bytes());
        whole.update(part);
    }
    whole.finish()
}

/// How many are read and written at once.
const PAGE: usize = 1_000;
