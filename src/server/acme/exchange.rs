//! A request on its way to its answer.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use time::OffsetDateTime;

use super::Acme;
use super::account::Account;
use super::document::Stored;
use super::problem::{Problem, Refusal};
use super::reply::{Reply, of_problem, problem_of};
use super::request::{AccountKey, Expected, SignedRequest, Signer, Unverified, no_account};
use super::urls::Urls;
use crate::error::Error;
use crate::server::acting;
use crate::server::core::Core;
use crate::server::failure::Failure;
use crate::server::peer::Peer;
use crate::server::settings::Settings;
use crate::store::Inventory;

/// A request, and everything that answers it.
pub(super) struct Exchange {
    pub(super) core: Arc<Core>,
    pub(super) acme: Arc<Acme>,
    pub(super) settings: Arc<Settings>,
    pub(super) urls: Urls,
    pub(super) now: OffsetDateTime,
    /// Where it came from.
    pub(super) address: Option<IpAddr>,
    path: String,
    is_jose: bool,
    body: Bytes,
}

impl FromRequest<Arc<Core>> for Exchange {
    type Rejection = Response;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let settings = core.settings();
        let host = parts.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        let authority = parts.uri.authority().map(|authority| authority.as_str());
        let urls = Urls::new(&settings.public_url.to_string(), host.or(authority));
        let refuse = |problem: &Problem| of_problem(problem, &urls).into_response(&urls, None);
        let Some(acme) = parts.extensions.remove::<Arc<Acme>>() else {
            return Err(refuse(&problem_of(&Failure::Internal)));
        };
        if !settings.acme.enabled {
            return Err(refuse(&Problem::not_found("resource")));
        }
        let size = usize::try_from(settings.limits.request_size).unwrap_or(usize::MAX);
        let Ok(body) = axum::body::to_bytes(body, if size == 0 { usize::MAX } else { size }).await
        else {
            let problem = Problem::malformed("the request is too large").with_status(413);
            return Err(refuse(&problem));
        };
        let peer = parts.extensions.get::<Peer>();
        Ok(Exchange {
            core: Arc::clone(core),
            acme,
            settings,
            urls,
            now: core.now(),
            address: peer.map(|peer| peer.address.ip()),
            path: parts.uri.path().to_owned(),
            is_jose: is_jose(&parts.headers),
            body,
        })
    }
}

impl Exchange {
    /// The request, with its signature verified.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) async fn signed(&self, expected: Expected) -> Result<SignedRequest, Answer> {
        if !self.is_jose {
            let detail = "the content type of a request is application/jose+json";
            return Err(Problem::malformed(detail).with_status(415).into());
        }
        let nonces = self.acme.nonces(&self.core).await?;
        let read = Unverified::read(
            &self.body, &self.path, expected, &self.urls, &nonces, self.now,
        );
        let request = self.verified(read?).await?;
        let account = request
            .account()
            .map_or("acme".into(), |id| format!("acme:{id}"));
        acting::identify(
            &account,
            &format!("account-key:{}", request.key.thumbprint()),
        );
        Ok(request)
    }

    async fn verified(&self, unverified: Unverified) -> Result<SignedRequest, Answer> {
        let id = match &unverified.signer {
            Signer::Key(key) => {
                let key = Arc::clone(key);
                return Ok(unverified.verify(key)?);
            }
            Signer::Account(id) => id.clone(),
        };
        if let Some(known) = self.acme.known_key(&id)
            && unverified.is_signed_by(&known)
        {
            return Ok(unverified.verified(known));
        }
        let account = id.clone();
        let account = self.read(move |inventory| {
            Ok(Stored::<Account>::load(inventory, &account)?.ok_or_else(no_account)?)
        });
        let account = account.await?;
        let key = Arc::new(AccountKey::of_account(&account.value)?);
        self.acme.remember_key(&id, &key);
        Ok(unverified.verify(key)?)
    }

    /// Runs a job in a transaction, which is durable when this returns. A problem keeps what was written before it, a
    /// failure nothing.
    ///
    /// # Errors
    /// As the job.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Inventory, OffsetDateTime) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Answer> {
        let done = self
            .core
            .write(move |inventory, now| split(job(inventory, now)));
        Ok(done.await??)
    }

    /// Runs a job that only reads.
    ///
    /// # Errors
    /// As the job.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Inventory) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Answer> {
        let done = self.core.read(move |inventory, _| split(job(inventory)));
        Ok(done.await??)
    }

    /// The answer, with a nonce for the next request.
    pub(super) async fn respond(self, reply: Result<Reply, Answer>) -> Response {
        let reply = match reply {
            Ok(reply) => reply,
            Err(Answer(problem)) => of_problem(&problem, &self.urls),
        };
        match self.new_nonce().await {
            Ok(nonce) => reply.into_response(&self.urls, Some(&nonce)),
            Err(_) => reply.into_response(&self.urls, None),
        }
    }

    /// A nonce.
    ///
    /// # Errors
    /// When the store or the system's randomness cannot be used.
    pub(super) async fn new_nonce(&self) -> Result<String, Failure> {
        let nonces = self.acme.nonces(&self.core).await?;
        nonces
            .issue(self.now)
            .map_err(|error| self.core.failure(error))
    }

    /// The answer without a nonce, to a request that is not signed.
    pub(super) fn respond_unsigned(self, reply: Result<Reply, Answer>) -> Response {
        let reply = match reply {
            Ok(reply) => reply,
            Err(Answer(problem)) => of_problem(&problem, &self.urls),
        };
        reply.into_response(&self.urls, None)
    }
}

/// A problem that answers a request.
#[derive(Debug)]
pub(super) struct Answer(pub(super) Box<Problem>);

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Answer(Box::new(problem))
    }
}

impl From<Box<Problem>> for Answer {
    fn from(problem: Box<Problem>) -> Self {
        Answer(problem)
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        problem_of(&failure).into()
    }
}

/// Problems are answers of a job that succeeded, and failures undo it.
pub(super) fn split<T>(done: Result<T, Refusal>) -> Result<Result<T, Box<Problem>>, Error> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(Refusal::Problem(problem)) => Ok(Err(problem)),
        Err(Refusal::Failure(error)) => Err(*error),
    }
}

/// A reply with 200 and JSON.
pub(super) fn ok(json: String) -> Reply {
    Reply::json(StatusCode::OK, json)
}

fn is_jose(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        let media_type = value.split(';').next().unwrap_or_default();
        media_type
            .trim()
            .eq_ignore_ascii_case("application/jose+json")
    })
}
