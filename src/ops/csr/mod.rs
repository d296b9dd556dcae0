//! PKCS #10 requests: made, and signed.

pub mod create;
