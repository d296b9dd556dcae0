//! Everything a port shows: several connections, each begun differently.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::connection::Hello;
use super::dial::{self, Attempt, parallel};
use super::http::{End, Plaintext};
use super::presented::ProbeError;
use super::recorder::Identity;
use super::session::{Failure, Outcome, Plan, Session, Then, TlsVersion};
use super::target::{Scheme, Target};

/// How to probe a port.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The time limit of each step: resolving, connecting, the handshake, the answer. The whole
    /// takes at most [`STEPS`] times as long.
    pub timeout: Duration,
    /// How many TLS connections to make at least, if the port speaks TLS; at most
    /// [`MAX_CONNECTIONS`].
    pub connections: usize,
    /// The client certificate to present.
    pub identity: Option<&'a Identity>,
    /// A client certificate that no server should accept.
    pub stranger: Option<&'a Identity>,
}

/// Everything a port showed.
#[derive(Debug)]
pub struct Probe {
    /// Why the host name could not be resolved.
    pub unresolved: Option<String>,
    /// Every attempt to connect, in the resolver's order.
    pub attempts: Vec<Attempt>,
    /// Every TLS connection and its question; the first is [`Question::AsGiven`].
    pub sessions: Vec<(Question, Session)>,
    /// What the port speaks without TLS.
    pub plaintext: Option<Plaintext>,
}

/// What a connection is made to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What a client gets: with gRPC's protocol, and the client certificate if there is one.
    AsGiven,
    /// The same again, because another process may answer.
    Again,
    /// Whether a client without a certificate is accepted.
    WithoutCertificate,
    /// Whether a client with a stranger's certificate is accepted.
    Stranger,
    /// Whether a client without ALPN is accepted.
    WithoutAlpn,
    /// Whether TLS 1.2 is supported too.
    Tls12,
    /// What time the server's clock shows.
    Date,
}

impl Question {
    /// Whether the connection is what a client gets.
    pub fn is_as_given(self) -> bool {
        match self {
            Question::AsGiven | Question::Again => true,
            Question::WithoutCertificate
            | Question::Stranger
            | Question::WithoutAlpn
            | Question::Tls12
            | Question::Date => false,
        }
    }
}

impl Probe {
    /// Probes a port. Ends in time and reads little, whatever the server does.
    pub fn of(target: &Target, options: &Options<'_>) -> Self {
        let end = Instant::now() + options.timeout * STEPS;
        let mut probe = Probe {
            unresolved: None,
            attempts: Vec::new(),
            sessions: Vec::new(),
            plaintext: None,
        };
        let addresses = match dial::resolve(target, options.timeout) {
            Ok(addresses) => addresses,
            Err(error) => {
                probe.unresolved = Some(error.to_string());
                return probe;
            }
        };
        let mut streams = Vec::new();
        for (attempt, stream) in dial::connect_all(&addresses, options.timeout) {
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
        probing.ask_the_rest(&mut probe);
        probe
    }

    /// The connection of a question.
    pub fn session(&self, question: Question) -> Option<&Session> {
        let mut sessions = self.sessions.iter();
        sessions
            .find(|(asked, _)| *asked == question)
            .map(|(_, session)| session)
    }

    /// The connections that are what a client gets.
    pub fn as_given(&self) -> impl Iterator<Item = &Session> + Clone {
        self.sessions
            .iter()
            .filter(|(question, _)| question.is_as_given())
            .map(|(_, session)| session)
    }

    /// The connection that shows most of what a client gets: the first with a finished handshake,
    /// else the first.
    pub fn main(&self) -> Option<&Session> {
        let mut sessions = self.as_given();
        let finished = sessions
            .clone()
            .find(|session| session.outcome == Outcome::Finished);
        finished.or(sessions.next())
    }

    /// Why no certificate was presented.
    pub fn into_error(self, target: &Target) -> ProbeError {
        let target = target.to_string();
        if let Some(error) = self.unresolved {
            return ProbeError::Unresolved {
                target,
                source: io::Error::other(error),
            };
        }
        match self.main().map(|session| session.outcome.clone()) {
            Some(outcome) => ProbeError::handshake(target, outcome, self.plaintext),
            None => ProbeError::Unreached {
                target,
                attempts: self.attempts,
            },
        }
    }

    /// The first session of each different chain, and how many sessions had it.
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

/// A probe under way.
struct Probing<'a> {
    target: &'a Target,
    options: &'a Options<'a>,
    end: Instant,
    /// Those that accepted the first connection.
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
        let sessions = parallel(&streams, MAX_AT_ONCE, |(address, stream)| {
            let mut stream = stream
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            stream
                .take()
                .map(|stream| Session::run(stream, *address, &plan))
        });
        sessions.into_iter().flatten().collect()
    }

    /// The other questions, at the pace of the first connection.
    fn ask_the_rest(&self, probe: &mut Probe) {
        let Some((_, first)) = probe.sessions.first() else {
            return;
        };
        let address = first.address;
        let pace = Pace::after(first);
        match pace {
            Pace::Dead => return,
            Pace::NotTls(Plaintext::Nothing) => {
                probe.plaintext = Some(self.plaintext(address));
            }
            Pace::NotTls(ref spoken) => probe.plaintext = Some(spoken.clone()),
            Pace::Fast | Pace::Slow => {}
        }
        let questions = self.questions(probe);
        let is_silent = matches!(pace, Pace::Slow);
        let (threads, step) = match pace {
            Pace::Fast => (MAX_AT_ONCE, self.options.timeout),
            // It may serve one connection at a time.
            Pace::Slow => (1, self.options.timeout.min(MAX_STEP_WHEN_SILENT)),
            Pace::Dead | Pace::NotTls(_) => {
                (MAX_AT_ONCE, self.options.timeout.min(MAX_STEP_WITHOUT_TLS))
            }
        };
        let held = parallel(&questions, threads, |(question, address)| {
            if self.within(step).is_zero() {
                return None;
            }
            let mut plan = self.plan(*question, step);
            if is_silent && *question == Question::Again {
                plan.then = Then::Close;
            }
            let (_, stream) = dial::connect(*address, self.within(step));
            stream.map(|stream| (*question, Session::run(stream, *address, &plan)))
        });
        probe.sessions.extend(held.into_iter().flatten());
    }

    /// What is left to ask, and of which address.
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
                    self.options.stranger.is_some() && is_asked,
                    Question::Stranger,
                ),
                (true, Question::WithoutAlpn),
                (first.version == Some(TlsVersion::Tls13), Question::Tls12),
                (true, Question::Date),
            ];
            let asked = asked.into_iter().filter(|(is_so, _)| *is_so);
            questions.extend(asked.map(|(_, question)| (question, first.address)));
        }
        let expected = self.options.connections.min(MAX_CONNECTIONS);
        let there = probe.sessions.len() + questions.len();
        let more = self.addresses.iter().cycle();
        let more = more.take(expected.saturating_sub(there));
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
            Question::AsGiven | Question::Again => (usual, given, Then::Ask),
            Question::WithoutCertificate => (usual, None, Then::Ask),
            Question::Stranger => (usual, self.options.stranger, Then::Ask),
            Question::WithoutAlpn => (Hello::WITHOUT_ALPN, given, Then::Ask),
            Question::Tls12 => (usual.in_tls_1_2(), given, Then::Close),
            Question::Date => (Hello::HTTP_1, given, Then::AskDate),
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

    /// The time limit of a step, within that of the whole.
    fn within(&self, step: Duration) -> Duration {
        step.min(self.end.saturating_duration_since(Instant::now()))
    }

    fn plaintext(&self, address: SocketAddr) -> Plaintext {
        let step = self.options.timeout.min(MAX_STEP_WITHOUT_TLS);
        match dial::connect(address, self.within(step)) {
            (_, Some(stream)) => Plaintext::ask(stream, (Instant::now() + step).min(self.end)),
            (_, None) => Plaintext::Nothing,
        }
    }
}

/// How to continue after the first connection.
enum Pace {
    /// It answers or refuses at once.
    Fast,
    /// It finishes the handshake and then stays silent.
    Slow,
    /// It does not seem to speak TLS.
    NotTls(Plaintext),
    /// It is not worth another connection.
    Dead,
}

impl Pace {
    fn after(first: &Session) -> Self {
        match &first.outcome {
            Outcome::Finished => match &first.answer {
                Some(answer) if answer.end == End::Silent && !answer.settings => Pace::Slow,
                Some(_) | None => Pace::Fast,
            },
            Outcome::Failed(failure) => match failure {
                Failure::NotTls(first) => Pace::NotTls(Plaintext::recognize(first)),
                Failure::Closed | Failure::Reset | Failure::TimedOut
                    if first.certificates.is_empty() =>
                {
                    Pace::NotTls(Plaintext::Nothing)
                }
                Failure::TooMuch => Pace::Dead,
                Failure::Closed
                | Failure::Reset
                | Failure::TimedOut
                | Failure::Alert(_)
                | Failure::Incompatible(_)
                | Failure::Misbehaved(_)
                | Failure::System(_) => Pace::Fast,
            },
        }
    }
}

/// The time limit of a probe, in steps.
pub const STEPS: u32 = 3;
/// The maximum number of connections.
pub const MAX_CONNECTIONS: usize = 100;

const MAX_AT_ONCE: usize = 16;
const MAX_STEP_WHEN_SILENT: Duration = Duration::from_millis(200);
const MAX_STEP_WITHOUT_TLS: Duration = Duration::from_secs(1);
