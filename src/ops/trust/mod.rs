//! Making the machine, its browsers and its runtimes trust a CA, and proving that they do.

pub mod check;
pub mod environment;
pub mod store;
mod system;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::quoting::posix;
use crate::authority::{self, CERTIFICATE};
use crate::error::{Error, shown};
use crate::files::{self, Lock, NewFile};
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::{Fingerprint, Hex};
use crate::pki::name::AttributeType;
use crate::process::{self, Answer};

/// The trust anchors, and their file.
#[derive(Debug)]
pub struct Anchors {
    /// The file.
    pub path: PathBuf,
    /// The certificates in it.
    pub certificates: Vec<Certificate>,
}

impl Anchors {
    /// Reads those of a file, or else of the PKI directory.
    ///
    /// # Errors
    /// When there are none, or one is not a CA.
    pub fn read(file: Option<&Path>, directory: &Path) -> Result<Self, Error> {
        let in_directory = || directory.join(CERTIFICATE);
        let path = file.map_or_else(in_directory, Path::to_owned);
        if file.is_none() && matches!(crate::files::kind(&path)?, crate::files::Kind::Absent) {
            return Err(Error::NoAuthority {
                path: directory.to_owned(),
            });
        }
        let certificates = authority::read_certificates(&path)?;
        if certificates
            .iter()
            .any(|anchor| !anchor.is_ca().unwrap_or(false))
        {
            return Err(Error::NotAnAuthority { path });
        }
        Ok(Anchors { path, certificates })
    }
}

/// A name for an anchor in a store: always the same, and unique.
pub(super) fn nickname(anchor: &Certificate) -> String {
    let names = anchor.subject().values(AttributeType::CommonName);
    let name = names.into_iter().next().unwrap_or_default();
    let name: String = name.chars().take(MAX_NAME).collect();
    format!("{} ({})", Escaped(&name), short_fingerprint(anchor))
}

/// The first eight bytes of the SHA-256 fingerprint, in hex.
pub(super) fn short_fingerprint(anchor: &Certificate) -> String {
    let fingerprint = Fingerprint::sha256(anchor.as_der());
    Hex(&fingerprint.as_bytes()[..SHORT_BYTES]).to_string()
}

const SHORT_BYTES: usize = 8;
const MAX_NAME: usize = 64;
/// The password of every Java trust store, which protects nothing: the certificates are public.
const STORE_PASSWORD: &str = "changeit";

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Write a public file, unless it exists with this content.
    Write { path: PathBuf, content: String },
    /// Remove a file, if it exists.
    Remove { path: PathBuf },
    /// Run a program.
    Run(Call),
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    program: OsString,
    arguments: Vec<OsString>,
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
    fn take(&self) -> Result<bool, Error> {
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
                Err(Error::ProgramFailed {
                    call: format!("`{call}`"),
                    why: format!("failed: {}", Escaped(last)),
                    hint: "fix this and run the command again; completed steps are not repeated",
                })
            }
        }
    }
}

impl Call {
    fn new<S: Into<OsString>>(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        Call {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    fn with(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs it, and returns what it printed.
    fn ask(&self) -> Result<Answer, Error> {
        let answer = process::ask(&self.program, &self.arguments, &[], &[], TIMEOUT)?;
        answer.ok_or_else(|| Error::NotInstalled {
            program: shown(&self.program),
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
