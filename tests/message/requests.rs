//! Signed HTTP requests.

use super::*;

const REQUEST: &str = "POST /pay?a=1 HTTP/1.1\r\nHost: Example.org\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
const SIGN: [&str; 6] = [
    "message",
    "sign-request",
    "--cert",
    "alice.crt",
    "--key",
    "alice.key",
];
const VERIFY: [&str; 4] = ["message", "verify-request", "--ca", "ca.crt"];

fn signed(more: &[&str], request: &str) -> String {
    let arguments = [&SIGN, more].concat();
    String::from_utf8(AGENTS.succeed(&arguments, request.as_bytes())).unwrap()
}

fn reason(more: &[&str], request: &str) -> String {
    AGENTS.denied(&[&VERIFY, more].concat(), request.as_bytes())
}

#[test]
fn a_signed_request_is_the_request_with_four_more_fields() {
    let signed = signed(&["--tag", "app"], REQUEST);
    let (head, body) = REQUEST.split_once("\r\n\r\n").unwrap();
    assert!(signed.starts_with(head) && signed.ends_with(&format!("\r\n\r\n{body}")));
    let verified = AGENTS.succeed(&VERIFY, signed.as_bytes());
    let verified: Value = serde_json::from_slice(&verified).unwrap();
    assert_eq!(verified["subject"], "alice");
    assert_eq!(verified["alg"], "ecdsa-p256-sha256");
    let covered = [
        "@method",
        "@target-uri",
        "@authority",
        "content-digest",
        "content-type",
        "agent-certificate",
    ];
    assert_eq!(verified["components"], json!(covered));
    let lines = REQUEST.replace("\r\n", "\n");
    assert!(
        AGENTS
            .run(&VERIFY, self::signed(&[], &lines).as_bytes())
            .status
            .success()
    );
}

#[test]
fn what_is_covered_cannot_be_changed() {
    let signed = signed(&[], REQUEST);
    for (from, to, expected) in [
        ("POST", "PUT", "bad_signature"),
        ("/pay", "/pai", "bad_signature"),
        ("Example.org", "Example.com", "bad_signature"),
        ("text/plain", "text/html", "bad_signature"),
        ("hello", "hallo", "bad_signature"),
        ("sha-256=:", "sha-256=:AAAA", "malformed"),
        ("nonce=\"", "nonce=\"x", "bad_signature"),
        ("Content-Length: 5", "Content-Length: 4", "malformed"),
        (
            "Content-Length: 5",
            "Content-Length: 5\r\nContent-Length: 5",
            "malformed",
        ),
        ("Content-Length: 5", "Content-Length: +5", "malformed"),
        (
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
            "malformed",
        ),
        ("Host:", "Host: a\r\nHost:", "malformed"),
        ("Content-Type: text", "Content-Type:\r\n text", "malformed"),
        ("(\"@method\" ", "(\"@method\";req ", "malformed"),
        ("(\"@method\" ", "(\"@method\" \"@method\" ", "malformed"),
        ("(\"@method\" ", "(", "malformed"),
        (" \"content-digest\"", "", "malformed"),
        (" \"agent-certificate\"", "", "malformed"),
        ("Signature: sig1", "Signature: sig2", "malformed"),
        ("HTTP/1.1", "HTTP/1.0", "malformed"),
    ] {
        let changed = signed.replacen(from, to, 1);
        assert_ne!(changed, signed, "{from}");
        let reason = reason(&[], &changed);
        // A digest of the wrong length is no digest, and none of the body.
        let is_expected =
            reason == expected || (from.starts_with("sha") && reason == "bad_signature");
        assert!(is_expected, "{from} -> {to}: {reason}");
    }
}

#[test]
fn a_request_has_its_time_and_is_accepted_once() {
    let scene = Scene::new();
    let database = scene.path("nonces.db");
    let replay = ["--replay-db", database.to_str().unwrap()];
    let signed = signed(&["--ttl", "2h"], REQUEST);
    assert_eq!(reason(&[], &signed), "lifetime_too_long");
    let verify = [&VERIFY[..], &replay, &["--max-lifetime", "3h"]].concat();
    AGENTS.succeed(&verify, signed.as_bytes());
    assert_eq!(AGENTS.denied(&verify, signed.as_bytes()), "replayed");
    let created: Vec<&str> = signed.split("created=").collect();
    let old = format!("{}created=1000000000{}", created[0], &created[1][10..]);
    assert_eq!(reason(&[], &old), "bad_signature");
}

#[test]
fn a_shared_key_signs_requests_too() {
    let scene = Scene::new();
    scene.succeed(&["message", "key", "a.key"], b"");
    scene.succeed(&["message", "key", "b.key"], b"");
    let key = ["--shared-key", "a.key", "--keyid", "team"];
    let signed = scene.succeed(
        &[&["message", "sign-request"], &key[..]].concat(),
        REQUEST.as_bytes(),
    );
    let verify = ["message", "verify-request"];
    scene.succeed(&[&verify, &key[..]].concat(), &signed);
    for key in [
        ["--shared-key", "b.key", "--keyid", "team"],
        ["--shared-key", "a.key", "--keyid", "shared"],
    ] {
        assert_eq!(
            scene.denied(&[&verify, &key[..]].concat(), &signed),
            "bad_signature"
        );
    }
    scene.write("long.key", [7; 128]);
    scene.write("longer.key", [7; 129]);
    let sign = |key| {
        scene.run(
            &["message", "sign-request", "--shared-key", key],
            REQUEST.as_bytes(),
        )
    };
    assert!(sign("long.key").status.success());
    assert_eq!(sign("longer.key").status.code(), Some(2));
}

#[test]
fn a_pinned_certificate_need_not_be_in_the_request() {
    let signed = signed(&["--keyid", "mine"], REQUEST);
    assert_eq!(reason(&[], &signed), "malformed");
    AGENTS.succeed(
        &[&VERIFY[..], &["--cert", "alice.crt"]].concat(),
        signed.as_bytes(),
    );
    assert_eq!(reason(&["--cert", "bob.crt"], &signed), "bad_signature");
}

#[test]
fn what_is_not_a_request_is_not_signed() {
    for (more, request) in [
        (&[][..], "hello"),
        (&[], "GET / HTTP/1.1\r\n\r\n"),
        (&[], "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"),
        (&[], "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (&["--components", "date"], REQUEST),
        (&["--label", "A B"], REQUEST),
    ] {
        let output = AGENTS.run(&[&SIGN, more].concat(), request.as_bytes());
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{request}"
        );
    }
    let twice = signed(&["--label", "second", "--components", "@method"], REQUEST);
    assert!(twice.contains("second=(\"@method\" \"content-digest\" \"agent-certificate\")"));
    let output = AGENTS.run(&SIGN, twice.as_bytes());
    assert_eq!(output.status.code(), Some(2));
}
