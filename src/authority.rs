//! What an operation may touch of a certificate authority: its certificate, its key, its directory.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::error::Error;
use crate::files::{self, Kind, Lock, Pair};
use crate::keys::{Passphrase, PrivateKey, Signer};
use crate::pki::bundle;
use crate::pki::certificate::Certificate;
use crate::pki::issuer::Issuer;
use crate::pki::pem;
use crate::pki::plan::{self, IssuancePlan};
use crate::pki::serial::SerialNumber;

/// A certificate authority that can sign.
#[derive(Debug)]
pub struct Authority {
    directory: PathBuf,
    certificate: Certificate,
    issuer: Issuer,
    signer: Signer,
}

impl Authority {
    /// The authority in a directory: `ca.crt` (or `issuer.crt`) and `ca.key`, which belong together.
    ///
    /// # Errors
    /// When one of them is missing or damaged, they are no pair, the certificate is no CA's, or it is not valid `now`.
    pub fn open(
        directory: &Path,
        passphrase: &dyn Fn(&Path) -> Result<Passphrase, Error>,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let (certificate_path, key_path) = (directory.join(CERTIFICATE), directory.join(KEY));
        let signer = read_signer(&key_path)?;
        let certificate = read_certificate(&certificate_path, &signer, &key_path)?;
        let issuer = issuer(&certificate_path, &certificate)?;
        check(&certificate_path, &issuer, now)?;
        Ok(Authority {
            directory: directory.to_owned(),
            certificate,
            issuer,
            signer,
        })
    }

    /// An authority from what was just made, or is about to be written.
    ///
    /// # Errors
    /// When nothing can be issued under the certificate.
    pub fn new(directory: &Path, certificate: Certificate, signer: Signer) -> Result<Self, Error> {
        let issuer = issuer(&directory.join(CERTIFICATE), &certificate)?;
        Ok(Authority {
            directory: directory.to_owned(),
            certificate,
            issuer,
            signer,
        })
    }

    /// The directory it lives in.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What a plan takes from its issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Signs a plan for this public key and serial number.
    ///
    /// # Errors
    /// When our own lint refuses the plan, or it cannot be encoded or signed.
    pub fn sign(
        &self,
        plan: &IssuancePlan,
        public_key_info: &[u8],
        serial: &SerialNumber,
    ) -> Result<Certificate, Error> {
        sign(&self.signer, plan, public_key_info, serial)
    }
}

/// Signs a plan with any key: what a root does with its own.
///
/// # Errors
/// When our own lint refuses the plan, or it cannot be encoded or signed.
pub fn sign(
    signer: &Signer,
    plan: &IssuancePlan,
    public_key_info: &[u8],
    serial: &SerialNumber,
) -> Result<Certificate, Error> {
    let lints = crate::pki::lint::lint(plan);
    if !lints.is_empty() {
        return Err(Error::Lint(lints));
    }
    let to_be_signed = plan.to_be_signed(public_key_info, serial, signer.algorithm())?;
    let der = plan::signed(
        &to_be_signed,
        signer.algorithm(),
        &signer.sign(&to_be_signed)?,
    )?;
    Certificate::from_der(der).map_err(|source| Error::Certificate {
        path: CERTIFICATE.into(),
        source,
    })
}

/// Writes a certificate and its key into a locked directory as PEM.
///
/// # Errors
/// As [`files::write_pair`].
pub fn write(
    lock: &Lock,
    certificate: &Certificate,
    certificate_name: &OsStr,
    key: &PrivateKey,
    key_name: &OsStr,
    passphrase: Option<&Passphrase>,
    replace: bool,
) -> Result<(), Error> {
    let certificate = pem::encode("CERTIFICATE", certificate.as_der())?;
    let key = match passphrase {
        Some(passphrase) => key.to_encrypted_pem(passphrase)?,
        None => key.to_pem()?,
    };
    let pair = Pair {
        key_name,
        key: key.as_bytes(),
        certificate_name,
        certificate: certificate.as_bytes(),
    };
    files::write_pair(lock, &pair, replace)
}

/// Whether a directory holds an authority; an authority of which one file is missing is an error.
///
/// # Errors
/// When only one of `ca.crt` and `ca.key` is there.
pub fn exists(directory: &Path) -> Result<bool, Error> {
    let (certificate, key) = (directory.join(CERTIFICATE), directory.join(KEY));
    match (files::kind(&certificate)?, files::kind(&key)?) {
        (Kind::Absent, Kind::Absent) => Ok(false),
        (Kind::Absent, _) => Err(Error::Missing {
            path: certificate,
            beside: key,
            hint: RESTORE.into(),
        }),
        (_, Kind::Absent) => Err(Error::Missing {
            path: key,
            beside: certificate,
            hint: RESTORE.into(),
        }),
        _ => Ok(true),
    }
}

/// The file of the trust anchors to hand out.
pub const CERTIFICATE: &str = "ca.crt";
/// The file of the authority's private key.
pub const KEY: &str = "ca.key";

const RESTORE: &str =
    "restore it from a backup; a new CA needs a new directory (`-C DIR`) or `generate --new-ca`";

fn issuer(path: &Path, certificate: &Certificate) -> Result<Issuer, Error> {
    Issuer::of(certificate).map_err(|source| Error::Issuer {
        path: path.to_owned(),
        source,
    })
}

/// Refuses a certificate that no certificate may be issued under.
fn check(path: &Path, issuer: &Issuer, now: OffsetDateTime) -> Result<(), Error> {
    let path = || path.to_owned();
    let (not_before, not_after) = (issuer.validity.not_before(), issuer.validity.not_after());
    if !issuer.is_ca {
        return Err(Error::NotAnAuthority { path: path() });
    }
    if now > not_after {
        return Err(Error::AuthorityExpired {
            path: path(),
            not_after,
        });
    }
    if now < not_before {
        return Err(Error::AuthorityNotYetValid {
            path: path(),
            not_before,
            now,
        });
    }
    Ok(())
}

/// The CA's certificate among the trust anchors of a file: the one this key belongs to.
fn read_certificate(path: &Path, signer: &Signer, key_path: &Path) -> Result<Certificate, Error> {
    let octets = files::read(path)?;
    let certificates = bundle::certificates(&octets).map_err(|source| Error::Bundle {
        path: path.to_owned(),
        source,
    })?;
    let belongs =
        |certificate: &Certificate| certificate.public_key_info() == signer.public_key_info();
    certificates
        .into_iter()
        .find(belongs)
        .ok_or_else(|| Error::KeyMismatch {
            path: key_path.to_owned(),
            certificate: path.to_owned(),
        })
}

fn read_signer(path: &Path) -> Result<Signer, Error> {
    let (_, der) = der::pem::decode_vec(&files::read(path)?).unwrap();
    Signer::from_pkcs8(&der).map_err(|source| Error::Key {
        path: path.to_owned(),
        source,
    })
}
