//! Accounts that are bound to tokens.

use serde_json::json;

use super::client::csr;
use super::{Site, certs, register};

#[test]
fn a_token_binds_so_many_accounts_to_its_names() {
    let site = Site::new("external_account_required = true\nchallenge_free_for_tokens = true\n");
    let mut client = site.client();
    assert_eq!(client.directory["meta"]["externalAccountRequired"], true);
    assert_eq!(
        client.register(&json!({})).problem(),
        "externalAccountRequired"
    );
    let token = site.token(&["a.example", "10.0.0.0/8"], &[]);
    let eab = |name: &str| token["eab"][name].as_str().unwrap();
    let wrong_key = super::client::base64url(&[7; 32]);
    assert_eq!(
        client.register_with(eab("kid"), &wrong_key).problem(),
        "unauthorized"
    );
    assert_eq!(
        client.register_with("unknown", eab("hmac_key")).problem(),
        "unauthorized"
    );
    let of_another = client.another().binding(eab("kid"), eab("hmac_key"));
    let refused = client.register(&json!({"externalAccountBinding": of_another}));
    assert_eq!(refused.problem(), "malformed");
    register(&mut client, &token).expect(201);
    register(&mut client, &token).expect(200);
    let mut second = site.client();
    assert_eq!(register(&mut second, &token).problem(), "unauthorized");
    let order = client.order(&["a.example", "10.1.2.3"]).expect(201);
    assert_eq!(order["status"], "ready");
    let authorization = client
        .post(order["authorizations"][0].as_str().unwrap(), None)
        .expect(200);
    assert_eq!(authorization["status"], "valid");
    assert!(authorization["challenges"][0]["token"].is_string());
    let refused = client.order(&["a.example", "b.example"]);
    assert_eq!(refused.problem(), "rejectedIdentifier");
    assert_eq!(refused.json()["identifier"]["value"], "b.example");
    let (_, pem) = client.issue(&["10.1.2.3", "a.example"]);
    let der = super::orders::first_der(&pem);
    let certificate = openagents_certs::pki::certificate::Certificate::from_der(der).unwrap();
    assert_eq!(
        certificate.subject().to_string(),
        "CN=a.example",
        "no address as common name"
    );
    let waiting = client.order(&["a.example"]).expect(201);
    certs(
        &site.directory,
        &["token", "revoke", token["id"].as_str().unwrap()],
    );
    let request = json!({"csr": csr(&["a.example"])});
    let refused = client.post(waiting["finalize"].as_str().unwrap(), Some(&request));
    assert_eq!(refused.problem(), "unauthorized");
    assert_eq!(client.order(&["a.example"]).problem(), "unauthorized");
}

#[test]
fn without_the_setting_a_token_restricts_names_and_proves_none() {
    let site = Site::new("");
    let (_, mut client) = site.bound(&["a.example"], &[]);
    assert_eq!(
        client.order(&["a.example"]).expect(201)["status"],
        "pending"
    );
    assert_eq!(client.order(&["b.example"]).problem(), "rejectedIdentifier");
}

#[test]
fn a_key_change_gives_nobody_a_second_account_of_a_token() {
    let site = Site::new("challenge_free_for_tokens = true\n");
    let (token, mut client) = site.bound(&["a.example"], &[]);
    let url = client.url("keyChange");
    let change = json!({"account": client.kid, "oldKey": client.jwk()});
    let with_new = client.another();
    let header = json!({"alg": "ES256", "jwk": with_new.jwk(), "url": url});
    let inner = with_new.signed(&header, change.to_string().as_bytes());
    client.post(&url, Some(&inner)).expect(200);
    client.kid = None;
    assert_eq!(register(&mut client, &token).problem(), "unauthorized");
}
