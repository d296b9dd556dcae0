//! Why an EST request is refused: a status and one line of text.

use std::fmt::Display;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::ops::refused::Refused;
use crate::pki::escape::Escaped;
use crate::server::failure::Failure;

/// A refusal.
#[derive(Debug)]
pub(super) enum Refusal {
    /// With this status and text.
    Status(StatusCode, String),
    /// Try again after so many seconds.
    Later(StatusCode, u64, &'static str),
    /// The server cannot answer.
    Failure(Failure),
}

impl Refusal {
    /// The body or the client certificate cannot be read.
    pub(super) fn unreadable(error: impl Display) -> Self {
        let message = format!("the request cannot be read: {error}");
        Refusal::Status(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Refusal::Status(StatusCode::UNAUTHORIZED, message.to_owned())
    }

    pub(super) fn no_certificate() -> Self {
        Refusal::unauthorized("re-enrollment needs the client certificate that is to be renewed")
    }

    pub(super) fn forbidden(message: String) -> Self {
        Refusal::Status(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn no_profile(error: impl Display) -> Self {
        Refusal::Status(StatusCode::NOT_FOUND, error.to_string())
    }

    pub(super) fn content_type() -> Self {
        let message = "the content type is not application/pkcs10".to_owned();
        Refusal::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    pub(super) fn unsupported() -> Self {
        let message = "keys are not generated here, and full CMC is not supported: generate the key \
                       yourself, and use simpleenroll";
        Refusal::Status(StatusCode::NOT_IMPLEMENTED, message.to_owned())
    }

    pub(super) fn too_many(seconds: u64) -> Self {
        let message = "too many wrong passwords for this token from this address";
        Refusal::Later(StatusCode::TOO_MANY_REQUESTS, seconds, message)
    }

    pub(super) fn busy(seconds: u64) -> Self {
        let message = "too many requests at once; try again later";
        Refusal::Later(StatusCode::SERVICE_UNAVAILABLE, seconds, message)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let status = match refused.rule.as_str() {
            "request-form" | "request-signature" => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        };
        Refusal::Status(status, refused.message)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::Failure(failure)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Failure(failure) => failure.into_response(),
            Refusal::Later(status, seconds, message) => {
                let retry = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
                (status, retry, format!("{message}\n")).into_response()
            }
            Refusal::Status(status, message) => {
                let text = format!("{}\n", Escaped(&message));
                let mut response = (status, text).into_response();
                if status == StatusCode::UNAUTHORIZED {
                    let headers = response.headers_mut();
                    headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
                }
                response
            }
        }
    }
}

const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"openagents-certs\"");
