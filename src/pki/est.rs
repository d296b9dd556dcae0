//! The bodies of EST ([RFC 7030](https://www.rfc-editor.org/rfc/rfc7030), as
//! [RFC 8951](https://www.rfc-editor.org/rfc/rfc8951) corrects them): base64 of DER.

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use const_oid::ObjectIdentifier;

use super::algorithm::{
    ID_EC_PUBLIC_KEY, ID_ED25519, KeyType, RSA_ENCRYPTION, SECP256R1, SECP384R1,
};
use super::csr::CertificateSigningRequest;
use super::element::{Element, ElementError, SEQUENCE, SET};
use super::encoding::{element, oid, sequence, unsigned_integer};
use super::oid::known_oid;
use super::pem;

/// A body for a client: base64 without line breaks, which every client can read.
pub fn encode(der: &[u8]) -> String {
    Base64::encode_string(der)
}

/// The DER in a body: base64 with or without line breaks, PEM, or DER as it is.
///
/// # Errors
/// When it is none of them.
pub fn decode(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    if body.first() == Some(&SEQUENCE) {
        return Ok(body.to_vec());
    }
    if body.trim_ascii_start().starts_with(b"-----BEGIN ") {
        let blocks = pem::blocks(body).map_err(|_| BodyError::Base64)?;
        let first = blocks.into_iter().next().ok_or(BodyError::Base64)?;
        return Ok(first.contents.to_vec());
    }
    let mut text = String::with_capacity(body.len());
    for byte in body.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if !byte.is_ascii() {
            return Err(BodyError::Base64);
        }
        text.push(char::from(*byte));
    }
    let unpadded = text.trim_end_matches('=');
    let decoded = Base64Unpadded::decode_vec(unpadded).map_err(|_| BodyError::Base64)?;
    if decoded.is_empty() {
        return Err(BodyError::Empty);
    }
    Ok(decoded)
}

/// The certificate signing request in a body.
///
/// # Errors
/// When there is none. Does not check its signature.
pub fn request(body: &[u8]) -> Result<CertificateSigningRequest, BodyError> {
    Ok(CertificateSigningRequest::from_der(decode(body)?)?)
}

/// Which key and signature a request should have, as an answer to `csrattrs`
/// ([RFC 8951 §3.5](https://www.rfc-editor.org/rfc/rfc8951#section-3.5)): the DER of CsrAttrs.
pub fn request_attributes(key_type: KeyType) -> Vec<u8> {
    let attribute = |kind, value: &[u8]| sequence(&[&oid(kind), &element(SET, &[value])]);
    let parts = match key_type {
        KeyType::P256 => [
            attribute(ID_EC_PUBLIC_KEY, &oid(SECP256R1)),
            oid(ECDSA_SHA256),
        ],
        KeyType::P384 => [
            attribute(ID_EC_PUBLIC_KEY, &oid(SECP384R1)),
            oid(ECDSA_SHA384),
        ],
        KeyType::Ed25519 => [oid(ID_ED25519), Vec::new()],
        KeyType::X25519 => [Vec::new(), Vec::new()],
        KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => {
            let bits = key_type.modulus_bits().unwrap_or_default().to_be_bytes();
            [
                attribute(RSA_ENCRYPTION, &unsigned_integer(&bits)),
                oid(RSA_SHA256),
            ]
        }
    };
    sequence(&[&parts[0], &parts[1]])
}

/// Why a body has no content.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is neither base64 nor DER.
    #[error("it is neither base64 nor DER")]
    Base64,
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// What is in it is not a certificate signing request.
    #[error("it is not a certificate signing request (PKCS #10): {0}")]
    Request(#[from] ElementError),
}

/// The DER in a body, if it is one whole SEQUENCE.
///
/// # Errors
/// When it is not.
pub fn decode_sequence(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    let der = decode(body)?;
    Element::only(&der, SEQUENCE, "the body")?;
    Ok(der)
}

const ECDSA_SHA256: ObjectIdentifier = known_oid("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = known_oid("1.2.840.10045.4.3.3");
const RSA_SHA256: ObjectIdentifier = known_oid("1.2.840.113549.1.1.11");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_is_read_with_and_without_line_breaks_and_as_der() {
        let der = sequence(&[&unsigned_integer(&[1; 90])]);
        let plain = encode(&der);
        let broken: Vec<String> = plain
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        for body in [
            plain.clone(),
            broken.join("\n"),
            format!("{}\r\n", broken.join("\r\n")),
            plain.trim_end_matches('=').to_owned(),
            pem::encode("CERTIFICATE REQUEST", &der)
                .unwrap()
                .to_string(),
        ] {
            assert_eq!(decode(body.as_bytes()).unwrap(), der, "{body}");
        }
        assert_eq!(decode(&der).unwrap(), der);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for body in [
            &b""[..],
            b"\n",
            b"%%%",
            b"\xff",
            b"-----BEGIN X-----",
            b"AAAA!",
        ] {
            assert!(decode(body).is_err(), "{body:?}");
        }
        assert!(matches!(request(b"MAA="), Err(BodyError::Request(_))));
    }

    #[test]
    fn the_attributes_of_a_request_are_der() {
        for key_type in KeyType::SIGNING {
            let der = request_attributes(key_type);
            assert_eq!(decode_sequence(&der).unwrap(), der);
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body: Vec<u8>) {
            let _ = request(&body);
            let _ = request(encode(&body).as_bytes());
        }
    }
}
