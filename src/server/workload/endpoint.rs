//! The bundle endpoint, for other trust domains
//! ([SPIFFE Federation §5](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md)).

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::StatusCode;

use super::States;
use crate::server::core::Core;

/// Where the bundle is.
pub(super) const PATH: &str = "/.well-known/spiffe-bundle";

/// The route of the bundle.
pub(super) fn routes(states: &States) -> Router<Arc<Core>> {
    Router::new()
        .route(PATH, get(bundle))
        .layer(Extension(states.clone()))
}

async fn bundle(Extension(states): Extension<States>) -> Response {
    let state = states.current();
    if state.bundle.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=10"),
    ];
    (headers, state.bundle.clone()).into_response()
}
