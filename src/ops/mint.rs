//! A certificate that lives as long as one command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::issue::{self, Issued};
use super::refused::Outcome;
use crate::authority::{self, AuthorityAt};
use crate::error::Error;
use crate::files::{self, PrivateDirectory};
use crate::pki::validity::rfc3339;
use crate::process;

/// What is to run, and with what certificate.
#[derive(Debug)]
pub struct Request {
    /// The certificate.
    pub issue: issue::Request,
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Further variables that name one of the files.
    pub variables: Vec<(String, Part)>,
    /// Variables that the program does not get, for they hold secrets of the CA.
    pub withheld: Vec<OsString>,
}

/// One of the files that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate and those above it.
    Certificate,
    /// Its private key.
    Key,
    /// The trust anchors.
    Ca,
}

/// Issues into a private directory, runs the program, and wipes everything when it has ended,
/// however that came.
///
/// Gives the program's exit code, or 128 and the number of the signal that ended it.
///
/// # Errors
/// When nothing can be issued, the private directory cannot be made, or the program not be started.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<u8>, Error> {
    let mut authority = from.open(now)?;
    issue::plan(&request.issue, authority.issuer(), now)?.and_then(|planned| {
        let directory = PrivateDirectory::new(&in_memory())?;
        let issued = issue::apply(&planned, &mut authority, directory.lock(), false, now)?;
        let ca = authority::pem_of([authority.certificate().as_der()])?;
        authority::write_public(
            directory.lock(),
            &[(authority::CERTIFICATE.as_ref(), ca.as_str())],
            false,
        )?;
        let environment = environment(request, &issued, directory.path());
        // The CA's key is not needed while the program runs.
        drop(authority);
        let code = process::run(
            &request.program,
            &request.arguments,
            &environment,
            &request.withheld,
        )?;
        Ok(Outcome::Done(code))
    })
}

fn environment(request: &Request, issued: &Issued, directory: &Path) -> Vec<(String, OsString)> {
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

/// Where directories are in memory: the user's own runtime directory, or shared memory.
fn in_memory() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let absolute = runtime.filter(|path| path.is_absolute());
    let places = absolute.into_iter().chain(["/dev/shm".into()]);
    places.filter(|path| files::is_in_memory(path)).collect()
}
