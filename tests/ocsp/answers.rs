//! What the responder answers.

use openagents_certs::pki::ocsp::HashAlgorithm;
use openagents_certs::pki::serial::SerialNumber;

use super::request::{cert_id, contains, element, path, request};
use super::{Scene, after_a_second, issue};
use crate::peer::{certs, is_here};

#[test]
fn openssl_verifies_the_answers_about_several_certificates() {
    if !is_here("openssl", &["version"]) {
        return;
    }
    let scene = Scene::new("ocsp-several", &["a", "b"], "");
    certs(
        &["revoke", "b.test", "--reason", "superseded"],
        &scene.directory,
    );
    let text = after_a_second(|| scene.openssl("ca.crt", &["a.crt", "b.crt"], &[]));
    assert!(text.contains("Response verify OK"), "{text}");
    assert!(
        text.contains("a.crt: good") && text.contains("b.crt: revoked"),
        "{text}"
    );
    assert!(
        text.contains("Reason: superseded") && !text.contains("WARNING"),
        "{text}"
    );
    for algorithm in ["-sha1", "-sha256", "-sha384", "-sha512"] {
        let text = scene.openssl("ca.crt", &["a.crt"], &[algorithm, "-no_nonce"]);
        assert!(text.contains("Response verify OK"), "{algorithm}: {text}");
        assert!(text.contains("a.crt: good"), "{algorithm}: {text}");
    }
    let text = scene.openssl("ca.crt", &[], &["-serial", "0x7b"]);
    assert!(text.contains("0x7b: unknown"), "{text}");
    let signer = scene.openssl("ca.crt", &["a.crt"], &["-resp_text"]);
    for part in ["OCSP Signing", "OCSP No Check", "Digital Signature"] {
        assert!(signer.contains(part), "{part}: {signer}");
    }
    assert!(certs(&["list"], &scene.directory).contains("ocsp-responder"));
}

#[test]
fn a_revocation_and_its_end_are_visible_after_a_second() {
    let scene = Scene::new("ocsp-fresh", &["a"], "");
    let (issuer, own) = (scene.certificate("ca.crt"), scene.certificate("a.crt"));
    let id = cert_id(&issuer, HashAlgorithm::Sha1, true, own.serial());
    let asked = request(std::slice::from_ref(&id), None);
    let status = || {
        let response = scene.post(&asked);
        let after_id = response.body.windows(id.len()).position(|part| part == id);
        response.body[after_id.unwrap() + id.len()]
    };
    assert_eq!(status(), GOOD);
    certs(
        &["revoke", "a.test", "--reason", "certificate-hold"],
        &scene.directory,
    );
    assert_eq!(after_a_second(status), REVOKED);
    certs(&["unrevoke", "a.test"], &scene.directory);
    assert_eq!(after_a_second(status), GOOD);
    issue(&scene.directory, "b");
    let new = scene.certificate("b.crt");
    let id = cert_id(&issuer, HashAlgorithm::Sha1, true, new.serial());
    let response = scene.post(&request(std::slice::from_ref(&id), None));
    assert!(contains(&response.body, &[id, vec![GOOD, 0]].concat()));
}

#[test]
fn a_nonce_of_1_to_128_bytes_is_repeated() {
    let scene = Scene::new("ocsp-nonce", &["a"], "");
    let (issuer, own) = (scene.certificate("ca.crt"), scene.certificate("a.crt"));
    let id = cert_id(&issuer, HashAlgorithm::Sha256, false, own.serial());
    for length in [1, 32, 128] {
        let nonce: Vec<u8> = (0..length).collect();
        let response = scene.post(&request(std::slice::from_ref(&id), Some(&nonce)));
        assert_eq!(response.status, 200);
        assert!(contains(&response.body, &element(4, &[&nonce])), "{length}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert!(contains(&response.body, &id));
    }
    for length in [0, 129] {
        let nonce = vec![1; length];
        let response = scene.post(&request(std::slice::from_ref(&id), Some(&nonce)));
        assert_eq!(response.body, MALFORMED, "{length}");
    }
}

#[test]
fn answers_to_get_can_be_cached_until_the_next_update() {
    let scene = Scene::new("ocsp-get", &["a"], "[ocsp]\nlifetime = '90s'\n");
    let (issuer, own) = (scene.certificate("ca.crt"), scene.certificate("a.crt"));
    let id = cert_id(&issuer, HashAlgorithm::Sha1, true, own.serial());
    let asked = request(&[id], None);
    let encoded = scene.client().get(&path(&asked, true));
    assert_eq!(encoded.status, 200);
    assert_eq!(
        encoded.header("content-type"),
        Some("application/ocsp-response")
    );
    let age: u32 = max_age(encoded.header("cache-control").unwrap());
    assert!((1..=90).contains(&age), "{age}");
    for name in ["etag", "last-modified", "expires"] {
        assert!(encoded.header(name).is_some(), "{name}");
    }
    assert!(encoded.header("expires").unwrap().ends_with(" GMT"));
    // Serial numbers are random: whether a slash is in it is not known.
    assert_eq!(scene.client().get(&path(&asked, false)).status, 200);
    let tag = encoded.header("etag").unwrap();
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n\r\n",
        path(&asked, true)
    );
    let known = scene.client().send(&head, &[]);
    assert!(known.status == 304 || known.header("etag") != Some(tag));
    let never = SerialNumber::from_random([0xff; 16]);
    let id = cert_id(&issuer, HashAlgorithm::Sha1, true, &never);
    for is_encoded in [true, false] {
        let unknown = scene
            .client()
            .get(&path(&request(std::slice::from_ref(&id), None), is_encoded));
        assert!(contains(
            &unknown.body,
            &[id.clone(), vec![UNKNOWN, 0]].concat()
        ));
        assert_eq!(max_age(unknown.header("cache-control").unwrap()), 60);
    }
}

#[test]
fn certificates_of_another_ca_are_not_answered_about() {
    let scene = Scene::new("ocsp-other", &["a"], "");
    let own = scene.certificate("a.crt");
    // Any other certificate can be the issuer of a CertID.
    let id = cert_id(&own, HashAlgorithm::Sha1, true, own.serial());
    let response = scene.post(&request(std::slice::from_ref(&id), None));
    assert_eq!(response.body, [0x30, 3, 0x0a, 1, 6]);
    let ca = scene.certificate("ca.crt");
    let ours = cert_id(&ca, HashAlgorithm::Sha1, true, own.serial());
    let both = scene.post(&request(&[id.clone(), ours.clone()], None));
    assert!(contains(&both.body, &[id, vec![UNKNOWN, 0]].concat()));
    assert!(contains(&both.body, &[ours, vec![GOOD, 0]].concat()));
}

#[test]
fn any_bytes_are_answered_and_the_next_client_is_served() {
    let scene = Scene::new("ocsp-hostile", &["a"], "");
    let (issuer, own) = (scene.certificate("ca.crt"), scene.certificate("a.crt"));
    let id = cert_id(&issuer, HashAlgorithm::Sha1, true, own.serial());
    let good = request(std::slice::from_ref(&id), None);
    let many = request(&vec![id; 101], None);
    let nested = [0x30, 0x80].repeat(10_000);
    let bodies: [&[u8]; 6] = [
        b"",
        b"garbage",
        &[0x30],
        &good[..good.len() - 1],
        &many,
        &nested,
    ];
    for body in bodies {
        let response = scene.post(body);
        assert_eq!(response.status, 400);
        assert_eq!(response.body, MALFORMED);
    }
    assert_eq!(scene.post(&vec![0x30; 64 * 1024 + 1]).status, 413);
    for path in [
        "/ocsp",
        "/ocsp/",
        "/ocsp/%",
        "/ocsp/%zz",
        "/ocsp/....",
        "/ocsp/%00",
        "/ocsp//",
    ] {
        let response = scene.client().get(path);
        assert!(
            (400..500).contains(&response.status),
            "{path}: {response:?}"
        );
    }
    assert_eq!(
        scene
            .client()
            .send("PUT /ocsp HTTP/1.1\r\nHost: l\r\n\r\n", &[])
            .status,
        405
    );
    assert_eq!(scene.post(&good).status, 200);
    let metrics = scene.server.get("/metrics");
    let metrics = metrics.text();
    assert!(metrics.contains("answer=\"good\"} 1"), "{metrics}");
    assert!(metrics.contains("answer=\"refused\""), "{metrics}");
}

#[test]
fn both_roots_of_a_rotation_are_answered_for_and_the_old_one_afterwards() {
    if !is_here("openssl", &["version"]) {
        return;
    }
    let scene = Scene::new("ocsp-rotation", &["old"], "");
    std::fs::copy(scene.path("ca.crt"), scene.path("old-ca.crt")).unwrap();
    let answer = |issuer: &str, name: &str| {
        let text = scene.openssl(issuer, &[name], &[]);
        text.contains("Response verify OK") && text.contains(": good")
    };
    assert!(answer("old-ca.crt", "old.crt"));
    let rotate = |stage: &str| {
        certs(&["ca", "rotate", stage], &scene.directory);
    };
    rotate("prepare");
    rotate("activate");
    issue(&scene.directory, "new");
    let issuer = scene.certificate("new.crt").issuer().clone();
    let anchors = std::fs::read_to_string(scene.path("ca.crt")).unwrap();
    let first = anchors
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next();
    std::fs::write(scene.path("new-ca.crt"), first.unwrap()).unwrap();
    assert_eq!(scene.certificate("new-ca.crt").subject(), &issuer);
    crate::serve::until("the new root is answered for", || {
        answer("new-ca.crt", "new.crt")
    });
    assert!(answer("old-ca.crt", "old.crt"));
    let blocking = certs(&["ca", "rotate", "status"], &scene.directory);
    assert!(!blocking.contains("ocsp-responder"), "{blocking}");
    std::fs::rename(scene.path("old.crt"), scene.path("kept.crt")).unwrap();
    certs(&["ca", "rotate", "retire", "--force"], &scene.directory);
    let skipped = scene.server.logged();
    crate::serve::until("the authority without the old root", || {
        scene.server.get("/ca.crt").text() != anchors
    });
    assert!(answer("old-ca.crt", "kept.crt"), "{}", scene.server.log());
    assert!(answer("new-ca.crt", "new.crt"), "{skipped}");
}

fn max_age(control: &str) -> u32 {
    let age = control
        .split(", ")
        .find_map(|one| one.strip_prefix("max-age="));
    age.unwrap().parse().unwrap()
}

const GOOD: u8 = 0x80;
const REVOKED: u8 = 0xa1;
const UNKNOWN: u8 = 0x82;
const MALFORMED: [u8; 5] = [0x30, 3, 0x0a, 1, 1];
