//! What a command that issues would do.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::Report;
use crate::error::shown;
use crate::pki::plan::IssuancePlan;

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
