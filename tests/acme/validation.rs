//! How names are proven, and what a validation does not do.

use serde_json::{Value, json};

use super::client::{AcmeClient, sha256};
use super::{Site, challenge};

/// Orders a name, answers its challenge of this type, and gives the authorization once it is decided.
fn answered(
    client: &mut AcmeClient,
    name: &str,
    kind: &str,
    publish: impl FnOnce(&str, &str),
) -> Value {
    let order = client.order(&[name]).expect(201);
    let authorization = order["authorizations"][0].as_str().unwrap().to_owned();
    let challenge = challenge(client, &authorization, kind);
    let token = challenge["token"].as_str().unwrap();
    publish(token, &client.key_authorization(token));
    let answer = client.post(challenge["url"].as_str().unwrap(), Some(&json!({})));
    answer.expect(200);
    let up = format!("<{authorization}>;rel=\"up\"");
    assert!(
        answer
            .headers
            .iter()
            .any(|(name, value)| name == "link" && *value == up)
    );
    super::super::serve::server::until("a decision", || {
        client.post(&authorization, None).expect(200)["status"] != "pending"
    });
    client.post(&authorization, None).expect(200)
}

fn problem(authorization: &Value) -> (String, String) {
    assert_eq!(authorization["status"], "invalid", "{authorization}");
    let error = &authorization["challenges"][0]["error"];
    let kind = error["type"]
        .as_str()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    (kind, error["detail"].as_str().unwrap().to_owned())
}

#[test]
fn a_wildcard_is_proven_by_a_record_and_a_wrong_record_is_shown() {
    let site = Site::new("");
    let mut client = site.account();
    let proven = answered(&mut client, "*.a.example", "dns-01", |_, authorization| {
        site.dns
            .add_text("_acme-challenge.a.example", "of someone else");
        site.dns.add_text(
            "_acme-challenge.a.example",
            &sha256(authorization.as_bytes()),
        );
    });
    assert_eq!(proven["status"], "valid");
    let refused = answered(&mut client, "b.example", "dns-01", |_, _| {
        site.dns
            .add_text("_acme-challenge.b.example", "wrong \u{1b}[31m<b>");
    });
    let (kind, detail) = problem(&refused);
    assert_eq!(kind, "incorrectResponse");
    assert!(detail.contains("wrong \\u{1b}[31m<b>"), "{detail}");
    let refused = answered(&mut client, "missing.example", "dns-01", |_, _| {});
    assert_eq!(problem(&refused).0, "dns");
}

#[test]
fn a_file_is_fetched_through_redirects_to_the_configured_port_only() {
    let site = Site::new("");
    let mut client = site.account();
    let port = site.web.port;
    let path = |token: &str| format!("/.well-known/acme-challenge/{token}");
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let proven = answered(
        &mut client,
        "a.example",
        "http-01",
        |token, authorization| {
            site.web.answer(
                &path(token),
                redirect(&format!("http://b.example:{port}/1")),
            );
            for number in 1..9 {
                site.web
                    .answer(&format!("/{number}"), redirect(&format!("/{}", number + 1)));
            }
            let length = authorization.len() + 2;
            site.web.answer(
                "/9",
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{authorization}\r\n"),
            );
        },
    );
    assert_eq!(proven["status"], "valid");
    assert!(
        site.web.asked()[0].contains(&format!("ost: a.example:{port}")),
        "{:?}",
        site.web.asked()
    );
    let other = super::hosts::Web::start();
    let large = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n".to_vec(),
        vec![b'x'; 1 << 20],
    ]
    .concat();
    for (answer, expected) in [
        (
            redirect("http://a.example:22/").into_bytes(),
            "not a port that validation dials",
        ),
        (
            redirect(&format!("http://a.example:{}/", other.port)).into_bytes(),
            "not a port that validation dials",
        ),
        (
            redirect("ftp://a.example/").into_bytes(),
            "neither http nor https",
        ),
        (redirect("loop").into_bytes(), "too many redirects"),
        (large, "the content is not the key authorization: 'xxx"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x1b[31m".to_vec(),
            "'\\u{1b}[31m'",
        ),
        (
            b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "status 503",
        ),
        (b"\x00\x01\x02".to_vec(), "a.example"),
    ] {
        let refused = answered(&mut client, "a.example", "http-01", |token, _| {
            site.web.answer(&path(token), answer);
            site.web
                .answer("/.well-known/acme-challenge/loop", redirect("loop"));
        });
        let (_, detail) = problem(&refused);
        assert!(detail.contains(expected), "{detail}");
    }
    assert!(other.asked().is_empty());
}

#[test]
fn addresses_that_no_stranger_may_reach_are_not_dialled() {
    let site = Site::new("");
    let mut client = site.account();
    for (number, address) in [
        [169, 254, 169, 254],
        [224, 0, 0, 1],
        [0, 0, 0, 0],
        [100, 100, 100, 200],
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("n{number}.example");
        site.dns.set_address(&name, address);
        let refused = answered(&mut client, &name, "http-01", |_, _| {});
        let (kind, detail) = problem(&refused);
        assert_eq!(kind, "connection");
        assert!(detail.contains("validation does not dial"), "{detail}");
    }
    let refused = answered(&mut client, "169.254.169.254", "http-01", |_, _| {});
    assert!(problem(&refused).1.contains("validation does not dial"));
    // Loopback, where it is not permitted.
    let settings = std::fs::read_to_string(site.directory.join("certs.toml")).unwrap();
    let settings = settings.replace("validate_loopback = true", "validate_loopback = false");
    std::fs::write(site.directory.join("certs.toml"), settings).unwrap();
    let server = crate::serve::Server::start(&site.directory, &[]);
    let mut client = super::client_of(&server);
    client.register(&json!({})).expect(201);
    let asked = site.web.asked().len();
    let refused = answered(&mut client, "a.example", "http-01", |_, _| {});
    assert!(
        problem(&refused)
            .1
            .contains("validation does not dial 127.0.0.1")
    );
    assert_eq!(site.web.asked().len(), asked);
}
