//! A certificate as it is read.

use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::name::DistinguishedName;
use super::serial::SerialNumber;

/// A certificate that was read: its DER, which parses as a Certificate with nothing behind it
/// ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
///
/// Says nothing about whether it conforms or is to be trusted.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Vec<u8>);

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// When it is no certificate, or something follows it.
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        match X509Certificate::from_der(&der) {
            Ok(([], _)) => Ok(Certificate(der)),
            Ok((rest, _)) => Err(CertificateError::Trailing { octets: rest.len() }),
            Err(source) => Err(CertificateError::Malformed {
                source: source.to_owned(),
            }),
        }
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// The fields, borrowed from the DER.
    pub fn fields(&self) -> X509Certificate<'_> {
        match X509Certificate::from_der(&self.0) {
            Ok((_, fields)) => fields,
            Err(error) => unreachable!("this DER was parsed when it was read: {error}"),
        }
    }

    /// The subject.
    pub fn subject(&self) -> DistinguishedName {
        DistinguishedName::from_der(self.fields().subject().as_raw())
    }

    /// The serial number.
    pub fn serial(&self) -> SerialNumber {
        SerialNumber::from_der_content(self.fields().raw_serial())
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> OffsetDateTime {
        self.fields().validity().not_after.to_datetime()
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

/// Why DER is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It does not parse.
    #[error("not a certificate")]
    Malformed {
        /// What the parser says.
        source: x509_parser::nom::Err<x509_parser::error::X509Error>,
    },
    /// Something follows it.
    #[error("{octets} octets follow the certificate")]
    Trailing {
        /// How many.
        octets: usize,
    },
}
