//! Certificate policies along a path
//! ([RFC 5280 §6.1.2 to §6.1.5](https://www.rfc-editor.org/rfc/rfc5280#section-6.1.2)).

use std::collections::BTreeSet;

use super::extension::{ANY_POLICY, value};
use super::finding::{Drafts, Role};
use super::pool::Candidate;
use crate::pki::oid::ObjectIdentifier;

/// What is wrong with the constraints on policies a certificate holds.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
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
pub(super) fn examine_path(path: &[&Candidate<'_>], drafts: &mut Drafts) {
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
