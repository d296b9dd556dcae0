//! Revocation lists over HTTP.

use std::collections::HashMap;

use openagents_certs::pki::crl::RevocationList;

use super::{Scene, after_a_second};
use crate::peer::certs;
use crate::serve::until;

#[test]
fn a_list_is_served_before_any_revocation_and_is_current_a_second_after_one() {
    let scene = Scene::new("crl-fresh", &["a"], "");
    let (response, list) = list(&scene);
    assert_eq!((list.number(), list.len()), (Some(1), 0));
    assert_eq!(
        response.header("content-type"),
        Some("application/pkix-crl")
    );
    let pem = scene.client().get("/crl.pem");
    assert!(pem.text().starts_with("-----BEGIN X509 CRL-----\n"));
    certs(&["revoke", "a.test"], &scene.directory);
    let (_, list) = after_a_second(|| self::list(&scene));
    assert_eq!((list.number(), list.len()), (Some(2), 1));
    assert_eq!(
        std::fs::read(scene.directory.join("crl.der")).unwrap(),
        list.as_der()
    );
    assert_ne!(scene.client().get("/crl.pem").body, pem.body);
}

#[test]
fn a_client_that_has_the_list_is_told_so() {
    let scene = Scene::new("crl-conditional", &["a"], "");
    let (first, _) = list(&scene);
    let ask = |header: &str, value: &str| {
        let head = format!("GET /crl.der HTTP/1.1\r\nHost: l\r\n{header}: {value}\r\n\r\n");
        let response = scene.client().send(&head, &[]);
        (response.status, response.body.len())
    };
    let tag = first.header("etag").unwrap();
    let date = first.header("last-modified").unwrap();
    assert_eq!(ask("If-None-Match", tag), (304, 0));
    assert_eq!(ask("If-None-Match", &format!("\"x\", W/{tag}")), (304, 0));
    assert_eq!(ask("If-Modified-Since", date), (304, 0));
    let whole = (200, first.body.len());
    assert_eq!(ask("If-None-Match", "\"x\""), whole);
    assert_eq!(
        ask("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"),
        whole
    );
    assert_eq!(ask("If-Modified-Since", "nonsense"), whole);
    let known = scene.client().get("/crl.pem");
    assert_ne!(known.header("etag"), Some(tag));
}

#[test]
fn a_list_is_renewed_before_it_is_due_and_a_number_has_one_content() {
    let scene = Scene::new("crl-renewed", &[], "[crl]\nlifetime = '6s'\n");
    let mut contents = HashMap::new();
    let mut numbers = 0;
    until("the third list", || {
        let (response, list) = list(&scene);
        let number = list.number().unwrap();
        let content = contents.entry(number).or_insert(response.body.clone());
        assert_eq!(*content, response.body, "CRL number {number}");
        numbers = numbers.max(number);
        numbers == 3
    });
    // Whoever signs it: the server follows.
    certs(&["crl"], &scene.directory);
    let published = std::fs::read(scene.directory.join("crl.der")).unwrap();
    let number = RevocationList::from_der(published).unwrap().number();
    until("the list of another process", || {
        list(&scene).1.number() >= number
    });
}

fn list(scene: &Scene) -> (crate::serve::Response, RevocationList) {
    let response = scene.client().get("/crl.der");
    assert_eq!(response.status, 200);
    let list = RevocationList::from_der(response.body.clone()).unwrap();
    (response, list)
}
