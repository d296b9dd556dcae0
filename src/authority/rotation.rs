//! The files of a rotation: one root taking the place of another.
//!
//! ```text
//! certs/
//!   ca.crt                both roots, the one that issues first
//!   ca.key                the key of the one that issues
//!   rotation/
//!     next.crt next.key          the new root, until it issues
//!     previous.crt previous.key  the old root, from then until it is retired
//!     cross.crt                  each root's key certified by the other: served behind what it issued
//!     retired-DATE.crt .key      old roots, kept
//! ```
//!
//! `ca.crt` and `ca.key` are replaced together, and whichever root stands first in `ca.crt` issues: what
//! is killed in between is at the stage before or at the stage after. A client that trusts only one of
//! the roots takes what either of them issued, by way of the cross-certificate.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::deployment::{issuer, read_signer};
use super::{Ask, CERTIFICATE, Signing, open_inventory, read_certificates};
use crate::error::Error;
use crate::files::{self, Kind};
use crate::pki::certificate::Certificate;
use crate::store::Opening;

/// The stage of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// There is one root.
    None,
    /// The new root is trusted beside the old one, which issues.
    Prepared,
    /// The new root issues, and the old one is still trusted.
    Activated,
}

/// A rotation as its files show it.
#[derive(Debug)]
pub struct Rotation {
    /// The stage.
    pub stage: Stage,
    /// The root that issues.
    pub current: Certificate,
    /// The root beside it: the new one, then the old one.
    pub other: Option<Certificate>,
}

impl Rotation {
    /// The stage of the rotation in a directory.
    ///
    /// # Errors
    /// When `ca.crt` or one of the roots cannot be read.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let anchors = read_certificates(&directory.join(CERTIFICATE))?;
        let records = open_inventory(directory, Opening::MustExist)?.authorities()?;
        // Other roots may be trusted as well, by whoever put them there.
        let is_ours = |anchor: &&Certificate| {
            let der = anchor.as_der();
            records.iter().any(|record| record.certificate == der)
        };
        let current = anchors.iter().find(is_ours).unwrap_or(&anchors[0]).clone();
        for (name, stage) in [(NEXT, Stage::Prepared), (PREVIOUS, Stage::Activated)] {
            let other = certificate(directory, name)?;
            if let Some(other) = other.filter(|other| *other != current && anchors.contains(other))
            {
                return Ok(Rotation {
                    stage,
                    current,
                    other: Some(other),
                });
            }
        }
        Ok(Rotation {
            stage: Stage::None,
            current,
            other: None,
        })
    }

    /// The root that takes the place of another, while both are trusted.
    pub fn into_new_root(self) -> Option<Certificate> {
        match self.stage {
            Stage::None => None,
            Stage::Prepared => self.other,
            Stage::Activated => Some(self.current),
        }
    }
}

/// The root in one of the files of a rotation, `next` or `previous`, if it is there.
///
/// # Errors
/// When it cannot be read.
pub fn certificate(directory: &Path, name: &str) -> Result<Option<Certificate>, Error> {
    files::refuse_link(&place(directory))?;
    let path = place(directory).join(name).with_extension("crt");
    match files::kind(&path)? {
        Kind::Absent => Ok(None),
        Kind::File | Kind::SymbolicLink | Kind::Other => {
            Ok(Some(read_certificates(&path)?.swap_remove(0)))
        }
    }
}

/// The cross-certificates there are: each root's key certified by the other.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn cross_certificates(directory: &Path) -> Result<Vec<Certificate>, Error> {
    files::refuse_link(&place(directory))?;
    let path = place(directory).join(CROSS);
    match files::kind(&path)? {
        Kind::Absent => Ok(Vec::new()),
        Kind::File | Kind::SymbolicLink | Kind::Other => read_certificates(&path),
    }
}

/// What a root serves behind what it issues: its key certified by the other root, as long as that is valid.
///
/// # Errors
/// As [`cross_certificates`].
pub fn chain(
    directory: &Path,
    root: &Certificate,
    now: OffsetDateTime,
) -> Result<Vec<Certificate>, Error> {
    let mut chain = cross_certificates(directory)?;
    chain.retain(|cross| {
        cross.subject() == root.subject()
            && cross.public_key_info() == root.public_key_info()
            && cross.not_after() >= now
    });
    Ok(chain)
}

/// The root that takes turns with the one that issues, ready to sign revocation lists.
///
/// # Errors
/// When one of its files is missing or damaged, or they are no pair.
pub fn beside(
    directory: &Path,
    own: &Certificate,
    passphrase: Ask<'_>,
) -> Result<Option<(Certificate, Signing)>, Error> {
    for name in [NEXT, PREVIOUS] {
        let base = place(directory).join(name);
        let key = base.with_extension("key");
        let other = certificate(directory, name)?.filter(|other| other != own);
        let Some(other) = other else {
            continue;
        };
        if files::kind(&key)? == Kind::Absent {
            continue;
        }
        let signing = signing(&base, &other, passphrase)?;
        return Ok(Some((other, signing)));
    }
    Ok(None)
}

/// The roots that were retired, are still valid, and whose keys are there and can be read: they answer for what they
/// issued.
pub fn retired(
    directory: &Path,
    passphrase: Ask<'_>,
    now: OffsetDateTime,
) -> Vec<(Certificate, Signing)> {
    let is_retired = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(RETIRED) && name.ends_with(".crt"))
    };
    let files = files::list(&place(directory)).unwrap_or_default();
    let retired = files.into_iter().filter(is_retired).filter_map(|path| {
        let certificate = read_certificates(&path).ok()?.swap_remove(0);
        let signing = signing(&path.with_extension(""), &certificate, passphrase).ok()?;
        (certificate.not_after() > now).then_some((certificate, signing))
    });
    retired.collect()
}

/// What signs for the root whose files are named so, without ending.
///
/// # Errors
/// When the key cannot be read, or is another's.
pub fn signing(
    base: &Path,
    certificate: &Certificate,
    passphrase: Ask<'_>,
) -> Result<Signing, Error> {
    let (path, key) = (base.with_extension("crt"), base.with_extension("key"));
    let signer = read_signer(&key, passphrase)?;
    if signer.public_key_info() != certificate.public_key_info() {
        return Err(Error::KeyMismatch {
            path: key,
            certificate: path,
        });
    }
    let issuer = issuer(&path, certificate)?;
    Ok(Signing::new(certificate, issuer, signer))
}

/// The directory of a rotation's files.
pub fn place(directory: &Path) -> PathBuf {
    directory.join(DIRECTORY)
}

/// The files of the new root, without ending.
pub const NEXT: &str = "next";
/// The files of the old root, without ending.
pub const PREVIOUS: &str = "previous";
/// How the files of retired roots start.
pub const RETIRED: &str = "retired-";
/// The file of the cross-certificates.
pub const CROSS: &str = "cross.crt";
/// The directory of a rotation's files.
pub const DIRECTORY: &str = "rotation";
