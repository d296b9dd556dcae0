//! The CRLs in a file, and whether they are overdue.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::read_lists;
use crate::error::{Error, shown};
use crate::ops::{Report, Span, Verdict};
use crate::pki::crl::RevocationList;
use crate::pki::name::DistinguishedName;
use crate::pki::validity::rfc3339;

/// The CRLs in a file as of `now`. Their signatures are not checked.
///
/// # Errors
/// When it cannot be read, or holds none.
pub fn show(path: &Path, now: OffsetDateTime) -> Result<FileReport, Error> {
    let lists = read_lists(path)?;
    let lists: Vec<_> = lists.iter().map(|list| ListFacts::of(list, now)).collect();
    let is_overdue = lists.iter().any(ListFacts::is_overdue);
    Ok(FileReport {
        path: path.to_owned(),
        verdict: if is_overdue {
            Verdict::No
        } else {
            Verdict::Yes
        },
        lists,
    })
}

/// The CRLs in a file.
#[derive(Debug, Serialize)]
pub struct FileReport {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Whether all of them are current.
    pub verdict: Verdict,
    /// The CRLs; at least one.
    pub lists: Vec<ListFacts>,
}

/// What a CRL says about itself.
#[derive(Debug, Serialize)]
pub struct ListFacts {
    /// Who issued it.
    pub issuer: DistinguishedName,
    /// Its number.
    pub number: Option<u64>,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one is due.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_update: Option<OffsetDateTime>,
    /// Seconds until then; negative when it has passed.
    pub next_update_in_seconds: Option<i64>,
    /// How many certificates it lists.
    pub entries: usize,
}

impl ListFacts {
    fn of(list: &RevocationList, now: OffsetDateTime) -> Self {
        let next_update = list.next_update();
        ListFacts {
            issuer: list.issuer().clone(),
            number: list.number(),
            this_update: list.this_update(),
            next_update,
            next_update_in_seconds: next_update
                .map(|next| next.unix_timestamp() - now.unix_timestamp()),
            entries: list.len(),
        }
    }

    fn is_overdue(&self) -> bool {
        self.next_update_in_seconds.is_some_and(i64::is_negative)
    }

    fn next(&self) -> String {
        match (self.next_update, self.next_update_in_seconds) {
            (Some(next), Some(seconds)) => {
                let span = Span(Duration::seconds(seconds.saturating_abs()));
                let direction = if seconds < 0 { "ago" } else { "left" };
                format!("{} ({span} {direction})", rfc3339(next))
            }
            (Some(_) | None, _) => "not stated".into(),
        }
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shown(&self.path))?;
        for list in &self.lists {
            let number = list.number.map_or_else(
                || "without number".into(),
                |number| format!("number {number}"),
            );
            writeln!(f, "  CRL {number} of {}", list.issuer)?;
            writeln!(f, "    this update  {}", rfc3339(list.this_update))?;
            writeln!(f, "    next update  {}", list.next())?;
            writeln!(f, "    revoked      {}", list.entries)?;
        }
        Ok(())
    }
}

impl Report for FileReport {
    fn is_content(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn reason(&self) -> Option<String> {
        let overdue = self.lists.iter().find(|list| list.is_overdue())?;
        let next = overdue.next_update.map(rfc3339).unwrap_or_default();
        Some(format!(
            "{}: the CRL of {} is overdue: the next one was due on {next}",
            shown(&self.path),
            overdue.issuer
        ))
    }
}
