//! Servers that mean no good: a probe ends, soon, whatever they do.

use std::io::{Read as _, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use super::pki::OURS;
use super::server::{SETTINGS, Tls, serve, wait};
use super::{ids, seen, seen_shortly};

#[test]
fn a_server_that_says_nothing_costs_its_time_and_no_more() {
    let port = serve(|_, stream| wait(stream));
    let started = Instant::now();
    let report = seen_shortly(port, &OURS.with_ca());
    assert_eq!(ids(&report), ["live-no-tls"]);
    assert!(started.elapsed() < LIMIT);
}

#[test]
fn a_server_that_drips_costs_its_time_and_no_more() {
    // The head of a record that is never filled, an octet at a time.
    let port = serve(|_, mut stream| {
        let _ = stream.write_all(&[22, 3, 3, 0x40, 0]);
        // The client says nothing more, so that each reading takes its time.
        let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
        while stream.write_all(&[0]).is_ok() {
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    let started = Instant::now();
    let report = seen_shortly(port, &OURS.with_ca());
    assert_eq!(report.reached, Some(false));
    assert!(started.elapsed() < LIMIT);
}

#[test]
fn endless_streams_are_cut() {
    for said in [&[0; 4096], &[22; 4096], &[b'a'; 4096]] {
        let port = serve(move |_, stream| say_without_end(stream, said));
        let started = Instant::now();
        let report = seen_shortly(port, &OURS.with_ca());
        assert_eq!(report.reached, Some(false));
        assert!(started.elapsed() < LIMIT);
    }
}

#[test]
fn endless_frames_behind_a_handshake_are_cut() {
    let settings = SETTINGS.repeat(400);
    let window_updates = [SETTINGS, &b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01".repeat(300)].concat();
    let data = [SETTINGS, &b"\0\x40\0\0\0\0\0\0\x01"[..], &[0; 16_384]].concat();
    for said in [settings, window_updates, data] {
        let port = Tls::ours().serve(move |stream| say_without_end(stream, &said));
        let started = Instant::now();
        let report = seen(port, &OURS.with_ca());
        assert_eq!(json!(report)["http2_settings"], true);
        assert!(started.elapsed() < LIMIT);
    }
}

#[test]
fn settings_larger_than_any_are_none() {
    let port = Tls::ours().serve(|mut stream| {
        let _ = stream.write_all(&[0xff, 0xff, 0xfc, 4, 0, 0, 0, 0, 0]);
        let _ = stream.flush();
        wait(stream);
    });
    let report = seen(port, &OURS.with_ca());
    assert_eq!(ids(&report), ["live-no-settings"]);
    assert_eq!(json!(report)["http2_end"], "other");
}

#[test]
fn a_hundred_certificates_are_looked_at_or_refused_soon() {
    let leaf = OURS.server.certificates[0].as_der().to_vec();
    for count in [50, 100, 1000] {
        let tls = Tls {
            chain: vec![leaf.clone(); count],
            ..Tls::ours()
        };
        let started = Instant::now();
        let report = seen(tls.serve_grpc(), &OURS.with_ca());
        assert!(started.elapsed() < LIMIT);
        assert!(!report.findings.is_empty(), "{count}");
    }
}

fn say_without_end(mut stream: impl Write, said: &[u8]) {
    while stream.write_all(said).is_ok() {}
}

/// Far more than a probe needs, and far less than for ever.
const LIMIT: Duration = Duration::from_secs(10);
