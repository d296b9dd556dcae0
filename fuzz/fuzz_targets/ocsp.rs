#![no_main]
//! Any bytes are an OCSP request within its bounds, or an error.

use libfuzzer_sys::fuzz_target;
use openagents_certs::pki::ocsp::{CertId, OcspRequest};

fuzz_target!(|der: &[u8]| {
    let Ok(request) = OcspRequest::from_der(der) else { return };
    assert!((1..=OcspRequest::MAX_CERTIFICATES).contains(&request.certificates.len()));
    assert!(request.nonce.is_none_or(|nonce| (1..=128).contains(&nonce.len())));
    for id in &request.certificates {
        assert_eq!(CertId::from_der(id.der).as_ref(), Ok(id));
    }
});
