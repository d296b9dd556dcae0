//! Proof, by the runtimes themselves, that they trust the CA.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

pub use super::environment::Runtime;
use super::environment::{JAVA, JAVA_FILE};
use crate::authority::{self, AuthorityAt, CERTIFICATE, KEY, Recording};
use crate::error::{Error, InFile as _};
use crate::files::{self, NewFile, PrivateDirectory};
use crate::keys::ReadKey;
use crate::net::Responder;
use crate::ops::refused::Outcome;
use crate::ops::{Report, Verdict, issue, verify};
use crate::path::ReferenceName;
use crate::pki::bundle;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::usage::Purpose;
use crate::process;

/// Which runtimes to ask, and with what certificate.
#[derive(Debug)]
pub struct Request {
    /// The runtimes; none for all that are installed.
    pub runtimes: Vec<Runtime>,
    /// The Python to ask.
    pub python: OsString,
    /// Variables to add to the runtimes' environment.
    pub environment: Vec<(String, OsString)>,
    /// Variables to withhold from the runtimes, because they hold secrets of the CA.
    pub withheld: Vec<OsString>,
    /// A certificate for `localhost` and its key; `None` to find or sign one.
    pub pair: Option<(PathBuf, PathBuf)>,
    /// The temporary certificate, where one has to be signed.
    pub temporary: issue::Request,
    /// Whether a passphrase for the CA's key was given.
    pub has_passphrase: bool,
}

/// Shows a certificate of the CA on this machine, and has each runtime connect.
///
/// The certificate is the given one; else `server.crt` beside the CA, where it is valid for `localhost`; else one
/// that the CA signs for a few minutes. The last is neither recorded nor written to disk: only the handshakes on this
/// machine show it. An encrypted CA key is not used unless its passphrase was given.
///
/// # Errors
/// When there is no certificate to show, it cannot be served, or a named runtime is not installed.
pub fn run(
    request: &Request,
    from: AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<CheckReport>, Error> {
    let pair = match &request.pair {
        Some((certificate, key)) => ShownPair::read(certificate, key, from.passphrase)?,
        None => match existing(from.directory, now)? {
            Some(pair) => pair,
            None => match temporary(request, from, now)? {
                Outcome::Done(pair) => pair,
                Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
            },
        },
    };
    let ders: Vec<&[u8]> = pair.chain.iter().map(Certificate::as_der).collect();
    let responder = Responder::start(&ders, pair.key.pkcs8()).map_err(|error| {
        Error::usage(
            error.to_string(),
            "give another pair with `--cert` and `--key`",
        )
    })?;
    let directory = PrivateDirectory::new(&[])?;
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
    let mut checks = Vec::new();
    for runtime in runtimes {
        let answer = connect(request, runtime, &responder, directory.path())?;
        if matches!(answer, RuntimeAnswer::Absent) && !request.runtimes.is_empty() {
            return Err(absent(runtime));
        }
        checks.push(RuntimeCheck { runtime, answer });
    }
    Ok(Outcome::Done(CheckReport::new(pair.shown, checks)))
}

/// A certificate with its chain, its key, and what it is called in the report.
struct ShownPair {
    chain: Vec<Certificate>,
    key: ReadKey,
    shown: ShownCertificate,
}

impl ShownPair {
    fn read(certificate: &Path, key: &Path, ask: authority::Ask<'_>) -> Result<Self, Error> {
        Ok(ShownPair {
            chain: authority::read_certificates(certificate)?,
            key: authority::read_key(key, ask)?.0,
            shown: ShownCertificate::File {
                path: files::absolute(certificate)?,
            },
        })
    }
}

/// The server's pair beside the CA, where it proves what a temporary one would.
fn existing(directory: &Path, now: OffsetDateTime) -> Result<Option<ShownPair>, Error> {
    let [certificate, key] = ["server.crt", "server.key"].map(|name| directory.join(name));
    if !certificate.is_file() || authority::is_key_encrypted(&key).unwrap_or(true) {
        return Ok(None);
    }
    let request = verify::Request {
        ca: Some(directory.join(CERTIFICATE)),
        key: Some(key.clone()),
        host: Some(ReferenceName::Dns(HOST.to_owned())),
        purpose: Some(Purpose::Server),
        ..verify::Request::new(&certificate)
    };
    let is_valid = verify::run(&request, now)
        .is_ok_and(|(report, errors)| errors.is_empty() && report.verdict() == Verdict::Yes);
    is_valid
        .then(|| ShownPair::read(&certificate, &key, &authority::no_passphrase))
        .transpose()
}

/// A certificate that the CA signs for this check alone.
fn temporary(
    request: &Request,
    from: AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<ShownPair>, Error> {
    let key = from.directory.join(KEY);
    let is_locked = from.material.is_none()
        && !request.has_passphrase
        && authority::is_key_encrypted(&key).unwrap_or(true);
    if is_locked {
        return Err(Error::NothingToShow {
            path: from.directory.to_owned(),
        });
    }
    let from = AuthorityAt {
        recording: Recording::Nowhere,
        ..from
    };
    let streamed = issue::stream(&request.temporary, &from, now)?;
    streamed.and_then(|streamed| {
        let path = Path::new("the temporary certificate");
        let pem = streamed.pem.as_bytes();
        let chain = bundle::certificates(pem).in_file(path)?;
        let (key, _) = authority::read_key_in(path, pem, from.passphrase)?;
        Ok(Outcome::Done(ShownPair {
            chain,
            key,
            shown: ShownCertificate::Temporary,
        }))
    })
}

/// Has a runtime connect. Its word counts only for a handshake that was seen on this side.
fn connect(
    request: &Request,
    runtime: Runtime,
    responder: &Responder,
    directory: &Path,
) -> Result<RuntimeAnswer, Error> {
    let (program, arguments) = runtime.call(responder.port(), &request.python, directory);
    let before = responder.counts(None);
    let (environment, withheld) = (&request.environment, &request.withheld);
    let answer = process::ask(&program, &arguments, environment, withheld, TIMEOUT)?;
    let Some(answer) = answer.filter(|answer| !runtime.is_absent(&answer.text)) else {
        return Ok(RuntimeAnswer::Absent);
    };
    let counts = responder.counts(Some(before));
    let reason = Escaped(&runtime.reason(&answer.text)).to_string();
    Ok(match answer.code {
        Some(0) if counts.handshakes > before.handshakes => RuntimeAnswer::Trusted,
        Some(0) => RuntimeAnswer::Undetermined {
            reason: "it succeeded without a TLS handshake with this server".into(),
        },
        Some(_) | None if counts.connections > before.connections => {
            RuntimeAnswer::Refused { reason }
        }
        Some(_) | None => RuntimeAnswer::Undetermined { reason },
    })
}

fn absent(runtime: Runtime) -> Error {
    let hint = match runtime {
        Runtime::Grpc => "name a Python that has grpcio with `--python PROGRAM`",
        Runtime::Python => "name one with `--python PROGRAM`",
        Runtime::Node | Runtime::Java | Runtime::Openssl | Runtime::Curl => {
            "install it, or leave it out of `--runtime`"
        }
    };
    Error::NotInstalled {
        program: runtime.name().into(),
        hint: hint.into(),
    }
}

/// What each runtime did.
#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// Yes, where every installed runtime trusts the CA.
    pub verdict: Verdict,
    /// The certificate that was shown.
    pub certificate: ShownCertificate,
    /// The runtimes, in the order they were asked.
    pub runtimes: Vec<RuntimeCheck>,
}

/// The certificate that the runtimes were shown.
#[derive(Debug, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum ShownCertificate {
    /// One from a file.
    File {
        /// The file.
        #[serde(serialize_with = "crate::ops::paths::as_text")]
        path: PathBuf,
    },
    /// One that the CA signed for this check, and that was neither recorded nor written to disk.
    Temporary,
}

/// What a runtime did.
#[derive(Debug, Serialize)]
pub struct RuntimeCheck {
    /// The runtime.
    pub runtime: Runtime,
    /// What it did.
    #[serde(flatten)]
    pub answer: RuntimeAnswer,
}

/// What came of a connection.
#[derive(Debug, Serialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub enum RuntimeAnswer {
    /// It connected: it trusts the CA.
    Trusted,
    /// It connected, and refused the certificate.
    Refused {
        /// What it printed.
        reason: String,
    },
    /// It did not connect, so nothing is known.
    Undetermined {
        /// What it printed.
        reason: String,
    },
    /// It is not installed.
    Absent,
}

impl CheckReport {
    fn new(certificate: ShownCertificate, runtimes: Vec<RuntimeCheck>) -> Self {
        let has = |of: fn(&RuntimeAnswer) -> bool| runtimes.iter().any(|check| of(&check.answer));
        let verdict = if has(|answer| matches!(answer, RuntimeAnswer::Refused { .. })) {
            Verdict::No
        } else if has(|answer| matches!(answer, RuntimeAnswer::Undetermined { .. }))
            || !has(|answer| matches!(answer, RuntimeAnswer::Trusted))
        {
            Verdict::Undetermined
        } else {
            Verdict::Yes
        };
        CheckReport {
            verdict,
            certificate,
            runtimes,
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.runtimes {
            let name = check.runtime.name();
            match &check.answer {
                RuntimeAnswer::Trusted => writeln!(f, "{name:8} trusts the CA")?,
                RuntimeAnswer::Refused { reason } => {
                    writeln!(f, "{name:8} does not trust the CA: {reason}")?
                }
                RuntimeAnswer::Undetermined { reason } => {
                    writeln!(f, "{name:8} undetermined: {reason}")?
                }
                RuntimeAnswer::Absent => writeln!(f, "{name:8} is not installed")?,
            }
        }
        Ok(())
    }
}

impl Report for CheckReport {
    fn is_content(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn reason(&self) -> Option<String> {
        if self.verdict == Verdict::Yes {
            return None;
        }
        let reasons = self.runtimes.iter().filter_map(|check| {
            let name = check.runtime.name();
            match &check.answer {
                RuntimeAnswer::Refused { reason } => {
                    Some((0, format!("{name} does not trust the CA: {reason}")))
                }
                RuntimeAnswer::Undetermined { reason } => {
                    Some((1, format!("{name} was not checked: {reason}")))
                }
                RuntimeAnswer::Trusted | RuntimeAnswer::Absent => None,
            }
        });
        let worst = reasons.min_by_key(|(rank, _)| *rank);
        Some(worst.map_or("no runtime is installed".into(), |(_, reason)| reason))
    }
}

const HOST: &str = "localhost";
/// Java is slow to start.
const TIMEOUT: Duration = Duration::from_secs(60);
