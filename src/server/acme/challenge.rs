//! Challenges: how an account proves that a name is its own ([RFC 8555 §8](https://www.rfc-editor.org/rfc/rfc8555#section-8)).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::identifier::Identifier;
use super::problem::Problem;
use crate::config::ChallengeType;
use crate::message::jws::digest_base64url;

/// A challenge that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Challenge {
    /// Its type.
    #[serde(rename = "type")]
    pub(super) kind: ChallengeType,
    /// How far it is.
    pub(super) status: ChallengeStatus,
    /// When it was validated.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub(super) validated: Option<OffsetDateTime>,
    /// Why it is not valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Problem>,
}

/// How far a challenge is (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChallengeStatus {
    /// Not answered.
    Pending,
    /// Being validated.
    Processing,
    /// Proven.
    Valid,
    /// Refuted.
    Invalid,
}

/// Whether a challenge can prove this identifier: only dns-01 a wildcard, and never an address.
pub(super) fn fits(kind: ChallengeType, identifier: &Identifier) -> bool {
    match kind {
        ChallengeType::Dns01 => matches!(identifier, Identifier::Dns(_)),
        ChallengeType::Http01 | ChallengeType::TlsAlpn01 => !identifier.is_wildcard(),
    }
}

/// The name of a type.
pub(super) fn name(kind: ChallengeType) -> &'static str {
    match kind {
        ChallengeType::Http01 => "http-01",
        ChallengeType::Dns01 => "dns-01",
        ChallengeType::TlsAlpn01 => "tls-alpn-01",
    }
}

/// The type of this name.
pub(super) fn named(text: &str) -> Option<ChallengeType> {
    let all = [
        ChallengeType::Http01,
        ChallengeType::Dns01,
        ChallengeType::TlsAlpn01,
    ];
    all.into_iter().find(|kind| name(*kind) == text)
}

/// The token of an authorization's challenges: nobody can guess it who does not know the order's seed.
pub(super) fn token(seed: &str, index: usize) -> String {
    digest_base64url(format!("{seed} {index}").as_bytes())
}

/// What a client answers with (RFC 8555 §8.1).
pub(super) fn key_authorization(token: &str, thumbprint: &str) -> String {
    format!("{token}.{thumbprint}")
}
