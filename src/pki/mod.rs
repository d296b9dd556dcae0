//! X.509 as values: no files, no network, no clock, no environment, no printing.

pub mod algorithm;
pub mod algorithm_identifier;
pub(crate) mod attribute;
pub mod bundle;
pub mod certificate;
pub(crate) mod element;
pub mod escape;
pub mod extension;
pub mod fingerprint;
pub mod general_name;
pub mod issuer;
pub mod lint;
pub mod moment;
pub mod name;
pub mod oid;
pub mod pem;
pub mod plan;
pub mod problem;
pub mod san;
pub mod serial;
pub mod spiffe;
pub mod usage;
pub mod validity;
