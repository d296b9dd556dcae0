#![no_main]
//! Any text is a port to dial, which shows as text that is the same port, or an error.

use libfuzzer_sys::fuzz_target;
use openagents_certs::net::Target;

fuzz_target!(|text: &str| {
    let Ok(target) = text.parse::<Target>() else { return };
    assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
});
