//! A port, looked at from every side: several connections, each begun in another way.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::address::{self, Attempt, Reached};
use super::http2::End;
use super::identity::Identity;
use super::parallel;
use super::plaintext::Spoken;
use super::recorder::KeyProof;
use super::session::{Failure, Outcome, Plan, ServedCertificate, Session, Then, TlsVersion};
use super::target::{Scheme, Target};
use super::tls::Hello;
use crate::pki::certificate::Certificate;

/// How a port is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// How long each step may take: finding the address, TCP, the handshake, the answer. The whole
    /// takes at most [`STEPS`] times as long.
    pub timeout: Duration,
    /// How many TLS connections are made at least, where the port speaks TLS; at most
    /// [`MAX_CONNECTIONS`].
    pub connections: usize,
    /// The client certificate that is to be taken.
    pub identity: Option<&'a Identity>,
    /// A client certificate that nobody can trust.
    pub foreign: Option<&'a Identity>,
}

/// Everything that was seen of a port.
#[derive(Debug)]
pub struct Probe {
    /// Why the name has no address.
    pub unresolved: Option<String>,
    /// Every address that was dialled, in the resolver's order.
    pub attempts: Vec<Attempt>,
    /// Every TLS connection and what it was to show; the first is [`Question::AsGiven`].
    pub sessions: Vec<(Question, Session)>,
    /// What is spoken where TLS is not.
    pub plaintext: Option<Spoken>,
}

/// What a connection is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What a client gets: gRPC's protocol, and the client certificate if there is one.
    AsGiven,
    /// The same once more: another process may answer.
    Again,
    /// Whether a client without certificate is taken.
    WithoutCertificate,
    /// Whether a client with a certificate that nobody can trust is taken.
    Foreign,
    /// What becomes of a client that does not say which protocol it speaks.
    WithoutProtocol,
    /// Whether TLS 1.2 is spoken too.
    Tls12,
    /// What the server's clock says.
    Date,
}

impl Probe {
    /// Looks at a port. Whatever the other side does, this ends, and reads little.
    pub fn of(target: &Target, options: &Options<'_>) -> Self {
        let end = Instant::now() + options.timeout * STEPS;
        let mut probe = Probe {
            unresolved: None,
            attempts: Vec::new(),
            sessions: Vec::new(),
            plaintext: None,
        };
        let addresses = match address::resolve(target, options.timeout) {
            Ok(addresses) => addresses,
            Err(error) => {
                probe.unresolved = Some(error.to_string());
                return probe;
            }
        };
        let mut streams = Vec::new();
        for (attempt, stream) in address::connect_all(&addresses, options.timeout) {
            streams.extend(stream.map(|stream| (attempt.address, stream)));
            probe.attempts.push(attempt);
        }
        let probing = Probing {
            target,
            options,
            end,
            addresses: streams.iter().map(|(address, _)| *address).collect(),
        };
        let first = probing.first(streams);
        let again = std::iter::once(Question::AsGiven).chain(std::iter::repeat(Question::Again));
        probe.sessions = again.zip(first).collect();
        probing.go_on(&mut probe);
        probe
    }

    /// The connection that was to show this.
    pub fn session(&self, question: Question) -> Option<&Session> {
        let mut sessions = self.sessions.iter();
        sessions
            .find(|(asked, _)| *asked == question)
            .map(|(_, session)| session)
    }

    /// The connection that shows most of what a client gets: the first one whose handshake came to
    /// its end, else the first.
    pub fn main(&self) -> Option<&Session> {
        let as_given = |question: Question| match question {
            Question::AsGiven | Question::Again => true,
            Question::WithoutCertificate
            | Question::Foreign
            | Question::WithoutProtocol
            | Question::Tls12
            | Question::Date => false,
        };
        let mut sessions = self.sessions.iter().filter(|(asked, _)| as_given(*asked));
        let finished = sessions
            .clone()
            .find(|(_, session)| session.outcome == Outcome::Finished);
        finished.or(sessions.next()).map(|(_, session)| session)
    }

    /// Why no certificate was seen.
    pub fn into_error(self, target: &Target) -> ProbeError {
        let target = target.to_string();
        if let Some(error) = self.unresolved {
            return ProbeError::Unresolved {
                target,
                source: io::Error::other(error),
            };
        }
        match self.main().map(|session| session.outcome.clone()) {
            Some(Outcome::Failed(failure)) => ProbeError::Handshake {
                target,
                failure,
                plaintext: self.plaintext,
            },
            Some(Outcome::Finished) => ProbeError::Handshake {
                target,
                failure: Failure::Misbehaved("no certificate was shown".into()),
                plaintext: None,
            },
            None => ProbeError::Unreached {
                target,
                attempts: self.attempts,
            },
        }
    }

    /// The connections whose certificates differ from each other's, the first of each kind, and
    /// how many there were of it.
    pub fn distinct_chains(&self) -> Vec<(&Session, usize)> {
        let mut distinct: Vec<(&Session, usize)> = Vec::new();
        for (_, session) in &self.sessions {
            if session.certificates.is_empty() {
                continue;
            }
            let known = distinct
                .iter_mut()
                .find(|(known, _)| known.has_certificates_of(session));
            match known {
                Some((_, count)) => *count += 1,
                None => distinct.push((session, 1)),
            }
        }
        distinct
    }
}

/// The certificates that a port serves now.
#[derive(Debug)]
pub struct Served {
    /// Whom the connection was with.
    pub address: SocketAddr,
    /// The version that was agreed on.
    pub version: Option<TlsVersion>,
    /// The certificates in the order they came; at least one.
    pub certificates: Vec<ServedCertificate>,
    /// Whether the server proved that it has the private key of the first.
    pub is_key_proven: bool,
}

impl Served {
    /// The server's own certificate, if it can be read.
    pub fn end_entity(&self) -> Option<&Certificate> {
        self.certificates.first()?.certificate.as_ref().ok()
    }
}

/// Looks at nothing but the certificates that a port serves now: one TLS connection to the first
/// address that takes one. Each step takes at most `timeout`.
///
/// # Errors
/// When there is no address, none takes a connection, or no certificate is shown.
pub fn served(
    target: &Target,
    identity: Option<&Identity>,
    timeout: Duration,
) -> Result<Served, ProbeError> {
    let target_text = || target.to_string();
    let addresses = address::resolve(target, timeout).map_err(|source| ProbeError::Unresolved {
        target: target_text(),
        source,
    })?;
    let end = Instant::now() + timeout * STEPS;
    let mut attempts = Vec::new();
    for address in addresses {
        let (attempt, stream) = address::connect(address, timeout);
        let Some(stream) = stream else {
            attempts.push(attempt);
            continue;
        };
        let plan = Plan {
            target,
            // What a server of either protocol answers to.
            hello: Hello::HTTP,
            identity,
            then: Then::Close,
            step: timeout,
            end,
        };
        let session = Session::hold(stream, address, &plan);
        if !session.certificates.is_empty() {
            return Ok(Served {
                address,
                version: session.version,
                certificates: session.certificates,
                is_key_proven: session.key_proof == Some(KeyProof::Proven),
            });
        }
        let failure = match session.outcome {
            Outcome::Failed(failure) => failure,
            Outcome::Finished => Failure::Misbehaved("no certificate was shown".into()),
        };
        return Err(ProbeError::Handshake {
            target: target_text(),
            failure,
            plaintext: None,
        });
    }
    Err(ProbeError::Unreached {
        target: target_text(),
        attempts,
    })
}

/// Why it cannot be told what a port serves.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The name has no address.
    #[error("{target}: its address is not found: {source}")]
    Unresolved {
        /// Whom.
        target: String,
        /// What the system says.
        source: io::Error,
    },
    /// No address takes a connection.
    #[error("{target}: {}", list(attempts))]
    Unreached {
        /// Whom.
        target: String,
        /// What came of each.
        attempts: Vec<Attempt>,
    },
    /// No handshake.
    #[error("{target}: {}", no_handshake(failure, plaintext.as_ref()))]
    Handshake {
        /// Whom.
        target: String,
        /// Why.
        failure: Failure,
        /// What is spoken instead, where that was asked.
        plaintext: Option<Spoken>,
    },
}

impl ProbeError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            ProbeError::Unresolved { .. } => "check the name, or give an address".into(),
            ProbeError::Unreached { .. } => {
                "start the server, or check host, port and firewall".into()
            }
            ProbeError::Handshake { target, .. } => {
                format!("look at the port with `openagents-certs verify-chain --connect {target}`")
            }
        }
    }
}

fn no_handshake(failure: &Failure, plaintext: Option<&Spoken>) -> String {
    let recognised = match failure {
        Failure::NotTls(first) => Some(Spoken::recognised(first)),
        Failure::TimedOut
        | Failure::Closed
        | Failure::Reset
        | Failure::Alert(_)
        | Failure::Incompatible(_)
        | Failure::Misbehaved(_)
        | Failure::TooMuch
        | Failure::System(_) => None,
    };
    match plaintext.or(recognised.as_ref()) {
        Some(Spoken::Http2) => "the port speaks plaintext gRPC (HTTP/2) and no TLS".into(),
        Some(Spoken::Http1) => "the port speaks plaintext HTTP and no TLS".into(),
        Some(Spoken::Ssh) => "the port speaks SSH and no TLS".into(),
        Some(Spoken::Other(_) | Spoken::Nothing) | None => format!("no TLS handshake: {failure}"),
    }
}

fn list(attempts: &[Attempt]) -> String {
    let texts: Vec<String> = attempts.iter().map(Attempt::to_string).collect();
    texts.join("; ")
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        match &self.reached {
            Reached::Connected => write!(f, "{address} takes connections"),
            Reached::Refused => write!(f, "nobody listens on {address}"),
            Reached::TimedOut => write!(f, "{address} does not answer in time"),
            Reached::Unreachable(what) => write!(f, "{address} cannot be reached: {what}"),
        }
    }
}

/// A port being looked at.
struct Probing<'a> {
    target: &'a Target,
    options: &'a Options<'a>,
    end: Instant,
    /// Those that took the first connection.
    addresses: Vec<SocketAddr>,
}

impl Probing<'_> {
    /// What a client gets, at each address.
    fn first(&self, streams: Vec<(SocketAddr, TcpStream)>) -> Vec<Session> {
        let plan = self.plan(Question::AsGiven, self.options.timeout);
        let streams: Vec<_> = streams
            .into_iter()
            .map(|(address, stream)| (address, std::sync::Mutex::new(Some(stream))))
            .collect();
        let sessions = parallel::map(&streams, MAX_AT_ONCE, |(address, stream)| {
            let mut stream = stream
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            stream
                .take()
                .map(|stream| Session::hold(stream, *address, &plan))
        });
        sessions.into_iter().flatten().collect()
    }

    /// Everything else, as the first connection advises.
    fn go_on(&self, probe: &mut Probe) {
        let Some((_, first)) = probe.sessions.first() else {
            return;
        };
        let address = first.address;
        let pace = Pace::after(first);
        match pace {
            Pace::Dead => return,
            Pace::NotTls(Spoken::Nothing) => {
                probe.plaintext = Some(self.asked_in_plaintext(address));
            }
            Pace::NotTls(ref spoken) => probe.plaintext = Some(spoken.clone()),
            Pace::Swift | Pace::Slow => {}
        }
        let questions = self.questions(probe);
        let is_silent = matches!(pace, Pace::Slow);
        let (threads, step) = match pace {
            Pace::Swift => (MAX_AT_ONCE, self.options.timeout),
            // It may serve one at a time, and each would wait for the one before.
            Pace::Slow => (1, self.options.timeout.min(PATIENCE_WITH_SILENCE)),
            Pace::Dead | Pace::NotTls(_) => {
                (MAX_AT_ONCE, self.options.timeout.min(PATIENCE_WITH_OTHERS))
            }
        };
        let held = parallel::map(&questions, threads, |(question, address)| {
            if self.within(step).is_zero() {
                return None;
            }
            let mut plan = self.plan(*question, step);
            if is_silent && *question == Question::Again {
                plan.then = Then::Close;
            }
            let (_, stream) = address::connect(*address, self.within(step));
            stream.map(|stream| (*question, Session::hold(stream, *address, &plan)))
        });
        probe.sessions.extend(held.into_iter().flatten());
    }

    /// What is left to ask, and whom.
    fn questions(&self, probe: &Probe) -> Vec<(Question, SocketAddr)> {
        let mut questions = Vec::new();
        let is_tls = probe.plaintext.is_none();
        if let (Some((_, first)), true) = (probe.sessions.first(), is_tls) {
            let is_asked = first.request.is_some();
            let asked = [
                (
                    self.options.identity.is_some() && is_asked,
                    Question::WithoutCertificate,
                ),
                (
                    self.options.foreign.is_some() && is_asked,
                    Question::Foreign,
                ),
                (true, Question::WithoutProtocol),
                (first.version == Some(TlsVersion::Tls13), Question::Tls12),
                (true, Question::Date),
            ];
            let asked = asked.into_iter().filter(|(is_so, _)| *is_so);
            questions.extend(asked.map(|(_, question)| (question, first.address)));
        }
        let wanted = self.options.connections.min(MAX_CONNECTIONS);
        let there = probe.sessions.len() + questions.len();
        let more = self.addresses.iter().cycle();
        let more = more.take(wanted.saturating_sub(there));
        questions.extend(more.map(|address| (Question::Again, *address)));
        questions
    }

    fn plan(&self, question: Question, step: Duration) -> Plan<'_> {
        let given = self.options.identity;
        let usual = match self.target.scheme() {
            Some(Scheme::Https | Scheme::Http) => Hello::HTTP,
            Some(Scheme::Grpcs | Scheme::Grpc) | None => Hello::GRPC,
        };
        let (hello, identity, then) = match question {
            Question::AsGiven | Question::Again => (usual, given, Then::Talk),
            Question::WithoutCertificate => (usual, None, Then::Talk),
            Question::Foreign => (usual, self.options.foreign, Then::Talk),
            Question::WithoutProtocol => (Hello::WITHOUT_PROTOCOL, given, Then::Talk),
            Question::Tls12 => (usual.in_tls_1_2(), given, Then::Close),
            Question::Date => (Hello::HTTP_1, given, Then::Date),
        };
        Plan {
            target: self.target,
            hello,
            identity,
            then,
            step,
            end: self.end,
        }
    }

    /// As much of a step's time as is left of the whole.
    fn within(&self, step: Duration) -> Duration {
        step.min(self.end.saturating_duration_since(Instant::now()))
    }

    fn asked_in_plaintext(&self, address: SocketAddr) -> Spoken {
        let step = self.options.timeout.min(PATIENCE_WITH_OTHERS);
        match address::connect(address, self.within(step)) {
            (_, Some(stream)) => Spoken::asked(stream, (Instant::now() + step).min(self.end)),
            (_, None) => Spoken::Nothing,
        }
    }
}

/// How to go on after the first connection.
enum Pace {
    /// It answers, or refuses at once.
    Swift,
    /// It shakes hands and then keeps quiet.
    Slow,
    /// It does not speak TLS, as far as that shows.
    NotTls(Spoken),
    /// It does nothing at all.
    Dead,
}

impl Pace {
    fn after(first: &Session) -> Self {
        match &first.outcome {
            Outcome::Finished => match &first.answer {
                Some(answer) if answer.end == End::Silent && !answer.settings => Pace::Slow,
                Some(_) | None => Pace::Swift,
            },
            Outcome::Failed(failure) => match failure {
                Failure::NotTls(first) => Pace::NotTls(Spoken::recognised(first)),
                Failure::Closed | Failure::Reset if first.certificates.is_empty() => {
                    Pace::NotTls(Spoken::Nothing)
                }
                Failure::TimedOut if first.certificates.is_empty() => Pace::NotTls(Spoken::Nothing),
                Failure::TooMuch => Pace::Dead,
                Failure::Closed
                | Failure::Reset
                | Failure::TimedOut
                | Failure::Alert(_)
                | Failure::Incompatible(_)
                | Failure::Misbehaved(_)
                | Failure::System(_) => Pace::Swift,
            },
        }
    }
}

/// How many times the time of one step the whole may take.
pub const STEPS: u32 = 3;
/// How many connections are made at most.
pub const MAX_CONNECTIONS: usize = 100;

const MAX_AT_ONCE: usize = 16;
const PATIENCE_WITH_SILENCE: Duration = Duration::from_millis(200);
const PATIENCE_WITH_OTHERS: Duration = Duration::from_secs(1);
