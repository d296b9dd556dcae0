#![no_main]
//! Requests that claim to be signed.

libfuzzer_sys::fuzz_target!(|request: &[u8]| openagents_certs::message::fuzzing::request(request));
