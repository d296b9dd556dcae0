//! Certificate revocation lists: published, refreshed before they expire, and shown.

mod current;
mod publish;
mod show;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

pub use current::keep_current;
pub use publish::{
    NextUpdate, Publication, PublishedList, carry_over, carry_over_lists, moment, publish,
    whole_seconds,
};
pub(super) use publish::{carried_over, fingerprints, no_inventory};
pub use show::{FileReport, ListFacts, show};

use crate::authority::{self, AuthorityAt, Issuance};
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::pki::crl::RevocationList;
use crate::pki::document::{Document, Kind as DocumentKind};
use crate::pki::validity::rfc3339;

/// The CRL to publish.
#[derive(Debug, Default)]
pub struct Request {
    /// When the next one is due; `None` for what `certs.toml` says.
    pub next_update: Option<NextUpdate>,
    /// Where a copy goes, besides the PKI directory.
    pub copy: Option<Place>,
    /// Whether that copy is DER rather than PEM.
    pub der: bool,
}

/// Where a copy of a CRL goes.
#[derive(Clone, Debug)]
pub enum Place {
    /// This file.
    File(PathBuf),
    /// Standard output.
    StandardOutput,
}

/// Signs new CRLs and publishes them in the directory.
///
/// # Errors
/// As [`publish`]; and when there is no authority, or the copy cannot be written.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Report, Error> {
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
    Ok(Report { lists, copy })
}

/// What [`run`] would sign; signs and writes nothing.
///
/// # Errors
/// As [`run`], as far as that is known beforehand.
pub fn dry_run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Plan, Error> {
    let mut authority = from.open_all(now)?;
    let next_update = next_update(request.next_update, from.directory)?;
    let names = [authority::CRL, authority::CRL_DER];
    let mut files: Vec<_> = names.map(|name| from.directory.join(name)).into();
    if let Some(Place::File(path)) = &request.copy {
        files.push(path.clone());
    }
    Ok(Plan {
        dry_run: true,
        issuers: issuers(&mut authority),
        next_update: moment(next_update, now)?,
        files,
    })
}

/// Publishes new CRLs when those of a directory are due: two thirds of their lifetime have passed, or
/// they cannot be read. A directory without a CRL stays without one.
///
/// # Errors
/// As [`run`]; and when the directory cannot be read.
pub fn refresh(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Refresh, Error> {
    let path = from.directory.join(authority::CRL);
    let is_absent = files::kind(&path)? == Kind::Absent;
    let due_from = if is_absent { None } else { due_from(&path) };
    if is_absent || due_from.is_some_and(|due| due > now) {
        let report = Report {
            lists: Vec::new(),
            copy: None,
        };
        return Ok(Refresh { report, due_from });
    }
    let report = run(request, from, now)?;
    Ok(Refresh {
        report,
        due_from: self::due_from(&path),
    })
}

/// When the next CRL is due: as requested, or as a directory's `certs.toml` says.
///
/// # Errors
/// When that file is malformed.
pub fn next_update(requested: Option<NextUpdate>, directory: &Path) -> Result<NextUpdate, Error> {
    let config = authority::read_config(directory)?;
    Ok(requested.unwrap_or_else(|| NextUpdate::After(config.crl_lifetime())))
}

/// The CRLs in a file, PEM or DER.
///
/// # Errors
/// When it cannot be read, or holds none.
pub fn read_lists(path: &Path) -> Result<Vec<RevocationList>, Error> {
    let document = Document::read(&files::read(path)?).in_content(path, None)?;
    let lists = document
        .parts
        .iter()
        .filter(|part| part.kind() == DocumentKind::RevocationList)
        .map(|part| {
            RevocationList::from_der(part.contents().to_vec()).in_content(path, part.line())
        })
        .collect::<Result<Vec<_>, _>>()?;
    if lists.is_empty() {
        return Err(Error::NoRevocationList {
            path: path.to_owned(),
        });
    }
    Ok(lists)
}

/// The CRLs that were published.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The authority's own, then that of the CA it rotates with.
    pub lists: Vec<PublishedList>,
    /// What goes to standard output instead of this report.
    #[serde(skip)]
    pub copy: Option<Vec<u8>>,
}

/// The CRLs that would be published.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Always true: nothing was written.
    pub dry_run: bool,
    /// The CAs that would sign one each.
    pub issuers: Vec<String>,
    /// When the next ones would be due.
    #[serde(with = "time::serde::rfc3339")]
    pub next_update: OffsetDateTime,
    /// The files that would be written.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
}

/// The CRLs that were published because they were due, if they were.
#[derive(Debug, Serialize)]
pub struct Refresh {
    /// What was published.
    #[serde(flatten)]
    pub report: Report,
    /// When the current ones are due; `None` when there is no CRL.
    #[serde(with = "time::serde::rfc3339::option")]
    pub due_from: Option<OffsetDateTime>,
}

impl fmt::Display for PublishedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = match self.entries {
            0 => "no revoked certificates".into(),
            1 => "1 revoked certificate".into(),
            entries => format!("{entries} revoked certificates"),
        };
        writeln!(
            f,
            "CRL number {} of {}: {entries}",
            self.number, self.issuer
        )?;
        writeln!(f, "  next update  {}", rfc3339(self.next_update))?;
        let files: Vec<_> = self.files.iter().map(shown).collect();
        writeln!(f, "  files        {}", files.join(", "))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lists.iter().try_for_each(|list| list.fmt(f))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Dry run; nothing was written. This would be published:")?;
        for issuer in &self.issuers {
            writeln!(f, "  new CRL of   {issuer}")?;
        }
        writeln!(f, "  next update  {}", rfc3339(self.next_update))?;
        self.files
            .iter()
            .try_for_each(|path| writeln!(f, "  file         {}", shown(path)))
    }
}

impl fmt::Display for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)?;
        match self.due_from {
            Some(due) => writeln!(f, "The next CRL is due on {}", rfc3339(due)),
            None => writeln!(f, "No CRL has been published, so none is due"),
        }
    }
}

impl super::Report for Report {
    fn warnings(&self) -> Vec<String> {
        self.lists
            .iter()
            .flat_map(|list| list.warnings.clone())
            .collect()
    }
}

impl super::Report for Plan {}

impl super::Report for Refresh {
    fn warnings(&self) -> Vec<String> {
        self.report.warnings()
    }
}

/// The CAs that sign a CRL each.
fn issuers(authority: &mut Issuance) -> Vec<String> {
    let (issuing, _) = authority.issuing();
    let subjects = issuing
        .iter()
        .map(|issuing| issuing.certificate.subject().to_string());
    subjects.collect()
}

/// When the first of the CRLs in a file is due; `None` when that cannot be read.
fn due_from(path: &Path) -> Option<OffsetDateTime> {
    read_lists(path).ok()?.iter().filter_map(due).min()
}

/// When a CRL is due to be replaced: after two thirds of its lifetime. `None` when it has no nextUpdate.
pub fn due(list: &RevocationList) -> Option<OffsetDateTime> {
    let lifetime = list.next_update()? - list.this_update();
    Some(list.this_update() + lifetime * 2 / 3)
}

/// Writes a copy, replacing the one that is there.
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

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::ops::managed::tests::{NOW, authority_at, make_authority};

    const USUAL: Request = Request {
        next_update: None,
        copy: None,
        der: false,
    };

    #[test]
    fn a_crl_is_refreshed_after_two_thirds_of_its_lifetime() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        let from = authority_at(directory.path());
        run(&USUAL, &from, NOW).unwrap();

        let early = refresh(&USUAL, &from, NOW + Duration::days(19)).unwrap();
        let late = refresh(&USUAL, &from, NOW + Duration::days(21)).unwrap();

        assert_eq!((early.report.lists.len(), late.report.lists.len()), (0, 1));
        assert_eq!(early.due_from, Some(NOW + Duration::days(20)));
        assert_eq!(late.due_from, Some(NOW + Duration::days(41)));
    }

    #[test]
    fn a_directory_without_a_crl_stays_without_one() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        let kept = refresh(&USUAL, &authority_at(directory.path()), NOW).unwrap();
        assert!(kept.report.lists.is_empty() && kept.due_from.is_none());
        assert!(!directory.path().join(authority::CRL).exists());
    }

    #[test]
    fn a_crl_that_cannot_be_read_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        std::fs::write(directory.path().join(authority::CRL), "torn").unwrap();
        let kept = refresh(&USUAL, &authority_at(directory.path()), NOW).unwrap();
        assert_eq!(kept.report.lists.len(), 1);
    }
}
