#![no_main]
//! Any bytes are a PKCS #12 file or an error.

use libfuzzer_sys::fuzz_target;
use openagents_certs::keys::{Password, Pkcs12};

fuzz_target!(|der: &[u8]| {
    let _ = Pkcs12::read(der, Some(&Password::from_file(b"secret")));
});
