//! Live ports: what they serve, which clients they accept, and the findings.

mod clients;
mod facts;
mod text;
mod verdict;

use std::path::Path;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

pub use clients::ClientCertificate;
pub use facts::{LiveReport, Serves};
pub use verdict::Basis;

use crate::error::Error;
use crate::files::{self, Kind};
use crate::net::Identity;
use crate::net::probe::{self, Probe};
pub use crate::net::{Scheme, Target};
use crate::path::ReferenceName;
use crate::path::finding::Finding;

/// How to dial ports.
#[derive(Clone, Debug)]
pub struct Dialling {
    /// The server name to send, if not the dialled host.
    pub server_name: Option<String>,
    /// The time limit of each step; the whole takes at most three times as long.
    pub timeout: Duration,
    /// How many connections to make at least.
    pub connections: usize,
}

impl Default for Dialling {
    fn default() -> Self {
        Dialling {
            server_name: None,
            timeout: Duration::from_secs(5),
            connections: DEFAULT_CONNECTIONS,
        }
    }
}

impl Dialling {
    /// Parses a target, with the given server name.
    ///
    /// # Errors
    /// When the target or the name is malformed.
    pub fn target(&self, text: &str) -> Result<Target, Error> {
        let target: Target = text.parse()?;
        match &self.server_name {
            Some(name) => Ok(target.with_server_name(name)?),
            None => Ok(target),
        }
    }
}

/// Whether an argument is a port rather than a file: a URL, or `host:port` if no such file exists.
///
/// # Errors
/// When it cannot be determined whether the file exists.
pub fn is_port(argument: &Path) -> Result<bool, Error> {
    let Some(text) = argument.to_str() else {
        return Ok(false);
    };
    if text.contains("://") {
        return Ok(true);
    }
    let is_shaped = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.contains('/') && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
    });
    Ok(is_shaped && files::kind(argument)? == Kind::Absent)
}

/// The name that the certificate of a target must be valid for.
pub fn reference_name(target: &Target) -> ReferenceName {
    match target.server_name() {
        crate::net::Host::Dns(name) => ReferenceName::Dns(name.clone()),
        crate::net::Host::Ip(address) => ReferenceName::Ip(*address),
    }
}

/// Probes a port and judges what it shows, with the given anchors and files.
///
/// # Errors
/// When the system provides no randomness.
pub fn look(
    target: &Target,
    dialling: &Dialling,
    given: &Basis<'_>,
    now: OffsetDateTime,
) -> Result<LiveReport, Error> {
    let identity = given.client;
    let identity = identity.map(|(certificates, pkcs8)| Identity::new(certificates, pkcs8));
    let (identity, unusable) = match identity.transpose() {
        Ok(identity) => (identity, None),
        Err(error) => (None, Some(error)),
    };
    let stranger = clients::stranger(now)?;
    let (mut report, probe) = facts(target, dialling, identity.as_ref(), Some(&stranger), now);
    if let Some(error) = unusable {
        let finding = Finding::of("live-client-key").found(error);
        report.findings.push(finding);
    }
    Ok(verdict::judge_report(report, &probe, target, given, now))
}

/// Probes a port and reports what it shows, without judging it.
pub(super) fn facts(
    target: &Target,
    dialling: &Dialling,
    identity: Option<&Identity>,
    stranger: Option<&Identity>,
    now: OffsetDateTime,
) -> (LiveReport, Probe) {
    let started = Instant::now();
    let options = probe::Options {
        timeout: dialling.timeout,
        connections: dialling.connections,
        identity,
        stranger,
    };
    let probe = Probe::of(target, &options);
    let report = LiveReport::of(target, &probe, identity.is_some(), started, now);
    (report, probe)
}

/// Of two processes that share a port both are met, except once in a thousand runs.
const DEFAULT_CONNECTIONS: usize = 12;
