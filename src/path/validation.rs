//! Every rule applied: to a certificate by itself, and to a path as a whole
//! ([RFC 5280 §6.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1)).

use super::candidate::Candidate;
use super::finding::Role;
use super::profile::Requirements;
use super::rule::{Draft, Drafts, Rule, Severities};
use super::signature::Outcome;
use super::{
    algorithm, basic_constraints, form, identifiers, name_constraints, names, policy, revocation,
    usage, validity, webpki,
};

/// What is wrong with a certificate in its role, whatever path it is in.
pub(super) fn examine(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
) -> Vec<Draft> {
    let mut drafts = Drafts::new(requirements.profile);
    validity::examine(candidate, requirements.at, &mut drafts);
    form::examine(candidate, role, &mut drafts);
    algorithm::examine(candidate, role, &mut drafts);
    basic_constraints::examine(candidate, role, requirements, &mut drafts);
    usage::examine(candidate, role, requirements, &mut drafts);
    identifiers::examine(candidate, role, &mut drafts);
    name_constraints::examine(candidate, role, &mut drafts);
    policy::examine(candidate, role, &mut drafts);
    names::examine(candidate, role, requirements, &mut drafts);
    webpki::examine(candidate, role, &mut drafts);
    drafts.all
}

/// What is wrong with a certificate and its issuer taken together, whatever path they are in;
/// `signature` says what became of the signature.
pub(super) fn examine_issue(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    signature: Option<Outcome>,
    drafts: &mut Drafts,
) {
    match signature {
        Some(Outcome::Valid) | None => {}
        Some(Outcome::Invalid) => drafts.add(&SIGNATURE),
        Some(Outcome::Unsupported) => drafts.add(&SIGNATURE_UNSUPPORTED),
    }
    validity::examine_issue(candidate, issuer, drafts);
    identifiers::examine_issue(candidate, issuer, drafts);
}

/// What is wrong with all of a path's certificates taken together, the end entity first.
pub(super) fn examine_path(
    path: &[&Candidate<'_>],
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    basic_constraints::examine_path(path, requirements, drafts);
    usage::examine_path(path, requirements, drafts);
    policy::examine_path(path, drafts);
}

/// Every rule there is.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let groups = [
        RULES,
        validity::RULES,
        form::RULES,
        algorithm::RULES,
        basic_constraints::RULES,
        usage::RULES,
        identifiers::RULES,
        names::RULES,
        name_constraints::RULES,
        policy::RULES,
        revocation::RULES,
        webpki::RULES,
    ];
    groups.into_iter().flatten().copied()
}

static RULES: &[&Rule] = &[
    &SIGNATURE,
    &SIGNATURE_UNSUPPORTED,
    &ISSUER_MISSING,
    &SELF_SIGNED,
    &EXHAUSTED,
    &TOO_MANY_CERTIFICATES,
];

pub(super) static SIGNATURE: Rule = Rule {
    id: "signature",
    sentence: "its signature is not by the key of the certificate that has its issuer's name",
    hint: "give the CA certificate it was really issued from; a CA that was made anew has another key",
    reference: "RFC 5280 §6.1.3 (a)",
    severities: Severities::DECISIVE,
};
static SIGNATURE_UNSUPPORTED: Rule = Rule {
    id: "signature-unsupported",
    sentence: "its signature is of a kind that cannot be checked, or its issuer's key is",
    hint: "have it issued anew with ECDSA on P-256 or RSA with SHA-256",
    reference: "RFC 5280 §6.1.3 (a)",
    severities: Severities::DECISIVE,
};
pub(super) static ISSUER_MISSING: Rule = Rule {
    id: "issuer-missing",
    sentence: "no trusted path goes on from it: its issuer's certificate is not there",
    hint: "give the trust anchor with `--ca`, and intermediates behind the certificate in its file or with `--untrusted`",
    reference: "RFC 5280 §6.1",
    severities: Severities::DECISIVE,
};
pub(super) static SELF_SIGNED: Rule = Rule {
    id: "self-signed",
    sentence: "it issued itself and is none of the trust anchors",
    hint: "issue one from your CA, or trust this very certificate with `--ca`",
    reference: "RFC 5280 §6.1",
    severities: Severities::DECISIVE,
};
pub(super) static EXHAUSTED: Rule = Rule {
    id: "budget-exhausted",
    sentence: "there are so many possible paths that the search was given up",
    hint: "give only the intermediates that lead to the anchor",
    reference: "RFC 5280 §8",
    severities: Severities::DECISIVE,
};
pub(super) static TOO_MANY_CERTIFICATES: Rule = Rule {
    id: "too-many-certificates",
    sentence: "there are more certificates than are looked at",
    hint: "give only the anchors and intermediates that matter",
    reference: "RFC 5280 §8",
    severities: Severities::ADVICE,
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rule_has_an_id_of_its_own_and_counts_somewhere() {
        let mut ids = HashSet::new();
        for rule in rules() {
            assert!(ids.insert(rule.id), "{}", rule.id);
            let severities = rule.severities;
            assert!(
                severities
                    .tls
                    .or(severities.rfc5280)
                    .or(severities.webpki)
                    .is_some(),
                "{}",
                rule.id
            );
        }
    }
}
