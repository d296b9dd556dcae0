//! A certificate authority and PKI toolkit for agent networks that talk over `grpcs://`.
//!
//! ```text
//! argv ─► cli::issue::Args ─► ops::issue::Request ─► plan (pure) ─► apply (effects) ─► Report ─► render
//!            clap              what is wanted      what will be     keys, store,      data      text│JSON
//!                                                  signed           files
//! ```
//!
//! Time and randomness are arguments: the binaries read the clock once, [`keys`] draws randomness.
//! `tests/layering.rs` holds who may use whom.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests look at the disk themselves"
    )
)]

pub mod authority;
pub mod cli;
pub mod config;
pub mod error;
pub mod files;
pub mod keys;
pub mod net;
pub mod network;
pub mod ops;
pub mod path;
pub mod pki;
pub mod process;
pub mod render;
pub mod store;

pub use error::Error;
