//! Which rule of the engine a fault is, and what was found: the libraries name kinds of faults only.

use super::chain::{Builder, may_sign};
use super::fault::Fault;
use crate::path::finding::{Evidence, Role};
use crate::path::identifiers;
use crate::path::profile::{Profile, Requirements};
use crate::path::rule::Drafts;
use crate::path::signature::is_signed_by;
use crate::path::validation;
use crate::pki::usage::Purpose;

/// The rule that a fault of the certificate at this place of the pool comes down to.
pub(super) fn of(
    fault: Fault,
    builder: Builder<'_, '_>,
    index: usize,
    role: Role,
    is_server: bool,
) -> Cause {
    let found = match fault {
        Fault::IssuerNotFound | Fault::LeafUnverifiable | Fault::SelfSignedInChain => {
            if builder.is_spoilt(index) {
                own_fault(Fault::InvalidExtension, builder, index, role, is_server)
            } else {
                missing_issuer(builder, index)
            }
        }
        Fault::IssuerOfIntermediateNotFound => Some(("anchor-not-self-signed", None, None)),
        Fault::SelfSigned => mistaken_root(builder, index),
        Fault::Signature => wrong_namesake(builder, index),
        Fault::ChainTooLong
        | Fault::InvalidExtension
        | Fault::UnhandledCritical
        | Fault::InvalidCa
        | Fault::Purpose
        | Fault::PathLength
        | Fault::CertSign
        | Fault::LeafKeyTooSmall
        | Fault::CaKeyTooSmall
        | Fault::HashTooWeak
        | Fault::KeyUndecodable
        | Fault::DescribedCurve
        | Fault::NotYetValid
        | Fault::Expired
        | Fault::NotBeforeForm
        | Fault::NotAfterForm
        | Fault::Permitted
        | Fault::Excluded
        | Fault::ConstraintType
        | Fault::NameSyntax
        | Fault::ConstraintsWithoutNames
        | Fault::PolicyExtension
        | Fault::Policy
        | Fault::Unspecified => own_fault(fault, builder, index, role, is_server),
    };
    found.unwrap_or_else(|| {
        let issuer = builder.candidate(index).certificate.issuer();
        let evidence = match fault.rule() {
            "issuer-missing" => Some(Evidence::found(format_args!("issuer {issuer}"))),
            _ => None,
        };
        (fault.rule(), evidence, None)
    })
}

/// The rule, what was found, and the certificate it is about where that is another one.
type Cause = (&'static str, Option<Evidence>, Option<usize>);

/// What the engine finds wrong with the certificate itself, of those rules the fault may be.
fn own_fault(
    fault: Fault,
    builder: Builder<'_, '_>,
    index: usize,
    role: Role,
    is_server: bool,
) -> Option<Cause> {
    let mut requirements = Requirements::at(builder.at);
    requirements.purpose = Some(if is_server {
        Purpose::Server
    } else {
        Purpose::Client
    });
    let drafts = validation::examine(builder.candidate(index), role, &requirements);
    let mut rules = RULES
        .iter()
        .filter(|(known, _)| *known == fault)
        .flat_map(|(_, rules)| rules.iter());
    rules.find_map(|rule| {
        let draft = drafts.iter().find(|draft| draft.rule.id == *rule)?;
        Some((draft.rule.id, draft.evidence.clone(), None))
    })
}

/// Why a certificate that has the issuer's name is not taken for the issuer.
fn missing_issuer(builder: Builder<'_, '_>, index: usize) -> Option<Cause> {
    let candidate = builder.candidate(index);
    for namesake in builder.pool.issuers(index) {
        let issuer = builder.candidate(*namesake);
        if !may_sign(issuer) {
            return Some(("key-usage-cert-sign", None, Some(*namesake)));
        }
        let mut drafts = Drafts::new(Profile::Tls);
        identifiers::examine_issue(candidate, issuer, &mut drafts);
        let mismatch = |rule: &str| MISMATCHES.contains(&rule);
        if let Some(draft) = drafts.all.iter().find(|draft| mismatch(draft.rule.id)) {
            return Some((draft.rule.id, draft.evidence.clone(), None));
        }
    }
    None
}

/// A certificate with its issuer's name that did not issue itself.
fn mistaken_root(builder: Builder<'_, '_>, index: usize) -> Option<Cause> {
    let certificate = builder.candidate(index).certificate;
    (!is_signed_by(certificate, certificate)).then_some(("named-like-issuer", None, None))
}

/// Another certificate of the issuer's name has the key that was looked for.
fn wrong_namesake(builder: Builder<'_, '_>, index: usize) -> Option<Cause> {
    let certificate = builder.candidate(index).certificate;
    let namesakes = builder.pool.issuers(index);
    let is_signer =
        |place: &&usize| is_signed_by(certificate, builder.candidate(**place).certificate);
    let is_ambiguous = namesakes
        .iter()
        .take(MAX_NAMESAKES)
        .any(|place| is_signer(&place));
    let found = || {
        Evidence::found(format_args!(
            "{} certificates of this name",
            namesakes.len()
        ))
    };
    (is_ambiguous && certificate.signature_algorithms_agree())
        .then(|| ("anchors-ambiguous", Some(found()), None))
}

/// The rules a fault may be, the likeliest first.
const RULES: [(Fault, &[&str]); 11] = [
    (
        Fault::Purpose,
        &[
            "purpose",
            "purpose-any",
            "ca-purpose",
            "not-a-ca",
            "key-usage-digital-signature",
            "key-usage-only-encipherment",
        ],
    ),
    (
        Fault::UnhandledCritical,
        &[
            "unknown-critical-extension",
            "informative-extension-critical",
            "key-identifier-critical",
        ],
    ),
    (Fault::InvalidCa, &["not-a-ca", "key-usage-cert-sign"]),
    (Fault::CertSign, &["key-usage-cert-sign"]),
    (
        Fault::InvalidExtension,
        &[
            "extension-twice",
            "extension-malformed",
            "path-length-without-ca",
        ],
    ),
    (
        Fault::HashTooWeak,
        &["signature-sha1", "signature-broken-hash"],
    ),
    (Fault::CaKeyTooSmall, &["key-short"]),
    (Fault::LeafKeyTooSmall, &["key-short"]),
    (Fault::NotYetValid, &["not-yet-valid", "validity-reversed"]),
    (Fault::Expired, &["expired"]),
    (Fault::NotAfterForm, &["time-malformed"]),
];
const MISMATCHES: [&str; 2] = ["key-identifier-mismatch", "authority-certificate-mismatch"];
const MAX_NAMESAKES: usize = 8;
