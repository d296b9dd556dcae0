//! A whole PKI for a network in one go.
