//! A certificate judged under its issuer's chain before it leaves.

use std::collections::BTreeSet;
use std::time::Instant;

use openagents_certs::path::IssuerChain;
use openagents_certs::path::finding::Severity;
use openagents_certs::pki::certificate::Certificate;
use proptest::prelude::*;

use super::chain::{
    BASIC_CONSTRAINTS, Draft, EXTENDED_KEY_USAGE, Key, SERVER_AUTH, UNKNOWN, element, name, oid,
    sequence,
};
use super::mutation::{Chain, Mutation};
use super::{NOW, errors, ours};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_planned_without_error_verifies_once_it_is_signed(mutation in Mutation::any()) {
        let chain = mutation.apply();
        let certificates = [read(&chain.intermediate), read(&chain.root)];
        let planned = planned_errors(&certificates, &read(&chain.end_entity));
        let judgement = ours(&chain);
        // The plan is not asked for a host, and its signature and its chain's are not looked at.
        let apart = ["host-mismatch", "no-names", "signature", "not-yet-valid", "purpose", "ca-as-end-entity"];
        let judged: BTreeSet<_> = errors(&judgement).into_iter().filter(|id| !apart.contains(id)).collect();
        let missing: Vec<_> = judged.difference(&planned).collect();
        prop_assert!(
            !judgement.reaches_anchor || missing.is_empty(),
            "{mutation:?}: {judged:?} {planned:?}"
        );
    }
}

#[test]
fn a_chain_without_fault_finds_nothing_against_what_it_issues() {
    let chain = Chain::good();
    let certificates = [read(&chain.intermediate), read(&chain.root)];
    let findings = IssuerChain::new(&certificates, NOW).judge(&read(&chain.end_entity));
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn constraints_above_the_issuer_bind_what_it_issues() {
    let host = element(0x82, b"example.org");
    refused("name-not-permitted", |root, _, _| {
        root.put(
            NAME_CONSTRAINTS,
            true,
            sequence(&element(0xa0, &sequence(&host))),
        );
    });
    let directory = sequence(&element(0xa4, &name("Elsewhere")));
    refused("name-not-permitted", |root, _, _| {
        root.put(NAME_CONSTRAINTS, true, sequence(&element(0xa0, &directory)));
    });
}

#[test]
fn an_unknown_critical_extension_above_is_found() {
    refused("unknown-critical-extension", |_, ca, _| {
        ca.put(UNKNOWN, true, sequence(&[]));
    });
}

#[test]
fn a_ca_that_is_limited_to_clients_issues_no_servers() {
    let client = [&SERVER_AUTH[..7], &[2]].concat();
    refused("ca-purpose", |_, ca, _| {
        ca.put(EXTENDED_KEY_USAGE, false, sequence(&oid(&client)));
    });
    refused("ca-purpose", |_, ca, leaf| {
        ca.put(EXTENDED_KEY_USAGE, false, sequence(&oid(&SERVER_AUTH)));
        leaf.remove(EXTENDED_KEY_USAGE);
        let both = [oid(&SERVER_AUTH), oid(&client)].concat();
        leaf.put(EXTENDED_KEY_USAGE, false, sequence(&both));
    });
}

#[test]
fn a_ca_below_one_that_permits_none_is_found() {
    let [root, ca, below] = [Key::new(), Key::new(), Key::new()];
    let mut issuer = Draft::ca("CA", "Root", &ca, &root);
    issuer.remove(BASIC_CONSTRAINTS);
    let limited = [element(0x01, &[0xff]), element(0x02, &[0])].concat();
    issuer.put(BASIC_CONSTRAINTS, true, sequence(&limited));
    let certificates = [
        read(&issuer.sign(&ca, &root)),
        read(&Draft::ca("Root", "Root", &root, &root).sign(&root, &root)),
    ];
    for subject in ["Below", "CA"] {
        let planned = Draft::ca(subject, "CA", &below, &ca).sign(&below, &ca);
        let errors = planned_errors(&certificates, &read(&planned));
        assert!(errors.contains("path-length"), "{subject}: {errors:?}");
    }
}

#[test]
fn a_certificate_that_is_not_valid_yet_may_be_planned() {
    let [root, server, _] = [Key::new(), Key::new(), Key::new()];
    let mut planned = Draft::server("a.example", "Root", &server, &root);
    planned.not_before = "270101000000Z".into();
    let certificates = [read(
        &Draft::ca("Root", "Root", &root, &root).sign(&root, &root),
    )];
    let errors = planned_errors(&certificates, &read(&planned.sign(&server, &root)));
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn a_batch_is_judged_in_microseconds_each() {
    let chain = Chain::good();
    let certificates = [read(&chain.intermediate), read(&chain.root)];
    let planned = read(&chain.end_entity);
    let chain = IssuerChain::new(&certificates, NOW);
    let start = Instant::now();
    for _ in 0..1000 {
        assert!(chain.judge(&planned).is_empty());
    }
    // Some 10 µs each when optimized; a hundred times that is still no accident.
    assert!(start.elapsed().as_secs() < 1);
}

fn refused(id: &str, change: impl Fn(&mut Draft, &mut Draft, &mut Draft)) {
    let [root_key, ca_key, key] = [Key::new(), Key::new(), Key::new()];
    let mut root = Draft::ca("Root", "Root", &root_key, &root_key);
    let mut ca = Draft::ca("CA", "Root", &ca_key, &root_key);
    let mut leaf = Draft::server("node.example.com", "CA", &key, &ca_key);
    change(&mut root, &mut ca, &mut leaf);
    let certificates = [
        read(&ca.sign(&ca_key, &root_key)),
        read(&root.sign(&root_key, &root_key)),
    ];
    let errors = planned_errors(&certificates, &read(&leaf.sign(&key, &ca_key)));
    assert!(errors.contains(id), "{id}: {errors:?}");
}

fn planned_errors(chain: &[Certificate], planned: &Certificate) -> BTreeSet<&'static str> {
    let findings = IssuerChain::new(chain, NOW).judge(planned);
    let errors = findings.iter().filter(|f| f.severity == Severity::Error);
    errors.map(|finding| finding.id).collect()
}

fn read(der: &[u8]) -> Certificate {
    Certificate::from_der(der.to_vec()).unwrap()
}

const NAME_CONSTRAINTS: u8 = 30;
