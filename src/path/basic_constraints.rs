//! Who is a CA, and how many CAs may follow
//! ([RFC 5280 §4.2.1.9](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9)).

use super::candidate::Candidate;
use super::extension::value;
use super::finding::{Evidence, Role};
use super::profile::Requirements;
use super::rule::{Drafts, Rule, Severities};
use crate::pki::extension::KeyUsage;

/// What is wrong with a certificate's basicConstraints in its role.
pub(super) fn examine(
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
                drafts.add(&CA_AS_END_ENTITY);
            }
        }
        Role::Intermediate | Role::Anchor => {
            if role == Role::Anchor && candidate.certificate.version() < 3 {
                drafts.add(&ANCHOR_VERSION_1);
            } else if !extensions.is_ca() {
                let found = match constraints {
                    Some(_) => "basicConstraints with cA false",
                    None => "no basicConstraints",
                };
                drafts.with(&NOT_A_CA, || Evidence::instead(found, "cA true"));
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
        drafts.add(&NOT_CRITICAL);
    }
    let signs = value(&extensions.key_usage).is_none_or(|usage| usage.has(KeyUsage::KEY_CERT_SIGN));
    if constraints.path_length.is_some() && !(constraints.ca && signs) {
        drafts.add(&PATH_LENGTH_WITHOUT_CA);
    }
}

/// Whether more CAs follow in the path than one of its certificates, or the caller, allows.
/// Self-issued intermediates do not count.
pub(super) fn examine_path(
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
            drafts.about(place).with(&PATH_LENGTH, || {
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
        drafts.about(0).with(&DEEP, || {
            Evidence::instead(
                format_args!("{intermediates} intermediates"),
                format_args!("at most {RUSTLS_INTERMEDIATES}"),
            )
        });
    }
    if let Some(limit) = requirements.max_depth
        && below > limit as u64
    {
        drafts.about(0).with(&TOO_DEEP, || {
            Evidence::instead(below, format_args!("at most {limit}"))
        });
    }
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[
    &NOT_A_CA,
    &ANCHOR_VERSION_1,
    &NOT_CRITICAL,
    &PATH_LENGTH_WITHOUT_CA,
    &PATH_LENGTH,
    &TOO_DEEP,
    &DEEP,
    &CA_AS_END_ENTITY,
];

const RUSTLS_INTERMEDIATES: usize = 6;

static NOT_A_CA: Rule = Rule {
    id: "not-a-ca",
    sentence: "it issued a certificate, but is no CA",
    hint: "issue from a certificate with basicConstraints cA true, as `ca init` makes it",
    reference: "RFC 5280 §4.2.1.9",
    severities: Severities::DECISIVE,
};
static ANCHOR_VERSION_1: Rule = Rule {
    id: "anchor-version-1",
    sentence: "it is of an old version, in which no CA is told from an end entity",
    hint: "make a new root of version 3",
    reference: "RFC 5280 §6.1.4 (k)",
    severities: Severities::CONFORMANCE,
};
static NOT_CRITICAL: Rule = Rule {
    id: "basic-constraints-not-critical",
    sentence: "its basicConstraints are not critical, which OpenSSL's strict check and Python 3.13 refuse",
    hint: "make the CA anew with critical basicConstraints",
    reference: "RFC 5280 §4.2.1.9",
    severities: Severities::CONFORMANCE,
};
static PATH_LENGTH_WITHOUT_CA: Rule = Rule {
    id: "path-length-without-ca",
    sentence: "it limits the path, though it is no CA that may sign certificates",
    hint: "have it issued anew without pathLenConstraint",
    reference: "RFC 5280 §4.2.1.9",
    severities: Severities::CONFORMANCE,
};
static PATH_LENGTH: Rule = Rule {
    id: "path-length",
    sentence: "more CAs follow below it than its pathLenConstraint allows",
    hint: "issue from a CA higher up, or make this one anew with a larger path length",
    reference: "RFC 5280 §6.1.4 (m)",
    severities: Severities::DECISIVE,
};
pub(super) static TOO_DEEP: Rule = Rule {
    id: "max-depth",
    sentence: "the path has more intermediates than were asked for",
    hint: "raise `--max-depth`, or use a shorter path",
    reference: "RFC 5280 §6.1.1",
    severities: Severities::DECISIVE,
};
static DEEP: Rule = Rule {
    id: "path-deep",
    sentence: "its path has more intermediates than rustls follows",
    hint: "issue from a CA nearer to the root",
    reference: "RFC 5280 §6.1",
    severities: Severities::TLS_ADVICE,
};
static CA_AS_END_ENTITY: Rule = Rule {
    id: "ca-as-end-entity",
    sentence: "it is a CA and used as an end entity, which rustls refuses",
    hint: "issue a certificate for the host from this CA",
    reference: "CABF BR §7.1.2.7.8",
    severities: Severities::WEBPKI_WARNED,
};
