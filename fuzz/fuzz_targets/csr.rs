#![no_main]
//! Any bytes are a certificate signing request or an error.

use libfuzzer_sys::fuzz_target;
use openagents_certs::pki::csr::CertificateSigningRequest;

fuzz_target!(|der: &[u8]| {
    let Ok(request) = CertificateSigningRequest::from_der(der.to_vec()) else { return };
    let _ = (openagents_certs::path::request_problems(&request), request.subject().to_string(), request.subject_alt_names());
});
