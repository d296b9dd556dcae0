#![no_main]
//! Any bytes are a certificate, whose every part can be shown, or an error.

use libfuzzer_sys::fuzz_target;
use openagents_certs::pki::{certificate::Certificate, extension_value::ExtensionValue};

fuzz_target!(|der: &[u8]| {
    let Ok(certificate) = Certificate::from_der(der.to_vec()) else { return };
    assert_eq!(certificate.as_der(), der);
    let _ = (openagents_certs::path::certificate_problems(&certificate), certificate.serial().decimal());
    let _ = (certificate.subject().to_string(), certificate.issuer().to_string());
    for extension in certificate.extensions() {
        let _ = ExtensionValue::read(extension).map(|value| value.lines());
    }
});
