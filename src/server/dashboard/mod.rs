//! The dashboard: certificates of a network in a browser.
//!
//! # How to add a page
//!
//! 1. A file here, named after the page, with its handlers and its `#[derive(Template)]` types; their templates are
//!    in `templates/`. Add its routes in [`routes`]. The navigation has its [`Tab`].
//! 2. A handler that shows something takes [`Access`], which is closed to everybody without a role:
//!    ```text
//!    async fn page(State(core): State<Arc<Core>>, access: Access) -> Answer {
//!        let rows = core.read(|inventory, now| …).await?;
//!        html(&TokensPage { frame: Frame::new(&core, access, Tab::Enrollment, "Enrollment"), rows })
//!    }
//!    ```
//! 3. A handler that changes something takes [`Change`]: an operator's form, with a CSRF token, from a page of this
//!    server. `change.fields` has the fields, `change.access` who it is (`who`, `credential`, `address`), for the audit
//!    trail. What cannot be undone is asked for again: unless `change.is_confirmed("revoke 3F2A…")`, answer with
//!    [`confirm`]. Then redirect (303) to a page that shows the result. A form that is not URL-encoded takes `Access`
//!    and calls `access.permit_change(&headers, csrf)` itself.
//! 4. The template extends `layout.html` and fills `{% block main %}`; its type has a field `frame`. Components are
//!    macros of `components.html`: `{% import "components.html" as ui %}`, then
//!    `{% call ui::badge("good", "valid") %}{% endcall %}`. See there for all of them. Tones are `good`, `warning`,
//!    `bad` and `plain`. A form has `{% call ui::csrf(frame) %}{% endcall %}` in it, and is left out, or its button
//!    disabled with a reason, for a viewer (`frame.access.is_operator()`).
//! 5. Every value is escaped by [`escape::Html`], in attributes too, if they have quotation marks. Use `|safe` for
//!    nothing but HTML that [`crate::ops::view`] or another template rendered. No `style` attribute and no inline script: the policy
//!    forbids both. Widths are attributes of SVG.
//! 6. A live part has `hx-get="/path" hx-trigger="every 5s" hx-swap="outerMorph"` and a handler that renders only it;
//!    it must be cheap, for every open browser asks. Attributes are not inherited. htmx is version 4; expressions
//!    (`hx-on`, `js:`, filters in `[]`) do not run. Everything can be read, and every form sent, without JavaScript.
//! 7. A failure is a [`Refusal`]: `?` on what `core.read`, `core.write` and `ops` return turns into a page.

mod access;
mod assets;
mod audit;
mod certificates;
mod enrollment;
pub(in crate::server) mod escape;
mod latest;
mod networks;
mod overview;
mod page;
mod refusal;
mod rotation;
mod sessions;
mod sign_in;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};

use self::access::{Access, Change, Shared};
use self::page::{Answer, Frame, Tab, confirm, html};
use self::refusal::Refusal;
use super::core::Core;

pub(super) use self::networks::{MAX_UPLOAD_BYTES, UPLOAD};

/// The routes of the dashboard.
pub(super) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/", get(overview::page))
        .merge(certificates::routes())
        .merge(audit::routes())
        .merge(enrollment::routes())
        .merge(networks::routes())
        .merge(rotation::routes())
        .route("/overview", get(overview::live))
        .route("/sessions", get(sessions::page))
        .route("/sessions/end", post(sessions::end))
        .route("/login/{*secret}", get(sign_in::sign_in))
        .route("/logout", post(sign_in::sign_out))
        .route("/assets/{hash}/{name}", get(assets::asset))
        .layer(Extension(Arc::new(Shared::default())))
        .layer(from_fn(harden))
}

/// Adds the headers that keep other sites, caches and what is injected out.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Every page has a CSRF token in it.
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    response
}

const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // With `no-referrer`, a browser sends its own forms with `Origin: null`.
    (header::REFERRER_POLICY, "same-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];
