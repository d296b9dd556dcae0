//! EST on the wire: bodies, refusals, who may have what.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests"
)]

mod enrollment;
mod peers;

use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};
use openagents_certs::keys::{PrivateKey, Signer};
use openagents_certs::pki::algorithm::KeyType;
use openagents_certs::pki::bundle::SignedData;
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::name::{AttributeType, DistinguishedName};
use openagents_certs::pki::pem;
use openagents_certs::pki::plan::{BasicConstraints, CsrPlan};
use serde_json::Value;

use crate::peer::{certs, scratch};
use crate::serve::{Response, Server};

#[test]
fn ca_certificates_and_attributes_are_base64_without_line_breaks() {
    let scene = Scene::new("est-cacerts", "");
    for path in ["/cacerts", "/client/cacerts"] {
        let answer = scene.server.get(&format!("{EST}{path}"));
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("application/pkcs7-mime; smime-type=certs-only"));
        let own = std::fs::read(scene.directory.join("ca.crt")).unwrap();
        let own = pem::blocks(&own).unwrap()[0].contents.to_vec();
        assert_eq!(bag(&answer), [own]);
    }
    let answer = scene.server.get(&format!("{EST}/csrattrs"));
    assert_eq!(answer.header("content-type"), Some("application/csrattrs"));
    assert!(Base64::decode_vec(answer.text()).is_ok());
    assert_eq!(scene.server.get(&format!("{EST}/nix/cacerts")).status, 404);
    assert_eq!(scene.server.get(&format!("{EST}/nix/csrattrs")).status, 404);
}

#[test]
fn a_request_is_read_as_base64_with_and_without_line_breaks_and_as_der() {
    let scene = Scene::new("est-bodies", "");
    let token = scene.token(&["a.example.org"], &[]);
    let der = request(&key(), &["a.example.org"], None);
    let plain = Base64::encode_string(&der);
    let broken: Vec<&str> = plain.as_bytes().chunks(64).map(text).collect();
    let bodies: [Vec<u8>; 4] = [
        plain.clone().into(),
        broken.join("\n").into(),
        format!("{}\r\n", broken.join("\r\n")).into(),
        der,
    ];
    for body in bodies {
        let answer = scene.enroll("", &token, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let certificate = only(&answer);
        let names = certificate.subject_alt_names().unwrap().unwrap();
        assert_eq!(names[0].to_string(), "dns:a.example.org");
    }
}

#[test]
fn a_token_gives_its_names_and_no_others() {
    let scene = Scene::new("est-names", "");
    let token = scene.token(&["*.example.org", "10.0.0.0/8"], &["--uses", "20"]);
    let literal = scene.token(&["a.example.org", "b.example.org"], &["--uses", "20"]);
    let status = |token: &Token, names: &[&str], common_name: Option<&str>| {
        let answer = scene.enroll("", token, &request(&key(), names, common_name));
        let names = (answer.status == 200).then(|| names_of(&only(&answer)));
        (answer.status, names.unwrap_or_default())
    };
    let granted = |names: &str| (200, names.to_owned());
    let refused = (403, String::new());
    assert_eq!(
        status(&token, &["x.example.org"], None),
        granted("dns:x.example.org")
    );
    assert_eq!(status(&token, &["10.1.2.3"], None), granted("ip:10.1.2.3"));
    assert_eq!(status(&token, &["x.example.com"], None), refused);
    assert_eq!(
        status(&token, &["x.example.org", "y.z.example.org"], None),
        refused
    );
    assert_eq!(status(&token, &["11.0.0.1"], None), refused);
    assert_eq!(status(&token, &["spiffe://example.org/x"], None), refused);
    assert_eq!(
        status(&token, &[], Some("x.example.org")),
        granted("dns:x.example.org")
    );
    assert_eq!(status(&token, &[], Some("nobody")), refused);
    let both = granted("dns:a.example.org dns:b.example.org");
    assert_eq!(status(&literal, &[], None), both);
    assert_eq!(status(&literal, &[], Some("evil.example.com")), both);
    assert_eq!(
        status(&literal, &["b.example.org"], None),
        granted("dns:b.example.org")
    );
    assert_eq!(status(&literal, &["c.example.org"], None), refused);
}

#[test]
fn refusals_have_the_status_of_their_cause() {
    let scene = Scene::new("est-refusals", "");
    let token = scene.token(&["a.example.org"], &[]);
    let key = key();
    let good = request(&key, &["a.example.org"], None);
    let forged = {
        let mut der = good.clone();
        let last = der.len() - 1;
        der[last] ^= 1;
        der
    };
    for (status, path, body) in [
        (400, "/simpleenroll", &b"%%%"[..]),
        (400, "/simpleenroll", b""),
        (400, "/simpleenroll", b"MAA="),
        (400, "/simpleenroll", &forged),
        (404, "/nix/simpleenroll", &good),
        (403, "/server/simpleenroll", &good),
        (200, "/client/simpleenroll", &good),
        (401, "/simplereenroll", &good),
        (501, "/serverkeygen", &good),
    ] {
        let path = path.strip_suffix("/simpleenroll").unwrap_or(path);
        let answer = match path {
            "/simplereenroll" | "/serverkeygen" => scene.post(path, None, PKCS10, body),
            label => scene.enroll(label, &token, body),
        };
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        if status != 200 {
            assert!(
                answer
                    .header("content-type")
                    .unwrap()
                    .starts_with("text/plain")
            );
        }
    }
    let password = Some((token.id.as_str(), "wrong"));
    assert_eq!(
        scene.post("/simpleenroll", password, PKCS10, &good).status,
        401
    );
    let none = scene.post("/simpleenroll", None, PKCS10, &good);
    assert_eq!(none.status, 401);
    assert!(
        none.header("www-authenticate")
            .unwrap()
            .starts_with("Basic ")
    );
    let credentials = Some((token.id.as_str(), token.secret.as_str()));
    let typed = |kind| scene.post("/simpleenroll", credentials, kind, &good).status;
    assert_eq!(typed("text/plain"), 415);
    assert_eq!(typed("application/pkcs10; charset=binary"), 200);
    assert_eq!(scene.server.get(&format!("{EST}/simpleenroll")).status, 405);
    let large = vec![b'A'; 70_000];
    assert_eq!(
        scene
            .post("/simpleenroll", credentials, PKCS10, &large)
            .status,
        413
    );
}

#[test]
fn a_token_is_used_by_one_key_and_by_that_again() {
    let scene = Scene::new("est-uses", "");
    let token = scene.token(&["a.example.org"], &[]);
    let (first, second) = (key(), key());
    let status = |key: &PrivateKey| {
        let body = request(key, &["a.example.org"], None);
        scene.enroll("", &token, &body).status
    };
    let wrong = request(&second, &["b.example.org"], None);
    assert_eq!(scene.enroll("", &token, &wrong).status, 403);
    let statuses = [&first, &first, &second, &first].map(status);
    assert_eq!(statuses, [200, 200, 403, 200]);
    certs(&["token", "revoke", &token.id], &scene.directory);
    assert_eq!(status(&first), 401);
}

#[test]
fn of_many_keys_at_once_only_one_is_served() {
    let scene = Scene::new("est-race", "");
    let token = scene.token(&["a.example.org"], &[]);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (scene, token) = (&scene, &token);
                scope.spawn(move || {
                    let body = request(&key(), &["a.example.org"], None);
                    scene.enroll("", token, &body).status
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let served = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(served, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 403].contains(status)));
}

#[test]
fn wrong_passwords_are_answered_later_and_later() {
    let scene = Scene::new("est-guesses", "");
    let (token, other) = (
        scene.token(&["a.example.org"], &[]),
        scene.token(&["b.example.org"], &[]),
    );
    let body = request(&key(), &["a.example.org"], None);
    let mut limited = None;
    for _ in 0..10 {
        let answer = scene.post("/simpleenroll", Some((&token.id, "wrong")), PKCS10, &body);
        if answer.status == 429 {
            limited = answer
                .header("retry-after")
                .map(|seconds| seconds.parse::<u64>().unwrap());
            break;
        }
        assert_eq!(answer.status, 401);
    }
    assert!(limited.is_some_and(|seconds| (1..=60).contains(&seconds)));
    let body = request(&key(), &["b.example.org"], None);
    assert_eq!(scene.enroll("", &other, &body).status, 200);
}

#[test]
fn a_certificate_is_renewed_with_its_names_for_the_same_key_or_another() {
    let scene = Scene::new("est-reenroll", "");
    let token = scene.token(
        &["a.example.org"],
        &["--profile", "server", "--cert-ttl", "2h"],
    );
    let first = key();
    let answer = scene.enroll("", &token, &request(&first, &["a.example.org"], None));
    let old = only(&answer);
    let again =
        |old: &Certificate, key: &PrivateKey, body: &[u8]| scene.reenroll(old, key, "", body);
    let second = key();
    let mut current = (old.clone(), first);
    for (key, names) in [(second, &["a.example.org"][..]), (key(), &[])] {
        let answer = again(
            &current.0,
            &current.1,
            &request(&key, names, Some("evil.example.com")),
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
        let new = only(&answer);
        assert_eq!(new.subject(), old.subject());
        assert_eq!(names_of(&new), "dns:a.example.org");
        assert_eq!(new.public_key_info(), key.public_key_info());
        let lasting = new.not_after() - new.not_before();
        assert_eq!(lasting, old.not_after() - old.not_before());
        current = (new, key);
    }
    let beyond = request(&current.1, &["a.example.org", "b.example.org"], None);
    assert_eq!(again(&current.0, &current.1, &beyond).status, 403);
    let fitting = request(&current.1, &["a.example.org"], None);
    assert_eq!(
        scene
            .reenroll(&current.0, &current.1, "/client", &fitting)
            .status,
        403
    );
    let serial = current.0.serial().to_string();
    certs(&["revoke", &serial], &scene.directory);
    assert_eq!(again(&current.0, &current.1, &fitting).status, 403);
}

#[test]
fn a_certificate_of_another_authority_is_not_renewed() {
    let (scene, other) = (
        Scene::new("est-foreign", ""),
        Scene::new("est-foreign-2", ""),
    );
    let token = other.token(&["a.example.org"], &[]);
    let key = key();
    let body = request(&key, &["a.example.org"], None);
    let foreign = only(&other.enroll("", &token, &body));
    assert_eq!(scene.reenroll(&foreign, &key, "", &body).status, 403);
}

/// An authority that is served.
pub(crate) struct Scene {
    pub(crate) directory: PathBuf,
    pub(crate) server: Server,
}

/// A token, as EST uses it.
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) text: String,
}

impl Scene {
    /// A new one, with this in the certs.toml.
    pub(crate) fn new(name: &str, settings: &str) -> Self {
        let directory = scratch(name).join("ca");
        certs(&["ca", "init"], &directory);
        std::fs::write(directory.join("certs.toml"), settings).unwrap();
        let server = Server::start(&directory, &[]);
        Scene { directory, server }
    }

    pub(crate) fn token(&self, names: &[&str], options: &[&str]) -> Token {
        token(&self.directory, &self.server.url, names, options)
    }

    fn enroll(&self, label: &str, token: &Token, body: &[u8]) -> Response {
        let path = format!("{label}/simpleenroll");
        self.post(&path, Some((&token.id, &token.secret)), PKCS10, body)
    }

    fn post(&self, path: &str, user: Option<(&str, &str)>, kind: &str, body: &[u8]) -> Response {
        let user = user.map_or_else(String::new, |(name, password)| {
            let credentials = Base64::encode_string(format!("{name}:{password}").as_bytes());
            format!("Authorization: Basic {credentials}\r\n")
        });
        let head = format!(
            "POST {EST}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{user}\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.server.client().send(&head, body)
    }

    fn reenroll(&self, old: &Certificate, key: &PrivateKey, label: &str, body: &[u8]) -> Response {
        let place = self.directory.parent().unwrap();
        let (certificate, private) = (place.join("old.crt"), place.join("old.key"));
        let encoded = pem::encode("CERTIFICATE", old.as_der()).unwrap();
        std::fs::write(&certificate, encoded.as_bytes()).unwrap();
        let encoded = openagents_certs::keys::to_pem(key.pkcs8(), None).unwrap();
        std::fs::write(&private, encoded.as_bytes()).unwrap();
        let client = self.server.client_with(&certificate, &private);
        client.post(&format!("{EST}{label}/simplereenroll"), PKCS10, body)
    }
}

/// Creates a token of the authority in a directory.
pub(crate) fn token(directory: &Path, url: &str, names: &[&str], options: &[&str]) -> Token {
    let arguments = [&["token", "create", "--json", "--url", url], options, names].concat();
    let token: Value = serde_json::from_str(&certs(&arguments, directory)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Token {
        id: text(&token["est"]["username"]),
        secret: text(&token["est"]["password"]),
        text: text(&token["token"]),
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::P256).unwrap()
}

/// The DER of a request.
fn request(key: &PrivateKey, names: &[&str], common_name: Option<&str>) -> Vec<u8> {
    let attributes: Vec<_> = common_name
        .map(|name| (AttributeType::CommonName, name))
        .into_iter()
        .collect();
    let plan = CsrPlan {
        subject: DistinguishedName::build(&attributes).unwrap(),
        subject_alt_names: names.iter().map(|name| name.parse().unwrap()).collect(),
        basic_constraints: BasicConstraints::EndEntity,
    };
    Signer::from_pkcs8(key.pkcs8())
        .unwrap()
        .request(&plan)
        .unwrap()
}

fn bag(answer: &Response) -> Vec<Vec<u8>> {
    let der = Base64::decode_vec(answer.text()).unwrap();
    SignedData::from_der(&der).unwrap().certificates
}

/// The certificate in an answer with one.
fn only(answer: &Response) -> Certificate {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let [der] = <[Vec<u8>; 1]>::try_from(bag(answer)).unwrap();
    Certificate::from_der(der).unwrap()
}

fn names_of(certificate: &Certificate) -> String {
    let names = certificate.subject_alt_names().unwrap().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(" ")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const EST: &str = "/.well-known/est";
const PKCS10: &str = "application/pkcs10";
