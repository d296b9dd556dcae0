//! The directory, and nonces for a first request ([RFC 8555 §7.1.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1)).

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::account_handlers::{KEY_CHANGE, NEW_ACCOUNT};
use super::exchange::{Exchange, ok};
use super::reply::Reply;
use crate::pki::profile::ProfilePurpose;

/// Where everything else is.
pub(super) async fn directory(exchange: Exchange) -> Response {
    let urls = &exchange.urls;
    let settings = &exchange.settings.acme;
    let config = exchange.core.config();
    let profiles = settings.profiles.iter();
    let profiles = profiles.filter_map(|name| Some((name.as_str(), config.profile(name).ok()?)));
    let profiles = profiles.map(|(name, profile)| {
        let lifetime = profile.default_lifetime;
        (
            name,
            format!("valid for {lifetime}, {}", usage(profile.purpose)),
        )
    });
    let directory = Directory {
        new_nonce: urls.url("/acme/new-nonce"),
        new_account: urls.url(NEW_ACCOUNT),
        new_order: urls.url("/acme/new-order"),
        revoke_cert: urls.url("/acme/revoke-cert"),
        key_change: urls.url(KEY_CHANGE),
        renewal_info: urls.url("/acme/renewal-info"),
        meta: Meta {
            website: urls.url("/"),
            external_account_required: settings.external_account_required,
            profiles: profiles.collect(),
        },
    };
    let reply = ok(super::json(&directory));
    exchange.respond_unsigned(Ok(reply))
}

/// A nonce.
pub(super) async fn new_nonce(method: Method, exchange: Exchange) -> Response {
    if let Err(failure) = exchange.new_nonce().await {
        return exchange.respond_unsigned(Err(failure.into()));
    }
    let status = match method {
        Method::HEAD => StatusCode::OK,
        _ => StatusCode::NO_CONTENT,
    };
    exchange.respond(Ok(Reply::empty(status))).await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Directory<'a> {
    new_nonce: String,
    new_account: String,
    new_order: String,
    revoke_cert: String,
    key_change: String,
    renewal_info: String,
    meta: Meta<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    website: String,
    external_account_required: bool,
    profiles: BTreeMap<&'a str, String>,
}

fn usage(purpose: ProfilePurpose) -> &'static str {
    match purpose {
        ProfilePurpose::Server => "for servers",
        ProfilePurpose::Client => "for clients",
        ProfilePurpose::Peer | ProfilePurpose::Svid => "for servers and clients",
        ProfilePurpose::Message => "for encryption of messages",
        ProfilePurpose::Intermediate => "for CAs",
    }
}

/// The path of the directory.
pub(super) const PATH: &str = "/acme/directory";
