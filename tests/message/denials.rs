//! Each reason for which a message is denied, and which one counts where there are several.

use openagents_certs::message::{Payload, Policy, Reason};

use super::*;

#[test]
fn a_message_is_accepted_with_its_values_as_they_were_given() {
    let now = OffsetDateTime::now_utc();
    let payload = " {\"big\": 123456789012345678901234567890,\n \"one\": 1.0}";
    let message = AGENTS
        .sender("alice")
        .sign(&draft(), Payload::of(payload.as_bytes()), now)
        .unwrap();
    let accepted = receive(&mut AGENTS.receiver(), &message.text, None, now).unwrap();
    let line = accepted.claims_line();
    assert!(
        line.ends_with("\"payload\":{\"big\":123456789012345678901234567890,\"one\":1.0}}"),
        "{line}"
    );
    assert_eq!(accepted.claims.subject, "alice");
    for end in ["\n", "\r\n"] {
        assert!(
            receive(
                &mut AGENTS.receiver(),
                &(message.text.clone() + end),
                None,
                now
            )
            .is_ok()
        );
    }
}

#[test]
fn each_claim_that_is_wrong_has_its_reason() {
    let now = OffsetDateTime::now_utc();
    let later = |duration| json!(moment(now + duration));
    let cases = [
        ("/caller/subject", json!("bob"), "caller_mismatch"),
        ("/caller/subject", json!("ALICE"), "caller_mismatch"),
        ("/auth/audience", json!("Bob"), "wrong_audience"),
        ("/auth/scopes", json!(["readonly"]), "missing_scope"),
        ("/auth/scopes", json!([]), "missing_scope"),
        ("/auth/scopes", json!(["read", "read"]), "malformed"),
        ("/auth/scopes", json!(["read", ""]), "malformed"),
        ("/expiresAt", later(Duration::hours(2)), "lifetime_too_long"),
        ("/issuedAt", later(Duration::seconds(40)), "not_yet_valid"),
        ("/issuedAt", later(Duration::seconds(20)), "allowed"),
        ("/issuedAt", later(Duration::hours(2)), "malformed"),
        ("/issuedAt", json!("2026-11-28T10:00:00"), "malformed"),
        ("/traceId", json!(""), "missing_trace_or_idempotency"),
        ("/idempotencyKey", json!(""), "missing_trace_or_idempotency"),
        ("/traceId", json!(1), "malformed"),
        ("/traceId", Value::Null, "malformed"),
        ("/messageId", json!(""), "malformed"),
        ("/capability", json!("fly"), "malformed"),
        ("/caller/tenantId", json!(1), "malformed"),
        ("/auth/issuer", Value::Null, "malformed"),
        ("/payload", Value::Null, "allowed"),
    ];
    for (pointer, value, expected) in cases {
        let mut envelope = envelope(now);
        *envelope.pointer_mut(pointer).unwrap() = value.clone();
        let message = forged(&header(), &envelope.to_string());
        assert_eq!(
            reason(&mut AGENTS.receiver(), &message),
            expected,
            "{pointer} = {value}"
        );
    }
    let mut old = envelope(now);
    old["issuedAt"] = json!(moment(now - Duration::minutes(2)));
    old["expiresAt"] = json!(moment(now));
    assert_eq!(
        reason(&mut AGENTS.receiver(), &forged(&header(), &old.to_string())),
        "expired_message"
    );
}

#[test]
fn every_member_is_required_and_no_other_is_known() {
    let now = OffsetDateTime::now_utc();
    let names: Vec<String> = envelope(now).as_object().unwrap().keys().cloned().collect();
    for name in names {
        let mut envelope = envelope(now);
        envelope.as_object_mut().unwrap().remove(&name);
        let expected = match &*name {
            "traceId" | "idempotencyKey" => "missing_trace_or_idempotency",
            _ => "malformed",
        };
        let message = forged(&header(), &envelope.to_string());
        assert_eq!(reason(&mut AGENTS.receiver(), &message), expected, "{name}");
    }
    for (name, value) in [
        ("nbf", json!(1)),
        ("payloadText", json!("x")),
        ("payloadBase64", json!("eA==")),
    ] {
        let mut envelope = envelope(now);
        envelope[name] = value;
        let message = forged(&header(), &envelope.to_string());
        assert_eq!(
            reason(&mut AGENTS.receiver(), &message),
            "malformed",
            "{name}"
        );
    }
}

#[test]
fn an_envelope_is_strict_json() {
    let text = envelope(OffsetDateTime::now_utc()).to_string();
    let changes = [
        ("{\"n\":1}", "{\"n\":1,\"n\":2}"),
        ("{\"n\":1}", "[{\"a\":{},\"\\u0061\":1}]"),
        ("{\"n\":1}", "\"\\ud800\""),
        ("{\"n\":1}", "01"),
        ("\"capability\"", "\"messageId\":\"m2\",\"capability\""),
        ("\"payload\":{\"n\":1}", "\"payloadBase64\":\"eB==\""),
        ("\"payload\":{\"n\":1}", "\"payloadText\":{}"),
        ("}}", "}} {}"),
    ];
    for (from, to) in changes {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        let message = forged(&header(), &changed);
        assert_eq!(
            reason(&mut AGENTS.receiver(), &message),
            "malformed",
            "{to}"
        );
    }
}

#[test]
fn a_header_has_alg_typ_and_x5c_and_nothing_else() {
    let payload = envelope(OffsetDateTime::now_utc()).to_string();
    for name in [
        "kid", "jwk", "jku", "x5u", "crit", "b64", "zip", "cty", "x5t#S256",
    ] {
        let mut header = header();
        header[name] = json!("x");
        assert_eq!(
            reason(&mut AGENTS.receiver(), &forged(&header, &payload)),
            "malformed",
            "{name}"
        );
    }
    for name in ["alg", "typ", "x5c"] {
        let mut header = header();
        header.as_object_mut().unwrap().remove(name);
        assert_eq!(
            reason(&mut AGENTS.receiver(), &forged(&header, &payload)),
            "malformed",
            "{name}"
        );
    }
    for (alg, expected) in [
        ("none", "malformed"),
        ("HS256", "malformed"),
        ("es256", "malformed"),
        ("ES512", "malformed"),
        ("ES384", "bad_signature"),
        ("EdDSA", "bad_signature"),
        ("PS256", "bad_signature"),
        ("RS256", "bad_signature"),
    ] {
        let mut header = header();
        header["alg"] = json!(alg);
        assert_eq!(
            reason(&mut AGENTS.receiver(), &forged(&header, &payload)),
            expected,
            "{alg}"
        );
    }
    let alice = header()["x5c"][0].clone();
    for chain in [
        json!([]),
        json!("x"),
        json!(["eA=="]),
        json!(["!"]),
        json!(vec![alice; 11]),
    ] {
        let mut header = header();
        header["x5c"] = chain;
        assert_eq!(
            reason(&mut AGENTS.receiver(), &forged(&header, &payload)),
            "malformed"
        );
    }
}

#[test]
fn a_message_has_three_parts_of_canonical_base64url() {
    let valid = forged(&header(), &envelope(OffsetDateTime::now_utc()).to_string());
    let mut receiver = AGENTS.receiver();
    assert_eq!(reason(&mut receiver, &valid), "allowed");
    for message in [
        String::new(),
        valid.replace('.', ""),
        format!("{valid}."),
        format!("{valid}="),
        format!("{valid}\n\n"),
        format!(" {valid}"),
        format!("{valid} "),
        valid.replacen('.', "..", 1),
        "..".into(),
        valid.rsplit_once('.').unwrap().0.to_owned() + ".",
    ] {
        let reason = reason(&mut receiver, &message);
        assert!(
            ["malformed", "bad_signature"].contains(&reason),
            "{reason}: {message}"
        );
    }
}

#[test]
fn nothing_but_the_original_verifies() {
    let now = OffsetDateTime::now_utc();
    let message = AGENTS
        .sender("alice")
        .sign(&draft(), Payload::Text("hello"), now)
        .unwrap()
        .text;
    let mut receiver = AGENTS.receiver();
    assert!(receive(&mut receiver, &message, None, now).is_ok());
    for place in 0..message.len() {
        for change in [1, 2, 0x20, 0x80] {
            let mut changed = message.clone().into_bytes();
            changed[place] ^= change;
            let answer = receive(&mut receiver, &changed, None, now);
            assert!(answer.is_err(), "byte {place} changed by {change}");
        }
        let mut shorter = message.clone();
        shorter.remove(place);
        assert!(
            receive(&mut receiver, &shorter, None, now).is_err(),
            "without byte {place}"
        );
    }
}

#[test]
fn what_is_too_large_is_not_read() {
    let mut receiver = AGENTS.receiver_with(
        Expectations {
            max_size: 100,
            ..expectations()
        },
        &[],
    );
    assert_eq!(reason(&mut receiver, &"x".repeat(101)), "too_large");
    assert_eq!(reason(&mut receiver, &"x".repeat(100)), "malformed");
    let header = json!({ "alg": "x".repeat(70_000) });
    assert_eq!(
        reason(&mut AGENTS.receiver(), &forged(&header, "{}")),
        "too_large"
    );
}

#[test]
fn the_signers_certificate_is_judged_before_its_signature() {
    let now = OffsetDateTime::now_utc();
    let mut receiver = AGENTS.receiver();
    let mut reason_at = |message: &str, now| {
        receive(&mut receiver, message, None, now)
            .unwrap_err()
            .reason
    };
    let valid = forged(&header(), &envelope(now).to_string());
    let broken = valid.rsplit_once('.').unwrap().0.to_owned() + "." + &"A".repeat(86);
    assert_eq!(reason_at(&broken, now), Reason::BadSignature);
    assert_eq!(
        reason_at(&broken, now + Duration::days(1000)),
        Reason::ExpiredCertificate
    );
    assert_eq!(
        reason_at(&broken, now - Duration::days(1)),
        Reason::NotYetValid
    );

    let stranger = Scene::new();
    stranger.succeed(&["generate", "-q", "-o", ".", "--client", "alice"], b"");
    let message = stranger
        .sender("alice")
        .sign(&draft(), Payload::Text("x"), now)
        .unwrap()
        .text;
    assert_eq!(reason_at(&message, now), Reason::UntrustedSigner);

    // A CA, and a key that is for encryption.
    for name in ["ca.crt", "alice.message.crt"] {
        let mut header = header();
        header["x5c"] = json!([Base64::encode_string(&der(&AGENTS, name))]);
        let message = forged(&header, &envelope(now).to_string());
        assert_eq!(reason_at(&message, now), Reason::UntrustedSigner, "{name}");
    }
}

#[test]
fn revocation_is_looked_up_for_the_whole_path() {
    let scene = Scene::new();
    scene.succeed(&["generate", "-q", "-o", ".", "--client", "alice"], b"");
    let now = OffsetDateTime::now_utc();
    let message = scene
        .sender("alice")
        .sign(&draft(), Payload::Text("x"), now)
        .unwrap()
        .text;
    scene.succeed(&["crl"], b"");
    let list = scene.path("crl.pem");
    let with_list =
        |list: &PathBuf| scene.receiver_with(expectations(), std::slice::from_ref(list));
    assert!(receive(&mut with_list(&list), &message, None, now).is_ok());
    // Once trusted, a signer is judged again when the list is out of date.
    let mut receiver = with_list(&list);
    assert!(receive(&mut receiver, &message, None, now).is_ok());
    let stale = receive(&mut receiver, &message, None, now + Duration::days(60)).unwrap_err();
    assert_eq!(stale.reason, Reason::UntrustedSigner);
    AGENTS.succeed(
        &["crl", "--out", scene.path("other.pem").to_str().unwrap()],
        b"",
    );
    let other = receive(
        &mut with_list(&scene.path("other.pem")),
        &message,
        None,
        now,
    )
    .unwrap_err();
    assert_eq!(other.reason, Reason::UntrustedSigner);
    scene.succeed(&["revoke", "alice.crt"], b"");
    let revoked = receive(&mut with_list(&list), &message, None, now).unwrap_err();
    assert_eq!(revoked.reason, Reason::RevokedCertificate);
}

#[test]
fn of_several_reasons_the_first_in_the_order_counts() {
    let now = OffsetDateTime::now_utc();
    let order = [
        ("/caller/subject", json!("bob"), "caller_mismatch"),
        ("/auth/audience", json!("carol"), "wrong_audience"),
        ("/auth/scopes", json!(["x"]), "missing_scope"),
        (
            "/issuedAt",
            json!(moment(now + Duration::minutes(1) - Duration::seconds(1))),
            "not_yet_valid",
        ),
        ("/traceId", json!(""), "missing_trace_or_idempotency"),
        ("/caller/tenantId", json!("tenant_b"), "wrong_tenant"),
        ("/capability", json!("delegate"), "capability_not_allowed"),
    ];
    let policy = "[[allow]]\nsubject = \"*\"\ncapabilities = [\"read\"]";
    let expectations = Expectations {
        tenant: Some("tenant_a".into()),
        policy: Some(Policy::from_toml(policy).unwrap()),
        ..expectations()
    };
    for first in 0..order.len() {
        let mut envelope = envelope(now);
        for (pointer, value, _) in &order[first..] {
            *envelope.pointer_mut(pointer).unwrap() = value.clone();
        }
        let message = forged(&header(), &envelope.to_string());
        let mut receiver = AGENTS.receiver_with(expectations.clone(), &[]);
        assert_eq!(reason(&mut receiver, &message), order[first].2);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row per caller")]
fn a_policy_decides_by_the_first_rule_for_the_caller() {
    let policy = r#"
        max_lifetime = "5m"
        [[allow]]
        subject = "alice"
        tenants = ["tenant_a"]
        capabilities = ["read", "tool_call"]
        scopes = ["read"]
        approval = ["tool_call"]
        approvers = ["bob"]
        [[allow]]
        subject = "*"
        capabilities = ["delegate"]
    "#;
    let now = OffsetDateTime::now_utc();
    let receiver = |approved: &[&str]| {
        let expectations = Expectations {
            policy: Some(Policy::from_toml(policy).unwrap()),
            approved: approved.iter().map(ToString::to_string).collect(),
            ..expectations()
        };
        AGENTS.receiver_with(expectations, &[])
    };
    let message = |pointer: &str, value: Value| {
        let mut envelope = envelope(now);
        *envelope.pointer_mut(pointer).unwrap() = value;
        forged(&header(), &envelope.to_string())
    };
    for (pointer, value, expected) in [
        ("/capability", json!("read"), "allowed"),
        ("/capability", json!("delegate"), "capability_not_allowed"),
        ("/capability", json!("tool_call"), "approval_required"),
        (
            "/auth/scopes",
            json!(["read", "write"]),
            "capability_not_allowed",
        ),
        ("/caller/tenantId", json!("tenant_b"), "wrong_tenant"),
        (
            "/expiresAt",
            json!(moment(now + Duration::minutes(6))),
            "lifetime_too_long",
        ),
    ] {
        assert_eq!(
            reason(&mut receiver(&[]), &message(pointer, value)),
            expected,
            "{pointer}"
        );
    }
    let call = message("/capability", json!("tool_call"));
    assert_eq!(reason(&mut receiver(&["m1"]), &call), "allowed");
    assert_eq!(reason(&mut receiver(&["m2"]), &call), "approval_required");

    let approval = |name: &str, id: &str, scope: &str| {
        let draft = MessageDraft {
            scopes: vec![scope.into()],
            ..draft()
        };
        let payload = json!({ "approve": id }).to_string();
        AGENTS
            .sender(name)
            .sign(&draft, Payload::Json(&payload), now)
            .unwrap()
            .text
    };
    for (name, id, scope, expected) in [
        ("bob", "m1", "approve", "allowed"),
        ("bob", "m2", "approve", "approval_required"),
        ("alice", "m1", "approve", "approval_required"),
        ("bob", "m1", "read", "approval_required"),
    ] {
        let mut receiver = receiver(&[]);
        let _ = receiver.approve(approval(name, id, scope).as_bytes(), now);
        assert_eq!(
            reason(&mut receiver, &call),
            expected,
            "{name} {id} {scope}"
        );
    }
}
