//! The commands as scripts use them: streams, replay, traces, shared keys, exit codes.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;

use super::*;

const SIGN: [&str; 10] = [
    "message",
    "sign",
    "--cert",
    "alice.crt",
    "--key",
    "alice.key",
    "--audience",
    "bob",
    "--scope",
    "read",
];
const SEAL: [&str; 12] = [
    "message",
    "seal",
    "--cert",
    "alice.crt",
    "--key",
    "alice.key",
    "--audience",
    "bob",
    "--scope",
    "read",
    "--to",
    "bob.message.crt",
];
const VERIFY: [&str; 8] = [
    "message",
    "verify",
    "--ca",
    "ca.crt",
    "--audience",
    "bob",
    "--scope",
    "read",
];
const OPEN: [&str; 12] = [
    "message",
    "open",
    "--ca",
    "ca.crt",
    "--audience",
    "bob",
    "--scope",
    "read",
    "--cert",
    "bob.message.crt",
    "--key",
    "bob.message.key",
];

fn with<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [command, more].concat()
}

fn mode(path: &PathBuf) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn open_prints_exactly_what_was_sealed() {
    for payload in [&b"{\"a\" : 1}\n\n"[..], b"", &[0xff, 0, 10]] {
        let message = AGENTS.succeed(&SEAL, payload);
        assert_eq!(AGENTS.succeed(&OPEN, &message), payload);
        let claims: Value = serde_json::from_slice(&AGENTS.succeed(&VERIFY, &message)).unwrap();
        assert!(claims["encryptedPayload"].is_string());
    }
    let plain = AGENTS.succeed(&SIGN, b"hello");
    assert_eq!(AGENTS.denied(&OPEN, &plain), "malformed");
}

#[test]
fn each_line_is_answered_in_order_and_a_bad_one_does_not_stop_the_rest() {
    let payloads = b"{\"payload\": {\"a\": 1.0}}\nnot JSON\n{\"payloadText\":\"x\",\"traceId\":\"t\",\"idempotencyKey\":\"i\"}\n{\"payloadBase64\":\"/w==\"}\n{}";
    let output = AGENTS.run(&with(&SEAL, &["--lines"]), payloads);
    assert_eq!(output.status.code(), Some(2));
    let sealed: Vec<Value> = lines(&output.stdout);
    let kinds: Vec<bool> = sealed
        .iter()
        .map(|line| line["error"].is_object())
        .collect();
    assert_eq!(kinds, [false, true, false, false, true]);
    let mut input = String::new();
    for line in &sealed {
        input += &line.to_string();
        input.push('\n');
    }
    let output = AGENTS.run(&with(&OPEN, &["--lines"]), input.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let opened = lines(&output.stdout);
    assert_eq!(opened.len(), 5);
    assert_eq!(
        (&opened[0]["decision"], &opened[0]["payload"]["a"]),
        (&json!("allow"), &json!(1.0))
    );
    assert_eq!(
        opened[1],
        json!({"decision": "deny", "reason": "malformed"})
    );
    assert_eq!(
        (&opened[2]["payloadText"], &opened[2]["traceId"]),
        (&json!("x"), &json!("t"))
    );
    assert_eq!(
        (&opened[3]["payloadBase64"], &opened[3]["subject"]),
        (&json!("/w=="), &json!("alice"))
    );
    assert_eq!(opened[0]["messageId"], sealed[0]["messageId"]);
    let verified = AGENTS.run(&with(&VERIFY, &["--lines"]), input.as_bytes());
    assert_eq!(
        lines(&verified.stdout)[0]["claims"]["messageId"],
        sealed[0]["messageId"]
    );
}

#[test]
fn a_message_is_accepted_once_by_any_number_of_processes() {
    let scene = Scene::new();
    let database = scene.path("seen.db");
    let replay = with(&OPEN, &["--replay-db", database.to_str().unwrap()]);
    let message = AGENTS.succeed(&SEAL, b"once");
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut child = AGENTS.command(&replay).spawn().unwrap();
            child.stdin.take().unwrap().write_all(&message).unwrap();
            child
        })
        .collect();
    let outputs = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap());
    let mut printed: Vec<_> = outputs.map(|output| output.stdout).collect();
    printed.sort();
    assert_eq!(printed.pop().unwrap(), b"once");
    assert!(printed.iter().all(Vec::is_empty));
    assert_eq!(AGENTS.denied(&replay, &message), "replayed");
    assert_eq!(mode(&database), 0o600);

    let again = |key| AGENTS.succeed(&with(&SEAL, &["--idempotency-key", key]), b"x");
    AGENTS.succeed(&replay, &again("k1"));
    assert_eq!(AGENTS.denied(&replay, &again("k1")), "replayed");
    AGENTS.succeed(&replay, &again("k2"));
}

#[test]
fn a_denied_message_uses_nothing_up() {
    let scene = Scene::new();
    let database = scene.path("seen.db");
    let replay = ["--replay-db", database.to_str().unwrap()];
    let message = AGENTS.succeed(&SEAL, b"x");
    let other = [
        "message",
        "verify",
        "--ca",
        "ca.crt",
        "--audience",
        "carol",
        "--scope",
        "read",
    ];
    assert_eq!(
        AGENTS.denied(&with(&other, &replay), &message),
        "wrong_audience"
    );
    let mut alice = with(&OPEN, &replay);
    alice[9] = "alice.message.crt";
    alice[11] = "alice.message.key";
    assert_eq!(AGENTS.denied(&alice, &message), "not_a_recipient");
    let full = with(&with(&OPEN, &replay), &["--trace", "/dev/full"]);
    let output = AGENTS.run(&full, &message);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    AGENTS.succeed(&with(&OPEN, &replay), &message);
}

#[test]
fn whatever_was_answered_before_a_kill_is_recorded() {
    let scene = Scene::new();
    let database = scene.path("seen.db");
    let arguments = with(
        &VERIFY,
        &["--lines", "--replay-db", database.to_str().unwrap()],
    );
    let payloads = "{\"payloadText\":\"x\"}\n".repeat(40);
    let messages = AGENTS.succeed(&with(&SIGN, &["--lines"]), payloads.as_bytes());
    let mut child = AGENTS.command(&arguments).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(&messages).unwrap();
    let answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let answered = answers
        .take(10)
        .filter(|line| line.as_ref().unwrap().contains("allow"))
        .count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answered, 10);
    let output = AGENTS.run(&arguments, &messages);
    let answers = lines(&output.stdout);
    assert!(
        answers[..10]
            .iter()
            .all(|answer| answer["reason"] == "replayed")
    );
    let allowed = answers
        .iter()
        .filter(|answer| answer["decision"] == "allow");
    let replayed = answers
        .iter()
        .filter(|answer| answer["reason"] == "replayed");
    assert_eq!(allowed.count() + replayed.count(), 40);
}

#[test]
fn nothing_is_printed_when_the_database_cannot_be_used() {
    let scene = Scene::new();
    let message = AGENTS.succeed(&SIGN, b"x");
    let locked = scene.path("locked.db");
    let replay = |path: &PathBuf| {
        let path = path.to_str().unwrap();
        AGENTS.run(&with(&VERIFY, &["--replay-db", path]), &message)
    };
    assert!(replay(&locked).status.success());
    let connection = rusqlite::Connection::open(&locked).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let directory = scene.path("directory");
    std::fs::create_dir(&directory).unwrap();
    let damaged = scene.write("damaged.db", [0x55; 8192]);
    let empty = scene.write("empty.db", "");
    let missing = scene.path("missing/seen.db");
    for path in [locked, directory, damaged, empty, missing] {
        let output = replay(&path);
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_trace_has_the_events_of_the_contract_and_no_payload() {
    let scene = Scene::new();
    let path = scene.path("trace.jsonl");
    let trace = ["--trace", path.to_str().unwrap()];
    let message = AGENTS.succeed(&with(&SEAL, &["--trace-id", "t1"]), b"secret");
    AGENTS.succeed(&with(&OPEN, &trace), &message);
    let events = |path: &PathBuf| {
        let events = lines(&std::fs::read(path).unwrap()).into_iter();
        let told = events.map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
            ["event", "traceId", "decision", "reason"]
                .map(text)
                .join(" ")
        });
        std::fs::remove_file(path).unwrap();
        told.collect::<Vec<_>>()
    };
    assert_eq!(mode(&path), 0o600);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("secret"));
    let allowed = [
        "secure_message_received t1 - -",
        "authorization_decision t1 allow authorized",
        "payload_decrypted_after_authorization t1 allow authorized",
    ];
    assert_eq!(events(&path), allowed);
    let mut other = with(&OPEN, &trace);
    other[5] = "carol";
    AGENTS.denied(&other, &message);
    let denied = [
        "secure_message_received t1 - -",
        "authorization_decision t1 deny wrong_audience",
        "message_denied t1 deny wrong_audience",
    ];
    assert_eq!(events(&path), denied);
    AGENTS.denied(&with(&OPEN, &trace), b"x.y.z");
    assert_eq!(events(&path), ["message_denied - deny malformed"]);
}

#[test]
fn a_shared_key_opens_what_it_sealed() {
    let scene = Scene::new();
    for name in ["a.key", "b.key"] {
        scene.succeed(&["message", "key", name], b"");
        assert_eq!(mode(&scene.path(name)), 0o600);
    }
    assert_eq!(
        scene.run(&["message", "key", "a.key"], b"").status.code(),
        Some(2)
    );
    let seal = ["message", "seal-shared", "--shared-key", "a.key"];
    let open = ["message", "open-shared", "--shared-key", "a.key"];
    let (plain, bound) = (
        scene.succeed(&seal, b"x"),
        scene.succeed(&with(&seal, &["--aad", "v1"]), b"x"),
    );
    assert_eq!(scene.succeed(&open, &plain), b"x");
    assert_eq!(scene.succeed(&with(&open, &["--aad", "v1"]), &bound), b"x");
    assert_eq!(scene.denied(&open, &bound), "bad_signature");
    assert_eq!(
        scene.denied(&with(&open, &["--aad", "v2"]), &bound),
        "bad_signature"
    );
    assert_eq!(
        scene.denied(&with(&open, &["--aad", "v1"]), &plain),
        "bad_signature"
    );
    assert_eq!(
        scene.denied(&["message", "open-shared", "--shared-key", "b.key"], &plain),
        "bad_signature"
    );
    let mut extended: Value = serde_json::from_slice(&bound).unwrap();
    extended["header"] = json!({});
    let extended = extended.to_string();
    assert_eq!(
        scene.denied(&with(&open, &["--aad", "v1"]), extended.as_bytes()),
        "malformed"
    );
    assert_eq!(scene.denied(&open, b"a.b.c"), "malformed");
    scene.write("short.key", [1; 31]);
    let short = scene.run(
        &["message", "seal-shared", "--shared-key", "short.key"],
        b"x",
    );
    assert_eq!(short.status.code(), Some(2));
    let sealed = scene.succeed(
        &with(&with(&seal, &["--aad", "v1"]), &["--lines"]),
        b"{\"payload\":[1, 2]}\n",
    );
    let opened = scene.succeed(&with(&with(&open, &["--aad", "v1"]), &["--lines"]), &sealed);
    assert_eq!(lines(&opened)[0]["payload"], json!([1, 2]));
}

#[test]
fn what_cannot_be_sent_is_an_error_with_a_hint() {
    let cases = [
        (with(&SIGN, &["--scope", "read"]), "a scope is given twice"),
        (
            with(&SIGN, &["--alg", "ES384"]),
            "ES384 does not fit an EC P-256 key",
        ),
        (with(&SIGN, &["--alg", "none"]), "expected ES256"),
        (with(&SIGN, &["--trace-id", ""]), "the trace id is empty"),
        (
            with(&SEAL, &["--to", "bob.crt"]),
            "does not permit keyAgreement",
        ),
        (
            with(&SEAL, &["--to", "bob.message.crt"]),
            "the same recipient is given twice",
        ),
        (with(&SIGN, &["--max-size", "3"]), "is larger than"),
        (with(&VERIFY, &["--policy", "ca.crt"]), "not a policy"),
    ];
    for (arguments, expected) in cases {
        let output = AGENTS.run(&arguments, b"hello");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{errors}"
        );
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
}

#[test]
fn a_key_set_has_the_certificates_of_a_directory_but_no_cas() {
    for arguments in [
        &["message", "jwks", "."][..],
        &["jwks"],
        &["message", "jwks", "-C", "."],
    ] {
        let set: Value = serde_json::from_slice(&AGENTS.succeed(arguments, b"")).unwrap();
        let keys = set["keys"].as_array().unwrap();
        let uses: Vec<_> = keys
            .iter()
            .map(|key| key["use"].as_str().unwrap())
            .collect();
        assert_eq!(uses, ["sig", "enc", "sig", "enc", "sig"]);
        assert!(
            keys.iter()
                .all(|key| key["kid"] == key["x5t#S256"] && key["x5c"][0].is_string())
        );
    }
}

fn lines(text: &[u8]) -> Vec<Value> {
    let lines = std::str::from_utf8(text).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
