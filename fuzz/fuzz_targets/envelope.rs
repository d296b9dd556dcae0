#![no_main]
//! What a signer may have put into a message.

libfuzzer_sys::fuzz_target!(|text: &[u8]| openagents_certs::message::fuzzing::envelope(text));
