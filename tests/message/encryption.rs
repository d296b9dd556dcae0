//! Sealed messages: who can open them, and what is refused before and while they are.

use openagents_certs::message::{Reason, Recipient};
use openagents_certs::ops::message::recipients;

use super::*;

/// Pairs of each kind of key, under the CA of the agents' scene.
static RECEIVERS: LazyLock<Scene> = LazyLock::new(|| {
    let scene = Scene::new();
    scene.succeed(&["generate", "-q", "-o", "."], b"");
    for key_type in KEY_TYPES {
        scene.succeed(
            &["issue", "message", key_type, "--key-type", key_type, "-q"],
            b"",
        );
    }
    scene
});

const KEY_TYPES: [&str; 4] = ["p256", "p384", "x25519", "rsa-2048"];

fn recipient(name: &str) -> Recipient {
    let path = RECEIVERS.path(&format!("{name}.message.crt"));
    recipients(&[path], OffsetDateTime::now_utc())
        .unwrap()
        .remove(0)
}

fn sealed(to: &[&str], payload: &[u8]) -> String {
    let recipients: Vec<_> = to.iter().map(|name| recipient(name)).collect();
    let payload = payload.to_vec().into();
    let now = OffsetDateTime::now_utc();
    AGENTS
        .sender("alice")
        .seal(&draft(), payload, &recipients, now)
        .unwrap()
        .text
}

fn open(message: &str, name: &str) -> Result<Vec<u8>, Reason> {
    let key = RECEIVERS.opening_key(&format!("{name}.message"));
    let now = OffsetDateTime::now_utc();
    match receive(&mut AGENTS.receiver(), message, Some(&key), now) {
        Ok(accepted) => Ok(accepted.plaintext.unwrap().to_vec()),
        Err(denial) => Err(denial.reason),
    }
}

#[test]
fn each_recipient_reads_exactly_what_was_sealed() {
    for payload in [&b""[..], b"{\"a\" : 1}\n", &[0, 0xff, 10]] {
        for key_type in KEY_TYPES {
            assert_eq!(
                open(&sealed(&[key_type], payload), key_type).unwrap(),
                payload
            );
        }
        let message = sealed(&KEY_TYPES, payload);
        for key_type in KEY_TYPES {
            assert_eq!(open(&message, key_type).unwrap(), payload, "{key_type}");
        }
    }
}

#[test]
fn others_cannot_open_it() {
    assert_eq!(
        open(&sealed(&["p256"], b"x"), "p384"),
        Err(Reason::NotARecipient)
    );
    let plain = forged(&header(), &envelope(OffsetDateTime::now_utc()).to_string());
    assert_eq!(open(&plain, "p256"), Err(Reason::Malformed));
}

#[test]
fn a_ciphertext_stays_in_its_envelope() {
    let stolen = sealed_payload(&sealed(&["p256"], b"secret"));
    for (pointer, value) in [
        ("/messageId", "m2"),
        ("/auth/audience", "bob"),
        ("/caller/subject", "alice"),
    ] {
        let mut envelope = envelope_around(stolen.clone());
        *envelope.pointer_mut(pointer).unwrap() = json!(value);
        let message = forged(&header(), &envelope.to_string());
        assert_eq!(open(&message, "p256"), Err(Reason::Malformed), "{pointer}");
    }
}

#[test]
fn a_jwe_has_the_members_it_needs_and_no_others() {
    let compact = sealed_payload(&sealed(&["p256"], b"secret"));
    let header = protected(compact.as_str().unwrap());
    let other = json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43)});
    let changes = [
        ("zip", json!("DEF")),
        ("crit", json!(["x"])),
        ("p2c", json!(1)),
        ("enc", json!("A128GCM")),
        ("alg", json!("dir")),
        ("alg", json!("PBES2-HS512+A256KW")),
        ("alg", json!("ECDH-ES")),
        ("epk", other),
        (
            "epk",
            json!({"kty": "OKP", "crv": "X25519", "x": "A".repeat(43)}),
        ),
        ("apu", json!("=")),
        ("subject", json!("bob")),
        ("kid", Value::Null),
    ];
    for (name, value) in changes {
        let mut changed = header.clone();
        changed[name] = value.clone();
        let jwe = with_protected(compact.as_str().unwrap(), &changed);
        let reason = open_jwe(json!(jwe)).unwrap_err();
        assert!(
            [Reason::Malformed, Reason::BadSignature].contains(&reason),
            "{name} {value}: {reason}"
        );
    }
    let mut private = header.clone();
    private["epk"]["d"] = json!("A".repeat(43));
    assert_eq!(
        open_jwe(json!(with_protected(compact.as_str().unwrap(), &private))),
        Err(Reason::Malformed)
    );
}

#[test]
fn a_jwe_for_several_has_a_header_for_each() {
    let general = sealed_payload(&sealed(&["p256", "x25519"], b"secret"));
    assert!(open_jwe(general.clone()).is_ok());
    let change = |edit: &dyn Fn(&mut Value)| {
        let mut changed = general.clone();
        edit(&mut changed);
        open_jwe(changed).unwrap_err()
    };
    let edits: [&dyn Fn(&mut Value); 7] = [
        &|jwe| jwe["unprotected"] = json!({}),
        &|jwe| jwe["aad"] = json!("eA"),
        &|jwe| jwe["recipients"] = json!([]),
        &|jwe| {
            jwe["recipients"][1]["header"]["kid"] = jwe["recipients"][0]["header"]["kid"].clone()
        },
        &|jwe| jwe["recipients"][0]["header"]["enc"] = json!("A256GCM"),
        &|jwe| jwe["recipients"][0]["encrypted_key"] = json!("AAAA"),
        &|jwe| *jwe = flattened(jwe),
    ];
    for edit in edits {
        assert_eq!(change(edit), Reason::Malformed);
    }
    let tag = |jwe: &mut Value| jwe["tag"] = json!("A".repeat(22));
    assert_eq!(change(&tag), Reason::BadSignature);
    // For one recipient the general form is read, too; its protected header cannot be changed, so it is of its own key.
    let one = sealed_payload(&sealed(&["p256"], b"secret"));
    let parts: Vec<&str> = one.as_str().unwrap().split('.').collect();
    let general = json!({
        "protected": parts[0], "recipients": [{"encrypted_key": parts[1]}],
        "iv": parts[2], "ciphertext": parts[3], "tag": parts[4]
    });
    assert_eq!(open_jwe_with(general, &one), Ok(b"secret".to_vec()));
}

#[test]
fn a_point_off_its_curve_or_of_low_order_is_refused() {
    for (key_type, epk) in [
        (
            "p256",
            json!({"kty": "EC", "crv": "P-256", "x": "B".repeat(43), "y": "B".repeat(43)}),
        ),
        (
            "p256",
            json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}),
        ),
        (
            "x25519",
            json!({"kty": "OKP", "crv": "X25519", "x": "A".repeat(43)}),
        ),
    ] {
        let compact = sealed_payload(&sealed(&[key_type], b"secret"));
        let mut header = protected(compact.as_str().unwrap());
        header["epk"] = epk;
        let jwe = json!(with_protected(compact.as_str().unwrap(), &header));
        let message = forged(&super::header(), &envelope_for(&header, jwe).to_string());
        let reason = open(&message, key_type).unwrap_err();
        assert!(
            [Reason::Malformed, Reason::BadSignature].contains(&reason),
            "{key_type}: {reason}"
        );
    }
}

#[test]
fn only_certificates_that_may_receive_are_sealed_to() {
    let (now, scene) = (OffsetDateTime::now_utc(), &AGENTS);
    for name in ["alice.crt", "bob.crt"] {
        let error = recipients(&[scene.path(name)], now).unwrap_err();
        assert!(error.hint().unwrap().contains("issue message NAME"));
    }
    let alice = scene.path("alice.message.crt");
    assert!(recipients(std::slice::from_ref(&alice), now + Duration::days(400)).is_err());
    let twice = recipients(&[alice.clone(), alice], now).unwrap();
    let sealed = scene
        .sender("alice")
        .seal(&draft(), b"x".to_vec().into(), &twice, now);
    assert!(sealed.is_err());
}

#[test]
fn content_keys_and_ivs_are_new_each_time() {
    let parts = |message: &str| {
        let jwe = sealed_payload(message);
        jwe.as_str()
            .unwrap()
            .split('.')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (one, other) = (
        parts(&sealed(&["p256"], b"same")),
        parts(&sealed(&["p256"], b"same")),
    );
    for place in 0..5 {
        assert_ne!(one[place], other[place]);
    }
}

/// The JWE of a message.
fn sealed_payload(message: &str) -> Value {
    let envelope = message.split('.').nth(1).unwrap();
    let envelope = Base64UrlUnpadded::decode_vec(envelope).unwrap();
    let envelope: Value = serde_json::from_slice(&envelope).unwrap();
    envelope["encryptedPayload"].clone()
}

fn protected(jwe: &str) -> Value {
    let header = Base64UrlUnpadded::decode_vec(jwe.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&header).unwrap()
}

fn with_protected(jwe: &str, header: &Value) -> String {
    let header = Base64UrlUnpadded::encode_string(header.to_string().as_bytes());
    format!("{header}.{}", jwe.split_once('.').unwrap().1)
}

fn envelope_around(jwe: Value) -> Value {
    let mut envelope = envelope(OffsetDateTime::now_utc());
    envelope.as_object_mut().unwrap().remove("payload");
    envelope["encryptedPayload"] = jwe;
    envelope
}

/// An envelope that a protected header is bound to.
fn envelope_for(header: &Value, jwe: Value) -> Value {
    let mut envelope = envelope_around(jwe);
    envelope["messageId"] = header["messageId"].clone();
    envelope
}

/// Opens a JWE in an envelope that fits it.
fn open_jwe(jwe: Value) -> Result<Vec<u8>, Reason> {
    let text = jwe
        .as_str()
        .or(jwe["protected"].as_str())
        .unwrap()
        .to_owned();
    open_jwe_with(jwe, &json!(text))
}

fn open_jwe_with(jwe: Value, bound: &Value) -> Result<Vec<u8>, Reason> {
    let header = protected(bound.as_str().unwrap());
    open(
        &forged(&header_of_alice(), &envelope_for(&header, jwe).to_string()),
        "p256",
    )
}

fn header_of_alice() -> Value {
    super::header()
}

fn flattened(jwe: &Value) -> Value {
    json!({
        "protected": jwe["protected"], "header": jwe["recipients"][0]["header"],
        "encrypted_key": jwe["recipients"][0]["encrypted_key"],
        "iv": jwe["iv"], "ciphertext": jwe["ciphertext"], "tag": jwe["tag"]
    })
}

#[test]
fn no_byte_of_a_jwe_can_be_changed_even_by_its_signer() {
    let compact = sealed_payload(&sealed(&["p256"], b"secret"));
    let text = compact.as_str().unwrap();
    let bound = envelope_for(&protected(text), Value::Null);
    for place in 0..text.len() {
        let mut changed = text.as_bytes().to_vec();
        changed[place] ^= 1;
        let mut envelope = bound.clone();
        envelope["encryptedPayload"] = json!(String::from_utf8(changed).unwrap());
        let message = forged(&header_of_alice(), &envelope.to_string());
        assert!(open(&message, "p256").is_err(), "byte {place}");
    }
}
