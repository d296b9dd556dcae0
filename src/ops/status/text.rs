//! The report on one screen.

use std::fmt;

use anstyle::{AnsiColor, Style};
use time::OffsetDateTime;

use super::certificate::{LimitKind, Role};
use super::report::{AuthorityStatus, Report};
use super::table::{Row, Table};
use super::threshold::Level;
use crate::error::shown;
use crate::ops::Expiry;
use crate::ops::columns::Cut;
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
        (Status::OnHold, _) => "on hold",
        (Status::Superseded, _) => "superseded",
        (Status::Retired, _) => "retired",
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

const DAY: i64 = 86400;
/// Below so many days the hours are told as well.
const FEW_DAYS: i64 = 10;

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
}
