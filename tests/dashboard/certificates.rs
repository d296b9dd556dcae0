//! The pages of certificates and of the audit trail.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::*;
use crate::peer::{program, run};
use crate::serve::until;

#[test]
fn a_certificate_is_revoked_on_its_page_and_ocsp_and_the_audit_trail_say_so() {
    let scene = Scene::new("dashboard-revoke", "");
    certs(&["issue", "client", "alice", "--quiet"], &scene.directory);
    let browser = scene.browser("operator");
    let list = browser.get("/certificates");
    assert!(
        list.text().contains("data-testid=\"row\""),
        "{}",
        list.text()
    );
    let page = path_of(list.text(), "alice");
    let serial = page.rsplit('/').next().unwrap().to_owned();
    let before = browser.get(&page);
    for part in [
        "data-testid=\"certificate\"",
        "data-testid=\"renew-hint\"",
        "openagents-certs renew",
        "data-testid=\"revoke-button\"",
        ">accepted<",
        "profile client",
        "cli@",
    ] {
        assert!(before.text().contains(part), "{part}: {}", before.text());
    }
    assert_eq!(ocsp(&scene), "good");

    let fields = format!("serial={serial}&reason=4");
    let asked = browser.post("/certificates/revoke", &fields);
    assert_eq!(asked.status, 200, "{}", asked.text());
    assert!(asked.text().contains("Revoke alice?"), "{}", asked.text());
    assert!(browser.get(&page).text().contains(">valid<"));
    let confirmed = field(asked.text(), "confirmed");
    let other = format!("serial={serial}&reason=1&confirmed={confirmed}");
    let asked_again = browser.post("/certificates/revoke", &other);
    assert_eq!(asked_again.status, 200, "another reason is another change");
    let done = browser.post(
        "/certificates/revoke",
        &format!("{fields}&confirmed={confirmed}"),
    );
    assert_eq!((done.status, done.header("location")), (303, Some(&*page)));

    until("OCSP says revoked", || ocsp(&scene) == "revoked");
    let after = browser.get(&page);
    assert!(after.text().contains(">revoked<"));
    assert!(after.text().contains("superseded"));
    assert!(!after.text().contains("data-testid=\"revoke-button\""));
    let trail = browser.get("/audit?action=revoked");
    assert!(trail.text().contains("data-testid=\"audit\""));
    assert!(trail.text().contains("alice"), "{}", trail.text());
    let records = certs(
        &["audit", "--action", "revoked", "--json"],
        &scene.directory,
    );
    let records: serde_json::Value = serde_json::from_str(&records).unwrap();
    let record = &records["records"][0];
    assert_eq!(record["details"], "superseded");
    assert_eq!(record["serial"], serial);
    let credential = record["credential"].as_str().unwrap();
    assert!(credential.starts_with("session:"), "{credential}");
    assert!(["127.0.0.1", "::1"].contains(&record["origin"].as_str().unwrap()));
    let signed_in = browser.get("/audit?action=signed_in");
    assert!(signed_in.text().contains(&credential["session:".len()..]));
}

#[test]
fn a_viewer_sees_and_changes_nothing() {
    let scene = Scene::new("dashboard-viewer", "");
    certs(&["issue", "client", "alice", "--quiet"], &scene.directory);
    for path in [
        "/certificates",
        "/audit",
        "/certificates.csv",
        "/audit.jsonl",
    ] {
        assert_eq!(scene.server.client().get(path).status, 401, "{path}");
    }
    let browser = scene.browser("viewer");
    let list = browser.get("/certificates");
    let page = path_of(list.text(), "alice");
    assert!(!list.text().contains("revoke-button"));
    assert!(!browser.get(&page).text().contains("revoke-button"));
    let serial = page.rsplit('/').next().unwrap();
    for path in ["/certificates/revoke", "/certificates/release"] {
        let refused = browser.post(path, &format!("serial={serial}&reason=0"));
        assert_eq!(refused.status, 403);
    }
    assert!(browser.get(&page).text().contains(">valid<"));
}

#[test]
fn several_are_revoked_at_once_and_one_is_released_from_hold() {
    let scene = Scene::new("dashboard-several", "");
    for name in ["a", "b", "c"] {
        certs(&["issue", "client", name, "--quiet"], &scene.directory);
    }
    let browser = scene.browser("operator");
    let list = browser.get("/certificates");
    let [a, b] = ["a", "b"].map(|name| path_of(list.text(), name));
    let serial = |page: &str| page.rsplit('/').next().unwrap().to_owned();
    let fields = format!("serial={}&serial={}&reason=6", serial(&a), serial(&b));
    let asked = browser.post("/certificates/revoke", &fields);
    assert!(asked.text().contains("Revoke 2 certificates?"));
    let confirmed = field(asked.text(), "confirmed");
    let done = browser.post(
        "/certificates/revoke",
        &format!("{fields}&confirmed={confirmed}"),
    );
    assert_eq!(done.status, 303);
    let held = browser.get("/certificates?state=on_hold");
    assert_eq!(rows(held.text()).len(), 2);
    let fields = format!("serial={}", serial(&a));
    let asked = browser.post("/certificates/release", &fields);
    let confirmed = field(asked.text(), "confirmed");
    let done = browser.post(
        "/certificates/release",
        &format!("{fields}&confirmed={confirmed}"),
    );
    assert_eq!(done.status, 303);
    assert!(browser.get(&a).text().contains(">valid<"));
    let nothing = browser.post("/certificates/revoke", "reason=0");
    assert_eq!(nothing.status, 400);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one step after the other")]
fn every_certificate_is_on_a_page_and_in_the_export() {
    let scene = Scene::new("dashboard-pages", "");
    let manifest = scene.directory.join("many.csv");
    let mut text = String::from("profile,names\n");
    (0..120).for_each(|n| text += &format!("server,agent-{n}.example.test\n"));
    std::fs::write(&manifest, text).unwrap();
    let out = scene.directory.join("out");
    let arguments = [
        "issue",
        "batch",
        manifest.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--quiet",
    ];
    certs(&arguments, &scene.directory);
    let browser = scene.browser("viewer");
    for sort in ["expiry", "-expiry", "issued", "-issued", "name", "-name"] {
        let mut path = format!("/certificates?q=example.test&sort={sort}");
        let mut seen = BTreeSet::new();
        let mut back = Vec::new();
        loop {
            let page = browser.get(&path);
            assert_eq!(page.status, 200, "{path}");
            let rows = rows(page.text());
            assert!(rows.iter().all(|row| seen.insert(row.clone())), "{sort}");
            back.push((path.clone(), rows));
            match link(page.text(), "next") {
                Some(next) => path = next,
                None => break,
            }
        }
        assert_eq!(seen.len(), 120, "{sort}");
        let last = browser.get(&path);
        let previous = link(last.text(), "prev").unwrap();
        let before = browser.get(&previous);
        assert_eq!(rows(before.text()), back[back.len() - 2].1, "{sort}");
    }
    let export = browser.get("/certificates.csv?q=agent-1&sort=name");
    assert!(
        export
            .header("content-disposition")
            .unwrap()
            .contains("certificates.csv")
    );
    // agent-1, agent-10 to 19, and agent-100 to 119.
    assert_eq!(export.text().lines().count(), 1 + 31);
    let all = browser.get("/certificates.csv");
    assert!(all.text().lines().count() > 120);
    let jsonl = browser.get("/audit.jsonl?action=issued");
    let lines = jsonl.text().lines();
    for line in lines {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["action"], "issued");
    }
    for path in [
        "/certificates?state=no",
        "/certificates?sort=no",
        "/certificates?after=x",
        "/certificates?label=%20a%20b%3D",
        "/audit?action=no",
        "/audit?since=yesterday",
        "/audit?after=1",
    ] {
        assert_eq!(browser.get(path).status, 400, "{path}");
    }
    assert_eq!(browser.get("/certificates/zz").status, 404);
    assert_eq!(browser.get("/certificates/00").status, 404);
    let odd = browser.get("/certificates?q=%00%22%27%25_%F0%9F%98%80");
    assert_eq!(odd.status, 200);
}

#[test]
fn a_certificate_is_downloaded_in_each_form() {
    let scene = Scene::new("dashboard-files", "");
    certs(&["issue", "client", "alice", "--quiet"], &scene.directory);
    let browser = scene.browser("viewer");
    let page = path_of(browser.get("/certificates").text(), "alice");
    let get = |file: &str| {
        let answer = browser.get(&format!("{page}/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        let place = scene.directory.join(file);
        std::fs::write(&place, &answer.body).unwrap();
        place
    };
    let own = std::fs::read_to_string(scene.directory.join("alice.crt")).unwrap();
    let pem = std::fs::read_to_string(get("certificate.pem")).unwrap();
    assert!(own.starts_with(&pem), "{pem}");
    assert_eq!(std::fs::read_to_string(get("chain.pem")).unwrap(), own);
    let text = |file: &Path, arguments: &[&str]| {
        let output = run(Command::new("openssl").args(arguments).arg("-in").arg(file));
        String::from_utf8(output.stdout).unwrap()
    };
    let der = text(
        &get("certificate.crt"),
        &["x509", "-inform", "DER", "-noout", "-subject"],
    );
    assert!(der.contains("alice"), "{der}");
    let pkcs7 = ["pkcs7", "-inform", "DER", "-print_certs"];
    assert!(text(&get("chain.p7c"), &pkcs7).contains("alice"));
    assert_eq!(browser.get(&format!("{page}/ca.key")).status, 404);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one step after the other")]
fn hostile_names_are_shown_harmlessly() {
    let scene = Scene::new("dashboard-hostile", "");
    let long = format!("URI:https://x.test/{}", "a".repeat(64 << 10));
    let subjects = [
        ("/CN=<script>alert(1)<\\/script>", "DNS:script.test"),
        ("/CN=\" onmouseover=\"alert(1)", "DNS:quote.test"),
        ("/CN=evil\u{202e}gnp.exe", "DNS:rtl.test"),
        ("/CN==HYPERLINK(\"http:\\/\\/x\")", "email:a@b.test"),
        ("/CN=long", &*long),
    ];
    for (i, (subject, names)) in subjects.iter().enumerate() {
        let path = |end: &str| scene.directory.join(format!("hostile-{i}.{end}"));
        let mut extensions = format!("subjectAltName={names}\n");
        if i < 4 {
            // What has no other name goes by its subject.
            extensions = "basicConstraints=CA:FALSE\n".into();
        }
        std::fs::write(path("ext"), extensions).unwrap();
        let openssl = |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            run(command.args(arguments).current_dir(&scene.directory));
        };
        let [key, csr, crt, ext] = ["key", "csr", "crt", "ext"].map(|end| {
            let path = path(end);
            path.to_str().unwrap().to_owned()
        });
        openssl(&[
            "req",
            "-new",
            "-utf8",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &csr,
            "-subj",
            subject,
        ]);
        openssl(&[
            "x509", "-req", "-in", &csr, "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "30",
            "-extfile", &ext, "-out", &crt,
        ]);
        certs(&["ca", "adopt", &crt, "--quiet"], &scene.directory);
    }
    let browser = scene.browser("operator");
    let mut paths: Vec<String> = ["/certificates", "/certificates?q=%3Cscript%3E", "/audit"]
        .map(str::to_owned)
        .into();
    let list = browser.get("/certificates?sort=name");
    paths.extend(
        rows(list.text())
            .into_iter()
            .map(|serial| format!("/certificates/{serial}")),
    );
    assert!(paths.len() >= 3 + subjects.len(), "{paths:?}");
    for path in paths {
        let page = browser.get(&path);
        assert_eq!(page.status, 200, "{path}");
        let text = page.text();
        assert!(!text.contains("<script>"), "{path}");
        assert!(!text.contains("\" onmouseover=\""), "{path}");
        assert!(!text.contains('\u{202e}'), "{path}");
        assert!(text.len() < 300 << 10, "{path}: {} bytes", text.len());
    }
    let export = browser.get("/certificates.csv");
    assert!(!export.text().contains('\u{202e}'));
    let mut reader = csv::Reader::from_reader(export.body.as_slice());
    for record in reader.records() {
        let record = record.unwrap();
        let is_formula = |field: &str| field.starts_with(['=', '+', '@', '\t', '\r']);
        assert!(!record.iter().any(is_formula), "{record:?}");
    }
}

#[test]
fn a_kill_leaves_no_certificate_without_its_record_and_no_record_without_its_certificate() {
    let directory = scratch("audit-kill");
    certs(&["ca", "init", "--quiet"], &directory);
    for moment in 0..30 {
        let name = format!("n-{moment}");
        let mut child = program(&["issue", "client", &name, "--quiet"], &directory)
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(moment * 400));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let json = |arguments: &[&str], member: &str| -> BTreeSet<String> {
        let text = certs(arguments, &directory);
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        let all = all[member].as_array().unwrap();
        all.iter()
            .map(|one| one["serial"].as_str().unwrap().to_owned())
            .collect()
    };
    let recorded = json(&["list", "--json"], "certificates");
    let told = json(&["audit", "--action", "issued", "--json"], "records");
    assert_eq!(recorded, told);
}

/// What OpenSSL hears of alice's certificate.
fn ocsp(scene: &Scene) -> String {
    let mut command = Command::new("openssl");
    command
        .args([
            "ocsp",
            "-issuer",
            "ca.crt",
            "-cert",
            "alice.crt",
            "-CAfile",
            "ca.crt",
        ])
        .arg("-url")
        .arg(format!("http://{}/ocsp", scene.server.http))
        .current_dir(&scene.directory);
    let output = run(&mut command);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("alice.crt: "));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// The path of the page of the certificate with this name in a list.
fn path_of(list: &str, name: &str) -> String {
    let end = list.find(&format!("<bdi>{name}</bdi>")).expect(name);
    let start = list[..end].rfind("href=\"").unwrap() + "href=\"".len();
    list[start..end].split('"').next().unwrap().to_owned()
}

/// The serial numbers of a list, in its order.
fn rows(list: &str) -> Vec<String> {
    let rows = list.split("data-testid=\"row\"").skip(1);
    rows.map(|row| {
        let (_, rest) = row.split_once("href=\"/certificates/").unwrap();
        rest.split('"').next().unwrap().to_owned()
    })
    .collect()
}

/// The path of the link to the next or the previous page.
fn link(page: &str, relation: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("rel=\"{relation}\" href=\""))?;
    let path = rest.split('"').next()?;
    Some(path.replace("&amp;", "&"))
}

/// The value of a hidden field.
fn field(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("{page}"));
    rest.split('"').next().unwrap().to_owned()
}
