//! OCSP requests, byte by byte.

use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::ocsp::{HashAlgorithm, IssuerHashes};
use openagents_certs::pki::serial::SerialNumber;

/// The CertID of a serial number.
pub(super) fn cert_id(
    issuer: &Certificate,
    algorithm: HashAlgorithm,
    has_parameters: bool,
    serial: &SerialNumber,
) -> Vec<u8> {
    let hashes = IssuerHashes::of(issuer.subject(), issuer.public_key_info()).unwrap();
    hashes.cert_id(algorithm, has_parameters, serial)
}

/// A request about these CertIDs with a nonce.
pub(super) fn request(ids: &[Vec<u8>], nonce: Option<&[u8]>) -> Vec<u8> {
    let list: Vec<u8> = ids.iter().flat_map(|id| sequence(&[id])).collect();
    let extensions = nonce.map(|nonce| {
        let value = element(4, &[&element(4, &[nonce])]);
        element(0xa2, &[&sequence(&[&sequence(&[NONCE, &value])])])
    });
    sequence(&[&sequence(&[
        &sequence(&[&list]),
        &extensions.unwrap_or_default(),
    ])])
}

/// Whether these bytes contain those.
pub(super) fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

/// The path that asks for a request by GET, with what base64 has and a path may not have encoded or not.
pub(super) fn path(request: &[u8], is_encoded: bool) -> String {
    use base64ct::{Base64, Encoding as _};
    let text = Base64::encode_string(request);
    if !is_encoded {
        return format!("/ocsp/{text}");
    }
    let text = text.replace('+', "%2B").replace('/', "%2F");
    format!("/ocsp/{}", text.replace('=', "%3D"))
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, parts)
}

pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match content.len() {
        0..0x80 => vec![tag, length[1]],
        0x80..0x100 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [header, content].concat()
}

/// id-pkix-ocsp-nonce.
const NONCE: &[u8] = &[6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];
