//! TLS: the server's certificate, which can be replaced at any time, and any client certificate.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DistinguishedName, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::keys::ReadKey;
use crate::pki::certificate::Certificate;

/// The certificate that the server presents now. Connections that are open keep the one they began with.
#[derive(Debug)]
pub(super) struct Presented {
    pair: RwLock<Arc<CertifiedKey>>,
    provider: Arc<CryptoProvider>,
}

impl Presented {
    /// Presents a certificate, the chain behind it, and its key.
    ///
    /// # Errors
    /// When the key is not the certificate's, or of a type that cannot sign a handshake.
    pub(super) fn new(chain: &[Certificate], key: &ReadKey) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair = RwLock::new(Arc::new(certified(chain, key, &provider)?));
        Ok(Presented { pair, provider })
    }

    /// Presents another one from now on.
    ///
    /// # Errors
    /// As [`Presented::new`]; then the old one stays.
    pub(super) fn replace(
        &self,
        chain: &[Certificate],
        key: &ReadKey,
    ) -> Result<(), rustls::Error> {
        let new = Arc::new(certified(chain, key, &self.provider)?);
        *self.pair.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self.pair.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

fn certified(
    chain: &[Certificate],
    key: &ReadKey,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, rustls::Error> {
    let chain = chain
        .iter()
        .map(|one| CertificateDer::from(one.as_der().to_vec()));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8()));
    CertifiedKey::from_der(chain.collect(), key.clone_key(), provider)
}

/// Accepts TLS connections: HTTP/2 and HTTP/1.1, with or without a client certificate.
///
/// # Errors
/// Never for the versions that ring supports.
pub(super) fn acceptor(presented: &Arc<Presented>) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::clone(&presented.provider);
    let verifier = AnyClientCertificate {
        algorithms: provider.signature_verification_algorithms,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::clone(presented) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.send_tls13_tickets = 1;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Takes any client certificate whose key signs the handshake. What it is good for is judged per request, by the
/// inventory.
#[derive(Debug)]
struct AnyClientCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyClientCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    checks_handshake_signatures!();
}
