//! Which certificates are CAs, and how many may follow
//! ([RFC 5280 §4.2.1.9](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9)).

use super::extension::value;
use super::finding::{Evidence, Role};
use super::pool::Candidate;
use super::profile::Requirements;
use super::rule::Drafts;
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

const RUSTLS_INTERMEDIATES: usize = 6;
