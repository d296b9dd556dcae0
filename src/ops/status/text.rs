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
use crate::ops::expiry::Left;
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
