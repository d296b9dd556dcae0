//! Servers that prove themselves with an X.509-SVID instead of a certificate for their host.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::pki::certificate::Certificate;
use crate::pki::spiffe::SpiffeId;

/// Takes the X.509-SVID of one ID ([X509-SVID §5](https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md)).
#[derive(Debug)]
pub(super) struct SpiffeVerifier {
    roots: RootCertStore,
    id: SpiffeId,
    provider: Arc<CryptoProvider>,
}

impl SpiffeVerifier {
    pub(super) fn new(roots: RootCertStore, id: SpiffeId, provider: Arc<CryptoProvider>) -> Self {
        SpiffeVerifier {
            roots,
            id,
            provider,
        }
    }

    fn is_expected(&self, certificate: &CertificateDer<'_>) -> bool {
        let certificate = Certificate::from_der(certificate.to_vec());
        certificate.is_ok_and(|it| SpiffeId::of_certificate(&it).as_ref() == Some(&self.id))
    }
}

impl ServerCertVerifier for SpiffeVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )?;
        match self.is_expected(end_entity) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::NotValidForName.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
