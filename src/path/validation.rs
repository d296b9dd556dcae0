//! Every rule applied: to a certificate by itself, and to a path as a whole
//! ([RFC 5280 §6.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1)).

use super::finding::Role;
use super::pool::Candidate;
use super::profile::Requirements;
use super::rule::{Draft, Drafts};
use super::signature::Outcome;
use super::{algorithm, form, identifiers, name_constraints, names, policy, usage};

/// What is wrong with a certificate in its role, in any path.
pub(super) fn examine(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
) -> Vec<Draft> {
    let mut drafts = Drafts::new(requirements.profile);
    form::examine_dates(candidate, requirements.at, &mut drafts);
    form::examine(candidate, role, &mut drafts);
    algorithm::examine(candidate, role, requirements, &mut drafts);
    usage::examine_constraints(candidate, role, requirements, &mut drafts);
    usage::examine(candidate, role, requirements, &mut drafts);
    identifiers::examine(candidate, role, &mut drafts);
    name_constraints::examine(candidate, role, &mut drafts);
    policy::examine(candidate, role, &mut drafts);
    names::examine(candidate, role, requirements, &mut drafts);
    names::examine_public(candidate, role, &mut drafts);
    drafts.all
}

/// What is wrong with a certificate and its issuer together, in any path; `signature` is the result of
/// checking the signature.
pub(super) fn examine_issue(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    signature: Option<Outcome>,
    drafts: &mut Drafts,
) {
    match signature {
        Some(Outcome::Valid) | None => {}
        Some(Outcome::Invalid) => drafts.add("signature"),
        Some(Outcome::Unsupported) => drafts.add("signature-unsupported"),
    }
    form::examine_lifetimes(candidate, issuer, drafts);
    identifiers::examine_issue(candidate, issuer, drafts);
}

/// What is wrong with all of a path's certificates taken together, the end entity first.
pub(super) fn examine_path(
    path: &[&Candidate<'_>],
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    usage::examine_path_length(path, requirements, drafts);
    usage::examine_path(path, requirements, drafts);
    policy::examine_path(path, drafts);
}
