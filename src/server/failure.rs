//! Why the server cannot answer. Nothing internal leaves it: what went wrong is in the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::{Error, FileError};
use crate::store::StoreError;

/// Why a request cannot be answered.
#[derive(Debug)]
pub(in crate::server) enum Failure {
    /// The inventory or the CA's key cannot be used now: try again later.
    Unavailable,
    /// The request cannot be satisfied as it is: a name, a time or a key that no certificate can contain.
    Request(Box<Error>),
    /// A fault of ours.
    Internal,
}

impl Failure {
    /// What an error means for the one who asked.
    pub(in crate::server) fn of(error: Error) -> Self {
        match &error {
            Error::Store(StoreError::SerialTaken { .. }) => Failure::Internal,
            Error::Store(_)
            | Error::Io { .. }
            | Error::Locked { .. }
            | Error::AuthorityExpired { .. }
            | Error::AuthorityNotYetValid { .. } => Failure::Unavailable,
            Error::Usage { .. }
            | Error::NoSession { .. }
            | Error::NoToken { .. }
            | Error::Name(_)
            | Error::Attribute(_)
            | Error::Validity(_)
            | Error::File {
                source: FileError::Content { .. },
                ..
            }
            | Error::PublicKey(_)
            | Error::Encoding(_)
            | Error::Lint(_)
            | Error::Config(crate::config::ConfigError::NoProfile { .. }) => {
                Failure::Request(Box::new(error))
            }
            _ => Failure::Internal,
        }
    }

    /// The status of the answer.
    pub(in crate::server) fn status(&self) -> StatusCode {
        match self {
            Failure::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Request(_) => StatusCode::BAD_REQUEST,
            Failure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to tell the one who asked: a lower-case clause.
    pub(in crate::server) fn message(&self) -> String {
        match self {
            Failure::Unavailable => "the service is not available now; try again later".into(),
            Failure::Request(error) => error.to_string(),
            Failure::Internal => "the server failed; its log says why".into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status(), format!("{}\n", self.message())).into_response();
        if matches!(self, Failure::Unavailable) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

/// When to try again, in seconds.
pub(in crate::server) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("10");
