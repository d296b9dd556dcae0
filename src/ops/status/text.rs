//! The report on one screen.

use std::fmt;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use time::OffsetDateTime;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::certificate::{CertificateStatus, LimitKind, Role};
use super::report::{AuthorityStatus, Report};
use super::revocation::RevocationListStatus;
use super::threshold::Level;
use crate::error::shown;
use crate::ops::Expiry;
use crate::pki::validity::rfc3339;
use crate::store::Status;

/// The report for a terminal of so many columns; `None` for as many as it takes.
pub struct Screen<'a> {
    /// What there is to say.
    pub report: &'a Report,
    /// How wide the terminal is.
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
            ("Revocation lists", lists),
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
        let counts = format!(
            "  issued: {} valid, {} revoked, {} expired; {key}",
            issued.valid, issued.revoked, issued.expired
        );
        writeln!(f, "{}", cut(counts))
    }
}

/// How many there are of each level, in a line.
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
            (summary.unreadable, "not read"),
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

/// A line of a table.
struct Row {
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
    fn of(certificate: &CertificateStatus, columns: Option<usize>) -> Self {
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
            location: format!("{}{more}", shown(Path::new(&certificate.location))),
            note: certificate.note().map(str::to_owned),
        }
    }

    fn of_list(list: &RevocationListStatus, columns: Option<usize>) -> Self {
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
            location: shown(Path::new(&list.location)),
            note: list
                .problem
                .clone()
                .filter(|_| !overdue && list.level == Level::Critical),
        }
    }
}

/// Rows under one another, as wide as the terminal at most.
struct Table<'a> {
    rows: &'a [Row],
    columns: Option<usize>,
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

/// How many columns a name and a place get of those that are left, going by what they would take.
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

/// A length of time in seconds, short: `89d`, `3d 4h`, `5h 12m`, `40s`.
pub(super) struct Left(pub(super) i64);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (large, small) = match self.0 {
            i64::MIN..60 => return write!(f, "{}s", self.0),
            60..3600 => return write!(f, "{}m", self.0 / 60),
            3600..DAY => ((self.0 / 3600, 'h'), (self.0 % 3600 / 60, 'm')),
            DAY.. => ((self.0 / DAY, 'd'), (self.0 % DAY / 3600, 'h')),
        };
        write!(f, "{}{}", large.0, large.1)?;
        if small.0 > 0 && (large.1 == 'h' || large.0 < FEW_DAYS) {
            write!(f, " {}{}", small.0, small.1)?;
        }
        Ok(())
    }
}

/// A moment, and how far off it is.
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

/// A part of a whole, drawn.
struct Bar {
    part: f64,
    cells: usize,
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.part * self.cells as f64;
        // What is left at all is seen.
        let full = if self.part > 0.0 {
            (exact.round() as usize).max(1)
        } else {
            0
        };
        let full = full.min(self.cells);
        write!(f, "{}{}", "█".repeat(full), "░".repeat(self.cells - full))
    }
}

/// Text with spaces up to a width.
struct Pad<'a>(&'a str, usize);

impl fmt::Display for Pad<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.1.saturating_sub(self.0.width());
        write!(f, "{}{}", self.0, " ".repeat(missing))
    }
}

/// Text of which no more is shown than fits, cut at its end.
pub(super) struct Cut<'a>(pub(super) &'a str, pub(super) Option<usize>);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(room) if self.0.width() > room => {
                let kept = fitting(self.0.chars(), room);
                write!(f, "{}…", kept.into_iter().collect::<String>())
            }
            Some(_) | None => f.write_str(self.0),
        }
    }
}

/// Text of which no more is shown than fits, cut at its front, as paths are told apart by their ends.
struct CutFront<'a>(&'a str, usize);

impl fmt::Display for CutFront<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.width() <= self.1 {
            return f.write_str(self.0);
        }
        let kept = fitting(self.0.chars().rev(), self.1);
        write!(f, "…{}", kept.into_iter().rev().collect::<String>())
    }
}

/// As many characters as leave a column for the mark that says that there are more.
fn fitting(characters: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut left = room.saturating_sub(1);
    characters
        .take_while(|c| {
            let width = c.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

/// The colour that means a level.
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
        (Status::NotYetValid, _) => "not yet",
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
        LimitKind::Crl => "by crl",
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

fn date(moment: OffsetDateTime, columns: Option<usize>) -> String {
    let whole = rfc3339(moment);
    match columns {
        Some(columns) if columns < ROOMY => whole.chars().take(DATE_CHARACTERS).collect(),
        Some(_) | None => whole,
    }
}

const DAY: i64 = 86400;
/// Below so many days the hours are told as well.
const FEW_DAYS: i64 = 10;
/// Terminals below this width get a line a field.
const NARROW: usize = 60;
/// Terminals from this width on get whole times.
const ROOMY: usize = 110;
const MAX_NAME: usize = 40;
const DATE_CHARACTERS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_short() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (3599, "59m"),
            (3600, "1h"),
            (3660, "1h 1m"),
            (90000, "1d 1h"),
            (10 * DAY + 3600, "10d"),
        ] {
            assert_eq!(Left(seconds).to_string(), text);
        }
    }

    #[test]
    fn wide_characters_are_cut_where_the_columns_end() {
        assert_eq!(Cut("漢字漢字", Some(5)).to_string(), "漢字…");
        assert_eq!(Cut("漢字", Some(4)).to_string(), "漢字");
        assert_eq!(CutFront("certs/server.crt", 11).to_string(), "…server.crt");
    }

    #[test]
    fn a_bar_shows_what_is_left_however_little() {
        let bar = |part, cells| Bar { part, cells }.to_string();
        assert_eq!(bar(0.5, 4), "██░░");
        assert_eq!(bar(0.001, 4), "█░░░");
        assert_eq!(bar(0.0, 2), "░░");
        assert_eq!(bar(1.0, 2), "██");
    }
}
