//! What clients do with orders, authorizations and challenges.

use std::sync::Arc;

use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;

use super::account::Account;
use super::account_handlers::check_owner;
use super::binding::token_of;
use super::challenge;
use super::document::{Stored, new_id};
use super::exchange::{Answer, Exchange, ok};
use super::identifier::{Identifier, RequestedIdentifier};
use super::limits::{Counted, source};
use super::order::{NewOrder, Order, OrderStatus};
use super::plan::planned;
use super::problem::{Problem, ProblemType, Refusal};
use super::renewal_info::replaced;
use super::reply::Reply;
use super::request::Expected;
use super::validation::{self, Waiting};
use crate::ops::token::Token;
use crate::server::metrics::Counted as Event;
use crate::store::{DocumentKind, Inventory};

/// `newOrder`.
pub(super) async fn create(exchange: Exchange) -> Response {
    let reply = created(&exchange).await;
    exchange.respond(reply).await
}

/// An order.
pub(super) async fn get(Path(id): Path<String>, exchange: Exchange) -> Response {
    let reply = shown(&exchange, id).await;
    exchange.respond(reply).await
}

/// The orders of an account.
pub(super) async fn list(
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    exchange: Exchange,
) -> Response {
    let reply = listed(&exchange, account, query).await;
    exchange.respond(reply).await
}

/// An authorization, to see or to give up.
pub(super) async fn authorization(
    Path((order, index)): Path<(String, String)>,
    exchange: Exchange,
) -> Response {
    let reply = authorized(&exchange, order, &index).await;
    exchange.respond(reply).await
}

/// A challenge, to see or to answer.
pub(super) async fn challenge(
    Path((order, index, kind)): Path<(String, String, String)>,
    exchange: Exchange,
) -> Response {
    let reply = challenged(&exchange, order, &index, &kind).await;
    exchange.respond(reply).await
}

/// The payload of `newOrder`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderRequest {
    identifiers: Vec<RequestedIdentifier>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    not_before: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    not_after: Option<OffsetDateTime>,
    profile: Option<String>,
    replaces: Option<String>,
}

async fn created(exchange: &Exchange) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Account).await?;
    let wanted = wanted(exchange, request.json());
    let (acme, settings) = (Arc::clone(&exchange.acme), Arc::clone(&exchange.settings));
    let (source, urls) = (source(exchange.address), exchange.urls.clone());
    let written = exchange.write(move |inventory, now| {
        let account = request.admit(inventory)?;
        let mut new = wanted?;
        let token = token_of(inventory, &account.value, now)?;
        check_token(token.as_ref(), &new.identifiers)?;
        new.is_authorized = token.is_some() && settings.acme.challenge_free_for_tokens;
        let offered = &settings.acme.challenges;
        if !new.is_authorized {
            check_provable(&new.identifiers, offered)?;
        }
        let id = new_id()?;
        match new.replaces.as_deref() {
            Some(certificate) => {
                replaced(inventory, certificate, &account, &new.identifiers, &id, now)?
            }
            None => {
                let limits = &settings.limits;
                let (of_account, of_address) = (
                    limits.orders_per_account_per_hour,
                    limits.orders_per_address_per_hour,
                );
                let count = |what, whose: &str, most| acme.limiter.count(what, whose, most, now);
                count(Counted::OrdersOfAccount, &account.id, of_account)?;
                count(Counted::OrdersOfAddress, &source, of_address)?;
            }
        }
        let mut order = Stored::new(id, account.id, Order::new(new, now));
        order.expires_at = Some(order.value.expires);
        order.save(inventory)?;
        let json = order.json(&urls, now);
        Ok((order.id, json))
    });
    let (id, json) = written.await?;
    exchange.core.metrics().count(Event::Orders, "new");
    Ok(Reply::json(StatusCode::CREATED, json).at(&exchange.urls.order(&id)))
}

/// What an order asks for, if the authority can issue it to someone.
fn wanted(exchange: &Exchange, asked: Result<OrderRequest, Problem>) -> Result<NewOrder, Problem> {
    let asked = asked?;
    if asked.identifiers.is_empty() {
        return Err(Problem::malformed("an order has at least one identifier"));
    }
    if asked.identifiers.len() > MAX_IDENTIFIERS {
        let detail = format!("an order has at most {MAX_IDENTIFIERS} identifiers");
        return Err(Problem::malformed(detail));
    }
    let mut identifiers: Vec<Identifier> = Vec::with_capacity(asked.identifiers.len());
    let mut seen = std::collections::HashSet::new();
    let mut problems = Vec::new();
    for requested in &asked.identifiers {
        match requested.read() {
            Ok(identifier) if seen.insert(identifier.clone()) => identifiers.push(identifier),
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if let Some(problem) = Problem::of_each(problems) {
        return Err(problem);
    }
    let known = &exchange.settings.acme.profiles;
    let profile = match &asked.profile {
        Some(name) if known.contains(name) => name,
        Some(name) => {
            let detail = format!("there is no profile '{name}'");
            return Err(Problem::new(ProblemType::InvalidProfile, detail));
        }
        None => known.first().ok_or_else(|| {
            Problem::new(
                ProblemType::InvalidProfile,
                "no profile can be ordered here",
            )
        })?,
    };
    let new = NewOrder {
        identifiers,
        is_authorized: false,
        profile: profile.clone(),
        not_before: asked.not_before,
        not_after: asked.not_after,
        replaces: asked.replaces,
        seed: new_id().map_err(|error| super::reply::problem_of(&exchange.core.failure(error)))?,
    };
    planned(&exchange.core, &new, exchange.now)?;
    Ok(new)
}

/// Refuses identifiers beyond the names of the account's token.
fn check_token(token: Option<&Token>, identifiers: &[Identifier]) -> Result<(), Problem> {
    let Some(token) = token else {
        return Ok(());
    };
    let beyond = identifiers.iter().filter(|one| !token.permits(&one.name()));
    let problems = beyond.map(|identifier| {
        let detail = format!("the account's token does not permit {identifier}");
        Problem::new(ProblemType::RejectedIdentifier, detail).about(identifier.clone())
    });
    Problem::of_each(problems.collect()).map_or(Ok(()), Err)
}

/// Refuses identifiers that none of the challenges offered can prove.
fn check_provable(
    identifiers: &[Identifier],
    offered: &[crate::config::ChallengeType],
) -> Result<(), Problem> {
    let is_provable = |one: &Identifier| offered.iter().any(|kind| challenge::fits(*kind, one));
    let others = identifiers.iter().filter(|one| !is_provable(one));
    let problems = others.map(|identifier| {
        let detail = format!("no challenge that this server offers can prove {identifier}");
        Problem::new(ProblemType::RejectedIdentifier, detail).about(identifier.clone())
    });
    Problem::of_each(problems.collect()).map_or(Ok(()), Err)
}

async fn shown(exchange: &Exchange, id: String) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Account).await?;
    let urls = exchange.urls.clone();
    let read = exchange.write(move |inventory, now| {
        let account = request.admit(inventory)?;
        request.check_is_get()?;
        let order = own_order(inventory, &id, &account)?;
        Ok(ok(order.json(&urls, now)))
    });
    read.await
}

async fn listed(exchange: &Exchange, id: String, query: Option<String>) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Account).await?;
    check_owner(&request, &id)?;
    let after = query
        .as_deref()
        .and_then(|query| query.strip_prefix(CURSOR));
    let after = after.map(str::to_owned);
    let read = exchange.write(move |inventory, now| {
        request.admit(inventory)?;
        request.check_is_get()?;
        let page = inventory.documents(
            DocumentKind::Order,
            Some(&id),
            after.as_deref(),
            ORDERS_PER_PAGE,
        )?;
        let next =
            (page.len() == ORDERS_PER_PAGE).then(|| page.last().map(|last| last.key.clone()));
        let mut orders = Vec::new();
        for document in page {
            let order = Stored::<Order>::read(document)?;
            if order.value.status(now) != OrderStatus::Invalid {
                orders.push(order.id);
            }
        }
        Ok((id, orders, next.flatten()))
    });
    let (account, orders, next) = read.await?;
    let orders: Vec<String> = orders
        .iter()
        .map(|order| exchange.urls.order(order))
        .collect();
    let reply = ok(super::json(&serde_json::json!({ "orders": orders })));
    Ok(match next {
        Some(next) => {
            let url = format!("{}?{CURSOR}{next}", exchange.urls.orders(&account));
            reply.linked("next", &url)
        }
        None => reply,
    })
}

async fn authorized(exchange: &Exchange, order: String, index: &str) -> Result<Reply, Answer> {
    #[derive(Deserialize)]
    struct Update {
        status: String,
    }
    let request = exchange.signed(Expected::Account).await?;
    let index = index_of(index)?;
    let (urls, settings) = (exchange.urls.clone(), Arc::clone(&exchange.settings));
    let read = exchange.write(move |inventory, now| {
        let account = request.admit(inventory)?;
        let mut order = own_order(inventory, &order, &account)?;
        if order.value.authorizations.len() <= index {
            return Err(Problem::not_found("authorization").into());
        }
        if !request.payload.is_empty() {
            let update: Update = request.json()?;
            if update.status != "deactivated" {
                let detail = "the status of an authorization can only become 'deactivated'";
                return Err(Problem::malformed(detail).into());
            }
            if order.value.deactivate(index) {
                order.save(inventory)?;
            }
        }
        let json = order.authorization_json(index, &settings.acme.challenges, &urls, now);
        let json = json.ok_or_else(|| Problem::not_found("authorization"))?;
        let is_running = order.value.validating(index, now).is_some();
        Ok((json, is_running))
    });
    let (json, is_running) = read.await?;
    let reply = ok(json);
    Ok(if is_running {
        reply.retry_after(POLL_AFTER)
    } else {
        reply
    })
}

async fn challenged(
    exchange: &Exchange,
    order: String,
    index: &str,
    kind: &str,
) -> Result<Reply, Answer> {
    let request = exchange.signed(Expected::Account).await?;
    let index = index_of(index)?;
    let kind = challenge::named(kind).ok_or_else(|| Problem::not_found("challenge"))?;
    let (urls, settings) = (exchange.urls.clone(), Arc::clone(&exchange.settings));
    let written = exchange.write(move |inventory, now| {
        let account = request.admit(inventory)?;
        let mut order = own_order(inventory, &order, &account)?;
        let offered = &settings.acme.challenges;
        if order.challenge_json(index, kind, offered, &urls).is_none() {
            return Err(Problem::not_found("challenge").into());
        }
        let mut waiting = None;
        if !request.payload.is_empty() {
            let _: serde_json::Map<String, serde_json::Value> = request.json()?;
            if order.value.answer(index, kind, now) {
                order.save(inventory)?;
                let new = Waiting::new(&order.id, index);
                new.save(inventory, now)?;
                waiting = Some(new);
            }
        }
        let json = order.challenge_json(index, kind, offered, &urls);
        let json = json.ok_or_else(|| Problem::not_found("challenge"))?;
        let is_running = order.value.validating(index, now).is_some();
        Ok((order.id, json, is_running, waiting))
    });
    let (order, json, is_running, waiting) = written.await?;
    if let Some(waiting) = waiting {
        validation::start(&exchange.core, &exchange.acme, waiting);
    }
    let reply = ok(json).linked("up", &exchange.urls.authorization(&order, index));
    Ok(if is_running {
        reply.retry_after(POLL_AFTER)
    } else {
        reply
    })
}

/// An order of this account.
///
/// # Errors
/// When there is none.
pub(super) fn own_order(
    inventory: &dyn Inventory,
    id: &str,
    account: &Stored<Account>,
) -> Result<Stored<Order>, Refusal> {
    let order = Stored::<Order>::load(inventory, id)?;
    let order = order.filter(|order| order.owner == account.id);
    Ok(order.ok_or_else(|| Problem::not_found("order"))?)
}

fn index_of(text: &str) -> Result<usize, Problem> {
    let index = text
        .parse()
        .ok()
        .filter(|index: &usize| index.to_string() == text);
    index.ok_or_else(|| Problem::not_found("authorization"))
}

const MAX_IDENTIFIERS: usize = 2_000;
const ORDERS_PER_PAGE: usize = 100;
const CURSOR: &str = "cursor=";
/// When to look again how a validation goes, in seconds.
const POLL_AFTER: u64 = 1;
