//! Servers that prove themselves with an X.509-SVID instead of a certificate for their host.

use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::ring::default_provider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::pki::certificate::Certificate;
use crate::pki::spiffe::SpiffeId;

/// Takes the X.509-SVID of one ID ([X509-SVID §5](https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md)).
#[derive(Debug)]
pub(super) struct SpiffeVerifier {
    roots: RootCertStore,
    id: SpiffeId,
    algorithms: WebPkiSupportedAlgorithms,
}

impl SpiffeVerifier {
    pub(super) fn new(roots: RootCertStore, id: SpiffeId) -> Self {
        SpiffeVerifier {
            roots,
            id,
            algorithms: default_provider().signature_verification_algorithms,
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
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        match self.is_expected(end_entity) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::NotValidForName.into()),
        }
    }

    checks_handshake_signatures!();
}
