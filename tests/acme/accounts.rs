//! Accounts.

use serde_json::json;

use super::Site;
use super::client::new_key;

#[test]
fn an_account_is_created_found_changed_and_given_up() {
    let site = Site::new("");
    let mut client = site.client();
    assert_eq!(
        client
            .register(&json!({"onlyReturnExisting": true}))
            .problem(),
        "accountDoesNotExist"
    );
    let created = client.register(&json!({"contact": ["mailto:a@b.example"]}));
    let account = created.expect(201);
    assert_eq!(account["status"], "valid");
    assert_eq!(account["contact"], json!(["mailto:a@b.example"]));
    let url = created.header("location").unwrap().to_owned();
    let again = client.register(&json!({"onlyReturnExisting": true}));
    again.expect(200);
    assert_eq!(again.header("location"), Some(&*url));
    let updated = client.post(&url, Some(&json!({"contact": ["mailto:c@d.example"]})));
    assert_eq!(
        updated.expect(200)["contact"],
        json!(["mailto:c@d.example"])
    );
    let refused = client.post(&url, Some(&json!({"contact": ["tel:1"]})));
    assert_eq!(refused.problem(), "unsupportedContact");
    let order = client.order(&["a.example"]);
    order.expect(201);
    let orders = client
        .post(account["orders"].as_str().unwrap(), None)
        .expect(200);
    assert_eq!(orders["orders"][0], order.header("location").unwrap());
    let mut other = site.account();
    assert_eq!(other.post(&url, None).problem(), "unauthorized");
    assert_eq!(
        other.post(order.header("location").unwrap(), None).status,
        404
    );
    let deactivated = client.post(&url, Some(&json!({"status": "deactivated"})));
    assert_eq!(deactivated.expect(200)["status"], "deactivated");
    assert_eq!(client.order(&["a.example"]).problem(), "unauthorized");
    assert_eq!(client.register(&json!({})).problem(), "unauthorized");
}

#[test]
fn a_key_is_changed_by_both_keys_and_to_no_other_accounts() {
    let site = Site::new("");
    let (mut client, mut other) = (site.account(), site.account());
    let url = client.url("keyChange");
    let kid = client.kid.clone().unwrap();
    let old = client.jwk();
    let change = json!({"account": kid, "oldKey": old});
    // The inner request is signed by the new key.
    let mut with_new = client.another();
    with_new.key = new_key();
    let inner_header = json!({"alg": "ES256", "jwk": with_new.jwk(), "url": url});
    let inner = with_new.signed(&inner_header, change.to_string().as_bytes());
    let of_other = json!({"account": other.kid, "oldKey": other.jwk()});
    let wrong = [
        with_new.signed(&inner_header, of_other.to_string().as_bytes()),
        with_new.signed(
            &inner_header,
            json!({"account": kid, "oldKey": with_new.jwk()})
                .to_string()
                .as_bytes(),
        ),
        with_new.signed(
            &json!({"alg": "ES256", "jwk": with_new.jwk(), "url": kid}),
            change.to_string().as_bytes(),
        ),
        with_new.signed(
            &json!({"alg": "ES256", "jwk": old, "url": url}),
            change.to_string().as_bytes(),
        ),
    ];
    for inner in wrong {
        assert!(
            (400..404).contains(&client.post(&url, Some(&inner)).status),
            "{inner}"
        );
    }
    let taken_header = json!({"alg": "ES256", "jwk": other.jwk(), "url": url});
    let taken = other.signed(&taken_header, change.to_string().as_bytes());
    let conflict = client.post(&url, Some(&taken));
    assert_eq!(conflict.status, 409);
    assert_eq!(conflict.header("location"), other.kid.as_deref());
    client.post(&url, Some(&inner)).expect(200);
    assert_eq!(client.post(&kid, None).problem(), "unauthorized");
    client.key = with_new.key;
    client.post(&kid, None).expect(200);
    // The old key is free again.
    assert_eq!(other.post(&kid, None).problem(), "unauthorized");
}
