//! What a TLS server presents during the handshake, and what the client presents to it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};

use crate::pki::certificate::Certificate;
use crate::pki::name::DistinguishedName;
use crate::pki::signature::{Algorithm, KeyProof, P521_SHA512};

/// Records what a server presents and asks for.
///
/// Accepts every certificate, so that all of them are seen; judging them is left to others. Offers
/// only signature schemes that it verifies, so that [`KeyProof::Proven`] is never assumed.
#[derive(Debug)]
pub(super) struct Recorder {
    record: Mutex<Record>,
    identity: Option<Arc<CertifiedKey>>,
}

/// What has been seen of a handshake so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// The certificates in the order they came, as DER.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) key_proof: Option<KeyProof>,
    pub(super) request: Option<ClientCertificateRequest>,
}

/// A server's request for a client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificateRequest {
    /// The CAs it accepts; most servers name none.
    pub authorities: Vec<DistinguishedName>,
    /// Whether a certificate was sent.
    pub answered: bool,
}

impl Recorder {
    pub(super) fn new(identity: Option<&Identity>) -> Self {
        Recorder {
            record: Mutex::default(),
            identity: identity.map(|identity| Arc::clone(&identity.0)),
        }
    }

    pub(super) fn record(&self) -> Record {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what the signature proves. The handshake continues, to see what follows, unless the
    /// server signed with a scheme that it was not offered.
    fn check(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
        version: Version,
    ) -> Result<HandshakeSignatureValid, Error> {
        let mut algorithms = algorithms(signature.scheme);
        if algorithms.is_empty() {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        if version == Version::Tls13 {
            // A scheme of TLS 1.3 names one curve (RFC 8446 §4.2.3).
            algorithms.truncate(1);
        }
        let signature = signature.signature();
        let proof = KeyProof::of(message, certificate, signature, &algorithms);
        self.lock().key_proof = Some(proof);
        Ok(HandshakeSignatureValid::assertion())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Tls12,
    Tls13,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = std::iter::once(end_entity).chain(intermediates);
        self.lock().certificates = all.map(|certificate| certificate.to_vec()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(message, certificate, signature, Version::Tls12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(message, certificate, signature, Version::Tls13)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = default_provider()
            .signature_verification_algorithms
            .supported_schemes();
        schemes.extend(P521_SHA512.map(|_| P521_SCHEME));
        schemes
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(
        &self,
        authorities: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let identity = self.identity.clone();
        let identity = identity.filter(|identity| identity.key.choose_scheme(schemes).is_some());
        let authorities = authorities.iter().take(MAX_AUTHORITIES);
        self.lock().request = Some(ClientCertificateRequest {
            authorities: authorities
                .map(|der| DistinguishedName::from_der(der))
                .collect(),
            answered: identity.is_some(),
        });
        identity
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A client's certificate chain and the private key of its first certificate.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Takes certificates in the order they are sent, and an unencrypted PKCS #8 key: P-256,
    /// P-384, Ed25519, or RSA of at least 2048 bits.
    ///
    /// Does not check that the key belongs to the first certificate.
    ///
    /// # Errors
    /// When there is no certificate, or the key is of another type.
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
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// Why a certificate and key cannot be used in a handshake.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no certificate.
    #[error("no client certificate to present")]
    NoCertificate,
    /// The key is of an unsupported type.
    #[error("the private key cannot sign a TLS handshake: {source}")]
    Key {
        /// The reason rustls gives.
        source: rustls::Error,
    },
}

/// The algorithms of a scheme, the one of TLS 1.3 first.
fn algorithms(scheme: SignatureScheme) -> Vec<Algorithm> {
    let known = default_provider().signature_verification_algorithms.mapping;
    let of_scheme = known.iter().find(|(other, _)| *other == scheme);
    let p521 = P521_SHA512.filter(|_| scheme == P521_SCHEME);
    let algorithms = of_scheme.into_iter().flat_map(|(_, known)| known.iter());
    algorithms.copied().chain(p521).collect()
}

/// ring has no P-521, which grpc-js accepts.
const P521_SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP521_SHA512;
const MAX_AUTHORITIES: usize = 100;
