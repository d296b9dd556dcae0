#![no_main]
//! Any bytes are a revocation list, as long as it says, or an error.

use libfuzzer_sys::fuzz_target;
use openagents_certs::pki::{crl::RevocationList, extension_value::ExtensionValue};

fuzz_target!(|der: &[u8]| {
    let Ok(list) = RevocationList::from_der(der.to_vec()) else { return };
    assert_eq!(list.revoked().count(), list.len());
    let entries = list.revoked().flat_map(|entry| entry.extensions);
    for extension in entries.chain(list.extensions().iter().cloned()) {
        let _ = ExtensionValue::read(&extension).map(|value| value.lines());
    }
    let _ = (openagents_certs::path::list_problems(&list), list.issuer().to_string());
});
