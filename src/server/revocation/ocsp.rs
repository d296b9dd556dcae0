//! OCSP over HTTP ([RFC 6960 appendix A](https://www.rfc-editor.org/rfc/rfc6960#appendix-A), caching by
//! [RFC 5019 §6](https://www.rfc-editor.org/rfc/rfc5019#section-6)).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64ct::{Base64Unpadded, Encoding as _};
use time::OffsetDateTime;
use tokio::time::sleep;

use super::cache::{Cache, Key, MAX_PREPARED, Signature};
use super::responders::Responders;
use super::{has_tag, http_date};
use crate::ops::responder::{Responder, UNKNOWN_LIFETIME};
use crate::pki::ocsp::{CertStatus, OcspError, OcspRequest, ResponsePlan, SingleResponse};
use crate::server::core::Core;
use crate::server::failure::{Failure, RETRY_AFTER};
use crate::server::metrics::Counted;
use crate::store::{Filter, Status};

/// Answers about the certificates of the authority's CAs.
pub(super) struct Ocsp {
    core: Arc<Core>,
    responders: Responders,
    cache: Cache,
}

pub(super) fn routes(ocsp: Arc<Ocsp>) -> Router<Arc<Core>> {
    Router::new()
        .route("/ocsp", get(in_path).post(in_body))
        .route("/ocsp/{*request}", get(in_path))
        .with_state(ocsp)
}

async fn in_body(State(ocsp): State<Arc<Ocsp>>, body: Bytes) -> Response {
    ocsp.respond(&body, &HeaderMap::new()).await
}

async fn in_path(State(ocsp): State<Arc<Ocsp>>, uri: Uri, headers: HeaderMap) -> Response {
    match decode(uri.path()) {
        Some(request) => ocsp.respond(&request, &headers).await,
        None => ocsp.refuse(OcspError::MalformedRequest),
    }
}

/// A signed answer.
struct SignedAnswer {
    der: Vec<u8>,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    /// How long it may be used without asking again.
    max_age: i64,
    /// Whether it is for one client only: it repeats a nonce.
    is_private: bool,
    tag: HeaderValue,
    /// Of the first certificate.
    status: CertStatus,
}

impl Ocsp {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Ocsp {
            core: Arc::clone(core),
            responders: Responders::default(),
            cache: Cache::new(),
        }
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Drops the answers that contradict the store. Gives the version of all revocations that they agree with.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn reconcile(self: &Arc<Self>) -> Result<u64, Failure> {
        let ocsp = Arc::clone(self);
        let read = self.core.read(move |inventory, _| {
            let version = inventory.revocation_version()?;
            let mut revocations = ocsp.cache.revocations(version);
            inventory.revoked(&mut |revoked| {
                let revocation = revoked.revocation;
                revocations.add(&revoked.serial, revocation.at, revocation.reason);
                std::ops::ControlFlow::Continue(())
            })?;
            ocsp.cache.reconcile(&revocations);
            Ok(version)
        });
        read.await
    }

    /// Prepares answers, replaces responders before they expire, and signs answers that are in use again before they
    /// are over.
    pub(super) async fn keep_current(self: Arc<Self>) {
        self.prepare().await;
        loop {
            sleep(UPKEEP_PERIOD).await;
            if self.responders.renew(&self.core).await.is_err() {
                continue;
            }
            let version = self.cache.version();
            let due = self.cache.take_due(self.core.now());
            for chunk in due.chunks(CHUNK) {
                let of = chunk.iter();
                let of = of.map(|(key, old)| (*key, Arc::clone(&old.responder), old.status));
                self.sign_all(of.collect(), version).await;
            }
        }
    }

    /// Signs the answers that will be asked for most probably, in the form most clients ask for them.
    async fn prepare(self: &Arc<Self>) {
        let Ok(set) = self.responders.of(&self.core).await else {
            return;
        };
        let version = self.cache.version();
        let valid = self.core.read(move |inventory, now| {
            let filter = Filter {
                status: Some(Status::Valid),
                limit: Some(MAX_PREPARED),
                ..Filter::default()
            };
            let mut keys = Vec::new();
            inventory.visit(&filter, now, &mut |entry| {
                let mut all = set.all().iter();
                let responder = all.find(|one| one.has_issued(&entry));
                keys.extend(responder.and_then(|responder| {
                    let key = Key::usual(responder, &entry.serial)?;
                    Some((key, Arc::clone(responder), CertStatus::Good))
                }));
                std::ops::ControlFlow::Continue(())
            })?;
            Ok(keys)
        });
        let Ok(valid) = valid.await else {
            return;
        };
        for chunk in valid.chunks(CHUNK) {
            if self.cache.version() != version {
                return;
            }
            self.sign_all(chunk.to_vec(), version).await;
        }
    }

    /// Signs answers and keeps them.
    async fn sign_all(
        self: &Arc<Self>,
        answers: Vec<(Key, Arc<Responder>, CertStatus)>,
        version: u64,
    ) {
        let Ok(set) = self.responders.of(&self.core).await else {
            return;
        };
        let (ocsp, now) = (Arc::clone(self), self.now());
        let signed = self.core.compute(move || {
            for (key, signer, status) in answers {
                let Some(responder) = set.in_place_of(&signer) else {
                    continue;
                };
                let serial = key.serial();
                let issuer = responder.issuer();
                let id = issuer.cert_id(key.hash_algorithm, key.has_parameters, &serial);
                let single = ocsp.single(responder, &id, status, now);
                let signature = responder.sign(&plan(responder, &[single], None, now))?;
                let times = (now, single.next_update);
                let kept = Signature::new(Arc::clone(responder), status, times, &signature);
                if let Some(kept) = kept {
                    ocsp.cache.insert(key, kept, version);
                }
            }
            Ok(())
        });
        // What fails here is in the log, and is signed when it is asked for.
        let _ = signed.await;
    }

    async fn respond(self: &Arc<Self>, request: &[u8], headers: &HeaderMap) -> Response {
        let answer = match OcspRequest::from_der(request) {
            Ok(request) => self.answer(&request).await,
            Err(_) => Err(OcspError::MalformedRequest),
        };
        match answer {
            Ok(answer) => {
                self.core
                    .metrics()
                    .count(Counted::Ocsp, label(answer.status));
                answer.into_response(headers)
            }
            Err(error) => self.refuse(error),
        }
    }

    fn refuse(&self, error: OcspError) -> Response {
        self.core.metrics().count(Counted::Ocsp, "refused");
        let status = match error {
            OcspError::MalformedRequest => StatusCode::BAD_REQUEST,
            OcspError::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            OcspError::TryLater => StatusCode::SERVICE_UNAVAILABLE,
            OcspError::Unauthorized => StatusCode::OK,
        };
        let headers = [
            (header::CONTENT_TYPE, CONTENT_TYPE),
            (header::CACHE_CONTROL, NO_STORE),
        ];
        let mut response = (status, headers, error.to_der().to_vec()).into_response();
        if error == OcspError::TryLater {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }

    async fn answer(
        self: &Arc<Self>,
        request: &OcspRequest<'_>,
    ) -> Result<SignedAnswer, OcspError> {
        let now = self.now();
        let set = self.responders.of(&self.core).await.map_err(of_failure)?;
        let ids = &request.certificates;
        let responder = ids.iter().find_map(|id| set.find(id));
        let responder = responder.ok_or(OcspError::Unauthorized)?;
        let nonce = request.nonce.as_deref();
        let of: Vec<_> = ids.iter().map(|id| set.find(id).cloned()).collect();
        let keys = ids.iter().zip(&of);
        let keys: Vec<_> = keys.map(|(id, of)| Key::of(of.as_deref()?, id)).collect();
        let kept = self.kept(&keys, now);
        if let (Some([kept]), [id], None) = (kept.as_deref(), &ids[..], nonce) {
            return Ok(kept_answer(kept, id.der, now));
        }
        // Before the store is read: what it says may be outdated when the answer is kept.
        let version = self.cache.version();
        let statuses = match kept {
            Some(kept) => kept.iter().map(|kept| kept.status).collect(),
            None => {
                let serials = ids.iter().map(|id| id.serial_number());
                self.statuses(of.into_iter().zip(serials).collect()).await?
            }
        };
        let singles = ids.iter().zip(&statuses);
        let singles: Vec<_> = singles
            .map(|(id, status)| self.single(responder, id.der, *status, now))
            .collect();
        let plan = plan(responder, &singles, nonce, now);
        let failed = |error| of_failure(self.core.failure(error));
        let signature = responder.sign(&plan).map_err(failed)?;
        if let ([Some(key)], [single], None) = (&keys[..], &singles[..], nonce)
            && single.status != CertStatus::Unknown
        {
            let times = (now, single.next_update);
            let kept = Signature::new(Arc::clone(responder), single.status, times, &signature);
            kept.map(|kept| self.cache.insert(*key, kept, version));
        }
        let der = responder.response(&plan, &signature);
        Ok(SignedAnswer::new(
            der,
            &singles,
            nonce.is_some(),
            &signature,
            now,
        ))
    }

    /// The answers that are kept, if each of them is.
    fn kept(&self, keys: &[Option<Key>], now: OffsetDateTime) -> Option<Vec<Signature>> {
        if !self.cache.is_confirmed(Instant::now()) {
            return None;
        }
        let kept = keys.iter().map(|key| self.cache.get(key.as_ref()?, now));
        kept.collect()
    }

    /// The status of certificates in the store, each with the responder of its CA.
    async fn statuses(
        &self,
        certificates: Vec<(Option<Arc<Responder>>, crate::pki::serial::SerialNumber)>,
    ) -> Result<Vec<CertStatus>, OcspError> {
        let statuses = self.core.read(move |inventory, _| {
            let status = |(responder, serial): &(Option<Arc<Responder>>, _)| match responder {
                Some(responder) => responder.status(serial, inventory),
                None => Ok(CertStatus::Unknown),
            };
            certificates.iter().map(status).collect()
        });
        statuses.await.map_err(of_failure)
    }

    fn single<'a>(
        &self,
        responder: &Responder,
        certificate: &'a [u8],
        status: CertStatus,
        now: OffsetDateTime,
    ) -> SingleResponse<'a> {
        let lifetime = self.core.config().ocsp_lifetime();
        SingleResponse {
            certificate,
            status,
            this_update: now,
            next_update: responder.next_update(status, lifetime, now),
        }
    }

    /// The current time in whole seconds.
    fn now(&self) -> OffsetDateTime {
        crate::ops::crl::whole_seconds(self.core.now())
    }
}

impl SignedAnswer {
    fn new(
        der: Vec<u8>,
        singles: &[SingleResponse<'_>],
        is_private: bool,
        signature: &[u8],
        now: OffsetDateTime,
    ) -> Self {
        let next_update = singles.iter().map(|single| single.next_update).min();
        let next_update = next_update.unwrap_or(now);
        let is_unknown = |single: &SingleResponse<'_>| single.status == CertStatus::Unknown;
        let limit = if singles.iter().any(is_unknown) {
            UNKNOWN_LIFETIME.whole_seconds()
        } else {
            MAX_AGE_SECONDS
        };
        SignedAnswer {
            der,
            this_update: singles.first().map_or(now, |single| single.this_update),
            next_update,
            max_age: (next_update - now).whole_seconds().clamp(0, limit),
            is_private,
            tag: tag(signature),
            status: singles
                .first()
                .map_or(CertStatus::Unknown, |one| one.status),
        }
    }

    fn into_response(self, request: &HeaderMap) -> Response {
        let mut response = Response::new(Body::empty());
        let is_same = |header: &HeaderValue| has_tag(header, &self.tag);
        let is_known = request.get(header::IF_NONE_MATCH).is_some_and(is_same);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        if self.is_private {
            headers.insert(header::CACHE_CONTROL, NO_STORE);
        } else {
            let age = self.max_age;
            let control = format!("max-age={age}, public, no-transform, must-revalidate");
            if let Ok(control) = HeaderValue::from_str(&control) {
                headers.insert(header::CACHE_CONTROL, control);
            }
            headers.insert(header::LAST_MODIFIED, http_date(self.this_update));
            headers.insert(header::EXPIRES, http_date(self.next_update));
            headers.insert(header::ETAG, self.tag);
        }
        if is_known && !self.is_private {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = Body::from(self.der);
        }
        response
    }
}

/// The answer with a signature that was kept.
fn kept_answer(kept: &Signature, certificate: &[u8], now: OffsetDateTime) -> SignedAnswer {
    let (this_update, next_update) = kept.times();
    let single = SingleResponse {
        certificate,
        status: kept.status,
        this_update,
        next_update,
    };
    let singles = [single];
    let plan = plan(&kept.responder, &singles, None, this_update);
    let der = kept.responder.response(&plan, kept.as_bytes());
    SignedAnswer::new(der, &singles, false, kept.as_bytes(), now)
}

fn plan<'a>(
    responder: &'a Responder,
    responses: &'a [SingleResponse<'a>],
    nonce: Option<&'a [u8]>,
    now: OffsetDateTime,
) -> ResponsePlan<'a> {
    ResponsePlan {
        responder: responder.key_hash(),
        produced_at: now,
        responses,
        nonce,
    }
}

/// An entity tag from a signature: no two are the same.
fn tag(signature: &[u8]) -> HeaderValue {
    let start = signature.len().saturating_sub(TAG_BYTES);
    let mut text = String::with_capacity(2 * TAG_BYTES + 2);
    text.push('"');
    for byte in &signature[start..] {
        for nibble in [byte >> 4, byte & 0xf] {
            text.extend(char::from_digit(nibble.into(), 16));
        }
    }
    text.push('"');
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The request in the path of a URL: base64, percent-encoded where the client thought it necessary.
fn decode(path: &str) -> Option<Vec<u8>> {
    let encoded = path.strip_prefix("/ocsp/")?.as_bytes();
    let mut text = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            text.push(first);
            continue;
        }
        let (digits, after) = after.split_first_chunk::<2>()?;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        text.push(u8::try_from(digit(digits[0])? << 4 | digit(digits[1])?).ok()?);
        rest = after;
    }
    while text.last() == Some(&b'=') {
        text.pop();
    }
    Base64Unpadded::decode_vec(std::str::from_utf8(&text).ok()?).ok()
}

fn of_failure(failure: Failure) -> OcspError {
    match failure {
        Failure::Unavailable => OcspError::TryLater,
        Failure::Request(_) | Failure::Internal => OcspError::InternalError,
    }
}

fn label(status: CertStatus) -> &'static str {
    match status {
        CertStatus::Good => "good",
        CertStatus::Revoked { .. } => "revoked",
        CertStatus::Unknown => "unknown",
    }
}

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/ocsp-response");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// How long HTTP caches may keep an answer, which hide a revocation for as long.
const MAX_AGE_SECONDS: i64 = 300;
const TAG_BYTES: usize = 20;
/// Answers that are signed by one job.
const CHUNK: usize = 64;
const UPKEEP_PERIOD: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_the_path_with_and_without_percent_encoding() {
        for path in [
            "/ocsp/+/8=",
            "/ocsp/%2B%2f8%3D",
            "/ocsp/+/8",
            "/ocsp/+%2F8=",
        ] {
            assert_eq!(decode(path), Some(vec![0xfb, 0xff]), "{path}");
        }
        for path in [
            "/ocsp/+/8%",
            "/ocsp/+/8%3",
            "/ocsp/+/8%zz",
            "/ocsp/-_8",
            "/ocsp/%ff",
            "/ocsp",
        ] {
            assert_eq!(decode(path), None, "{path}");
        }
    }
}
