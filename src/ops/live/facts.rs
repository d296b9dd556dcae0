//! What a port shows.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::{ClientCertificate, Clients, is_taken};
use crate::net::probe::{Probe, Question};
use crate::net::{
    Attempt, End, Failure, KeyProof, Outcome, Plaintext, Reached, ServedCertificate, Session,
    Target, TlsVersion,
};
use crate::ops::expiry::CertificateFacts;
use crate::path::finding::Finding;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::name::DistinguishedName;

/// A port as it is now.
#[derive(Debug, Serialize)]
pub struct LiveReport {
    /// The port.
    pub target: String,
    /// The server name that was sent.
    pub server_name: String,
    /// The address that answered, else the first.
    pub address: Option<SocketAddr>,
    /// Every address of the host.
    pub addresses: Vec<AddressReport>,
    /// The TCP connection: `connected`, `refused`, `timed_out`, `unreachable` or `unresolved`.
    pub tcp: &'static str,
    /// Why there is no TCP connection.
    pub tcp_error: Option<String>,
    /// What the port serves.
    pub serves: Serves,
    /// What the port speaks instead of TLS: `http2`, `http1`, `ssh`, `other` or `nothing`.
    pub plaintext: Option<&'static str>,
    /// Why the handshake failed.
    pub handshake_error: Option<String>,
    /// The negotiated version.
    pub tls_version: Option<TlsVersion>,
    /// The versions known to be supported.
    pub tls_versions: Vec<TlsVersion>,
    /// The negotiated cipher suite.
    pub cipher_suite: Option<String>,
    /// The negotiated application protocol; gRPC's is `h2`.
    pub alpn: Option<String>,
    /// Whether the server's HTTP/2 SETTINGS arrived.
    pub http2_settings: bool,
    /// How the exchange after the handshake ended: `answered` (HTTP/2), `http1`, `silent`, `closed`,
    /// `reset`, `alert`, `go_away`, `other`, `too_much` or `failed`.
    pub http2_end: Option<&'static str>,
    /// More about that end: the alert, the reason of GOAWAY, the first bytes of another protocol.
    pub http2_detail: Option<String>,
    /// What happens to a client without ALPN: `taken`, `closed` (as grpc-core does) or `unknown`.
    pub without_alpn: Option<&'static str>,
    /// Whether the server asks for a client certificate.
    pub client_certificate: ClientCertificate,
    /// The CAs the server accepts, if it names any.
    pub client_ca_names: Vec<DistinguishedName>,
    /// Whether the given client certificate is accepted; `None` if there is none, none is asked for,
    /// or that cannot be determined.
    pub ours_taken: Option<bool>,
    /// Whether a client without a certificate is rejected.
    pub none_refused: Option<bool>,
    /// Whether a stranger's certificate is rejected.
    pub foreign_refused: Option<bool>,
    /// Whether the server proved that it holds the key of its certificate.
    pub key_proof: Option<KeyProof>,
    /// The certificates as served.
    pub certificates: Vec<LiveCertificate>,
    /// Every different chain that was served, as fingerprints.
    pub chains: Vec<ChainFacts>,
    /// How many connections were made.
    pub connections: usize,
    /// How far the server's clock is ahead of this machine's, if it shows its time.
    pub clock_difference_seconds: Option<i64>,
    /// How long the handshake took.
    pub handshake_milliseconds: Option<f64>,
    /// From an HTTP/2 PING to its answer.
    pub round_trip_milliseconds: Option<f64>,
    /// Whether a correct client with the given files connects; `None` if no anchors were given, the
    /// server did not prove its key, or that cannot be determined.
    pub reached: Option<bool>,
    /// The certificates' bytes.
    #[serde(skip)]
    pub served: Vec<Vec<u8>>,
    /// The findings.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// One address.
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
    /// TLS, only to clients with a certificate.
    Mtls,
    /// Something that is neither TLS nor HTTP.
    Other,
    /// Nothing.
    None,
}

/// A certificate as served.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum LiveCertificate {
    /// It could be parsed.
    Parsed(Box<CertificateFacts>),
    /// It could not.
    Malformed {
        /// Why.
        error: String,
        /// SHA-256 over its bytes.
        fingerprint_sha256: Fingerprint,
    },
}

/// A chain that was served.
#[derive(Debug, Serialize)]
pub struct ChainFacts {
    /// The address that served it.
    pub address: SocketAddr,
    /// On how many connections.
    pub connections: usize,
    /// The certificates' SHA-256 fingerprints, in their order.
    pub fingerprints_sha256: Vec<Fingerprint>,
}

impl LiveReport {
    /// Describes what a probe showed.
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
            certificates: certificates
                .iter()
                .map(|served| LiveCertificate::of(served, now))
                .collect(),
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

impl LiveCertificate {
    fn of(served: &ServedCertificate, now: OffsetDateTime) -> Self {
        match &served.certificate {
            Ok(certificate) => {
                LiveCertificate::Parsed(Box::new(CertificateFacts::of(certificate, now)))
            }
            Err(error) => LiveCertificate::Malformed {
                error: error.to_string(),
                fingerprint_sha256: Fingerprint::sha256(&served.der),
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

/// The negotiated versions, also of rejected connections.
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

/// The first address that accepts connections, else the first.
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
        Reached::Refused => Some("connection refused".into()),
        Reached::TimedOut => Some("timed out".into()),
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

/// The names of a certificate, if they can be parsed.
pub(super) fn names(certificate: &Certificate) -> Vec<GeneralName> {
    let names = certificate.subject_alt_names().ok().flatten();
    names.unwrap_or_default()
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
