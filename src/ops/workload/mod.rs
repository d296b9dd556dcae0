//! Workload identities: who gets one, the keys of JWT-SVIDs, and identities as files.

pub mod bundle;
pub mod entry;
pub mod federation;
pub mod fetch;
pub mod jwt;
pub mod node;
