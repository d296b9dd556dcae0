//! The readers on damaged copies of good files: cut anywhere, they refuse; changed anywhere, they stay on their feet.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests look at the disk themselves"
)]

use std::path::Path;

use openagents_certs::keys::{Password, Pkcs12, read_encrypted_key, read_key};
use openagents_certs::path;
use openagents_certs::pki::bundle::SignedData;
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::crl::RevocationList;
use openagents_certs::pki::csr::CertificateSigningRequest;
use openagents_certs::pki::document::{Document, Kind};
use openagents_certs::pki::extension_value::ExtensionValue;

#[test]
fn der_is_told_by_its_first_elements() {
    for (file, kind) in [
        ("certificate/full.der", Kind::Certificate),
        ("certificate/leaf.der", Kind::Certificate),
        ("csr/csr.der", Kind::SigningRequest),
        ("crl/crl.der", Kind::RevocationList),
        ("key/ecP-256.p8.der", Kind::PrivateKey),
        ("key/ecP-256.sec1.der", Kind::PrivateKey),
        ("key/rsa1024.p1.der", Kind::PrivateKey),
        ("key/enc.der", Kind::EncryptedPrivateKey),
        ("pkcs12/new.p12", Kind::Pkcs12),
        ("pkcs12/nomac.p12", Kind::Pkcs12),
    ] {
        assert_eq!(
            Document::read(&seed(file)).unwrap().parts[0].kind(),
            kind,
            "{file}"
        );
    }
}

#[test]
fn what_is_cut_is_refused_and_what_is_changed_is_survived() {
    let readers: [(&str, Reader); 9] = [
        ("certificate/full.der", certificate),
        ("csr/csr.der", |der| {
            CertificateSigningRequest::from_der(der.to_vec())
                .map(|request| path::request_problems(&request))
                .is_ok()
        }),
        ("crl/crl.der", |der| {
            RevocationList::from_der(der.to_vec())
                .map(|list| path::list_problems(&list))
                .is_ok()
        }),
        ("key/ecP-256.p8.der", |der| read_key(der).is_ok()),
        ("key/ecP-256.sec1.der", |der| read_key(der).is_ok()),
        ("key/ed25519.p8.der", |der| read_key(der).is_ok()),
        ("key/rsa1024.p1.der", |der| read_key(der).is_ok()),
        ("key/enc-v1PBE-SHA1-3DES.der", |der| {
            read_encrypted_key(der, Some(&password())).is_ok()
        }),
        ("pkcs12/plain.p12", |der| {
            Pkcs12::read(der, Some(&password())).is_ok()
        }),
    ];
    for (file, read) in readers {
        let der = seed(file);
        assert!(read(&der), "{file}");
        for length in 0..der.len() {
            assert!(!read(&der[..length]), "{file} cut to {length}");
        }
        for at in (0..der.len().min(600)).step_by(7) {
            for value in [0, 0x1f, 0x80] {
                let mut changed = der.clone();
                changed[at] = value;
                read(&changed);
            }
        }
    }
}

#[test]
fn an_rsa_key_with_one_octet_changed_is_found_out() {
    let der = seed("key/rsa1024.p1.der");
    for at in (7..der.len()).step_by(11) {
        let mut changed = der.clone();
        changed[at] ^= 0x10;
        assert!(read_key(&changed).is_err(), "octet {at}");
    }
}

#[test]
fn pkcs7_gives_its_certificates_in_order() {
    let document = Document::read(&seed("pem/b.p7b")).unwrap();
    assert_eq!(document.parts[0].kind(), Kind::Pkcs7);
    let content = SignedData::from_der(document.parts[0].contents()).unwrap();
    assert_eq!(
        content.certificates,
        [seed("certificate/full.der"), seed("certificate/ca.der")]
    );
}

#[test]
fn text_before_and_after_a_certificate_is_no_part_of_it() {
    let document = Document::read(&seed("pem/text.pem")).unwrap();
    assert_eq!(document.parts[0].contents(), seed("certificate/full.der"));
}

/// Whether octets read.
type Reader = fn(&[u8]) -> bool;

fn certificate(der: &[u8]) -> bool {
    let Ok(certificate) = Certificate::from_der(der.to_vec()) else {
        return false;
    };
    for extension in certificate.extensions() {
        let _ = ExtensionValue::read(extension).map(|value| value.lines());
    }
    let _ = (
        path::certificate_problems(&certificate),
        certificate.subject().to_string(),
    );
    true
}

fn password() -> Password {
    Password::from_file(b"secret")
}

fn seed(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/seeds")
            .join(name),
    )
    .unwrap()
}
