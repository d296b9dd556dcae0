//! Renewal information, replacement, rotation, and what survives.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::{AcmeClient, base64url, csr, identifier};
use super::orders::first_der;
use super::{Site, certs, client_of, new_authority, register};

/// The id of a certificate (RFC 9773 §4.1).
fn id_of(pem: &str) -> String {
    let certificate =
        openagents_certs::pki::certificate::Certificate::from_der(first_der(pem)).unwrap();
    let key = certificate
        .authority_key_identifier()
        .unwrap()
        .unwrap()
        .key_identifier
        .unwrap();
    format!(
        "{}.{}",
        base64url(&key),
        base64url(certificate.serial().as_bytes())
    )
}

fn window(client: &mut AcmeClient, id: &str) -> (OffsetDateTime, OffsetDateTime, Value) {
    let url = format!("{}/{id}", client.url("renewalInfo"));
    let answer = client.get(&url);
    let info = answer.expect(200);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((60..=21_600).contains(&seconds));
    let moment = |name: &str| {
        let text = info["suggestedWindow"][name].as_str().unwrap();
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    };
    let (start, end) = (moment("start"), moment("end"));
    assert!(start < end);
    (start, end, info)
}

#[test]
fn renewal_information_follows_lifetime_revocation_and_rotation() {
    let site = Site::new("challenge_free_for_tokens = true\n");
    let (_, mut client) = site.bound(&["*.example"], &[]);
    let (_, first) = client.issue(&["a.example"]);
    let (_, second) = client.issue(&["b.example"]);
    let certificate =
        openagents_certs::pki::certificate::Certificate::from_der(first_der(&first)).unwrap();
    let now = OffsetDateTime::now_utc();
    let (start, end, info) = window(&mut client, &id_of(&first));
    assert!(now < start && end < certificate.not_after());
    assert!(info.get("explanationURL").is_none());
    let revoke = client.url("revokeCert");
    let request = json!({"certificate": base64url(&first_der(&first))});
    assert_eq!(client.post(&revoke, Some(&request)).status, 200);
    let (_, end, info) = window(&mut client, &id_of(&first));
    assert!(end < now);
    let explanation = client.get(info["explanationURL"].as_str().unwrap());
    assert!(
        String::from_utf8(explanation.body)
            .unwrap()
            .contains("revoked")
    );
    let url = client.url("renewalInfo");
    assert_eq!(client.get(&format!("{url}/AAAA.AQAB")).status, 404);
    for id in ["", "x", "AAAA", "AAAA.", ".", "A=.B="] {
        assert!(
            (400..500).contains(&client.get(&format!("{url}/{id}")).status),
            "{id}"
        );
    }
    certs(&site.directory, &["ca", "rotate", "prepare"]);
    certs(&site.directory, &["ca", "rotate", "activate", "--force"]);
    super::super::serve::server::until("the rotation to be seen", || {
        window(&mut client, &id_of(&second)).1 < OffsetDateTime::now_utc()
    });
    let (order, third) = client.issue(&["b.example"]);
    assert!(window(&mut client, &id_of(&third)).0 > OffsetDateTime::now_utc());
    // During the rotation, a chain to each root.
    let downloaded = client.post(order["certificate"].as_str().unwrap(), None);
    let links = downloaded.headers.iter().filter(|(name, _)| name == "link");
    let alternate = links
        .map(|(_, value)| value)
        .find(|value| value.contains("alternate"))
        .unwrap();
    let alternate = alternate
        .trim_start_matches('<')
        .split('>')
        .next()
        .unwrap()
        .to_owned();
    let other = client.post(&alternate, None);
    assert_eq!(other.status, 200);
    assert_ne!(other.body, downloaded.body);
}

#[test]
fn a_renewal_replaces_once_and_is_not_limited() {
    let site = Site::new(
        "challenge_free_for_tokens = true\n[serve.limits]\norders_per_account_per_hour = 2\naccounts_per_address_per_hour = 2\n",
    );
    let (_, mut client) = site.bound(&["*.example"], &[]);
    let (_, first) = client.issue(&["a.example"]);
    client.issue(&["b.example"]);
    let limited = client.order(&["c.example"]);
    assert_eq!(limited.problem(), "rateLimited");
    assert_eq!(limited.status, 429);
    let seconds: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds > 1000 && seconds <= 1800);
    let new_order = client.url("newOrder");
    let order = |name: &str, replaces: &str| json!({"identifiers": [identifier(name)], "replaces": replaces});
    let id = id_of(&first);
    assert_eq!(
        client
            .post(&new_order, Some(&order("c.example", &id)))
            .problem(),
        "malformed"
    );
    assert_eq!(
        client
            .post(&new_order, Some(&order("a.example", "AAAA.AQAB")))
            .problem(),
        "malformed"
    );
    let renewed = client
        .post(&new_order, Some(&order("a.example", &id)))
        .expect(201);
    assert_eq!(renewed["replaces"], id);
    let again = client.post(&new_order, Some(&order("a.example", &id)));
    assert_eq!(again.problem(), "alreadyReplaced");
    assert_eq!(again.status, 409);
    let request = json!({"csr": csr(&["a.example"])});
    client
        .post(renewed["finalize"].as_str().unwrap(), Some(&request))
        .expect(200);
    let listed = String::from_utf8(certs(&site.directory, &["list", "--json"])).unwrap();
    assert!(listed.contains("\"superseded\""), "{listed}");
    let mut second = site.client();
    second.register(&json!({})).expect(201);
    let mut third = site.client();
    assert_eq!(third.register(&json!({})).problem(), "rateLimited");
    // Finding an account is not creating one.
    second.register(&json!({})).expect(200);
}

#[test]
fn what_a_client_holds_survives_a_kill() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = new_authority(&temporary.path().join("certs"));
    let settings = "[serve.acme]\nchallenge_free_for_tokens = true\n";
    std::fs::write(directory.join("certs.toml"), settings).unwrap();
    let port = super::clients::free_port();
    let url = format!("https://localhost:{port}");
    let start = || {
        let mut command = crate::serve::server::command(&directory);
        command.args([
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--http-listen",
            "none",
            "--public-url",
            &url,
        ]);
        crate::serve::Server::spawn(&mut command, &directory)
    };
    let mut held: Vec<String> = Vec::new();
    let mut accounts = Vec::new();
    for round in 0..3 {
        let server = start();
        let arguments = [
            "token",
            "create",
            "--json",
            "--url",
            &url,
            "*.example",
            "--uses",
            "10",
        ];
        let token: Value = serde_json::from_slice(&certs(&directory, &arguments)).unwrap();
        let clients = (0..4).map(|_| {
            let mut client = client_of(&server);
            register(&mut client, &token).expect(201);
            accounts.push(client.kid.clone());
            client
        });
        let clients: Vec<AcmeClient> = clients.collect();
        let before = held.len();
        let (sender, issued) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for mut client in clients {
                let sender = sender.clone();
                let name = format!("n{round}.example");
                scope.spawn(move || {
                    let issue = std::panic::AssertUnwindSafe(|| {
                        loop {
                            let (_, pem) = client.issue(&[&name]);
                            sender.send(pem).unwrap();
                        }
                    });
                    // Ends when the server is killed.
                    let _ = std::panic::catch_unwind(issue);
                });
            }
            held.extend(issued.iter().take(20 + 7 * round));
            server.kill();
        });
        drop(sender);
        held.extend(issued.try_iter());
        assert!(held.len() > before);
    }
    let inventory = openagents_certs::authority::open_inventory(
        &directory,
        openagents_certs::store::Opening::MustExist,
    );
    let inventory = inventory.unwrap();
    for kid in &accounts {
        let id = kid.as_deref().unwrap().rsplit('/').next().unwrap();
        let account = inventory
            .document(openagents_certs::store::DocumentKind::Account, id)
            .unwrap();
        assert!(account.is_some(), "account {id}");
    }
    let listed = String::from_utf8(certs(&directory, &["list", "--json"])).unwrap();
    for pem in &held {
        let certificate =
            openagents_certs::pki::certificate::Certificate::from_der(first_der(pem)).unwrap();
        assert!(
            listed.contains(&certificate.serial().to_string()),
            "{}",
            certificate.serial()
        );
    }
}
