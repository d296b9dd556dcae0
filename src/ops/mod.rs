//! One file per operation: a Request, a Report, and how one becomes the other.

pub mod acme;
pub mod anchors;
pub mod audit;
pub mod batch;
pub mod ca;
pub mod columns;
pub mod crl;
pub mod csr;
pub mod dashboard;
pub mod enroll;
pub mod enrollment;
pub mod expiry;
pub mod explain;
pub mod export;
pub mod generate;
pub mod inspect;
pub mod issue;
pub mod list;
pub mod live;
pub mod managed;
pub mod message;
pub mod metrics;
pub mod mint;
pub mod notify;
pub mod overview;
pub mod passphrase;
mod paths;
pub mod placing;
pub mod quoting;
pub mod refused;
pub mod renew;
pub mod responder;
pub mod revoke;
pub mod show;
pub mod status;
pub mod store;
pub mod targets;
pub mod template;
pub mod token;
pub mod trust;
pub mod verify;
pub mod verify_chain;
pub mod view;
pub mod watch;
pub mod workload;

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, shown};
use crate::pki::plan::IssuancePlan;

pub use expiry::{Expiry, Span};

pub use crate::authority::requested_by;
pub use crate::files::{absolute, exists, report_waits};
pub use crate::net::Target;
pub use crate::path::Verdict;

/// The result of an operation: data for programs, and the same as text for people.
///
/// The text may contain ANSI colours; the renderer strips them where they are not wanted.
pub trait Report: Serialize + fmt::Display {
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

/// An error that did not stop the rest, as data.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorReport {
    /// Its stable name.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

impl ErrorReport {
    /// An error as data.
    pub fn of(error: &Error) -> Self {
        ErrorReport {
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

/// What would be issued.
#[derive(Debug, Serialize)]
pub struct DryRun {
    /// Always true: nothing was written.
    pub dry_run: bool,
    /// The files that would be written.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
    /// The new CA's certificate; `None` when an existing CA issues.
    pub authority: Option<IssuancePlan>,
    /// The certificates, the server's first.
    pub certificates: Vec<IssuancePlan>,
}

impl DryRun {
    /// Certificates of an existing CA, and the files they would be written to.
    pub fn of(files: Vec<PathBuf>, certificates: Vec<IssuancePlan>) -> Self {
        DryRun {
            dry_run: true,
            files,
            authority: None,
            certificates,
        }
    }
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Dry run, nothing written. This would be issued:")?;
        match &self.authority {
            Some(plan) => writeln!(f, "  a new CA       {plan}")?,
            None => writeln!(f, "  by the existing CA")?,
        }
        self.certificates
            .iter()
            .try_for_each(|plan| writeln!(f, "  a certificate  {plan}"))?;
        self.files
            .iter()
            .try_for_each(|path| writeln!(f, "  file           {}", shown(path)))
    }
}

impl Report for DryRun {
    fn is_content(&self) -> bool {
        true
    }
}
