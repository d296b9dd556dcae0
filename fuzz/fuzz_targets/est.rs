#![no_main]
//! Any bytes are the body of an EST request or an error, and any text a token or not.

use libfuzzer_sys::fuzz_target;
use openagents_certs::ops::token::TokenText;
use openagents_certs::path;
use openagents_certs::pki::{bundle::SignedData, est};

fuzz_target!(|body: &[u8]| {
    if let Ok(request) = est::request(body) {
        let _ = (path::request_problems(&request), path::is_signed_by_its_key(&request), request.subject_alt_names());
    }
    let _ = est::decode(body).map(|der| SignedData::from_der(&der));
    if let Some(token) = std::str::from_utf8(body).ok().and_then(|text| text.parse::<TokenText>().ok()) {
        assert!(token.encode().parse::<TokenText>().is_ok());
    }
});
