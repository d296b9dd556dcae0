//! One file per operation: a Request, a Report, and how one becomes the other.

pub mod acme;
pub mod anchors;
pub mod batch;
pub mod ca;
mod columns;
pub mod crl;
pub mod csr;
mod dry_run;
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
pub mod passphrase;
mod paths;
pub mod placing;
pub mod quoting;
pub mod refused;
pub mod renew;
pub mod responder;
pub mod revoke;
mod sheet;
pub mod show;
pub mod status;
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

pub use dry_run::DryRun;
pub use expiry::{Expiry, Span};

pub use crate::files::{absolute, exists, report_waits};
pub use crate::net::Target;
pub use crate::path::Verdict;

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

/// Who makes the request, as `user@host`.
pub fn requested_by() -> String {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let user = user.or_else(user_name);
    let user = user.unwrap_or_else(|| rustix::process::getuid().as_raw().to_string());
    format!(
        "{user}@{}",
        rustix::system::uname().nodename().to_string_lossy()
    )
}

/// The name of our user in /etc/passwd.
fn user_name() -> Option<String> {
    let own = rustix::process::getuid().as_raw().to_string();
    let accounts = crate::files::read(std::path::Path::new("/etc/passwd")).ok()?;
    let accounts = String::from_utf8_lossy(&accounts);
    let mut accounts = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let account = accounts.find(|fields| fields.get(2) == Some(&&*own))?;
    account.first().map(|name| (*name).to_owned())
}
