//! Many certificates from a manifest.

pub mod manifest;
