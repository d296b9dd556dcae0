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
pub mod targets;
pub mod template;
pub mod trust;
pub mod verify;
pub mod verify_chain;
pub mod watch;

use std::fmt;

pub use dry_run::DryRun;
pub use expiry::{Expiry, Span};

pub use crate::net::Target;

/// The answer to a question, or that there is none.
///
/// "Yes" is given only for what was really checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Done, or the answer is yes: exit code 0.
    Yes,
    /// The answer is no: exit code 1.
    No,
    /// There was not enough to decide by, such as no trust anchor: exit code 2.
    Undetermined,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Yes => "yes",
            Verdict::No => "no",
            Verdict::Undetermined => "undetermined",
        })
    }
}

/// The result of an operation: data for programs, and the same as text for people.
///
/// The text may contain ANSI colours; the renderer strips them where they are not wanted.
pub trait Report: serde::Serialize + fmt::Display {
    /// The answer; the exit code follows from it.
    fn verdict(&self) -> Verdict {
        Verdict::Yes
    }

    /// For a report whose answer is not yes: one line that names the file and the worst finding.
    fn reason(&self) -> Option<String> {
        None
    }

    /// Whether the text is what was asked for, as with `inspect` or `list`, and so is written even with `--quiet`.
    fn is_content(&self) -> bool {
        false
    }

    /// Warnings for the reader, one line each; written to standard error.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}
