//! What happens around every request: its limits, its id, its line in the log, its numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use tokio::time::{Instant as Moment, timeout, timeout_at};

use super::acting;
use super::core::Core;
use super::dashboard;
use super::failure::Failure;
use super::log::{Event, Exchange, Level, shown_path};
use super::peer::Peer;

/// Answers a request within its limits, and takes note of it.
pub(super) async fn exchange(
    State(core): State<Arc<Core>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("unknown", MatchedPath::as_str).to_owned();
    let path = match matched {
        Some(_) => route.clone(),
        None => shown_path(request.uri().path()),
    };
    let peer = request.extensions().get::<Peer>().cloned();
    let answer = answer(&core, request, next);
    let mut response = match &peer {
        Some(peer) => acting::from_address(peer.address.ip(), answer).await,
        None => answer.await,
    };
    let (status, took) = (response.status().as_u16(), started.elapsed());
    core.metrics().request(method, &route, status, took);
    let Some(peer) = peer else {
        return response;
    };
    if let Ok(id) = HeaderValue::from_str(&peer.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let level = level(&route, status);
    if !core.logs(level) {
        return response;
    }
    let milliseconds = took.as_secs_f64() * 1000.0;
    let client = peer.address.ip().to_string();
    let message = format!("{status} {method} {path} from {client} in {milliseconds:.1} ms");
    core.log(Event {
        level,
        exchange: Some(Exchange {
            request_id: peer.request_id,
            client,
            method: method.to_owned(),
            path,
            status,
            duration_ms: (milliseconds * 1000.0).round() / 1000.0,
        }),
        ..Event::new("request", message, core.now())
    });
    response
}

async fn answer(core: &Core, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let limits = core.settings().limits.clone();
    let size = usize::try_from(limits.request_size).unwrap_or(usize::MAX);
    let size = if size == 0 { usize::MAX } else { size };
    let route = parts.extensions.get::<MatchedPath>();
    let is_upload = route.is_some_and(|route| route.as_str() == dashboard::UPLOAD);
    let size = if is_upload {
        size.max(dashboard::MAX_UPLOAD_BYTES)
    } else {
        size
    };
    let time = limits.body_time.duration().unsigned_abs();
    let mut buffered = Buffered(0);
    let mut body = body;
    let body = match read(&mut body, size, time, &mut buffered).await {
        Ok(body) => body,
        Err(refusal) => {
            if parts.version == Version::HTTP_2 {
                discard(&mut body, time).await;
            }
            return refusal.into_response();
        }
    };
    let request = Request::from_parts(parts, Body::from(body));
    match timeout(MAX_HANDLING, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::Unavailable.into_response(),
    }
}

/// The whole body of a request, or what its sender is told.
async fn read(
    body: &mut Body,
    size: usize,
    time: Duration,
    buffered: &mut Buffered,
) -> Result<Bytes, Response> {
    use axum::body::HttpBody as _;

    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let too_large = || refusal(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
    if body.size_hint().lower() > size as u64 {
        return Err(too_large());
    }
    let deadline = Moment::now() + time;
    let mut whole = Vec::new();
    loop {
        let Ok(frame) = timeout_at(deadline, body.frame()).await else {
            return Err(refusal(
                StatusCode::REQUEST_TIMEOUT,
                "the request came too slowly",
            ));
        };
        let frame = match frame {
            None => return Ok(whole.into()),
            Some(Err(_)) => return Err(refusal(StatusCode::BAD_REQUEST, "the request broke off")),
            Some(Ok(frame)) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue; // trailers
        };
        if whole.len() + data.len() > size {
            return Err(too_large());
        }
        if !buffered.add(data.len()) {
            return Err(Failure::Unavailable.into_response());
        }
        whole.extend_from_slice(&data);
    }
}

/// Reads a bit more than is permitted, and keeps nothing of it: over HTTP/2, a client that is still sending does not
/// see an answer.
async fn discard(body: &mut Body, time: Duration) {
    let deadline = Moment::now() + time;
    let mut left = MAX_DISCARDED_BYTES;
    while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// An answer before the request was read; the connection is closed after it.
fn refusal(status: StatusCode, message: &str) -> Response {
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    (status, close, format!("{message}\n")).into_response()
}

/// Bytes of bodies that are in memory; those of one request are given back when it is answered.
struct Buffered(usize);

impl Buffered {
    /// Adds bytes. False when all requests together hold too many.
    fn add(&mut self, bytes: usize) -> bool {
        self.0 += bytes;
        BUFFERED.fetch_add(bytes, Ordering::Relaxed) + bytes <= MAX_BUFFERED_BYTES
    }
}

impl Drop for Buffered {
    fn drop(&mut self) {
        BUFFERED.fetch_sub(self.0, Ordering::Relaxed);
    }
}

static BUFFERED: AtomicUsize = AtomicUsize::new(0);

/// Frequent requests, and those of monitoring, are in the metrics and not in the log.
fn level(route: &str, status: u16) -> Level {
    let is_frequent = ["/healthz", "/readyz", "/metrics", "/ocsp", "/crl."];
    let is_frequent = is_frequent.iter().any(|start| route.starts_with(start));
    match status {
        500.. => Level::Error,
        0..400 if is_frequent => Level::Debug,
        _ => Level::Info,
    }
}

/// The name of a method that HTTP defines.
fn method_name(method: &Method) -> &'static str {
    const NAMES: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE",
    ];
    let name = NAMES.into_iter().find(|name| method.as_str() == *name);
    name.unwrap_or("other")
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a request may take once its body is there.
const MAX_HANDLING: Duration = Duration::from_secs(60);
/// How much of a request that is refused is still read.
const MAX_DISCARDED_BYTES: usize = 1024 * 1024;
/// What all bodies together may take.
const MAX_BUFFERED_BYTES: usize = 32 * 1024 * 1024;
