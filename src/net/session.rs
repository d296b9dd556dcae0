//! One connection and everything that was seen on it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{InvalidMessage, ProtocolVersion};
use serde::Serialize;

use super::alert::Alert;
use super::http1;
use super::http2::{self, Answer, Deadline as _};
use super::identity::Identity;
use super::recorder::{ClientCertificateRequest, KeyProof, Recorder};
use super::target::{Scheme, Target};
use super::tls::{Hello, Tls};
use super::wire::{TooMuch, Wire};
use crate::pki::certificate::{Certificate, CertificateError};
use crate::pki::escape::Escaped;

/// One TLS connection: what the handshake showed, and what came behind it.
#[derive(Debug)]
pub struct Session {
    /// Whom it was with.
    pub address: SocketAddr,
    /// How the handshake went.
    pub outcome: Outcome,
    /// How long the handshake took.
    pub took: Duration,
    /// The version that was agreed on.
    pub version: Option<TlsVersion>,
    /// The cipher suite that was agreed on, by its name in the registry.
    pub cipher_suite: Option<String>,
    /// The application protocol that was agreed on, as text.
    pub protocol: Option<String>,
    /// The certificates in the order they came.
    pub certificates: Vec<ServedCertificate>,
    /// Whether the server showed that the first one's key is its own.
    pub key_proof: Option<KeyProof>,
    /// Whether it asked for a client certificate.
    pub request: Option<ClientCertificateRequest>,
    /// What came behind the handshake, where it was asked for.
    pub answer: Option<Answer>,
    /// What the server's clock said in an HTTP/1.1 answer, and when that was read.
    pub date: Option<(String, Instant)>,
}

/// How a handshake went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To its end.
    Finished,
    /// Not to its end.
    Failed(Failure),
}

/// Why a handshake did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer, or not all of it, in time.
    TimedOut,
    /// The server ended the connection.
    Closed,
    /// The server broke the connection off.
    Reset,
    /// The server said why it does not go on.
    Alert(Alert),
    /// What came is not TLS; this is how it begins.
    NotTls(Vec<u8>),
    /// TLS of which no version or suite is spoken here.
    Incompatible(String),
    /// TLS that breaks its own rules, or is too large.
    Misbehaved(String),
    /// Endless talk.
    TooMuch,
    /// The system says something else.
    System(String),
}

/// The versions of TLS that are spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum TlsVersion {
    /// [RFC 5246](https://www.rfc-editor.org/rfc/rfc5246).
    #[serde(rename = "1.2")]
    Tls12,
    /// [RFC 8446](https://www.rfc-editor.org/rfc/rfc8446).
    #[serde(rename = "1.3")]
    Tls13,
}

/// A certificate as it was served: its DER, and what was read from it.
#[derive(Debug)]
pub struct ServedCertificate {
    /// The octets.
    pub der: Vec<u8>,
    /// The certificate, if it is one.
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

/// What is done once the handshake is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: the handshake showed what was wanted.
    Close,
    /// What was agreed on is begun, what the scheme stands for where nothing was, and the answer
    /// awaited.
    Talk,
    /// An HTTP/1.1 question whose answer tells the time.
    Date,
}

/// How a session is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) target: &'a Target,
    pub(super) hello: Hello<'static>,
    pub(super) identity: Option<&'a Identity>,
    pub(super) then: Then,
    /// How long each step may take.
    pub(super) step: Duration,
    /// When all is over, whatever step it is at.
    pub(super) end: Instant,
}

impl Plan<'_> {
    pub(super) fn step_end(&self) -> Instant {
        (Instant::now() + self.step).min(self.end)
    }
}

impl Session {
    /// Holds a session over a connection that stands.
    pub(super) fn hold(stream: TcpStream, address: SocketAddr, plan: &Plan<'_>) -> Session {
        let recorder = Arc::new(Recorder::new(plan.identity.map(Identity::certified_key)));
        let mut session = Session::new(address);
        let wire = Wire::new(stream, plan.step_end());
        let Some(server_name) = plan.target.server_name().to_server_name() else {
            let what = "the name is none that TLS can ask for".to_owned();
            session.outcome = Outcome::Failed(Failure::System(what));
            return session;
        };
        let started = Instant::now();
        let mut tls = match Tls::new(wire, plan.hello, server_name, recorder) {
            Ok(tls) => tls,
            Err(error) => {
                session.outcome = Outcome::Failed(Failure::System(error.to_string()));
                return session;
            }
        };
        let done = tls.shake_hands();
        session.took = started.elapsed();
        session.look_at(&tls);
        if let Err(error) = done {
            session.outcome = Outcome::Failed(Failure::of(&error, tls.wire().first()));
            return session;
        }
        session.outcome = Outcome::Finished;
        tls.set_deadline(plan.step_end());
        session.talk(&mut tls, plan);
        tls.set_deadline(plan.step_end());
        tls.close();
        session
    }

    /// What follows the handshake.
    fn talk(&mut self, tls: &mut Tls, plan: &Plan<'_>) {
        let is_http = matches!(plan.target.scheme(), Some(Scheme::Https | Scheme::Http));
        let is_http1 = match self.protocol.as_deref() {
            Some(protocol) => protocol == "http/1.1",
            None => is_http,
        };
        // Who answers without having agreed on a protocol does so about as soon as it shook hands.
        let patience = (self.took * HANDSHAKES_WAITED).clamp(MIN_PATIENCE, MAX_PATIENCE);
        match plan.then {
            Then::Close => {}
            Then::Talk if !is_http1 => {
                if self.protocol.is_none() {
                    tls.hasten(Instant::now() + patience);
                }
                self.answer = Some(http2::converse(tls));
            }
            Then::Talk | Then::Date => {
                tls.hasten(Instant::now() + patience);
                let told = http1::ask(tls, &plan.target.server_name().to_string());
                self.answer = Some(told.answer);
                self.date = told.date.map(|date| (date, Instant::now()));
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

    /// Takes over what was seen, however far the handshake went.
    fn look_at(&mut self, tls: &Tls) {
        let seen = tls.seen();
        self.certificates = seen
            .certificates
            .into_iter()
            .map(ServedCertificate::new)
            .collect();
        self.key_proof = seen.key_proof;
        self.request = seen.request;
        let connection = tls.connection();
        self.version = connection.protocol_version().and_then(TlsVersion::of);
        self.cipher_suite = connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str().map(str::to_owned));
        self.protocol = connection
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned());
    }

    /// The certificates that were read, in their order.
    pub fn read_certificates(&self) -> Vec<&Certificate> {
        let read = self.certificates.iter();
        read.filter_map(|served| served.certificate.as_ref().ok())
            .collect()
    }

    /// Whether two sessions were served the same certificates.
    pub fn has_certificates_of(&self, other: &Session) -> bool {
        let octets = |session: &Session| {
            let all = session.certificates.iter();
            all.map(|served| served.der.clone()).collect::<Vec<_>>()
        };
        octets(self) == octets(other)
    }
}

impl Failure {
    /// Why reading or writing failed; `first` is how what came began.
    fn of(error: &io::Error, first: &[u8]) -> Self {
        if let Some(error) = tls_error(error) {
            return Failure::of_tls(error, first);
        }
        if TooMuch::is_in(error) {
            return Failure::TooMuch;
        }
        match error.kind() {
            io::ErrorKind::TimedOut if !is_tls(first) => Failure::NotTls(first.to_vec()),
            io::ErrorKind::TimedOut => Failure::TimedOut,
            io::ErrorKind::UnexpectedEof if !is_tls(first) => Failure::NotTls(first.to_vec()),
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
            Failure::TimedOut => f.write_str("no answer in time"),
            Failure::Closed => f.write_str("the server closed the connection"),
            Failure::Reset => f.write_str("the server broke the connection off"),
            Failure::Alert(alert) => write!(f, "the server sent the alert {alert}"),
            Failure::NotTls(first) => {
                let shown = &first[..first.len().min(MAX_SHOWN_OCTETS)];
                write!(f, "what came is not TLS: \"{}\"", shown.escape_ascii())
            }
            Failure::Incompatible(what) => write!(f, "nothing in common with the server: {what}"),
            Failure::Misbehaved(what) | Failure::System(what) => Escaped(what).fmt(f),
            Failure::TooMuch => f.write_str("the server sends without end"),
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

/// The error of TLS in an error of reading or writing.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether what came begins as a TLS record does ([RFC 8446 §5.1](https://www.rfc-editor.org/rfc/rfc8446#section-5.1)),
/// or nothing came that would say otherwise.
fn is_tls(first: &[u8]) -> bool {
    match first {
        [] => true,
        [kind] => matches!(kind, 20..=23),
        [kind, major, ..] => matches!(kind, 20..=23) && *major == 3,
    }
}

const HANDSHAKES_WAITED: u32 = 20;
const MIN_PATIENCE: Duration = Duration::from_millis(150);
const MAX_PATIENCE: Duration = Duration::from_secs(2);
const MAX_SHOWN_OCTETS: usize = 16;
