//! Revocation lists that are there: whose, and whether they are out of date.

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

/// What the lists in a file are, seen from `now`.
///
/// # Errors
/// When it cannot be read, or there is none in it.
pub fn show(path: &Path, now: OffsetDateTime) -> Result<Shown, Error> {
    let lists = read_lists(path)?;
    Ok(Shown {
        file: path.to_owned(),
        lists: lists.iter().map(|list| ListShown::of(list, now)).collect(),
    })
}

/// What the lists in a file are.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub file: PathBuf,
    /// The lists in it; at least one.
    pub lists: Vec<ListShown>,
}

/// What a list is.
#[derive(Debug, Serialize)]
pub struct ListShown {
    /// Who signed it; the signature is not checked here.
    pub issuer: DistinguishedName,
    /// Its number.
    pub number: Option<u64>,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one comes at the latest.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_update: Option<OffsetDateTime>,
    /// Seconds until then; negative when it has passed.
    pub next_update_in_seconds: Option<i64>,
    /// How many certificates it lists.
    pub entries: usize,
}

impl ListShown {
    fn of(list: &RevocationList, now: OffsetDateTime) -> Self {
        ListShown {
            issuer: list.issuer().clone(),
            number: list.number(),
            this_update: list.this_update(),
            next_update: list.next_update(),
            next_update_in_seconds: list
                .next_update()
                .map(|next| next.unix_timestamp() - now.unix_timestamp()),
            entries: list.len(),
        }
    }

    fn is_overdue(&self) -> bool {
        self.next_update_in_seconds.is_some_and(i64::is_negative)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shown(&self.file))?;
        for list in &self.lists {
            let number = list.number.map_or_else(
                || "without number".into(),
                |number| format!("number {number}"),
            );
            writeln!(f, "  CRL {number} of {}", list.issuer)?;
            writeln!(f, "    this update  {}", rfc3339(list.this_update))?;
            match (list.next_update, list.next_update_in_seconds) {
                (Some(next), Some(seconds)) => writeln!(
                    f,
                    "    next update  {} ({} {})",
                    rfc3339(next),
                    Span(Duration::seconds(seconds.saturating_abs())),
                    if seconds < 0 { "ago" } else { "left" }
                )?,
                (Some(_) | None, _) => writeln!(f, "    next update  not said")?,
            }
            writeln!(f, "    revoked      {}", list.entries)?;
        }
        Ok(())
    }
}

impl Report for Shown {
    fn is_content(&self) -> bool {
        true
    }

    fn verdict(&self) -> Verdict {
        if self.lists.iter().any(ListShown::is_overdue) {
            Verdict::No
        } else {
            Verdict::Yes
        }
    }

    fn reason(&self) -> Option<String> {
        let overdue = self.lists.iter().find(|list| list.is_overdue())?;
        let next = overdue.next_update.map(rfc3339).unwrap_or_default();
        Some(format!(
            "{}: the CRL of {} is out of date: the next was due {next}",
            shown(&self.file),
            overdue.issuer
        ))
    }
}
