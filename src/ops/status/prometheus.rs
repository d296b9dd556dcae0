//! The report in the [text format of Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).

use std::fmt;
use std::path::Path;

use super::certificate::{CertificateStatus, Role};
use super::report::Report;
use super::threshold::Level;
use crate::error::shown;
use crate::pki::escape::Escaped;

/// The report as metrics: for a node exporter's textfile directory, or an HTTP response.
pub struct Metrics<'a>(pub &'a Report);

impl fmt::Display for Metrics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        certificates(f, report)?;
        revocation_lists(f, report)?;
        let counts = [
            (Level::Ok, report.summary.ok),
            (Level::Warning, report.summary.warning),
            (Level::Critical, report.summary.critical),
        ];
        let counted =
            counts.map(|(level, count)| (labels(&[("level", &level.to_string())]), count as i64));
        family(
            f,
            "items",
            "Certificates and revocation lists, by how they are.",
            counted,
        )?;
        let unreadable = report.summary.unreadable as i64;
        family(
            f,
            "unreadable",
            "What could not be read.",
            [(String::new(), unreadable)],
        )?;
        let at = report.checked_at.unix_timestamp();
        family(
            f,
            "checked_timestamp_seconds",
            "When this was looked at.",
            [(String::new(), at)],
        )
    }
}

fn certificates(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    type Value = fn(&CertificateStatus) -> i64;
    let families: [(&str, &str, Value); 4] = [
        (
            "certificate_not_before_timestamp_seconds",
            "The first moment of the certificate's validity.",
            |certificate| certificate.not_before.unix_timestamp(),
        ),
        (
            "certificate_not_after_timestamp_seconds",
            "The last moment of the certificate's validity.",
            |certificate| certificate.not_after.unix_timestamp(),
        ),
        (
            "certificate_effective_not_after_timestamp_seconds",
            "When the first of the certificate, its chain, its anchor and its revocation list ends.",
            |certificate| certificate.effective_not_after.unix_timestamp(),
        ),
        (
            "certificate_level",
            "How the certificate is: 0 ok, 1 warning, 2 critical.",
            |certificate| level(certificate.level),
        ),
    ];
    for (name, help, value) in families {
        let samples = report.certificates.iter();
        let samples = samples.map(|certificate| (of_certificate(certificate), value(certificate)));
        family(f, name, help, samples)?;
    }
    Ok(())
}

fn revocation_lists(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let lists = || {
        let lists = report
            .revocation_lists
            .iter()
            .filter(|list| !list.superseded);
        lists.enumerate().map(|(i, list)| {
            let labels = labels(&[
                ("list", &i.to_string()),
                ("location", &shown(Path::new(&list.location))),
                ("issuer", &list.issuer.to_string()),
            ]);
            (labels, list)
        })
    };
    family(
        f,
        "crl_this_update_timestamp_seconds",
        "When the revocation list was issued.",
        lists().map(|(labels, list)| (labels, list.this_update.unix_timestamp())),
    )?;
    family(
        f,
        "crl_next_update_timestamp_seconds",
        "When the next revocation list comes at the latest.",
        lists().filter_map(|(labels, list)| Some((labels, list.next_update?.unix_timestamp()))),
    )?;
    family(
        f,
        "crl_revoked",
        "How many certificates the revocation list says are revoked.",
        lists().map(|(labels, list)| (labels, list.revoked_count as i64)),
    )?;
    family(
        f,
        "crl_level",
        "How the revocation list is: 0 ok, 1 warning, 2 critical.",
        lists().map(|(labels, list)| (labels, level(list.level))),
    )
}

/// A gauge with its samples; nothing where there are none.
fn family(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (String, i64)>,
) -> fmt::Result {
    for (i, (labels, value)) in samples.into_iter().enumerate() {
        if i == 0 {
            writeln!(f, "# HELP {PREFIX}{name} {help}")?;
            writeln!(f, "# TYPE {PREFIX}{name} gauge")?;
        }
        writeln!(f, "{PREFIX}{name}{labels} {value}")?;
    }
    Ok(())
}

/// What tells a certificate from every other: no two have the same place and fingerprint.
fn of_certificate(certificate: &CertificateStatus) -> String {
    let role = match certificate.role {
        Role::Anchor => "anchor",
        Role::Intermediate => "intermediate",
        Role::EndEntity => "end_entity",
    };
    labels(&[
        ("location", &shown(Path::new(&certificate.location))),
        ("name", &certificate.title()),
        ("role", role),
        (
            "serial",
            &Escaped(&certificate.serial.to_string()).to_string(),
        ),
        (
            "fingerprint_sha256",
            &certificate.fingerprint_sha256.to_string(),
        ),
    ])
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        text.replace('\n', "\\n")
    };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", quoted(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

fn level(level: Level) -> i64 {
    match level {
        Level::Ok => 0,
        Level::Warning => 1,
        Level::Critical => 2,
    }
}

const PREFIX: &str = "openagents_certs_";
