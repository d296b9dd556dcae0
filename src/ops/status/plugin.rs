//! The report as a monitoring plugin writes it: one line, with performance data after a bar
//! ([guidelines](https://www.monitoring-plugins.org/doc/guidelines.html)).

use std::fmt;

use super::report::{Report, Summary};
use super::threshold::{Level, Threshold};
use crate::error::Error;
use crate::ops::expiry::Left;

/// The output of a plugin and its exit code.
pub enum Plugin<'a> {
    /// The check was made.
    Checked(&'a Report),
    /// Nothing could be checked.
    Failed(&'a Error),
}

impl Plugin<'_> {
    /// The exit code when the status could not be determined.
    pub const UNKNOWN: u8 = 3;

    /// 0 ok, 1 warning, 2 critical, 3 unknown. Critical outweighs unreadable.
    pub fn exit_code(&self) -> u8 {
        match self {
            Plugin::Failed(_) => Self::UNKNOWN,
            Plugin::Checked(report) => match (report.level, report.summary.unreadable) {
                (Level::Critical, _) => 2,
                (Level::Ok | Level::Warning, 1..) => Self::UNKNOWN,
                (Level::Warning, 0) => 1,
                (Level::Ok, 0) => 0,
            },
        }
    }
}

impl fmt::Display for Plugin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.exit_code() {
            0 => "OK",
            1 => "WARNING",
            2 => "CRITICAL",
            _ => "UNKNOWN",
        };
        match self {
            Plugin::Failed(error) => writeln!(f, "CERTS {state} - {}", plain(&error.to_string())),
            Plugin::Checked(report) => {
                let text = plain(&summary(report));
                writeln!(f, "CERTS {state} - {text} | {}", Performance(report))
            }
        }
    }
}

/// The worst problem, or the next expiry, and the counts.
fn summary(report: &Report) -> String {
    let Summary {
        ok,
        warning,
        critical,
        unreadable,
        ..
    } = report.summary;
    let counts =
        format!("{critical} critical, {warning} warning, {ok} ok, {unreadable} unreadable");
    let unread = || report.unreadable.first().map(|error| error.message.clone());
    let worst = match report.level {
        Level::Critical => report.worst(),
        Level::Ok | Level::Warning => unread().or_else(|| report.worst()),
    };
    let soonest = report.summary.soonest_in_seconds;
    let first = || soonest.map(|seconds| format!("next expiry in {}", Left(seconds)));
    let text = worst
        .or_else(first)
        .unwrap_or_else(|| "nothing found".into());
    format!("{text} ({counts})")
}

/// Performance data: `'label'=value[unit];[warning];[critical]`.
struct Performance<'a>(&'a Report);

impl fmt::Display for Performance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.0.summary;
        if let Some(soonest) = summary.soonest_in_seconds {
            // Values below are bad, so the range is open upwards.
            let range = |threshold: Threshold| match threshold {
                Threshold::Time(time) | Threshold::Both(time, _) => {
                    format!("{}:", time.duration().whole_seconds())
                }
                Threshold::Part(_) => String::new(),
            };
            let thresholds = &self.0.thresholds;
            let (warning, critical) = (range(thresholds.warning), range(thresholds.critical));
            write!(f, "soonest={soonest}s;{warning};{critical} ")?;
        }
        write!(
            f,
            "ok={} warning={} critical={} unreadable={}",
            summary.ok, summary.warning, summary.critical, summary.unreadable
        )
    }
}

/// One line without a bar, which would start the performance data.
fn plain(text: &str) -> String {
    let text = text.replace('|', "¦");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
