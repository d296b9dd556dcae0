//! What is spoken on a port, and how.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use super::pki::OURS;
use super::server::{SETTINGS, TLS_1_2, Tls, accept, serve, speak_http2, wait};
use super::{ids, seen, seen_as, seen_shortly};

#[test]
fn nobody_listening_is_told_at_once() {
    let port = unused_port();
    let report = seen(port, &OURS.with_ca());
    assert_eq!(ids(&report), ["live-refused"]);
    assert_eq!(json!(report)["tcp"], "refused");
    assert_eq!(report.reached, Some(false));
}

#[test]
fn plaintext_grpc_is_recognised_whether_it_speaks_first_or_waits() {
    let speaks_first = serve(|_, mut stream| {
        let _ = stream.write_all(SETTINGS);
        wait(stream);
    });
    let waits = serve(|_, mut stream| {
        let mut first = [0; 3];
        let _ = stream.peek(&mut first);
        // What is no preface is no client's.
        if &first == b"PRI" {
            speak_http2(&mut stream);
        }
    });
    for port in [speaks_first, waits] {
        let report = seen(port, &OURS.with_ca());
        assert_eq!(ids(&report), ["live-plaintext"]);
        assert_eq!(json!(report)["serves"], "plaintext");
        let report = seen_as(&format!("grpc://localhost:{port}"), &OURS.with_ca());
        assert_eq!((ids(&report), report.reached), (vec![], Some(true)));
    }
}

#[test]
fn plaintext_http_ssh_and_other_services_are_recognised() {
    for (said, id) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "live-plaintext-http",
        ),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "live-not-tls"),
        (b"220 mail.example.org ESMTP\r\n", "live-not-tls"),
        (b"\x1b[31m\x00\xff", "live-not-tls"),
        (b"", "live-no-tls"),
    ] {
        let port = serve(move |_, mut stream| {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(said);
        });
        let report = seen(port, &OURS.with_ca());
        assert_eq!(ids(&report), [id], "{said:?}");
        assert!(!report.to_string().contains('\u{1b}'));
    }
}

#[test]
fn tls_where_plaintext_is_dialled_is_recognised() {
    let port = Tls::ours().serve_grpc();
    let report = seen_as(&format!("grpc://localhost:{port}"), &OURS.with_ca());
    assert_eq!(ids(&report), ["live-tls-unexpected"]);
    assert_eq!(report.reached, Some(false));
}

#[test]
fn a_server_of_tls_1_2_alone_is_good_enough() {
    let tls = Tls {
        versions: TLS_1_2,
        ..Tls::ours()
    };
    let report = seen(tls.serve_grpc(), &OURS.with_ca());
    assert_eq!((ids(&report), report.reached), (vec![], Some(true)));
    assert_eq!(json!(report)["tls_versions"], json!(["1.2"]));
}

#[test]
fn a_server_without_alpn_or_with_another_protocol_is_no_grpc_server() {
    for protocols in [&[][..], &["http/1.1"]] {
        let tls = Tls {
            protocols,
            ..Tls::ours()
        };
        let report = seen(tls.serve_grpc(), &OURS.with_ca());
        assert_eq!(ids(&report), ["live-alpn"], "{protocols:?}");
        assert_eq!(report.reached, Some(false));
        assert_eq!(report.certificates.len(), 1);
    }
}

#[test]
fn a_finished_handshake_without_settings_proves_nothing() {
    let closes = Tls::ours().serve(drop);
    let report = seen(closes, &OURS.with_ca());
    assert_eq!(ids(&report), ["live-closed"]);
    let keeps_quiet = Tls::ours().serve(wait);
    let report = seen_shortly(keeps_quiet, &OURS.with_ca());
    assert_eq!(ids(&report), ["live-no-settings"]);
    assert_eq!(report.reached, Some(false));
    let goes_away = Tls::ours().serve(|mut stream| {
        let frame = b"\0\0\x0e\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b\x1b[31mx";
        let _ = stream.write_all(&[SETTINGS, frame].concat());
        let _ = stream.flush();
        wait(stream);
    });
    let report = seen(goes_away, &OURS.with_ca());
    assert_eq!(ids(&report), ["live-closed"]);
    assert_eq!(json!(report)["http2_end"], "go_away");
    assert!(!report.to_string().contains('\u{1b}'));
}

#[test]
fn a_loopback_server_is_seen_with_all_its_connections_in_150_ms() {
    let port = Tls::ours().requiring(&OURS).serve_grpc();
    let took = (0..10).map(|_| {
        let started = Instant::now();
        let report = seen(port, &OURS.with_client());
        assert_eq!(report.connections, 12);
        started.elapsed()
    });
    // The best of some: other tests run at the same time.
    assert!(took.min().unwrap() < Duration::from_millis(150));
}

#[test]
fn an_ipv6_address_is_dialled_in_brackets() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let config = Tls::ours().config();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            accept(&config, stream, &|stream| speak_http2(stream));
        }
    });
    let report = seen_as(&format!("grpcs://[::1]:{port}"), &OURS.with_ca());
    assert_eq!((ids(&report), report.reached), (vec![], Some(true)));
}

#[test]
fn an_https_server_tells_its_time() {
    let tls = Tls {
        protocols: &["http/1.1"],
        ..Tls::ours()
    };
    let port = tls.serve(|mut stream| {
        let mut octets = [0; 1024];
        let _ = stream.read(&mut octets);
        let head = "HTTP/1.1 200 OK\r\nDate: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.flush();
    });
    let report = seen_as(&format!("https://localhost:{port}"), &OURS.with_ca());
    assert_eq!(
        (ids(&report), report.reached),
        (vec!["live-clock"], Some(true))
    );
    assert!(report.clock_difference_seconds > Some(0));
}

/// A port that was free a moment ago.
fn unused_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
