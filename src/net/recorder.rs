//! What is seen of a handshake while it goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::Serialize;

use crate::pki::name::DistinguishedName;

/// Records what a server shows and asks for. Accepts every certificate, so that all of it is seen:
/// whether it is good is for others to judge.
#[derive(Debug)]
pub(super) struct Recorder {
    seen: Mutex<Seen>,
    identity: Option<Arc<CertifiedKey>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// What was recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The certificates in their order, as DER.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) key_proof: Option<KeyProof>,
    pub(super) request: Option<ClientCertificateRequest>,
}

/// Whether the server showed that it has the private key of its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyProof {
    /// It signed the handshake with it.
    Proven,
    /// What it signed does not verify.
    Failed,
    /// A kind of key or signature that is not checked here.
    Unchecked,
}

/// A server asked for a client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificateRequest {
    /// The CAs it names, of which the certificate should be; most servers name none.
    pub authorities: Vec<DistinguishedName>,
    /// Whether one was sent.
    pub answered: bool,
}

impl Recorder {
    pub(super) fn new(identity: Option<Arc<CertifiedKey>>) -> Self {
        Recorder {
            seen: Mutex::default(),
            identity,
            algorithms: default_provider().signature_verification_algorithms,
        }
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn proven(&self, verified: &Result<HandshakeSignatureValid, Error>) -> HandshakeSignatureValid {
        self.lock().key_proof = Some(match verified {
            Ok(_) => KeyProof::Proven,
            Err(Error::InvalidCertificate(CertificateError::BadSignature)) => KeyProof::Failed,
            Err(_) => KeyProof::Unchecked,
        });
        HandshakeSignatureValid::assertion()
    }
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
        Ok(self.proven(&verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.algorithms,
        )))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.proven(&verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.algorithms,
        )))
    }

    /// More than is verified here, so that servers with keys of other kinds show them.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.algorithms.supported_schemes();
        schemes.extend([
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1_Legacy,
        ]);
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

const MAX_AUTHORITIES: usize = 100;
