//! What the agents of nodes ask for.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, State as AxumState};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64ct::{Base64, Encoding as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::States;
use super::svid;
use crate::config::WorkloadEntry;
use crate::error::shown;
use crate::ops::issue::Key;
use crate::ops::refused::Outcome;
use crate::ops::workload::node::{
    self, JWT_PATH, JwtReply, JwtRequest, NodeState, STATE_PATH, SVID_PATH, SvidReply, SvidRequest,
};
use crate::pki::certificate::Certificate;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::spiffe::SpiffeId;
use crate::server::acting;
use crate::server::core::Core;
use crate::server::failure::Failure;
use crate::server::peer::Peer;

/// The routes of the agents.
pub(super) fn routes(states: &States) -> Router<Arc<Core>> {
    Router::new()
        .route(STATE_PATH, get(state))
        .route(SVID_PATH, post(x509_svid))
        .route(JWT_PATH, post(jwt_svid))
        .layer(Extension(states.clone()))
}

/// Why an agent gets nothing.
enum Refusal {
    Status(StatusCode, String),
    Failure(Failure),
}

impl Refusal {
    fn new(status: StatusCode, what: impl Into<String>) -> Self {
        Refusal::Status(status, what.into())
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
            Refusal::Status(status, what) => (status, format!("{what}\n")).into_response(),
            Refusal::Failure(failure) => failure.into_response(),
        }
    }
}

/// What a node may serve.
async fn state(
    AxumState(core): AxumState<Arc<Core>>,
    Extension(states): Extension<States>,
    Extension(peer): Extension<Peer>,
) -> Result<Response, Refusal> {
    let (_, entries) = granted(&core, &states, &peer).await?;
    let state = states.current();
    let Some(trust_domain) = state.trust_domain.clone() else {
        return Err(Failure::Unavailable.into());
    };
    let x509 = state.x509_bundles.iter();
    let jwt = state.jwt_bundles.iter();
    Ok(json(&NodeState {
        trust_domain,
        entries: entries
            .iter()
            .map(|entry| WorkloadEntry::clone(entry))
            .collect(),
        x509_bundles: x509
            .map(|(id, der)| (id.clone(), Base64::encode_string(der)))
            .collect(),
        jwt_bundles: jwt
            .map(|(id, set)| (id.clone(), String::from_utf8_lossy(set).into_owned()))
            .collect(),
        issuer: state
            .issuer
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }))
}

/// An X.509-SVID for a workload of a node.
async fn x509_svid(
    AxumState(core): AxumState<Arc<Core>>,
    Extension(states): Extension<States>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (node, entries) = granted(&core, &states, &peer).await?;
    let SvidRequest { entry, csr } = read(&body)?;
    require(&entries, &entry)?;
    let unreadable = |what: String| Refusal::new(StatusCode::BAD_REQUEST, what);
    let csr = Base64::decode_vec(&csr).map_err(|error| unreadable(error.to_string()))?;
    let csr = CertificateSigningRequest::from_der(csr);
    let csr = csr.map_err(|error| unreadable(error.to_string()))?;
    let key = Key::Requested(CSR.into(), Box::new(csr));
    let request = svid::request(&core, &entry, key, node.to_string());
    let issued = match core.issue(request?, svid::PROTOCOL).await? {
        Outcome::Done(issued) => issued,
        Outcome::Refused(refused) => {
            return Err(Refusal::new(StatusCode::FORBIDDEN, refused.message));
        }
    };
    let authority = core.authority();
    let chain = authority.signing.chain().iter().map(Certificate::as_der);
    let all = std::iter::once(issued.entry.certificate.as_slice()).chain(chain);
    Ok(json(&SvidReply {
        certificates: all.map(Base64::encode_string).collect(),
    }))
}

/// A JWT-SVID for a workload of a node.
async fn jwt_svid(
    AxumState(core): AxumState<Arc<Core>>,
    Extension(states): Extension<States>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (_, entries) = granted(&core, &states, &peer).await?;
    let JwtRequest { entry, audience } = read(&body)?;
    require(&entries, &entry)?;
    if audience.is_empty() {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "there is no audience",
        ));
    }
    let (state, now) = (states.current(), core.now());
    let svid = core.compute(move || state.jwt_svid(&entry, &audience, now));
    Ok(json(&JwtReply { svid: svid.await? }))
}

/// The node that asks, by its certificate, and its entries.
async fn granted(
    core: &Core,
    states: &States,
    peer: &Peer,
) -> Result<(SpiffeId, Vec<Arc<WorkloadEntry>>), Refusal> {
    let certificate = peer.client_certificate.as_ref().map(|der| der.to_vec());
    let certificate = certificate.map(Certificate::from_der);
    let Some(Ok(certificate)) = certificate else {
        let what = "a client certificate is required: that of an enrolled node";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, what));
    };
    let serial = certificate.serial().clone();
    let node = core.read(move |inventory, now| node::of_certificate(inventory, &certificate, now));
    let node = match node.await? {
        Outcome::Done(node) => node,
        Outcome::Refused(refused) => {
            return Err(Refusal::new(StatusCode::FORBIDDEN, refused.message));
        }
    };
    acting::identify(node.as_str(), &format!("certificate:{serial}"));
    let state = states.current();
    if !state.is_known {
        return Err(Failure::Unavailable.into());
    }
    let entries = state.remote.get(&node).cloned().unwrap_or_default();
    Ok((node, entries))
}

/// An agent gets only what an entry of its own node grants.
fn require(entries: &[Arc<WorkloadEntry>], entry: &WorkloadEntry) -> Result<(), Refusal> {
    match entries.iter().any(|granted| **granted == *entry) {
        true => Ok(()),
        false => {
            let what = format!(
                "no entry of this node grants {}",
                shown(entry.spiffe_id.as_str())
            );
            Err(Refusal::new(StatusCode::FORBIDDEN, what))
        }
    }
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let read = serde_json::from_slice(body);
    read.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
}

fn json(reply: &impl Serialize) -> Response {
    let body = match serde_json::to_string(reply) {
        Ok(body) => body,
        Err(error) => unreachable!("it has only text: {error}"),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

/// What a request is called in messages.
const CSR: &str = "CSR";
