//! `inspect` on files that OpenSSL made: see fuzz/seeds.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests look at the disk themselves"
)]

use std::path::{Path, PathBuf};

use openagents_certs::ops::inspect::{Detail, Report, Request, run};
use openagents_certs::ops::live::Dialling;
use openagents_certs::pki::pem;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

#[test]
fn every_standard_extension_is_told_in_the_words_of_its_rfc() {
    let text = show(&seed("certificate/full.der"), Detail::Full).to_string();
    for line in [
        "subject                     OU=x,CN=a.example",
        "issuer                      O=Ünïcode,CN=Peer CA",
        "serial                      01:23:45:67:89:ab:cd:ef",
        "serial, decimal             81985529216486895",
        "valid until                 2026-11-30T09:49:05Z (5 days left)",
        "key                         RSA (2048 bits)",
        "key pin                     iYLB65GlqRuCwq+nxZm8oL9vpuUd7Tot1jZZA7iG2uk=",
        "basicConstraints, critical  CA, path length 3",
        "keyUsage, critical          digitalSignature, keyCertSign, cRLSign",
        "extendedKeyUsage            serverAuth, clientAuth, 1.2.3.4",
        "subjectAltName              dns:a.example",
        "nameConstraints, critical   permitted dns:example",
        "permitted ip:10.0.0.0/8",
        "excluded directory:CN=dn",
        "cRLDistributionPoints       uri:http://crl.example/a.crl for keyCompromise, cACompromise signed by directory:CN=dn",
        "authorityInfoAccess         ocsp uri:http://ocsp.example",
        "subjectInfoAccess           caRepository uri:http://repo.example",
        "1.3.5.8; cps: http://cps.example; unotice: explicit text",
        "policyConstraints           requireExplicitPolicy 3, inhibitPolicyMapping 1",
        "inhibitAnyPolicy            after 2 certificates",
        "policyMappings              1.2.3.4 counts as 1.2.3.5",
        "tlsFeature                  status_request (OCSP must be stapled), status_request_v2",
        "authorityKeyIdentifier      72:6b:55:e4:7f:fb:b6:1c:f4:b7:96:e0:36:fe:89:fd:03:fb:a3:05",
        "netscapeComment             a comment",
        "1.2.3.4.5                   0c:05:68:65:6c:6c:6f",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("problems"), "{text}");
}

#[test]
fn json_says_what_the_text_says() {
    let report = show(&seed("certificate/full.der"), Detail::Full);
    let certificate = &json(&report)["files"][0]["objects"][0];
    assert_eq!(certificate["kind"], "certificate");
    assert_eq!(certificate["not_after"], "2026-11-30T09:49:05Z");
    assert_eq!(certificate["validity"], "valid");
    assert_eq!(certificate["expires_in_seconds"], 468_245);
    assert_eq!(certificate["public_key"]["bits"], 2048);
    let extensions = certificate["extensions"].as_array().unwrap();
    let value = |name| &extensions.iter().find(|e| e["name"] == name).unwrap()["value"];
    assert_eq!(value("basicConstraints")["path_length"], 3);
    assert_eq!(value("keyUsage")[1], "keyCertSign");
    assert_eq!(value("nameConstraints")["permitted"][1], "ip:10.0.0.0/8");
    assert_eq!(value("extendedKeyUsage")[2]["oid"], "1.2.3.4");
    assert_eq!(value("policyConstraints")["require_explicit_policy"], 3);
}

#[test]
fn a_revocation_list_shows_what_is_revoked_and_since_when() {
    let text = show(&seed("crl/crl.der"), Detail::Full).to_string();
    assert!(
        text.contains("0b since 2026-01-01T00:00:00Z, keyCompromise"),
        "{text}"
    );
    assert!(
        text.contains("only end entities; only for keyCompromise"),
        "{text}"
    );
    assert!(
        text.contains("cRLNumber                           05"),
        "{text}"
    );
}

#[test]
fn every_form_of_private_key_shows_its_public_half() {
    let p256 = "BTa/4F1sLwSRSJtlt1PHUWEgD3oTeoZsTTvkaDS2XLE=";
    for (file, form, pin) in [
        ("ecP-256.p8.der", "pkcs8", p256),
        ("ecP-256.sec1.der", "sec1", p256),
        ("enc.der", "pkcs8", p256),
        ("enc-scrypt.der", "pkcs8", p256),
        ("enc-v1PBE-SHA1-3DES.der", "pkcs8", p256),
        (
            "rsa1024.p1.der",
            "pkcs1",
            "yvksKL9Nha50GgvQld6wQCwvoNeFxxM965MwGb5dXVo=",
        ),
        (
            "ed25519.p8.der",
            "pkcs8",
            "dbDzQtJzY8AM3hjxZsuwSHYeLTOTlPLgUyneQ3jmmqw=",
        ),
    ] {
        let key =
            json(&show(&seed("key").join(file), Detail::Full))["files"][0]["objects"][0].clone();
        assert_eq!(key["kind"], "private_key", "{file}");
        assert_eq!(key["format"], form, "{file}");
        assert_eq!(key["public_key"]["spki_pin_sha256"], pin, "{file}");
        assert_eq!(key["halves_checked"], true, "{file}");
        assert_eq!(
            key["encryption"].is_string(),
            file.starts_with("enc"),
            "{file}"
        );
    }
}

#[test]
fn an_encrypted_key_without_its_password_shows_how_it_is_encrypted() {
    let request = Request {
        password_file: None,
        ..request(&seed("key/enc.der"), Detail::Full)
    };
    let report = run(&request, NOW).unwrap();
    let key = &json(&report)["files"][0]["objects"][0];
    assert_eq!(key["kind"], "encrypted_private_key");
    assert_eq!(
        key["encryption"],
        "PBES2, PBKDF2 with HMAC-SHA256, 2048 rounds, AES-256-CBC"
    );
}

#[test]
fn pkcs12_files_new_and_old_open_with_their_password_only() {
    for file in ["new.p12", "legacy.p12", "nomac.p12", "plain.p12"] {
        let path = seed("pkcs12").join(file);
        let report = show(&path, Detail::Full);
        let objects = json(&report)["files"][0]["objects"]
            .as_array()
            .unwrap()
            .clone();
        assert_eq!(objects[0]["kind"], "private_key", "{file}");
        assert_eq!(objects[1]["kind"], "certificate", "{file}");
        let wrong = Request {
            password_file: Some("Cargo.toml".into()),
            ..request(&path, Detail::Full)
        };
        let errors = run(&wrong, NOW).unwrap().into_errors();
        assert!(
            errors[0].to_string().contains("wrong password"),
            "{file}: {}",
            errors[0]
        );
    }
    let report = json(&show(&seed("pkcs12/new.p12"), Detail::Full));
    assert_eq!(
        report["files"][0]["objects"][1]["friendly_name"],
        "friendly ü"
    );
}

#[test]
fn a_bundle_says_who_issued_whom_and_what_is_out_of_order() {
    let (ca, leaf) = (seed("certificate/ca.der"), seed("certificate/leaf.der"));
    let directory = tempfile::tempdir().unwrap();
    let bundle = |name, parts: &[&Path]| {
        let path = directory.path().join(name);
        let texts = parts
            .iter()
            .map(|part| pem::encode("CERTIFICATE", &std::fs::read(part).unwrap()).unwrap());
        std::fs::write(
            &path,
            texts.map(|text| text.to_string()).collect::<String>(),
        )
        .unwrap();
        path
    };
    let good = show(&bundle("good", &[&leaf, &ca]), Detail::Full).to_string();
    assert!(good.contains("\n1  certificate, issued by 2\n"), "{good}");
    assert!(good.contains("\n2  certificate, self-signed\n"), "{good}");
    assert!(!good.contains("wrong order"), "{good}");
    let wrong = show(&bundle("wrong", &[&ca, &leaf, &leaf]), Detail::Full).to_string();
    assert!(
        wrong.contains("note: wrong order: certificate 1 precedes one that it issued"),
        "{wrong}"
    );
    assert!(wrong.contains("\n3  certificate, a copy of 2\n"), "{wrong}");
    let alone = show(&bundle("alone", &[&leaf, &leaf]), Detail::Full).to_string();
    assert!(
        alone.contains("\n1  certificate, its issuer is not in this file\n"),
        "{alone}"
    );
}

#[test]
fn short_is_five_lines() {
    let text = show(&seed("certificate/full.der"), Detail::Short).to_string();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(
        text.starts_with("subject      OU=x,CN=a.example\n"),
        "{text}"
    );
}

#[test]
fn clean_pem_reads_back_as_the_same_objects() {
    for file in [
        "pem/b.p7b",
        "pem/text.pem",
        "pem/csr.pem",
        "pem/crl.pem",
        "pkcs12/new.p12",
    ] {
        let text = show(&seed(file), Detail::Pem).to_string();
        let blocks = pem::blocks(text.as_bytes()).unwrap();
        let again: String = blocks
            .iter()
            .map(|block| {
                pem::encode(&block.label, &block.contents)
                    .unwrap()
                    .to_string()
            })
            .collect();
        assert_eq!(text, again, "{file}");
        assert!(!text.contains("PRIVATE"), "{file}");
    }
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_other_from_being_shown() {
    let request = Request {
        files: vec![
            seed("absent"),
            seed("certificate/ca.der"),
            seed("README.md"),
        ],
        ..request(Path::new(""), Detail::Full)
    };
    let report = run(&request, NOW).unwrap();
    assert!(report.to_string().contains("CN=Peer CA"));
    let files = json(&report)["files"].clone();
    assert!(
        files[0]["error"]
            .as_str()
            .unwrap()
            .contains("absent: cannot read")
    );
    assert!(files[1]["error"].is_null());
    assert_eq!(report.into_errors().len(), 2);
}

#[test]
fn a_key_encrypted_the_old_way_opens_with_its_password() {
    let file = seed("pem/legacy.ec.pem");
    let key = json(&show(&file, Detail::Full))["files"][0]["objects"][0].clone();
    assert_eq!(key["format"], "sec1");
    let locked = run(
        &Request {
            password_file: None,
            ..request(&file, Detail::Full)
        },
        NOW,
    )
    .unwrap();
    let key = &json(&locked)["files"][0]["objects"][0];
    assert_eq!(key["encryption"], "RFC 1421, AES-256-CBC");
}

const NOW: OffsetDateTime = datetime!(2026-11-24 23:45:00 UTC);

fn seed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name)
}

/// What is shown of a file, with the seeds' password.
fn show(path: &Path, detail: Detail) -> Report {
    run(&request(path, detail), NOW).unwrap()
}

fn request(path: &Path, detail: Detail) -> Request {
    Request {
        files: vec![path.to_owned()],
        dialling: Dialling::default(),
        password_file: Some(seed("password.txt")),
        detail,
    }
}

fn json(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}
