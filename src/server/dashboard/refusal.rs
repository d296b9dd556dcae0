//! Why a page is not shown, or a change not made: a page that says so.

use askama::Template;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use crate::config::Role;
use crate::ops::dashboard::LinkRefusal;
use crate::ops::refused::Refused;
use crate::server::failure::{self, Failure};

/// Why a page is not shown.
#[derive(Debug)]
pub(in crate::server) enum Refusal {
    /// Nobody is signed in.
    SignIn,
    /// A link signs nobody in.
    Link(LinkRefusal),
    /// Their role does not permit it.
    Role(Role),
    /// The request did not come from a page of this server, or from an old one.
    Foreign,
    /// There is no such thing: a certificate, say. A lower-case noun.
    NotFound(&'static str),
    /// The request cannot be satisfied as it is: what is wrong, and how to fix it, each a sentence.
    Request(String, String),
    /// The server cannot answer.
    Failure(Failure),
}

impl Refusal {
    /// A request that no page of ours sends.
    pub(in crate::server) fn unreadable(what: &str) -> Self {
        Refusal::Request(what.to_owned(), String::new())
    }

    fn status(&self) -> StatusCode {
        match self {
            Refusal::SignIn | Refusal::Link(_) => StatusCode::UNAUTHORIZED,
            Refusal::Role(_) | Refusal::Foreign => StatusCode::FORBIDDEN,
            Refusal::NotFound(_) => StatusCode::NOT_FOUND,
            Refusal::Request(..) => StatusCode::BAD_REQUEST,
            Refusal::Failure(failure) => failure.status(),
        }
    }

    /// What the page says: a heading, and sentences below it.
    fn text(&self) -> (&'static str, Vec<String>) {
        let a_new_one = "Create a new one on the server’s machine:";
        match self {
            Refusal::SignIn => (
                "Sign in",
                vec!["Create a sign-in link on the server’s machine, and open it here:".into()],
            ),
            Refusal::Link(LinkRefusal::Unknown) => (
                "This link is not valid",
                vec![format!("It is not one of this server, or expired long ago. {a_new_one}")],
            ),
            Refusal::Link(LinkRefusal::Used) => (
                "This link was already used",
                vec![format!(
                    "A link signs in once. If it was not you, end the session with `openagents-certs dashboard logout`. {a_new_one}"
                )],
            ),
            Refusal::Link(LinkRefusal::Expired) => (
                "This link has expired",
                vec![format!("A link works for 15 minutes. {a_new_one}")],
            ),
            Refusal::Role(role) => (
                "Not permitted",
                vec![
                    format!("You are signed in as {role}, and only an operator may do this."),
                    "Sign in with a link from `openagents-certs dashboard login --role operator`.".into(),
                ],
            ),
            Refusal::Foreign => (
                "This request did not come from the dashboard",
                vec!["Nothing was changed. If you used a page that was open for long, reload it and try again.".into()],
            ),
            Refusal::NotFound(what) => ("Not found", vec![format!("There is no such {what}.")]),
            Refusal::Request(what, hint) => {
                ("This cannot be done", vec![what.clone(), hint.clone()])
            }
            Refusal::Failure(failure) => ("Something went wrong", vec![failure.message()]),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::Failure(failure)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Refusal::Request(refused.message, refused.hint)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (heading, sentences) = self.text();
        let page = RefusalPage {
            assets: assets::base(),
            heading,
            sentences,
            command: match &self {
                Refusal::SignIn | Refusal::Link(_) => "openagents-certs dashboard login",
                _ => "",
            },
            is_sign_in: matches!(self, Refusal::SignIn),
            is_link: matches!(self, Refusal::Link(_)),
        };
        let Ok(page) = page.render() else {
            return Failure::Internal.into_response();
        };
        let mut response = (self.status(), Html(page)).into_response();
        let headers = response.headers_mut();
        match self {
            // A part of a page that reloads itself shows the sign-in page as a whole.
            Refusal::SignIn => {
                drop(headers.insert(HX_REDIRECT, header::HeaderValue::from_static("/")))
            }
            Refusal::Failure(Failure::Unavailable) => {
                headers.insert(header::RETRY_AFTER, failure::RETRY_AFTER);
            }
            Refusal::Link(_)
            | Refusal::Role(_)
            | Refusal::Foreign
            | Refusal::NotFound(_)
            | Refusal::Request(..)
            | Refusal::Failure(_) => {}
        }
        response
    }
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage {
    assets: &'static str,
    heading: &'static str,
    sentences: Vec<String>,
    /// A command to copy; may be empty.
    command: &'static str,
    is_sign_in: bool,
    is_link: bool,
}

/// The parts of a sentence, and whether each is code: what is between backticks.
fn parts(sentence: &str) -> impl Iterator<Item = (bool, &str)> {
    let parts = sentence.split('`').enumerate();
    parts.map(|(at, part)| (at % 2 == 1, part))
}

const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
