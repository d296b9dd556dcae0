//! Orders and their authorizations ([RFC 8555 §7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3)).
//!
//! An order and its authorizations are one document, so that they never disagree.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::challenge::{self, Challenge, ChallengeStatus};
use super::document::{Storable, Stored};
use super::identifier::Identifier;
use super::problem::{Problem, ProblemType};
use super::urls::Urls;
use crate::config::ChallengeType;
use crate::store::DocumentKind;

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// What was decided; [`Order::status`] says how far it is.
    state: State,
    /// The profile of its certificate.
    pub(super) profile: String,
    /// When its certificate is to become valid, if that was asked for.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(super) not_before: Option<OffsetDateTime>,
    /// When its certificate is to expire, if that was asked for.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(super) not_after: Option<OffsetDateTime>,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires: OffsetDateTime,
    /// The certificate that it replaces, as the client named it ([RFC 9773 §5](https://www.rfc-editor.org/rfc/rfc9773#section-5)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<String>,
    /// What the tokens of its challenges are derived from.
    seed: String,
    /// One for each identifier.
    pub(super) authorizations: Vec<Authorization>,
}

impl Storable for Order {
    const KIND: DocumentKind = DocumentKind::Order;
}

/// What was decided about an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Nothing.
    Open,
    /// Its certificate was issued.
    Issued {
        /// The certificate's serial number.
        serial: String,
    },
    /// It failed.
    Failed {
        /// Why.
        problem: Problem,
    },
}

/// How far an order is (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::server) enum OrderStatus {
    /// Authorizations are missing.
    Pending,
    /// It can be finalized.
    Ready,
    /// The certificate was issued.
    Valid,
    /// It failed, or ended.
    Invalid,
}

impl OrderStatus {
    /// Its name in JSON.
    pub(in crate::server) fn word(self) -> &'static str {
        match self {
            OrderStatus::Pending => "pending",
            OrderStatus::Ready => "ready",
            OrderStatus::Valid => "valid",
            OrderStatus::Invalid => "invalid",
        }
    }
}

/// That an account may have certificates for an identifier.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Authorization {
    /// The identifier.
    pub(super) identifier: Identifier,
    status: AuthorizationStatus,
    /// The challenge that was answered; none where a token gave the identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<Challenge>,
}

/// How far an authorization is (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuthorizationStatus {
    /// Not proven.
    Pending,
    /// Proven.
    Valid,
    /// Refuted.
    Invalid,
    /// Given up by the account.
    Deactivated,
    /// Past its end.
    Expired,
}

/// What a new order is made of.
pub(super) struct NewOrder {
    /// The identifiers, each once.
    pub(super) identifiers: Vec<Identifier>,
    /// Whether they are authorized from the start.
    pub(super) is_authorized: bool,
    /// The profile.
    pub(super) profile: String,
    /// When the certificate is to become valid.
    pub(super) not_before: Option<OffsetDateTime>,
    /// When the certificate is to expire.
    pub(super) not_after: Option<OffsetDateTime>,
    /// The certificate that it replaces.
    pub(super) replaces: Option<String>,
    /// What nobody can guess.
    pub(super) seed: String,
}

impl Order {
    /// A new order.
    pub(super) fn new(new: NewOrder, now: OffsetDateTime) -> Self {
        let status = match new.is_authorized {
            true => AuthorizationStatus::Valid,
            false => AuthorizationStatus::Pending,
        };
        let authorizations = new.identifiers.into_iter().map(|identifier| Authorization {
            identifier,
            status,
            challenge: None,
        });
        Order {
            state: State::Open,
            profile: new.profile,
            not_before: new.not_before,
            not_after: new.not_after,
            expires: whole_seconds(now) + LIFETIME,
            replaces: new.replaces,
            seed: new.seed,
            authorizations: authorizations.collect(),
        }
    }

    /// How far it is.
    pub(super) fn status(&self, now: OffsetDateTime) -> OrderStatus {
        let of = |status| self.authorizations.iter().all(|one| one.status == status);
        let has_failed = |one: &Authorization| match one.status {
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => false,
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Deactivated
            | AuthorizationStatus::Expired => true,
        };
        match self.state {
            State::Issued { .. } => OrderStatus::Valid,
            State::Failed { .. } => OrderStatus::Invalid,
            State::Open if self.authorizations.iter().any(has_failed) => OrderStatus::Invalid,
            State::Open if self.expires <= now => OrderStatus::Invalid,
            State::Open if of(AuthorizationStatus::Valid) => OrderStatus::Ready,
            State::Open => OrderStatus::Pending,
        }
    }

    /// The serial number of its certificate, if it was issued.
    pub(super) fn serial(&self) -> Option<&str> {
        match &self.state {
            State::Issued { serial } => Some(serial),
            State::Open | State::Failed { .. } => None,
        }
    }

    /// Its certificate was issued.
    pub(super) fn set_issued(&mut self, serial: String) {
        self.state = State::Issued { serial };
    }

    /// The identifiers.
    pub(super) fn identifiers(&self) -> impl Iterator<Item = &Identifier> {
        self.authorizations.iter().map(|one| &one.identifier)
    }

    /// Whether an identifier was proven, and still counts.
    pub(super) fn authorizes(&self, identifier: &Identifier, now: OffsetDateTime) -> bool {
        let mut authorizations = self.authorizations.iter();
        self.expires > now
            && authorizations.any(|one| {
                one.identifier == *identifier && one.status == AuthorizationStatus::Valid
            })
    }

    /// The token of the challenges of an authorization.
    pub(super) fn token(&self, index: usize) -> String {
        challenge::token(&self.seed, index)
    }

    /// The status of an authorization.
    pub(super) fn authorization_status(
        &self,
        authorization: &Authorization,
        now: OffsetDateTime,
    ) -> AuthorizationStatus {
        match authorization.status {
            AuthorizationStatus::Pending | AuthorizationStatus::Valid if self.expires <= now => {
                AuthorizationStatus::Expired
            }
            status => status,
        }
    }

    /// The account answered a challenge. False when there is nothing to validate: it was answered, or the order is over.
    pub(super) fn answer(
        &mut self,
        index: usize,
        kind: ChallengeType,
        now: OffsetDateTime,
    ) -> bool {
        let is_open = self.status(now) == OrderStatus::Pending;
        let Some(authorization) = self.authorizations.get_mut(index) else {
            return false;
        };
        let is_pending = authorization.status == AuthorizationStatus::Pending;
        if !is_open || !is_pending || authorization.challenge.is_some() {
            return false;
        }
        authorization.challenge = Some(Challenge {
            kind,
            status: ChallengeStatus::Processing,
            validated: None,
            error: None,
        });
        true
    }

    /// The challenge of an authorization that is being validated.
    pub(super) fn validating(
        &self,
        index: usize,
        now: OffsetDateTime,
    ) -> Option<(&Identifier, ChallengeType)> {
        let authorization = self.authorizations.get(index)?;
        let challenge = authorization.challenge.as_ref()?;
        let is_running = challenge.status == ChallengeStatus::Processing
            && authorization.status == AuthorizationStatus::Pending
            && self.expires > now;
        is_running.then_some((&authorization.identifier, challenge.kind))
    }

    /// A validation ended. False when nobody waits for it any more.
    pub(super) fn validated(
        &mut self,
        index: usize,
        result: Result<(), Problem>,
        now: OffsetDateTime,
    ) -> bool {
        if self.validating(index, now).is_none() {
            return false;
        }
        let Some(authorization) = self.authorizations.get_mut(index) else {
            return false;
        };
        let Some(challenge) = &mut authorization.challenge else {
            return false;
        };
        match result {
            Ok(()) => {
                challenge.status = ChallengeStatus::Valid;
                challenge.validated = Some(whole_seconds(now));
                authorization.status = AuthorizationStatus::Valid;
            }
            Err(problem) => {
                let problem = problem.about(authorization.identifier.validated());
                challenge.status = ChallengeStatus::Invalid;
                challenge.error = Some(problem.clone());
                authorization.status = AuthorizationStatus::Invalid;
                self.state = State::Failed { problem };
            }
        }
        true
    }

    /// The account gives an authorization up. False when it is over already.
    pub(super) fn deactivate(&mut self, index: usize) -> bool {
        let Some(authorization) = self.authorizations.get_mut(index) else {
            return false;
        };
        match authorization.status {
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => {
                authorization.status = AuthorizationStatus::Deactivated;
                true
            }
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Deactivated
            | AuthorizationStatus::Expired => false,
        }
    }

    /// Why it failed, if it did.
    pub(super) fn problem(&self) -> Option<Problem> {
        match &self.state {
            State::Failed { problem } => Some(problem.clone()),
            State::Open | State::Issued { .. } => None,
        }
    }
}

impl Stored<Order> {
    /// The JSON of the order.
    pub(super) fn json(&self, urls: &Urls, now: OffsetDateTime) -> String {
        let order = &self.value;
        let authorizations = 0..order.authorizations.len();
        let status = order.status(now);
        let deactivated = (status == OrderStatus::Invalid).then(|| {
            Problem::new(
                ProblemType::Unauthorized,
                "an authorization was given up, or the order expired",
            )
        });
        super::json(&ShownOrder {
            status,
            expires: order.expires,
            identifiers: order.identifiers().collect(),
            profile: Some(&order.profile),
            not_before: order.not_before,
            not_after: order.not_after,
            error: order.problem().or(deactivated),
            authorizations: authorizations
                .map(|index| urls.authorization(&self.id, index))
                .collect(),
            finalize: urls.finalize(&self.id),
            certificate: order.serial().map(|serial| urls.certificate(serial)),
            replaces: order.replaces.as_deref(),
        })
    }

    /// The JSON of an authorization.
    pub(super) fn authorization_json(
        &self,
        index: usize,
        offered: &[ChallengeType],
        urls: &Urls,
        now: OffsetDateTime,
    ) -> Option<String> {
        let authorization = self.value.authorizations.get(index)?;
        let challenges = self.challenges(authorization, offered);
        let shown = challenges
            .iter()
            .map(|one| self.shown_challenge(index, one, urls));
        Some(super::json(&ShownAuthorization {
            status: self.value.authorization_status(authorization, now),
            expires: self.value.expires,
            identifier: authorization.identifier.validated(),
            challenges: shown.collect(),
            wildcard: authorization.identifier.is_wildcard(),
        }))
    }

    /// The JSON of a challenge; `None` for one that the authorization has not.
    pub(super) fn challenge_json(
        &self,
        index: usize,
        kind: ChallengeType,
        offered: &[ChallengeType],
        urls: &Urls,
    ) -> Option<String> {
        let authorization = self.value.authorizations.get(index)?;
        let challenges = self.challenges(authorization, offered);
        let challenge = challenges.iter().find(|one| one.kind == kind)?;
        Some(super::json(&self.shown_challenge(index, challenge, urls)))
    }

    /// The challenges that are shown: the one that was answered, or all that can be (RFC 8555 §7.1.4).
    fn challenges(
        &self,
        authorization: &Authorization,
        offered: &[ChallengeType],
    ) -> Vec<Challenge> {
        if let Some(answered) = &authorization.challenge
            && answered.status != ChallengeStatus::Processing
        {
            return vec![answered.clone()];
        }
        let by_token = authorization.status == AuthorizationStatus::Valid;
        let fitting = offered
            .iter()
            .filter(|kind| challenge::fits(**kind, &authorization.identifier));
        let challenges = fitting.map(|kind| match &authorization.challenge {
            Some(answered) if answered.kind == *kind => answered.clone(),
            Some(_) | None => Challenge {
                kind: *kind,
                status: match by_token {
                    true => ChallengeStatus::Valid,
                    false => ChallengeStatus::Pending,
                },
                validated: by_token.then_some(self.value.expires - LIFETIME),
                error: None,
            },
        });
        challenges
            .take(if by_token { 1 } else { usize::MAX })
            .collect()
    }

    fn shown_challenge(&self, index: usize, challenge: &Challenge, urls: &Urls) -> ShownChallenge {
        ShownChallenge {
            challenge: challenge.clone(),
            url: urls.challenge(&self.id, index, challenge.kind),
            token: self.value.token(index),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownOrder<'a> {
    status: OrderStatus,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
    identifiers: Vec<&'a Identifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    not_before: Option<OffsetDateTime>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    not_after: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    authorizations: Vec<String>,
    finalize: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<&'a str>,
}

#[derive(Serialize)]
struct ShownAuthorization {
    status: AuthorizationStatus,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
    identifier: Identifier,
    challenges: Vec<ShownChallenge>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    wildcard: bool,
}

#[derive(Serialize)]
struct ShownChallenge {
    #[serde(flatten)]
    challenge: Challenge,
    url: String,
    token: String,
}

fn whole_seconds(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}

/// How long an order, and what is authorized with it, can be used.
pub(super) const LIFETIME: Duration = Duration::days(7);
