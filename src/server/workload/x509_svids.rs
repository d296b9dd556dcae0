//! `FetchX509SVID`: the X.509-SVIDs of a process, again whenever they or the bundle change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::service::{Caller, Messages};
use super::state::{Grant, State};
use super::svid::Svid;
use super::{denied, stopping};
use crate::net::grpc::{self, Status};
use crate::net::workload::messages::X509SvidResponse;

/// Sends SVIDs until there are none any more. Gives the status that says why.
pub(super) async fn stream(caller: Caller, messages: Messages) -> Status {
    let workloads = &caller.workloads;
    let mut states = workloads.states();
    let mut draining = workloads.draining();
    let mut held = Held::default();
    loop {
        let state = Arc::clone(&states.borrow_and_update());
        let grants = workloads.grants(&caller.process, &state).await;
        if grants.is_empty() {
            workloads.source().note_denied(&caller.process);
            return denied();
        }
        match held.renew(&caller, &state, &grants).await {
            Ok(Some(response)) => {
                if messages.send(Ok(grpc::encode(&response))).await.is_err() {
                    return stopping();
                }
            }
            Ok(None) => {}
            Err(status) => return status,
        }
        tokio::select! {
            changed = states.changed() => if changed.is_err() {
                return stopping();
            },
            () = sleep(held.wait(&caller)) => {}
            _ = draining.changed() => return stopping(),
        }
    }
}

/// What a process has.
#[derive(Default)]
struct Held {
    svids: Vec<Svid>,
    bundles: (Vec<u8>, BTreeMap<String, Vec<u8>>),
    /// How often issuing failed in a row.
    failures: u32,
}

impl Held {
    /// Replaces what is due. Gives what to send, if that is something new.
    async fn renew(
        &mut self,
        caller: &Caller,
        state: &State,
        grants: &[Arc<Grant>],
    ) -> Result<Option<X509SvidResponse>, Status> {
        let source = caller.workloads.source();
        let mut old = std::mem::take(&mut self.svids);
        let mut is_new = false;
        let mut has_failed = false;
        for grant in grants {
            let known = old.iter().position(|svid| svid.grant == *grant);
            let known = known.map(|at| old.swap_remove(at));
            let now = source.now();
            let is_due =
                |svid: &Svid| now >= svid.renew_at || Some(&svid.issuer) != state.issuer.as_ref();
            match known {
                Some(svid) if !is_due(&svid) => self.svids.push(svid),
                known => match source.issue(grant, state, caller.process.uid).await {
                    Ok(svid) => {
                        is_new = true;
                        self.svids.push(svid);
                    }
                    Err(status) => {
                        has_failed = true;
                        let valid = known.filter(|svid| svid.is_valid(now));
                        self.svids.push(valid.ok_or(status)?);
                    }
                },
            }
        }
        self.failures = if has_failed { self.failures + 1 } else { 0 };
        let bundles = state.x509_bundles();
        if !is_new && old.is_empty() && bundles == self.bundles {
            return Ok(None);
        }
        self.bundles = bundles;
        Ok(Some(self.response()))
    }

    fn response(&self) -> X509SvidResponse {
        let (own, others) = &self.bundles;
        let svids = self.svids.iter().map(|svid| {
            let mut message = svid.message.clone();
            message.bundle.clone_from(own);
            message
        });
        X509SvidResponse {
            svids: svids.collect(),
            crl: Vec::new(),
            federated_bundles: others.clone(),
        }
    }

    /// How long nothing is due. The wall clock may jump, and the process may become another one: so it is never long.
    fn wait(&self, caller: &Caller) -> Duration {
        if self.failures > 0 {
            return FIRST_PAUSE * (1 << self.failures.min(5));
        }
        let now = caller.workloads.source().now();
        let due = self.svids.iter().map(|svid| svid.renew_at - now).min();
        let due = due.and_then(|due| Duration::try_from(due).ok());
        due.unwrap_or_default().clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
