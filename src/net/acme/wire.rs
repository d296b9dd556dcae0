//! The objects of [RFC 8555](https://www.rfc-editor.org/rfc/rfc8555#section-7.1) as a client reads them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::pki::escape::Escaped;

/// What a server offers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Gives nonces.
    pub new_nonce: String,
    /// Creates accounts.
    pub new_account: String,
    /// Creates orders.
    pub new_order: String,
    /// Changes the key of an account.
    pub key_change: Option<String>,
    /// Says when to renew (RFC 9773).
    pub renewal_info: Option<String>,
    /// More about the server.
    #[serde(default)]
    pub meta: Meta,
}

/// More about a server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Where its terms are.
    pub terms_of_service: Option<String>,
    /// The names by which a CAA record permits it.
    pub caa_identities: Vec<String>,
    /// Whether an account needs an external account.
    pub external_account_required: bool,
    /// Its profiles, each with a description.
    pub profiles: BTreeMap<String, String>,
}

/// A name to certify.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identifier {
    /// `dns` or `ip`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name; a wildcard's with `*.` in an order, without it in an authorization.
    pub value: String,
}

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// `valid`, `deactivated` or `revoked`.
    pub status: String,
    /// How to reach its owner.
    #[serde(default)]
    pub contact: Vec<String>,
    /// Where its orders are listed.
    pub orders: Option<String>,
}

/// An order.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    /// How far it is.
    pub status: Status,
    /// The names.
    pub identifiers: Vec<Identifier>,
    /// The URLs of the authorizations.
    pub authorizations: Vec<String>,
    /// Where the certificate signing request goes.
    pub finalize: String,
    /// Where the certificate is.
    pub certificate: Option<String>,
    /// Why it failed.
    pub error: Option<Problem>,
}

/// How far an order, an authorization or a challenge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something has to be proven first.
    Pending,
    /// Everything is proven.
    Ready,
    /// The server is at work.
    Processing,
    /// Done.
    Valid,
    /// Failed.
    Invalid,
    /// The authorization was given up.
    Deactivated,
    /// The authorization has expired.
    Expired,
    /// The authorization was revoked.
    Revoked,
}

/// The right to certify one name.
#[derive(Clone, Debug, Deserialize)]
pub struct Authorization {
    /// The name, without `*.`.
    pub identifier: Identifier,
    /// How far it is.
    pub status: Status,
    /// Ways to prove control of the name.
    #[serde(default)]
    pub challenges: Vec<Challenge>,
    /// Whether it is for the wildcard.
    #[serde(default)]
    pub wildcard: bool,
}

impl Authorization {
    /// The name as it is in the order.
    pub fn name(&self) -> String {
        let star = if self.wildcard { "*." } else { "" };
        format!("{star}{}", self.identifier.value)
    }
}

/// A way to prove control of a name.
#[derive(Clone, Debug, Deserialize)]
pub struct Challenge {
    /// Such as `http-01`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is answered.
    pub url: String,
    /// How far it is.
    pub status: Status,
    /// What the proof contains.
    #[serde(default)]
    pub token: String,
    /// Why it failed.
    pub error: Option<Problem>,
}

/// When a server wants a certificate to be renewed
/// ([RFC 9773 §4.2](https://www.rfc-editor.org/rfc/rfc9773#section-4.2)).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalInfo {
    /// The period to renew in.
    pub suggested_window: Window,
    /// Why.
    #[serde(rename = "explanationURL")]
    pub explanation_url: Option<String>,
}

/// A period.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Window {
    /// Its start.
    #[serde(with = "time::serde::rfc3339")]
    pub start: OffsetDateTime,
    /// Its end.
    #[serde(with = "time::serde::rfc3339")]
    pub end: OffsetDateTime,
}

/// Why a server refuses something ([RFC 7807](https://www.rfc-editor.org/rfc/rfc7807)).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Problem {
    /// Its type as a URN.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// What is wrong, for people.
    #[serde(default)]
    pub detail: String,
    /// What is wrong with each name.
    #[serde(default)]
    pub subproblems: Vec<Subproblem>,
}

/// What is wrong with one name.
#[derive(Clone, Debug, Deserialize)]
pub struct Subproblem {
    /// The name.
    pub identifier: Option<Identifier>,
    /// What is wrong, for people.
    #[serde(default)]
    pub detail: String,
}

impl Problem {
    /// Its type without the URN's prefix, such as `rateLimited`.
    pub fn code(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = if self.detail.is_empty() {
            "no reason given"
        } else {
            self.detail.trim_end_matches('.')
        };
        write!(f, "{}", Escaped(detail))?;
        for sub in self.subproblems.iter().take(MAX_SUBPROBLEMS) {
            let name = sub.identifier.as_ref().map_or("", |one| &one.value);
            let detail = sub.detail.trim_end_matches('.');
            write!(f, "; {}: {}", Escaped(name), Escaped(detail))?;
        }
        if !self.code().is_empty() {
            write!(f, " ({})", Escaped(self.code()))?;
        }
        Ok(())
    }
}

const MAX_SUBPROBLEMS: usize = 5;
