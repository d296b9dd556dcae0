//! Which clients a server takes.

use serde_json::json;

use super::pki::{OURS, THEIRS};
use super::server::{BOTH_VERSIONS, TLS_1_2, Tls};
use super::{ids, seen};

#[test]
fn a_server_that_asks_for_none_takes_everyone() {
    let port = Tls::ours().serve_grpc();
    let report = seen(port, &OURS.with_ca());
    assert_eq!(ids(&report), [""; 0]);
    let live = json!(report);
    assert_eq!(live["serves"], "tls");
    assert_eq!(live["client_certificate"], "not_asked");
    assert_eq!(live["alpn"], "h2");
    assert_eq!(live["tls_versions"], json!(["1.2", "1.3"]));
    assert_eq!(live["http2_settings"], true);
    assert_eq!(live["reached"], true);
    assert_eq!(live["connections"], 12);

    let report = seen(port, &OURS.with_client());
    assert_eq!(ids(&report), ["live-client-certificate-unasked"]);
}

#[test]
fn a_server_that_requires_one_refuses_none_and_a_strangers() {
    for versions in [BOTH_VERSIONS, TLS_1_2] {
        let tls = Tls {
            versions,
            ..Tls::ours()
        };
        let port = tls.requiring(&OURS).serve_grpc();
        let live = json!(seen(port, &OURS.with_client()));
        assert_eq!(live["serves"], "mtls");
        assert_eq!(live["client_certificate"], "required");
        assert_eq!(live["ours_taken"], true);
        assert_eq!(live["none_refused"], true);
        assert_eq!(live["foreign_refused"], true);
        assert_eq!(live["reached"], true);
        let names = live["client_ca_names"].as_array().unwrap();
        assert!(names[0].as_str().unwrap().starts_with("CN=OpenAgents CA"));

        let report = seen(port, &OURS.with_ca());
        assert_eq!(ids(&report), ["live-client-certificate-required"]);
        assert_eq!(report.reached, Some(false));
        assert_eq!(json!(report)["serves"], "mtls");
    }
}

#[test]
fn a_server_of_another_ca_refuses_ours() {
    let port = Tls::ours().requiring(&THEIRS).serve_grpc();
    let report = seen(port, &OURS.with_client());
    assert_eq!(ids(&report), ["live-client-certificate-refused"]);
    assert_eq!(
        (report.ours_taken, report.reached),
        (Some(false), Some(false))
    );
}

#[test]
fn a_server_that_asks_and_takes_clients_without_is_found() {
    let port = Tls::ours().asking(&OURS).serve_grpc();
    let report = seen(port, &OURS.with_client());
    assert_eq!(ids(&report), ["live-client-certificate-optional"]);
    let live = json!(report);
    assert_eq!(live["client_certificate"], "asked");
    assert_eq!(live["foreign_refused"], true);
}

#[test]
fn a_server_that_takes_a_strangers_certificate_is_found() {
    let port = Tls::ours().credulous().serve_grpc();
    let report = seen(port, &OURS.with_client());
    assert!(ids(&report).contains(&"live-stranger-taken"));
    assert_eq!(report.foreign_refused, Some(false));
}
