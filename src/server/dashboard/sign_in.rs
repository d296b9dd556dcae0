//! Signing in by a link, and signing out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use zeroize::Zeroizing;

use super::access::{COOKIE, form, session_secret};
use super::assets;
use super::page::Answer;
use super::refusal::Refusal;
use crate::ops::dashboard::{self, NewSession};
use crate::server::core::Core;
use crate::server::failure::Failure;

/// Signs in by a link. A browser that came from another site does not send the new cookie along a redirection
/// (`SameSite=Strict`), so that it gets a page that goes on by itself.
pub(super) async fn sign_in(
    State(core): State<Arc<Core>>,
    method: Method,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Answer {
    // Whoever only looks whether there is something, or fetches ahead, does not use a link up.
    let is_ahead = headers.contains_key("sec-purpose") || headers.contains_key("purpose");
    if method != Method::GET || is_ahead {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (secret, previous) = (Zeroizing::new(secret), session_secret(&headers));
    let started = core.write(move |inventory, now| {
        let previous = previous.as_deref().map(String::as_str);
        dashboard::sign_in(inventory, &secret, previous, now)
    });
    let session = started.await?.map_err(Refusal::Link)?;
    let cookie = cookie(
        session.secret.reveal(),
        NewSession::LIFETIME.whole_seconds(),
    )?;
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let mut response = match site {
        Some(b"cross-site" | b"same-site") => {
            let page = SignedInPage {
                assets: assets::base(),
            };
            let page = page.render().map_err(|_| Failure::Internal)?;
            Html(page).into_response()
        }
        _ => Redirect::to("/").into_response(),
    };
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Ends the session.
pub(super) async fn sign_out(State(core): State<Arc<Core>>, request: Request) -> Answer {
    let (access, headers, fields) = form(request, &core).await?;
    access.permit_request(&headers, fields.one("csrf").unwrap_or_default())?;
    if let Some(secret) = session_secret(&headers) {
        core.write(move |inventory, _| dashboard::sign_out(inventory, &secret))
            .await?;
    }
    let mut response: Response = Redirect::to("/").into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, cookie("", 0)?);
    Ok(response)
}

fn cookie(secret: &str, seconds: i64) -> Result<HeaderValue, Failure> {
    let cookie = Zeroizing::new(format!(
        "{COOKIE}={secret}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict"
    ));
    let mut cookie = HeaderValue::from_str(&cookie).map_err(|_| Failure::Internal)?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

#[derive(Template)]
#[template(path = "signed_in.html")]
struct SignedInPage {
    assets: &'static str,
}
