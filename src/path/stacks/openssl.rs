//! X509_verify_cert of BoringSSL and of OpenSSL 3.0, over the engine's certificates and signatures.

use time::OffsetDateTime;

use super::cause;
use super::chain::Signatures;
use super::chain::{Builder, Chain, may_sign, unknown};
use super::deviation::Deviations;
use super::extension_form::{
    extended_allows, has_malformed, key_usage_allows, netscape_allows, not_understood,
};
use super::fault::Fault;
use super::name_check;
use super::public_key::{self, Reading};
use super::reading::{dates, is_plain};
use super::text;
use crate::path::algorithm::{Hash, Scheme};
use crate::path::extension::value;
use crate::path::finding::{CertificateReference, Evidence, Role, Severity};
use crate::path::policy;
use crate::path::pool::Candidate;
use crate::path::pool::Pool;
use crate::path::profile::Profile;
use crate::path::public_key::{Kind, bit_length};
use crate::path::rule::Drafts;
use crate::path::signature::Outcome;
use crate::pki::certificate::Certificate;
use crate::pki::extension::KeyUsage;

/// A fault of a peer's certificates: what, and in which of them.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) fault: Fault,
    /// The rule it breaks, as far as it can be determined.
    pub(super) rule: &'static str,
    pub(super) certificate: CertificateReference,
    /// What was found there.
    pub(super) evidence: Option<Evidence>,
    /// What BoringSSL's error queue says first.
    pub(super) detail: &'static str,
}

/// What the library says about the certificates a peer sent.
pub(super) fn verify(
    sent: &[Certificate],
    anchors: &[Certificate],
    is_server: bool,
    at: OffsetDateTime,
    deviations: &'static Deviations,
    signatures: &Signatures,
) -> Result<(), Box<Refusal>> {
    let Some((leaf, intermediates)) = sent.split_first() else {
        return Ok(());
    };
    let pool = Pool::new(leaf, intermediates, anchors, &[]);
    let at = at.replace_nanosecond(0).unwrap_or(at);
    let spoilt = unknown(pool.candidates.len());
    let builder = Builder {
        pool: &pool,
        deviations,
        at,
        spoilt: &spoilt,
    };
    let chain = builder.build();
    let is_malformed = pool.candidates.iter().any(has_malformed);
    let mut check = Check {
        builder,
        chain: &chain,
        signatures,
        is_server,
        found: Vec::new(),
        detail: if is_malformed {
            text::EXTENSION_UNDECODABLE
        } else {
            text::VERIFY_FAILED
        },
    };
    check.run();
    let (first, last) = (check.found.first(), check.found.last());
    let told = if deviations.tells_first { first } else { last };
    match told {
        None => Ok(()),
        Some((fault, place)) => Err(Box::new(check.refusal(*fault, *place))),
    }
}

/// The certificates the library sends when it has only the leaf: it looks for the others among its
/// own anchors.
pub(super) fn completed(
    leaf: &Certificate,
    anchors: &[Certificate],
    at: OffsetDateTime,
    deviations: &'static Deviations,
) -> Vec<Vec<u8>> {
    let pool = Pool::new(leaf, &[], anchors, &[]);
    let spoilt = unknown(pool.candidates.len());
    let builder = Builder {
        pool: &pool,
        deviations,
        at,
        spoilt: &spoilt,
    };
    let chain = builder.build();
    let der = |index: &usize| pool.candidates[*index].certificate.as_der().to_vec();
    chain.members.iter().map(der).collect()
}

struct Check<'c, 'b, 'a> {
    builder: Builder<'b, 'a>,
    chain: &'c Chain,
    signatures: &'c Signatures,
    is_server: bool,
    /// In the order they are found, each with its place in the chain.
    found: Vec<(Fault, usize)>,
    detail: &'static str,
}

impl<'b, 'a> Check<'_, 'b, 'a> {
    fn run(&mut self) {
        if self.is_key_too_small(0) {
            self.add(Fault::LeafKeyTooSmall, 0);
        }
        if let Some(fault) = self.chain.fault {
            self.add(fault, self.length() - 1);
            if self.deviations().tells_first {
                return;
            }
        }
        self.extensions();
        self.strengths();
        self.signatures_and_times();
        self.names();
        if self.deviations().has_policies {
            self.policies();
        }
    }

    /// check_chain_extensions: from the leaf upwards.
    fn extensions(&mut self) {
        let deviations = self.deviations();
        let looked_at = if deviations.looks_at_anchor {
            self.length()
        } else {
            self.chain.untrusted
        };
        let mut cas = 0;
        for place in 0..looked_at {
            let candidate = self.at(place);
            if not_understood(candidate, deviations).is_some() {
                self.add(Fault::UnhandledCritical, place);
            }
            if deviations.compares_algorithms
                && self.length() > 1
                && public_key::is_described(candidate.certificate.public_key_info())
            {
                self.add(Fault::DescribedCurve, place);
            }
            if place > 0 && !self.is_ca(place, candidate) {
                self.add(Fault::InvalidCa, place);
            }
            if !self.has_purpose(place, candidate) {
                self.add(Fault::Purpose, place);
            }
            let limit = value(&candidate.extensions().basic_constraints)
                .and_then(|constraints| constraints.path_length);
            if place > 1 && limit.is_some_and(|limit| cas > limit) {
                self.add(Fault::PathLength, place);
            }
            if place > 0 && !candidate.is_self_issued() {
                cas += 1;
            }
        }
    }

    /// Below the top OpenSSL takes nothing but basicConstraints for a proof.
    fn is_ca(&self, place: usize, candidate: &Candidate<'_>) -> bool {
        let is_last = place + 1 == self.length();
        let is_proven = value(&candidate.extensions().basic_constraints).is_some();
        self.may_be_ca(place, candidate)
            && (is_proven || is_last || !self.deviations().key_usage_makes_anchor)
    }

    /// X509_check_ca.
    fn may_be_ca(&self, place: usize, candidate: &Candidate<'_>) -> bool {
        if !may_sign(candidate) {
            return false;
        }
        let extensions = candidate.extensions();
        if let Some(constraints) = value(&extensions.basic_constraints) {
            return constraints.ca;
        }
        let is_old_root = candidate.certificate.version() == 1
            && self.builder.is_self_signed(self.chain.members[place]);
        let by_usage = self.deviations().key_usage_makes_anchor && extensions.key_usage.is_some();
        is_old_root || by_usage
    }

    fn has_purpose(&self, place: usize, candidate: &Candidate<'_>) -> bool {
        if !extended_allows(candidate, self.is_server, self.deviations()) {
            return false;
        }
        if place > 0 {
            // OpenSSL asks once more whether it is a CA, and says that its purpose is wrong.
            return !self.deviations().looks_at_anchor || self.may_be_ca(place, candidate);
        }
        let usages = if self.is_server {
            &[
                KeyUsage::DIGITAL_SIGNATURE,
                KeyUsage::KEY_ENCIPHERMENT,
                KeyUsage::KEY_AGREEMENT,
            ][..]
        } else {
            &[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_AGREEMENT]
        };
        key_usage_allows(candidate, usages)
            && netscape_allows(candidate, self.is_server, self.deviations())
    }

    /// check_auth_level: keys of issuers, and hashes of all but the anchor.
    fn strengths(&mut self) {
        let minimum = self.deviations().security_bits;
        for place in 0..self.length() {
            let candidate = self.at(place);
            if place > 0 && self.is_key_too_small(place) {
                self.add(Fault::CaKeyTooSmall, place);
            }
            if place + 1 < self.length() && bits_of_hash(candidate) < minimum {
                self.add(Fault::HashTooWeak, place);
            }
        }
    }

    /// internal_verify: from the anchor downwards.
    fn signatures_and_times(&mut self) {
        let last = self.length() - 1;
        let is_root = self
            .builder
            .is_issuer(self.chain.members[last], self.chain.members[last]);
        let mut place = last;
        if !is_root && !self.deviations().partial_chain {
            if last == 0 {
                self.add(Fault::LeafUnverifiable, 0);
            } else {
                // The last one's own dates are not looked at where it is no root.
                place -= 1;
                self.signature(place);
            }
        }
        loop {
            self.times(place);
            let Some(below) = place.checked_sub(1) else {
                return;
            };
            place = below;
            self.signature(place);
        }
    }

    /// Whether the certificate at a place is signed by the next one.
    fn signature(&mut self, place: usize) {
        let (child, issuer) = (self.at(place), self.at(place + 1));
        if !may_sign(issuer) {
            self.add(Fault::CertSign, place + 1);
        }
        let kind = issuer.public_key().kind;
        let key = issuer.certificate.public_key_info();
        match public_key::reading(key, self.deviations().dialect) {
            Reading::Undecodable => {
                if self.found.is_empty() {
                    self.detail = text::KEY_UNDECODABLE;
                }
                self.add(Fault::KeyUndecodable, place + 1);
                return;
            }
            Reading::Usable | Reading::WrongType | Reading::TooSmall => {}
        }
        let scheme = Scheme::of(child.certificate);
        let detail = if !child.certificate.signature_algorithms_agree() {
            text::ALGORITHM_MISMATCH
        } else if self.deviations().tells_first && is_md5(scheme) {
            text::DIGEST_UNSUPPORTED
        } else if kind == Kind::Malformed {
            // It is a point in a form that only we do not read.
            return;
        } else {
            match self.signatures.check(child, issuer) {
                Outcome::Valid => return,
                Outcome::Invalid => text::bad_signature(kind),
                Outcome::Unsupported if self.is_taken_on_trust(scheme, child, kind) => return,
                Outcome::Unsupported => text::DIGEST_UNSUPPORTED,
            }
        };
        self.add(Fault::Signature, place);
        if self.found.len() == 1 {
            self.detail = detail;
        }
    }

    /// Signatures that we cannot check, but the library can: it is taken that they hold.
    fn is_taken_on_trust(&self, scheme: Scheme, child: &Candidate<'_>, kind: Kind<'_>) -> bool {
        if matches!(kind, Kind::Rsa { modulus, .. } if bit_length(modulus) > public_key::MAX_RSA_BITS)
        {
            return false;
        }
        if !self.deviations().tells_first {
            return kind != Kind::Malformed;
        }
        let algorithm = child.certificate.signature_algorithm().oid.as_bytes();
        match scheme {
            Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) | Scheme::Ecdsa(_) => true,
            Scheme::Other => SHA224.contains(&algorithm),
            Scheme::Ed25519 => false,
        }
    }

    fn times(&mut self, place: usize) {
        let certificate = self.at(place).certificate;
        let faults = [Fault::NotBeforeForm, Fault::NotAfterForm];
        for ((tag, text), fault) in dates(certificate).into_iter().flatten().zip(faults) {
            if !is_plain(tag, &text) {
                self.add(fault, place);
            }
        }
        let is_told = |(fault, _): &(Fault, usize)| faults.contains(fault);
        if self.found.iter().any(is_told) {
            return;
        }
        if self.builder.at < certificate.not_before() {
            self.add(Fault::NotYetValid, place);
        }
        if self.builder.at > certificate.not_after() {
            self.add(Fault::Expired, place);
        }
    }

    /// check_name_constraints: from the anchor downwards, each against all above it.
    fn names(&mut self) {
        let deviations = self.deviations();
        let mut is_constrained = false;
        let mut compared = 0;
        for place in (0..self.length()).rev() {
            let candidate = self.at(place);
            if place > 0 && candidate.is_self_issued() {
                continue;
            }
            for above in (place + 1..self.length()).rev() {
                let issuer = self.at(above);
                is_constrained |= value(&issuer.extensions().name_constraints).is_some();
                if let Some(fault) =
                    name_check::check(candidate, issuer, place == 0, deviations, &mut compared)
                {
                    self.add(fault, place);
                }
            }
        }
        let leaf = self.at(0);
        if is_constrained
            && deviations.tells_first
            && leaf.extensions().subject_alt_name.is_none()
            && name_check::has_host_for_common_name(leaf)
        {
            self.add(Fault::ConstraintsWithoutNames, 0);
        }
    }

    fn policies(&mut self) {
        let path: Vec<_> = (0..self.length()).map(|place| self.at(place)).collect();
        if path.len() < 2 {
            return;
        }
        let below = &path[..path.len() - 1];
        let malformed = below.iter().position(|candidate| {
            let extensions = candidate.extensions();
            let broken = |is_err: Option<bool>| is_err == Some(true);
            value(&extensions.policy_constraints).is_some_and(|constraints| {
                constraints.require_explicit_policy.is_none()
                    && constraints.inhibit_policy_mapping.is_none()
            }) || broken(
                extensions
                    .certificate_policies
                    .as_ref()
                    .map(|e| e.value.is_err()),
            ) || broken(
                extensions
                    .policy_mappings
                    .as_ref()
                    .map(|e| e.value.is_err()),
            ) || broken(
                extensions
                    .policy_constraints
                    .as_ref()
                    .map(|e| e.value.is_err()),
            ) || broken(
                extensions
                    .inhibit_any_policy
                    .as_ref()
                    .map(|e| e.value.is_err()),
            )
        });
        if let Some(place) = malformed {
            self.add(Fault::PolicyExtension, place);
            self.detail = text::POLICY_INVALID;
            return;
        }
        let mut drafts = Drafts::new(Profile::Tls);
        policy::examine_path(&path, &mut drafts);
        if let Some(draft) = drafts
            .all
            .iter()
            .find(|draft| draft.severity == Severity::Error)
        {
            self.add(Fault::Policy, draft.place.unwrap_or(0));
        }
    }

    fn is_key_too_small(&self, place: usize) -> bool {
        let key = self.at(place).certificate.public_key_info();
        public_key::reading(key, self.deviations().dialect) == Reading::TooSmall
    }

    fn add(&mut self, fault: Fault, place: usize) {
        self.found.push((fault, place));
    }

    fn deviations(&self) -> &'static Deviations {
        self.builder.deviations
    }

    fn length(&self) -> usize {
        self.chain.members.len()
    }

    fn at(&self, place: usize) -> &'b Candidate<'a> {
        self.builder.candidate(self.chain.members[place])
    }

    fn refusal(&self, fault: Fault, place: usize) -> Refusal {
        let role = self.role(place);
        let own = self.chain.members[place];
        let (rule, evidence, other) = cause::of(fault, self.builder, own, role, self.is_server);
        let (role, index) = match other {
            Some(index) if self.builder.pool.is_anchor(index) => (Role::Anchor, index),
            Some(index) => (Role::Intermediate, index),
            None => (role, own),
        };
        let subject = self.builder.candidate(index).certificate.subject();
        Refusal {
            fault,
            rule,
            certificate: CertificateReference::new(role, place, subject),
            evidence,
            detail: self.detail,
        }
    }

    fn role(&self, place: usize) -> Role {
        if place == 0 {
            Role::EndEntity
        } else if place >= self.chain.untrusted {
            Role::Anchor
        } else {
            Role::Intermediate
        }
    }
}

/// As OpenSSL 3.0 counts them.
pub(super) fn bits_of_hash(candidate: &Candidate<'_>) -> u32 {
    match Scheme::of(candidate.certificate) {
        Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) | Scheme::Ecdsa(hash) => match hash {
            Hash::Weak => 39,
            Hash::Sha1 => 63,
            Hash::Sha256 | Hash::Sha384 | Hash::Sha512 => 128,
        },
        Scheme::Ed25519 | Scheme::Other => 128,
    }
}

fn is_md5(scheme: Scheme) -> bool {
    match scheme {
        Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) | Scheme::Ecdsa(hash) => hash == Hash::Weak,
        Scheme::Ed25519 | Scheme::Other => false,
    }
}

/// sha224WithRSAEncryption and ecdsa-with-SHA224.
const SHA224: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x01],
];

/// Whether a certificate that is not self-signed is signed over a hash that level 1 refuses.
pub(super) fn is_weakly_signed(certificate: &Certificate) -> bool {
    let pool = Pool::new(certificate, &[], &[], &[]);
    let candidate = &pool.candidates[0];
    let spoilt = unknown(pool.candidates.len());
    let builder = Builder {
        pool: &pool,
        deviations: &super::deviation::GRPC_JS,
        at: OffsetDateTime::UNIX_EPOCH,
        spoilt: &spoilt,
    };
    bits_of_hash(candidate) < super::deviation::GRPC_JS.security_bits && !builder.is_self_signed(0)
}
