//! Where identities come from: the authority of this machine, or a server that has it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use time::OffsetDateTime;

use super::agent::Node;
use super::process::Process;
use super::state::{Grant, State};
use super::svid::{self, Svid};
use crate::config::Limits;
use crate::error::Error;
use crate::net::grpc::Status;
use crate::net::workload::messages::JwtSvid;
use crate::ops::workload::entry::KnownEntries;
use crate::server::core::Core;
use crate::server::failure::Failure;
use crate::server::log::{Event, Level};

/// Where identities come from.
#[derive(Clone)]
pub(super) enum Source {
    /// The authority, in this process.
    Authority(Arc<Core>),
    /// A server; this process is the agent of a node.
    Node(Arc<Node>),
}

impl Source {
    /// The current time.
    pub(super) fn now(&self) -> OffsetDateTime {
        match self {
            Source::Authority(core) => core.now(),
            Source::Node(node) => node.now(),
        }
    }

    /// What is served now; `known` is what was read before.
    pub(super) async fn state(&self, known: &Arc<Mutex<KnownEntries>>) -> Result<State, Failure> {
        match self {
            Source::Authority(core) => State::read(core, known).await,
            Source::Node(node) => Arc::clone(node).state().await,
        }
    }

    /// A new X.509-SVID with a new key.
    pub(super) async fn issue(
        &self,
        grant: &Arc<Grant>,
        state: &State,
        uid: u32,
    ) -> Result<Svid, Status> {
        match self {
            Source::Authority(core) => Svid::issue(core, grant, uid).await,
            Source::Node(node) => Arc::clone(node).issue(grant, state.issuer.as_ref()).await,
        }
    }

    /// A JWT-SVID of each of these.
    pub(super) async fn jwt_svids(
        &self,
        state: Arc<State>,
        grants: Vec<Arc<Grant>>,
        audience: Vec<String>,
    ) -> Result<Vec<JwtSvid>, Status> {
        let svids = match self {
            Source::Authority(core) => {
                let now = core.now();
                let signed = core.compute(move || {
                    let svids = grants.iter().map(|grant| {
                        let token = state.jwt_svid(&grant.entry, &audience, now)?;
                        Ok(grant.jwt_svid(token))
                    });
                    svids.collect()
                });
                signed.await
            }
            Source::Node(node) => {
                let node = Arc::clone(node);
                self.compute(move || node.jwt_svids(&grants, &audience))
                    .await
            }
        };
        svids.map_err(|_| svid::unavailable())
    }

    /// Runs work that waits or computes for long beside the threads that serve.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        match self {
            Source::Authority(core) => core.compute(work).await,
            Source::Node(node) => node.compute(work).await,
        }
    }

    /// Says who was refused, for those who look for the reason.
    pub(super) fn note_denied(&self, process: &Process) {
        let message = format!("no entry matches {process}");
        let event = Event {
            level: Level::Debug,
            ..Event::new("no identity", message, self.now())
        };
        match self {
            Source::Authority(core) => core.log(event),
            Source::Node(node) => node.log(event),
        }
    }

    /// How long a connection may be without a call.
    pub(super) fn idle_time(&self) -> Duration {
        let time = match self {
            Source::Authority(core) => core.settings().limits.idle_time,
            Source::Node(_) => Limits::default().idle_time,
        };
        time.duration().unsigned_abs()
    }
}
