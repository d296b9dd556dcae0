//! One file per operation: a Request, a Report, and how one becomes the other.

pub mod batch;
pub mod ca;
mod columns;
pub mod crl;
pub mod csr;
mod dry_run;
mod expiry;
pub mod explain;
pub mod export;
pub mod generate;
pub mod html;
pub mod inspect;
pub mod issue;
pub mod list;
pub mod live;
pub mod managed;
pub mod mint;
pub mod passphrase;
mod paths;
pub mod placing;
pub mod quoting;
pub mod refused;
pub mod renew;
pub mod revoke;
mod sheet;
pub mod show;
pub mod status;
pub mod template;
pub mod trust;
pub mod verify;
pub mod verify_chain;
pub mod watch;

use std::fmt;

pub use dry_run::DryRun;
pub use expiry::{Expiry, Span};

pub use crate::net::Target;

/// The answer to a question: yes or no. That it could not be told is an error instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Done, or the answer is yes: exit code 0.
    Yes,
    /// The answer is no: exit code 1.
    No,
}

/// What an operation has to say: data for programs, and the same as text for people.
///
/// The text may hold ANSI colours; they are taken out where they are not wanted.
pub trait Report: serde::Serialize + fmt::Display {
    /// Whether the answer is yes.
    fn verdict(&self) -> Verdict {
        Verdict::Yes
    }

    /// For a report whose answer is no: one line that names the file and the worst finding.
    fn reason(&self) -> Option<String> {
        None
    }

    /// What its reader should be warned of, a line each; shown on standard error.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}
