//! One connection and everything it shows: the handshake, and the answer behind it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::{InvalidMessage, ProtocolVersion};
use serde::Serialize;

use super::connection::{Alert, Deadline as _, Hello, Tls, TooMuch, Wire, tls_error};
use super::http::{self, Answer};
use super::recorder::{ClientCertificateRequest, Identity, Recorder};
use super::target::{Scheme, Target};
use crate::pki::certificate::{Certificate, CertificateError};
use crate::pki::escape::Escaped;
use crate::pki::signature::KeyProof;

/// One TLS connection: what the handshake showed, and what came after it.
#[derive(Debug)]
pub struct Session {
    /// The server's address.
    pub address: SocketAddr,
    /// How the handshake went.
    pub outcome: Outcome,
    /// How long the handshake took.
    pub took: Duration,
    /// The negotiated version.
    pub version: Option<TlsVersion>,
    /// The negotiated cipher suite, by its name in the registry.
    pub cipher_suite: Option<String>,
    /// The negotiated application protocol, as text.
    pub protocol: Option<String>,
    /// The certificates in the order they came.
    pub certificates: Vec<ServedCertificate>,
    /// Whether the server proved that it holds the key of the first one.
    pub key_proof: Option<KeyProof>,
    /// Whether it requested a client certificate.
    pub request: Option<ClientCertificateRequest>,
    /// What came after the handshake, if that was asked for.
    pub answer: Option<Answer>,
    /// The `Date` of an HTTP/1.1 answer, and when it was read.
    pub date: Option<(String, Instant)>,
}

/// How a handshake went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It finished.
    Finished,
    /// It did not finish.
    Failed(Failure),
}

/// Why a handshake did not finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer, or only part of one, in time.
    TimedOut,
    /// The server closed the connection.
    Closed,
    /// The server reset the connection.
    Reset,
    /// The server sent an alert.
    Alert(Alert),
    /// The answer is not TLS; these are its first bytes.
    NotTls(Vec<u8>),
    /// TLS without a version or cipher suite in common.
    Incompatible(String),
    /// TLS that violates the protocol, or is too large.
    Misbehaved(String),
    /// The server sends more than the limit.
    TooMuch,
    /// Another error.
    System(String),
}

/// The supported versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum TlsVersion {
    /// [RFC 5246](https://www.rfc-editor.org/rfc/rfc5246).
    #[serde(rename = "1.2")]
    Tls12,
    /// [RFC 8446](https://www.rfc-editor.org/rfc/rfc8446).
    #[serde(rename = "1.3")]
    Tls13,
}

/// A certificate as it was served.
#[derive(Debug)]
pub struct ServedCertificate {
    /// The bytes.
    pub der: Vec<u8>,
    /// The certificate, if the bytes are one.
    pub certificate: Result<Certificate, CertificateError>,
}

impl ServedCertificate {
    fn new(der: Vec<u8>) -> Self {
        ServedCertificate {
            certificate: Certificate::from_der(der.clone()),
            der,
        }
    }
}

/// What to do after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Close.
    Close,
    /// Speak the negotiated protocol, or the scheme's, and wait for the answer.
    Ask,
    /// Send an HTTP/1.1 request, whose answer has the time.
    AskDate,
}

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) target: &'a Target,
    pub(super) hello: Hello,
    pub(super) identity: Option<&'a Identity>,
    pub(super) then: Then,
    /// The time limit of each step.
    pub(super) step: Duration,
    /// The deadline of all steps.
    pub(super) end: Instant,
}

impl Plan<'_> {
    fn step_end(&self) -> Instant {
        (Instant::now() + self.step).min(self.end)
    }
}

impl Session {
    /// Runs a session over an open connection.
    pub(super) fn run(stream: TcpStream, address: SocketAddr, plan: &Plan<'_>) -> Session {
        let mut session = Session::new(address);
        let failed = |what: String| Outcome::Failed(Failure::System(what));
        let wire = Wire::new(stream, plan.step_end());
        let Some(server_name) = plan.target.server_name().to_server_name() else {
            session.outcome = failed("the name is not valid in TLS".into());
            return session;
        };
        let started = Instant::now();
        let mut tls = match Tls::new(wire, plan.hello, server_name, Recorder::new(plan.identity)) {
            Ok(tls) => tls,
            Err(error) => {
                session.outcome = failed(error.to_string());
                return session;
            }
        };
        let handshake = tls.handshake();
        session.took = started.elapsed();
        session.take(&tls);
        if let Err(error) = handshake {
            session.outcome = Outcome::Failed(Failure::of(&error, tls.wire().first()));
            return session;
        }
        session.outcome = Outcome::Finished;
        tls.set_deadline(plan.step_end());
        session.ask(&mut tls, plan);
        tls.set_deadline(plan.step_end());
        tls.close();
        session
    }

    fn ask(&mut self, tls: &mut Tls, plan: &Plan<'_>) {
        let is_http = matches!(plan.target.scheme(), Some(Scheme::Https | Scheme::Http));
        let is_http1 = match self.protocol.as_deref() {
            Some(protocol) => protocol == "http/1.1",
            None => is_http,
        };
        // A server that speaks the protocol answers about as fast as it shook hands.
        let patience = self.took * HANDSHAKES_WAITED;
        match plan.then {
            Then::Close => {}
            Then::Ask if !is_http1 => {
                let least = match self.protocol {
                    Some(_) => MIN_WAIT_FOR_NEGOTIATED,
                    None => MIN_WAIT,
                };
                tls.hasten(Instant::now() + patience.clamp(least, MAX_WAIT));
                self.answer = Some(http::http2(tls));
            }
            Then::Ask | Then::AskDate => {
                tls.hasten(Instant::now() + patience.clamp(MIN_WAIT, MAX_WAIT));
                let (answer, date) = http::http1(tls, &plan.target.server_name().to_string());
                self.answer = Some(answer);
                self.date = date.map(|date| (date, Instant::now()));
            }
        }
    }

    fn new(address: SocketAddr) -> Self {
        Session {
            address,
            outcome: Outcome::Failed(Failure::TimedOut),
            took: Duration::ZERO,
            version: None,
            cipher_suite: None,
            protocol: None,
            certificates: Vec::new(),
            key_proof: None,
            request: None,
            answer: None,
            date: None,
        }
    }

    /// Takes what the handshake showed, however far it went.
    fn take(&mut self, tls: &Tls) {
        let record = tls.record();
        let certificates = record.certificates.into_iter();
        self.certificates = certificates.map(ServedCertificate::new).collect();
        self.key_proof = record.key_proof;
        self.request = record.request;
        let connection = tls.connection();
        self.version = connection.protocol_version().and_then(TlsVersion::of);
        self.cipher_suite = connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str().map(str::to_owned));
        self.protocol = connection
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned());
    }

    /// The server's own certificate, if it could be parsed.
    pub fn end_entity(&self) -> Option<&Certificate> {
        self.certificates.first()?.certificate.as_ref().ok()
    }

    /// The certificates that could be parsed, in their order.
    pub fn parsed_certificates(&self) -> Vec<&Certificate> {
        let served = self.certificates.iter();
        served
            .filter_map(|served| served.certificate.as_ref().ok())
            .collect()
    }

    /// Whether two sessions were served the same certificates.
    pub fn has_certificates_of(&self, other: &Session) -> bool {
        let (mine, theirs) = (&self.certificates, &other.certificates);
        let mut pairs = mine.iter().zip(theirs);
        mine.len() == theirs.len() && pairs.all(|(mine, theirs)| mine.der == theirs.der)
    }

    /// Whether the server proved on this connection that it holds the key of its certificate.
    ///
    /// In TLS 1.2 a server proves it before it refuses a client certificate, so that a handshake it
    /// then ends is proof enough ([RFC 5246 §7.4.3](https://www.rfc-editor.org/rfc/rfc5246#section-7.4.3)).
    pub fn is_key_proven(&self) -> bool {
        let is_complete = match &self.outcome {
            Outcome::Finished => true,
            Outcome::Failed(failure) => failure.is_refusal() && self.request.is_some(),
        };
        is_complete && self.key_proof == Some(KeyProof::Proven)
    }
}

impl Failure {
    /// Whether the server ended it: it refused.
    pub fn is_refusal(&self) -> bool {
        match self {
            Failure::Alert(_) | Failure::Closed | Failure::Reset => true,
            Failure::TimedOut
            | Failure::NotTls(_)
            | Failure::Incompatible(_)
            | Failure::Misbehaved(_)
            | Failure::TooMuch
            | Failure::System(_) => false,
        }
    }

    /// Classifies an I/O error; `first` are the first bytes received.
    fn of(error: &io::Error, first: &[u8]) -> Self {
        if let Some(error) = tls_error(error) {
            return Failure::of_tls(error, first);
        }
        if TooMuch::is_in(error) {
            return Failure::TooMuch;
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::UnexpectedEof if !is_tls(first) => {
                Failure::NotTls(first.to_vec())
            }
            io::ErrorKind::TimedOut => Failure::TimedOut,
            io::ErrorKind::UnexpectedEof => Failure::Closed,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Failure::Reset,
            _ => Failure::System(error.to_string()),
        }
    }

    fn of_tls(error: &rustls::Error, first: &[u8]) -> Self {
        match error {
            rustls::Error::AlertReceived(description) => Failure::Alert((*description).into()),
            _ if !is_tls(first) => Failure::NotTls(first.to_vec()),
            rustls::Error::PeerIncompatible(what) => Failure::Incompatible(format!("{what:?}")),
            rustls::Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => {
                Failure::Incompatible("UnknownProtocolVersion".into())
            }
            error => Failure::Misbehaved(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::TimedOut => f.write_str("timed out"),
            Failure::Closed => f.write_str("the server closed the connection"),
            Failure::Reset => f.write_str("the server reset the connection"),
            Failure::Alert(alert) => write!(f, "the server sent the alert {alert}"),
            Failure::NotTls(first) => {
                let shown = &first[..first.len().min(MAX_SHOWN_BYTES)];
                write!(f, "the answer is not TLS: \"{}\"", shown.escape_ascii())
            }
            Failure::Incompatible(what) => {
                write!(f, "no TLS version or cipher suite in common: {what}")
            }
            Failure::Misbehaved(what) | Failure::System(what) => Escaped(what).fmt(f),
            Failure::TooMuch => f.write_str("the server sends data without end"),
        }
    }
}

impl TlsVersion {
    fn of(version: ProtocolVersion) -> Option<Self> {
        match version {
            ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
            ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
            _ => None,
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        })
    }
}

/// Whether the first bytes may begin a TLS record ([RFC 8446 §5.1](https://www.rfc-editor.org/rfc/rfc8446#section-5.1)).
fn is_tls(first: &[u8]) -> bool {
    match first {
        [] => true,
        [kind] => matches!(kind, 20..=23),
        [kind, major, ..] => matches!(kind, 20..=23) && *major == 3,
    }
}

const HANDSHAKES_WAITED: u32 = 20;
const MIN_WAIT: Duration = Duration::from_millis(150);
/// A server that negotiated h2 speaks it; it may be slow, but not as slow as a handshake may be.
const MIN_WAIT_FOR_NEGOTIATED: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(2);
const MAX_SHOWN_BYTES: usize = 16;
