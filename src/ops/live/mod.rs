//! Live ports: what they serve, which clients they accept, and the findings.

mod facts;
mod text;
mod verdict;

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority::read_back;
use crate::error::Error;
use crate::files::{self, Kind};
use crate::keys::{self};
use crate::net::probe::{self, Probe, Question};
use crate::net::{Answer, Identity, Outcome, Session, TlsVersion};
use crate::path::ReferenceName;
use crate::path::finding::Finding;
use crate::pki::name::DistinguishedName;

pub use facts::{LiveReport, Serves};
pub use verdict::Basis;

pub use crate::net::{Scheme, Target};

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
    let stranger = stranger(now)?;
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

/// Whether a server asks for a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    /// It does not.
    NotAsked,
    /// It does, and accepts clients without one, or whether it does is not known.
    Asked,
    /// It does, and rejects clients without one.
    Required,
    /// The handshake did not get that far.
    Unknown,
}

/// What a probe shows about client certificates.
struct Clients {
    asked: ClientCertificate,
    authorities: Vec<DistinguishedName>,
    ours_taken: Option<bool>,
    none_refused: Option<bool>,
    foreign_refused: Option<bool>,
}

impl Clients {
    /// Reads a probe; `is_identified` if a client certificate was given.
    fn of(probe: &Probe, is_identified: bool) -> Self {
        let main = probe.main();
        let request = main.and_then(|session| session.request.as_ref());
        let is_answered = request.is_some_and(|request| request.answered);
        let without = if is_identified {
            probe.session(Question::WithoutCertificate)
        } else {
            main
        };
        let without = without.filter(|session| session.request.is_some());
        let none_refused = without.and_then(is_taken).map(|taken| !taken);
        let foreign = probe.session(Question::Stranger);
        let foreign = foreign.filter(|session| is_request_answered(session));
        let shakes = main.is_some_and(|session| session.outcome == Outcome::Finished);
        Clients {
            asked: match (request, none_refused) {
                (Some(_), Some(true)) => ClientCertificate::Required,
                (Some(_), Some(false) | None) => ClientCertificate::Asked,
                (None, _) if shakes => ClientCertificate::NotAsked,
                (None, _) => ClientCertificate::Unknown,
            },
            authorities: request.map_or(Vec::new(), |request| request.authorities.clone()),
            ours_taken: main
                .filter(|_| is_answered)
                .and_then(|main| is_taken(main).or(is_finished_by_server(main))),
            none_refused,
            foreign_refused: foreign.and_then(is_taken).map(|taken| !taken),
        }
    }
}

/// In TLS 1.2 the server finishes a handshake last, after it has verified the client's certificate ([RFC 5246 §7.3](https://www.rfc-editor.org/rfc/rfc5246#section-7.3)).
fn is_finished_by_server(session: &Session) -> Option<bool> {
    let is_finished = session.outcome == Outcome::Finished;
    (is_finished && session.version == Some(TlsVersion::Tls12)).then_some(true)
}

fn is_request_answered(session: &Session) -> bool {
    let request = session.request.as_ref();
    request.is_some_and(|request| request.answered)
}

/// Whether the server accepts the client of a session; `None` if that cannot be determined.
fn is_taken(session: &Session) -> Option<bool> {
    match &session.outcome {
        Outcome::Finished => session.answer.as_ref().and_then(Answer::is_accepted),
        Outcome::Failed(failure) => failure.is_refusal().then_some(false),
    }
}

/// A self-signed client certificate that is never stored: a server that accepts it accepts anyone.
fn stranger(now: OffsetDateTime) -> Result<Identity, Error> {
    let (certificate, key) = keys::throw_away_pair(COMMON_NAME, now)?;
    Ok(Identity::new(&[read_back(certificate)?], &key)?)
}

const COMMON_NAME: &str = "openagents-certs probe";
