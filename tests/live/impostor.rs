//! Servers that present a real certificate without holding its key.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;

use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{Error, ServerConfig, SignatureAlgorithm, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;
use serde_json::Value;

use super::pki::{OURS, run, scratch};
use super::server::{BOTH_VERSIONS, TLS_1_2, Tls, accept, serve, speak_http2};
use super::{ids, seen};

#[test]
fn no_command_says_yes_to_a_server_without_the_key_of_its_certificate() {
    for (scheme, versions) in IMPOSTORS {
        let url = format!("grpcs://localhost:{}", impostor(*scheme, versions));
        for arguments in [
            vec!["verify", &url],
            vec!["verify-chain", "--connect", &url],
            vec!["status", &url],
            vec!["status", &url, "--json"],
        ] {
            let output = output(&arguments, &OURS.directory);
            let said = text(&output);
            assert_ne!(
                output.status.code(),
                Some(0),
                "{arguments:?} {scheme:?}: {said}"
            );
            assert!(!said.contains("verdict  yes"), "{arguments:?}: {said}");
        }
        let inspected = output(&["inspect", &url, "--json"], &OURS.directory);
        if inspected.status.code() == Some(0) {
            let json: Value = serde_json::from_slice(&inspected.stdout).unwrap();
            assert_ne!(json["files"][0]["connection"]["key_proof"], "proven");
        }
    }
}

#[test]
fn a_bad_signature_is_undetermined_for_verify_and_no_for_verify_chain() {
    let port = impostor(SignatureScheme::ECDSA_NISTP256_SHA256, BOTH_VERSIONS);
    let url = format!("grpcs://localhost:{port}");
    let verified = output(&["verify", &url], &OURS.directory);
    assert_eq!(verified.status.code(), Some(2));
    assert!(text(&verified).contains("did not prove that it "));
    let chain = output(&["verify-chain", "--connect", &url], &OURS.directory);
    assert_eq!(chain.status.code(), Some(1));
    assert!(text(&chain).contains("live-key-unproven"));
}

#[test]
fn a_signature_scheme_that_was_not_offered_ends_the_handshake() {
    for scheme in UNVERIFIED {
        let report = seen(impostor(*scheme, BOTH_VERSIONS), &OURS.with_ca());
        assert_eq!(report.reached, Some(false), "{scheme:?}");
        assert_eq!(ids(&report), ["live-handshake"], "{scheme:?}");
    }
}

#[test]
fn rotation_does_not_trust_what_an_impostor_accepts() {
    let directory = scratch("live-impostor-rotation");
    run(&["generate", "--mtls"], &directory);
    run(&["ca", "rotate", "prepare"], &directory);
    for (scheme, versions) in IMPOSTORS {
        let url = format!("grpcs://localhost:{}", impostor(*scheme, versions));
        let arguments = ["ca", "rotate", "activate", "--endpoint", &url];
        let output = output(&arguments, &directory);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{scheme:?}: {}",
            text(&output)
        );
    }
}

#[test]
fn a_renewal_is_not_confirmed_by_an_impostor_that_presents_the_new_certificate() {
    let directory = scratch("live-impostor-renewal");
    run(&["generate", "--mtls"], &directory);
    let served = directory.join("server.crt");
    let port = serve(move |_, stream| {
        let chain = super::pki::read(&served);
        let chain = chain.iter().map(|one| one.as_der().to_vec()).collect();
        let config = config(chain, SignatureScheme::ECDSA_NISTP256_SHA256, BOTH_VERSIONS);
        accept(&config, stream, &|stream| speak_http2(stream));
    });
    let url = format!("grpcs://localhost:{port}");
    let renewed = output(
        &[
            "renew",
            "server",
            "--force",
            "--probe",
            &url,
            "--probe-timeout",
            "1s",
        ],
        &directory,
    );
    assert_ne!(renewed.status.code(), Some(0), "{}", text(&renewed));
}

/// A server that presents our certificate and signs with random bytes under this scheme. Gives the port.
fn impostor(
    scheme: SignatureScheme,
    versions: &'static [&'static SupportedProtocolVersion],
) -> u16 {
    let certificates = OURS.server.certificates.iter();
    let chain = certificates.map(|one| one.as_der().to_vec()).collect();
    let config = config(chain, scheme, versions);
    serve(move |_, stream| accept(&config, stream, &|stream| speak_http2(stream)))
}

fn config(
    chain: Vec<Vec<u8>>,
    scheme: SignatureScheme,
    versions: &'static [&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    let certified = CertifiedKey::new(chain, Arc::new(Forger(scheme)));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(Tls::ours().clients)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// Signs with bytes that verify under no key.
#[derive(Clone, Copy, Debug)]
struct Forger(SignatureScheme);

impl SigningKey for Forger {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(*self))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Forger {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0x5a; 70])
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}

fn output(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command
        .args(arguments)
        .arg("-C")
        .arg(directory)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr]
        .concat()
        .escape_ascii()
        .to_string()
}

const UNVERIFIED: &[SignatureScheme] = &[
    SignatureScheme::ED448,
    SignatureScheme::ECDSA_SHA1_Legacy,
    SignatureScheme::RSA_PKCS1_SHA1,
];
const IMPOSTORS: &[(SignatureScheme, &[&SupportedProtocolVersion])] = &[
    (SignatureScheme::ECDSA_NISTP256_SHA256, BOTH_VERSIONS),
    (SignatureScheme::ECDSA_NISTP256_SHA256, TLS_1_2),
    (SignatureScheme::ECDSA_NISTP521_SHA512, BOTH_VERSIONS),
    (SignatureScheme::ED448, BOTH_VERSIONS),
    (SignatureScheme::ED448, TLS_1_2),
    (SignatureScheme::ECDSA_SHA1_Legacy, BOTH_VERSIONS),
    (SignatureScheme::RSA_PSS_SHA256, BOTH_VERSIONS),
];
