//! x
#![allow(missing_docs)]
pub struct EditError; pub struct Edited; pub struct TlsFiles; pub fn with_tls() {}
