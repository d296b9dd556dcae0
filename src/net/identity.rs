//! What a probe shows of itself.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::pki::certificate::Certificate;

/// A client's certificates and the private key of the first, ready to sign a handshake.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Takes the certificates in the order they are sent, and an unencrypted PKCS #8 key: P-256,
    /// P-384, Ed25519 or RSA from 2048 bits.
    ///
    /// The key is read where it lies and not copied; only its scalar or primes stay in memory as
    /// long as the identity. Whether it belongs to the first certificate is not looked at.
    ///
    /// # Errors
    /// When there is no certificate, or the key is not of these types.
    pub fn new(certificates: &[Certificate], pkcs8: &[u8]) -> Result<Self, IdentityError> {
        if certificates.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
        let key = any_supported_type(&key).map_err(|source| IdentityError::Key { source })?;
        let certificates = certificates
            .iter()
            .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()));
        Ok(Identity(Arc::new(CertifiedKey::new(
            certificates.collect(),
            key,
        ))))
    }

    pub(super) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// Why a key cannot be used in a handshake.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Nothing to show.
    #[error("there is no certificate to show")]
    NoCertificate,
    /// Not of a type that signs here.
    #[error("the private key cannot sign a TLS handshake here: {source}")]
    Key {
        /// What rustls says.
        source: rustls::Error,
    },
}
