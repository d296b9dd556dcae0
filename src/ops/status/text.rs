//! The report on one screen.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

use super::certificate::{CertificateStatus, LimitKind, Role};
use super::report::{AuthorityStatus, Level, Report};
use super::revocation::RevocationListStatus;
use crate::error::shown;
use crate::ops::Expiry;
use crate::ops::columns::{Cut, CutFront};
use crate::ops::expiry::Left;
use crate::pki::validity::rfc3339;
use crate::store::Status;

/// The report for a terminal; `None` columns for unlimited width.
pub struct Screen<'a> {
    /// The report.
    pub report: &'a Report,
    /// The width of the terminal.
    pub columns: Option<usize>,
}

impl fmt::Display for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Screen { report, columns } = *self;
        writeln!(f, "{}", headline(report, columns))?;
        for authority in &report.authorities {
            writeln!(f)?;
            self.authority(f, authority)?;
        }
        let rows = |wanted: bool| -> Vec<Row> {
            let all = report.certificates.iter();
            all.filter(|certificate| (certificate.role == Role::Anchor) == wanted)
                .map(|certificate| Row::of(certificate).within(columns))
                .collect()
        };
        let lists = report.revocation_lists.iter();
        let lists = lists
            .map(|list| Row::of_list(list).within(columns))
            .collect();
        for (title, rows) in [
            ("Anchors", rows(true)),
            ("CRLs", lists),
            ("Certificates", rows(false)),
        ] {
            if rows.is_empty() {
                continue;
            }
            writeln!(f, "\n{title}")?;
            match columns {
                Some(columns) if columns < NARROW => stacked(f, &rows, columns)?,
                Some(_) | None => wide(f, &rows, columns)?,
            }
        }
        Ok(())
    }
}

impl Screen<'_> {
    fn authority(&self, f: &mut fmt::Formatter<'_>, authority: &AuthorityStatus) -> fmt::Result {
        let style = authority.level.tone().style();
        let cut = |text: String| Cut(&text, self.columns).to_string();
        let directory = shown(&authority.directory);
        writeln!(f, "{}", cut(format!("Authority in {directory}")))?;
        writeln!(f, "{}", cut(format!("  {}", authority.subject)))?;
        let expiry = Expiry {
            not_before: authority.not_after,
            not_after: authority.not_after,
            expires_in_seconds: authority.expires_in_seconds,
        };
        let expires = cut(format!("  expires {expiry}"));
        writeln!(f, "{style}{expires}{style:#}")?;
        let not = match authority.private_key_encrypted {
            true => "",
            false => "not ",
        };
        let counts = format!("  issued: {}; key {not}encrypted", authority.issued);
        writeln!(f, "{}", cut(counts))
    }
}

/// The number of each level, in a line.
pub(super) fn headline(report: &Report, columns: Option<usize>) -> String {
    let summary = &report.summary;
    let counts = [
        (summary.critical, "critical"),
        (summary.warning, "warning"),
        (summary.ok, "ok"),
        (summary.unreadable, "unreadable"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<_> = counts.map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() {
        parts.push("nothing found".into());
    }
    let level = match summary.unreadable {
        0 => report.level,
        _ => report.level.max(Level::Warning),
    };
    let style = level.tone().style().bold();
    format!("{style}{}{style:#}", Cut(&parts.join(", "), columns))
}

fn state(status: Status, level: Level) -> &'static str {
    match (status, level) {
        (Status::Revoked, _) => "revoked",
        (Status::Expired, _) => "expired",
        (Status::OnHold, _) => "on hold",
        (Status::Superseded, _) => "superseded",
        (Status::Retired, _) => "retired",
        (Status::NotYetValid, _) => "not yet valid",
        (Status::Valid, Level::Ok) => "ok",
        (Status::Valid, Level::Warning) => "warning",
        (Status::Valid, Level::Critical) => "critical",
    }
}

pub(super) fn limit(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::Intermediate => "by issuer",
        LimitKind::Anchor => "by anchor",
        LimitKind::Certificate | LimitKind::Revocation => "",
    }
}

pub(super) fn signed_left(seconds: i64) -> String {
    if seconds < 0 {
        format!("{} ago", Left(seconds.saturating_neg()))
    } else {
        Left(seconds).to_string()
    }
}

/// What is shown of a certificate or a CRL, on a terminal and in a page.
pub(super) struct Row {
    pub(super) level: Level,
    pub(super) state: &'static str,
    /// From 0 to 1.
    pub(super) remaining: f64,
    pub(super) left: String,
    pub(super) ends: String,
    /// What ends it sooner than itself; may be empty.
    pub(super) limit: &'static str,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) note: Option<String>,
}

impl Row {
    pub(super) fn of(certificate: &CertificateStatus) -> Self {
        let more = match certificate.also_at.len() {
            0 => String::new(),
            count => format!(" (+{count})"),
        };
        Row {
            level: certificate.level,
            state: state(certificate.status, certificate.level),
            remaining: certificate.remaining,
            left: signed_left(certificate.effective_expires_in_seconds),
            ends: rfc3339(certificate.effective_not_after),
            limit: limit(certificate.limited_by),
            name: certificate.title(),
            location: format!("{}{more}", shown(&certificate.path)),
            note: certificate.note().map(str::to_owned),
        }
    }

    pub(super) fn of_list(list: &RevocationListStatus) -> Self {
        let overdue = list.expires_in_seconds.is_some_and(|left| left < 0);
        let number = list.number.as_deref();
        let number = number.map_or_else(String::new, |number| format!("number {number}, "));
        Row {
            level: list.level,
            state: match (list.superseded, overdue) {
                (true, _) => "old",
                (false, true) => "overdue",
                (false, false) => state(Status::Valid, list.level),
            },
            remaining: list.remaining,
            left: list
                .expires_in_seconds
                .map_or_else(|| "-".into(), signed_left),
            ends: list.next_update.map_or_else(|| "-".into(), rfc3339),
            limit: "",
            name: format!("{number}{} revoked", list.revoked_count),
            location: shown(&list.path),
            note: list
                .problem
                .clone()
                .filter(|_| !overdue && list.level == Level::Critical),
        }
    }

    /// The row on a terminal of this width: a narrow one gets dates instead of times.
    fn within(mut self, columns: Option<usize>) -> Self {
        if columns.is_some_and(|columns| columns < ROOMY) {
            self.ends.truncate(DATE_BYTES);
        }
        self
    }
}

/// Rows in one line each, at most as wide as the terminal.
fn wide(f: &mut fmt::Formatter<'_>, rows: &[Row], columns: Option<usize>) -> fmt::Result {
    let width = |text: fn(&Row) -> &str, least: usize| {
        let widths = rows.iter().map(|row| text(row).width());
        widths.max().unwrap_or(0).max(least)
    };
    let (state, left) = (width(|row| row.state, 2), width(|row| &row.left, 4));
    let (ends, limit) = (width(|row| &row.ends, 4), width(|row| row.limit, 0));
    let cells = match columns {
        Some(columns) if columns < ROOMY => 6,
        Some(_) | None => 10,
    };
    let gaps = if limit > 0 { 14 } else { 12 };
    let fixed = state + cells + left + ends + limit + gaps;
    let natural = (width(|row| &row.name, 1), width(|row| &row.location, 1));
    let (name, location) = match columns {
        None => (natural.0.min(MAX_NAME), usize::MAX),
        Some(columns) => share(columns.saturating_sub(fixed), natural),
    };
    for row in rows {
        let style = row.level.tone().style();
        let (bar, word) = (bar(row.remaining, cells), padded(row.state, state));
        let (left, ends) = (padded(&row.left, left), padded(&row.ends, ends));
        write!(f, "  {style}{word}  {bar}  {left}{style:#}  {ends}")?;
        if limit > 0 {
            write!(f, "  {}", padded(row.limit, limit))?;
        }
        let shown = Cut(&row.name, columns.map(|_| name)).to_string();
        let location = CutFront(&row.location, location);
        writeln!(f, "  {}  {location}", padded(&shown, name))?;
        if let Some(note) = &row.note {
            let room = columns.map(|columns| columns.saturating_sub(6));
            writeln!(f, "      {style}{}{style:#}", Cut(note, room))?;
        }
    }
    Ok(())
}

/// Rows with a line for each field.
fn stacked(f: &mut fmt::Formatter<'_>, rows: &[Row], columns: usize) -> fmt::Result {
    let room = columns.saturating_sub(1);
    for row in rows {
        let style = row.level.tone().style();
        let first = format!("{} {} {}", row.state, row.left, row.limit);
        let first = Cut(first.trim_end(), Some(columns));
        writeln!(f, "{style}{first}{style:#}")?;
        writeln!(f, " {}", Cut(&row.name, Some(room)))?;
        writeln!(f, " {}", CutFront(&row.location, room))?;
        if let Some(note) = &row.note {
            writeln!(f, " {style}{}{style:#}", Cut(note, Some(room)))?;
        }
    }
    Ok(())
}

/// Shares the remaining columns between name and path by their natural widths.
fn share(room: usize, (name, location): (usize, usize)) -> (usize, usize) {
    if name + location <= room {
        return (name, location);
    }
    let half = room / 2;
    if name <= half {
        (name, room - name)
    } else if location <= half {
        (room - location, location)
    } else {
        (half, room - half)
    }
}

/// A share, drawn as a bar; anything that remains is visible.
fn bar(part: f64, cells: usize) -> String {
    let least = usize::from(part > 0.0);
    let full = (part * cells as f64).round() as usize;
    let full = full.max(least).min(cells);
    "█".repeat(full) + &"░".repeat(cells - full)
}

/// Text padded with spaces to a width.
fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{:missing$}", "")
}

/// Narrower terminals get one line per field.
const NARROW: usize = 60;
/// Terminals of this width get full times.
const ROOMY: usize = 110;
const MAX_NAME: usize = 40;
const DATE_BYTES: usize = 10;

#[cfg(test)]
mod table_tests {
    use super::*;

    #[test]
    fn a_bar_shows_what_is_left_however_little() {
        assert_eq!(bar(0.5, 4), "██░░");
        assert_eq!(bar(0.001, 4), "█░░░");
        assert_eq!(bar(0.0, 2), "░░");
        assert_eq!(bar(1.0, 2), "██");
    }
}
