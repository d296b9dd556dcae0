//! Which path is chosen, and what is said where none is good.

use std::time::{Duration, Instant};

use openagents_certs::path::{Candidates, Judgement, Origin, Profile, Requirements, judge};
use openagents_certs::pki::certificate::Certificate;

use super::NOW;
use super::chain::{AUTHORITY_KEY_IDENTIFIER, Draft, Key, SUBJECT_KEY_IDENTIFIER};

#[test]
fn the_good_one_of_two_intermediates_is_chosen() {
    let [root, ca, server] = keys();
    let mut expired = Draft::ca("CA", "Root", &ca, &root);
    expired.not_after = "260201000000Z".into();
    let judgement = judged(
        &Draft::server("a.example", "CA", &server, &ca).sign(&server, &ca),
        &[
            expired.sign(&ca, &root),
            Draft::ca("CA", "Root", &ca, &root).sign(&ca, &root),
        ],
        &[anchor(&root)],
    );
    assert!(judgement.is_good(), "{:#?}", judgement.findings);
    assert_eq!(judgement.path[1].origin, Origin::Intermediate(1));
}

#[test]
fn an_anchor_need_not_be_self_signed() {
    let [root, ca, server] = keys();
    let judgement = judged(
        &Draft::server("a.example", "CA", &server, &ca).sign(&server, &ca),
        &[],
        &[Draft::ca("CA", "Root", &ca, &root).sign(&ca, &root)],
    );
    assert!(judgement.is_good(), "{:#?}", judgement.findings);
}

#[test]
fn a_certificate_that_is_itself_an_anchor_is_good() {
    let [key, _, _] = keys();
    let server = Draft::server("a.example", "a.example", &key, &key).sign(&key, &key);
    assert!(judged(&server, &[], std::slice::from_ref(&server)).is_good());
    assert_eq!(
        errors(&judged(&server, &[], &[anchor(&key)])),
        ["self-signed"]
    );
}

#[test]
fn the_path_that_came_nearest_is_told_of() {
    let [root, ca, server] = keys();
    let foreign = Key::new();
    let judgement = judged(
        &Draft::server("a.example", "CA", &server, &ca).sign(&server, &ca),
        &[
            Draft::ca("CA", "Elsewhere", &ca, &foreign).sign(&ca, &foreign),
            Draft::ca("CA", "Root", &ca, &root).sign(&ca, &foreign),
        ],
        &[anchor(&root)],
    );
    assert_eq!(errors(&judgement), ["signature"]);
    assert_eq!(judgement.path[1].origin, Origin::Intermediate(1));
}

#[test]
fn everything_wrong_on_a_path_is_told_at_once() {
    let [root, ca, server] = keys();
    let mut draft = Draft::server("a.example", "CA", &server, &ca);
    draft.not_after = "260201000000Z".into();
    draft.put(127, true, vec![0x30, 0]);
    let mut issuer = Draft::ca("CA", "Root", &ca, &root);
    issuer.remove(super::chain::BASIC_CONSTRAINTS);
    let judgement = judged(
        &draft.sign(&server, &ca),
        &[issuer.sign(&ca, &root)],
        &[anchor(&root)],
    );
    let expected = ["expired", "unknown-critical-extension", "not-a-ca"];
    assert_eq!(errors(&judgement), expected);
}

#[test]
fn a_fan_out_of_cross_certificates_is_given_up_in_time() {
    let root = Key::new();
    let levels: Vec<_> = (0..6).map(|_| Key::new()).collect();
    let mut intermediates = Vec::new();
    for (level, key) in levels.iter().enumerate() {
        let (issuer, issuers_key) = match level {
            0 => ("Root".into(), &root),
            _ => (format!("Level {}", level - 1), &levels[level - 1]),
        };
        for serial in 0..8 {
            let mut draft = Draft::ca(&format!("Level {level}"), &issuer, key, issuers_key);
            draft.serial[0] = serial;
            // Different names and keys in each would not be a loop; the identifiers keep it quiet.
            draft.remove(SUBJECT_KEY_IDENTIFIER);
            draft.remove(AUTHORITY_KEY_IDENTIFIER);
            intermediates.push(draft.sign(key, issuers_key));
        }
    }
    let mut expired = Draft::ca("Root", "Root", &root, &root);
    expired.not_after = "260201000000Z".into();
    let server = Draft::server("a.example", "Level 5", &levels[5], &levels[5]);
    let server = server.sign(&root, &levels[5]);
    let began = Instant::now();
    let judgement = judged(&server, &intermediates, &[expired.sign(&root, &root)]);
    assert!(!judgement.is_good());
    // An unoptimised build on a busy machine takes its time; what counts is that it ends.
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_stricter_profile_makes_errors_of_warnings() {
    let [root, ca, server] = keys();
    let mut draft = Draft::server("a.example", "CA", &server, &ca);
    draft.remove(AUTHORITY_KEY_IDENTIFIER);
    let certificates = [
        draft.sign(&server, &ca),
        Draft::ca("CA", "Root", &ca, &root).sign(&ca, &root),
        anchor(&root),
    ];
    let under = |profile| {
        let requirements = Requirements {
            profile,
            ..Requirements::at(NOW)
        };
        let [server, ca, root] = &certificates;
        judged_for(
            server,
            std::slice::from_ref(ca),
            std::slice::from_ref(root),
            &requirements,
        )
    };
    let tls = under(Profile::Tls);
    assert!(tls.is_good());
    assert_eq!(tls.findings[0].id, "authority-key-identifier-missing");
    assert!(!under(Profile::Rfc5280).is_good());
}

fn judged(end_entity: &[u8], intermediates: &[Vec<u8>], anchors: &[Vec<u8>]) -> Judgement {
    judged_for(end_entity, intermediates, anchors, &Requirements::at(NOW))
}

fn judged_for(
    end_entity: &[u8],
    intermediates: &[Vec<u8>],
    anchors: &[Vec<u8>],
    requirements: &Requirements,
) -> Judgement {
    let read = |der: &Vec<u8>| Certificate::from_der(der.clone()).unwrap();
    let intermediates: Vec<_> = intermediates.iter().map(read).collect();
    let anchors: Vec<_> = anchors.iter().map(read).collect();
    let candidates = Candidates {
        end_entity: &Certificate::from_der(end_entity.to_vec()).unwrap(),
        intermediates: &intermediates,
        anchors: &anchors,
        revocation_lists: &[],
    };
    judge(candidates, requirements)
}

fn anchor(key: &Key) -> Vec<u8> {
    Draft::ca("Root", "Root", key, key).sign(key, key)
}

fn keys() -> [Key; 3] {
    [Key::new(), Key::new(), Key::new()]
}

fn errors(judgement: &Judgement) -> Vec<&'static str> {
    let findings = judgement.findings.iter();
    let severe =
        findings.filter(|f| f.severity == openagents_certs::path::finding::Severity::Error);
    severe.map(|finding| finding.id).collect()
}
