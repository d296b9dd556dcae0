//! An authority created by another program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::init::establish;
use super::{AuthorityReport, Origin};
use crate::authority::{self, Ask};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind, Lock};
use crate::keys::Signer;
use crate::path;
use crate::pki::certificate::Certificate;

/// The authority to import.
#[derive(Debug)]
pub struct Request {
    /// Where it will live.
    pub directory: PathBuf,
    /// Its certificate; those above it may follow in the file.
    pub certificate: PathBuf,
    /// Its private key; `ca.key` in the directory if none is given.
    pub key: Option<PathBuf>,
    /// More certificates above it.
    pub chain: Option<PathBuf>,
    /// Check everything, and write nothing.
    pub dry_run: bool,
}

/// Imports an authority: its files become `ca.crt`, `ca.key` and, for a subordinate, `issuer.crt`. An encrypted key
/// keeps its passphrase.
///
/// # Errors
/// When an authority already exists, the files are not a pair or not of a valid CA, or the root of a subordinate is
/// missing.
pub fn run(
    request: &Request,
    password: Ask<'_>,
    now: OffsetDateTime,
) -> Result<AuthorityReport, Error> {
    let directory = &request.directory;
    let lock = if request.dry_run {
        None
    } else {
        Some(Lock::acquire(directory)?)
    };
    let own_key = directory.join(authority::KEY);
    let key_path = request.key.clone().unwrap_or_else(|| own_key.clone());
    let is_there = files::kind(&own_key)? != Kind::Absent;
    refuse_another(request, is_there)?;
    let (key, password) = authority::read_key(&key_path, password)?;
    let (certificate, above) = certificates(request)?;
    authority::valid_issuer(&request.certificate, &certificate, now)?;
    if key.public_key_info() != Some(certificate.public_key_info()) {
        return Err(Error::KeyMismatch {
            path: key_path,
            certificate: request.certificate.clone(),
        });
    }
    Signer::from_pkcs8(key.pkcs8()).in_file(key_path)?;
    let (issuers, anchors) = sorted(&certificate, above, request)?;
    let Some(lock) = lock else {
        return AuthorityReport::new(directory, &certificate, Origin::Importable, now);
    };
    let (issuers, anchors) = (authority::pem_of(&issuers)?, authority::pem_of(&anchors)?);
    let mut public = vec![(OsStr::new(authority::CERTIFICATE), anchors.as_str())];
    if !issuers.is_empty() {
        public.push((OsStr::new(authority::ISSUER), &issuers));
    }
    let key = (!is_there).then_some((key.pkcs8(), password.as_ref()));
    establish(&lock, &certificate, key, &public, false, now)?;
    AuthorityReport::new(directory, &certificate, Origin::Imported, now)
}

/// Refuses a directory with an authority, or with another key than the given one.
fn refuse_another(request: &Request, is_there: bool) -> Result<(), Error> {
    let hint = "import into another directory (`-C DIR`)";
    for name in [authority::CERTIFICATE, authority::ISSUER] {
        let path = request.directory.join(name);
        if files::kind(&path)? != Kind::Absent {
            return Err(Error::Exists {
                path,
                hint: hint.into(),
            });
        }
    }
    let path = request.directory.join(authority::KEY);
    let is_given = |key: &Path| {
        files::absolute(key).is_ok_and(|key| files::absolute(&path).is_ok_and(|own| own == key))
    };
    if is_there && request.key.as_deref().is_some_and(|key| !is_given(key)) {
        return Err(Error::Exists {
            path,
            hint: hint.into(),
        });
    }
    if !is_there && request.key.is_none() {
        let hint = "give the CA's private key with `--key FILE`".into();
        return Err(Error::Missing {
            path,
            beside: request.certificate.clone(),
            hint,
        });
    }
    Ok(())
}

/// The certificate, and all others that were given.
fn certificates(request: &Request) -> Result<(Certificate, Vec<Certificate>), Error> {
    let mut all = authority::read_certificates(&request.certificate)?;
    let certificate = all.remove(0);
    if let Some(chain) = &request.chain {
        all.extend(authority::read_certificates(chain)?);
    }
    Ok((certificate, all))
}

/// The contents of `issuer.crt` (none for a root) and of `ca.crt`, found by following the names of the issuers.
fn sorted(
    certificate: &Certificate,
    above: Vec<Certificate>,
    request: &Request,
) -> Result<(Vec<Certificate>, Vec<Certificate>), Error> {
    if certificate.is_self_issued() {
        if !path::is_self_signed(certificate) {
            return Err(Error::NotSelfSigned {
                path: request.certificate.clone(),
            });
        }
        return Ok((Vec::new(), vec![certificate.clone()]));
    }
    let mut issuers = vec![certificate.clone()];
    while let Some(last) = issuers.last() {
        let next = above
            .iter()
            .find(|other| other.subject() == last.issuer() && !issuers.contains(other));
        match next {
            Some(anchor) if anchor.is_self_issued() => return Ok((issuers, vec![anchor.clone()])),
            Some(intermediate) => issuers.push(intermediate.clone()),
            None => break,
        }
    }
    let missing = issuers
        .last()
        .map(|last| last.issuer().to_string())
        .unwrap_or_default();
    Err(Error::usage(
        format!(
            "{}: the certificate of its issuer, {missing}, is missing",
            shown(&request.certificate)
        ),
        "give the certificates above it, up to the root, with `--chain FILE`",
    ))
}
