//! Proving in the runtimes themselves that they trust the CA.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

pub use super::runtime::Runtime;
use super::runtime::{JAVA, JAVA_FILE};
use crate::authority::{self, AuthorityAt};
use crate::error::Error;
use crate::files::{self, NewFile, PrivateDirectory};
use crate::net::Responder;
use crate::ops::issue;
use crate::ops::refused::Outcome;
use crate::ops::{Report, Verdict};
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::process;

/// What is asked.
#[derive(Debug)]
pub struct Request {
    /// The runtimes; none for all that are there.
    pub runtimes: Vec<Runtime>,
    /// The Python that is asked.
    pub python: OsString,
    /// Variables that the runtimes get beside those of this process.
    pub environment: Vec<(String, OsString)>,
    /// How the server's certificate is made.
    pub issue: issue::Request,
    /// A certificate and its key instead.
    pub pair: Option<(PathBuf, PathBuf)>,
}

/// Serves a certificate of the CA on this machine, and has each runtime connect.
///
/// The certificate is for `localhost`, short-lived, recorded like any other, and its files are gone afterwards.
///
/// # Errors
/// When none can be issued or served, or a runtime that was named is not there.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<Checked>, Error> {
    let directory = PrivateDirectory::new(&[])?;
    let (certificate, key) = match &request.pair {
        Some((certificate, key)) => (certificate.clone(), key.clone()),
        None => {
            let mut authority = from.open(now)?;
            let planned = issue::plan(&request.issue, authority.issuer(), now)?;
            let issued = planned.and_then(|planned| {
                let lock = directory.lock();
                issue::apply(&planned, &mut authority, lock, false, now).map(Outcome::Done)
            })?;
            match issued {
                Outcome::Done(issued) => {
                    let key = issued.private_key.unwrap_or_default();
                    (issued.certificate, key)
                }
                Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
            }
        }
    };
    let chain = authority::read_certificates(&certificate)?;
    let ders: Vec<&[u8]> = chain.iter().map(Certificate::as_der).collect();
    let (key, _) = authority::read_key(&key, from.passphrase)?;
    let responder = Responder::start(&ders, key.pkcs8()).map_err(|error| Error::Usage {
        message: error.to_string(),
        hint: "give another pair with `--cert` and `--key`".into(),
    })?;
    let java = NewFile {
        name: JAVA_FILE.as_ref(),
        content: JAVA.as_bytes(),
        secret: false,
    };
    files::write_together(directory.lock(), &[java], false)?;
    let runtimes = match request.runtimes.as_slice() {
        [] => Runtime::ALL.to_vec(),
        named => named.to_vec(),
    };
    let mut checked = Checked {
        runtimes: Vec::new(),
    };
    for runtime in runtimes {
        let (program, arguments) =
            runtime.call(responder.port(), &request.python, directory.path());
        let said = process::asked(&program, &arguments, &request.environment, PATIENCE)?;
        let outcome = match said {
            None => Answer::Absent,
            Some(said) if runtime.is_absent(&said.text) => Answer::Absent,
            Some(said) if said.code == Some(0) => Answer::Trusted,
            Some(said) => Answer::Refused {
                reason: Escaped(&runtime.reason(&said.text)).to_string(),
            },
        };
        match outcome {
            Answer::Absent if !request.runtimes.is_empty() => return Err(absent(runtime)),
            answer => checked.runtimes.push(RuntimeCheck { runtime, answer }),
        }
    }
    Ok(Outcome::Done(checked))
}

fn absent(runtime: Runtime) -> Error {
    Error::Usage {
        message: format!("{} is not installed", runtime.name()),
        hint: match runtime {
            Runtime::Grpc => "name a Python that has grpcio with `--python PROGRAM`".into(),
            Runtime::Python => "name one with `--python PROGRAM`".into(),
            Runtime::Node | Runtime::Java | Runtime::Openssl | Runtime::Curl => {
                "install it, or leave it out of `--runtime`".into()
            }
        },
    }
}

/// What each runtime did.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The runtimes, in the order they were asked.
    pub runtimes: Vec<RuntimeCheck>,
}

/// What a runtime did.
#[derive(Debug, Serialize)]
pub struct RuntimeCheck {
    /// The runtime.
    pub runtime: Runtime,
    /// What it did.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What came of a connection.
#[derive(Debug, Serialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub enum Answer {
    /// It connected: it trusts the CA.
    Trusted,
    /// It did not.
    Refused {
        /// What it said.
        reason: String,
    },
    /// It is not installed.
    Absent,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.runtimes {
            let name = check.runtime.name();
            match &check.answer {
                Answer::Trusted => writeln!(f, "{name:8} trusts the CA")?,
                Answer::Refused { reason } => writeln!(f, "{name:8} does not: {reason}")?,
                Answer::Absent => writeln!(f, "{name:8} is not installed")?,
            }
        }
        Ok(())
    }
}

impl Report for Checked {
    fn verdict(&self) -> Verdict {
        match self.reason() {
            Some(_) => Verdict::No,
            None => Verdict::Yes,
        }
    }

    fn reason(&self) -> Option<String> {
        let refused = self.runtimes.iter().find_map(|check| match &check.answer {
            Answer::Refused { reason } => Some(format!(
                "{} does not trust the CA: {reason}",
                check.runtime.name()
            )),
            Answer::Trusted | Answer::Absent => None,
        });
        let has_any = |check: &RuntimeCheck| matches!(check.answer, Answer::Trusted);
        match refused {
            None if !self.runtimes.iter().any(has_any) => Some("no runtime is installed".into()),
            refused => refused,
        }
    }
}

/// Java is slow to start.
const PATIENCE: Duration = Duration::from_secs(60);
