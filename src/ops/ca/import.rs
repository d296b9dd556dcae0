//! An authority that another program made.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::AuthorityReport;
use crate::authority::{self, Ask};
use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
use crate::keys::{Password, ReadKey, Signer};
use crate::pki::certificate::Certificate;
use crate::store::{Inventory as _, Opening};

/// The authority to take in.
#[derive(Debug)]
pub struct Request {
    /// Where it will live.
    pub directory: PathBuf,
    /// Its certificate; behind it perhaps those above it.
    pub certificate: PathBuf,
    /// Its private key; the `ca.key` in the directory when there is none.
    pub key: Option<PathBuf>,
    /// More certificates above it.
    pub chain: Option<PathBuf>,
}

/// Takes an authority in: its files become `ca.crt`, `ca.key` and, for a subordinate, `issuer.crt`. A password that
/// decrypts the key encrypts it again.
///
/// # Errors
/// When there is an authority already, the files are no pair or no valid CA's, or the root of a subordinate is missing.
pub fn run(request: &Request, password: Ask<'_>, now: OffsetDateTime) -> Result<AuthorityReport, Error> {
    let directory = &request.directory;
    let lock = Lock::acquire(directory)?;
    let own_key = directory.join(authority::KEY);
    let key_path = request.key.clone().unwrap_or_else(|| own_key.clone());
    let is_there = files::kind(&own_key)? != Kind::Absent;
    refuse_another(request, is_there)?;
    let given = std::cell::OnceCell::new();
    let key = authority::read_key(&key_path, &|path| {
        let password = password(path)?;
        Ok(given.get_or_init(|| password).duplicate())
    })?;
    let (certificate, above) = certificates(request)?;
    authority::check(&request.certificate, &certificate, now)?;
    if key.public_key_info() != Some(certificate.public_key_info()) {
        return Err(Error::KeyMismatch { path: key_path, certificate: request.certificate.clone() });
    }
    Signer::from_pkcs8(key.pkcs8()).map_err(|source| Error::Key { path: key_path, source })?;
    let (issuers, anchors) = sorted(request, &certificate, above)?;
    let mut inventory = authority::open_inventory(directory, Opening::Create)?;
    inventory.record_authority(certificate.as_der(), now)?;
    write(&lock, (&key, given.get()), is_there, &authority::pem_of(&issuers)?, &authority::pem_of(&anchors)?)?;
    inventory.complete_authority(certificate.as_der())?;
    AuthorityReport::new(directory, &certificate, false, now)
}
