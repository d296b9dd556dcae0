//! What a watch has seen and done, as Prometheus reads it.

use std::fmt::{self, Write as _};

use time::OffsetDateTime;

use crate::ops::renew::{Renewal, Renewed};

/// Numbers that only rise, and the last look.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) renewals: u64,
    pub(super) failures: u64,
    pub(super) follow_failures: u64,
    pub(super) rollbacks: u64,
    pub(super) checks: u64,
    pub(super) last_check: Option<OffsetDateTime>,
    pub(super) last_success: Option<OffsetDateTime>,
    pub(super) due: usize,
    pub(super) certificates: Vec<Renewed>,
}

impl Metrics {
    /// Takes in what came of a look.
    pub(super) fn look(&mut self, report: &Renewal, now: OffsetDateTime) {
        self.certificates.clone_from(&report.certificates);
        self.due = report
            .certificates
            .iter()
            .filter(|one| one.due_at <= now)
            .count();
        if report.errors.is_empty() {
            self.last_success = Some(now);
        }
    }
}

impl fmt::Display for Metrics {
    /// In the text format
    /// ([Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format)).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, kind, help, value) in FIGURES {
            let value = value(self);
            writeln!(
                f,
                "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}"
            )?;
            writeln!(f, "{PREFIX}{name} {value}")?;
        }
        for (name, help, moment) in COLUMNS {
            writeln!(
                f,
                "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} gauge"
            )?;
            for one in &self.certificates {
                let path = one.certificate.to_string_lossy();
                let (base, path) = (Label(&one.name), Label(&path));
                let moment = moment(one).unix_timestamp();
                writeln!(
                    f,
                    "{PREFIX}{name}{{name=\"{base}\",path=\"{path}\"}} {moment}"
                )?;
            }
        }
        Ok(())
    }
}

/// A number of the whole: its name, its kind, what it is, and how it is had.
type Figure = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Metrics) -> i128,
);

/// A number of each certificate: its name, what it is, and how it is had.
type Column = (&'static str, &'static str, fn(&Renewed) -> OffsetDateTime);

const FIGURES: [Figure; 9] = [
    (
        "managed",
        "gauge",
        "Certificates that are looked after.",
        |m| m.certificates.len() as i128,
    ),
    (
        "due",
        "gauge",
        "Certificates that are due for renewal and not renewed.",
        |m| m.due as i128,
    ),
    (
        "checks_total",
        "counter",
        "Looks at all certificates.",
        |m| m.checks.into(),
    ),
    (
        "renewals_total",
        "counter",
        "Certificates that were renewed.",
        |m| m.renewals.into(),
    ),
    (
        "renewal_failures_total",
        "counter",
        "Certificates that could not be renewed, and looks that failed.",
        |m| m.failures.into(),
    ),
    (
        "follow_failures_total",
        "counter",
        "Programs, signals and ports that failed after a renewal.",
        |m| m.follow_failures.into(),
    ),
    (
        "rollbacks_total",
        "counter",
        "Old pairs that were put back.",
        |m| m.rollbacks.into(),
    ),
    (
        "last_check_timestamp_seconds",
        "gauge",
        "When the certificates were last looked at.",
        |m| seconds(m.last_check),
    ),
    (
        "last_success_timestamp_seconds",
        "gauge",
        "When that last went without an error.",
        |m| seconds(m.last_success),
    ),
];

const COLUMNS: [Column; 2] = [
    (
        "certificate_not_after_timestamp_seconds",
        "When the certificate ends.",
        |one| one.expiry.not_after,
    ),
    (
        "certificate_due_timestamp_seconds",
        "When the certificate is due for renewal.",
        |one| one.due_at,
    ),
];

const PREFIX: &str = "openagents_certs_";

/// A label's value with what would end it escaped.
struct Label<'a>(&'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Seconds since 1970; zero for never.
fn seconds(moment: Option<OffsetDateTime>) -> i128 {
    moment.map_or(0, OffsetDateTime::unix_timestamp).into()
}
