//! Steps that change what is trusted, shown before they are taken.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, shown};
use crate::files::{self, Lock, NewFile};
use crate::ops::quoting::posix;
use crate::pki::escape::Escaped;
use crate::process::{self, Said};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A public file is written, unless it is there just so.
    Write { path: PathBuf, content: String },
    /// A file is removed, if it is there.
    Remove { path: PathBuf },
    /// A program is run.
    Run(Call),
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
}

/// A step as it is told of.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// The step, as what one could type.
    pub step: String,
    /// Whether it was taken; no in a dry run, and where there was nothing to do.
    pub done: bool,
}

impl Step {
    /// Takes the step. Whether it changed anything.
    pub(super) fn take(&self) -> Result<bool, Error> {
        match self {
            Step::Write { path, content } => {
                if files::read(path).is_ok_and(|found| *found == content.as_bytes()) {
                    return Ok(false);
                }
                let (directory, name) = parts(path);
                let lock = Lock::acquire(directory)?;
                let file = NewFile {
                    name: name.as_os_str(),
                    content: content.as_bytes(),
                    secret: false,
                };
                files::write_together(&lock, &[file], true)?;
                Ok(true)
            }
            Step::Remove { path } => {
                if files::kind(path)? == files::Kind::Absent {
                    return Ok(false);
                }
                let (directory, name) = parts(path);
                let name = name.to_string_lossy();
                files::remove(&Lock::acquire(directory)?, &[&name])?;
                Ok(true)
            }
            Step::Run(call) => {
                let said = call.ask()?;
                if said.code == Some(0) {
                    return Ok(true);
                }
                let last = said.text.trim().lines().last().unwrap_or("it said nothing");
                Err(Error::Usage {
                    message: format!("`{call}` failed: {}", Escaped(last)),
                    hint:
                        "mend what it says and try again; what was done already is not done twice"
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

    /// Runs it, and gives what it said.
    pub(super) fn ask(&self) -> Result<Said, Error> {
        let said = process::asked(&self.program, &self.arguments, &[], PATIENCE)?;
        said.ok_or_else(|| Error::Usage {
            message: format!("{}: is not installed", shown(Path::new(&self.program))),
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
        for (i, word) in std::iter::once(&self.program)
            .chain(&self.arguments)
            .enumerate()
        {
            let quoted = posix(word.as_bytes());
            let text = String::from_utf8_lossy(&quoted);
            write!(f, "{}{}", if i > 0 { " " } else { "" }, Escaped(&text))?;
        }
        Ok(())
    }
}

fn parts(path: &Path) -> (&Path, OsString) {
    let directory = path.parent().unwrap_or(Path::new("."));
    (directory, path.file_name().unwrap_or_default().to_owned())
}

const PATIENCE: Duration = Duration::from_secs(120);
