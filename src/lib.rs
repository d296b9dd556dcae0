//! A certificate authority and PKI toolkit for agent networks that talk over `grpcs://`.
//!
//! ```text
//! argv ─► cli::issue::Args ─► ops::issue::Request ─► plan (pure) ─► apply (effects) ─► Report ─► render
//!            clap              what is wanted      what will be     keys, store,      data      text│JSON
//!                                                  signed           files
//! ```
//!
//! # As a library
//!
//! What the commands do is in [`ops`], one module each: a `Request` goes in, a `Report` comes out, which is data
//! (`serde`) and text (`Display`). Make a CA, issue, and ask what is wrong with what was issued:
//!
//! ```
//! use openagents_certs::authority::AuthorityAt;
//! use openagents_certs::ops::refused::Outcome;
//! use openagents_certs::ops::{Verdict, Report as _, ca, issue, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let directory = temporary.path();
//! let now = time::OffsetDateTime::now_utc();
//! ca::init::run(&ca::Request::new(directory), None, now)?;
//!
//! let server = issue::profile(directory, "server")?;
//! let request = issue::Request::new(server, ["localhost".parse()?]);
//! let from = AuthorityAt::directory(directory);
//! let Outcome::Done(issued) = issue::run(&request, &from, directory, false, now)? else {
//!     panic!("this CA issues for any name");
//! };
//!
//! let mut question = verify::Request::new(&issued.certificate);
//! let (report, _) = verify::run(&question, now)?;
//! assert_eq!(report.verdict(), Verdict::Yes);
//!
//! question.host = Some(openagents_certs::path::ReferenceName::Dns("example.org".into()));
//! let (report, _) = verify::run(&question, now)?;
//! assert_eq!(report.certificates[0].findings[0].id, "host-mismatch");
//! # Ok(())
//! # }
//! ```
//!
//! Whether a whole setup will work, on each TLS stack:
//!
//! ```
//! use openagents_certs::ops::verify_chain::{self, Files};
//! # use openagents_certs::ops::generate;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let directory = temporary.path();
//! # let now = time::OffsetDateTime::now_utc();
//! # generate::run(&generate::Request::new(directory, "localhost".parse()?), &|_| unreachable!(), now)?;
//! let request = verify_chain::Request::of_files(Files::of_directory(directory)?);
//! let report = verify_chain::run(&request, now)?;
//! for pair in &report.files.as_ref().unwrap().stacks {
//!     assert_eq!(pair.connects, Some(true), "{} to {}", pair.client, pair.server);
//! }
//! # Ok(())
//! # }
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

#[macro_use]
mod handshake;

pub mod authority;
pub mod cli;
pub mod config;
pub mod error;
pub mod files;
pub mod keys;
pub mod message;
pub mod net;
pub mod network;
pub mod ops;
pub mod path;
pub mod pki;
pub mod process;
pub mod render;
pub mod server;
pub mod store;

pub use error::Error;
