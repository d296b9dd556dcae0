//! What the overview shows, and how soon.

use openagents_certs::pki::fingerprint::Fingerprint;
use openagents_certs::pki::san::SubjectAltName;
use openagents_certs::pki::serial::SerialNumber;
use openagents_certs::pki::validity::Validity;
use openagents_certs::store::{self, Opening};
use time::{Duration, OffsetDateTime};

use super::*;

#[test]
fn what_breaks_next_comes_first_and_names_are_harmless() {
    let scene = Scene::new("dashboard-overview", "");
    let browser = scene.browser("viewer");
    let empty = browser.get("/");
    // The server's own certificate is in use.
    assert!(
        empty.text().contains("Everything is in order"),
        "{}",
        empty.text()
    );
    certs(
        &["issue", "client", "soon.test", "--days", "2", "--quiet"],
        &scene.directory,
    );
    certs(
        &["issue", "client", "later.test", "--days", "60", "--quiet"],
        &scene.directory,
    );
    let evil = "</a><script>alert(1)</script>\"'\u{202e}";
    record(&scene, "later.test", evil);
    crate::serve::until("the overview is new", || {
        browser.get("/").text().contains("&lt;script")
    });
    let page = browser.get("/overview");
    let text = page.text();
    assert!(text.trim_start().starts_with("<div class=\"live\""));
    assert!(text.contains("Next to expire"));
    assert!(
        text.contains("1 will expire unless it is renewed"),
        "{text}"
    );
    let shown = "&lt;/a&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;\\u{202e}";
    assert!(
        text.contains(shown) && !text.contains("<script>alert"),
        "{text}"
    );
    assert!(text.contains("<rect class=\"near\""), "{text}");
}

#[test]
fn a_network_that_an_agent_cannot_reach_needs_attention() {
    let scene = Scene::new("dashboard-failing", "[serve]\nnetworks = ['net']\n");
    let net = scene.directory.join("net");
    std::fs::create_dir(&net).unwrap();
    let network = "network:\n  name: N\n  node_id: n1\n  transports:\n  - type: grpc\n    config:\n      host: 127.0.0.1\n      port: 8600\n";
    std::fs::write(net.join("network.yaml"), network).unwrap();
    let agents = "url,name,client_cert,client_key\ngrpcs://localhost:8600,tls,,\n";
    std::fs::write(net.join("agents.csv"), agents).unwrap();
    let browser = scene.browser("viewer");
    crate::serve::until("the network is there", || {
        let page = browser.get("/overview");
        page.text().contains("cannot connect")
    });
    let page = browser.get("/overview");
    let (_, rest) = page.text().split_once("href=\"/networks?path=").unwrap();
    let address = format!("/networks?path={}", rest.split('"').next().unwrap());
    assert_eq!(browser.get(&address).status, 200);
}

/// Records a certificate with this name, which no command would give it; the rest is of another one. It expires in an
/// hour, and was due for renewal long ago.
fn record(scene: &Scene, like: &str, name: &str) {
    let path = scene.directory.join("inventory.db");
    let mut inventory = store::open(&path, Opening::MustExist).unwrap();
    let now = OffsetDateTime::now_utc();
    let mut entry = inventory.find_by_name(like, now).unwrap().remove(0);
    entry.serial = SerialNumber::from_random([9; 16]);
    entry.fingerprint = Fingerprint::sha256(b"evil");
    entry.names = vec![SubjectAltName::Dns(name.to_owned())];
    entry.validity = Validity::between(now - Duration::DAY, now + Duration::HOUR).unwrap();
    entry.issued_at = now - Duration::DAY;
    entry.output = None;
    inventory.record(&[entry]).unwrap();
}
