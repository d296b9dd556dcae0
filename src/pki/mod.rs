//! X.509 as values: no files, no network, no clock, no environment, no printing.

pub mod algorithm;
pub mod certificate;
pub mod escape;
pub mod fingerprint;
pub mod issuer;
pub mod lint;
pub mod name;
pub mod pem;
pub mod plan;
pub mod san;
pub mod serial;
pub mod spiffe;
pub mod usage;
pub mod validity;
