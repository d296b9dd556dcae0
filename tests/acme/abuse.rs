//! What clients must not do, and what comes of it: a problem document, and nothing else.

use serde_json::{Value, json};

use super::client::{AcmeClient, base64url};
use super::{Site, client_of};
use crate::serve::Server;

#[test]
fn a_nonce_is_used_once_by_whatever_server() {
    let site = Site::new("");
    let mut client = site.account();
    let url = client.kid.clone().unwrap();
    let nonce = client.nonce();
    let header = json!({"alg": "ES256", "kid": url, "nonce": nonce, "url": url});
    client.send_signed(&url, &header, b"").expect(200);
    let replayed = client.send_signed(&url, &header, b"");
    assert_eq!(replayed.problem(), "badNonce");
    assert!(replayed.header("replay-nonce").is_some());
    for nonce in ["", "x", "AAAA", &base64url(&[0; 52])] {
        let header = json!({"alg": "ES256", "kid": url, "nonce": nonce, "url": url});
        assert_eq!(client.send_signed(&url, &header, b"").problem(), "badNonce");
    }
    // A second server of the same authority, which the client addresses by another port.
    let second = Server::start(&site.directory, &[]);
    let mut of_second = client_of(&second);
    std::mem::swap(&mut of_second.key, &mut client.key);
    let path = url.strip_prefix(&site.server.url).unwrap();
    let at_second = format!("{}{path}", second.url);
    let nonce = client.nonce();
    let header = json!({"alg": "ES256", "kid": at_second, "nonce": nonce, "url": at_second});
    of_second.send_signed(&at_second, &header, b"").expect(200);
    std::mem::swap(&mut of_second.key, &mut client.key);
    let header = json!({"alg": "ES256", "kid": url, "nonce": nonce, "url": url});
    assert_eq!(client.send_signed(&url, &header, b"").problem(), "badNonce");
}

#[test]
fn a_request_that_is_not_signed_as_it_must_be_is_refused() {
    let site = Site::new("");
    let mut client = site.account();
    let kid = client.kid.clone().unwrap();
    let new_order = client.url("newOrder");
    let new_account = client.url("newAccount");
    let jwk = client.jwk();
    let mut send = |url: &str, change: &dyn Fn(&mut Value)| {
        let mut header = json!({"alg": "ES256", "kid": kid, "nonce": client.nonce(), "url": url});
        change(&mut header);
        client.send_signed(url, &header, b"{}")
    };
    let remove = |name: &'static str| {
        move |header: &mut Value| drop(header.as_object_mut().unwrap().remove(name))
    };
    let set =
        |name: &'static str, value: Value| move |header: &mut Value| header[name] = value.clone();
    for alg in ["none", "HS256", "ES384", "RS256", "", "es256", "RS1"] {
        let answer = send(&new_order, &set("alg", json!(alg)));
        assert_eq!(answer.problem(), "badSignatureAlgorithm", "{alg}");
        assert!(
            answer.json()["algorithms"]
                .as_array()
                .unwrap()
                .contains(&json!("ES256"))
        );
    }
    for (change, problem) in [
        (&remove("url") as &dyn Fn(&mut Value), "malformed"),
        (
            &set("url", json!("https://elsewhere.example/acme/new-order")),
            "unauthorized",
        ),
        (&set("url", json!(new_account)), "unauthorized"),
        (&remove("nonce"), "badNonce"),
        (&remove("kid"), "malformed"),
        (&remove("alg"), "malformed"),
        (&set("jwk", jwk.clone()), "malformed"),
        (
            &set("kid", json!("https://localhost/acme/account/x")),
            "accountDoesNotExist",
        ),
        (&set("kid", json!(1)), "malformed"),
        (&set("crit", json!(["x"])), "malformed"),
        (&set("b64", json!(false)), "malformed"),
    ] {
        assert_eq!(send(&new_order, change).problem(), problem);
    }
    // A key instead of an account, and an account instead of a key.
    let by_key = |header: &mut Value| {
        header.as_object_mut().unwrap().remove("kid");
        header["jwk"] = jwk.clone();
    };
    assert_eq!(send(&new_order, &by_key).problem(), "malformed");
    assert_eq!(send(&new_account, &|_| {}).problem(), "malformed");
    let small = json!({"kty": "RSA", "n": base64url(&[0xff; 128]), "e": "AQAB"});
    let three = json!({"kty": "RSA", "n": base64url(&[0xff; 256]), "e": "Aw"});
    let koblitz = json!({"kty": "EC", "crv": "secp256k1", "x": jwk["x"], "y": jwk["y"]});
    let off_curve = json!({"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["x"]});
    for key in [
        small,
        three,
        koblitz,
        off_curve,
        json!({}),
        json!([]),
        json!("x"),
    ] {
        let with_key = |header: &mut Value| {
            header.as_object_mut().unwrap().remove("kid");
            header["jwk"] = key.clone();
        };
        assert_eq!(
            send(&new_account, &with_key).problem(),
            "badPublicKey",
            "{key}"
        );
    }
}

#[test]
fn any_bytes_are_answered_with_a_problem() {
    let site = Site::new("");
    let mut client = site.account();
    let (new_order, new_account) = (client.url("newOrder"), client.url("newAccount"));
    let jose = "application/jose+json";
    let deep = "[".repeat(60_000);
    for body in [
        &b""[..],
        b"{}",
        b"\x00\xff",
        b"null",
        deep.as_bytes(),
        b"{\"protected\":1}",
        b"[[]]",
    ] {
        for url in [&new_order, &new_account] {
            assert_eq!(client.send("POST", url, jose, body).problem(), "malformed");
        }
    }
    assert_eq!(
        client
            .send("POST", &new_order, "application/json", b"{}")
            .status,
        415
    );
    let huge = vec![b'x'; 70_000];
    assert_eq!(client.send("POST", &new_order, jose, &huge).status, 413);
    for payload in [
        &b"[]"[..],
        b"\xff",
        &deep.as_bytes()[..40_000],
        b"{\"identifiers\":null}",
        b"{\"identifiers\":[],\"identifiers\":[]}",
        b"1",
    ] {
        let header =
            json!({"alg": "ES256", "kid": client.kid, "nonce": client.nonce(), "url": new_order});
        assert_eq!(
            client.send_signed(&new_order, &header, payload).problem(),
            "malformed"
        );
    }
    for path in [
        "/acme/order/x",
        "/acme/order/x/finalize",
        "/acme/authorization/x/0",
        "/acme/challenge/x/0/http-01",
        "/acme/certificate/zz",
        "/acme/certificate/00/1",
    ] {
        let url = format!("{}{path}", site.server.url);
        let payload = json!({"csr": "AAAA"});
        let payload = path.ends_with("finalize").then_some(&payload);
        assert_eq!(client.post(&url, payload).status, 404, "{path}");
    }
    let url = new_order.clone();
    assert_eq!(client.get(&url).status, 405);
    // The connection and the account are as good as before.
    client.order(&["a.example"]).expect(201);
}

#[test]
fn of_two_finalizations_at_once_one_certificate_remains() {
    let site = Site::new("challenge_free_for_tokens = true\n");
    let (_, mut client) = site.bound(&["*.example"], &[]);
    let order = client.order(&["a.example"]).expect(201);
    let finalize = order["finalize"].as_str().unwrap();
    let requests: Vec<(Value, Value)> = (0..4)
        .map(|_| {
            let url = client.url("newNonce");
            client.get(&url);
            let header = json!({"alg": "ES256", "kid": client.kid, "nonce": client.nonce(), "url": finalize});
            let payload = json!({"csr": super::client::csr(&["a.example"])}).to_string();
            (client.signed(&header, payload.as_bytes()), header)
        })
        .collect();
    let mut others: Vec<AcmeClient> = requests.iter().map(|_| client.another()).collect();
    let certificates: Vec<Value> = std::thread::scope(|scope| {
        let sending = others.iter_mut().zip(&requests).map(|(other, (body, _))| {
            scope.spawn(move || {
                let body = body.to_string();
                other
                    .send("POST", finalize, "application/jose+json", body.as_bytes())
                    .expect(200)["certificate"]
                    .clone()
            })
        });
        let sending: Vec<_> = sending.collect();
        sending.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(
        certificates.iter().all(|one| *one == certificates[0]),
        "{certificates:?}"
    );
    let listed = String::from_utf8(super::certs(&site.directory, &["list", "--json"])).unwrap();
    assert_eq!(listed.matches("dns:a.example").count(), 1, "{listed}");
}
