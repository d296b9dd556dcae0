//! What errors mean, a file for each field.

pub(super) mod alerts;
pub(super) mod chain;
pub(super) mod connection;
pub(super) mod files;
pub(super) mod form;
pub(super) mod names;
pub(super) mod revocation;
