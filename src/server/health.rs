//! Liveness, readiness, metrics, and the trust anchors.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::core::Core;
use super::failure::Failure;
use crate::ops::metrics::Exposition;

/// What the https port serves beside the protocols.
pub(super) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/ca.crt", get(anchors_pem))
}

/// The CA certificates, which the plain HTTP port serves.
pub(super) fn certificate_routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/ca.crt", get(anchors_pem))
        .route("/ca.der", get(certificate_der))
}

/// Whether it can issue: the inventory can be read, and the CA's key can be used.
async fn ready(State(core): State<Arc<Core>>) -> Response {
    let unavailable = |what: &str| {
        let retry = [(header::RETRY_AFTER, super::failure::RETRY_AFTER)];
        (StatusCode::SERVICE_UNAVAILABLE, retry, format!("{what}\n")).into_response()
    };
    if !core.is_authority_usable() {
        return unavailable("the CA's key or certificate cannot be used");
    }
    let read = core.read(|inventory, _| Ok(inventory.crl_number()?));
    match tokio::time::timeout(MAX_WAIT, read).await {
        Ok(Ok(_)) => "ready\n".into_response(),
        Ok(Err(_)) | Err(_) => unavailable("the inventory cannot be read"),
    }
}

async fn metrics(State(core): State<Arc<Core>>) -> Response {
    let mut exposition = Exposition::default();
    core.metrics().expose(&mut exposition);
    let (writes, reads) = core.store().waiting();
    let queue = |name: &str, waiting| (vec![("queue", name.to_owned())], waiting);
    let queues = [queue("write", writes), queue("read", reads)];
    exposition.gauge("queue_length", "Jobs of the inventory that wait.", queues);
    let now = core.now().unix_timestamp();
    let seconds = core
        .ends()
        .into_iter()
        .map(|(what, end)| (vec![("what", what.to_owned())], end - now));
    let help = "Seconds until the CA, the CRL and the server's own certificate expire.";
    exposition.gauge("expires_in_seconds", help, seconds);
    let usable = i64::from(core.is_authority_usable());
    exposition.gauge(
        "ca_usable",
        "Whether the CA can issue.",
        [(Vec::new(), usable)],
    );
    let lost = i64::try_from(core.lost_events()).unwrap_or(i64::MAX);
    exposition.counter(
        "log_events_lost_total",
        "Log lines that were dropped.",
        lost,
    );
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], exposition.to_string()).into_response()
}

async fn anchors_pem(State(core): State<Arc<Core>>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-pem-file"),
        (header::CACHE_CONTROL, CACHE),
        (NO_SNIFF.0, NO_SNIFF.1),
    ];
    (headers, core.authority().anchors_pem.clone()).into_response()
}

/// The issuer's certificate, as caIssuers names it (RFC 5280 §4.2.2.1).
async fn certificate_der(State(core): State<Arc<Core>>) -> Result<Response, Failure> {
    let authority = core.authority();
    let headers = [
        (header::CONTENT_TYPE, "application/pkix-cert"),
        (header::CACHE_CONTROL, CACHE),
        (NO_SNIFF.0, NO_SNIFF.1),
    ];
    Ok((headers, authority.certificate.as_der().to_vec()).into_response())
}

const NO_SNIFF: (HeaderName, &str) = (header::X_CONTENT_TYPE_OPTIONS, "nosniff");
const CACHE: &str = "public, max-age=60";
const MAX_WAIT: std::time::Duration = std::time::Duration::from_secs(5);
