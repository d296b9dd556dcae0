//! A certificate that lives as long as one command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::issue::{self, IssuedCertificate};
use super::refused::Outcome;
use crate::authority::{self, AuthorityAt, Issuance};
use crate::error::Error;
use crate::files::{self, PrivateDirectory};
use crate::pki::certificate::Certificate;
use crate::pki::validity::rfc3339;
use crate::process;

/// A program to run, and its certificate.
#[derive(Debug)]
pub struct Request {
    /// The certificate.
    pub issue: issue::Request,
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// More environment variables that name one of the files.
    pub variables: Vec<(String, Part)>,
    /// Environment variables to withhold from the program, because they hold secrets of the CA.
    pub withheld: Vec<OsString>,
}

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate and its chain.
    Certificate,
    /// Its private key.
    Key,
    /// The trust anchors.
    Ca,
}

/// Issues into a private directory, runs the program, and wipes everything when it has ended, however it
/// ended.
///
/// Gives the program's exit code, or 128 plus the number of the signal that ended it.
///
/// # Errors
/// When nothing can be issued, the private directory cannot be created, or the program cannot be started.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<u8>, Error> {
    let mut authority = from.open(now)?;
    issue::permitted(&request.issue, &authority, now)?.and_then(|planned| {
        // A signal from here on waits for the program, so that the directory never stays behind.
        let signals = process::hold_signals()?;
        let directory = PrivateDirectory::new(&in_memory())?;
        let lock = directory.lock();
        issue::apply(&planned, &mut authority, lock, false, now)?.and_then(|issued| {
            let ca = authority::pem_of(anchors(&authority).iter().map(Certificate::as_der))?;
            let public = [(authority::CERTIFICATE.as_ref(), ca.as_str())];
            authority::write_public(lock, &public, false)?;
            // The CA's key is not needed while the program runs.
            drop(authority);
            let code = process::run(
                &request.program,
                &request.arguments,
                &environment(request, &issued, directory.path()),
                &request.withheld,
                signals,
            )?;
            Ok(Outcome::Done(code))
        })
    })
}

/// The trust anchors of the certificate's chain; the CA itself where they are not known.
fn anchors(authority: &Issuance) -> &[Certificate] {
    if authority.anchors().is_empty() {
        std::slice::from_ref(authority.certificate())
    } else {
        authority.anchors()
    }
}

fn environment(
    request: &Request,
    issued: &IssuedCertificate,
    directory: &Path,
) -> Vec<(String, OsString)> {
    let file = |part: Part| -> OsString {
        match part {
            Part::Certificate => issued.certificate.clone().into(),
            Part::Key => issued.private_key.clone().unwrap_or_default().into(),
            Part::Ca => directory.join(authority::CERTIFICATE).into(),
        }
    };
    let mut variables = vec![
        ("OPENAGENTS_CERTS_CERT".to_owned(), file(Part::Certificate)),
        ("OPENAGENTS_CERTS_KEY".to_owned(), file(Part::Key)),
        ("OPENAGENTS_CERTS_CA".to_owned(), file(Part::Ca)),
        (
            "OPENAGENTS_CERTS_SERIAL".to_owned(),
            issued.serial.to_string().into(),
        ),
        (
            "OPENAGENTS_CERTS_NOT_AFTER".to_owned(),
            rfc3339(issued.expiry.not_after).into(),
        ),
    ];
    let further = request.variables.iter();
    variables.extend(further.map(|(name, part)| (name.clone(), file(*part))));
    variables
}

/// Directories in memory: the user's runtime directory, or shared memory.
pub(super) fn in_memory() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let absolute = runtime.filter(|path| path.is_absolute());
    let places = absolute.into_iter().chain(["/dev/shm".into()]);
    places.filter(|path| files::is_in_memory(path)).collect()
}
