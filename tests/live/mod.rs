//! Live ports: what is seen of servers made here, good ones and hostile ones, and of real peers.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes servers and looks at what they are seen as"
)]

mod chain;
mod client_certificate;
mod commands;
mod hostile;
mod impostor;
mod peers;
mod pki;
mod server;
mod spoken;

use std::time::Duration;

use openagents_certs::ops::live::{Basis, Dialling, LiveReport, look};
use time::OffsetDateTime;

/// Looks at a port of this machine with the patience of a test that expects an answer.
fn seen(port: u16, given: &Basis<'_>) -> LiveReport {
    seen_as(&format!("grpcs://localhost:{port}"), given)
}

fn seen_as(target: &str, given: &Basis<'_>) -> LiveReport {
    seen_within(target, Duration::from_secs(20), given)
}

/// The same where what is waited for may never come.
fn seen_shortly(port: u16, given: &Basis<'_>) -> LiveReport {
    let target = format!("grpcs://localhost:{port}");
    seen_within(&target, Duration::from_millis(300), given)
}

fn seen_within(target: &str, timeout: Duration, given: &Basis<'_>) -> LiveReport {
    let dialling = Dialling {
        timeout,
        ..Dialling::default()
    };
    let target = dialling.target(target).unwrap();
    look(&target, &dialling, given, OffsetDateTime::now_utc()).unwrap()
}

/// The ids of what was found, without those of the path engine.
fn ids(report: &LiveReport) -> Vec<&'static str> {
    let ids = report.findings.iter().map(|finding| finding.id);
    ids.filter(|id| id.starts_with("live-")).collect()
}
