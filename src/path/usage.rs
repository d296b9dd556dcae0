//! What a certificate may be used for: basicConstraints, with the number of CAs below it, keyUsage and
//! extendedKeyUsage
//! ([RFC 5280 §4.2.1.9](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9),
//! [RFC 5280 §4.2.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3) and
//! [§4.2.1.12](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12)).

use std::collections::BTreeSet;

use super::finding::{Drafts, Evidence, Role};
use super::pool::{ANY_POLICY, Candidate, value};
use super::{Profile, Requirements};
use crate::pki::extension::KeyUsage;
use crate::pki::oid::ObjectIdentifier;
use crate::pki::public_key::KeyKind;
use crate::pki::usage::{ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, Purpose, SERVER_AUTH};

/// What is wrong with a certificate's basicConstraints in its role.
pub(super) fn examine_constraints(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let extensions = candidate.extensions();
    let constraints = value(&extensions.basic_constraints);
    match role {
        Role::EndEntity => {
            if extensions.is_ca() && requirements.is_for_connection() {
                drafts.add("ca-as-end-entity");
            }
        }
        Role::Intermediate | Role::Anchor => {
            if role == Role::Anchor && candidate.certificate.version() < 3 {
                drafts.add("anchor-version-1");
            } else if !extensions.is_ca() {
                let found = match constraints {
                    Some(_) => "basicConstraints with cA false",
                    None => "no basicConstraints",
                };
                drafts.with("not-a-ca", || Evidence::instead(found, "cA true"));
            }
        }
    }
    let Some(constraints) = constraints else {
        return;
    };
    let critical = extensions
        .basic_constraints
        .as_ref()
        .is_some_and(|e| e.critical);
    if constraints.ca && !critical {
        drafts.add("basic-constraints-not-critical");
    }
    let signs = value(&extensions.key_usage).is_none_or(|usage| usage.has(KeyUsage::KEY_CERT_SIGN));
    if constraints.path_length.is_some() && !(constraints.ca && signs) {
        drafts.add("path-length-without-ca");
    }
}

/// Whether more CAs follow in the path than one of its certificates, or the caller, allows.
/// Self-issued intermediates do not count.
pub(super) fn examine_path_length(
    path: &[&Candidate<'_>],
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let mut below = 0;
    for (place, candidate) in path.iter().enumerate().skip(1) {
        let limit = value(&candidate.extensions().basic_constraints)
            .and_then(|constraints| constraints.path_length);
        if let Some(limit) = limit
            && below > limit
        {
            drafts.about(place).with("path-length", || {
                Evidence::instead(
                    format_args!("{below} below it"),
                    format_args!("at most {limit}"),
                )
            });
        }
        let is_last = place + 1 == path.len();
        if !is_last && !candidate.is_self_issued() {
            below += 1;
        }
    }
    let intermediates = path.len().saturating_sub(2);
    if intermediates > RUSTLS_INTERMEDIATES {
        drafts.about(0).with("path-deep", || {
            Evidence::instead(
                format_args!("{intermediates} intermediates"),
                format_args!("at most {RUSTLS_INTERMEDIATES}"),
            )
        });
    }
    if let Some(limit) = requirements.max_depth
        && below > limit as u64
    {
        drafts.about(0).with("max-depth", || {
            Evidence::instead(below, format_args!("at most {limit}"))
        });
    }
}

/// What is wrong with a certificate's usages in its role.
pub(super) fn examine(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let extensions = candidate.extensions();
    if let Some(usage) = value(&extensions.key_usage) {
        if usage.names().is_empty() {
            drafts.add("key-usage-empty");
        }
        match role {
            Role::EndEntity => end_entity(candidate, *usage, requirements, drafts),
            Role::Intermediate | Role::Anchor => {
                if !usage.has(KeyUsage::KEY_CERT_SIGN) {
                    drafts.with("key-usage-cert-sign", || {
                        Evidence::instead(usage, "keyCertSign")
                    });
                }
            }
        }
    } else if matches!(role, Role::Intermediate | Role::Anchor)
        && extensions.key_usage.is_none()
        && candidate.certificate.version() == 3
    {
        drafts.add(match role {
            Role::EndEntity | Role::Intermediate => "key-usage-missing",
            Role::Anchor => "anchor-key-usage-missing",
        });
    }
    extended(candidate, role, requirements, drafts);
}

fn end_entity(
    candidate: &Candidate<'_>,
    usage: KeyUsage,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let is_ca = candidate.extensions().is_ca();
    if usage.has(KeyUsage::KEY_CERT_SIGN) && !is_ca {
        drafts.add("cert-sign-without-ca");
    }
    if requirements.purpose == Some(Purpose::Message) {
        if !usage.has(KeyUsage::KEY_AGREEMENT) && !usage.has(KeyUsage::KEY_ENCIPHERMENT) {
            drafts.with("purpose", || {
                Evidence::instead(usage, "keyAgreement or keyEncipherment")
            });
        }
        return;
    }
    if usage.has(KeyUsage::DIGITAL_SIGNATURE) {
        return;
    }
    let evidence = || Evidence::instead(usage, "digitalSignature");
    if requirements.digital_signature {
        drafts.with("key-usage-required", evidence);
    } else if requirements.is_for_connection() || !is_ca {
        let is_rsa = candidate.key_kind() == Some(KeyKind::Rsa);
        if is_rsa && usage.has(KeyUsage::KEY_ENCIPHERMENT) {
            drafts.with("key-usage-only-encipherment", evidence);
        } else {
            drafts.with("key-usage-digital-signature", evidence);
        }
    }
}

fn extended(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let Some(extension) = &candidate.extensions().extended_key_usage else {
        if role == Role::EndEntity && !candidate.extensions().is_ca() {
            drafts.add("extended-key-usage-missing");
        }
        return;
    };
    let Ok(usages) = &extension.value else {
        return;
    };
    if role == Role::EndEntity && extension.critical {
        drafts.add("extended-key-usage-critical");
    }
    if role == Role::EndEntity && usages.iter().any(|have| *have == ANY_EXTENDED_KEY_USAGE) {
        drafts.add("extended-key-usage-any");
    }
    if role == Role::Anchor {
        drafts.add("anchor-extended-key-usage");
    }
    // A CA need not be for TLS where no purpose is asked for; the path as a whole decides.
    let fits = has_purpose(requirements.purpose, |purpose| allows(usages, purpose))
        || requirements.purpose.is_none() && role != Role::EndEntity;
    let is_named = has_purpose(requirements.purpose, |purpose| names(usages, purpose));
    let evidence = || Evidence::instead(list(usages), expected(requirements.purpose));
    match role {
        Role::EndEntity if !fits => drafts.with("purpose", evidence),
        Role::EndEntity if !is_named => drafts.with("purpose-any", evidence),
        Role::Intermediate | Role::Anchor if !fits => drafts.with("ca-purpose", evidence),
        Role::Intermediate if !is_named && allows(usages, SERVER_AUTH) => {
            drafts.with("ca-purpose-any", evidence);
        }
        Role::Anchor if !is_named && allows(usages, SERVER_AUTH) => {
            drafts.with("anchor-purpose-any", evidence);
        }
        Role::EndEntity | Role::Intermediate | Role::Anchor => {}
    }
}

/// Whether the purpose is there; without one, whether any of server and client is.
fn has_purpose(
    purpose: Option<Purpose>,
    has: impl Fn(const_oid::ObjectIdentifier) -> bool,
) -> bool {
    match purpose {
        Some(Purpose::Server) => has(SERVER_AUTH),
        Some(Purpose::Client) => has(CLIENT_AUTH),
        Some(Purpose::Peer) => has(SERVER_AUTH) && has(CLIENT_AUTH),
        Some(Purpose::Message) => true,
        None => has(SERVER_AUTH) || has(CLIENT_AUTH),
    }
}

/// Where no purpose was asked for, whether there is one that the whole path may be used for.
pub(super) fn examine_path(
    path: &[&Candidate<'_>],
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    if requirements.purpose.is_some() {
        return;
    }
    // anyExtendedKeyUsage allows each purpose in RFC 5280, but not in TLS programs.
    let permits = match requirements.profile {
        Profile::Rfc5280 => allows,
        Profile::Tls | Profile::Webpki => names,
    };
    let mut left = vec![SERVER_AUTH, CLIENT_AUTH];
    for (place, candidate) in path.iter().enumerate() {
        let Some(usages) = value(&candidate.extensions().extended_key_usage) else {
            continue;
        };
        if names(usages, ANY_EXTENDED_KEY_USAGE) && place + 1 == path.len() {
            continue;
        }
        let wanted = left.clone();
        left.retain(|purpose| permits(usages, *purpose));
        if left.is_empty() {
            if place > 0 {
                let wanted: Vec<_> = wanted.into_iter().map(ObjectIdentifier::from).collect();
                drafts.about(place).with("ca-purpose", || {
                    Evidence::instead(list(usages), list(&wanted))
                });
            }
            return;
        }
    }
}

fn allows(usages: &[ObjectIdentifier], purpose: const_oid::ObjectIdentifier) -> bool {
    names(usages, purpose) || names(usages, ANY_EXTENDED_KEY_USAGE)
}

fn names(usages: &[ObjectIdentifier], purpose: const_oid::ObjectIdentifier) -> bool {
    usages.iter().any(|have| *have == purpose)
}

fn list(usages: &[ObjectIdentifier]) -> String {
    let name = |usage: &ObjectIdentifier| {
        usage
            .name()
            .map_or_else(|| usage.to_string(), str::to_owned)
    };
    let names: Vec<_> = usages.iter().take(MAX_SHOWN).map(name).collect();
    names.join(", ")
}

fn expected(purpose: Option<Purpose>) -> &'static str {
    match purpose {
        Some(Purpose::Server) => "id-kp-serverAuth",
        Some(Purpose::Client) => "id-kp-clientAuth",
        Some(Purpose::Peer) => "id-kp-serverAuth and id-kp-clientAuth",
        Some(Purpose::Message) => "any",
        None => "id-kp-serverAuth or id-kp-clientAuth",
    }
}

const RUSTLS_INTERMEDIATES: usize = 6;
const MAX_SHOWN: usize = 8;

/// What is wrong with the constraints on policies a certificate holds.
pub(super) fn examine_policies(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let extensions = candidate.extensions();
    if let Some(constraints) = value(&extensions.policy_constraints)
        && constraints.require_explicit_policy.is_none()
        && constraints.inhibit_policy_mapping.is_none()
    {
        drafts.add("policy-constraints-empty");
    }
    let constrains = extensions.policy_constraints.is_some()
        || extensions.inhibit_any_policy.is_some()
        || extensions.policy_mappings.is_some();
    if constrains && role == Role::EndEntity && !extensions.is_ca() {
        drafts.add("policy-constraints-without-ca");
    }
}

/// Whether a policy is left at the end of the path where one of its CAs requires one.
///
/// The caller accepts any policy, so the set of the policies that are expected at each certificate is
/// equivalent to the tree of RFC 5280, and its size is bounded.
pub(super) fn examine_path_policies(path: &[&Candidate<'_>], drafts: &mut Drafts) {
    let below_anchor = &path[..path.len().saturating_sub(1)];
    let constrains =
        |candidate: &&Candidate<'_>| candidate.extensions().policy_constraints.is_some();
    if !below_anchor.iter().any(constrains) {
        return;
    }
    let length = below_anchor.len() as u64;
    let mut state = State {
        expected: Expected::Any,
        explicit: length + 1,
        mapping: length + 1,
        any: length + 1,
    };
    for (place, candidate) in below_anchor.iter().enumerate().rev() {
        state.process(candidate, place == 0);
        if state.explicit == 0 && state.expected.is_empty() {
            drafts.about(place).add("policy-required");
            return;
        }
        if place > 0 {
            state.prepare(candidate);
        }
    }
    let last = below_anchor[0];
    let requires_at_once = value(&last.extensions().policy_constraints)
        .is_some_and(|constraints| constraints.require_explicit_policy == Some(0));
    if (state.explicit <= 1 || requires_at_once) && state.expected.is_empty() {
        drafts.about(0).add("policy-required");
    }
}

/// The policies that the next certificate may assert.
enum Expected {
    Any,
    These(BTreeSet<ObjectIdentifier>),
}

impl Expected {
    fn is_empty(&self) -> bool {
        match self {
            Expected::Any => false,
            Expected::These(policies) => policies.is_empty(),
        }
    }
}

struct State {
    expected: Expected,
    explicit: u64,
    mapping: u64,
    any: u64,
}

impl State {
    /// RFC 5280 §6.1.3 (d) and (e).
    fn process(&mut self, candidate: &Candidate<'_>, is_last: bool) {
        let Some(policies) = value(&candidate.extensions().certificate_policies) else {
            self.expected = Expected::These(BTreeSet::new());
            return;
        };
        let takes_any = self.any > 0 || (!is_last && candidate.is_self_issued());
        if takes_any && policies.iter().any(|policy| *policy == ANY_POLICY) {
            return;
        }
        let asserted = policies.iter().filter(|policy| **policy != ANY_POLICY);
        self.expected = Expected::These(match &self.expected {
            Expected::Any => asserted.cloned().collect(),
            Expected::These(expected) => asserted
                .filter(|policy| expected.contains(policy))
                .cloned()
                .collect(),
        });
    }

    /// RFC 5280 §6.1.4.
    fn prepare(&mut self, candidate: &Candidate<'_>) {
        let extensions = candidate.extensions();
        if let Some(mappings) = value(&extensions.policy_mappings)
            && let Expected::These(expected) = &mut self.expected
        {
            let mapped: Vec<_> = mappings
                .iter()
                .filter(|(issuers, _)| expected.contains(issuers))
                .collect();
            for (issuers, _) in &mapped {
                expected.remove(issuers);
            }
            if self.mapping > 0 {
                expected.extend(mapped.into_iter().map(|(_, subjects)| subjects.clone()));
            }
        }
        if !candidate.is_self_issued() {
            self.explicit = self.explicit.saturating_sub(1);
            self.mapping = self.mapping.saturating_sub(1);
            self.any = self.any.saturating_sub(1);
        }
        if let Some(constraints) = value(&extensions.policy_constraints) {
            let lower = |to: &mut u64, limit: Option<u64>| *to = limit.map_or(*to, |l| l.min(*to));
            lower(&mut self.explicit, constraints.require_explicit_policy);
            lower(&mut self.mapping, constraints.inhibit_policy_mapping);
        }
        if let Some(skip) = value(&extensions.inhibit_any_policy) {
            self.any = self.any.min(*skip);
        }
    }
}
