//! X509_verify_cert of BoringSSL and of OpenSSL 3.0, over the engine's certificates and signatures.

use time::OffsetDateTime;

use super::chain::{Builder, Chain, Fault, Signatures, may_sign};
use super::quirks::{
    GRPC_JS, Quirks, extended_allows, has_malformed, has_unknown_critical, is_malformed,
    key_usage_allows, netscape_allows,
};
use super::reading::{KeyReading, MAX_RSA_BITS, dates, is_described, is_plain};
use super::{name_check, text};
use crate::path::algorithm::{Hash, Scheme, SignatureCheck};
use crate::path::finding::{CertificateReference, Drafts, Evidence, Role};
use crate::path::pool::{Candidate, value};
use crate::path::{Profile, usage};
use crate::pki::certificate::Certificate;
use crate::pki::extension::KeyUsage;
use crate::pki::public_key::{KeyKind, KeyParts};

/// A fault of a peer's certificates, and the certificate that has it.
#[derive(Clone, Debug)]
pub(super) struct PathRefusal {
    pub(super) fault: Fault,
    /// The rule that it breaks, as exactly as it can be determined.
    pub(super) rule: &'static str,
    pub(super) certificate: CertificateReference,
    pub(super) evidence: Option<Evidence>,
    /// The first entry of BoringSSL's error queue.
    pub(super) detail: &'static str,
}

/// Verifies the certificates of a peer as the library does.
pub(super) fn verify(
    sent: &[Certificate],
    anchors: &[Certificate],
    is_server: bool,
    at: OffsetDateTime,
    quirks: &'static Quirks,
    signatures: &Signatures,
) -> Result<(), Box<PathRefusal>> {
    let Some((leaf, intermediates)) = sent.split_first() else {
        return Ok(());
    };
    let builder = Builder::new(leaf, intermediates, anchors, quirks, at);
    let chain = builder.build();
    let is_malformed = builder.pool.candidates.iter().any(has_malformed);
    let mut check = Check {
        builder: &builder,
        chain: &chain,
        signatures,
        is_server,
        faults: Vec::new(),
        detail: if is_malformed {
            text::of("extension-undecodable")
        } else {
            text::of("verify-failed")
        },
    };
    check.run();
    let (first, last) = (check.faults.first(), check.faults.last());
    match if quirks.reports_first { first } else { last } {
        None => Ok(()),
        Some((fault, place)) => Err(Box::new(check.refusal(*fault, *place))),
    }
}

/// The certificates that the library sends when it has only the leaf: it takes the others from its own
/// anchors.
pub(super) fn complete(
    leaf: &Certificate,
    anchors: &[Certificate],
    at: OffsetDateTime,
    quirks: &'static Quirks,
) -> Vec<Vec<u8>> {
    let builder = Builder::new(leaf, &[], anchors, quirks, at);
    let der = |index: &usize| builder.candidate(*index).certificate.as_der().to_vec();
    builder.build().members.iter().map(der).collect()
}

struct Check<'c, 'a> {
    builder: &'c Builder<'a>,
    chain: &'c Chain,
    signatures: &'c Signatures,
    is_server: bool,
    /// In the order of the checks, each with its place in the chain.
    faults: Vec<(Fault, usize)>,
    detail: &'static str,
}

impl<'c, 'a> Check<'c, 'a> {
    fn run(&mut self) {
        if self.is_key_too_small(0) {
            self.add(Fault::LeafKeyTooSmall, 0);
        }
        if let Some(fault) = self.chain.fault {
            self.add(fault, self.length() - 1);
            if self.quirks().reports_first {
                return;
            }
        }
        self.extensions();
        self.strengths();
        self.signatures_and_times();
        self.names();
        if self.quirks().has_policies {
            self.policies();
        }
    }

    /// check_chain_extensions: from the leaf upwards.
    fn extensions(&mut self) {
        let quirks = self.quirks();
        let end = if quirks.checks_anchor {
            self.length()
        } else {
            self.chain.untrusted
        };
        let mut cas = 0;
        for place in 0..end {
            let candidate = self.at(place);
            if has_unknown_critical(candidate, quirks) {
                self.add(Fault::UnhandledCritical, place);
            }
            if quirks.compares_algorithms
                && self.length() > 1
                && is_described(candidate.certificate.public_key_info())
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

    /// Below the top, OpenSSL accepts only basicConstraints.
    fn is_ca(&self, place: usize, candidate: &Candidate<'_>) -> bool {
        let is_last = place + 1 == self.length();
        let is_proven = value(&candidate.extensions().basic_constraints).is_some();
        self.may_be_ca(place, candidate)
            && (is_proven || is_last || !self.quirks().key_usage_makes_anchor)
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
        let by_usage = self.quirks().key_usage_makes_anchor && extensions.key_usage.is_some();
        is_old_root || by_usage
    }

    fn has_purpose(&self, place: usize, candidate: &Candidate<'_>) -> bool {
        if !extended_allows(candidate, self.is_server, self.quirks()) {
            return false;
        }
        if place > 0 {
            // OpenSSL checks a second time that it is a CA, and reports a wrong purpose.
            return !self.quirks().checks_anchor || self.may_be_ca(place, candidate);
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
            && netscape_allows(candidate, self.is_server, self.quirks())
    }

    /// check_auth_level: keys of issuers, and hashes of all but the anchor.
    fn strengths(&mut self) {
        let minimum = self.quirks().security_bits;
        for place in 0..self.length() {
            let candidate = self.at(place);
            if place > 0 && self.is_key_too_small(place) {
                self.add(Fault::CaKeyTooSmall, place);
            }
            if place + 1 < self.length() && bits_of_hash(candidate.certificate) < minimum {
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
        if !is_root && !self.quirks().partial_chain {
            if last == 0 {
                self.add(Fault::LeafUnverifiable, 0);
            } else {
                // The dates of the last one are not checked if it is not a root.
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
        let key = issuer.certificate.public_key_info();
        if KeyReading::of(key, self.quirks().dialect) == KeyReading::Undecodable {
            if self.faults.is_empty() {
                self.detail = text::of("key-undecodable");
            }
            self.add(Fault::KeyUndecodable, place + 1);
            return;
        }
        let scheme = Scheme::of(child.certificate);
        let key = issuer.public_key();
        let detail = if !child.certificate.signature_algorithms_agree() {
            text::of("algorithm-mismatch")
        } else if self.quirks().reports_first && scheme.hash() == Some(Hash::Weak) {
            text::of("digest-unsupported")
        } else {
            // Without a key, it is a point in a form that only we do not read.
            let Some(key) = key else { return };
            match self.signatures.check(child, issuer) {
                SignatureCheck::Valid => return,
                SignatureCheck::Invalid => text::bad_signature(key.kind),
                SignatureCheck::Unsupported if self.counts_as_valid(scheme, child, &key) => return,
                SignatureCheck::Unsupported => text::of("digest-unsupported"),
            }
        };
        self.add(Fault::Signature, place);
        if self.faults.len() == 1 {
            self.detail = detail;
        }
    }

    /// Signatures that the library can check and we cannot count as valid.
    fn counts_as_valid(&self, scheme: Scheme, child: &Candidate<'_>, key: &KeyParts<'_>) -> bool {
        let is_too_large = |bits| bits > MAX_RSA_BITS;
        if key.kind == KeyKind::Rsa && key.bits().is_some_and(is_too_large) {
            return false;
        }
        if !self.quirks().reports_first {
            return true;
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
        let form_faults = [Fault::NotBeforeForm, Fault::NotAfterForm];
        for ((tag, text), fault) in dates(certificate).into_iter().flatten().zip(form_faults) {
            if !is_plain(tag, &text) {
                self.add(fault, place);
            }
        }
        let has_no_date = |(fault, _): &(Fault, usize)| form_faults.contains(fault);
        if self.faults.iter().any(has_no_date) {
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
        let quirks = self.quirks();
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
                    name_check::check(candidate, issuer, place == 0, quirks, &mut compared)
                {
                    self.add(fault, place);
                }
            }
        }
        let leaf = self.at(0);
        if is_constrained
            && quirks.reports_first
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
            value(&extensions.policy_constraints).is_some_and(|constraints| {
                constraints.require_explicit_policy.is_none()
                    && constraints.inhibit_policy_mapping.is_none()
            }) || is_malformed(&extensions.certificate_policies)
                || is_malformed(&extensions.policy_mappings)
                || is_malformed(&extensions.policy_constraints)
                || is_malformed(&extensions.inhibit_any_policy)
        });
        if let Some(place) = malformed {
            self.add(Fault::PolicyExtension, place);
            self.detail = text::of("policy-invalid");
            return;
        }
        let mut drafts = Drafts::new(Profile::Tls);
        usage::examine_path_policies(&path, &mut drafts);
        if let Some(draft) = drafts.all.iter().find(|draft| draft.is_error()) {
            self.add(Fault::Policy, draft.place.unwrap_or(0));
        }
    }

    fn is_key_too_small(&self, place: usize) -> bool {
        let key = self.at(place).certificate.public_key_info();
        KeyReading::of(key, self.quirks().dialect) == KeyReading::TooSmall
    }

    fn add(&mut self, fault: Fault, place: usize) {
        self.faults.push((fault, place));
    }

    fn quirks(&self) -> &'static Quirks {
        self.builder.quirks
    }

    fn length(&self) -> usize {
        self.chain.members.len()
    }

    fn at(&self, place: usize) -> &'c Candidate<'a> {
        self.builder.candidate(self.chain.members[place])
    }

    fn refusal(&self, fault: Fault, place: usize) -> PathRefusal {
        let role = self.role(place);
        let own = self.chain.members[place];
        let (rule, evidence, other) = fault.cause(self.builder, own, role, self.is_server);
        let (role, index) = match other {
            Some(index) if self.builder.pool.is_anchor(index) => (Role::Anchor, index),
            Some(index) => (Role::Intermediate, index),
            None => (role, own),
        };
        let subject = self.builder.candidate(index).certificate.subject();
        PathRefusal {
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
fn bits_of_hash(certificate: &Certificate) -> u32 {
    match Scheme::of(certificate).hash() {
        Some(Hash::Weak) => 39,
        Some(Hash::Sha1) => 63,
        Some(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) | None => 128,
    }
}

/// sha224WithRSAEncryption and ecdsa-with-SHA224.
const SHA224: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x01],
];

/// Whether a certificate that is not self-signed is signed over a hash that level 1 refuses.
pub(super) fn is_weakly_signed(certificate: &Certificate) -> bool {
    let at = OffsetDateTime::UNIX_EPOCH;
    bits_of_hash(certificate) < GRPC_JS.security_bits
        && !Builder::new(certificate, &[], &[], &GRPC_JS, at).is_self_signed(0)
}
