//! One root taking the place of another, in stages, without an agent that has to stand still.
//!
//! ```text
//! prepare   the new root is made, both certify each other, and both are in ca.crt
//! activate  the new root issues, once everyone that was named trusts it
//! retire    the old root leaves ca.crt, once nothing valid was issued by it
//! ```

mod activate;
mod chains;
mod gate;
mod plan;
mod prepare;
mod retire;
mod status;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

pub use activate::{Activated, activate};
pub use chains::{Chained, Unchained};
pub use gate::{Gate, Passage};
pub use plan::Request;
pub use prepare::prepare;
pub use retire::{Retired, retire};
pub use status::{Standing, status};

use crate::authority::rotation::{self, Stage};
use crate::authority::{self, Ask, Authority, AuthorityAt, Recording};
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock, NewFile, Replacement};
use crate::ops::crl::{self, NextUpdate, PublishedList};
use crate::ops::{Expiry, Report};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::Validity;

/// A root of a roll-over.
#[derive(Debug, Serialize)]
pub struct Root {
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its serial number; `None` before it is made.
    pub serial: Option<SerialNumber>,
    /// When it ends.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// SHA-256 over its certificate; `None` before it is made.
    pub fingerprint_sha256: Option<Fingerprint>,
}

impl Root {
    fn of(certificate: &Certificate, now: OffsetDateTime) -> Result<Self, Error> {
        let validity = Validity::between(certificate.not_before(), certificate.not_after())?;
        Ok(Root {
            subject: certificate.subject().clone(),
            serial: Some(certificate.serial().clone()),
            expiry: Expiry::of(validity, now),
            fingerprint_sha256: Some(Fingerprint::sha256(certificate.as_der())),
        })
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, until {}", self.subject, self.expiry)
    }
}

/// What a stage has come to.
#[derive(Debug, Serialize)]
pub struct Staged {
    /// Whether nothing was changed, and this is what would be.
    pub dry_run: bool,
    /// The stage.
    pub stage: Stage,
    /// The root that issues.
    pub current: Root,
    /// The root beside it; `None` when there is one only.
    pub other: Option<Root>,
    /// Files that were written, or would be.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
    /// What became of the certificates that are served with a cross-certificate.
    #[serde(flatten)]
    pub chained: Chained,
    /// The new revocation lists, where there were any before.
    pub lists: Vec<PublishedList>,
    /// What to do now.
    pub next: Vec<String>,
    #[serde(skip)]
    warnings: Vec<String>,
}

impl fmt::Display for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Nothing was written. This would be:")?;
        }
        let (current, other) = match self.stage {
            Stage::None => ("root", ""),
            Stage::Prepared => ("old root, which issues", "new root"),
            Stage::Activated => ("new root, which issues", "old root"),
        };
        writeln!(f, "{current}: {}", self.current)?;
        if let Some(root) = &self.other {
            writeln!(f, "{other}: {root}")?;
        }
        for path in &self.files {
            writeln!(f, "  file  {}", shown(path))?;
        }
        self.chained.fmt(f)?;
        self.lists.iter().try_for_each(|list| list.fmt(f))?;
        for (at, step) in self.next.iter().enumerate() {
            let label = if at == 0 { "Next:" } else { "     " };
            writeln!(f, "{label} {step}")?;
        }
        Ok(())
    }
}

impl Report for Staged {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

/// The authority in a directory itself, whose passphrase is asked for so.
fn asking<'a>(directory: &'a Path, passphrase: Ask<'a>) -> AuthorityAt<'a> {
    AuthorityAt {
        directory,
        material: None,
        recording: Recording::Directory,
        passphrase,
    }
}

/// The authority of a directory, when it is a root.
fn open_root(from: &AuthorityAt<'_>, now: OffsetDateTime) -> Result<Authority, Error> {
    refuse_subordinate(from.directory)?;
    from.open_all(now)
}

/// Refuses a directory whose authority has another above it.
fn refuse_subordinate(directory: &Path) -> Result<(), Error> {
    if !authority::exists(directory)? {
        return Err(Error::NoAuthority {
            path: directory.to_owned(),
        });
    }
    if files::kind(&directory.join(authority::ISSUER))? == Kind::Absent {
        return Ok(());
    }
    Err(Error::Usage {
        message: format!(
            "{}: is a subordinate CA, which its clients trust by the root above it",
            shown(directory)
        ),
        hint: "make another one with `openagents-certs ca intermediate --parent DIR -C NEW-DIR`, and rotate roots where they are".into(),
    })
}

/// What `ca.crt` is to hold: these roots, and behind them whatever else stands there but the one that is gone.
fn anchors(
    directory: &Path,
    roots: &[&Certificate],
    gone: Option<&Certificate>,
) -> Result<Vec<Certificate>, Error> {
    let standing = authority::read_certificates(&directory.join(authority::CERTIFICATE))?;
    let is_other =
        |anchor: &Certificate| !roots.contains(&anchor) && gone.is_none_or(|gone| gone != anchor);
    let own = roots.iter().map(|root| (*root).clone());
    Ok(own.chain(standing.into_iter().filter(is_other)).collect())
}

/// Writes `ca.crt`.
fn write_anchors(lock: &Lock, anchors: &[Certificate]) -> Result<(), Error> {
    let text = authority::pem_of(anchors.iter().map(Certificate::as_der))?;
    let name = OsStr::new(authority::CERTIFICATE);
    let anchors = Replacement {
        name,
        content: text.as_bytes(),
        like: name,
    };
    files::replace_each(lock, &[anchors])
}

/// Publishes new lists where there are any: each root signs its own.
fn publish_again(
    from: &AuthorityAt<'_>,
    lock: &Lock,
    now: OffsetDateTime,
) -> Result<Vec<PublishedList>, Error> {
    if files::kind(&lock.path().join(authority::CRL))? == Kind::Absent {
        return Ok(Vec::new());
    }
    let next_update: NextUpdate = crl::next_update(None, from.directory)?;
    let mut authority = from.open_all(now)?;
    Ok(crl::publish(&mut authority, lock, next_update, now)?.lists)
}

/// The name a root's file is kept under, such as `retired-20281120T080500Z.key`.
fn retired_name(ending: &str, now: OffsetDateTime) -> String {
    let stamp = format_description!("[year][month][day]T[hour][minute][second]Z");
    let date = now
        .format(stamp)
        .unwrap_or_else(|_| now.unix_timestamp().to_string());
    format!("retired-{date}.{ending}")
}

/// A file that is to be written.
fn file<'a>(name: &'a str, content: &'a [u8], secret: bool) -> NewFile<'a> {
    NewFile {
        name: OsStr::new(name),
        content,
        secret,
    }
}

/// The files of a directory of a roll-over with these names.
fn files_of(directory: &Path, own: &[&str], staged: &[&str]) -> Vec<PathBuf> {
    let place = rotation::place(directory);
    own.iter()
        .map(|name| directory.join(name))
        .chain(staged.iter().map(|name| place.join(name)))
        .collect()
}
