//! Answers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::problem::{Problem, ProblemType};
use super::urls::Urls;
use crate::server::failure::Failure;

/// An answer to a request. Every one has `index` and `Cache-Control`, and those to signed requests a nonce.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: String,
    headers: HeaderMap,
}

impl Reply {
    /// JSON.
    pub(super) fn json(status: StatusCode, body: String) -> Self {
        Reply {
            status,
            content_type: "application/json",
            body,
            headers: HeaderMap::new(),
        }
    }

    /// A chain of certificates (RFC 8555 §9.1).
    pub(super) fn chain(pem: String) -> Self {
        Reply {
            content_type: "application/pem-certificate-chain",
            ..Reply::json(StatusCode::OK, pem)
        }
    }

    /// Text for people.
    pub(super) fn text(text: String) -> Self {
        Reply {
            content_type: "text/plain; charset=utf-8",
            ..Reply::json(StatusCode::OK, text)
        }
    }

    /// Nothing.
    pub(super) fn empty(status: StatusCode) -> Self {
        Reply {
            content_type: "",
            ..Reply::json(status, String::new())
        }
    }

    /// The same with the URL of what it is about.
    pub(super) fn at(self, url: &str) -> Self {
        self.with(header::LOCATION, url)
    }

    /// The same with a link.
    pub(super) fn linked(self, relation: &str, url: &str) -> Self {
        self.with(header::LINK, &format!("<{url}>;rel=\"{relation}\""))
    }

    /// The same with the seconds to wait before the next request.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, &seconds.to_string())
    }

    /// The same with a field.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// The answer in HTTP, with a nonce for the next request.
    pub(super) fn into_response(self, urls: &Urls, nonce: Option<&str>) -> Response {
        let index = urls.url(super::directory::PATH);
        let mut reply = self.linked("index", &index);
        if let Some(nonce) = nonce {
            reply = reply.with(REPLAY_NONCE, nonce);
        }
        let mut response = (reply.status, reply.body).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        if !reply.content_type.is_empty() {
            let content_type = HeaderValue::from_static(reply.content_type);
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        headers.extend(reply.headers);
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }
}

/// A problem as an answer.
pub(super) fn of_problem(problem: &Problem, urls: &Urls) -> Reply {
    let status = StatusCode::from_u16(problem.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = Reply {
        content_type: "application/problem+json",
        ..Reply::json(status, super::json(problem))
    };
    if let Some(seconds) = problem.retry_after {
        reply = reply.retry_after(seconds.into());
    }
    if let Some(account) = &problem.account {
        reply = reply.at(&urls.account(account));
    }
    reply
}

/// What a failure of the server is for a client.
pub(super) fn problem_of(failure: &Failure) -> Problem {
    let message = failure.message();
    match failure {
        Failure::Unavailable => Problem {
            retry_after: Some(RETRY_UNAVAILABLE),
            ..Problem::new(ProblemType::ServerInternal, message).with_status(503)
        },
        Failure::Request(_) => Problem::malformed(message),
        Failure::Internal => Problem::new(ProblemType::ServerInternal, message),
    }
}

const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");
const RETRY_UNAVAILABLE: u32 = 10;
