//! What a watch has seen and done, as Prometheus metrics.

use std::fmt;

use time::OffsetDateTime;

use crate::ops::metrics::{Exposition, Sample};
use crate::ops::renew::{Renewal, Renewed};

/// Counters, and the last check.
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
    /// Takes over the result of a check.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut exposition = Exposition::default();
        let number = |value: i64| -> [Sample; 1] { [(Vec::new(), value)] };
        let managed = self.certificates.len() as i64;
        exposition.gauge("managed", "Managed certificates.", number(managed));
        exposition.gauge(
            "due",
            "Certificates that are due for renewal and not renewed.",
            number(self.due as i64),
        );
        for (name, help, value) in [
            ("checks_total", "Checks of all certificates.", self.checks),
            ("renewals_total", "Renewed certificates.", self.renewals),
            (
                "renewal_failures_total",
                "Failed renewals and failed checks.",
                self.failures,
            ),
            (
                "follow_failures_total",
                "Programs, signals and probes that failed after a renewal.",
                self.follow_failures,
            ),
            ("rollbacks_total", "Restored old pairs.", self.rollbacks),
        ] {
            exposition.counter(name, help, i64::try_from(value).unwrap_or(i64::MAX));
        }
        exposition.gauge(
            "last_check_timestamp_seconds",
            "Time of the last check.",
            number(seconds(self.last_check)),
        );
        exposition.gauge(
            "last_success_timestamp_seconds",
            "Time of the last check without an error.",
            number(seconds(self.last_success)),
        );
        let each = |moment: fn(&Renewed) -> OffsetDateTime| {
            self.certificates.iter().map(move |one| -> Sample {
                let path = one.certificate.to_string_lossy().into_owned();
                let labels = vec![("name", one.name.clone()), ("path", path)];
                (labels, moment(one).unix_timestamp())
            })
        };
        exposition.gauge(
            "certificate_not_after_timestamp_seconds",
            "End of the certificate's validity.",
            each(|one| one.expiry.not_after),
        );
        exposition.gauge(
            "certificate_due_timestamp_seconds",
            "Time when the certificate is due for renewal.",
            each(|one| one.due_at),
        );
        exposition.fmt(f)
    }
}

/// Seconds since 1970; 0 for never.
fn seconds(moment: Option<OffsetDateTime>) -> i64 {
    moment.map_or(0, OffsetDateTime::unix_timestamp)
}
