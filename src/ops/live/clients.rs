//! Which clients a port accepts.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::authority::read_back;
use crate::error::Error;
use crate::keys::{self, PrivateKey};
use crate::net::probe::{Probe, Question};
use crate::net::{Answer, Failure, Identity, Outcome, Session, TlsVersion};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Issuer;
use crate::pki::extension::NameConstraints;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::IssuancePlan;
use crate::pki::usage::CLIENT_AUTH;
use crate::pki::validity::Validity;

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
pub(super) struct Clients {
    pub(super) asked: ClientCertificate,
    pub(super) authorities: Vec<DistinguishedName>,
    pub(super) ours_taken: Option<bool>,
    pub(super) none_refused: Option<bool>,
    pub(super) foreign_refused: Option<bool>,
}

impl Clients {
    /// Reads a probe; `is_identified` if a client certificate was given.
    pub(super) fn of(probe: &Probe, is_identified: bool) -> Self {
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
pub(super) fn is_taken(session: &Session) -> Option<bool> {
    match &session.outcome {
        Outcome::Finished => session.answer.as_ref().and_then(Answer::is_accepted),
        Outcome::Failed(Failure::Closed | Failure::Reset | Failure::Alert(_)) => Some(false),
        Outcome::Failed(
            Failure::TimedOut
            | Failure::NotTls(_)
            | Failure::Incompatible(_)
            | Failure::Misbehaved(_)
            | Failure::TooMuch
            | Failure::System(_),
        ) => None,
    }
}

/// A self-signed client certificate that is never stored: a server that accepts it accepts anyone.
pub(super) fn stranger(now: OffsetDateTime) -> Result<Identity, Error> {
    let key = PrivateKey::generate(KeyType::P256)?;
    let signer = key.signer()?;
    let subject = DistinguishedName::build(&[(AttributeType::CommonName, COMMON_NAME)])?;
    let issuer = Issuer {
        subject: subject.clone(),
        key_identifier: Vec::new(),
        validity: Validity::between(now - Duration::minutes(5), now + Duration::days(1))?,
        is_ca: false,
        path_length: None,
        name_constraints: NameConstraints::default(),
        public_key_info: Vec::new(),
    };
    let mut plan = IssuancePlan::end_entity(subject, &issuer, issuer.validity);
    plan.extended_key_usages = vec![CLIENT_AUTH];
    plan.authority_key_identifier = None;
    let serial = keys::random_serial()?;
    let der = signer.certificate(&plan, signer.public_key_info(), &serial)?;
    Ok(Identity::new(&[read_back(der)?], key.pkcs8())?)
}

const COMMON_NAME: &str = "openagents-certs probe";
