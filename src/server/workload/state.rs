//! What the Workload API serves now: entries, bundles, and the keys of JWT-SVIDs.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::process;
use crate::config::{Workload, WorkloadEntry, WorkloadLifetime};
use crate::error::Error;
use crate::files;
use crate::net::workload::messages::JwtSvid;
use crate::ops::workload::bundle;
use crate::ops::workload::entry::{KnownEntries, StoredEntry};
use crate::ops::workload::federation::ForeignBundle;
use crate::ops::workload::jwt::{self, JwtKey};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::spiffe::{SpiffeId, TrustDomain};
use crate::server::core::Core;
use crate::server::failure::Failure;

/// What is served. It stays as it is; after a change there is another one.
#[derive(Default)]
pub(super) struct State {
    /// Whether it was read at all.
    pub(super) is_known: bool,
    /// `None` while certs.toml has none: then nobody gets anything.
    pub(super) trust_domain: Option<TrustDomain>,
    /// Who gets what on this machine, in order.
    pub(super) grants: Vec<Arc<Grant>>,
    /// The numbers of the users that entries name.
    pub(super) users: HashMap<String, u32>,
    /// Where the programs that entries name really are: a process shows its path without symbolic links.
    pub(super) programs: HashMap<PathBuf, PathBuf>,
    /// Trust anchors, DER one after the other, by the SPIFFE ID of the trust domain.
    pub(super) x509_bundles: BTreeMap<String, Vec<u8>>,
    /// JWK Sets by the SPIFFE ID of the trust domain.
    pub(super) jwt_bundles: BTreeMap<String, Vec<u8>>,
    /// The own bundle, as other trust domains fetch it; empty where there is none.
    pub(super) bundle: String,
    /// Entries of other machines, by their node.
    pub(super) remote: HashMap<SpiffeId, Vec<Arc<WorkloadEntry>>>,
    /// SHA-256 of the certificate of the CA that issues.
    pub(super) issuer: Option<Fingerprint>,
    /// How long a JWT-SVID is valid.
    pub(super) jwt_lifetime: Option<WorkloadLifetime>,
    /// What signs JWT-SVIDs.
    pub(super) jwt_keys: Vec<JwtKey>,
}

/// An entry that this machine serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) entry: Arc<WorkloadEntry>,
}

impl State {
    /// What the authority's settings and inventory say now; `known` is what they said before.
    pub(super) async fn read(
        core: &Core,
        known: &Arc<Mutex<KnownEntries>>,
    ) -> Result<Self, Failure> {
        let (config, authority) = (core.config(), core.authority());
        let Some(workload) = config.workload() else {
            return Ok(State {
                is_known: true,
                ..State::default()
            });
        };
        let kept = Kept::read(core, workload, known).await?;
        let own = workload.trust_domain.id();
        let bundle_keys = bundle::keys(&authority.anchors, &kept.jwt_keys);
        let bundle_keys = bundle_keys.map_err(|error| core.failure(error))?;
        let sequence = sequence(core, bundle_keys.clone()).await?;
        let anchors = authority.anchors.iter().map(Certificate::as_der);
        let mut state = State {
            is_known: true,
            x509_bundles: BTreeMap::from([(own.clone(), anchors.collect::<Vec<_>>().concat())]),
            jwt_bundles: BTreeMap::from([(own, jwk_set(&kept.jwt_keys).into_bytes())]),
            bundle: bundle::document(&bundle_keys, sequence, workload.refresh_hint),
            trust_domain: Some(workload.trust_domain.clone()),
            issuer: Some(authority.signing.fingerprint.clone()),
            jwt_lifetime: Some(workload.jwt_ttl),
            jwt_keys: kept.jwt_keys,
            ..State::default()
        };
        for (id, bundle) in kept.foreign {
            let anchors = bundle.anchors.concat();
            state.x509_bundles.insert(id.clone(), anchors);
            state.jwt_bundles.insert(id, bundle.jwt_keys.into_bytes());
        }
        let longest = config.longest_svid();
        let fits = |entry: &Arc<WorkloadEntry>| {
            let domain = &workload.trust_domain;
            entry.contradiction(domain, longest).is_none()
        };
        let of_inventory = kept.entries.into_iter().map(|stored| stored.entry);
        let all = workload.entries().cloned();
        let all = all.chain(of_inventory.filter(fits));
        let mut grants = Vec::new();
        for entry in all {
            match &entry.node {
                None => grants.push(Arc::new(Grant { entry })),
                Some(node) => match state.remote.get_mut(node) {
                    Some(entries) => entries.push(entry),
                    None => drop(state.remote.insert(node.clone(), vec![entry])),
                },
            }
        }
        // The system may ask a directory service.
        let found = core.compute(move || Ok(state.with(grants)));
        found.await
    }

    /// With these grants, and what the system knows of their selectors. May wait for it.
    pub(super) fn with(self, grants: Vec<Arc<Grant>>) -> Self {
        let selectors = || grants.iter().map(|grant| &grant.entry.selectors);
        let users = selectors().filter_map(|selectors| {
            let name = selectors.unix_user.clone()?;
            let uid = process::user(&name)?;
            Some((name, uid))
        });
        let programs = selectors().filter_map(|selectors| {
            let exe = selectors.exe.clone()?;
            let resolved = files::resolved(&exe)?;
            Some((exe, resolved))
        });
        State {
            users: users.collect(),
            programs: programs.collect(),
            grants,
            ..self
        }
    }

    /// Whether an entry names the digest of a program.
    pub(super) fn names_digests(&self) -> bool {
        let mut grants = self.grants.iter();
        grants.any(|grant| grant.entry.selectors.exe_sha256.is_some())
    }

    /// Whether it serves the same as another.
    pub(super) fn is_same(&self, other: &State) -> bool {
        let kids = |state: &State| {
            let kids = state.jwt_keys.iter().map(|key| key.kid.clone());
            kids.collect::<Vec<_>>()
        };
        self.is_known == other.is_known
            && self.trust_domain == other.trust_domain
            && self.grants == other.grants
            && self.users == other.users
            && self.programs == other.programs
            && self.x509_bundles == other.x509_bundles
            && self.jwt_bundles == other.jwt_bundles
            && self.bundle == other.bundle
            && self.remote == other.remote
            && self.issuer == other.issuer
            && self.jwt_lifetime == other.jwt_lifetime
            && kids(self) == kids(other)
    }

    /// The trust anchors of the own trust domain, and those of others.
    pub(super) fn x509_bundles(&self) -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
        let own = self.trust_domain.as_ref().map(TrustDomain::id);
        let mut others = self.x509_bundles.clone();
        let own = own.and_then(|own| others.remove(&own));
        (own.unwrap_or_default(), others)
    }

    /// A JWT-SVID.
    pub(super) fn jwt_svid(
        &self,
        entry: &WorkloadEntry,
        audience: &[String],
        now: OffsetDateTime,
    ) -> Result<String, Error> {
        let lifetime = entry.ttl.lifetime();
        let most = self.jwt_lifetime.map(WorkloadLifetime::lifetime);
        let lifetime = most.map_or(lifetime, |most| most.min(lifetime));
        jwt::sign(&self.jwt_keys, &entry.spiffe_id, audience, lifetime, now)
    }
}

/// What the inventory has.
struct Kept {
    entries: Vec<StoredEntry>,
    jwt_keys: Vec<JwtKey>,
    /// The bundles of other trust domains, by their SPIFFE ID.
    foreign: Vec<(String, ForeignBundle)>,
}

impl Kept {
    /// What there is, after adding a key for JWT-SVIDs where one is due.
    async fn read(
        core: &Core,
        workload: &Workload,
        known: &Arc<Mutex<KnownEntries>>,
    ) -> Result<Self, Failure> {
        let kept = Kept::read_once(core, workload, known).await?;
        if !jwt::is_rotation_due(&kept.jwt_keys, core.now()) {
            return Ok(kept);
        }
        let longest = workload.jwt_ttl.lifetime();
        let rotated = core.write(move |inventory, now| jwt::rotate(inventory, longest, now));
        rotated.await?;
        Kept::read_once(core, workload, known).await
    }

    async fn read_once(
        core: &Core,
        workload: &Workload,
        known: &Arc<Mutex<KnownEntries>>,
    ) -> Result<Self, Failure> {
        let known = Arc::clone(known);
        let federations: Vec<_> = workload.federations().cloned().collect();
        let read = core.read(move |inventory, now| {
            let mut foreign = Vec::new();
            for federation in &federations {
                let bundle = ForeignBundle::find(inventory, federation)?;
                foreign.extend(bundle.map(|bundle| (federation.trust_domain.id(), bundle)));
            }
            Ok(Kept {
                entries: lock(&known).read(inventory)?,
                jwt_keys: jwt::keys(inventory, now)?,
                foreign,
            })
        });
        read.await
    }
}

impl Grant {
    pub(super) fn spiffe_id(&self) -> &SpiffeId {
        &self.entry.spiffe_id
    }

    pub(super) fn hint(&self) -> String {
        self.entry.hint.clone().unwrap_or_default()
    }

    pub(super) fn jwt_svid(&self, svid: String) -> JwtSvid {
        JwtSvid {
            spiffe_id: self.entry.spiffe_id.to_string(),
            svid,
            hint: self.hint(),
        }
    }
}

fn lock(known: &Mutex<KnownEntries>) -> MutexGuard<'_, KnownEntries> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of the bundle with these keys. The inventory is written only when they are new.
async fn sequence(core: &Core, keys: Vec<Value>) -> Result<u64, Failure> {
    let keys = Arc::new(keys);
    let to_read = Arc::clone(&keys);
    let known = core.read(move |inventory, _| bundle::known_sequence(inventory, &to_read));
    match known.await? {
        Some(sequence) => Ok(sequence),
        None => {
            core.write(move |inventory, _| bundle::next_sequence(inventory, &keys))
                .await
        }
    }
}

/// A JWK Set, as the Workload API has it.
fn jwk_set(keys: &[JwtKey]) -> String {
    let keys = keys.iter().map(|key| Value::Object(key.jwk.clone()));
    json!({"keys": keys.collect::<Vec<_>>()}).to_string()
}
