//! What clients do with accounts.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::account::{Account, AccountRequest};
use super::binding::Binding;
use super::document::Stored;
use super::exchange::{Answer, Exchange, ok};
use super::limits::{Counted, source};
use super::problem::{Problem, ProblemType};
use super::reply::Reply;
use super::request::{AccountKey, Expected, SignedRequest, no_account};
use super::urls::Urls;
use crate::message::jws::{Jws, read_json};

/// `newAccount`: creates an account, or finds the one of the key.
pub(super) async fn create(exchange: Exchange) -> Response {
    let reply = created(&exchange).await;
    exchange.respond(reply).await
}

/// An account: contacts, deactivation, or nothing but to see it.
pub(super) async fn update(Path(id): Path<String>, exchange: Exchange) -> Response {
    let reply = updated(&exchange, id).await;
    exchange.respond(reply).await
}

/// `keyChange`: the account gets another key.
pub(super) async fn change_key(exchange: Exchange) -> Response {
    let reply = key_changed(&exchange).await;
    exchange.respond(reply).await
}

async fn created(exchange: &Exchange) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Key).await?;
    let urls = exchange.urls.clone();
    let (acme, settings) = (Arc::clone(&exchange.acme), Arc::clone(&exchange.settings));
    let source = source(exchange.address);
    let written = exchange.write(move |inventory, now| {
        request.admit_key(inventory)?;
        let asked: AccountRequest<'_> = request.json()?;
        let existing = Account::of_key(inventory, &request.key)?;
        if let Some(account) = existing {
            account.value.check()?;
            return Ok((account, false));
        }
        if asked.only_return_existing {
            return Err(no_account().into());
        }
        let contacts = asked.contacts()?.unwrap_or_default();
        let binding = asked
            .external_account_binding
            .map(|binding| Binding::read(binding.get(), &request.key, NEW_ACCOUNT, &urls));
        let binding = binding.transpose()?;
        if binding.is_none() && settings.acme.external_account_required {
            let detail = "an account needs an external account binding: the eab of `token create`";
            return Err(Problem::new(ProblemType::ExternalAccountRequired, detail).into());
        }
        let most = settings.limits.accounts_per_address_per_hour;
        acme.limiter
            .count(Counted::AccountsOfAddress, &source, most, now)?;
        let mut account = Account::new(&request.key, contacts, now)?;
        if let Some(binding) = binding {
            account.value.token = Some(binding.use_token(inventory, &account.id, now)?);
        }
        account.create(inventory, &request.key)?;
        Ok((account, true))
    });
    let (account, is_new) = written.await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let json = account.value.json(&exchange.urls.orders(&account.id));
    Ok(Reply::json(status, json).at(&exchange.urls.account(&account.id)))
}

async fn updated(exchange: &Exchange, id: String) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Account).await?;
    check_owner(&request, &id)?;
    let written = exchange.write(move |inventory, _| {
        let mut account = request.admit(inventory)?;
        if !request.payload.is_empty() {
            account.update(inventory, &request.json()?)?;
        }
        Ok(account)
    });
    let account = written.await?;
    Ok(shown(&account, &exchange.urls))
}

async fn key_changed(exchange: &Exchange) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Account).await?;
    let id = request.account().unwrap_or_default().to_owned();
    let urls = exchange.urls.clone();
    let written = exchange.write(move |inventory, _| {
        let mut account = request.admit(inventory)?;
        let new = new_key(&request, &urls)?;
        account.change_key(inventory, &request.key, &new)?;
        Ok((account, new))
    });
    let (account, new) = written.await?;
    exchange.acme.remember_key(&id, &Arc::new(new));
    Ok(shown(&account, &exchange.urls))
}

/// The new key, which signed the request within the request (RFC 8555 §7.3.5).
fn new_key(request: &SignedRequest, urls: &Urls) -> Result<AccountKey, Problem> {
    #[derive(Deserialize)]
    struct KeyChange<'a> {
        account: String,
        #[serde(borrow, rename = "oldKey")]
        old_key: &'a RawValue,
    }
    let malformed = |what: &str| Problem::malformed(format!("the inner request {what}"));
    let inner = Jws::read(&request.payload);
    let inner = inner.map_err(|error| malformed(&format!("cannot be read: {error}")))?;
    if inner.header.nonce.is_some() || inner.header.kid.is_some() {
        return Err(malformed("has a nonce or an account in its header"));
    }
    if inner.header.url.as_deref().and_then(|url| urls.path(url)) != Some(KEY_CHANGE) {
        return Err(malformed("is for another URL"));
    }
    let jwk = inner
        .header
        .jwk
        .as_ref()
        .ok_or_else(|| malformed("has no key in its header"))?;
    let new = AccountKey::of_jwk(jwk.get())?;
    new.verify(&inner)?;
    let change: KeyChange<'_> = read_json(&inner.payload)
        .map_err(|error| malformed(&format!("has a malformed payload: {error}")))?;
    if urls.account_id(&change.account) != request.account() {
        return Err(malformed("is for another account"));
    }
    if AccountKey::of_jwk(change.old_key.get())?.info() != request.key.info() {
        return Err(malformed("names another old key"));
    }
    Ok(new)
}

fn shown(account: &Stored<Account>, urls: &Urls) -> Reply {
    let json = account.value.json(&urls.orders(&account.id));
    ok(json).at(&urls.account(&account.id))
}

/// Refuses a request about another account than its own.
///
/// # Errors
/// When it is.
pub(super) fn check_owner(request: &SignedRequest, id: &str) -> Result<(), Problem> {
    if request.account() == Some(id) {
        Ok(())
    } else {
        Err(Problem::unauthorized(
            "the account is not the one that signed the request",
        ))
    }
}

/// The path of `newAccount`.
pub(super) const NEW_ACCOUNT: &str = "/acme/new-account";
/// The path of `keyChange`.
pub(super) const KEY_CHANGE: &str = "/acme/key-change";
