//! The certificates that are served.

use std::sync::Arc;
use std::time::Duration;

use openagents_certs::net::presented_chain;
use openagents_certs::ops::live::Basis;
use serde_json::json;

use super::pki::{OURS, SUBORDINATE, THEIRS};
use super::server::{Tls, accept, serve, speak_http2};
use super::{ids, seen};

#[test]
fn what_the_file_holds_is_what_is_served() {
    let port = Tls::ours().serve_grpc();
    let given = Basis {
        certificates: &OURS.server.certificates,
        ..OURS.with_ca()
    };
    assert_eq!(ids(&seen(port, &given)), [""; 0]);
}

#[test]
fn a_server_that_still_serves_another_certificate_is_found() {
    let port = Tls::ours().serve_grpc();
    let same_names = Basis {
        certificates: &THEIRS.server.certificates,
        ..OURS.with_ca()
    };
    assert_eq!(ids(&seen(port, &same_names)), ["live-other-serial"]);
    let other_names = Basis {
        certificates: &OURS.client.certificates,
        ..OURS.with_ca()
    };
    assert_eq!(ids(&seen(port, &other_names)), ["live-other-certificate"]);
}

#[test]
fn a_server_of_another_ca_is_found() {
    let port = Tls::new(&THEIRS.server).serve_grpc();
    let report = seen(port, &OURS.with_ca());
    assert_eq!(ids(&report), ["live-anchor-mismatch"]);
    assert_eq!(report.reached, Some(false));
}

#[test]
fn a_complete_chain_is_good_and_one_without_its_intermediate_is_not() {
    let whole = Tls::new(&SUBORDINATE.server);
    let port = whole.clone().serve_grpc();
    let given = Basis {
        certificates: &SUBORDINATE.server.certificates,
        ..SUBORDINATE.with_ca()
    };
    let report = seen(port, &given);
    assert_eq!((ids(&report), report.reached), (vec![], Some(true)));

    let chain = whole.chain[..1].to_vec();
    let port = Tls { chain, ..whole }.serve_grpc();
    let report = seen(port, &given);
    assert_eq!(ids(&report), ["live-chain-incomplete"]);
    assert_eq!(report.reached, Some(false));
}

#[test]
fn wrong_order_copies_and_roots_are_found() {
    let whole = Tls::new(&SUBORDINATE.server);
    let [leaf, intermediate] = whole.chain.as_slice() else {
        panic!("a leaf and an intermediate")
    };
    let root = SUBORDINATE.ca[0].as_der().to_vec();
    let found = |chain: Vec<&Vec<u8>>| {
        let chain = chain.into_iter().cloned().collect();
        let tls = Tls {
            chain,
            ..whole.clone()
        };
        ids(&seen(tls.serve_grpc(), &SUBORDINATE.with_ca()))
    };
    assert_eq!(found(vec![leaf, intermediate, &root]), ["live-root-served"]);
    assert_eq!(
        found(vec![leaf, &root, intermediate]),
        ["live-wrong-order", "live-root-served"]
    );
    assert_eq!(
        found(vec![leaf, intermediate, intermediate]),
        ["live-duplicate"]
    );
}

#[test]
fn a_certificate_that_cannot_be_read_is_found() {
    let tls = Tls {
        chain: vec![b"no certificate".to_vec()],
        ..Tls::ours()
    };
    let report = seen(tls.serve_grpc(), &OURS.with_ca());
    assert_eq!(ids(&report), ["live-malformed"]);
    assert_eq!(report.reached, Some(false));
}

#[test]
fn a_server_without_its_certificates_key_is_found() {
    let tls = Tls {
        key: THEIRS.server.key.clone(),
        ..Tls::ours()
    };
    let report = seen(tls.serve_grpc(), &OURS.with_ca());
    assert_eq!(ids(&report), ["live-key-unproven"]);
    assert_eq!(json!(report)["key_proof"], "failed");
    assert_eq!(report.reached, Some(false));
}

#[test]
fn two_certificates_on_one_port_are_both_found() {
    let configs = [Tls::ours().config(), Tls::new(&THEIRS.server).config()];
    let port = serve(move |number, stream| {
        accept(&configs[number % 2], stream, &|stream| speak_http2(stream));
    });
    let report = seen(port, &OURS.with_ca());
    assert_eq!(
        ids(&report),
        ["live-certificates-differ", "live-anchor-mismatch"]
    );
    assert_eq!(report.chains.len(), 2);
    assert_eq!(report.reached, Some(false));
}

#[test]
fn a_port_that_only_sometimes_serves_is_found() {
    let config = Tls::ours().config();
    let port = serve(move |number, stream| {
        let config = Arc::clone(&config);
        if number % 2 == 0 {
            accept(&config, stream, &|stream| speak_http2(stream));
        }
    });
    let report = seen(port, &OURS.with_ca());
    assert!(ids(&report).contains(&"live-connections-differ"));
}

#[test]
fn what_a_port_serves_now_is_told_with_one_connection() {
    let port = Tls::ours().serve_grpc();
    let target = format!("grpcs://localhost:{port}").parse().unwrap();
    let presented = presented_chain(&target, None, Duration::from_secs(20)).unwrap();
    assert_eq!(presented.certificates, OURS.server.certificates);
}
