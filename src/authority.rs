//! What an operation may touch of a certificate authority: its certificate, its key, its inventory.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
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
    /// What is served behind a leaf: a subordinate's certificate and those above it, anchor excluded.
    chain: Vec<Certificate>,
    issuer: Issuer,
    signer: Signer,
}

/// Gives the passphrase of the encrypted key in a file; called only when there is one.
pub type Ask<'a> = &'a dyn Fn(&Path) -> Result<Passphrase, Error>;

impl Authority {
    /// The authority in a directory: `ca.crt`, for a subordinate `issuer.crt`, and `ca.key`.
    ///
    /// # Errors
    /// When one of them is missing or damaged, they are no pair, the certificate is no CA's, or it is not valid `now`.
    pub fn open(directory: &Path, passphrase: Ask<'_>, now: OffsetDateTime) -> Result<Self, Error> {
        let (anchor_path, key_path) = (directory.join(CERTIFICATE), directory.join(KEY));
        let issuer_path = directory.join(ISSUER);
        exists(directory)?;
        let signer = read_signer(&key_path, passphrase)?;
        let subordinate = files::kind(&issuer_path)? != Kind::Absent;
        let path = if subordinate {
            &issuer_path
        } else {
            &anchor_path
        };
        let certificates = read_certificates(path)?;
        let belongs =
            |certificate: &Certificate| certificate.public_key_info() == signer.public_key_info();
        let Some(certificate) = certificates
            .iter()
            .find(|&certificate| belongs(certificate))
            .cloned()
        else {
            return Err(Error::KeyMismatch {
                path: key_path,
                certificate: path.clone(),
            });
        };
        let chain = if subordinate {
            certificates
        } else {
            Vec::new()
        };
        let issuer = issuer(path, &certificate)?;
        check(path, &issuer, now)?;
        Ok(Authority {
            directory: directory.to_owned(),
            certificate,
            chain,
            issuer,
            signer,
        })
    }
}

impl Authority {
    /// A root from what was just made.
    ///
    /// # Errors
    /// When nothing can be issued under the certificate.
    pub fn root(directory: &Path, certificate: Certificate, signer: Signer) -> Result<Self, Error> {
        let issuer = issuer(&directory.join(CERTIFICATE), &certificate)?;
        Ok(Authority {
            directory: directory.to_owned(),
            certificate,
            chain: Vec::new(),
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

    /// Its certificate and those above it, anchor excluded; empty for a root.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
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

    /// The PEM a leaf is served as: itself, then the chain.
    ///
    /// # Errors
    /// Never for what was read or signed.
    pub fn served(&self, certificate: &Certificate) -> Result<String, Error> {
        pem_of(std::iter::once(certificate).chain(&self.chain))
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

/// Certificates as PEM, one behind the other.
///
/// # Errors
/// Never for certificates that were read or signed.
pub fn pem_of<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
) -> Result<String, Error> {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str(&pem::encode("CERTIFICATE", certificate.as_der())?);
    }
    Ok(text)
}

/// Writes a key and its certificates together, and other public files with them, into a locked directory.
///
/// # Errors
/// As [`files::write_together`].
pub fn write(
    lock: &Lock,
    key: (&OsStr, &PrivateKey, Option<&Passphrase>),
    public: &[(&OsStr, &str)],
    replace: bool,
) -> Result<(), Error> {
    let (name, key, passphrase) = key;
    let key = match passphrase {
        Some(passphrase) => key.to_encrypted_pem(passphrase)?,
        None => key.to_pem()?,
    };
    let mut files = vec![NewFile {
        name,
        content: key.as_bytes(),
        secret: true,
    }];
    files.extend(public.iter().map(|(name, text)| NewFile {
        name,
        content: text.as_bytes(),
        secret: false,
    }));
    files::write_together(lock, &files, replace)
}

/// Whether a directory holds an authority; one of which a file is missing is an error.
///
/// # Errors
/// When only one of `ca.crt` and `ca.key` is there.
pub fn exists(directory: &Path) -> Result<bool, Error> {
    let (certificate, key) = (directory.join(CERTIFICATE), directory.join(KEY));
    let missing = |path, beside| Error::Missing {
        path,
        beside,
        hint: RESTORE.into(),
    };
    match (files::kind(&certificate)?, files::kind(&key)?) {
        (Kind::Absent, Kind::Absent) => Ok(false),
        (Kind::Absent, _) => Err(missing(certificate, key)),
        (_, Kind::Absent) => Err(missing(key, certificate)),
        _ => Ok(true),
    }
}

/// The file of the trust anchors to hand out.
pub const CERTIFICATE: &str = "ca.crt";
/// The file of the authority's private key.
pub const KEY: &str = "ca.key";
/// In a subordinate authority, the file of its certificate and those above it, anchor excluded.
pub const ISSUER: &str = "issuer.crt";

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

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    bundle::certificates(&files::read(path)?).map_err(|source| Error::Bundle {
        path: path.to_owned(),
        source,
    })
}

fn read_signer(path: &Path, _passphrase: Ask<'_>) -> Result<Signer, Error> {
    let (_, der) = der::pem::decode_vec(&files::read(path)?).unwrap();
    Signer::from_pkcs8(&der).map_err(|source| Error::Key {
        path: path.to_owned(),
        source,
    })
}
