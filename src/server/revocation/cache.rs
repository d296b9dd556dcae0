//! Signed OCSP answers, kept until they are replaced, and dropped when a revocation contradicts them.
//!
//! An answer is kept as its status, its times and its signature: 150 bytes instead of 1,100. The rest is put
//! together again for each request.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::ops::responder::Responder;
use crate::pki::crl::RevocationReason;
use crate::pki::ocsp::{CertId, CertStatus, HashAlgorithm};
use crate::pki::serial::SerialNumber;

/// Answers by CertID, as of one version of all revocations in the store.
///
/// At most 2 × [`GENERATION`] × [`SHARDS`] answers. When the newer half is full, the older half is dropped and the
/// newer one becomes the older; an answer in use moves back to the newer one.
pub(super) struct Cache {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    /// The version of all revocations that the answers agree with.
    version: AtomicU64,
    /// When the store was last asked for its version and the answers agreed with it.
    confirmed_at: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Shard {
    newer: HashMap<Key, Signature>,
    older: HashMap<Key, Signature>,
}

/// Which answer: the CA, the form of the CertID, and the serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    authority: [u8; 8],
    pub(super) hash_algorithm: HashAlgorithm,
    pub(super) has_parameters: bool,
    length: u8,
    serial: [u8; MAX_SERIAL_BYTES],
}

/// A signed answer, without what every answer repeats.
#[derive(Clone)]
pub(super) struct Signature {
    /// Whose signature it is.
    pub(super) responder: Arc<Responder>,
    pub(super) status: CertStatus,
    this_update: i64,
    next_update: i64,
    length: u8,
    bytes: [u8; MAX_SIGNATURE_BYTES],
    /// Whether anyone asked since it was signed.
    is_used: bool,
}

impl Cache {
    pub(super) fn new() -> Self {
        Cache {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            version: AtomicU64::new(0),
            confirmed_at: Mutex::new(None),
        }
    }

    /// The version of all revocations. Read it before the store, for [`Cache::insert`].
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Whether the answers are from a state of the store that is recent enough to be given.
    pub(super) fn is_confirmed(&self, at: Instant) -> bool {
        let confirmed = *lock(&self.confirmed_at);
        confirmed.is_some_and(|confirmed| at.saturating_duration_since(confirmed) <= MAX_AGE)
    }

    /// Notes that the store was asked at this moment, and its version was that of the answers.
    pub(super) fn confirm(&self, at: Instant) {
        *lock(&self.confirmed_at) = Some(at);
    }

    /// The answer for a key, unless it is to be replaced by now.
    pub(super) fn get(&self, key: &Key, now: OffsetDateTime) -> Option<Signature> {
        let mut shard = self.shard(key);
        if let Some(signature) = shard.newer.get_mut(key) {
            signature.is_used = true;
            return Some(signature.clone()).filter(|signature| !signature.is_over(now));
        }
        let mut signature = shard.older.remove(key)?;
        signature.is_used = true;
        let found = signature.clone();
        shard.insert(*key, signature);
        Some(found).filter(|signature| !signature.is_over(now))
    }

    /// Keeps an answer, unless revocations have changed since the store was at this version.
    pub(super) fn insert(&self, key: Key, signature: Signature, version: u64) -> bool {
        let mut shard = self.shard(&key);
        let is_current = self.version() == version;
        if is_current {
            shard.insert(key, signature);
        }
        is_current
    }

    /// Drops the answers that contradict the revocations of a newer version.
    pub(super) fn reconcile(&self, revocations: &Revocations) {
        // First, so that an answer from an older version is not kept after its shard was visited.
        self.version.store(revocations.version, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = lock(shard);
            let Shard { newer, older } = &mut *shard;
            for half in [newer, older] {
                half.retain(|key, signature| revocations.agree(key, signature.status));
            }
        }
    }

    /// Revocations as they are compared with the answers.
    pub(super) fn revocations(&self, version: u64) -> Revocations {
        Revocations {
            version,
            hasher: self.hasher.clone(),
            details: HashMap::new(),
        }
    }

    /// Drops answers nobody asks for when they are due, and gives those that are asked for, so that they are signed
    /// again before they are over.
    pub(super) fn take_due(&self, now: OffsetDateTime) -> Vec<(Key, Signature)> {
        let mut due = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            let Shard { newer, older } = &mut *shard;
            for half in [newer, older] {
                half.retain(|key, signature| {
                    let is_due = signature.is_due(now);
                    if is_due && signature.is_used {
                        due.push((*key, signature.clone()));
                    }
                    !is_due || signature.is_used
                });
            }
        }
        due
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let place = self.hasher.hash_one(key) as usize % SHARDS;
        lock(&self.shards[place])
    }
}

impl Shard {
    fn insert(&mut self, key: Key, signature: Signature) {
        self.older.remove(&key);
        if self.newer.len() >= GENERATION && !self.newer.contains_key(&key) {
            // The room of the older half serves the new one.
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.insert(key, signature);
    }
}

impl Key {
    /// The key of an answer of a responder; `None` for a serial number longer than any that is issued.
    pub(super) fn of(responder: &Responder, id: &CertId<'_>) -> Option<Self> {
        Key::new(responder, id.hash_algorithm?, id.has_parameters, id.serial)
    }

    /// The key of the answer for a serial number in the form that most clients use.
    pub(super) fn usual(responder: &Responder, serial: &SerialNumber) -> Option<Self> {
        Key::new(responder, HashAlgorithm::Sha1, true, serial.minimal())
    }

    fn new(
        responder: &Responder,
        hash_algorithm: HashAlgorithm,
        has_parameters: bool,
        bytes: &[u8],
    ) -> Option<Self> {
        let authority = responder.authority().as_bytes();
        let mut serial = [0; MAX_SERIAL_BYTES];
        serial.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Key {
            authority: *authority.first_chunk()?,
            hash_algorithm,
            has_parameters,
            length: u8::try_from(bytes.len()).ok()?,
            serial,
        })
    }

    /// The serial number.
    pub(super) fn serial(&self) -> SerialNumber {
        SerialNumber::from_der_content(&self.serial[..usize::from(self.length)])
    }
}

impl Signature {
    /// The signature of an answer; `None` for one of a key that responders do not have.
    pub(super) fn new(
        responder: Arc<Responder>,
        status: CertStatus,
        times: (OffsetDateTime, OffsetDateTime),
        signature: &[u8],
    ) -> Option<Self> {
        let mut bytes = [0; MAX_SIGNATURE_BYTES];
        bytes.get_mut(..signature.len())?.copy_from_slice(signature);
        Some(Signature {
            responder,
            status,
            this_update: times.0.unix_timestamp(),
            next_update: times.1.unix_timestamp(),
            length: u8::try_from(signature.len()).ok()?,
            bytes,
            is_used: false,
        })
    }

    /// Its bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// thisUpdate and nextUpdate.
    pub(super) fn times(&self) -> (OffsetDateTime, OffsetDateTime) {
        let moment = |seconds| {
            OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
        };
        (moment(self.this_update), moment(self.next_update))
    }

    /// Whether half of its time has passed: it is signed again in the background.
    fn is_due(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= self.this_update + (self.next_update - self.this_update) / 2
    }

    /// Whether three quarters of its time have passed: it is not given any more. Nor is one from a clock that was
    /// ahead.
    fn is_over(&self, now: OffsetDateTime) -> bool {
        let now = now.unix_timestamp();
        now >= self.next_update - (self.next_update - self.this_update) / 4
            || now < self.this_update
    }
}

/// Everything that is revoked, as hashes: 16 bytes for each. A collision drops an answer that could stay, and nothing
/// worse.
pub(super) struct Revocations {
    version: u64,
    hasher: RandomState,
    details: HashMap<u64, u64>,
}

impl Revocations {
    pub(super) fn add(
        &mut self,
        serial: &SerialNumber,
        at: OffsetDateTime,
        reason: RevocationReason,
    ) {
        let serial = self.hasher.hash_one(serial.minimal());
        let detail = self.hasher.hash_one((at.unix_timestamp(), reason));
        self.details.insert(serial, detail);
    }

    fn agree(&self, key: &Key, status: CertStatus) -> bool {
        let serial = &key.serial[..usize::from(key.length)];
        let known = self.details.get(&self.hasher.hash_one(serial));
        match status {
            CertStatus::Good | CertStatus::Unknown => known.is_none(),
            CertStatus::Revoked { at, reason } => {
                known == Some(&self.hasher.hash_one((at.unix_timestamp(), reason)))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer is from a state of the store that is at most a second old; this leaves a part of it for the way.
const MAX_AGE: Duration = Duration::from_millis(800);

const SHARDS: usize = 16;
/// What a hash map of 8,192 buckets holds: with all shards 114,688 answers, about 20 MB.
const GENERATION: usize = 7_168;
/// The most answers that are signed before anyone asks.
pub(super) const MAX_PREPARED: usize = SHARDS * GENERATION;

const MAX_SERIAL_BYTES: usize = 21; // RFC 5280 §4.1.2.2, and a sign
const MAX_SIGNATURE_BYTES: usize = 72; // of ECDSA with P-256, as DER

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::authority::AuthorityAt;
    use crate::ops::ca;

    #[test]
    fn an_answer_from_before_a_revocation_is_dropped_and_not_kept_again() {
        let (cache, responder) = (Cache::new(), responder());
        let [good, other] = [1, 2].map(|serial| key(&responder, serial));
        assert!(cache.insert(good, signature(&responder, CertStatus::Good), 0));
        assert!(cache.insert(other, signature(&responder, CertStatus::Good), 0));
        let mut revocations = cache.revocations(7);
        revocations.add(&serial(1), NOW, RevocationReason::Superseded);
        cache.reconcile(&revocations);
        assert!(cache.get(&good, NOW).is_none());
        assert!(cache.get(&other, NOW).is_some());
        // It was read before the revocation, and signed after it.
        assert!(!cache.insert(good, signature(&responder, CertStatus::Good), 0));
        let revoked = |reason| CertStatus::Revoked { at: NOW, reason };
        let first = revoked(RevocationReason::Superseded);
        assert!(cache.insert(good, signature(&responder, first), 7));
        revocations.version = 8;
        cache.reconcile(&revocations);
        assert_eq!(cache.get(&good, NOW).map(|kept| kept.status), Some(first));
        revocations.add(&serial(1), NOW, RevocationReason::KeyCompromise);
        cache.reconcile(&revocations);
        assert!(cache.get(&good, NOW).is_none());
        assert!(cache.insert(good, signature(&responder, first), 8));
        cache.reconcile(&cache.revocations(9));
        assert!(cache.get(&good, NOW).is_none());
    }

    #[test]
    fn answers_in_use_are_signed_again_and_none_is_given_at_its_end() {
        let (cache, responder) = (Cache::new(), responder());
        let [used, unused] = [1, 2].map(|serial| key(&responder, serial));
        for key in [used, unused] {
            cache.insert(key, signature(&responder, CertStatus::Good), 0);
        }
        assert!(cache.get(&used, NOW + LIFETIME / 4).is_some());
        assert!(cache.take_due(NOW + LIFETIME / 4).is_empty());
        let due = cache.take_due(NOW + LIFETIME / 2);
        assert_eq!(due.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [used]);
        assert!(cache.get(&unused, NOW).is_none());
        assert!(cache.get(&used, NOW + LIFETIME * 3 / 4).is_none());
        assert!(cache.get(&used, NOW - time::Duration::SECOND).is_none());
    }

    #[test]
    fn there_is_room_for_a_bounded_number_and_what_is_in_use_stays() {
        let (cache, responder) = (Cache::new(), responder());
        let first = key(&responder, 0);
        cache.insert(first, signature(&responder, CertStatus::Good), 0);
        for number in 1..4 * MAX_PREPARED as u64 {
            let key = key(&responder, number);
            cache.insert(key, signature(&responder, CertStatus::Good), 0);
            if number % 1000 == 0 {
                assert!(cache.get(&first, NOW).is_some(), "{number}");
            }
        }
        let kept: usize = cache
            .shards
            .iter()
            .map(|shard| lock(shard))
            .map(|shard| shard.newer.len() + shard.older.len())
            .sum();
        assert!((MAX_PREPARED..=2 * MAX_PREPARED).contains(&kept), "{kept}");
    }

    #[test]
    fn answers_are_given_only_while_the_store_confirms_them() {
        let (cache, start) = (Cache::new(), Instant::now());
        assert!(!cache.is_confirmed(start));
        cache.confirm(start);
        assert!(cache.is_confirmed(start + MAX_AGE));
        assert!(!cache.is_confirmed(start + MAX_AGE + Duration::from_millis(1)));
    }

    fn responder() -> Arc<Responder> {
        let directory = tempfile::tempdir().unwrap();
        let request = ca::Request {
            directory: directory.path().to_owned(),
            subject: Vec::new(),
            lifetime: "1y".parse().unwrap(),
            key_type: crate::pki::algorithm::KeyType::P256,
            path_length: None,
            name_constraints: Default::default(),
        };
        ca::init::run(&request, None, NOW).unwrap();
        let mut authority = AuthorityAt::directory(directory.path()).open(NOW).unwrap();
        let (issuing, inventory) = authority.issuing();
        let inventory = inventory.unwrap().as_mut();
        Arc::new(Responder::issue(&issuing[0], inventory, None, NOW).unwrap())
    }

    fn serial(number: u64) -> SerialNumber {
        SerialNumber::from_random((u128::from(number) + 1).to_be_bytes())
    }

    fn key(responder: &Responder, number: u64) -> Key {
        Key::usual(responder, &serial(number)).unwrap()
    }

    fn signature(responder: &Arc<Responder>, status: CertStatus) -> Signature {
        let times = (NOW, NOW + LIFETIME);
        Signature::new(Arc::clone(responder), status, times, &[1; 70]).unwrap()
    }

    const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);
    const LIFETIME: time::Duration = time::Duration::HOUR;
}
