//! OCSP responses as they will be signed.

use time::OffsetDateTime;

use super::{BASIC_RESPONSE, NONCE};
use crate::pki::algorithm::SignatureAlgorithm;
use crate::pki::crl::RevocationReason;
use crate::pki::element::{ENUMERATED, OCTET_STRING, SEQUENCE, context, context_constructed};
use crate::pki::encoding::{bit_string, element, extension, generalized_time, oid, sequence};

/// Everything that a basic response will say ([RFC 6960 §4.2.1](https://www.rfc-editor.org/rfc/rfc6960#section-4.2.1)).
///
/// The same plan gives the same bytes. Times are whole seconds.
#[derive(Clone, Copy, Debug)]
pub struct ResponsePlan<'a> {
    /// The SHA-1 of the responder's public key, without its algorithm.
    pub responder: &'a [u8],
    /// When it is signed.
    pub produced_at: OffsetDateTime,
    /// The status of each certificate.
    pub responses: &'a [SingleResponse<'a>],
    /// The nonce of the request.
    pub nonce: Option<&'a [u8]>,
}

/// The status of one certificate.
#[derive(Clone, Copy, Debug)]
pub struct SingleResponse<'a> {
    /// The DER of the CertID, as it was in the request.
    pub certificate: &'a [u8],
    /// The status.
    pub status: CertStatus,
    /// When the status was known to be correct.
    pub this_update: OffsetDateTime,
    /// When newer information is available at the latest.
    pub next_update: OffsetDateTime,
}

/// The status of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertStatus {
    /// It was issued, and is not revoked.
    Good,
    /// It is revoked, for good or for now.
    Revoked {
        /// Since when.
        at: OffsetDateTime,
        /// Why; `unspecified` is left out.
        reason: RevocationReason,
    },
    /// It was never issued here.
    Unknown,
}

impl ResponsePlan<'_> {
    /// The DER of the ResponseData.
    pub fn to_be_signed(&self) -> Vec<u8> {
        let responses: Vec<_> = self.responses.iter().map(|one| one.to_der()).collect();
        let extensions = self.nonce.map(|nonce| {
            let nonce = extension(NONCE, false, &element(OCTET_STRING, &[nonce]));
            element(context_constructed(1), &[&sequence(&[&nonce])])
        });
        sequence(&[
            &element(
                context_constructed(2),
                &[&element(OCTET_STRING, &[self.responder])],
            ),
            &generalized_time(self.produced_at),
            &sequence(&[&responses.concat()]),
            &extensions.unwrap_or_default(),
        ])
    }
}

impl SingleResponse<'_> {
    fn to_der(self) -> Vec<u8> {
        sequence(&[
            self.certificate,
            &self.status.to_der(),
            &generalized_time(self.this_update),
            &element(
                context_constructed(0),
                &[&generalized_time(self.next_update)],
            ),
        ])
    }
}

impl CertStatus {
    fn to_der(self) -> Vec<u8> {
        match self {
            CertStatus::Good => element(context(0), &[]),
            CertStatus::Unknown => element(context(2), &[]),
            CertStatus::Revoked { at, reason } => {
                let reason = match reason {
                    RevocationReason::Unspecified => Vec::new(),
                    reason => element(
                        context_constructed(0),
                        &[&element(ENUMERATED, &[&[reason.code()]])],
                    ),
                };
                element(context_constructed(1), &[&generalized_time(at), &reason])
            }
        }
    }
}

/// The DER of a successful OCSPResponse: ResponseData, its signature, and the certificate of the responder.
pub fn response(
    to_be_signed: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    certificate: &[u8],
) -> Vec<u8> {
    let basic = sequence(&[
        to_be_signed,
        algorithm.identifier_der(),
        &bit_string(signature),
        &element(
            context_constructed(0),
            &[&element(SEQUENCE, &[certificate])],
        ),
    ]);
    let bytes = sequence(&[&oid(BASIC_RESPONSE), &element(OCTET_STRING, &[&basic])]);
    sequence(&[&SUCCESSFUL, &element(context_constructed(0), &[&bytes])])
}

/// Why there is no status: the whole response, which is not signed
/// ([RFC 6960 §4.2.1](https://www.rfc-editor.org/rfc/rfc6960#section-4.2.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OcspError {
    /// The request cannot be read.
    MalformedRequest,
    /// The responder cannot answer anybody.
    InternalError,
    /// The responder cannot answer now.
    TryLater,
    /// The certificates are those of another issuer.
    Unauthorized,
}

impl OcspError {
    /// The DER of the OCSPResponse.
    pub fn to_der(self) -> [u8; 5] {
        let code = match self {
            OcspError::MalformedRequest => 1,
            OcspError::InternalError => 2,
            OcspError::TryLater => 3,
            OcspError::Unauthorized => 6,
        };
        [SEQUENCE, 3, ENUMERATED, 1, code]
    }
}

const SUCCESSFUL: [u8; 3] = [ENUMERATED, 1, 0];
