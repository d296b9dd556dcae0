//! Renewal: from the same server, in the same way, beside certificates of our own CA.

use super::proxy::Fault;
use super::*;

#[test]
fn a_renewal_replaces_the_certificate_keeps_the_key_and_runs_the_hook() {
    let Some(scene) = Scene::start("renew", &[], false) else {
        return;
    };
    let pki = scene.pki();
    certs(&["ca", "init"], &pki);
    certs(&["issue", "server", "own.test"], &pki);
    succeeds(&mut scene.issue(&["a.test"], &scene.url()));
    let read = |name: &str| std::fs::read(pki.join(name)).unwrap();
    let (certificate, key) = (read("a.test.crt"), read("a.test.key"));
    let ran = scene.root.join("ran");
    let mut command = program(&["renew", "a.test", "own.test", "--json"], &pki);
    let report = json(&succeeds(command.args(["--exec", "touch"]).arg(&ran)));
    assert_eq!(report["renewed"], 2, "{report}");
    assert!(ran.exists());
    assert_ne!(read("a.test.crt"), certificate);
    assert_eq!(read("a.test.key"), key);
    certs(&["renew", "a.test", "--rekey"], &pki);
    assert_ne!(read("a.test.key"), key);
    let listed = certs(&["list", "--status", "superseded", "--json"], &pki);
    assert_eq!(listed.matches("dns:a.test").count(), 2, "{listed}");
}

#[test]
fn a_failed_renewal_changes_nothing_and_is_tried_again_later() {
    let Some(scene) = Scene::start("renew-fails", &[], false) else {
        return;
    };
    let pki = scene.pki();
    let proxy = scene.proxy();
    succeeds(&mut scene.issue(&["a.test"], &url(proxy.address.port())));
    let before = std::fs::read(pki.join("a.test.crt")).unwrap();
    proxy.fail("/order-plz", Fault::Status(503, Some(7200)), 100);
    let mut command = program(&["renew", "a.test"], &pki);
    fails(2, &mut command);
    assert_eq!(std::fs::read(pki.join("a.test.crt")).unwrap(), before);
    let seen = proxy.forwarded("/dir");
    let output = program(&["renew", "--before", "4000d", "--json"], &pki)
        .output()
        .unwrap();
    let report = json(&output);
    assert_eq!(report["certificates"][0]["outcome"], "not_due", "{report}");
    assert_eq!(
        proxy.forwarded("/dir"),
        seen,
        "the server is left alone until the pause is over"
    );
    proxy.heal();
    certs(&["renew", "a.test"], &pki);
    assert_ne!(std::fs::read(pki.join("a.test.crt")).unwrap(), before);
}
