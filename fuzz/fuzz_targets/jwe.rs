#![no_main]
//! Encrypted payloads: for recipients, and under a shared key.

libfuzzer_sys::fuzz_target!(|text: &[u8]| openagents_certs::message::fuzzing::jwe(text));
