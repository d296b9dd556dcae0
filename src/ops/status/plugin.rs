//! The report as a monitoring plugin writes it: one line, performance data behind a bar
//! ([guidelines](https://www.monitoring-plugins.org/doc/guidelines.html)).

use std::fmt;

use super::report::{Report, Summary};
use super::text::Left;
use super::threshold::{Level, Threshold};
use crate::error::Error;

/// What a plugin says, and its exit code.
pub enum Plugin<'a> {
    /// What was looked at.
    Looked(&'a Report),
    /// Nothing could be looked at.
    Failed(&'a Error),
}

impl Plugin<'_> {
    /// The exit code when it could not be told.
    pub const UNKNOWN: u8 = 3;

    /// 0 ok, 1 warning, 2 critical, 3 could not tell. What is critical outweighs what could not be read.
    pub fn exit_code(&self) -> u8 {
        match self {
            Plugin::Failed(_) => Self::UNKNOWN,
            Plugin::Looked(report) => match (report.level, report.summary.unreadable) {
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
            Plugin::Looked(report) => {
                let said = plain(&said(report));
                writeln!(f, "CERTS {state} - {said} | {}", Performance(report))
            }
        }
    }
}

/// What is worst, or that all is well, and how many there are.
fn said(report: &Report) -> String {
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
    let first = || soonest.map(|seconds| format!("the first ends in {}", Left(seconds)));
    let told = worst
        .or_else(first)
        .unwrap_or_else(|| "nothing found".into());
    format!("{told} ({counts})")
}

/// Performance data: `'label'=value[unit];[warning];[critical]`.
struct Performance<'a>(&'a Report);

impl fmt::Display for Performance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.0.summary;
        if let Some(soonest) = summary.soonest_in_seconds {
            // It is bad to be below: a range that is open upwards.
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

/// One line without a bar, which would begin the performance data.
fn plain(text: &str) -> String {
    let text = text.replace('|', "¦");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
