//! tls-alpn-01: a certificate that says so ([RFC 8737](https://www.rfc-editor.org/rfc/rfc8737)).

use std::sync::Arc;
use std::time::Duration;

use const_oid::ObjectIdentifier;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::ring as provider;
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::dial::Dialer;
use crate::net::reverse_name;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::server::acme::identifier::Identifier;
use crate::server::acme::problem::{Problem, ProblemType};

/// Looks at the certificate that the host presents for this protocol.
///
/// # Errors
/// When it presents none, or another one.
pub(super) async fn validate(
    dialer: &Dialer,
    port: u16,
    identifier: &Identifier,
    key_authorization: &str,
) -> Result<(), Problem> {
    let presented = timeout(TIME, presented(dialer, port, identifier)).await;
    let presented = presented.unwrap_or_else(|_| {
        let detail = format!("{identifier}: no TLS handshake in time");
        Err(Problem::new(ProblemType::Connection, detail))
    })?;
    check(&presented, identifier, key_authorization).map_err(|what| {
        let detail = format!("{identifier}: the certificate for {ALPN_NAME} {what}");
        Problem::new(ProblemType::IncorrectResponse, detail)
    })
}

/// The certificate of a handshake.
async fn presented(
    dialer: &Dialer,
    port: u16,
    identifier: &Identifier,
) -> Result<Vec<u8>, Problem> {
    let tls = |what: String| Problem::new(ProblemType::Tls, format!("{identifier}: {what}"));
    let name = name_in_handshake(identifier).ok_or_else(|| tls("not a name of TLS".into()))?;
    let (stream, address) = dialer.connect(identifier, port).await?;
    let connector = TlsConnector::from(Arc::new(client_config(&[ALPN_NAME.as_bytes()])));
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| tls(format!("TLS with {address}: {error}")))?;
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() != Some(ALPN_NAME.as_bytes()) {
        return Err(tls(format!("{address} did not select {ALPN_NAME}")));
    }
    let certificates = session.peer_certificates().unwrap_or_default();
    let [leaf, ..] = certificates else {
        return Err(tls(format!("{address} presented no certificate")));
    };
    Ok(leaf.to_vec())
}

/// Whether a certificate is the answer: for this name alone, with the digest of the key authorization.
fn check(der: &[u8], identifier: &Identifier, key_authorization: &str) -> Result<(), String> {
    let certificate =
        Certificate::from_der(der.to_vec()).map_err(|error| format!("is malformed: {error}"))?;
    let names = certificate
        .subject_alt_names()
        .map_err(|error| format!("is malformed: {error}"))?;
    let names = names.unwrap_or_default();
    let is_for_it = match (names.as_slice(), identifier) {
        ([GeneralName::Dns(name)], Identifier::Dns(own)) => name.eq_ignore_ascii_case(own),
        ([name @ GeneralName::Ip(_)], Identifier::Ip(own)) => name.address() == Some(*own),
        _ => false,
    };
    if !is_for_it {
        let names: Vec<String> = names
            .iter()
            .take(MOST_SHOWN)
            .map(ToString::to_string)
            .collect();
        return Err(format!(
            "is not for this name alone, but for '{}'",
            names.join("', '")
        ));
    }
    let extension = certificate.extension(ID_PE_ACME_IDENTIFIER);
    let extension = extension.ok_or("has no acmeIdentifier extension")?;
    if !extension.critical {
        return Err("has an acmeIdentifier extension that is not critical".into());
    }
    let digest = Fingerprint::sha256(key_authorization.as_bytes());
    let expected = [&[OCTET_STRING, 32], digest.as_bytes()].concat();
    if extension.value != expected {
        return Err("has another digest in its acmeIdentifier extension".into());
    }
    Ok(())
}

/// What a client of TLS sends as server name: of an address its name in reverse DNS (RFC 8738 §6).
fn name_in_handshake(identifier: &Identifier) -> Option<ServerName<'static>> {
    let name = match identifier {
        Identifier::Dns(name) => name.clone(),
        Identifier::Ip(address) => reverse_name(*address),
    };
    ServerName::try_from(name).ok()
}

/// The name of a host as TLS has it.
pub(super) fn server_name(host: &Identifier) -> Option<ServerName<'static>> {
    match host {
        Identifier::Dns(name) => ServerName::try_from(name.clone()).ok(),
        Identifier::Ip(address) => Some(ServerName::IpAddress((*address).into())),
    }
}

/// A client that accepts any certificate: what it is to prove is looked at afterwards, or is in the content.
pub(super) fn client_config(protocols: &[&[u8]]) -> ClientConfig {
    let provider = Arc::new(provider::default_provider());
    let verifier = Arc::new(AnyCertificate {
        schemes: provider
            .signature_verification_algorithms
            .supported_schemes(),
    });
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = match builder {
        Ok(builder) => builder,
        Err(error) => unreachable!("ring has the default versions: {error}"),
    };
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.resumption = tokio_rustls::rustls::client::Resumption::disabled();
    config
}

/// Accepts any certificate. That the host has its key proves nothing here: the host's answer is the certificate itself.
/// Its signature is not checked, since webpki reads no certificate with the critical extension of this challenge.
#[derive(Debug)]
struct AnyCertificate {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

const ALPN_NAME: &str = "acme-tls/1";
const ID_PE_ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");
const OCTET_STRING: u8 = 4;
/// For the handshake, connecting included.
const TIME: Duration = Duration::from_secs(10);
const MOST_SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};

    use super::*;

    fn certificate(names: &[&str], key_authorization: Option<&str>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().unwrap()),
            });
        }
        if let Some(text) = key_authorization {
            let digest = Fingerprint::sha256(text.as_bytes());
            let extension = CustomExtension::new_acme_identifier(digest.as_bytes());
            params.custom_extensions.push(extension);
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_answers_for_its_one_name() {
        let (a, b) = ("a.example", "192.0.2.1");
        let name = Identifier::Dns(a.into());
        let address = Identifier::Ip(b.parse().unwrap());
        assert_eq!(check(&certificate(&[a], Some("key")), &name, "key"), Ok(()));
        assert_eq!(
            check(&certificate(&[b], Some("key")), &address, "key"),
            Ok(())
        );
        for (names, key_authorization, identifier) in [
            (&[a][..], Some("other"), &name),
            (&[a], None, &name),
            (&[a, "b.example"], Some("key"), &name),
            (&["b.example"], Some("key"), &name),
            (&[], Some("key"), &name),
            (&[a], Some("key"), &address),
        ] {
            let der = certificate(names, key_authorization);
            assert!(check(&der, identifier, "key").is_err(), "{names:?}");
        }
        assert!(check(b"", &name, "key").is_err());
    }

    #[test]
    fn an_address_is_named_by_its_reverse() {
        let name = |text: &str| {
            let name = name_in_handshake(&Identifier::Ip(text.parse().unwrap()));
            name.unwrap().to_str().into_owned()
        };
        assert_eq!(name("192.0.2.1"), "1.2.0.192.in-addr.arpa");
        assert_eq!(
            name("2001:db8::1"),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
