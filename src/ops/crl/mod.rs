//! Certificate revocation lists.

mod due;
mod publish;
mod show;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

pub use due::{Kept, keep};
pub use publish::{NextUpdate, Publication, Published, moment, publish, read_lists, whole_seconds};
pub use show::{Shown, show};

use super::Report;
use crate::authority::{self, Authority, AuthorityAt};
use crate::error::{Error, shown};
use crate::files::{self, Lock, NewFile};
use crate::pki::validity::rfc3339;

/// The list that is wanted.
#[derive(Debug, Default)]
pub struct Request {
    /// When the next one comes at the latest; as `certs.toml` says when nothing is said.
    pub next_update: Option<NextUpdate>,
    /// Where it goes beside the PKI directory.
    pub copy: Option<Place>,
    /// Whether that copy is DER; it is PEM otherwise.
    pub der: bool,
}

/// Where a copy of a list goes.
#[derive(Clone, Debug)]
pub enum Place {
    /// This file.
    File(PathBuf),
    /// Standard output.
    StandardOutput,
}

/// Signs a new list and publishes it in the directory.
///
/// # Errors
/// As [`publish`]; and when the authority is not there, or the copy cannot be written.
pub fn run(request: &Request, from: &AuthorityAt<'_>, now: OffsetDateTime) -> Result<Made, Error> {
    let mut authority = from.open_all(now)?;
    let next_update = next_update(request.next_update, from.directory)?;
    let publication = {
        let lock = Lock::acquire(from.directory)?;
        publish(&mut authority, &lock, next_update, now)?
    };
    let Publication {
        mut lists,
        pem,
        der,
    } = publication;
    let content = if request.der { der } else { pem.into_bytes() };
    let copy = match &request.copy {
        None => None,
        Some(Place::StandardOutput) => Some(content),
        Some(Place::File(path)) => {
            write(path, &content)?;
            let copied = if request.der { 1 } else { lists.len() };
            for list in lists.iter_mut().take(copied) {
                list.files.push(path.clone());
            }
            None
        }
    };
    Ok(Made { lists, copy })
}

/// What would be signed, with nothing signed or written.
///
/// # Errors
/// As [`run`], as far as it can be known beforehand.
pub fn dry_run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Unmade, Error> {
    let mut authority = from.open_all(now)?;
    let next_update = next_update(request.next_update, from.directory)?;
    let next_update = moment(next_update, now)?;
    let issuers = issuers(&mut authority);
    let names = [authority::CRL, authority::CRL_DER];
    let mut files: Vec<_> = names.map(|name| from.directory.join(name)).into();
    if let Some(Place::File(path)) = &request.copy {
        files.push(path.clone());
    }
    Ok(Unmade {
        dry_run: true,
        issuers,
        next_update,
        files,
    })
}

/// When the next list comes at the latest: as it was asked for, or as a directory's `certs.toml` says.
///
/// # Errors
/// When that file is malformed.
pub fn next_update(wanted: Option<NextUpdate>, directory: &Path) -> Result<NextUpdate, Error> {
    let config = authority::read_config(directory)?;
    Ok(wanted.unwrap_or_else(|| NextUpdate::After(config.crl_lifetime())))
}

/// Every list that was signed.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The authority's own, and behind it that of the CA it is taking turns with.
    pub lists: Vec<Published>,
    /// What goes to standard output in place of this report.
    #[serde(skip)]
    pub copy: Option<Vec<u8>>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lists.iter().try_for_each(|list| list.fmt(f))
    }
}

impl Report for Made {
    fn warnings(&self) -> Vec<String> {
        self.lists
            .iter()
            .flat_map(|list| list.warnings.clone())
            .collect()
    }
}

/// What would be signed.
#[derive(Debug, Serialize)]
pub struct Unmade {
    /// Always true: nothing was written.
    pub dry_run: bool,
    /// Who would sign a list each.
    pub issuers: Vec<String>,
    /// When the next ones would come at the latest.
    #[serde(with = "time::serde::rfc3339")]
    pub next_update: OffsetDateTime,
    /// The files that would be written.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
}

impl fmt::Display for Unmade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Nothing was written. This would be:")?;
        for issuer in &self.issuers {
            writeln!(f, "  a new CRL    of {issuer}")?;
        }
        writeln!(f, "  next update  {}", rfc3339(self.next_update))?;
        self.files
            .iter()
            .try_for_each(|path| writeln!(f, "  file         {}", shown(path)))
    }
}

impl Report for Unmade {}

/// Who signs a list each.
fn issuers(authority: &mut Authority) -> Vec<String> {
    let (issuing, _) = authority.issuing();
    let subjects = issuing
        .iter()
        .map(|issuing| issuing.certificate.subject().to_string());
    subjects.collect()
}

/// Writes a copy, in the place of one that is there.
fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let path = files::absolute(path)?;
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::Unreadable {
            path,
            what: "is a directory, not a file",
        });
    };
    let lock = Lock::acquire(directory)?;
    let name: &OsStr = name;
    files::replace(
        &lock,
        &NewFile {
            name,
            content,
            secret: false,
        },
    )
}
