//! The report as metrics: for a node exporter's textfile directory, or an HTTP response.

use std::fmt;

use super::certificate::{CertificateStatus, Role};
use super::report::{Level, Report, Summary, Threshold};
use super::revocation::RevocationListStatus;
use crate::error::{Error, shown};
use crate::ops::expiry::Left;
use crate::ops::metrics::Exposition;

/// The report as metrics.
pub struct Metrics<'a>(pub &'a Report);

impl fmt::Display for Metrics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let mut exposition = Exposition::default();
        certificates(&mut exposition, &report.certificates);
        let lists = report.revocation_lists.iter();
        let lists: Vec<_> = lists.filter(|list| !list.superseded).collect();
        revocation_lists(&mut exposition, &lists);
        let summary = &report.summary;
        let counts = [
            (Level::Ok, summary.ok),
            (Level::Warning, summary.warning),
            (Level::Critical, summary.critical),
        ];
        exposition.gauge(
            "items",
            "Certificates and CRLs by level.",
            counts.map(|(level, count)| (vec![("level", level.to_string())], count as i64)),
        );
        exposition.gauge(
            "unreadable",
            "Files and ports that could not be read.",
            [(Vec::new(), summary.unreadable as i64)],
        );
        exposition.gauge(
            "checked_timestamp_seconds",
            "Time of this check.",
            [(Vec::new(), report.checked_at.unix_timestamp())],
        );
        exposition.fmt(f)
    }
}

fn certificates(exposition: &mut Exposition, certificates: &[CertificateStatus]) {
    type Value = fn(&CertificateStatus) -> i64;
    let families: [(&str, &str, Value); 4] = [
        (
            "certificate_not_before_timestamp_seconds",
            "Start of the certificate's validity.",
            |certificate| certificate.facts.expiry.not_before.unix_timestamp(),
        ),
        (
            "certificate_not_after_timestamp_seconds",
            "End of the certificate's validity.",
            |certificate| certificate.facts.expiry.not_after.unix_timestamp(),
        ),
        (
            "certificate_effective_not_after_timestamp_seconds",
            "Earliest end of the certificate, its chain and its anchor.",
            |certificate| certificate.effective_not_after.unix_timestamp(),
        ),
        (
            "certificate_level",
            "Level of the certificate: 0 ok, 1 warning, 2 critical.",
            |certificate| level(certificate.level),
        ),
    ];
    for (name, help, value) in families {
        let samples = certificates.iter();
        exposition.gauge(name, help, samples.map(|one| (labels(one), value(one))));
    }
}

/// What identifies a certificate: no two have the same place and fingerprint.
fn labels(certificate: &CertificateStatus) -> Vec<(&'static str, String)> {
    let role = match certificate.role {
        Role::Anchor => "anchor",
        Role::Intermediate => "intermediate",
        Role::EndEntity => "end_entity",
    };
    let facts = &certificate.facts;
    vec![
        ("location", shown(&certificate.path)),
        ("name", certificate.title()),
        ("role", role.into()),
        ("serial", facts.serial.to_string()),
        ("fingerprint_sha256", facts.fingerprint_sha256.to_string()),
    ]
}

fn revocation_lists(exposition: &mut Exposition, lists: &[&RevocationListStatus]) {
    type Value = fn(&RevocationListStatus) -> Option<i64>;
    let families: [(&str, &str, Value); 4] = [
        (
            "crl_this_update_timestamp_seconds",
            "Time when the CRL was issued.",
            |list| Some(list.this_update.unix_timestamp()),
        ),
        (
            "crl_next_update_timestamp_seconds",
            "Time when the next CRL is due.",
            |list| Some(list.next_update?.unix_timestamp()),
        ),
        (
            "crl_revoked",
            "Number of revoked certificates on the CRL.",
            |list| Some(list.revoked_count as i64),
        ),
        (
            "crl_level",
            "Level of the CRL: 0 ok, 1 warning, 2 critical.",
            |list| Some(level(list.level)),
        ),
    ];
    for (name, help, value) in families {
        let samples = lists.iter().enumerate().filter_map(|(i, list)| {
            let labels = vec![
                ("list", i.to_string()),
                ("location", shown(&list.path)),
                ("issuer", list.issuer.to_string()),
            ];
            Some((labels, value(list)?))
        });
        exposition.gauge(name, help, samples);
    }
}

fn level(level: Level) -> i64 {
    match level {
        Level::Ok => 0,
        Level::Warning => 1,
        Level::Critical => 2,
    }
}

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
