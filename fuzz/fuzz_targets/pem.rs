#![no_main]
//! Any text is PEM blocks or an error, and its objects are read or refused.

use libfuzzer_sys::fuzz_target;
use openagents_certs::pki::{bundle, document::Document, pem};

fuzz_target!(|text: &[u8]| {
    for block in pem::blocks(text).unwrap_or_default() {
        assert!(!block.contents.is_empty() && block.line > 0);
    }
    let _ = Document::read(text);
    let _ = bundle::certificates(text).map(|all| bundle::relations(&all));
});
