//! The Online Certificate Status Protocol as values: requests that are read, responses that will be signed
//! ([RFC 6960](https://www.rfc-editor.org/rfc/rfc6960), [RFC 9654](https://www.rfc-editor.org/rfc/rfc9654)).
//!
//! Read and written by the same strict elements as certificates: the x509-ocsp crate needs other versions of
//! `der` and `x509-cert`, and does not keep the bytes of a CertID, which a response has to repeat.

mod request;
mod response;

use const_oid::ObjectIdentifier;
use ring::digest;

pub use request::{CertId, MalformedRequestError, OcspRequest};
pub use response::{CertStatus, OcspError, ResponsePlan, SingleResponse, response};

use super::algorithm::{ID_SHA1, ID_SHA256, ID_SHA384, ID_SHA512};
use super::element::ElementError;
use super::name::DistinguishedName;
use super::public_key::KeyParts;
use super::serial::SerialNumber;
use crate::pki::oid::known_oid;

/// The hash algorithm of a CertID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-1, which RFC 5019 requires: not for security, but to find the issuer.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: [HashAlgorithm; 4] = [
        HashAlgorithm::Sha1,
        HashAlgorithm::Sha256,
        HashAlgorithm::Sha384,
        HashAlgorithm::Sha512,
    ];

    /// The algorithm with this object identifier, given as its content bytes.
    fn of(oid: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.oid().as_bytes() == oid)
    }

    fn oid(self) -> ObjectIdentifier {
        match self {
            HashAlgorithm::Sha1 => ID_SHA1,
            HashAlgorithm::Sha256 => ID_SHA256,
            HashAlgorithm::Sha384 => ID_SHA384,
            HashAlgorithm::Sha512 => ID_SHA512,
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            HashAlgorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            HashAlgorithm::Sha256 => &digest::SHA256,
            HashAlgorithm::Sha384 => &digest::SHA384,
            HashAlgorithm::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

/// An issuer as CertIDs name it: the hashes of its name and its key, of each algorithm.
#[derive(Clone, Debug)]
pub struct IssuerHashes([(Vec<u8>, Vec<u8>); 4]);

impl IssuerHashes {
    /// The hashes of an issuer's name and public key, a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// If the key is malformed.
    pub fn of(name: &DistinguishedName, public_key_info: &[u8]) -> Result<Self, ElementError> {
        let key = KeyParts::read(public_key_info)?.key;
        let hashes = |algorithm: HashAlgorithm| {
            let name = algorithm.hash(name.as_der());
            (name, algorithm.hash(key))
        };
        Ok(IssuerHashes(HashAlgorithm::ALL.map(hashes)))
    }

    /// Whether a CertID names this issuer.
    pub fn matches(&self, id: &CertId<'_>) -> bool {
        let Some(algorithm) = id.hash_algorithm else {
            return false;
        };
        let (name, key) = &self.0[algorithm as usize];
        name == id.issuer_name_hash && key == id.issuer_key_hash
    }

    /// The DER of the CertID of a certificate of this issuer, by one algorithm, with NULL for its parameters or none.
    pub fn cert_id(
        &self,
        algorithm: HashAlgorithm,
        has_parameters: bool,
        serial: &SerialNumber,
    ) -> Vec<u8> {
        let (name, key) = &self.0[algorithm as usize];
        request::cert_id(algorithm, has_parameters, (name, key), serial)
    }

    /// The SHA-1 of its key, as a ResponderID of its own has it.
    pub fn sha1_of_key(&self) -> &[u8] {
        &self.0[0].1
    }
}

/// id-pkix-ocsp-basic (RFC 6960 §4.2.1).
const BASIC_RESPONSE: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.48.1.1");
/// id-pkix-ocsp-nonce (RFC 9654 §2.1).
const NONCE: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.48.1.2");
