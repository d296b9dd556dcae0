//! What an operation that issues would do.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::Report;
use crate::error::shown;
use crate::pki::plan::IssuancePlan;

/// What would be made.
#[derive(Debug, Serialize)]
pub struct DryRun {
    /// Always true: nothing was written.
    pub dry_run: bool,
    /// The files that would be written.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
    /// The authority's certificate; `None` when the one there would be reused.
    pub authority: Option<IssuancePlan>,
    /// The server's certificate, then the clients'.
    pub certificates: Vec<IssuancePlan>,
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Nothing was written. This would be:")?;
        match &self.authority {
            Some(plan) => writeln!(f, "  a new CA       {plan}")?,
            None => writeln!(f, "  the CA that is there")?,
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
