#![no_main]
//! Any bytes are a private key, which reads back from its PKCS #8, or an error.

use libfuzzer_sys::fuzz_target;
use openagents_certs::keys::{Password, read_encrypted_key, read_key};

fuzz_target!(|der: &[u8]| {
    let password = Password::from_file(b"test");
    let _ = read_encrypted_key(der, Some(&password));
    let Ok(key) = read_key(der) else { return };
    let again = read_key(key.pkcs8()).expect("what we write reads back");
    assert_eq!(key.public_key_info(), again.public_key_info());
});
