//! A new list in good time.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;

use super::{Made, Request, read_lists, run};
use crate::authority::{self, AuthorityAt};
use crate::error::Error;
use crate::files::{self, Kind};
use crate::ops::Report;
use crate::pki::crl::RevocationList;
use crate::pki::validity::rfc3339;

/// What became of the lists of a directory.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// What was signed and published, when they were due.
    #[serde(flatten)]
    pub made: Made,
    /// When they are due; nothing where there is no list.
    #[serde(with = "time::serde::rfc3339::option")]
    pub due_from: Option<OffsetDateTime>,
}

/// Publishes new lists when those of a directory are due: when two thirds of their time are gone, or
/// they cannot be read. A directory without a list stays without.
///
/// # Errors
/// As [`run`]; and when it cannot be seen whether there is a list.
pub fn keep(request: &Request, from: &AuthorityAt<'_>, now: OffsetDateTime) -> Result<Kept, Error> {
    let path = from.directory.join(authority::CRL);
    if files::kind(&path)? == Kind::Absent {
        return Ok(Kept::as_it_is(None));
    }
    match due_from(&path) {
        Some(due) if due > now => return Ok(Kept::as_it_is(Some(due))),
        Some(_) | None => {}
    }
    let made = run(request, from, now)?;
    Ok(Kept {
        made,
        due_from: due_from(&path),
    })
}

impl Kept {
    fn as_it_is(due_from: Option<OffsetDateTime>) -> Self {
        let made = Made {
            lists: Vec::new(),
            copy: None,
        };
        Kept { made, due_from }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.made.fmt(f)?;
        match self.due_from {
            Some(due) => writeln!(f, "The next list is due from {}", rfc3339(due)),
            None => writeln!(f, "There is no list that could be due"),
        }
    }
}

impl Report for Kept {
    fn warnings(&self) -> Vec<String> {
        self.made.warnings()
    }
}

/// When the first of the lists in a file is due; `None` where that cannot be read.
fn due_from(path: &Path) -> Option<OffsetDateTime> {
    let due = |list: &RevocationList| {
        let lifetime = list.next_update()? - list.this_update();
        Some(list.this_update() + lifetime * 2 / 3)
    };
    read_lists(path).ok()?.iter().filter_map(due).min()
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::ops::managed::tests::{NOW, authority_at, make_authority};

    const AS_USUAL: Request = Request {
        next_update: None,
        copy: None,
        der: false,
    };

    #[test]
    fn a_list_is_made_anew_after_two_thirds_of_its_time() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        let from = authority_at(directory.path());
        run(&AS_USUAL, &from, NOW).unwrap();

        let early = keep(&AS_USUAL, &from, NOW + Duration::days(19)).unwrap();
        let late = keep(&AS_USUAL, &from, NOW + Duration::days(21)).unwrap();

        assert_eq!((early.made.lists.len(), late.made.lists.len()), (0, 1));
        assert_eq!(early.due_from, Some(NOW + Duration::days(20)));
        assert_eq!(late.due_from, Some(NOW + Duration::days(41)));
    }

    #[test]
    fn where_there_is_no_list_none_is_made() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        let kept = keep(&AS_USUAL, &authority_at(directory.path()), NOW).unwrap();
        assert!(kept.made.lists.is_empty() && kept.due_from.is_none());
        assert!(!directory.path().join(authority::CRL).exists());
    }

    #[test]
    fn a_list_that_cannot_be_read_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        std::fs::write(directory.path().join(authority::CRL), "torn").unwrap();
        let kept = keep(&AS_USUAL, &authority_at(directory.path()), NOW).unwrap();
        assert_eq!(kept.made.lists.len(), 1);
    }
}
