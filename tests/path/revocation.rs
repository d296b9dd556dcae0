//! Revocation lists along a path.

use openagents_certs::path::finding::Severity;
use openagents_certs::path::profile::{Profile, Requirements};
use openagents_certs::path::{Candidates, Judgement, judge};
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
fn a_list_of_another_issuer_says_nothing() {
    let pki = Pki::new();
    let judgement = pki.judged(&[List::new("Elsewhere", 1).revoking(SERIAL)]);
    assert!(judgement.is_good());
    assert_eq!(judgement.findings[0].id, "revocation-unknown");
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
    assert_eq!(judgement.findings[0].id, "revocation-unknown");
    assert_eq!(errors(&pki.judged(&[cas, end_entities])), ["revoked"]);
}

/// The serial number of the certificates that `Draft` makes.
const SERIAL: [u8; 16] = [0x11; 16];

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
        let read = |der: Vec<u8>| Certificate::from_der(der).unwrap();
        let lists: Vec<_> = lists
            .iter()
            .map(|der| RevocationList::from_der(der.clone()).unwrap())
            .collect();
        let draft = Draft::server("a.example", "Root", &self.server, &self.root);
        let candidates = Candidates {
            end_entity: &read(draft.sign(&self.server, &self.root)),
            intermediates: &[],
            anchors: &[read(self.anchor.sign(&self.root, &self.root))],
            revocation_lists: &lists,
        };
        let requirements = Requirements {
            profile,
            ..Requirements::at(NOW)
        };
        judge(candidates, &requirements)
    }
}

fn errors(judgement: &Judgement) -> Vec<&'static str> {
    let findings = judgement.findings.iter();
    let severe = findings.filter(|finding| finding.severity == Severity::Error);
    severe.map(|finding| finding.id).collect()
}
