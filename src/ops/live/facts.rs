//! What was seen of a port.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::clients::{Clients, is_taken};
use crate::net::probe::{Probe, Question};
use crate::net::{
    Attempt, End, Failure, KeyProof, Outcome, Plaintext, Reached, Session, Target, TlsVersion,
};
use crate::path::finding::Finding;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;

/// A port as it is now.
#[derive(Debug, Serialize)]
pub struct LiveReport {
    /// Whom was dialled.
    pub target: String,
    /// The name that was asked for.
    pub server_name: String,
    /// The address that answered, or the first that did not.
    pub address: Option<SocketAddr>,
    /// Every address of the name.
    pub addresses: Vec<AddressReport>,
    /// What came of TCP: `connected`, `refused`, `timed_out`, `unreachable` or `unresolved`.
    pub tcp: &'static str,
    /// Why there is no TCP connection, where the system says.
    pub tcp_error: Option<String>,
    /// What the port serves.
    pub serves: Serves,
    /// What is spoken instead of TLS: `http2`, `http1`, `ssh`, `other` or `nothing`.
    pub plaintext: Option<&'static str>,
    /// Why the handshake did not come to its end.
    pub handshake_error: Option<String>,
    /// The version that was agreed on.
    pub tls_version: Option<TlsVersion>,
    /// The versions that are known to be spoken.
    pub tls_versions: Vec<TlsVersion>,
    /// The cipher suite that was agreed on.
    pub cipher_suite: Option<String>,
    /// The application protocol that was agreed on; gRPC's is `h2`.
    pub alpn: Option<String>,
    /// Whether the server's HTTP/2 SETTINGS were read.
    pub http2_settings: bool,
    /// How the talk behind the handshake ended: `answered` (HTTP/2), `http1`, `silent`, `closed`,
    /// `reset`, `alert`, `go_away`, `other`, `too_much` or `failed`.
    pub http2_end: Option<&'static str>,
    /// What was said at that end: the alert, the reason of GOAWAY, how what is no HTTP/2 begins.
    pub http2_detail: Option<String>,
    /// What becomes of a client that names no protocol: `taken`, `closed` (as grpc-core does) or `unknown`.
    pub without_alpn: Option<&'static str>,
    /// Whether a client certificate is asked for.
    pub client_certificate: ClientCertificate,
    /// The CAs the server wants it from, where it says.
    pub client_ca_names: Vec<DistinguishedName>,
    /// Whether ours is taken; `None` when there is none, none is asked for, or it cannot be told.
    pub ours_taken: Option<bool>,
    /// Whether a client without one is refused.
    pub none_refused: Option<bool>,
    /// Whether one that nobody can trust is refused.
    pub foreign_refused: Option<bool>,
    /// Whether the server showed that its certificate's key is its own.
    pub key_proof: Option<KeyProof>,
    /// The certificates as served.
    pub certificates: Vec<CertificateFacts>,
    /// Every different list of certificates that was served, as fingerprints.
    pub chains: Vec<ChainFacts>,
    /// How many connections were made, whatever came of TLS on them.
    pub connections: usize,
    /// How far the server's clock is ahead of ours, where it tells.
    pub clock_difference_seconds: Option<i64>,
    /// How long the handshake took.
    pub handshake_milliseconds: Option<f64>,
    /// From an HTTP/2 PING to its answer.
    pub round_trip_milliseconds: Option<f64>,
    /// Whether a correct client with what was given gets through; `None` when no anchors were
    /// given to judge by, or it cannot be told.
    pub reached: Option<bool>,
    /// The certificates' octets.
    #[serde(skip)]
    pub served: Vec<Vec<u8>>,
    /// What is wrong.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// What came of one address.
#[derive(Debug, Serialize)]
pub struct AddressReport {
    /// The address.
    pub address: SocketAddr,
    /// As [`LiveReport::tcp`].
    pub tcp: &'static str,
    /// How long it took.
    pub milliseconds: f64,
}

/// What a port serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Serves {
    /// HTTP without TLS.
    Plaintext,
    /// TLS, to anyone.
    Tls,
    /// TLS, only to those with a certificate.
    Mtls,
    /// Something that is neither TLS nor HTTP.
    Other,
    /// Nothing.
    None,
}

/// Whether a server asks for a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    /// It does not.
    NotAsked,
    /// It does; whether it needs one was not to be told, or it takes clients without.
    Asked,
    /// It does, and refuses clients without.
    Required,
    /// The handshake did not come so far.
    Unknown,
}

/// A certificate as served.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum CertificateFacts {
    /// It can be read.
    Read {
        /// The subject.
        subject: DistinguishedName,
        /// The issuer.
        issuer: DistinguishedName,
        /// The serial number.
        serial: SerialNumber,
        /// The first moment of validity.
        #[serde(with = "time::serde::rfc3339")]
        not_before: OffsetDateTime,
        /// The last moment of validity.
        #[serde(with = "time::serde::rfc3339")]
        not_after: OffsetDateTime,
        /// The names it is for.
        names: Vec<GeneralName>,
        /// The SHA-256 fingerprint.
        fingerprint_sha256: Fingerprint,
    },
    /// It cannot.
    Malformed {
        /// What is wrong with it.
        error: String,
        /// The SHA-256 fingerprint.
        fingerprint_sha256: Fingerprint,
    },
}

/// A list of certificates that was served.
#[derive(Debug, Serialize)]
pub struct ChainFacts {
    /// By whom.
    pub address: SocketAddr,
    /// On how many connections.
    pub connections: usize,
    /// The certificates' SHA-256 fingerprints, in their order.
    pub fingerprints_sha256: Vec<Fingerprint>,
}

impl LiveReport {
    /// Says what was seen.
    pub(super) fn of(
        target: &Target,
        probe: &Probe,
        is_identified: bool,
        started: Instant,
        now: OffsetDateTime,
    ) -> Self {
        let main = probe.main();
        let answer = main.and_then(|session| session.answer.as_ref());
        let (http2_end, http2_detail) = answer.map_or((None, None), |answer| end(&answer.end));
        let clients = Clients::of(probe, is_identified);
        let attempt = answering(probe);
        let shown = main.filter(|session| !session.certificates.is_empty());
        let chains = probe.distinct_chains();
        let shown = shown.or(chains.first().map(|(session, _)| *session));
        let certificates = shown.map_or(&[][..], |session| &session.certificates);
        LiveReport {
            target: target.to_string(),
            server_name: target.server_name().to_string(),
            address: main
                .map(|session| session.address)
                .or(attempt.map(|attempt| attempt.address)),
            addresses: probe.attempts.iter().map(AddressReport::of).collect(),
            tcp: attempt.map_or("unresolved", |attempt| attempt.reached.name()),
            tcp_error: tcp_error(probe, attempt),
            serves: serves(probe, &clients),
            plaintext: probe.plaintext.as_ref().map(Plaintext::name),
            handshake_error: main.and_then(|session| match &session.outcome {
                Outcome::Finished => None,
                Outcome::Failed(failure) => Some(failure.to_string()),
            }),
            tls_version: main.and_then(|session| session.version),
            tls_versions: tls_versions(probe),
            cipher_suite: main.and_then(|session| session.cipher_suite.clone()),
            alpn: main.and_then(|session| session.protocol.clone()),
            http2_settings: answer.is_some_and(|answer| answer.settings),
            http2_end,
            http2_detail,
            without_alpn: probe.session(Question::WithoutAlpn).map(without_alpn),
            client_certificate: clients.asked,
            client_ca_names: clients.authorities,
            ours_taken: clients.ours_taken,
            none_refused: clients.none_refused,
            foreign_refused: clients.foreign_refused,
            key_proof: main.and_then(|session| session.key_proof),
            certificates: certificates.iter().map(CertificateFacts::of).collect(),
            chains: chains
                .into_iter()
                .map(|(session, connections)| ChainFacts::of(session, connections))
                .collect(),
            connections: probe.sessions.len(),
            clock_difference_seconds: clock_difference(probe, started, now),
            handshake_milliseconds: main.map(|session| milliseconds(session.took)),
            round_trip_milliseconds: answer
                .and_then(|answer| answer.round_trip)
                .map(milliseconds),
            reached: None,
            served: certificates
                .iter()
                .map(|served| served.der.clone())
                .collect(),
            findings: Vec::new(),
        }
    }
}

impl AddressReport {
    fn of(attempt: &Attempt) -> Self {
        AddressReport {
            address: attempt.address,
            tcp: attempt.reached.name(),
            milliseconds: milliseconds(attempt.took),
        }
    }
}

impl CertificateFacts {
    fn of(served: &crate::net::ServedCertificate) -> Self {
        let fingerprint_sha256 = Fingerprint::sha256(&served.der);
        match &served.certificate {
            Ok(certificate) => CertificateFacts::Read {
                subject: certificate.subject().clone(),
                issuer: certificate.issuer().clone(),
                serial: certificate.serial().clone(),
                not_before: certificate.not_before(),
                not_after: certificate.not_after(),
                names: names(certificate),
                fingerprint_sha256,
            },
            Err(error) => CertificateFacts::Malformed {
                error: error.to_string(),
                fingerprint_sha256,
            },
        }
    }
}

impl ChainFacts {
    fn of(session: &Session, connections: usize) -> Self {
        let certificates = session.certificates.iter();
        ChainFacts {
            address: session.address,
            connections,
            fingerprints_sha256: certificates
                .map(|served| Fingerprint::sha256(&served.der))
                .collect(),
        }
    }
}

fn serves(probe: &Probe, clients: &Clients) -> Serves {
    let is_tls = probe.sessions.iter().any(|(_, session)| {
        session.outcome == Outcome::Finished
            || !session.certificates.is_empty()
            || is_alert(session)
    });
    match &probe.plaintext {
        _ if is_tls && clients.asked == ClientCertificate::Required => Serves::Mtls,
        _ if is_tls => Serves::Tls,
        Some(Plaintext::Http2 | Plaintext::Http1) => Serves::Plaintext,
        Some(Plaintext::Ssh | Plaintext::Other(_)) => Serves::Other,
        Some(Plaintext::Nothing) | None => Serves::None,
    }
}

fn is_alert(session: &Session) -> bool {
    match &session.outcome {
        Outcome::Failed(Failure::Alert(_) | Failure::Incompatible(_) | Failure::Misbehaved(_)) => {
            true
        }
        Outcome::Failed(
            Failure::TimedOut
            | Failure::Closed
            | Failure::Reset
            | Failure::NotTls(_)
            | Failure::TooMuch
            | Failure::System(_),
        )
        | Outcome::Finished => false,
    }
}

/// What was agreed on, before a refusal too.
fn tls_versions(probe: &Probe) -> Vec<TlsVersion> {
    let mut versions: Vec<_> = probe
        .sessions
        .iter()
        .filter(|(_, session)| !session.certificates.is_empty())
        .filter_map(|(_, session)| session.version)
        .collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

/// The address that says most: the first that takes connections, else the first.
fn answering(probe: &Probe) -> Option<&Attempt> {
    let mut attempts = probe.attempts.iter();
    let connected = attempts
        .clone()
        .find(|attempt| attempt.reached == Reached::Connected);
    connected.or(attempts.next())
}

fn tcp_error(probe: &Probe, attempt: Option<&Attempt>) -> Option<String> {
    if let Some(error) = &probe.unresolved {
        return Some(Escaped(error).to_string());
    }
    let attempt = attempt?;
    match &attempt.reached {
        Reached::Connected => None,
        Reached::Refused => Some("nobody listens there".into()),
        Reached::TimedOut => Some("no answer in time".into()),
        Reached::Unreachable(what) => Some(Escaped(what).to_string()),
    }
}

fn end(end: &End) -> (Option<&'static str>, Option<String>) {
    let (name, detail) = match end {
        End::Answered => ("answered", None),
        End::Silent => ("silent", None),
        End::Closed => ("closed", None),
        End::Reset => ("reset", None),
        End::Alert(alert) => ("alert", Some(alert.to_string())),
        End::GoAway { code, debug } if debug.is_empty() => {
            ("go_away", Some(format!("error {code}")))
        }
        End::GoAway { code, debug } => {
            ("go_away", Some(format!("error {code}, {}", Escaped(debug))))
        }
        End::Http1 => ("http1", None),
        End::Other(first) => ("other", Some(first.escape_ascii().to_string())),
        End::TooMuch => ("too_much", None),
        End::System(what) => ("failed", Some(Escaped(what).to_string())),
    };
    (Some(name), detail)
}

fn without_alpn(session: &Session) -> &'static str {
    match is_taken(session) {
        Some(true) => "taken",
        Some(false) => "closed",
        None => "unknown",
    }
}

fn clock_difference(probe: &Probe, started: Instant, now: OffsetDateTime) -> Option<i64> {
    let (text, read) = probe.session(Question::Date)?.date.as_ref()?;
    let theirs = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    let ours = now + read.saturating_duration_since(started);
    Some(theirs.unix_timestamp() - ours.unix_timestamp())
}

/// The names of a certificate; none where they cannot be read.
pub(super) fn names(certificate: &Certificate) -> Vec<GeneralName> {
    let names = certificate.subject_alt_names().ok().flatten();
    names.unwrap_or_default()
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
