//! The server as a process: it starts, stops, reloads, and keeps its limits.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    dead_code,
    unused_imports,
    reason = "helpers of tests"
)]

pub(crate) mod client;
mod limits;
pub(crate) mod load;
mod process;
pub(crate) mod server;

pub(crate) use client::{Client, Response};
pub(crate) use server::{Server, until};
