//! The SPIFFE Workload API on a Unix socket: short-lived identities for the processes of this machine.
//!
//! ```text
//! connection ─► Process (peer credentials, pidfd) ─► AnyAuthority ─► HTTP/2 ─► Calls ─► streams
//! certs.toml, inventory, authority ─► State ─► streams
//!                     server of a node ─► State
//! ```

mod agent;
mod authority;
mod bundles;
mod endpoint;
pub(super) mod federation;
mod jwt_svids;
mod nodes;
mod process;
mod service;
mod source;
mod state;
mod svid;
mod x509_svids;

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

pub use self::agent::{AgentRequest, run_agent};
use self::authority::AnyAuthority;
use self::process::{Digests, Process};
use self::service::{Caller, Calls};
use self::source::Source;
use self::state::{Grant, State};
use super::connection::{Activity, Watched, drive};
use super::core::Core;
use crate::authority::CONFIG;
use crate::config::Config;
use crate::error::{Error, WorkloadError};
use crate::files::ListeningSocket;
use crate::net::grpc::{Code, Status};

/// Binds the socket that certs.toml or the command line names.
///
/// # Errors
/// When something else is at its path, or certs.toml has no trust domain.
pub(super) fn bind(
    directory: &Path,
    config: &Config,
    path: Option<&PathBuf>,
) -> Result<Option<ListeningSocket>, Error> {
    let configured = config.serve().workload_socket.as_ref();
    let configured = configured.map(|path| directory.join(path));
    let Some(path) = path.cloned().or(configured) else {
        return Ok(None);
    };
    if config.workload().is_none() {
        let path = directory.join(CONFIG);
        return Err(WorkloadError::NoTrustDomain { path }.into());
    }
    raise_descriptor_limit();
    ListeningSocket::bind(&path).map(Some)
}

/// What is served, kept current by a task.
#[derive(Clone)]
pub(super) struct States(watch::Receiver<Arc<State>>);

impl States {
    /// What the authority of this server says.
    pub(super) fn of(core: &Arc<Core>) -> Self {
        States::follow(Source::Authority(Arc::clone(core)))
    }

    fn follow(source: Source) -> Self {
        let (sender, receiver) = watch::channel(Arc::default());
        let pause = match source {
            Source::Authority(_) => LOOK_EVERY,
            Source::Node(_) => agent::ASK_EVERY,
        };
        tokio::spawn(async move {
            let known = Arc::default();
            while !sender.is_closed() {
                match source.state(&known).await {
                    Ok(state) => {
                        if !state.is_same(&sender.borrow()) {
                            sender.send_replace(Arc::new(state));
                        }
                        sleep(pause).await;
                    }
                    // It stays as it was. The log has the reason, and not too often.
                    Err(_) => sleep(AFTER_FAILURE).await,
                }
            }
        });
        States(receiver)
    }

    fn current(&self) -> Arc<State> {
        Arc::clone(&self.0.borrow())
    }
}

/// What other trust domains, and the agents of nodes, fetch over https.
pub(super) fn routes(states: &States) -> Router<Arc<Core>> {
    endpoint::routes(states).merge(nodes::routes(states))
}

/// Serves a socket with what the authority of this server says, until it drains.
pub(super) async fn serve_authority(
    core: Arc<Core>,
    states: States,
    socket: ListeningSocket,
    until: (watch::Receiver<bool>, mpsc::Sender<Infallible>),
) -> Result<(), Error> {
    serve(Source::Authority(core), states, socket, until).await
}

/// Serves a socket until the server drains.
async fn serve(
    source: Source,
    states: States,
    socket: ListeningSocket,
    (mut draining, alive): (watch::Receiver<bool>, mpsc::Sender<Infallible>),
) -> Result<(), Error> {
    let listener = into_tokio(&socket)?;
    let workloads = Arc::new(Workloads {
        source,
        states,
        digests: Arc::default(),
        turns: Semaphore::new(MAX_DIGESTING),
        connections: Mutex::default(),
        draining: draining.clone(),
        alive,
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = draining.changed() => return Ok(()),
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(Arc::clone(&workloads).connected(stream));
            }
            // No file descriptor is left, or the client is gone already.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

fn into_tokio(socket: &ListeningSocket) -> Result<UnixListener, Error> {
    let listener = socket.listener()?;
    UnixListener::from_std(listener).map_err(|source| Error::Io {
        action: "listen at",
        path: socket.path().to_owned(),
        source,
    })
}

/// What all connections share.
struct Workloads {
    source: Source,
    states: States,
    digests: Arc<Digests>,
    turns: Semaphore,
    /// How many connections each user has.
    connections: Mutex<HashMap<u32, u32>>,
    draining: watch::Receiver<bool>,
    /// Closed when the last connection has ended.
    alive: mpsc::Sender<Infallible>,
}

impl Workloads {
    fn source(&self) -> &Source {
        &self.source
    }

    fn state(&self) -> Arc<State> {
        self.states.current()
    }

    fn states(&self) -> watch::Receiver<Arc<State>> {
        self.states.0.clone()
    }

    /// Waits until it is known what is served: at the start, the inventory or the server may not answer.
    async fn ready(&self) -> Result<(), Status> {
        let mut states = self.states();
        let known = timeout(READY_TIME, states.wait_for(|state| state.is_known));
        match known.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(svid::unavailable()),
        }
    }

    fn draining(&self) -> watch::Receiver<bool> {
        self.draining.clone()
    }

    /// What a process is granted, in the order of the entries.
    async fn grants(&self, process: &Arc<Process>, state: &Arc<State>) -> Vec<Arc<Grant>> {
        let (process, to_select) = (Arc::clone(process), Arc::clone(state));
        let digests = Arc::clone(&self.digests);
        let select = move || {
            let grants = to_select.grants.iter();
            let granted = grants.filter(|grant| process.is_granted(grant, &to_select, &digests));
            granted.cloned().collect::<Vec<_>>()
        };
        // Reading large programs must not take all threads.
        let _turn = match state.names_digests() {
            true => self.turns.acquire().await.ok(),
            false => None,
        };
        let granted = self.source.compute(move || Ok(select()));
        granted.await.unwrap_or_default()
    }

    async fn connected(self: Arc<Self>, stream: UnixStream) {
        // One that has ended gets nothing.
        let Ok(process) = Process::of(&stream) else {
            return;
        };
        let Some(_counted) = Counted::enter(&self, process.uid) else {
            return;
        };
        let _alive = self.alive.clone();
        let activity = Activity::waiting();
        let stream = AnyAuthority::new(Watched::new(stream, &activity));
        let calls = Calls {
            caller: Caller {
                workloads: Arc::clone(&self),
                process: Arc::new(process),
            },
            activity: Arc::clone(&activity),
        };
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER_LIST_BYTES)
            .max_pending_accept_reset_streams(MAX_RESETS)
            .max_local_error_reset_streams(MAX_RESETS)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_send_buf_size(MAX_SEND_BYTES)
            .serve_connection(TokioIo::new(stream), calls);
        let idle_time = self.source.idle_time();
        drive(connection, &activity, idle_time, self.draining()).await;
    }
}

/// A connection that is counted until it ends.
struct Counted {
    workloads: Arc<Workloads>,
    uid: u32,
}

impl Counted {
    /// `None` where there are too many.
    fn enter(workloads: &Arc<Workloads>, uid: u32) -> Option<Self> {
        let mut connections = lock(&workloads.connections);
        let all: u32 = connections.values().sum();
        let own = connections.entry(uid).or_default();
        if all >= MAX_CONNECTIONS || *own >= MAX_CONNECTIONS_OF_USER {
            return None;
        }
        *own += 1;
        drop(connections);
        let workloads = Arc::clone(workloads);
        Some(Counted { workloads, uid })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut connections = lock(&self.workloads.connections);
        if let Some(own) = connections.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                connections.remove(&self.uid);
            }
        }
    }
}

fn lock(connections: &Mutex<HashMap<u32, u32>>) -> std::sync::MutexGuard<'_, HashMap<u32, u32>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets this process have as many descriptors as the system permits: each connection needs two.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // A system that refuses leaves things as they were.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}

fn denied() -> Status {
    Status::new(Code::PermissionDenied, "no identity issued")
}

fn stopping() -> Status {
    Status::new(Code::Unavailable, "the server is stopping")
}

/// How long open calls have after SIGTERM.
const DRAIN_TIME: Duration = Duration::from_secs(5);
const READY_TIME: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_secs(1);
const MAX_CONNECTIONS: u32 = 4_096;
/// One user cannot keep the others out.
const MAX_CONNECTIONS_OF_USER: u32 = 2_048;
/// A quarter of the threads that compute.
const MAX_DIGESTING: usize = 4;
const MAX_STREAMS: u32 = 1_024;
const MAX_RESETS: usize = 100;
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1024;
const WINDOW_BYTES: u32 = 64 * 1024;
const MAX_SEND_BYTES: usize = 64 * 1024;
