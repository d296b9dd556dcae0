//! `FetchX509Bundles` and `FetchJWTBundles`: the bundles of all trust domains, again whenever one changes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::time::sleep;

use super::service::{Caller, Messages};
use super::state::State;
use super::{denied, stopping};
use crate::net::grpc::{self, Status};
use crate::net::workload::messages::{JwtBundlesResponse, X509BundlesResponse};

/// Sends bundles until the process may have none any more. Gives the status that says why.
pub(super) async fn stream(
    caller: Caller,
    encode: fn(&State) -> Bytes,
    messages: Messages,
) -> Status {
    let workloads = &caller.workloads;
    let mut states = workloads.states();
    let mut draining = workloads.draining();
    let mut sent = None;
    loop {
        let state = Arc::clone(&states.borrow_and_update());
        if workloads.grants(&caller.process, &state).await.is_empty() {
            return denied();
        }
        let bundles = encode(&state);
        if sent.as_ref() != Some(&bundles) {
            if messages.send(Ok(bundles.clone())).await.is_err() {
                return stopping();
            }
            sent = Some(bundles);
        }
        tokio::select! {
            changed = states.changed() => if changed.is_err() {
                return stopping();
            },
            () = sleep(LONGEST_WAIT) => {}
            _ = draining.changed() => return stopping(),
        }
    }
}

/// The X.509 bundles, as they are sent.
pub(super) fn x509(state: &State) -> Bytes {
    grpc::encode(&X509BundlesResponse {
        crl: Vec::new(),
        bundles: state.x509_bundles.clone(),
    })
}

/// The JWT bundles, as they are sent.
pub(super) fn jwt(state: &State) -> Bytes {
    grpc::encode(&JwtBundlesResponse {
        bundles: state.jwt_bundles.clone(),
    })
}

/// The process may have become another one.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
