#![no_main]
//! What anyone may post to the ACME server.

libfuzzer_sys::fuzz_target!(|body: &[u8]| openagents_certs::server::acme::fuzzing::request(body));
