//! The certificates a path can be built from.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::identifiers::{canonical, is_same};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::element::{
    Element, ElementError, INTEGER, SEQUENCE, context, context_constructed, small_integer,
};
use crate::pki::extension::{
    AUTHORITY_INFORMATION_ACCESS, AUTHORITY_KEY_IDENTIFIER, AuthorityKeyIdentifier,
    BASIC_CONSTRAINTS, BasicConstraints, CERTIFICATE_POLICIES, CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE, Extension, FRESHEST_CRL, INHIBIT_ANY_POLICY, ISSUER_ALT_NAME, KEY_USAGE,
    KeyUsage, NAME_CONSTRAINTS, NameConstraints, POLICY_CONSTRAINTS, POLICY_MAPPINGS,
    SUBJECT_ALT_NAME, SUBJECT_DIRECTORY_ATTRIBUTES, SUBJECT_INFORMATION_ACCESS,
    SUBJECT_KEY_IDENTIFIER, alt_names, extended_key_usages, extension_name, subject_key_identifier,
};
use crate::pki::extension_value::{Named, access_description, each};
use crate::pki::general_name::{GeneralName, object_identifier};
use crate::pki::name::DistinguishedName;
use crate::pki::oid::ObjectIdentifier;
use crate::pki::policy::{PolicyConstraints, PolicyMapping, policy_constraints, policy_mapping};
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
    by_bytes: HashMap<&'a [u8], usize>,
    by_canonical: HashMap<Vec<u8>, usize>,
    count: usize,
}

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a DistinguishedName) -> usize {
        if let Some(number) = self.by_bytes.get(name.as_der()) {
            return *number;
        }
        // A name that cannot be read is equal to itself alone.
        let canonical = canonical(name.as_der()).unwrap_or_else(|_| name.as_der().to_vec());
        let number = *self.by_canonical.entry(canonical).or_insert(self.count);
        self.count = self.count.max(number + 1);
        self.by_bytes.insert(name.as_der(), number);
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

/// The known extensions. Of duplicates, the first counts.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) basic_constraints: Option<Known<BasicConstraints>>,
    pub(super) key_usage: Option<Known<KeyUsage>>,
    pub(super) extended_key_usage: Option<Known<Vec<ObjectIdentifier>>>,
    pub(super) subject_alt_name: Option<Known<Vec<GeneralName>>>,
    pub(super) name_constraints: Option<Known<NameConstraints>>,
    pub(super) authority_key_identifier: Option<Known<AuthorityKeyIdentifier>>,
    pub(super) subject_key_identifier: Option<Known<Vec<u8>>>,
    pub(super) certificate_policies: Option<Known<Vec<ObjectIdentifier>>>,
    pub(super) policy_mappings: Option<Known<Vec<(ObjectIdentifier, ObjectIdentifier)>>>,
    pub(super) policy_constraints: Option<Known<PolicyConstraints>>,
    pub(super) inhibit_any_policy: Option<Known<u64>>,
    /// Those of which only the form counts here.
    pub(super) informative: Vec<Informative>,
    /// The places of critical ones that are not understood.
    pub(super) unknown_critical: Vec<usize>,
}

/// One extension that is understood.
#[derive(Debug)]
pub(super) struct Known<T> {
    pub(super) critical: bool,
    pub(super) value: Result<T, ElementError>,
}

/// One extension of which only the form counts.
#[derive(Debug)]
pub(super) struct Informative {
    oid: const_oid::ObjectIdentifier,
    pub(super) critical: bool,
    pub(super) must_not_be_critical: bool,
    pub(super) fault: Option<ElementError>,
}

impl Informative {
    pub(super) fn is_for(&self, oid: const_oid::ObjectIdentifier) -> bool {
        self.oid == oid
    }

    pub(super) fn name(&self) -> &'static str {
        extension_name(&self.oid.into()).unwrap_or_default()
    }
}

impl Extensions {
    pub(super) fn read(certificate: &Certificate) -> Self {
        let mut all = Extensions::default();
        for (place, extension) in certificate.extensions().iter().enumerate() {
            if !(all.read_constraint(extension)
                || all.read_policy(extension)
                || all.read_informative(extension))
                && extension.critical
            {
                all.unknown_critical.push(place);
            }
        }
        all
    }

    pub(super) fn is_ca(&self) -> bool {
        value(&self.basic_constraints).is_some_and(|constraints| constraints.ca)
    }

    /// The names of the SubjectAltName; none if it is missing or malformed.
    pub(super) fn names(&self) -> &[GeneralName] {
        value(&self.subject_alt_name).map_or(&[], Vec::as_slice)
    }

    /// The key identifier of the authorityKeyIdentifier.
    pub(super) fn authority_key(&self) -> Option<&[u8]> {
        value(&self.authority_key_identifier)?
            .key_identifier
            .as_deref()
    }

    pub(super) fn subject_key(&self) -> Option<&[u8]> {
        value(&self.subject_key_identifier).map(Vec::as_slice)
    }

    fn read_constraint(&mut self, e: &Extension) -> bool {
        let value = e.value.as_slice();
        if e.oid == BASIC_CONSTRAINTS {
            let constraints = BasicConstraints::read(value).map(|(constraints, _)| constraints);
            keep(&mut self.basic_constraints, e, constraints)
        } else if e.oid == KEY_USAGE {
            let usage = KeyUsage::read(value).map(|(usage, _)| usage);
            keep(&mut self.key_usage, e, usage)
        } else if e.oid == EXTENDED_KEY_USAGE {
            keep(&mut self.extended_key_usage, e, extended_key_usages(value))
        } else if e.oid == SUBJECT_ALT_NAME {
            keep(&mut self.subject_alt_name, e, names(value))
        } else if e.oid == NAME_CONSTRAINTS {
            keep(&mut self.name_constraints, e, NameConstraints::read(value))
        } else if e.oid == AUTHORITY_KEY_IDENTIFIER {
            let authority = AuthorityKeyIdentifier::read(value);
            keep(&mut self.authority_key_identifier, e, authority)
        } else if e.oid == SUBJECT_KEY_IDENTIFIER {
            let identifier = subject_key_identifier(value);
            keep(&mut self.subject_key_identifier, e, identifier)
        } else {
            false
        }
    }

    fn read_policy(&mut self, e: &Extension) -> bool {
        let value = e.value.as_slice();
        if e.oid == CERTIFICATE_POLICIES {
            keep(
                &mut self.certificate_policies,
                e,
                certificate_policies(value),
            )
        } else if e.oid == POLICY_MAPPINGS {
            keep(&mut self.policy_mappings, e, policy_mappings(value))
        } else if e.oid == POLICY_CONSTRAINTS {
            keep(&mut self.policy_constraints, e, policy_constraints(value))
        } else if e.oid == INHIBIT_ANY_POLICY {
            keep(&mut self.inhibit_any_policy, e, inhibit_any_policy(value))
        } else {
            false
        }
    }

    fn read_informative(&mut self, e: &Extension) -> bool {
        let row = INFORMATIVE.iter().find(|(oid, _, _)| e.oid == *oid);
        let Some((oid, must_not_be_critical, read)) = row else {
            return false;
        };
        self.informative.push(Informative {
            oid: *oid,
            critical: e.critical,
            must_not_be_critical: *must_not_be_critical,
            fault: read(&e.value).err(),
        });
        true
    }
}

/// The value where the extension is there and is what it should be.
pub(super) fn value<T>(extension: &Option<Known<T>>) -> Option<&T> {
    extension.as_ref()?.value.as_ref().ok()
}

/// Keeps the value of an extension, unless there already is one.
fn keep<T>(
    place: &mut Option<Known<T>>,
    extension: &Extension,
    value: Result<T, ElementError>,
) -> bool {
    let critical = extension.critical;
    place.get_or_insert(Known { critical, value });
    true
}

/// GeneralNames, of which there is at least one.
fn names(bytes: &[u8]) -> Result<Vec<GeneralName>, ElementError> {
    let names = alt_names(bytes)?;
    if names.is_empty() {
        Err(ElementError::Missing { what: "a name" })
    } else {
        Ok(names)
    }
}

fn certificate_policies(value: &[u8]) -> Result<Vec<ObjectIdentifier>, ElementError> {
    let what = "a certificate policy";
    let policies = each(value, |policy| {
        let mut parts = policy.children();
        let policy = object_identifier(&mut parts, what)?;
        parts.optional(SEQUENCE, "a policy's qualifiers")?;
        parts.end(what)?;
        Ok(policy)
    })?;
    let mut seen = HashSet::new();
    if policies.iter().all(|policy| seen.insert(policy)) {
        Ok(policies)
    } else {
        Err(ElementError::Content { what })
    }
}

fn policy_mappings(
    value: &[u8],
) -> Result<Vec<(ObjectIdentifier, ObjectIdentifier)>, ElementError> {
    each(value, |mapping| {
        let PolicyMapping {
            issuer_domain_policy: Named { oid: issuer, .. },
            subject_domain_policy: Named { oid: subject, .. },
        } = policy_mapping(mapping)?;
        if issuer == ANY_POLICY || subject == ANY_POLICY {
            let what = "a policy mapping";
            return Err(ElementError::Content { what });
        }
        Ok((issuer, subject))
    })
}

fn inhibit_any_policy(value: &[u8]) -> Result<u64, ElementError> {
    let what = "inhibitAnyPolicy";
    small_integer(Element::only(value, INTEGER, what)?, what)
}

fn distribution_points(value: &[u8]) -> Result<(), ElementError> {
    let what = "a distribution point";
    each(value, |point| {
        let mut parts = point.children();
        let name = parts.optional(context_constructed(0), what)?;
        parts.optional(context(1), what)?;
        let issuer = parts.optional(context_constructed(2), what)?;
        parts.end(what)?;
        if name.is_none() && issuer.is_none() {
            return Err(ElementError::Content { what });
        }
        Ok(())
    })
    .map(drop)
}

/// Reads one extension of which only the form counts.
type Reader = fn(&[u8]) -> Result<(), ElementError>;

/// Each with whether RFC 5280 forbids that it is critical.
const INFORMATIVE: [(const_oid::ObjectIdentifier, bool, Reader); 6] = [
    (AUTHORITY_INFORMATION_ACCESS, true, |value| {
        each(value, access_description).map(drop)
    }),
    (SUBJECT_INFORMATION_ACCESS, true, |value| {
        each(value, access_description).map(drop)
    }),
    (CRL_DISTRIBUTION_POINTS, false, distribution_points),
    (FRESHEST_CRL, true, distribution_points),
    (ISSUER_ALT_NAME, false, |value| names(value).map(drop)),
    (SUBJECT_DIRECTORY_ATTRIBUTES, true, |value| {
        Element::only(value, SEQUENCE, "subjectDirectoryAttributes").map(drop)
    }),
];
/// anyPolicy (RFC 5280 §4.2.1.4).
pub(super) const ANY_POLICY: const_oid::ObjectIdentifier =
    const_oid::ObjectIdentifier::new_unwrap("2.5.29.32.0");
