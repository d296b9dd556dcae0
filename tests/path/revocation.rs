//! Revocation lists along a path.

use openagents_certs::path::finding::Severity;
use openagents_certs::path::{Candidates, Judgement, Profile, Requirements, Verdict, judge};
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::crl::RevocationList;

use super::NOW;
use super::chain::{Draft, KEY_USAGE, Key, List, element, sequence};

#[test]
fn a_certificate_on_its_issuers_list_is_revoked() {
    let pki = Pki::new();
    assert!(pki.judged(&[List::new("Root", 1)]).is_good());
    let judgement = pki.judged(&[List::new("Root", 1).revoking(SERIAL)]);
    assert_eq!(errors(&judgement), ["revoked"]);
}

#[test]
fn the_list_with_the_highest_number_counts() {
    let pki = Pki::new();
    let (old, new) = (
        List::new("Root", 1),
        List::new("Root", 256).revoking(SERIAL),
    );
    assert_eq!(
        errors(&pki.judged(&[new.clone(), old.clone()])),
        ["revoked"]
    );
    assert_eq!(errors(&pki.judged(&[old, new])), ["revoked"]);
    let (old, new) = (
        List::new("Root", 255).revoking(SERIAL),
        List::new("Root", 256),
    );
    assert!(pki.judged(&[old, new]).is_good());
}

#[test]
fn a_list_of_another_issuer_leaves_the_answer_open() {
    let pki = Pki::new();
    for issuer in ["Elsewhere", "Root2", "Roo"] {
        let judgement = pki.judged(&[List::new(issuer, 1).revoking(SERIAL)]);
        assert_eq!(judgement.verdict(), Verdict::Undetermined, "{issuer}");
        assert_eq!(judgement.findings[0].id, "revocation-unknown");
    }
}

#[test]
fn every_certificate_below_the_anchor_needs_a_list() {
    let [root, ca, server] = [Key::new(), Key::new(), Key::new()];
    let leaf = Draft::server("a.example", "CA", &server, &ca).sign(&server, &ca);
    let intermediate = Draft::ca("CA", "Root", &ca, &root).sign(&ca, &root);
    let anchor = Draft::ca("Root", "Root", &root, &root).sign(&root, &root);
    let roots = List::new("Root", 1).sign(&root, &root);
    let cas = List::new("CA", 1).sign(&ca, &ca);
    let verdict = |lists: &[&Vec<u8>]| {
        judged(
            &leaf,
            std::slice::from_ref(&intermediate),
            &anchor,
            lists,
            Profile::Tls,
        )
        .verdict()
    };
    assert_eq!(verdict(&[&roots, &cas]), Verdict::Yes);
    assert_eq!(verdict(&[&roots]), Verdict::Undetermined);
    assert_eq!(verdict(&[&cas]), Verdict::Undetermined);
    assert_eq!(verdict(&[]), Verdict::Yes);
}

#[test]
fn an_unnumbered_list_that_revokes_counts_beside_a_numbered_one() {
    let pki = Pki::new();
    let mut unnumbered = List::new("Root", 1).revoking(SERIAL);
    unnumbered.number = None;
    let clean = List::new("Root", 9);
    assert_eq!(
        errors(&pki.judged(&[clean.clone(), unnumbered.clone()])),
        ["revoked"]
    );
    assert_eq!(errors(&pki.judged(&[unnumbered, clean])), ["revoked"]);
}

#[test]
fn a_list_with_a_higher_number_and_an_earlier_date_replaces_nothing() {
    let pki = Pki::new();
    let mut odd = List::new("Root", 9);
    odd.this_update = "261030000000Z".into();
    let newer = List::new("Root", 8).revoking(SERIAL);
    assert_eq!(errors(&pki.judged(&[odd, newer])), ["revoked"]);
}

#[test]
fn a_list_for_some_reasons_or_of_another_distribution_point_covers_nothing_but_can_revoke() {
    let pki = Pki::new();
    let reasons = element(0x83, &[6, 0b0100_0000]);
    let uri = element(0x86, b"http://ca.example/part-1.crl");
    let point = element(0xa0, &element(0xa0, &uri));
    for scope in [reasons, point] {
        let mut list = List::new("Root", 1);
        list.scope = Some(sequence(&scope));
        assert_eq!(pki.judged(&[list.clone()]).verdict(), Verdict::Undetermined);
        assert_eq!(
            pki.judged(&[list.clone(), List::new("Root", 1)]).verdict(),
            Verdict::Yes
        );
        let judgement = pki.judged(&[list.revoking(SERIAL), List::new("Root", 1)]);
        assert_eq!(errors(&judgement), ["revoked"]);
    }
}

#[test]
fn a_delta_list_covers_nothing_but_can_revoke() {
    let pki = Pki::new();
    let mut delta = List::new("Root", 2);
    delta.base = Some(1);
    assert_eq!(
        pki.judged(std::slice::from_ref(&delta)).verdict(),
        Verdict::Undetermined
    );
    let judgement = pki.judged(&[delta.revoking(SERIAL), List::new("Root", 1)]);
    assert_eq!(errors(&judgement), ["revoked"]);
}

#[test]
fn remove_from_crl_in_a_complete_list_is_malformed_and_takes_nothing_back() {
    let pki = Pki::new();
    let removed = List::new("Root", 1).entry(&SERIAL, Some(REMOVE_FROM_CRL));
    assert_eq!(
        errors(&pki.judged(std::slice::from_ref(&removed))),
        ["crl-malformed"]
    );
    let both = removed.revoking(SERIAL);
    assert!(errors(&pki.judged(&[both])).contains(&"revoked"));
}

#[test]
fn a_serial_number_is_found_in_any_encoding() {
    let pki = Pki::new();
    let padded = [&[0], &SERIAL[..]].concat();
    let judgement = pki.judged(&[List::new("Root", 1).entry(&padded, None)]);
    assert_eq!(errors(&judgement), ["revoked"]);
}

#[test]
fn an_overdue_list_decides_nothing_beside_a_current_one() {
    let pki = Pki::new();
    let mut overdue = List::new("Root", 1);
    overdue.number = None;
    overdue.next_update = Some("261120080459Z".into());
    assert!(pki.judged(&[overdue, List::new("Root", 2)]).is_good());
}

#[test]
fn a_list_by_another_key_is_not_believed() {
    let pki = Pki::new();
    let list = List::new("Root", 1).sign(&Key::new(), &pki.root);
    let judgement = pki.judged_with(&[list], Profile::Tls);
    assert_eq!(errors(&judgement), ["crl-signature"]);
}

#[test]
fn a_list_out_of_date_is_not_enough() {
    let pki = Pki::new();
    let mut list = List::new("Root", 1);
    list.next_update = Some("261120080459Z".into());
    assert_eq!(errors(&pki.judged(&[list])), ["crl-overdue"]);
}

#[test]
fn a_ca_without_crl_sign_signs_no_lists() {
    let mut pki = Pki::new();
    pki.anchor.remove(KEY_USAGE);
    pki.anchor
        .put(KEY_USAGE, true, element(0x03, &[2, 0b0000_0100]));
    let judgement = pki.judged(&[List::new("Root", 1)]);
    assert_eq!(errors(&judgement), ["crl-issuer"]);
}

#[test]
fn a_list_without_number_is_a_warning_in_tls_and_an_error_in_rfc_5280() {
    let pki = Pki::new();
    let mut list = List::new("Root", 1);
    list.number = None;
    let list = list.sign(&pki.root, &pki.root);
    assert!(
        pki.judged_with(std::slice::from_ref(&list), Profile::Tls)
            .is_good()
    );
    let judgement = pki.judged_with(&[list], Profile::Rfc5280);
    assert_eq!(errors(&judgement), ["crl-number-missing"]);
}

#[test]
fn a_critical_extension_that_is_not_understood_makes_a_list_useless() {
    let pki = Pki::new();
    let mut list = List::new("Root", 1);
    list.unknown_critical = true;
    let judgement = pki.judged(&[list]);
    assert_eq!(errors(&judgement), ["crl-unknown-critical-extension"]);
}

#[test]
fn a_list_says_nothing_of_what_is_outside_of_its_scope() {
    let pki = Pki::new();
    let only = |flag: u8| sequence(&element(flag, &[0xff]));
    let mut cas = List::new("Root", 9);
    cas.scope = Some(only(0x82));
    let mut end_entities = List::new("Root", 1).revoking(SERIAL);
    end_entities.scope = Some(only(0x81));
    let judgement = pki.judged(&[cas.clone()]);
    assert_eq!(judgement.verdict(), Verdict::Undetermined);
    assert_eq!(errors(&pki.judged(&[cas, end_entities])), ["revoked"]);
}

/// The serial number of the certificates that `Draft` makes.
const SERIAL: [u8; 16] = [0x11; 16];
const REMOVE_FROM_CRL: u8 = 8;

/// A root, and a server's certificate that it issued.
struct Pki {
    root: Key,
    server: Key,
    anchor: Draft,
}

impl Pki {
    fn new() -> Self {
        let root = Key::new();
        let anchor = Draft::ca("Root", "Root", &root, &root);
        Pki {
            server: Key::new(),
            root,
            anchor,
        }
    }

    fn judged(&self, lists: &[List]) -> Judgement {
        let lists: Vec<_> = lists
            .iter()
            .map(|list| list.sign(&self.root, &self.root))
            .collect();
        self.judged_with(&lists, Profile::Tls)
    }

    fn judged_with(&self, lists: &[Vec<u8>], profile: Profile) -> Judgement {
        let draft = Draft::server("a.example", "Root", &self.server, &self.root);
        judged(
            &draft.sign(&self.server, &self.root),
            &[],
            &self.anchor.sign(&self.root, &self.root),
            &lists.iter().collect::<Vec<_>>(),
            profile,
        )
    }
}

fn judged(
    end_entity: &[u8],
    intermediates: &[Vec<u8>],
    anchor: &[u8],
    lists: &[&Vec<u8>],
    profile: Profile,
) -> Judgement {
    let read = |der: &[u8]| Certificate::from_der(der.to_vec()).unwrap();
    let lists = lists
        .iter()
        .map(|der| RevocationList::from_der(der.to_vec()));
    let candidates = Candidates {
        end_entity: &read(end_entity),
        intermediates: &intermediates
            .iter()
            .map(|der| read(der))
            .collect::<Vec<_>>(),
        anchors: &[read(anchor)],
        revocation_lists: &lists.collect::<Result<Vec<_>, _>>().unwrap(),
    };
    let requirements = Requirements {
        profile,
        ..Requirements::at(NOW)
    };
    judge(candidates, &requirements)
}

fn errors(judgement: &Judgement) -> Vec<&'static str> {
    let findings = judgement.findings.iter();
    let severe = findings.filter(|finding| finding.severity == Severity::Error);
    severe.map(|finding| finding.id).collect()
}
