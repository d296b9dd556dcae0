use super::*;

fn files() -> TlsFiles {
    TlsFiles {
        cert_file: "certs/server.crt".into(),
        key_file: "certs/server.key".into(),
        ca_file: Some("certs/ca.crt".into()),
    }
}

/// The text with the block; a second edit does not change it.
fn edited(text: &str) -> String {
    let once =
        with_tls(text.as_bytes(), &files()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(once.changed, "{text}");
    let twice = with_tls(once.text.as_bytes(), &files()).unwrap();
    assert!(!twice.changed && twice.text == once.text, "{}", once.text);
    once.text
}

#[test]
fn a_block_is_added_behind_the_port_and_all_else_stays() {
    let text = "# top\nnetwork:\n  name: N # the name\n  transports:\n    - type: grpc\n      config:\n        # where\n        host: 0.0.0.0\n        port: 8600   # gRPC\n        compression: gzip\n    - type: http\n";
    let expected = "# top\nnetwork:\n  name: N # the name\n  transports:\n    - type: grpc\n      config:\n        # where\n        host: 0.0.0.0\n        port: 8600   # gRPC\n        tls:\n          enabled: true\n          cert_file: \"certs/server.crt\"\n          key_file: \"certs/server.key\"\n          ca_file: \"certs/ca.crt\"\n          require_client_cert: true\n        compression: gzip\n    - type: http\n";
    assert_eq!(edited(text), expected);
}

#[test]
fn line_ends_and_a_missing_last_one_are_kept() {
    let text = "network:\r\n  name: N\r\n  transports:\r\n  - type: grpc\r\n    config:\r\n      port: 8600";
    let after = edited(text);
    assert!(after.ends_with("      port: 8600\r\n      tls:\r\n        enabled: true\r\n        cert_file: \"certs/server.crt\"\r\n        key_file: \"certs/server.key\"\r\n        ca_file: \"certs/ca.crt\"\r\n        require_client_cert: true"), "{after:?}");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
}

#[test]
fn flow_mappings_and_lists_are_handled() {
    for text in [
        "network: {name: N, transports: [{type: grpc, config: {port: 8600}}]}\n",
        "network: {name: N, transports: [{type: grpc, config: {}}]}\n",
        "network: {name: N, transports: [{type: grpc}]}\n",
        "network: {name: N, transports: []}\n",
        "network: {name: N}\n",
        "network:\n  name: N\n  transports:\n  - {type: grpc, config: {host: 127.0.0.1, # x\n      port: 8600, }}\n",
    ] {
        edited(text);
    }
}

#[test]
fn missing_parts_are_added() {
    for text in [
        "network:\n  name: N\n",
        "network:\n    # nothing yet\n    name: N",
        "network:\n  name: N\n  transports:\n  - type: grpc\n",
        "network:\n  name: N\n  transports:\n    - config:\n        port: 8600\n      type: grpc # x\n",
        "network:\n  name: N\n  transports:\n    - type: http\n      config: {port: 8700}\n",
        "network:\n  name: N\n  transports:\n  - type: grpc\n    config:\n",
        "network:\n  name: N\n  transports:\n  - type: grpc\n    config: null # none\n",
        "network:\n  name: N\n  transport: grpc\n  transport_config:\n    port: 8600\n",
        "network:\n  name: N\n  transport: grpc\n",
        "\u{feff}network:\n  name: N\n  transports:\n  - type: grpc\n    config:\n      max: 1\n",
    ] {
        edited(text);
    }
}

#[test]
fn blocks_that_are_not_effective_are_corrected() {
    let around = |tls: &str| {
        format!(
            "network:\n  name: N\n  transports:\n  - type: grpc\n    config:\n      port: 8600\n      {tls}\n      max: 1 # kept\n"
        )
    };
    for tls in [
        "tls: true # soon",
        "tls:",
        "tls: ~",
        "tls: 'on'",
        "tls: [{enabled: true}]",
        "tls:\n      - enabled: true\n        cert_file: x",
        "tls: {}",
        "tls: {enabled: false}",
        "tls: {cert_file: certs/server.crt}",
        "tls:\n        enabled: no # not yet\n        cert_file: certs/server.crt # mine",
        "tls:\n        cert_file: certs/server.crt\n        key_file: certs/server.key",
        "tls:\n        enabled: true",
        "tls:\n        enabled:\n        key_file: ''",
    ] {
        let after = edited(&around(tls));
        assert!(after.contains("max: 1 # kept"), "{after}");
        for comment in tls.split('#').skip(1) {
            let comment = comment.lines().next().unwrap_or_default();
            assert!(
                after.contains(comment) || tls.starts_with("tls: true"),
                "{after}"
            );
        }
    }
}

#[test]
fn effective_and_shared_blocks_are_refused() {
    let text = "network:\n  name: N\n  transports:\n  - type: grpc\n    config:\n      tls: {enabled: true, cert_file: a, key_file: b}\n";
    let error = with_tls(text.as_bytes(), &files()).unwrap_err();
    assert_eq!(error, EditError::Effective { line: 6 });
    let text =
        "x: &c {port: 8600}\nnetwork:\n  name: N\n  transports:\n  - type: grpc\n    config: *c\n";
    let error = with_tls(text.as_bytes(), &files()).unwrap_err();
    assert_eq!(error, EditError::Alias { line: 6 });
}

#[test]
fn paths_with_anything_in_them_are_read_back() {
    let files = TlsFiles {
        cert_file: "a \"b\" \\ ü: #{}.crt".into(),
        key_file: "~/k\t.key".into(),
        ca_file: None,
    };
    let text = "network:\n  name: N\n  transports:\n  - type: grpc\n    config: {port: 8600}\n";
    let once = with_tls(text.as_bytes(), &files).unwrap();
    assert!(!with_tls(once.text.as_bytes(), &files).unwrap().changed);
}

#[test]
fn a_diff_shows_the_change_and_three_lines_around_it() {
    let before = "a\nb\nc\nd\ne\nf\ng\n";
    let after = "a\nb\nc\nd\nx\ny\ne\nf\ng\n";
    let diff = "@@ -2,6 +2,8 @@\n b\n c\n d\n+x\n+y\n e\n f\n g\n";
    assert_eq!(unified_diff(before, after), diff);
}
