//! PKCS #10 requests: made, and signed.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::Report;
use super::issue::{base_of, check_base};
use super::passphrase::Password;
use crate::authority::{self, Ask};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind, Lock};
use crate::keys::{PrivateKey, Signer};
use crate::pki::algorithm::KeyType;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::pem;
use crate::pki::plan::{BasicConstraints, CsrPlan};
use crate::pki::san::{SubjectAltName, TypedName};

/// The request that is wanted.
#[derive(Debug)]
pub struct Request {
    /// Where its files are put.
    pub directory: PathBuf,
    /// Its subject's attributes; made of the first name when there are none.
    pub subject: Vec<(AttributeType, String)>,
    /// The names it asks for.
    pub names: Vec<TypedName>,
    /// Whether it asks for a CA's certificate: its files are then `ca.csr` and `ca.key`.
    pub ca: bool,
    /// A key that is there; a new one of `key_type` when there is none.
    pub key: Option<PathBuf>,
    /// The kind of a new key.
    pub key_type: KeyType,
    /// The name of its files, without ending.
    pub base: Option<OsString>,
    /// Replace files that are there.
    pub replace: bool,
    /// Look at everything, and write nothing.
    pub dry_run: bool,
}

/// Makes a request, and a key for it unless one is given; `new_password` encrypts a new key.
///
/// # Errors
/// When the subject, the names or the key cannot be used, or the files cannot be written.
pub fn run(
    request: &Request,
    password: Ask<'_>,
    new_password: Option<&Password>,
) -> Result<Requesting, Error> {
    let names: Vec<SubjectAltName> = request
        .names
        .iter()
        .map(|typed| typed.name.clone())
        .collect();
    let ca = BasicConstraints::Ca { path_length: None };
    let plan = CsrPlan {
        subject: subject(request, &names)?,
        subject_alt_names: names.clone(),
        basic_constraints: if request.ca {
            ca
        } else {
            BasicConstraints::EndEntity
        },
    };
    let base = base(request, names.first())?;
    let (request_name, key_name) = (with_ending(&base, ".csr"), with_ending(&base, ".key"));
    let (request_path, key_path) = (
        request.directory.join(&request_name),
        request.directory.join(&key_name),
    );
    if request.ca && request.key.is_none() && files::kind(&key_path)? != Kind::Absent {
        let hint =
            "take the key that is there with `--key`, or another directory (`-C DIR`)".into();
        return Err(Error::Exists {
            path: key_path,
            hint,
        });
    }
    if !request.dry_run {
        let (signer, new_key) = key(request, password)?;
        let der = signer.request(&plan)?;
        let text = pem::encode("CERTIFICATE REQUEST", &der)?;
        let public = [(request_name.as_os_str(), text.as_str())];
        let lock = Lock::acquire(&request.directory)?;
        match &new_key {
            Some(key) => {
                let key = (key_name.as_os_str(), key.pkcs8(), new_password);
                authority::write(&lock, key, &public, request.replace)?;
            }
            None => authority::write_public(&lock, &public, request.replace)?,
        }
    }
    Ok(Requesting {
        dry_run: request.dry_run,
        subject: plan.subject,
        subject_alt_names: names,
        ca: request.ca,
        request: request_path,
        private_key: request.key.clone().unwrap_or(key_path),
        warnings: warnings(&request.names),
    })
}

/// A request that was made.
#[derive(Debug, Serialize)]
pub struct Requesting {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Its subject.
    pub subject: DistinguishedName,
    /// The names it asks for.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Whether it asks for a CA's certificate.
    pub ca: bool,
    /// The request's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub request: PathBuf,
    /// The private key's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: PathBuf,
    /// What may not work.
    pub warnings: Vec<String>,
}

impl fmt::Display for Requesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = SubjectAltName::list(&self.subject_alt_names);
        let made = if self.dry_run {
            "request that would be made"
        } else {
            "request made"
        };
        writeln!(f, "{made}{}", if self.ca { " for a CA" } else { "" })?;
        writeln!(f, "  subject      {}", self.subject)?;
        if !names.is_empty() {
            writeln!(f, "  names        {names}")?;
        }
        writeln!(f, "  request      {}", shown(&self.request))?;
        writeln!(f, "  private key  {}", shown(&self.private_key))?;
        let next = if self.ca {
            "csr sign --profile intermediate"
        } else {
            "csr sign"
        };
        writeln!(
            f,
            "  next         have it signed: openagents-certs {next} {}",
            shown(&self.request)
        )
    }
}

impl Report for Requesting {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

fn subject(request: &Request, names: &[SubjectAltName]) -> Result<DistinguishedName, Error> {
    if !request.subject.is_empty() {
        let attributes: Vec<_> = request
            .subject
            .iter()
            .map(|(kind, value)| (*kind, value.as_str()))
            .collect();
        return Ok(DistinguishedName::build(&attributes)?);
    }
    match names.first() {
        Some(name @ (SubjectAltName::Dns(_) | SubjectAltName::Ip(_))) if !request.ca => Ok(
            DistinguishedName::build(&[(AttributeType::CommonName, &name.value())])?,
        ),
        Some(SubjectAltName::Uri(_) | SubjectAltName::Email(_)) if !request.ca => {
            Ok(DistinguishedName::empty())
        }
        Some(_) | None => Err(Error::usage(
            "a request needs a name",
            if request.ca {
                "name the CA with `--common-name`"
            } else {
                "name the host or agent it is for, such as agent.example.org"
            },
        )),
    }
}

/// The name of the request's files, without ending.
fn base(request: &Request, first: Option<&SubjectAltName>) -> Result<OsString, Error> {
    let base = match (&request.base, first) {
        (_, _) if request.ca => return Ok("ca".into()),
        (Some(base), _) => base.clone(),
        (None, Some(first)) => base_of(first),
        (None, None) => "request".into(),
    };
    check_base(&base)?;
    Ok(base)
}

/// The key to sign with, and whether it is new.
fn key(request: &Request, password: Ask<'_>) -> Result<(Signer, Option<PrivateKey>), Error> {
    let Some(path) = &request.key else {
        let key = PrivateKey::generate(request.key_type)?;
        return Ok((key.signer()?, Some(key)));
    };
    let (key, _) = authority::read_key(path, password)?;
    let signer = Signer::from_pkcs8(key.pkcs8());
    Ok((signer.in_file(path)?, None))
}

fn with_ending(base: &OsStr, ending: &str) -> OsString {
    let mut name = base.to_owned();
    name.push(ending);
    name
}

fn warnings(names: &[TypedName]) -> Vec<String> {
    let notes = names.iter().flat_map(|typed| &typed.notes);
    notes.map(ToString::to_string).collect()
}
