//! The report on one screen.

use std::fmt;

use anstyle::{AnsiColor, Style};
use time::OffsetDateTime;
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
        let report = self.report;
        writeln!(
            f,
            "{}",
            Headline {
                report,
                columns: self.columns
            }
        )?;
        for authority in &report.authorities {
            writeln!(f)?;
            self.authority(f, authority)?;
        }
        let rows = |wanted: bool| -> Vec<Row> {
            let chosen = report.certificates.iter();
            chosen
                .filter(|certificate| (certificate.role == Role::Anchor) == wanted)
                .map(|certificate| Row::of(certificate, self.columns))
                .collect()
        };
        let lists = report.revocation_lists.iter();
        let lists: Vec<Row> = lists.map(|list| Row::of_list(list, self.columns)).collect();
        for (title, rows) in [
            ("Anchors", rows(true)),
            ("CRLs", lists),
            ("Certificates", rows(false)),
        ] {
            if !rows.is_empty() {
                let rows = &rows;
                write!(
                    f,
                    "\n{title}\n{}",
                    Table {
                        rows,
                        columns: self.columns
                    }
                )?;
            }
        }
        Ok(())
    }
}

impl Screen<'_> {
    fn authority(&self, f: &mut fmt::Formatter<'_>, authority: &AuthorityStatus) -> fmt::Result {
        let style = style(authority.level);
        let issued = &authority.issued;
        let cut = |text: String| Cut(&text, self.columns).to_string();
        let directory = shown(&authority.directory);
        writeln!(f, "{}", cut(format!("Authority in {directory}")))?;
        writeln!(f, "{}", cut(format!("  {}", authority.subject)))?;
        let ends = Ends {
            at: authority.not_after,
            seconds: authority.expires_in_seconds,
        };
        writeln!(f, "{style}{}{style:#}", cut(format!("  {ends}")))?;
        let key = if authority.private_key_encrypted {
            "key encrypted"
        } else {
            "key not encrypted"
        };
        let counts = format!("  issued: {issued}; {key}");
        writeln!(f, "{}", cut(counts))
    }
}

/// The number of each level, in a line.
pub(super) struct Headline<'a> {
    pub(super) report: &'a Report,
    pub(super) columns: Option<usize>,
}

impl fmt::Display for Headline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.report.summary;
        let mut parts = Vec::new();
        for (count, what) in [
            (summary.critical, "critical"),
            (summary.warning, "warning"),
            (summary.ok, "ok"),
            (summary.unreadable, "unreadable"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if parts.is_empty() {
            parts.push("nothing found".into());
        }
        let level = if summary.unreadable > 0 {
            self.report.level.max(Level::Warning)
        } else {
            self.report.level
        };
        let style = style(level).bold();
        write!(
            f,
            "{style}{}{style:#}",
            Cut(&parts.join(", "), self.columns)
        )
    }
}

/// A moment and the time until then.
struct Ends {
    at: OffsetDateTime,
    seconds: i64,
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expiry = Expiry {
            not_before: self.at,
            not_after: self.at,
            expires_in_seconds: self.seconds,
        };
        write!(f, "expires {expiry}")
    }
}

/// The colour of a level.
pub(super) fn style(level: Level) -> Style {
    let color = match level {
        Level::Ok => AnsiColor::Green,
        Level::Warning => AnsiColor::Yellow,
        Level::Critical => AnsiColor::Red,
    };
    Style::new().fg_color(Some(color.into()))
}

pub(super) fn state(status: Status, level: Level) -> &'static str {
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
        LimitKind::Certificate => "",
        LimitKind::Intermediate => "by issuer",
        LimitKind::Anchor => "by anchor",
        LimitKind::Revocation => "",
    }
}

pub(super) fn signed_left(seconds: i64) -> String {
    if seconds < 0 {
        format!("{} ago", Left(seconds.saturating_neg()))
    } else {
        Left(seconds).to_string()
    }
}

/// A row of the table.
pub(super) struct Row {
    level: Level,
    state: &'static str,
    remaining: f64,
    left: String,
    ends: String,
    limit: &'static str,
    name: String,
    location: String,
    note: Option<String>,
}

impl Row {
    pub(super) fn of(certificate: &CertificateStatus, columns: Option<usize>) -> Self {
        let more = match certificate.also_at.len() {
            0 => String::new(),
            count => format!(" (+{count})"),
        };
        Row {
            level: certificate.level,
            state: state(certificate.status, certificate.level),
            remaining: certificate.remaining,
            left: signed_left(certificate.effective_expires_in_seconds),
            ends: date(certificate.effective_not_after, columns),
            limit: limit(certificate.limited_by),
            name: certificate.title(),
            location: format!("{}{more}", shown(&certificate.path)),
            note: certificate.note().map(str::to_owned),
        }
    }

    pub(super) fn of_list(list: &RevocationListStatus, columns: Option<usize>) -> Self {
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
            ends: list
                .next_update
                .map_or_else(|| "-".into(), |next| date(next, columns)),
            limit: "",
            name: format!("{number}{} revoked", list.revoked_count),
            location: shown(&list.path),
            note: list
                .problem
                .clone()
                .filter(|_| !overdue && list.level == Level::Critical),
        }
    }
}

/// Rows, at most as wide as the terminal.
pub(super) struct Table<'a> {
    pub(super) rows: &'a [Row],
    pub(super) columns: Option<usize>,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.columns {
            Some(columns) if columns < NARROW => self.stacked(f, columns),
            Some(_) | None => self.wide(f),
        }
    }
}

impl Table<'_> {
    fn wide(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: fn(&Row) -> &str, least: usize| {
            let widths = self.rows.iter().map(|row| text(row).width());
            widths.max().unwrap_or(0).max(least)
        };
        let (state, left) = (width(|row| row.state, 2), width(|row| &row.left, 4));
        let (ends, limit) = (width(|row| &row.ends, 4), width(|row| row.limit, 0));
        let bar = if self.columns.is_some_and(|columns| columns < ROOMY) {
            6
        } else {
            10
        };
        let gaps = if limit > 0 { 14 } else { 12 };
        let fixed = state + bar + left + ends + limit + gaps;
        let natural = (width(|row| &row.name, 1), width(|row| &row.location, 1));
        let (name, location) = match self.columns {
            None => (natural.0.min(MAX_NAME), usize::MAX),
            Some(columns) => share(columns.saturating_sub(fixed), natural),
        };
        for row in self.rows {
            let style = style(row.level);
            let filled = Bar {
                part: row.remaining,
                cells: bar,
            };
            write!(
                f,
                "  {style}{}  {filled}  {}{style:#}",
                Pad(row.state, state),
                Pad(&row.left, left)
            )?;
            write!(f, "  {}", Pad(&row.ends, ends))?;
            if limit > 0 {
                write!(f, "  {}", Pad(row.limit, limit))?;
            }
            let shown = match self.columns {
                None => row.name.clone(),
                Some(_) => Cut(&row.name, Some(name)).to_string(),
            };
            writeln!(
                f,
                "  {}  {}",
                Pad(&shown, name),
                CutFront(&row.location, location)
            )?;
            if let Some(note) = &row.note {
                let room = self.columns.map(|columns| columns.saturating_sub(6));
                writeln!(f, "      {style}{}{style:#}", Cut(note, room))?;
            }
        }
        Ok(())
    }

    fn stacked(&self, f: &mut fmt::Formatter<'_>, columns: usize) -> fmt::Result {
        let room = columns.saturating_sub(1);
        for row in self.rows {
            let style = style(row.level);
            let first = format!("{} {} {}", row.state, row.left, row.limit);
            writeln!(
                f,
                "{style}{}{style:#}",
                Cut(first.trim_end(), Some(columns))
            )?;
            writeln!(f, " {}", Cut(&row.name, Some(room)))?;
            writeln!(f, " {}", CutFront(&row.location, room))?;
            if let Some(note) = &row.note {
                writeln!(f, " {style}{}{style:#}", Cut(note, Some(room)))?;
            }
        }
        Ok(())
    }
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

/// A share, drawn as a bar.
struct Bar {
    part: f64,
    cells: usize,
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.part * self.cells as f64;
        // Anything that remains is visible.
        let full = if self.part > 0.0 {
            (exact.round() as usize).max(1)
        } else {
            0
        };
        let full = full.min(self.cells);
        write!(f, "{}{}", "█".repeat(full), "░".repeat(self.cells - full))
    }
}

/// Text padded with spaces to a width.
struct Pad<'a>(&'a str, usize);

impl fmt::Display for Pad<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.1.saturating_sub(self.0.width());
        write!(f, "{}{}", self.0, " ".repeat(missing))
    }
}

fn date(moment: OffsetDateTime, columns: Option<usize>) -> String {
    let whole = rfc3339(moment);
    match columns {
        Some(columns) if columns < ROOMY => whole.chars().take(DATE_CHARACTERS).collect(),
        Some(_) | None => whole,
    }
}

/// Narrower terminals get one line per field.
const NARROW: usize = 60;
/// Terminals of this width get full times.
const ROOMY: usize = 110;
const MAX_NAME: usize = 40;
const DATE_CHARACTERS: usize = 10;

#[cfg(test)]
mod table_tests {
    use super::*;

    #[test]
    fn a_bar_shows_what_is_left_however_little() {
        let bar = |part, cells| Bar { part, cells }.to_string();
        assert_eq!(bar(0.5, 4), "██░░");
        assert_eq!(bar(0.001, 4), "█░░░");
        assert_eq!(bar(0.0, 2), "░░");
        assert_eq!(bar(1.0, 2), "██");
    }
}
