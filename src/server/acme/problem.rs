//! Problem documents ([RFC 7807](https://www.rfc-editor.org/rfc/rfc7807), [RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7)).

use serde::{Deserialize, Serialize};

use super::identifier::Identifier;
use crate::error::Error;
use crate::message::jws::SIGNATURES;
use crate::pki::escape::Escaped;
use crate::store::StoreError;

/// Why a request is refused, or a validation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Problem {
    /// What kind of problem it is.
    #[serde(rename = "type")]
    pub(super) kind: ProblemType,
    /// What is wrong, for people; escaped.
    pub(super) detail: Box<str>,
    /// The status code of HTTP.
    pub(super) status: u16,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identifier: Option<Identifier>,
    /// The problem of each identifier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) subproblems: Vec<Problem>,
    /// The algorithms that are supported (RFC 8555 §6.2).
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) algorithms: Option<&'static [&'static str]>,
    /// Seconds until it is worth trying again.
    #[serde(skip)]
    pub(super) retry_after: Option<u32>,
    /// The account that has the key (RFC 8555 §7.3.5), by its id.
    #[serde(skip)]
    pub(super) account: Option<Box<str>>,
}

impl Problem {
    /// A problem of this type with its usual status code.
    pub(super) fn new(kind: ProblemType, detail: impl AsRef<str>) -> Self {
        Problem {
            kind,
            detail: escaped(detail.as_ref()).into(),
            status: kind.status(),
            identifier: None,
            subproblems: Vec::new(),
            algorithms: None,
            retry_after: None,
            account: None,
        }
    }

    /// A request that is not of the form of its resource.
    pub(super) fn malformed(detail: impl AsRef<str>) -> Self {
        Problem::new(ProblemType::Malformed, detail)
    }

    /// A request that its sender may not make.
    pub(super) fn unauthorized(detail: impl AsRef<str>) -> Self {
        Problem::new(ProblemType::Unauthorized, detail)
    }

    /// A resource that does not exist, or is another account's: nobody can tell which.
    pub(super) fn not_found(what: &str) -> Self {
        Problem::malformed(format!("there is no such {what}")).with_status(404)
    }

    /// A signature algorithm that is not supported, or does not fit the key.
    pub(super) fn algorithm(alg: &str) -> Self {
        let detail = format!("the algorithm '{alg}' is not supported, or does not fit the key");
        Problem {
            algorithms: Some(SIGNATURES),
            ..Problem::new(ProblemType::BadSignatureAlgorithm, detail)
        }
    }

    /// Too many requests.
    pub(super) fn rate_limited(what: &str, seconds: u32) -> Self {
        let detail = format!("too many {what}; try again in {seconds} s");
        Problem {
            retry_after: Some(seconds),
            ..Problem::new(ProblemType::RateLimited, detail)
        }
    }

    /// One problem of several: itself if it is the only one.
    pub(super) fn of_each(mut problems: Vec<Problem>) -> Option<Self> {
        if problems.len() < 2 {
            return problems.pop();
        }
        let first = problems.first().map(|problem| problem.kind)?;
        let is_same = problems.iter().all(|problem| problem.kind == first);
        let kind = if is_same {
            first
        } else {
            ProblemType::Compound
        };
        let mut whole = Problem::new(kind, format!("{} identifiers are refused", problems.len()));
        whole.subproblems = problems;
        Some(whole)
    }

    /// The same with another status code.
    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same about an identifier.
    pub(super) fn about(mut self, identifier: Identifier) -> Self {
        self.identifier = Some(identifier);
        self
    }
}

/// What a problem is (RFC 8555 §6.7, RFC 9773 §7.4, draft-ietf-acme-profiles §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ProblemType {
    #[serde(rename = "urn:ietf:params:acme:error:accountDoesNotExist")]
    AccountDoesNotExist,
    #[serde(rename = "urn:ietf:params:acme:error:alreadyReplaced")]
    AlreadyReplaced,
    #[serde(rename = "urn:ietf:params:acme:error:alreadyRevoked")]
    AlreadyRevoked,
    #[serde(rename = "urn:ietf:params:acme:error:badCSR")]
    BadCsr,
    #[serde(rename = "urn:ietf:params:acme:error:badNonce")]
    BadNonce,
    #[serde(rename = "urn:ietf:params:acme:error:badPublicKey")]
    BadPublicKey,
    #[serde(rename = "urn:ietf:params:acme:error:badRevocationReason")]
    BadRevocationReason,
    #[serde(rename = "urn:ietf:params:acme:error:badSignatureAlgorithm")]
    BadSignatureAlgorithm,
    #[serde(rename = "urn:ietf:params:acme:error:compound")]
    Compound,
    #[serde(rename = "urn:ietf:params:acme:error:connection")]
    Connection,
    #[serde(rename = "urn:ietf:params:acme:error:dns")]
    Dns,
    #[serde(rename = "urn:ietf:params:acme:error:externalAccountRequired")]
    ExternalAccountRequired,
    #[serde(rename = "urn:ietf:params:acme:error:incorrectResponse")]
    IncorrectResponse,
    #[serde(rename = "urn:ietf:params:acme:error:invalidContact")]
    InvalidContact,
    #[serde(rename = "urn:ietf:params:acme:error:invalidProfile")]
    InvalidProfile,
    #[serde(rename = "urn:ietf:params:acme:error:malformed")]
    Malformed,
    #[serde(rename = "urn:ietf:params:acme:error:orderNotReady")]
    OrderNotReady,
    #[serde(rename = "urn:ietf:params:acme:error:rateLimited")]
    RateLimited,
    #[serde(rename = "urn:ietf:params:acme:error:rejectedIdentifier")]
    RejectedIdentifier,
    #[serde(rename = "urn:ietf:params:acme:error:serverInternal")]
    ServerInternal,
    #[serde(rename = "urn:ietf:params:acme:error:tls")]
    Tls,
    #[serde(rename = "urn:ietf:params:acme:error:unauthorized")]
    Unauthorized,
    #[serde(rename = "urn:ietf:params:acme:error:unsupportedContact")]
    UnsupportedContact,
    #[serde(rename = "urn:ietf:params:acme:error:unsupportedIdentifier")]
    UnsupportedIdentifier,
}

impl ProblemType {
    fn status(self) -> u16 {
        match self {
            ProblemType::ExternalAccountRequired
            | ProblemType::OrderNotReady
            | ProblemType::RejectedIdentifier
            | ProblemType::Unauthorized
            | ProblemType::IncorrectResponse => 403,
            ProblemType::AlreadyReplaced => 409,
            ProblemType::RateLimited => 429,
            ProblemType::ServerInternal => 500,
            ProblemType::AccountDoesNotExist
            | ProblemType::AlreadyRevoked
            | ProblemType::BadCsr
            | ProblemType::BadNonce
            | ProblemType::BadPublicKey
            | ProblemType::BadRevocationReason
            | ProblemType::BadSignatureAlgorithm
            | ProblemType::Compound
            | ProblemType::Connection
            | ProblemType::Dns
            | ProblemType::InvalidContact
            | ProblemType::InvalidProfile
            | ProblemType::Malformed
            | ProblemType::Tls
            | ProblemType::UnsupportedContact
            | ProblemType::UnsupportedIdentifier => 400,
        }
    }
}

/// Why a request has no other answer: a problem of its own, or a failure of the store.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The client's answer. What was written before stays, the nonce above all.
    Problem(Box<Problem>),
    /// Nothing is written.
    Failure(Box<Error>),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Problem(Box::new(problem))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Failure(Box::new(error))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::Failure(Box::new(error.into()))
    }
}

/// Text from outside, escaped and cut.
fn escaped(text: &str) -> String {
    let mut text = Escaped(text).to_string();
    if let Some((end, _)) = text.char_indices().nth(MAX_DETAIL_CHARACTERS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

const MAX_DETAIL_CHARACTERS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_escaped_and_cut() {
        let problem = Problem::malformed("a\u{1b}[31m\nb");
        assert_eq!(&*problem.detail, "a\\u{1b}[31m\\u{a}b");
        let problem = Problem::malformed("x".repeat(100_000));
        assert_eq!(problem.detail.chars().count(), MAX_DETAIL_CHARACTERS + 1);
    }

    #[test]
    fn a_problem_is_json_as_rfc_8555_has_it() {
        let name = "a.example".to_owned();
        let problem =
            Problem::new(ProblemType::RejectedIdentifier, "no").about(Identifier::Dns(name));
        let whole = Problem::of_each(vec![problem.clone(), problem.clone()]).unwrap();
        assert_eq!(
            serde_json::to_string(&whole).unwrap(),
            r#"{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"2 identifiers are refused","status":403,"subproblems":[{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no","status":403,"identifier":{"type":"dns","value":"a.example"}},{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no","status":403,"identifier":{"type":"dns","value":"a.example"}}]}"#
        );
        assert_eq!(Problem::of_each(vec![problem.clone()]), Some(problem));
    }
}
