//! Steps that change a trust store; each is shown before it is taken.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, shown};
use crate::files::{self, Lock, NewFile};
use crate::ops::quoting::posix;
use crate::pki::escape::Escaped;
use crate::process::{self, Answer};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write a public file, unless it exists with this content.
    Write { path: PathBuf, content: String },
    /// Remove a file, if it exists.
    Remove { path: PathBuf },
    /// Run a program.
    Run(Call),
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
}

/// A step in a report.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// The step, as one could type it.
    pub step: String,
    /// Whether it changed anything.
    pub done: bool,
}

impl Step {
    /// Takes the step, and returns whether it changed anything.
    pub(super) fn take(&self) -> Result<bool, Error> {
        match self {
            Step::Write { path, content } => {
                if files::read(path).is_ok_and(|found| *found == content.as_bytes()) {
                    return Ok(false);
                }
                let (directory, name) = files::place(path)?;
                let file = NewFile {
                    name,
                    content: content.as_bytes(),
                    secret: false,
                };
                files::write_together(&Lock::acquire(directory)?, &[file], true)?;
                Ok(true)
            }
            Step::Remove { path } => {
                if files::kind(path)? == files::Kind::Absent {
                    return Ok(false);
                }
                let (directory, name) = files::place(path)?;
                files::remove(&Lock::acquire(directory)?, &[&name.to_string_lossy()])?;
                Ok(true)
            }
            Step::Run(call) => {
                let answer = call.ask()?;
                if answer.code == Some(0) {
                    return Ok(true);
                }
                let last = answer.text.trim().lines().last().unwrap_or("no output");
                Err(Error::Usage {
                    message: format!("`{call}` failed: {}", Escaped(last)),
                    hint: "fix this and run the command again; completed steps are not repeated"
                        .into(),
                })
            }
        }
    }
}

impl Call {
    pub(super) fn new<S: Into<OsString>>(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        Call {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    pub(super) fn with(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs it, and returns what it printed.
    pub(super) fn ask(&self) -> Result<Answer, Error> {
        let answer = process::ask(&self.program, &self.arguments, &[], &[], TIMEOUT)?;
        answer.ok_or_else(|| Error::Usage {
            message: format!("{}: not installed", shown(Path::new(&self.program))),
            hint: "install it, or choose other stores with `--store`".into(),
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Write { path, .. } => write!(f, "write {}", shown(path)),
            Step::Remove { path } => write!(f, "remove {}", shown(path)),
            Step::Run(call) => write!(f, "run {call}"),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::os::unix::ffi::OsStrExt as _;
        let words = std::iter::once(&self.program).chain(&self.arguments);
        for (i, word) in words.enumerate() {
            let quoted = posix(word.as_bytes());
            let text = String::from_utf8_lossy(&quoted);
            write!(f, "{}{}", if i > 0 { " " } else { "" }, Escaped(&text))?;
        }
        Ok(())
    }
}

const TIMEOUT: Duration = Duration::from_secs(120);
