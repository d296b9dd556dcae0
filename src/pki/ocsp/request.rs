//! OCSP requests as they are read.

use super::{HashAlgorithm, NONCE};
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::element::{
    BIT_STRING, Element, ElementError, Elements, INTEGER, NULL, OBJECT_IDENTIFIER, OCTET_STRING,
    SEQUENCE, context_constructed, is_minimal_integer, whole_bits,
};
use crate::pki::encoding::{element, oid, sequence};
use crate::pki::extension::Extension;
use crate::pki::general_name::GeneralName;
use crate::pki::serial::SerialNumber;

/// An OCSP request that was read ([RFC 6960 §4.1](https://www.rfc-editor.org/rfc/rfc6960#section-4.1)):
/// 1 to [`OcspRequest::MAX_CERTIFICATES`] CertIDs and at most one nonce.
///
/// A signature is read and not verified: whoever asks is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest<'a> {
    /// The certificates it asks about, in its order.
    pub certificates: Vec<CertId<'a>>,
    /// The nonce that the response repeats: 1 to 128 bytes.
    pub nonce: Option<Vec<u8>>,
}

/// Which certificate: a hash of its issuer's name and key, and its serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertId<'a> {
    /// The DER, which a response repeats.
    pub der: &'a [u8],
    /// The hash algorithm; `None` for one that is not known here.
    pub hash_algorithm: Option<HashAlgorithm>,
    /// Whether the algorithm has NULL for parameters, as most clients write it, or none.
    pub has_parameters: bool,
    /// The hash of the DER of the issuer's name.
    pub issuer_name_hash: &'a [u8],
    /// The hash of the issuer's public key, without its algorithm.
    pub issuer_key_hash: &'a [u8],
    /// The content bytes of the serial number, minimal.
    pub serial: &'a [u8],
}

impl<'a> OcspRequest<'a> {
    /// The most certificates a request may ask about.
    pub const MAX_CERTIFICATES: usize = 100;

    /// Reads DER.
    ///
    /// # Errors
    /// If it is not a request of version 1 in DER, asks about no certificate or too many, has a malformed nonce, or
    /// has a critical extension that is not known here.
    pub fn from_der(der: &'a [u8]) -> Result<Self, MalformedRequestError> {
        let mut outer = Element::only(der, SEQUENCE, "the request")?.children();
        let mut fields = outer.next(SEQUENCE, "tbsRequest")?.children();
        if let Some(signature) = outer.optional(context_constructed(0), "optionalSignature")? {
            read_signature(signature)?;
        }
        outer.end("the request")?;
        if fields.peek() == Some(context_constructed(0)) {
            // v1 is the default, which DER leaves out; there is no other.
            return Err(MalformedRequestError::Version);
        }
        if let Some(name) = fields.optional(context_constructed(1), "requestorName")? {
            let mut name = name.children();
            GeneralName::read(name.any("requestorName")?)?;
            name.end("requestorName")?;
        }
        let mut list = fields.next(SEQUENCE, "requestList")?.children();
        let mut certificates = Vec::new();
        while !list.is_empty() {
            if certificates.len() == Self::MAX_CERTIFICATES {
                return Err(MalformedRequestError::TooMany);
            }
            certificates.push(read_single(list.next(SEQUENCE, "a request")?)?);
        }
        let extensions = read_extensions(&mut fields, 2)?;
        fields.end("tbsRequest")?;
        if certificates.is_empty() {
            return Err(MalformedRequestError::Empty);
        }
        Ok(OcspRequest {
            certificates,
            nonce: nonce(&extensions)?,
        })
    }
}

impl<'a> CertId<'a> {
    /// Reads the SEQUENCE.
    fn read(whole: Element<'a>) -> Result<Self, ElementError> {
        let mut elements = whole.children();
        let algorithm = elements.next(SEQUENCE, "hashAlgorithm")?;
        let name = elements.next(OCTET_STRING, "issuerNameHash")?;
        let key = elements.next(OCTET_STRING, "issuerKeyHash")?;
        let serial = elements.next(INTEGER, "serialNumber")?;
        elements.end("serialNumber")?;
        if !is_minimal_integer(serial.content) {
            return Err(ElementError::Content {
                what: "serialNumber",
            });
        }
        let (hash_algorithm, has_parameters) = hash_algorithm(algorithm)?;
        Ok(CertId {
            der: whole.whole,
            hash_algorithm,
            has_parameters,
            issuer_name_hash: name.content,
            issuer_key_hash: key.content,
            serial: serial.content,
        })
    }

    /// Reads DER.
    ///
    /// # Errors
    /// If it is no CertID.
    pub fn from_der(der: &'a [u8]) -> Result<Self, ElementError> {
        Self::read(Element::only(der, SEQUENCE, "CertID")?)
    }

    /// The serial number.
    pub fn serial_number(&self) -> SerialNumber {
        SerialNumber::from_der_content(self.serial)
    }
}

/// Why DER is not an OCSP request that can be answered: it is answered with malformedRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRequestError {
    /// It does not have the structure of one.
    #[error("not an OCSP request: {source}")]
    Malformed {
        /// The fault.
        #[from]
        source: ElementError,
    },
    /// It says its version.
    #[error("the request has a version, which DER leaves out of version 1")]
    Version,
    /// It asks about nothing.
    #[error("the request asks about no certificate")]
    Empty,
    /// It asks about too many certificates.
    #[error(
        "the request asks about more than {} certificates",
        OcspRequest::MAX_CERTIFICATES
    )]
    TooMany,
    /// Its nonce is malformed, empty or too long.
    #[error("the nonce is not an OCTET STRING of 1 to {MAX_NONCE_BYTES} bytes")]
    Nonce,
    /// It has a critical extension that is not known, or one that is not DER.
    #[error("the request has an extension that cannot be processed")]
    Extension,
}

/// The DER of a CertID.
pub(super) fn cert_id(
    algorithm: HashAlgorithm,
    has_parameters: bool,
    (name_hash, key_hash): (&[u8], &[u8]),
    serial: &SerialNumber,
) -> Vec<u8> {
    let parameters: &[u8] = if has_parameters { &NULL_DER } else { &[] };
    sequence(&[
        &sequence(&[&oid(algorithm.oid()), parameters]),
        &element(OCTET_STRING, &[name_hash]),
        &element(OCTET_STRING, &[key_hash]),
        &serial.to_der(),
    ])
}

const MAX_NONCE_BYTES: usize = 128; // RFC 9654 §2.1
const NULL_DER: [u8; 2] = [NULL, 0];

/// The algorithm of an AlgorithmIdentifier without parameters or with NULL for them.
fn hash_algorithm(identifier: Element<'_>) -> Result<(Option<HashAlgorithm>, bool), ElementError> {
    let mut elements = identifier.children();
    let oid = elements.next(OBJECT_IDENTIFIER, "hashAlgorithm")?;
    let Some(algorithm) = HashAlgorithm::of(oid.content) else {
        return AlgorithmIdentifier::read(identifier)
            .map(|unknown| (None, unknown.parameters.is_some()));
    };
    let has_parameters = !elements.is_empty();
    if has_parameters && elements.any("parameters")?.whole != NULL_DER {
        return Err(ElementError::Content {
            what: "hashAlgorithm",
        });
    }
    elements.end("parameters")?;
    Ok((Some(algorithm), has_parameters))
}

fn read_single(request: Element<'_>) -> Result<CertId<'_>, MalformedRequestError> {
    let mut elements = request.children();
    let id = CertId::read(elements.next(SEQUENCE, "CertID")?)?;
    read_extensions(&mut elements, 0)?;
    elements.end("a request")?;
    Ok(id)
}

/// The extensions under this number, each of which is DER, in the list once, and critical only when known.
fn read_extensions(
    elements: &mut Elements<'_>,
    number: u8,
) -> Result<Vec<Extension>, MalformedRequestError> {
    let Some(wrapper) = elements.optional(context_constructed(number), "extensions")? else {
        return Ok(Vec::new());
    };
    let sequence = Element::only(wrapper.content, SEQUENCE, "extensions")?;
    let extensions = Extension::read_all(sequence)?;
    let is_wrong = |extension: &Extension| {
        let count = extensions.iter().filter(|e| e.oid == extension.oid);
        extension.fault.is_some()
            || (extension.critical && extension.oid != NONCE)
            || count.take(2).count() > 1
    };
    if extensions.is_empty() || extensions.len() > MAX_EXTENSIONS || extensions.iter().any(is_wrong)
    {
        return Err(MalformedRequestError::Extension);
    }
    Ok(extensions)
}

const MAX_EXTENSIONS: usize = 16;

fn nonce(extensions: &[Extension]) -> Result<Option<Vec<u8>>, MalformedRequestError> {
    let Some(extension) = extensions.iter().find(|extension| extension.oid == NONCE) else {
        return Ok(None);
    };
    let nonce = Element::only(&extension.value, OCTET_STRING, "nonce")
        .map_err(|_| MalformedRequestError::Nonce)?;
    if (1..=MAX_NONCE_BYTES).contains(&nonce.content.len()) {
        Ok(Some(nonce.content.to_vec()))
    } else {
        Err(MalformedRequestError::Nonce)
    }
}

/// Says whether a signature has the structure of one.
fn read_signature(wrapper: Element<'_>) -> Result<(), ElementError> {
    let mut elements = Element::only(wrapper.content, SEQUENCE, "the signature")?.children();
    AlgorithmIdentifier::read(elements.next(SEQUENCE, "signatureAlgorithm")?)?;
    whole_bits(elements.next(BIT_STRING, "signature")?, "signature")?;
    if let Some(certificates) = elements.optional(context_constructed(0), "certs")? {
        let certificates = Element::only(certificates.content, SEQUENCE, "certs")?;
        certificates
            .children()
            .each_tagged(SEQUENCE, "a certificate", |_| Ok(()))?;
    }
    elements.end("the signature")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::encoding::extension;

    #[test]
    fn a_request_has_its_certificates_and_its_nonce() {
        let ids = [id(HashAlgorithm::Sha1, 1), id(HashAlgorithm::Sha512, 0xff)];
        let der = request(&ids, &nonce_extension(&[7; 128]));
        let read = OcspRequest::from_der(&der).unwrap();
        assert_eq!(read.certificates.len(), 2);
        assert_eq!(read.certificates[0].der, ids[0]);
        assert_eq!(
            read.certificates[1].hash_algorithm,
            Some(HashAlgorithm::Sha512)
        );
        assert_eq!(read.certificates[1].serial, [0, 0xff]);
        assert_eq!(read.nonce, Some(vec![7; 128]));
    }

    #[test]
    fn a_nonce_has_1_to_128_bytes_and_is_in_the_request_once() {
        let ids = [id(HashAlgorithm::Sha1, 1)];
        let read = |extensions: &[u8]| {
            let der = request(&ids, extensions);
            OcspRequest::from_der(&der).map(|request| request.nonce.map(|nonce| nonce.len()))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&nonce_extension(&[1])), Ok(Some(1)));
        assert_eq!(
            read(&nonce_extension(&[])),
            Err(MalformedRequestError::Nonce)
        );
        assert_eq!(
            read(&nonce_extension(&[1; 129])),
            Err(MalformedRequestError::Nonce)
        );
        let bare = extension(NONCE, false, &[1; 16]);
        assert_eq!(read(&bare), Err(MalformedRequestError::Nonce));
        let twice = [nonce_extension(&[1]), nonce_extension(&[2])].concat();
        assert_eq!(read(&twice), Err(MalformedRequestError::Extension));
    }

    #[test]
    fn an_unknown_extension_is_ignored_unless_it_is_critical() {
        let ids = [id(HashAlgorithm::Sha1, 1)];
        let unknown = const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.4");
        let read = |critical| {
            OcspRequest::from_der(&request(&ids, &extension(unknown, critical, &[5, 0])))
                .map(|_| ())
        };
        assert_eq!(read(false), Ok(()));
        assert_eq!(read(true), Err(MalformedRequestError::Extension));
    }

    #[test]
    fn what_is_not_strict_der_or_not_bounded_is_refused() {
        let good = id(HashAlgorithm::Sha1, 1);
        let whole = request(std::slice::from_ref(&good), &[]);
        for length in 0..whole.len() {
            assert!(OcspRequest::from_der(&whole[..length]).is_err());
        }
        let trailing = [whole.as_slice(), &[0]].concat();
        assert!(OcspRequest::from_der(&trailing).is_err());
        let none = request(&[], &[]);
        assert_eq!(
            OcspRequest::from_der(&none),
            Err(MalformedRequestError::Empty)
        );
        let many = vec![good.clone(); OcspRequest::MAX_CERTIFICATES];
        assert!(OcspRequest::from_der(&request(&many, &[])).is_ok());
        let more = vec![good; OcspRequest::MAX_CERTIFICATES + 1];
        assert_eq!(
            OcspRequest::from_der(&request(&more, &[])),
            Err(MalformedRequestError::TooMany)
        );
        let mut padded = id(HashAlgorithm::Sha1, 1);
        padded.splice(padded.len() - 3.., [INTEGER, 2, 0, 1]);
        padded[1] += 1;
        assert!(OcspRequest::from_der(&request(&[padded], &[])).is_err());
        let version = sequence(&[&sequence(&[
            &element(context_constructed(0), &[&[INTEGER, 1, 0]]),
            &sequence(&[]),
        ])]);
        assert_eq!(
            OcspRequest::from_der(&version),
            Err(MalformedRequestError::Version)
        );
    }

    fn id(algorithm: HashAlgorithm, serial: u8) -> Vec<u8> {
        let mut bits = [0; 16];
        bits[15] = serial;
        let hashes: (&[u8], &[u8]) = (&[1; 20], &[2; 20]);
        cert_id(algorithm, true, hashes, &SerialNumber::from_random(bits))
    }

    fn nonce_extension(nonce: &[u8]) -> Vec<u8> {
        extension(NONCE, false, &element(OCTET_STRING, &[nonce]))
    }

    fn request(ids: &[Vec<u8>], extensions: &[u8]) -> Vec<u8> {
        let list: Vec<_> = ids.iter().map(|id| sequence(&[id])).collect();
        let extensions = if extensions.is_empty() {
            Vec::new()
        } else {
            element(context_constructed(2), &[&sequence(&[extensions])])
        };
        sequence(&[&sequence(&[&sequence(&[&list.concat()]), &extensions])])
    }
}
