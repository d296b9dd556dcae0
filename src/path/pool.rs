//! The certificates a path can be built from.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::extension::Extensions;
use super::identifiers::{canonical, is_same};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::name::DistinguishedName;
use crate::pki::public_key::{KeyKind, KeyParts};

/// The end entity, then the intermediates, then the anchors, each certificate once; and for every
/// name the certificates with this subject.
#[derive(Debug)]
pub(super) struct Pool<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    /// The place of each candidate in the caller's lists.
    pub(super) origins: Vec<Origin>,
    pub(super) first_anchor: usize,
    pub(super) lists: &'a [RevocationList],
    /// The number of each list's issuer.
    pub(super) list_issuers: Vec<usize>,
    /// By the number of a name: anchors before intermediates.
    by_subject: Vec<Vec<usize>>,
    /// By the number of a name: whether a path of names leads from it to an anchor.
    reaches_anchor: Vec<bool>,
    /// Whether there are more certificates than the limit.
    pub(super) overflowed: bool,
}

/// Where a certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It is the one that is judged.
    EndEntity,
    /// Its place among the untrusted intermediates.
    Intermediate(usize),
    /// Its place among the trust anchors.
    Anchor(usize),
}

impl<'a> Pool<'a> {
    pub(super) fn new(
        end_entity: &'a Certificate,
        intermediates: &'a [Certificate],
        anchors: &'a [Certificate],
        lists: &'a [RevocationList],
    ) -> Self {
        let mut names = Names::default();
        let mut pool = Pool {
            candidates: Vec::with_capacity(1 + intermediates.len() + anchors.len()),
            origins: Vec::new(),
            first_anchor: 0,
            lists,
            list_issuers: Vec::new(),
            by_subject: Vec::new(),
            reaches_anchor: Vec::new(),
            overflowed: intermediates.len() + anchors.len() > MAX_CERTIFICATES,
        };
        pool.add(end_entity, Origin::EndEntity, &mut names);
        // An intermediate that is an anchor too counts as one, and what is there twice counts once.
        let anchors = &anchors[..anchors.len().min(MAX_CERTIFICATES)];
        let room = MAX_CERTIFICATES - anchors.len();
        let intermediates = &intermediates[..intermediates.len().min(room)];
        let mut seen: HashSet<&[u8]> = anchors.iter().map(Certificate::as_der).collect();
        seen.insert(end_entity.as_der());
        for (place, certificate) in intermediates.iter().enumerate() {
            if seen.insert(certificate.as_der()) {
                pool.add(certificate, Origin::Intermediate(place), &mut names);
            }
        }
        pool.first_anchor = pool.candidates.len();
        let mut seen = HashSet::new();
        for (place, certificate) in anchors.iter().enumerate() {
            if seen.insert(certificate.as_der()) {
                pool.add(certificate, Origin::Anchor(place), &mut names);
            }
        }
        let issuers = lists.iter().map(|list| names.number(list.issuer()));
        pool.list_issuers = issuers.collect();
        pool.index(names.count);
        pool
    }

    pub(super) fn is_anchor(&self, index: usize) -> bool {
        index >= self.first_anchor
    }

    /// Whether the end entity is itself an anchor.
    pub(super) fn end_entity_is_anchor(&self) -> bool {
        let der = self.candidates[0].certificate.as_der();
        let mut anchors = self.candidates[self.first_anchor..].iter();
        anchors.any(|anchor| anchor.certificate.as_der() == der)
    }

    /// The candidates whose subject is this one's issuer, anchors first.
    pub(super) fn issuers(&self, index: usize) -> &[usize] {
        &self.by_subject[self.candidates[index].issuer]
    }

    /// Whether a path of names leads from this candidate's issuer to an anchor.
    pub(super) fn leads_to_anchor(&self, index: usize) -> bool {
        self.reaches_anchor[self.candidates[index].issuer]
    }

    /// How many anchors have this name for subject.
    pub(super) fn anchors_named(&self, name: usize) -> usize {
        let named = self.by_subject[name].iter();
        named.filter(|index| self.is_anchor(**index)).count()
    }

    fn add(&mut self, certificate: &'a Certificate, origin: Origin, names: &mut Names<'a>) {
        let issuer = names.number(certificate.issuer());
        let subject = names.number(certificate.subject());
        self.candidates
            .push(Candidate::new(certificate, subject, issuer));
        self.origins.push(origin);
    }

    fn index(&mut self, names: usize) {
        self.by_subject = vec![Vec::new(); names];
        self.reaches_anchor = vec![false; names];
        let mut by_issuer = vec![Vec::new(); names];
        let anchors = self.first_anchor..self.candidates.len();
        for index in anchors.chain(1..self.first_anchor) {
            let candidate = &self.candidates[index];
            self.by_subject[candidate.subject].push(index);
            by_issuer[candidate.issuer].push(index);
        }
        let anchors = &self.candidates[self.first_anchor..];
        let mut reached: Vec<_> = anchors.iter().map(|anchor| anchor.subject).collect();
        while let Some(name) = reached.pop() {
            if !std::mem::replace(&mut self.reaches_anchor[name], true) {
                let below = by_issuer[name].iter();
                reached.extend(below.map(|index| self.candidates[*index].subject));
            }
        }
    }
}

/// Numbers names, equal ones alike.
#[derive(Default)]
struct Names<'a> {
    by_octets: HashMap<&'a [u8], usize>,
    by_canonical: HashMap<Vec<u8>, usize>,
    count: usize,
}

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a DistinguishedName) -> usize {
        if let Some(number) = self.by_octets.get(name.as_der()) {
            return *number;
        }
        // A name that cannot be read is equal to itself alone.
        let canonical = canonical(name.as_der()).unwrap_or_else(|_| name.as_der().to_vec());
        let number = *self.by_canonical.entry(canonical).or_insert(self.count);
        self.count = self.count.max(number + 1);
        self.by_octets.insert(name.as_der(), number);
        number
    }
}

/// A certificate with its decoded extensions.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) certificate: &'a Certificate,
    /// Numbers for subject and issuer: equal names have equal numbers.
    pub(super) subject: usize,
    pub(super) issuer: usize,
    extensions: OnceLock<Extensions>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(certificate: &'a Certificate, subject: usize, issuer: usize) -> Self {
        Candidate {
            certificate,
            subject,
            issuer,
            extensions: OnceLock::new(),
        }
    }

    /// A certificate outside a pool.
    pub(super) fn alone(certificate: &'a Certificate) -> Self {
        let is_self_issued = is_same(certificate.subject(), certificate.issuer());
        Candidate::new(certificate, 0, usize::from(!is_self_issued))
    }

    pub(super) fn extensions(&self) -> &Extensions {
        self.extensions
            .get_or_init(|| Extensions::read(self.certificate))
    }

    /// The public key, if its form is one that every verifier reads.
    pub(super) fn public_key(&self) -> Option<KeyParts<'a>> {
        KeyParts::read_strictly(self.certificate.public_key_info())
    }

    pub(super) fn key_kind(&self) -> Option<KeyKind> {
        self.public_key().map(|key| key.kind)
    }

    /// Whether subject and issuer are the same name.
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// More than any bundle of trust anchors has; the rest is ignored.
const MAX_CERTIFICATES: usize = 5_000;
