#![no_main]
//! Any bytes are a network, that starts in thought and takes a `tls:` block for good, or an error.

use libfuzzer_sys::fuzz_target;
use openagents_certs::network::{Credentials, NetworkFile, TlsFiles, agent::Agent, examine, start, with_tls};

fuzz_target!(|bytes: &[u8]| {
    let _ = Agent::from_yaml(bytes);
    let Ok(file) = NetworkFile::read(bytes) else { return };
    let startup = start(&file, &mut |_| Credentials::Mutual(Vec::new()));
    let _ = examine(&file, &startup);
    let files = TlsFiles { cert_file: "a".into(), key_file: "b".into(), ca_file: None };
    let Ok(edited) = with_tls(bytes, &files) else { return };
    assert!(!with_tls(edited.text.as_bytes(), &files).unwrap().changed);
});
