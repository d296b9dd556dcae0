//! The results of the operations on tokens.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{State, Token, TokenText};
use crate::ops::Report;
use crate::pki::profile::NamePattern;
use crate::pki::validity::{Lifetime, rfc3339};

/// A token that was created. This is the only time that its secret is shown.
#[derive(Serialize)]
pub struct CreatedToken {
    /// The whole token.
    pub token: Secret,
    /// Its id.
    pub id: String,
    /// The names that it permits.
    pub names: Vec<NamePattern>,
    /// The profile of its certificates.
    pub profile: String,
    /// How many keys can use it.
    pub uses: u64,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// How long its certificates are valid, where it is not the profile that says so.
    pub certificate_lifetime: Option<Lifetime>,
    /// The URL of the server.
    pub url: String,
    /// The credentials of an ACME client.
    pub eab: EabCredentials,
    /// The credentials of an EST client.
    pub est: EstCredentials,
}

/// What binds an ACME account to a token ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).
#[derive(Serialize)]
pub struct EabCredentials {
    /// The key's id.
    pub kid: String,
    /// The key, in base64url, for HS256.
    pub hmac_key: Secret,
}

/// The user name and password of an EST client.
#[derive(Serialize)]
pub struct EstCredentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// A secret that is shown once. Wiped on drop.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret, to be shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl CreatedToken {
    pub(super) fn of(token: &Token, text: &TokenText) -> Self {
        CreatedToken {
            token: Secret(text.encode()),
            id: token.id.clone(),
            names: token.names().to_vec(),
            profile: token.profile().to_owned(),
            uses: token.content.uses,
            expires_at: token.expires_at(),
            certificate_lifetime: token.certificate_lifetime(),
            url: text.url.to_string(),
            eab: EabCredentials {
                kid: token.id.clone(),
                hmac_key: Secret(Zeroizing::new(Base64UrlUnpadded::encode_string(
                    &token.eab_key(),
                ))),
            },
            est: EstCredentials {
                username: token.id.clone(),
                password: Secret(Zeroizing::new(text.secret().to_owned())),
            },
        }
    }
}

impl fmt::Display for CreatedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", *self.token.0)
    }
}

impl Report for CreatedToken {
    fn is_content(&self) -> bool {
        true
    }
}

/// Every token, the newest first.
#[derive(Debug, Serialize)]
pub struct TokenList {
    /// The tokens.
    pub tokens: Vec<ListedToken>,
}

/// A token, without its secret.
#[derive(Debug, Serialize)]
pub struct ListedToken {
    /// Its id.
    pub id: String,
    /// What it can be used for now.
    pub state: State,
    /// The names that it permits.
    pub names: Vec<NamePattern>,
    /// The profile of its certificates.
    pub profile: String,
    /// How many keys can use it.
    pub uses: u64,
    /// How many have.
    pub used: u64,
    /// How long its certificates are valid, where it is not the profile that says so.
    pub certificate_lifetime: Option<Lifetime>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Who created it, as `user@host`.
    pub created_by: String,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// When it was revoked, if it was.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

impl TokenList {
    pub(super) fn of(tokens: &[Token], now: OffsetDateTime) -> Self {
        let listed = tokens.iter().map(|token| ListedToken {
            id: token.id.clone(),
            state: token.state(now),
            names: token.names().to_vec(),
            profile: token.profile().to_owned(),
            uses: token.content.uses,
            used: token.content.used,
            certificate_lifetime: token.certificate_lifetime(),
            created_at: token.content.created_at,
            created_by: token.content.created_by.clone(),
            expires_at: token.expires_at(),
            revoked_at: token.content.revoked_at,
        });
        TokenList {
            tokens: listed.collect(),
        }
    }
}

impl fmt::Display for TokenList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile_width = self.tokens.iter().map(|token| token.profile.len());
        let profile_width = profile_width.max().unwrap_or(0).max(7);
        if self.tokens.is_empty() {
            return writeln!(
                f,
                "No tokens: create one with `openagents-certs token create NAME`"
            );
        }
        writeln!(
            f,
            "ID                STATE     USED   EXPIRES               {:profile_width$}  NAMES",
            "PROFILE"
        )?;
        for token in &self.tokens {
            let names: Vec<String> = token.names.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "{}  {:8}  {:5}  {}  {:profile_width$}  {}",
                token.id,
                token.state.words(),
                format!("{}/{}", token.used, token.uses),
                rfc3339(token.expires_at),
                token.profile,
                names.join(", ")
            )?;
        }
        Ok(())
    }
}

impl Report for TokenList {
    fn is_content(&self) -> bool {
        true
    }
}

impl State {
    /// The state as words.
    pub fn words(self) -> &'static str {
        match self {
            State::Usable => "usable",
            State::UsedUp => "used up",
            State::Expired => "expired",
            State::Revoked => "revoked",
        }
    }
}

/// A token that was revoked.
#[derive(Debug, Serialize)]
pub struct RevokedToken {
    /// Its id.
    pub id: String,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// Whether it was revoked before.
    pub unchanged: bool,
    /// How many keys used it.
    pub used: u64,
}

impl RevokedToken {
    pub(super) fn of(token: &Token, unchanged: bool) -> Self {
        RevokedToken {
            id: token.id.clone(),
            revoked_at: token.content.revoked_at,
            unchanged,
            used: token.content.used,
        }
    }
}

impl fmt::Display for RevokedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let already = if self.unchanged { " already" } else { "" };
        writeln!(f, "Token {} is{already} revoked", self.id)?;
        if self.used > 0 {
            writeln!(
                f,
                "  certificates that it was used for stay valid: see `openagents-certs list`"
            )?;
        }
        Ok(())
    }
}

impl Report for RevokedToken {}
