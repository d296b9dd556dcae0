//! The revocation lists over HTTP ([RFC 5280 §4.2.1.13](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.13)):
//! as they are published in the PKI directory, whoever signed them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::responders::issuing;
use super::{HTTP_DATE, has_tag, http_date};
use crate::authority::{self, CRL};
use crate::error::Error;
use crate::files::{self, Lock, Stamp};
use crate::ops::crl::{self, NextUpdate};
use crate::pki::fingerprint::Fingerprint;
use crate::server::authority::Authority;
use crate::server::core::Core;
use crate::server::failure::Failure;
use crate::server::metrics::Counted;
use crate::store::Opening;

/// The published lists, kept current.
pub(super) struct Lists {
    core: Arc<Core>,
    current: watch::Sender<Option<Arc<Current>>>,
    changed: Notify,
}

/// The lists as they are published.
struct Current {
    /// The authority's own.
    der: ServedList,
    /// All of them.
    pem: ServedList,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    /// When it is to be replaced.
    due: OffsetDateTime,
    stamp: Option<Stamp>,
    authority: Arc<Authority>,
}

struct ServedList {
    bytes: Bytes,
    tag: HeaderValue,
}

pub(super) fn routes(lists: Arc<Lists>) -> Router<Arc<Core>> {
    Router::new()
        .route("/crl.der", get(der))
        .route("/crl.pem", get(pem))
        .with_state(lists)
}

async fn der(State(lists): State<Arc<Lists>>, headers: HeaderMap) -> Response {
    lists.respond(|current| &current.der, DER, &headers).await
}

async fn pem(State(lists): State<Arc<Lists>>, headers: HeaderMap) -> Response {
    lists.respond(|current| &current.pem, PEM, &headers).await
}

impl Lists {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Lists {
            core: Arc::clone(core),
            current: watch::Sender::new(None),
            changed: Notify::new(),
        }
    }

    /// Says that a revocation has changed.
    pub(super) fn check(&self) {
        self.changed.notify_one();
    }

    /// Publishes new lists when a revocation has changed or they are due, and follows those that others publish.
    pub(super) async fn keep_current(self: Arc<Self>) {
        loop {
            if self.refresh().await.is_err() {
                sleep(PAUSE).await;
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = self.outdated() => {}
            }
        }
    }

    /// Returns when the lists are due, another process published others, or the authority is another.
    async fn outdated(&self) {
        let path = self.core.directory().join(CRL);
        loop {
            let Some(current) = self.current.borrow().clone() else {
                return;
            };
            let is_same = current.due > self.core.now()
                && current.stamp == files::stamp(&path)
                && Arc::ptr_eq(&current.authority, &self.core.authority());
            if !is_same {
                return;
            }
            sleep(PERIOD).await;
        }
    }

    async fn refresh(&self) -> Result<(), Failure> {
        let authority = self.core.authority();
        let next_update = NextUpdate::After(self.core.config().crl_lifetime());
        let (directory, now) = (self.core.directory().to_owned(), self.core.now());
        let current = self.core.compute(move || {
            let lock = Lock::acquire(&directory)?;
            let mut inventory = authority::open_inventory(&directory, Opening::MustExist)?;
            let all = issuing(&authority);
            let published = crl::keep_current(&all, inventory.as_mut(), &lock, next_update, now)?;
            drop(all);
            let stamp = files::stamp(&directory.join(CRL));
            Ok((
                Current::read(&directory, stamp, authority)?,
                published.is_some(),
            ))
        });
        let (current, is_new) = current.await?;
        if is_new {
            self.core
                .metrics()
                .count(Counted::RevocationLists, "served");
        }
        self.core.note_crl_next_update(current.next_update);
        self.current.send_replace(Some(Arc::new(current)));
        Ok(())
    }

    async fn respond(
        &self,
        content: impl Fn(&Current) -> &ServedList,
        kind: HeaderValue,
        request: &HeaderMap,
    ) -> Response {
        let mut current = self.current.subscribe();
        let there = timeout(MAX_WAIT, current.wait_for(Option::is_some)).await;
        let current = match there {
            Ok(Ok(current)) => current.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some(current) = current else {
            return Failure::Unavailable.into_response();
        };
        let content = content(&current);
        let left = (current.next_update - self.core.now()).whole_seconds();
        let control = format!("public, max-age={}", left.clamp(0, MAX_AGE_SECONDS));
        let control = HeaderValue::from_str(&control);
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, kind);
        headers.extend(control.map(|control| (header::CACHE_CONTROL, control)));
        headers.insert(header::ETAG, content.tag.clone());
        headers.insert(header::LAST_MODIFIED, http_date(current.this_update));
        headers.insert(header::EXPIRES, http_date(current.next_update));
        if is_known(request, content, current.this_update) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = Body::from(content.bytes.clone());
        }
        response
    }
}

impl Current {
    fn read(
        directory: &std::path::Path,
        stamp: Option<Stamp>,
        authority: Arc<Authority>,
    ) -> Result<Self, Error> {
        let path = directory.join(CRL);
        let pem = files::read(&path)?;
        let lists = crl::read_lists(&path)?;
        // There is at least one in a file that was read.
        let missing = || Error::NoRevocationList { path: path.clone() };
        let own = lists.first().ok_or_else(missing)?;
        let due = lists.iter().map(crl::due).min().flatten();
        Ok(Current {
            der: ServedList::new(own.as_der().to_vec()),
            pem: ServedList::new(pem.to_vec()),
            this_update: own.this_update(),
            next_update: own.next_update().ok_or_else(missing)?,
            due: due.ok_or_else(missing)?,
            stamp,
            authority,
        })
    }
}

impl ServedList {
    fn new(bytes: Vec<u8>) -> Self {
        let fingerprint = Fingerprint::sha256(&bytes).to_string().replace(':', "");
        let tag = HeaderValue::from_str(&format!("\"{}\"", &fingerprint[..TAG_DIGITS]));
        ServedList {
            tag: tag.unwrap_or(HeaderValue::from_static("\"\"")),
            bytes: bytes.into(),
        }
    }
}

/// Whether the client has it already (RFC 9110 §13.2.2: a date counts only without an entity tag).
fn is_known(request: &HeaderMap, content: &ServedList, modified: OffsetDateTime) -> bool {
    if let Some(tags) = request.get(header::IF_NONE_MATCH) {
        return has_tag(tags, &content.tag);
    }
    let since = request.get(header::IF_MODIFIED_SINCE);
    let since = since.and_then(|since| since.to_str().ok());
    let since = since.and_then(|since| time::PrimitiveDateTime::parse(since, HTTP_DATE).ok());
    since.is_some_and(|since| since.assume_utc() >= modified)
}

const DER: HeaderValue = HeaderValue::from_static("application/pkix-crl");
const PEM: HeaderValue = HeaderValue::from_static("application/x-pem-file");
const TAG_DIGITS: usize = 40;
/// How long HTTP caches may keep a list, which hide a revocation for as long.
const MAX_AGE_SECONDS: i64 = 60;
/// How long a client waits for the first list.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// How often the file is looked at.
const PERIOD: Duration = Duration::from_millis(250);
/// How long a list that cannot be published is left alone.
const PAUSE: Duration = Duration::from_secs(2);
