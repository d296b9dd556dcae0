//! Chains with one field broken, judged by us, rustls-webpki and OpenSSL. Where we disagree, one of
//! our rules says why.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test calls its peers and says what it did"
)]

mod building;
pub(crate) mod chain;
mod mutation;
mod openssl_oracle;
mod planned;
mod revocation;
mod rules;
mod webpki_oracle;

use std::collections::BTreeSet;

use mutation::{Chain, Mutation};
use openagents_certs::path::finding::Severity;
use openagents_certs::path::{Candidates, Judgement, ReferenceName, Requirements, judge};
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::usage::Purpose;
use proptest::prelude::*;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05 UTC);

#[test]
fn a_good_chain_is_good_to_everyone() {
    let chain = Chain::good();
    let judgement = ours(&chain);
    assert!(judgement.is_good(), "{:#?}", judgement.findings);
    assert!(judgement.findings.is_empty(), "{:#?}", judgement.findings);
    assert_eq!(webpkis(&chain), Ok(()));
    assert_ne!(openssl_oracle::accepts(&chain), Some(false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rustls_webpki_agrees_or_a_rule_says_why_not(mutation in Mutation::any()) {
        let chain = mutation.apply();
        let judgement = ours(&chain);
        let errors = errors(&judgement);
        match webpkis(&chain) {
            Ok(()) => prop_assert!(
                errors.is_subset(&set(STRICTER_THAN_WEBPKI)),
                "only we refuse {mutation:?}: {errors:?}"
            ),
            Err(error) => prop_assert!(
                !errors.is_empty() || STRICTER_WEBPKI.iter().any(|rule| has(&judgement, rule)),
                "only webpki refuses {mutation:?}: {error:?}; {:?}", judgement.findings
            ),
        }
    }
}

proptest! {
    // A process for every case.
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn openssl_agrees_or_a_rule_says_why_not(mutation in Mutation::any()) {
        let chain = mutation.apply();
        let judgement = ours(&chain);
        let errors = errors(&judgement);
        // To OpenSSL the last second of validity is one after it.
        prop_assume!(!mutation.ends_now());
        match openssl_oracle::accepts(&chain) {
            None => eprintln!("openssl is not here, so it was not asked"),
            Some(true) => prop_assert!(
                errors.is_subset(&set(STRICTER_THAN_OPENSSL)),
                "only we refuse {mutation:?}: {errors:?}"
            ),
            Some(false) => prop_assert!(
                !errors.is_empty() || STRICTER_OPENSSL.iter().any(|rule| has(&judgement, rule)),
                "only OpenSSL refuses {mutation:?}: {:?}", judgement.findings
            ),
        }
    }
}

/// Rules that rustls-webpki does not have, or holds to other certificates.
const STRICTER_THAN_WEBPKI: &[&str] = &[
    "expired",                       // it does not look at anchors
    "not-yet-valid",                 // nor here
    "validity-reversed",             // nor here
    "not-a-ca",                      // nor here
    "path-length",                   // nor here
    "unknown-critical-extension",    // nor here
    "extension-malformed",           // nor here, and not at key identifiers
    "extension-twice",               // nor here
    "signature-algorithms-disagree", // nor here
    "key-usage-cert-sign",           // it does not look at keyUsage
    "key-usage-digital-signature",   // nor here
    "key-identifier-mismatch",       // it does not look at key identifiers
    "ca-purpose",                    // it does not look at anchors
    "version",                       // it does not look at anchors
    "version-extensions",            // nor here
    "name-constraint-malformed",     // it does not look at end entities
    "key-identifier-critical",       // it does not look at anchors
    "serial-form",                   // nor here
    "serial-long",                   // nor here
    "serial-not-positive",           // nor here
];

/// Our warnings for what rustls-webpki refuses.
const STRICTER_WEBPKI: &[&str] = &[
    "ca-as-end-entity",
    "serial-long",
    "serial-form",
    "serial-not-positive",
    "time-form",
    "extension-encoding",
    "san-not-critical",
    "name-encoding-differs",
];

/// Rules that `openssl verify` without `-x509_strict` does not have.
const STRICTER_THAN_OPENSSL: &[&str] = &[
    "key-usage-digital-signature",   // it lets TLS look at keyUsage
    "extension-twice",               // it looks at the first
    "version",                       // it takes any version
    "version-extensions",            // the same
    "validity-reversed",             // one of the two dates decides
    "no-names",                      // it takes the common name
    "host-mismatch",                 // the same
    "extension-malformed",           // only where it needs them
    "signature-algorithms-disagree", // only newer versions look
    "not-a-ca",                      // it does not look at anchors
    "name-constraint-malformed",     // a wildcard is a label to it
    "name-constraint-undecidable",   // the same
];

/// Our warnings for what OpenSSL refuses.
const STRICTER_OPENSSL: &[&str] = &["time-form", "serial-form", "ca-as-end-entity"];

fn ours(chain: &Chain) -> Judgement {
    let read = |der: &[u8]| Certificate::from_der(der.to_vec()).unwrap();
    let candidates = Candidates {
        end_entity: &read(&chain.end_entity),
        intermediates: &[read(&chain.intermediate)],
        anchors: &[read(&chain.root)],
        revocation_lists: &[],
    };
    let requirements = Requirements {
        host: Some(ReferenceName::Dns(mutation::HOST.into())),
        purpose: Some(Purpose::Server),
        ..Requirements::at(NOW)
    };
    judge(candidates, &requirements)
}

fn webpkis(chain: &Chain) -> Result<(), webpki::Error> {
    webpki_oracle::accepts(
        &chain.end_entity,
        std::slice::from_ref(&chain.intermediate),
        std::slice::from_ref(&chain.root),
        Some(&ReferenceName::Dns(mutation::HOST.into())),
        NOW,
    )
}

fn errors(judgement: &Judgement) -> BTreeSet<&'static str> {
    let findings = judgement.findings.iter();
    let errors = findings.filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.id).collect()
}

fn has(judgement: &Judgement, rule: &str) -> bool {
    judgement.findings.iter().any(|finding| finding.id == rule)
}

fn set(rules: &[&'static str]) -> BTreeSet<&'static str> {
    rules.iter().copied().collect()
}
