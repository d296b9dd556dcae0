//! The next ninety days as a calendar.

use std::collections::BTreeMap;
use std::fmt;

use time::{Date, Duration, Month};

use super::certificate::CertificateStatus;
use super::report::{Level, Report};
use super::text::{headline, limit};
use crate::error::shown;
use crate::ops::columns::Cut;
use crate::store::Status;

/// What expires on which of the next ninety days, for a terminal; `None` columns for unlimited width.
pub struct Timeline<'a> {
    /// The report.
    pub report: &'a Report,
    /// The width of the terminal.
    pub columns: Option<usize>,
}

impl fmt::Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = Days::of(self.report);
        writeln!(f, "{}\n", headline(self.report, self.columns))?;
        self.weeks(f, &days)?;
        for (title, certificates) in [("Expired", &days.ended), ("Expiring", &days.ending)] {
            if !certificates.is_empty() {
                writeln!(f, "\n{title}")?;
                for certificate in certificates.values().flatten() {
                    self.event(f, certificate)?;
                }
            }
        }
        if days.later > 0 {
            let text = format!("{} expire after {DAYS} days", days.later);
            writeln!(f, "\n{}", Cut(&text, self.columns))?;
        }
        Ok(())
    }
}

/// The next ninety days, and what expires on each.
pub(super) struct Days<'a> {
    today: Date,
    ended: BTreeMap<Date, Vec<&'a CertificateStatus>>,
    ending: BTreeMap<Date, Vec<&'a CertificateStatus>>,
    later: usize,
}

impl<'a> Days<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let mut days = Days {
            today: report.checked_at.date(),
            ended: BTreeMap::new(),
            ending: BTreeMap::new(),
            later: 0,
        };
        for certificate in report.certificates.iter().filter(|one| is_shown(one)) {
            let date = certificate.effective_not_after.date();
            if certificate.effective_expires_in_seconds < 0 {
                days.ended.entry(date).or_default().push(certificate);
            } else if days.contains(date) {
                days.ending.entry(date).or_default().push(certificate);
            } else {
                days.later += 1;
            }
        }
        days
    }

    /// Whether a day is one of the ninety.
    pub(super) fn contains(&self, date: Date) -> bool {
        date >= self.today && date <= self.last()
    }

    /// What expires on a day, from now on.
    pub(super) fn ending(&self, date: Date) -> &[&'a CertificateStatus] {
        self.ending.get(&date).map_or(&[], Vec::as_slice)
    }

    /// The Mondays of their weeks.
    pub(super) fn mondays(&self) -> Vec<Date> {
        let before_monday = i64::from(self.today.weekday().number_days_from_monday());
        let first = self.today.saturating_sub(Duration::days(before_monday));
        let mondays = (0..).map_while(|week| first.checked_add(Duration::weeks(week)));
        mondays
            .take_while(|monday| *monday <= self.last())
            .collect()
    }

    fn last(&self) -> Date {
        self.today.saturating_add(Duration::days(DAYS - 1))
    }
}

impl Timeline<'_> {
    /// One line per week, from Monday to Sunday.
    fn weeks(&self, f: &mut fmt::Formatter<'_>, days: &Days<'_>) -> fmt::Result {
        let is_narrow = self.columns.is_some_and(|columns| columns < WIDE_CELLS);
        let (cell, label) = if is_narrow { (2, 5) } else { (4, 6) };
        let names = if is_narrow {
            ["M", "T", "W", "T", "F", "S", "S"]
        } else {
            ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        };
        write!(f, "{:label$}", "")?;
        for name in names {
            write!(f, "{name:>cell$}")?;
        }
        writeln!(f)?;
        for monday in days.mondays() {
            if is_narrow {
                write!(f, "{:02}-{:02}", u8::from(monday.month()), monday.day())?;
            } else {
                write!(f, "{} {:2}", short(monday.month()), monday.day())?;
            }
            let week = (0..7).map(|offset| monday.saturating_add(Duration::days(offset)));
            let line: String = week.map(|date| day(days, date, cell)).collect();
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn event(&self, f: &mut fmt::Formatter<'_>, certificate: &CertificateStatus) -> fmt::Result {
        let date = certificate.effective_not_after.date();
        let style = certificate.level.tone().style();
        let location = shown(&certificate.path);
        let title = certificate.title();
        if self.columns.is_some_and(|columns| columns < WIDE_CELLS) {
            let room = self.columns.map(|columns| columns.saturating_sub(1));
            writeln!(f, "{style}{date}{style:#}")?;
            return writeln!(f, " {}", Cut(&title, room));
        }
        let by = match limit(certificate.limited_by) {
            "" => String::new(),
            by => format!(" ({by})"),
        };
        let text = format!("{title}{by}  {location}");
        let room = self.columns.map(|columns| columns.saturating_sub(14));
        writeln!(f, "  {style}{date}{style:#}  {}", Cut(&text, room))
    }
}

/// The number of certificates that expire on a day, in so many columns.
fn day(days: &Days<'_>, date: Date, width: usize) -> String {
    let ending = days.ending(date);
    let most = if width == 2 { 9 } else { 999 };
    let text = match ending.len() {
        0 if days.contains(date) => return format!("{:>width$}", "·"),
        0 => return " ".repeat(width),
        count if count > most => "+".to_owned(),
        count => count.to_string(),
    };
    let style = worst(ending).tone().style();
    let padding = width.saturating_sub(text.len());
    format!("{:padding$}{style}{text}{style:#}", "")
}

/// The worst level of certificates.
pub(super) fn worst(certificates: &[&CertificateStatus]) -> Level {
    let levels = certificates.iter().map(|certificate| certificate.level);
    levels.max().unwrap_or(Level::Ok)
}

/// A certificate that was replaced, or whose CA was rotated out, no longer matters.
fn is_shown(certificate: &CertificateStatus) -> bool {
    !matches!(certificate.status, Status::Superseded | Status::Retired)
}

fn short(month: Month) -> String {
    month.to_string().chars().take(3).collect()
}

/// The number of days shown, including today.
pub(super) const DAYS: i64 = 90;
/// From this width on, a day has four columns.
const WIDE_CELLS: usize = 40;
