//! An inventory in memory, as the second implementation of the contract.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;

use super::audit::recorded_subject;
use super::revocation::without_hold;
use super::{
    Action, Actor, AuditEvent, AuditFilter, AuditRecord, AuthorityRecord, Counts, Document,
    DocumentKind, Ends, Entry, Filter, Inventory, Place, Revocation, RevocationChange,
    RevokedCertificate, Search, Status, StoreError, ends,
};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;

/// An inventory that lasts as long as the value.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    entries: Vec<Entry>,
    places: HashMap<SerialNumber, usize>,
    authorities: Vec<AuthorityRecord>,
    batches: HashMap<Fingerprint, u64>,
    crl_number: u64,
    revocations: u64,
    carried_over: Vec<RevokedCertificate>,
    documents: BTreeMap<(&'static str, String), Document>,
    audit: Vec<AuditRecord>,
    actor: Option<Arc<Actor>>,
}

impl Memory {
    /// An empty inventory.
    pub(super) fn new() -> Self {
        Memory {
            actor: Some(Arc::new(Actor::unknown())),
            ..Self::default()
        }
    }

    /// The revoked certificates that have no entry.
    fn unknown(&self) -> impl Iterator<Item = RevokedCertificate> {
        let carried = self.carried_over.iter();
        let unknown = carried.filter(|carried| !self.places.contains_key(&carried.serial));
        unknown.cloned()
    }

    fn place(&mut self, serial: &SerialNumber) -> Option<&mut Entry> {
        self.places
            .get(serial)
            .map(|&place| &mut self.entries[place])
    }

    /// Adds what happened, at the start of time: there is no clock.
    fn tell(&mut self, events: impl IntoIterator<Item = AuditEvent>) {
        let Some(actor) = self.actor.clone() else {
            return;
        };
        for event in events {
            self.audit.push(AuditRecord {
                position: self.audit.len() as u64 + 1,
                at: OffsetDateTime::UNIX_EPOCH,
                event,
                by: (*actor).clone(),
            });
        }
    }

    /// Changes how a revocation stands, as `decide` says.
    fn change_revocation(
        &mut self,
        serial: &SerialNumber,
        decide: impl Fn(Option<Revocation>) -> (RevocationChange, Option<Revocation>),
    ) -> RevocationChange {
        let Some(entry) = self.place(serial) else {
            return RevocationChange::Unknown;
        };
        let (change, revocation) = decide(entry.revocation);
        if revocation != entry.revocation {
            entry.revocation = revocation;
            let names: Vec<String> = entry.names.iter().map(ToString::to_string).collect();
            let subject = recorded_subject(&names.join("\n"), entry.subject.as_der());
            self.tell([AuditEvent::revocation(serial, &subject, revocation)]);
        }
        change
    }
}

impl Inventory for Memory {
    fn act_as(&mut self, actor: Option<Arc<Actor>>) -> Option<Arc<Actor>> {
        std::mem::replace(&mut self.actor, actor)
    }

    fn note(&mut self, event: AuditEvent) -> Result<(), StoreError> {
        self.tell([event]);
        Ok(())
    }

    fn keep_audit(&mut self, records: &[AuditRecord]) -> Result<(), StoreError> {
        for record in records {
            let position = self.audit.len() as u64 + 1;
            self.audit.push(AuditRecord {
                position,
                ..record.clone()
            });
        }
        Ok(())
    }

    fn audit(
        &self,
        filter: &AuditFilter,
        visitor: &mut dyn FnMut(AuditRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut found: Vec<_> = self
            .audit
            .iter()
            .filter(|record| filter.matches(record))
            .collect();
        found.sort_by_key(|record| std::cmp::Reverse((record.at, record.position)));
        let wanted = found.into_iter().take(filter.limit.unwrap_or(usize::MAX));
        let _stopped = wanted.cloned().try_for_each(visitor);
        Ok(())
    }

    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let records = self.audit.iter();
        let behind = records.filter(|record| record.position > position);
        Ok(behind.take(limit).cloned().collect())
    }

    fn record_as(&mut self, entries: &[Entry], action: Action) -> Result<(), StoreError> {
        let before = self.entries.len();
        for (i, entry) in entries.iter().enumerate() {
            if self.places.contains_key(&entry.serial) {
                entries[..i].iter().for_each(|entry| {
                    self.places.remove(&entry.serial);
                });
                return Err(StoreError::SerialTaken {
                    path: PathBuf::from("memory"),
                    serial: entry.serial.clone(),
                });
            }
            self.places.insert(entry.serial.clone(), before + i);
        }
        self.entries.extend_from_slice(entries);
        for entry in entries {
            if let Some(replaced) = entry.replaces.as_ref().and_then(|old| self.place(old)) {
                replaced.superseded_by = Some(entry.serial.clone());
            }
        }
        self.tell(AuditEvent::recorded(entries, action));
        Ok(())
    }

    fn find(&self, serial: &SerialNumber) -> Result<Option<Entry>, StoreError> {
        Ok(self
            .places
            .get(serial)
            .map(|&place| self.entries[place].clone()))
    }

    fn find_each(&self, serials: &[&SerialNumber]) -> Result<Vec<Option<Entry>>, StoreError> {
        serials.iter().map(|serial| self.find(serial)).collect()
    }

    fn find_by_public_key(&self, public_key: &Fingerprint) -> Result<Vec<Entry>, StoreError> {
        let entries = self
            .entries
            .iter()
            .filter(|entry| entry.public_key == *public_key);
        Ok(entries.cloned().collect())
    }

    fn entries_after(&self, position: u64, limit: usize) -> Result<Vec<(u64, Entry)>, StoreError> {
        let numbered = (1..).zip(&self.entries);
        let wanted = numbered.skip_while(|(number, _)| *number <= position);
        let wanted = wanted.map(|(number, entry)| (number, entry.clone()));
        Ok(wanted.take(limit).collect())
    }

    fn remove_entries(&mut self, serials: &[SerialNumber]) -> Result<u64, StoreError> {
        let before = self.entries.len();
        self.entries
            .retain(|entry| !serials.contains(&entry.serial));
        let places = self.entries.iter().enumerate();
        self.places = places.map(|(i, entry)| (entry.serial.clone(), i)).collect();
        let removed = (before - self.entries.len()) as u64;
        self.tell(AuditEvent::pruned(removed));
        Ok(removed)
    }

    fn check_indexes(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn manifests(&self) -> Result<Vec<(Fingerprint, u64)>, StoreError> {
        let mut manifests: Vec<_> = self.batches.clone().into_iter().collect();
        manifests.sort_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
        Ok(manifests)
    }

    fn directories(&self) -> Result<Vec<PathBuf>, StoreError> {
        let outputs = self
            .entries
            .iter()
            .filter_map(|entry| entry.output.as_ref());
        let directories: BTreeSet<_> = outputs.map(|output| output.directory.clone()).collect();
        Ok(directories.into_iter().collect())
    }

    fn visit(
        &self,
        filter: &Filter,
        now: OffsetDateTime,
        visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| filter.matches(entry, now))
            .collect();
        wanted.sort_by_key(|entry| (entry.validity.not_after(), entry.validity.not_before()));
        let wanted = wanted.into_iter().take(filter.limit.unwrap_or(usize::MAX));
        let _stopped = wanted.cloned().try_for_each(visitor);
        Ok(())
    }

    fn page(
        &self,
        search: &Search,
        now: OffsetDateTime,
    ) -> Result<Vec<(Place, Entry)>, StoreError> {
        let numbered = (1..).zip(&self.entries);
        let placed =
            numbered.map(|(number, entry)| (Place::of(number, entry, search.order), entry.clone()));
        Ok(search.page(placed, now))
    }

    fn ends(&self, now: OffsetDateTime, days: u16) -> Result<Vec<Ends>, StoreError> {
        Ok(ends::counted(&self.entries, now, days))
    }

    fn ending(
        &self,
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        Ok(ends::between(&self.entries, from, until, limit))
    }

    fn counts(&self, now: OffsetDateTime) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        for entry in &self.entries {
            match entry.status(now) {
                Status::Valid => counts.valid += 1,
                Status::Revoked => counts.revoked += 1,
                Status::Expired => counts.expired += 1,
                Status::NotYetValid => counts.not_yet_valid += 1,
                Status::OnHold => counts.on_hold += 1,
                Status::Superseded => counts.superseded += 1,
                Status::Retired => counts.retired += 1,
            }
        }
        Ok(counts)
    }

    fn rows_released(&self, manifest: &Fingerprint) -> Result<u64, StoreError> {
        Ok(self.batches.get(manifest).copied().unwrap_or(0))
    }

    fn note_rows_released(&mut self, manifest: &Fingerprint, rows: u64) -> Result<(), StoreError> {
        self.batches.insert(manifest.clone(), rows);
        Ok(())
    }

    fn record_authority(
        &mut self,
        certificate: &[u8],
        created_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        if !self
            .authorities
            .iter()
            .any(|authority| authority.certificate == certificate)
        {
            self.authorities.push(AuthorityRecord {
                certificate: certificate.to_vec(),
                created_at,
                complete: false,
                retired_at: None,
            });
            self.tell([AuditEvent::authority(Action::CaCreated, certificate)]);
        }
        Ok(())
    }

    fn complete_authority(&mut self, certificate: &[u8]) -> Result<bool, StoreError> {
        let known = self
            .authorities
            .iter_mut()
            .find(|authority| authority.certificate == certificate);
        let Some(authority) = known else {
            return Ok(false);
        };
        if !std::mem::replace(&mut authority.complete, true) {
            self.tell([AuditEvent::authority(Action::CaActivated, certificate)]);
        }
        Ok(true)
    }

    fn retire_authority(
        &mut self,
        certificate: &[u8],
        serials: &[SerialNumber],
        retired_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        for serial in serials {
            if let Some(entry) = self.place(serial) {
                entry.retired_at = Some(retired_at);
            }
        }
        let known = self
            .authorities
            .iter_mut()
            .find(|authority| authority.certificate == certificate);
        let Some(authority) = known else {
            return Ok(false);
        };
        authority.retired_at = Some(retired_at);
        self.tell([AuditEvent::authority(Action::CaRetired, certificate)]);
        Ok(true)
    }

    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        Ok(self.authorities.clone())
    }

    fn revoke_all(
        &mut self,
        serials: &[SerialNumber],
        wanted: Revocation,
    ) -> Result<Vec<RevocationChange>, StoreError> {
        self.revocations += 1;
        let changes = serials.iter().map(|serial| {
            self.change_revocation(serial, |standing| {
                let (change, stands) = wanted.over(standing);
                (change, Some(stands))
            })
        });
        Ok(changes.collect())
    }

    fn unrevoke(&mut self, serial: &SerialNumber) -> Result<RevocationChange, StoreError> {
        self.revocations += 1;
        Ok(self.change_revocation(serial, without_hold))
    }

    fn revoked(
        &self,
        visitor: &mut dyn FnMut(RevokedCertificate) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let recorded = self.entries.iter().filter_map(|entry| {
            Some(RevokedCertificate {
                serial: entry.serial.clone(),
                revocation: entry.revocation?,
                not_after: entry.validity.not_after(),
                issuer_fingerprint: entry.issuer_fingerprint.clone(),
            })
        });
        let mut revoked: Vec<_> = recorded.chain(self.unknown()).collect();
        revoked.sort_by_key(|revoked| revoked.revocation.at);
        for revoked in revoked {
            if visitor(revoked).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn carry_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError> {
        self.revocations += 1;
        for carried in revoked {
            let is_known = |known: &RevokedCertificate| known.serial == carried.serial;
            let is_new = !self.carried_over.iter().any(is_known);
            let change = self.change_revocation(&carried.serial, |standing| {
                let revocation = standing.unwrap_or(carried.revocation);
                (RevocationChange::Done, Some(revocation))
            });
            if change == RevocationChange::Unknown && is_new {
                self.carried_over.push(carried.clone());
                let revocation = Some(carried.revocation);
                self.tell([AuditEvent::revocation(&carried.serial, "", revocation)]);
            }
        }
        self.crl_number = self.crl_number.max(crl_number);
        Ok(())
    }

    fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.documents.get(&(kind.name(), key.to_owned())).cloned())
    }

    fn put_document(&mut self, document: &Document) -> Result<bool, StoreError> {
        let key = (document.kind.name(), document.key.clone());
        let version = self.documents.get(&key).map_or(0, |known| known.version);
        if version != document.version {
            return Ok(false);
        }
        let version = version + 1;
        let written = Document {
            version,
            ..document.clone()
        };
        self.documents.insert(key, written);
        self.tell(AuditEvent::written(document));
        Ok(true)
    }

    fn documents(
        &self,
        kind: DocumentKind,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let chosen = self.documents.values().filter(|document| {
            document.kind == kind
                && owner.is_none_or(|owner| !owner.is_empty() && document.owner == owner)
                && after.is_none_or(|after| document.key.as_str() > after)
        });
        Ok(chosen.take(limit).cloned().collect())
    }

    fn remove_document(&mut self, kind: DocumentKind, key: &str) -> Result<bool, StoreError> {
        let removed = self.documents.remove(&(kind.name(), key.to_owned()));
        let event = removed
            .as_ref()
            .and_then(|_| AuditEvent::removed(kind, key));
        self.tell(event);
        Ok(removed.is_some())
    }

    fn remove_expired(&mut self, now: OffsetDateTime, limit: usize) -> Result<u64, StoreError> {
        let mut left = limit;
        let before = self.documents.len();
        self.documents.retain(|_, document| {
            let is_over = left > 0 && document.expires_at.is_some_and(|end| end <= now);
            left -= usize::from(is_over);
            !is_over
        });
        Ok((before - self.documents.len()) as u64)
    }

    fn together(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Inventory) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let before = self.clone();
        work(self).inspect_err(|_| *self = before)
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, StoreError> {
        Err(StoreError::Missing {
            path: "inventory.db".into(),
        })
    }

    fn find_carried_over(
        &self,
        serial: &SerialNumber,
    ) -> Result<Option<RevokedCertificate>, StoreError> {
        Ok(self.unknown().find(|one| one.serial == *serial))
    }

    fn revocation_version(&self) -> Result<u64, StoreError> {
        Ok(self.revocations)
    }

    fn crl_number(&self) -> Result<u64, StoreError> {
        Ok(self.crl_number)
    }

    fn next_crl_number(&mut self, above: u64) -> Result<u64, StoreError> {
        self.crl_number = (self.crl_number.max(above))
            .checked_add(1)
            .filter(|&number| i64::try_from(number).is_ok())
            .ok_or_else(|| StoreError::Damaged {
                path: PathBuf::from("memory"),
                what: "no CRL number is left".into(),
            })?;
        self.tell([AuditEvent::crl(self.crl_number)]);
        Ok(self.crl_number)
    }
}
