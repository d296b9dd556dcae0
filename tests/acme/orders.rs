//! Orders, from the first request to revocation.

use serde_json::{Value, json};

use super::client::{base64url, csr, csr_of, identifier};
use super::{Site, certs, challenge};

#[test]
fn a_certificate_is_ordered_proven_issued_and_revoked() {
    let site = Site::new("");
    let mut client = site.account();
    let names = ["a.example", "b.example", "127.0.0.1"];
    let answer = client.order(&names);
    let order = answer.expect(201);
    assert_eq!(order["status"], "pending");
    assert_eq!(order["identifiers"].as_array().unwrap().len(), 3);
    let url = answer.header("location").unwrap().to_owned();
    let finalize = order["finalize"].as_str().unwrap();
    let request = json!({"csr": csr(&names)});
    assert_eq!(
        client.post(finalize, Some(&request)).problem(),
        "orderNotReady"
    );
    site.prove(&mut client, &url);
    for names in [
        &["a.example", "b.example"][..],
        &["a.example"],
        &["a.example", "b.example", "127.0.0.1", "c.example"],
    ] {
        let request = json!({"csr": csr(names)});
        assert_eq!(client.post(finalize, Some(&request)).problem(), "badCSR");
    }
    for csr in ["", "AAAA", "=", "!"] {
        assert!(client.post(finalize, Some(&json!({"csr": csr}))).status < 500);
    }
    let valid = client.post(finalize, Some(&request)).expect(200);
    assert_eq!(valid["status"], "valid");
    let certificate = valid["certificate"].as_str().unwrap();
    // The answer may have been lost: the same certificate again, whatever is sent.
    let again = json!({"csr": csr(&names)});
    assert_eq!(
        client.post(finalize, Some(&again)).expect(200)["certificate"],
        certificate
    );
    let downloaded = client.post(certificate, None);
    assert_eq!(
        downloaded.header("content-type"),
        Some("application/pem-certificate-chain")
    );
    let pem = String::from_utf8(downloaded.body).unwrap();
    assert!(
        pem.matches("BEGIN CERTIFICATE").count() >= 2,
        "certbot needs two"
    );
    let file = site.directory.join("a.pem");
    std::fs::write(&file, &pem).unwrap();
    let verified = certs(
        &site.directory,
        &["verify", "a.pem", "--host", "b.example"].map(|one| {
            if one == "a.pem" {
                file.to_str().unwrap()
            } else {
                one
            }
        }),
    );
    assert!(!verified.is_empty());
    let mut other = site.account();
    assert_eq!(other.post(certificate, None).status, 404);
    let der = base64url(&first_der(&pem));
    let revoke = client.url("revokeCert");
    let with_reason = |reason: i64| json!({"certificate": der, "reason": reason});
    assert_eq!(
        other.post(&revoke, Some(&with_reason(1))).problem(),
        "unauthorized"
    );
    assert_eq!(
        client.post(&revoke, Some(&with_reason(7))).problem(),
        "badRevocationReason"
    );
    assert_eq!(client.post(&revoke, Some(&with_reason(4))).status, 200);
    assert_eq!(
        client.post(&revoke, Some(&with_reason(4))).problem(),
        "alreadyRevoked"
    );
    let listed = String::from_utf8(certs(&site.directory, &["list", "--json"])).unwrap();
    assert!(listed.contains("\"revoked\""), "{listed}");
}

#[test]
fn a_certificate_is_revoked_by_its_key_or_by_who_proved_its_names() {
    let site = Site::new("");
    let mut client = site.account();
    let url = client
        .order(&["a.example"])
        .header("location")
        .unwrap()
        .to_owned();
    site.prove(&mut client, &url);
    let key = rcgen::KeyPair::generate().unwrap();
    let issue = |client: &mut super::client::AcmeClient, url: &str| {
        let order = client.post(url, None).expect(200);
        let request = json!({"csr": csr_of(&["a.example"], &key)});
        let order = client
            .post(order["finalize"].as_str().unwrap(), Some(&request))
            .expect(200);
        let pem = client
            .post(order["certificate"].as_str().unwrap(), None)
            .body;
        base64url(&first_der(std::str::from_utf8(&pem).unwrap()))
    };
    let first = issue(&mut client, &url);
    let mut other = site.account();
    let revoke = client.url("revokeCert");
    let request = json!({"certificate": first});
    assert_eq!(
        other.post(&revoke, Some(&request)).problem(),
        "unauthorized"
    );
    let of_other = other
        .order(&["a.example"])
        .header("location")
        .unwrap()
        .to_owned();
    site.prove(&mut other, &of_other);
    assert_eq!(other.post(&revoke, Some(&request)).status, 200);
    let second = issue(&mut other, &of_other);
    // A stranger with the certificate's key.
    let mut stranger = client.another();
    let wrong =
        json!({"alg": "ES256", "jwk": stranger.jwk(), "nonce": stranger.nonce(), "url": revoke});
    let payload = json!({"certificate": second, "reason": 1}).to_string();
    assert_eq!(
        stranger
            .send_signed(&revoke, &wrong, payload.as_bytes())
            .problem(),
        "unauthorized"
    );
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    stranger.key =
        ring::signature::EcdsaKeyPair::from_pkcs8(algorithm, &key.serialize_der(), &random)
            .unwrap();
    let header =
        json!({"alg": "ES256", "jwk": stranger.jwk(), "nonce": stranger.nonce(), "url": revoke});
    assert_eq!(
        stranger
            .send_signed(&revoke, &header, payload.as_bytes())
            .status,
        200
    );
    // Its key was compromised: no certificate for it again.
    let url = client
        .order(&["a.example"])
        .header("location")
        .unwrap()
        .to_owned();
    site.prove(&mut client, &url);
    let order = client.post(&url, None).expect(200);
    let request = json!({"csr": csr_of(&["a.example"], &key)});
    let refused = client.post(order["finalize"].as_str().unwrap(), Some(&request));
    assert_eq!(refused.problem(), "badCSR");
}

#[test]
fn an_order_says_when_and_by_which_profile() {
    let site = Site::new(
        "challenge_free_for_tokens = true\nprofiles = ['server', 'short']\n\
         [profiles.short]\nextends = 'server'\ndefault_lifetime = '2h'\nmax_lifetime = '6h'\n\
         policy.refused_dns = ['**.secret.example']\n",
    );
    let (_, mut client) = site.bound(&["**.example"], &[]);
    assert!(client.directory["meta"]["profiles"]["short"].is_string());
    let new_order = client.url("newOrder");
    let now = time::OffsetDateTime::now_utc()
        .replace_nanosecond(0)
        .unwrap();
    let text = |moment: time::OffsetDateTime| {
        moment
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap()
    };
    let hours = time::Duration::hours;
    let order = |more: Value| {
        let mut order = json!({"identifiers": [identifier("a.example")], "profile": "short"});
        order
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        order
    };
    let wanted =
        order(json!({"notBefore": text(now + hours(1)), "notAfter": text(now + hours(5))}));
    let answer = client.post(&new_order, Some(&wanted)).expect(201);
    assert_eq!(answer["profile"], "short");
    assert_eq!(answer["notAfter"], text(now + hours(5)));
    let request = json!({"csr": csr(&["a.example"])});
    let valid = client
        .post(answer["finalize"].as_str().unwrap(), Some(&request))
        .expect(200);
    let pem = client
        .post(valid["certificate"].as_str().unwrap(), None)
        .body;
    let der = first_der(std::str::from_utf8(&pem).unwrap());
    let certificate = openagents_certs::pki::certificate::Certificate::from_der(der).unwrap();
    assert_eq!(certificate.not_before(), now + hours(1));
    assert_eq!(certificate.not_after(), now + hours(5));
    for wrong in [
        json!({"notAfter": text(now + hours(7))}),
        json!({"notAfter": text(now - hours(1))}),
        json!({"notBefore": text(now - hours(2))}),
        json!({"notBefore": text(now + hours(3)), "notAfter": text(now + hours(2))}),
        json!({"notAfter": "tomorrow"}),
    ] {
        let refused = client.post(&new_order, Some(&order(wrong)));
        assert_eq!(refused.problem(), "malformed");
    }
    let unknown = client.post(&new_order, Some(&order(json!({"profile": "peer"}))));
    assert_eq!(unknown.problem(), "invalidProfile");
    let names = ["x.secret.example", "ok.example", "y.secret.example"].map(identifier);
    let refused = client.post(&new_order, Some(&order(json!({"identifiers": names}))));
    assert_eq!(refused.problem(), "rejectedIdentifier");
    assert_eq!(refused.json()["subproblems"].as_array().unwrap().len(), 2);
}

#[test]
fn an_authorization_is_given_up_and_its_order_with_it() {
    let site = Site::new("");
    let mut client = site.account();
    let answer = client.order(&["a.example", "*.b.example"]);
    let order = answer.expect(201);
    let authorizations = order["authorizations"].as_array().unwrap();
    let wildcard = client
        .post(authorizations[1].as_str().unwrap(), None)
        .expect(200);
    assert_eq!(wildcard["wildcard"], true);
    assert_eq!(wildcard["identifier"]["value"], "b.example");
    assert_eq!(wildcard["challenges"].as_array().unwrap().len(), 1);
    assert_eq!(wildcard["challenges"][0]["type"], "dns-01");
    assert!(wildcard["challenges"][0]["token"].as_str().unwrap().len() >= 22);
    let url = authorizations[0].as_str().unwrap();
    let given_up = client.post(url, Some(&json!({"status": "deactivated"})));
    assert_eq!(given_up.expect(200)["status"], "deactivated");
    let order = client
        .post(answer.header("location").unwrap(), None)
        .expect(200);
    assert_eq!(order["status"], "invalid");
    assert!(client.post(url, Some(&json!({"status": "valid"}))).status == 400);
}

#[test]
fn what_no_certificate_can_be_for_is_refused_by_name() {
    let site = Site::new("");
    let mut client = site.account();
    for name in [
        "a_b.example",
        "-a.example",
        "a..b",
        "a.",
        ".",
        "1.2.3.4.5",
        "*",
        "*.",
        "a\u{0}",
        "*.*.example",
        "xn--a",
    ] {
        let new_order = client.url("newOrder");
        let order = json!({"identifiers": [{"type": "dns", "value": name}]});
        let refused = client.post(&new_order, Some(&order));
        assert_eq!(refused.problem(), "rejectedIdentifier", "{name}");
    }
    let new_order = client.url("newOrder");
    for (order, problem) in [
        (json!({"identifiers": []}), "malformed"),
        (json!({}), "malformed"),
        (
            json!({"identifiers": [{"type": "email", "value": "a@b.example"}]}),
            "unsupportedIdentifier",
        ),
        (
            json!({"identifiers": [{"type": "ip", "value": "300.0.0.1"}]}),
            "rejectedIdentifier",
        ),
    ] {
        assert_eq!(client.post(&new_order, Some(&order)).problem(), problem);
    }
    assert!(
        client.order(&["a.example", "a.example"]).expect(201)["identifiers"]
            .as_array()
            .unwrap()
            .len()
            == 1
    );
    let authorization = client.order(&["10.0.0.1"]).expect(201)["authorizations"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let challenge = challenge(&mut client, &authorization, "tls-alpn-01");
    assert_eq!(challenge["status"], "pending");
}

/// The DER of the first certificate in PEM.
pub(crate) fn first_der(pem: &str) -> Vec<u8> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pem.as_bytes())
        .unwrap()
        .to_vec()
}
