//! What a TLS server presents during the handshake, and what the client presents to it.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SignatureVerificationAlgorithm,
    SubjectPublicKeyInfoDer, UnixTime,
};
use serde::Serialize;
use webpki::RawPublicKeyEntity;

use crate::pki::certificate::Certificate;
use crate::pki::name::DistinguishedName;
use crate::pki::public_key::{KeyKind, PublicKey};

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

/// Whether the server proved that it holds the private key of its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyProof {
    /// Its signature over the handshake verifies.
    Proven,
    /// Its signature does not verify.
    Failed,
    /// The key or the signature is of a type that cannot be verified here: nothing is proven.
    Unchecked,
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
        self.lock().key_proof = Some(proof(
            message,
            certificate,
            signature.signature(),
            &algorithms,
        ));
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
        schemes.extend(P521.iter().map(|(scheme, _)| *scheme));
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
    /// No throw-away certificate can be created.
    #[error("cannot create a throw-away client certificate: {source}")]
    Stranger {
        /// The reason rcgen gives.
        source: rcgen::Error,
    },
}

/// What a handshake signature proves. The certificate is read by our own parser, which also reads
/// certificates that webpki rejects, such as version 1.
fn proof(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &[u8],
    algorithms: &[Algorithm],
) -> KeyProof {
    let Ok(certificate) = Certificate::from_der(certificate.to_vec()) else {
        return KeyProof::Unchecked;
    };
    let public_key_info = SubjectPublicKeyInfoDer::from(certificate.public_key_info());
    let Ok(public_key) = RawPublicKeyEntity::try_from(&public_key_info) else {
        return KeyProof::Unchecked;
    };
    let mut proof = KeyProof::Unchecked;
    for algorithm in algorithms {
        match public_key.verify_signature(*algorithm, message, signature) {
            Ok(()) => return KeyProof::Proven,
            Err(webpki::Error::InvalidSignatureForPublicKey) => proof = KeyProof::Failed,
            Err(_) => {}
        }
    }
    if is_rsa_of_other_size(&public_key_info) {
        KeyProof::Unchecked
    } else {
        proof
    }
}

/// ring verifies no RSA signature outside these sizes, however valid it is.
fn is_rsa_of_other_size(public_key_info: &[u8]) -> bool {
    PublicKey::from_der(public_key_info).is_ok_and(|key| {
        matches!(key.kind, KeyKind::Rsa) && !key.bits.is_some_and(|bits| RSA_BITS.contains(&bits))
    })
}

/// The algorithms of a scheme, the one of TLS 1.3 first.
fn algorithms(scheme: SignatureScheme) -> Vec<Algorithm> {
    let known = default_provider().signature_verification_algorithms.mapping;
    let of_scheme = known.iter().find(|(other, _)| *other == scheme);
    let p521 = P521.iter().filter(|(other, _)| *other == scheme);
    of_scheme
        .into_iter()
        .flat_map(|(_, algorithms)| algorithms.iter().copied())
        .chain(p521.map(|(_, algorithm)| *algorithm))
        .collect()
}

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// ring has no P-521, which grpc-js accepts.
#[cfg(feature = "rsa")]
static P521: &[(SignatureScheme, Algorithm)] = &[(
    SignatureScheme::ECDSA_NISTP521_SHA512,
    webpki::aws_lc_rs::ECDSA_P521_SHA512,
)];
#[cfg(not(feature = "rsa"))]
static P521: &[(SignatureScheme, Algorithm)] = &[];

const RSA_BITS: RangeInclusive<usize> = 2048..=8192;
const MAX_AUTHORITIES: usize = 100;
