//! External account binding: an account is bound to a token ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).

use time::OffsetDateTime;

use super::account::Account;
use super::problem::{Problem, Refusal};
use super::request::AccountKey;
use super::urls::Urls;
use crate::message::jws::{Jws, MACS};
use crate::ops::token::{self, Token};
use crate::pki::fingerprint::Fingerprint;
use crate::store::Inventory;

/// A binding that a client sent: a JWS by the token's key, over the account's key.
#[derive(Debug)]
pub(super) struct Binding {
    jws: Jws,
    /// The token's id.
    token: String,
}

impl Binding {
    /// Reads a binding of an account key, sent to a path.
    ///
    /// # Errors
    /// What is wrong with it. Whether it is the token's is not checked.
    pub(super) fn read(
        json: &str,
        key: &AccountKey,
        path: &str,
        urls: &Urls,
    ) -> Result<Self, Problem> {
        let malformed =
            |what: &str| Problem::malformed(format!("the external account binding {what}"));
        let jws = Jws::read(json.as_bytes());
        let jws = jws.map_err(|error| malformed(&format!("cannot be read: {error}")))?;
        if !MACS.contains(&jws.header.alg.as_str()) {
            let detail = format!(
                "has the algorithm '{}', not one of {}",
                jws.header.alg,
                MACS.join(", ")
            );
            return Err(malformed(&detail));
        }
        if jws.header.nonce.is_some() || jws.header.jwk.is_some() {
            return Err(malformed("has a nonce or a key"));
        }
        if jws.header.url.as_deref().and_then(|url| urls.path(url)) != Some(path) {
            return Err(malformed("is for another URL"));
        }
        let Some(token) = jws.header.kid.clone() else {
            return Err(malformed("names no token in 'kid'"));
        };
        let bound = std::str::from_utf8(&jws.payload).ok();
        let bound = bound.map(AccountKey::of_jwk).transpose()?;
        if bound.is_none_or(|bound| bound.info() != key.info()) {
            return Err(malformed("is for another account key"));
        }
        Ok(Binding { jws, token })
    }

    /// Checks the token, and counts the account among its uses.
    ///
    /// # Errors
    /// When the token does not permit it, or the store cannot be used.
    pub(super) fn use_token(
        self,
        inventory: &mut dyn Inventory,
        account: &str,
        now: OffsetDateTime,
    ) -> Result<String, Refusal> {
        let token = Token::find(inventory, &self.token)?;
        let token = token.filter(|token| self.jws.is_authenticated_by(&token.eab_key()));
        let Some(token) = token else {
            let detail = "the token is not known, or did not sign the external account binding";
            return Err(Problem::unauthorized(detail).into());
        };
        // An account is counted by its id: its key may change, and the old one is then free.
        let user = Fingerprint::sha256(account.as_bytes());
        if token::count_use(inventory, &token.id, &user, now)? {
            Ok(token.id)
        } else {
            let detail = "the token is used up, expired or revoked";
            Err(Problem::unauthorized(detail).into())
        }
    }
}

/// The token that an account is bound to, if it is.
///
/// # Errors
/// When the token was revoked or is gone, or the store cannot be read. One that has expired binds no further accounts,
/// and those it bound go on.
pub(super) fn token_of(
    inventory: &dyn Inventory,
    account: &Account,
    now: OffsetDateTime,
) -> Result<Option<Token>, Refusal> {
    let Some(id) = &account.token else {
        return Ok(None);
    };
    let token = Token::find(inventory, id)?;
    let usable = token.filter(|token| match token.state(now) {
        token::State::Usable | token::State::UsedUp | token::State::Expired => true,
        token::State::Revoked => false,
    });
    match usable {
        Some(token) => Ok(Some(token)),
        None => {
            let detail = "the token that the account is bound to was revoked";
            Err(Problem::unauthorized(detail).into())
        }
    }
}
