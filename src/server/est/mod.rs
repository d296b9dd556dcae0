//! EST ([RFC 7030](https://www.rfc-editor.org/rfc/rfc7030), corrected by
//! [RFC 8951](https://www.rfc-editor.org/rfc/rfc8951)): certificates for machines that have a token or a certificate.

mod guesses;
mod refusal;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use self::guesses::Guesses;
use self::refusal::Refusal;
use super::acting;
use super::core::Core;
use super::peer::Peer;
use crate::ops::enrollment::{self, Renewable};
use crate::ops::refused::{Outcome, Refused};
use crate::ops::token::{self, Token};
use crate::pki::bundle::certificates_only;
use crate::pki::certificate::Certificate;
use crate::pki::est;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::profile::Profile;

/// The routes below `/.well-known/est`, each also with the name of a profile before it.
pub(super) fn routes() -> Router<Arc<Core>> {
    let state = Arc::new(Est::default());
    let mut routes = Router::new();
    for place in ["/.well-known/est", "/.well-known/est/{profile}"] {
        routes = routes
            .route(&format!("{place}/cacerts"), get(ca_certificates))
            .route(&format!("{place}/csrattrs"), get(request_attributes))
            .route(&format!("{place}/simpleenroll"), post(enroll))
            .route(&format!("{place}/simplereenroll"), post(reenroll))
            .route(&format!("{place}/serverkeygen"), any(unsupported))
            .route(&format!("{place}/fullcmc"), any(unsupported));
    }
    routes.layer(Extension(state))
}

/// What all EST requests share.
#[derive(Default)]
struct Est {
    guesses: Guesses,
    /// How many requests for a certificate are being answered.
    at_work: AtomicUsize,
}

type Label = Option<Path<String>>;

/// The trust anchors, and the certificates between them and what is issued (RFC 7030 §4.1). Who comes with a
/// certificate of ours is noted as having fetched them.
async fn ca_certificates(
    State(core): State<Arc<Core>>,
    Extension(peer): Extension<Peer>,
    label: Label,
) -> Result<Response, Refusal> {
    profile(&core, label.as_deref())?;
    let authority = core.authority();
    let anchors = authority.anchors.iter();
    let chain = authority.signing.chain().iter();
    let chain = chain.filter(|certificate| !authority.anchors.contains(certificate));
    let all = anchors.chain(chain).map(Certificate::as_der);
    let answer = certificates(all);
    if let Some(der) = &peer.client_certificate
        && let Ok(certificate) = Certificate::from_der(der.to_vec())
    {
        note_fetch(&core, certificate, authority.anchors.clone()).await;
    }
    Ok(answer)
}

/// Notes that anchors were fetched. They are given even if that cannot be noted.
async fn note_fetch(core: &Core, certificate: Certificate, anchors: Vec<Certificate>) {
    let (serial, asked) = (certificate.serial().clone(), anchors.clone());
    let is_news =
        core.read(move |inventory, now| enrollment::needs_note(inventory, &serial, &asked, now));
    if let Ok(true) = is_news.await {
        let note = core.write(move |inventory, now| {
            enrollment::note_fetch(inventory, &certificate, &anchors, now)
        });
        // The log has the reason.
        let _ = note.await;
    }
}

/// Which key a request should have (RFC 7030 §4.5).
async fn request_attributes(
    State(core): State<Arc<Core>>,
    label: Label,
) -> Result<Response, Refusal> {
    let profile = profile(&core, label.as_deref())?;
    let key_type = profile.map_or_else(Default::default, |profile| profile.default_key_type());
    let body = est::encode(&est::request_attributes(key_type));
    Ok(with_type("application/csrattrs", body))
}

/// A certificate for a token (RFC 7030 §4.2.1).
async fn enroll(
    State(core): State<Arc<Core>>,
    Extension(state): Extension<Arc<Est>>,
    Extension(peer): Extension<Peer>,
    label: Label,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let _turn = Turn::take(&state.at_work, &peer)?;
    let label = profile(&core, label.as_deref())?;
    require_request(&headers)?;
    let token = authenticated(&core, &state.guesses, &peer, &headers).await?;
    if let Some(label) = label
        && label.name != token.profile()
    {
        let message = format!(
            "the token is for the profile '{}', not '{}'",
            token.profile(),
            label.name
        );
        return Err(Refusal::forbidden(message));
    }
    let csr = est::request(&body).map_err(Refusal::unreadable)?;
    let profile = core.config().profile(token.profile());
    let profile = profile.map_err(|error| core.failure(error.into()))?;
    let requested_by = format!("token-{}@{}", token.id, peer.address.ip());
    let public_key = Fingerprint::sha256(csr.public_key_info());
    let request = enrollment::request(&token, csr, Arc::new(profile), requested_by);
    let request = granted(request.map_err(|error| core.failure(error))?)?;
    let id = token.id;
    let issued = core.issue_with(request, PROTOCOL, move |inventory, entry, now| {
        if !token::count_use(inventory, &id, &public_key, now)? {
            return Ok(Outcome::Refused(used_up()));
        }
        enrollment::enrolled(inventory, entry)?;
        Ok(Outcome::Done(()))
    });
    let (issued, ()) = granted(issued.await?)?;
    Ok(certificates([issued.entry.certificate.as_slice()]))
}

/// A certificate in place of the client certificate (RFC 7030 §4.2.2).
async fn reenroll(
    State(core): State<Arc<Core>>,
    Extension(state): Extension<Arc<Est>>,
    Extension(peer): Extension<Peer>,
    label: Label,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let _turn = Turn::take(&state.at_work, &peer)?;
    let label = profile(&core, label.as_deref())?;
    require_request(&headers)?;
    let Some(der) = peer.client_certificate.clone() else {
        return Err(Refusal::no_certificate());
    };
    let certificate = Certificate::from_der(der.to_vec()).map_err(Refusal::unreadable)?;
    let csr = est::request(&body).map_err(Refusal::unreadable)?;
    let grace = core.settings().renew_expired_for;
    let found =
        core.read(move |inventory, now| Renewable::find(certificate, grace, inventory, now));
    let renewable = granted(found.await?)?;
    if let Some(label) = label
        && label.name != renewable.entry().profile
    {
        let own = &renewable.entry().profile;
        let message = format!(
            "the client certificate is of the profile '{own}', not '{}'",
            label.name
        );
        return Err(Refusal::forbidden(message));
    }
    let old = renewable.entry().serial.clone();
    acting::identify(&renewable.entry().name(), &format!("certificate:{old}"));
    let planned = {
        let (authority, config, now) = (core.authority(), core.config(), core.now());
        let requested_by = format!("reenroll@{}", peer.address.ip());
        let plan =
            move || renewable.plan(&csr, &config, &authority.signing.issuer, requested_by, now);
        granted(core.compute(plan).await?)?
    };
    let issued = core.issue_planned(planned, PROTOCOL, move |inventory, entry, now| {
        // It may have been revoked since.
        let current = inventory.find(&old)?;
        if let Some(refused) = current.and_then(|old| enrollment::refusal(&old, grace, now)) {
            return Ok(Outcome::Refused(refused));
        }
        enrollment::note_renewal(inventory, &old, entry)?;
        entry.replaces = Some(old);
        Ok(Outcome::Done(()))
    });
    let (issued, ()) = granted(issued.await?)?;
    Ok(certificates([issued.entry.certificate.as_slice()]))
}

/// What is not served (RFC 7030 §4.3, §4.4).
async fn unsupported() -> Refusal {
    Refusal::unsupported()
}

/// The profile that a path names; `None` when it names none.
fn profile(core: &Core, label: Option<&String>) -> Result<Option<Profile>, Refusal> {
    let named = label.map(|name| core.config().profile(name));
    let named = named.transpose().map_err(Refusal::no_profile)?;
    Ok(named)
}

fn require_request(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/pkcs10") {
        Ok(())
    } else {
        Err(Refusal::content_type())
    }
}

/// The token whose id and secret are the user name and password of a request.
async fn authenticated(
    core: &Core,
    guesses: &Guesses,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<Token, Refusal> {
    let Some((id, secret)) = basic(headers) else {
        return Err(Refusal::unauthorized("a token is required"));
    };
    let source = (id.clone(), peer.address.ip());
    if let Some(wait) = guesses.wait(&source, core.now()) {
        return Err(Refusal::too_many(wait));
    }
    let known = core.read(move |inventory, now| token::authenticate(inventory, &id, &secret, now));
    match known.await? {
        Some(token) => {
            let id = &token.id;
            acting::identify(&format!("token-{id}"), &format!("token:{id}"));
            guesses.forget(&source);
            Ok(token)
        }
        None => {
            guesses.note(source, core.now());
            Err(Refusal::unauthorized(
                "the token is wrong, expired or revoked",
            ))
        }
    }
}

/// The user name and password ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)).
fn basic(headers: &HeaderMap) -> Option<(String, Zeroizing<String>)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(Base64::decode_vec(credentials.trim()).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let id = id.get(..id.len().min(MAX_ID_BYTES))?;
    Some((id.to_owned(), Zeroizing::new(secret.to_owned())))
}

fn granted<T>(outcome: Outcome<T>) -> Result<T, Refusal> {
    match outcome {
        Outcome::Done(done) => Ok(done),
        Outcome::Refused(refused) => Err(refused.into()),
    }
}

fn used_up() -> Refused {
    Refused::new(
        "token-uses",
        "the token was used by as many keys as it permits, or is no longer valid",
        "create another token with `openagents-certs token create`",
    )
}

/// Certificates, as every answer of EST has them.
fn certificates<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Response {
    let body = est::encode(&certificates_only(certificates));
    with_type("application/pkcs7-mime; smime-type=certs-only", body)
}

fn with_type(kind: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), kind),
        // RFC 8951 drops it, and clients of RFC 7030 look for it.
        ("content-transfer-encoding", "base64"),
        (header::CACHE_CONTROL.as_str(), "no-store"),
    ];
    (headers, body).into_response()
}

/// A request that is being answered. When very many machines come at once, some are sent away for a while, each
/// for another time, so that they do not come back together.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn take(at_work: &'a AtomicUsize, peer: &Peer) -> Result<Self, Refusal> {
        let before = at_work.fetch_add(1, Ordering::Relaxed);
        let turn = Turn(at_work);
        if before < MAX_AT_WORK {
            return Ok(turn);
        }
        let address = peer.address.to_string();
        let own = peer.client_certificate.as_deref();
        let own = Fingerprint::sha256(own.unwrap_or(address.as_bytes()));
        let own = u64::from(own.as_bytes()[0]) << 8 | u64::from(own.as_bytes()[1]);
        Err(Refusal::busy(SHORTEST_WAIT + own % SPREAD_SECONDS))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

const PROTOCOL: &str = "est";
const MAX_ID_BYTES: usize = 64;
/// As many as are signed and recorded in less than a second.
const MAX_AT_WORK: usize = 256;
const SHORTEST_WAIT: u64 = 2;
const SPREAD_SECONDS: u64 = 28;
