//! The agent of a node: the Workload API, with identities that a server issues. Keys stay here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::source::Source;
use super::state::{Grant, State};
use super::svid::{Svid, unavailable};
use super::{DRAIN_TIME, States, raise_descriptor_limit, serve};
use crate::config::PublicUrl;
use crate::error::{Error, shown};
use crate::files::{ListeningSocket, Stamp};
use crate::net::ServiceManager;
use crate::net::grpc::Status;
use crate::net::workload::messages::JwtSvid;
use crate::ops::workload::node::NodeServer;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::server::failure::Failure;
use crate::server::log::{Event, Level, Log};
use crate::server::{Signals, runtime};

/// What an agent serves, and where.
pub struct AgentRequest {
    /// The directory that was enrolled, with the certificate of the node.
    pub directory: PathBuf,
    /// The server; `None` for the one it was enrolled with.
    pub server: Option<PublicUrl>,
    /// The socket.
    pub socket: PathBuf,
    /// The service manager.
    pub service: ServiceManager,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
    /// What is logged.
    pub log_level: Level,
}

/// Serves the Workload API until SIGTERM or SIGINT.
///
/// # Errors
/// When the directory has no certificate of a node, or the socket cannot be used. A server that cannot be reached is
/// tried again.
pub fn run_agent(
    request: &AgentRequest,
    write: impl Fn(&Event) + Send + 'static,
) -> Result<(), Error> {
    let log = Log::start(request.log_level, write)?;
    let node = Arc::new(Node {
        directory: request.directory.clone(),
        url: request.server.clone(),
        clock: request.clock,
        log: log.clone(),
        server: Mutex::default(),
        held: Mutex::default(),
        failure: Mutex::default(),
    });
    let id = node.server()?.node.clone();
    raise_descriptor_limit();
    let socket = ListeningSocket::bind(&request.socket)?;
    let path = shown(socket.path());
    let runtime = runtime()?;
    let source = Source::Node(Arc::clone(&node));
    let served = runtime.block_on(async {
        let mut signals = Signals::take()?;
        let states = States::follow(source.clone());
        let (drain, draining) = watch::channel(false);
        let (alive, mut ended) = mpsc::channel(1);
        let to_serve = serve(source, states, socket, (draining, alive));
        let serving = tokio::spawn(to_serve);
        let message = format!("unix:{path} for {id}");
        request.service.ready();
        request.service.status(&message);
        log.event(Event::new("listening", message, node.now()));
        signals.stop().await;
        request.service.stopping();
        let _ = drain.send(true);
        let _ = timeout(DRAIN_TIME, ended.recv()).await;
        let _ = serving.await;
        log.event(Event::new("stopped", "stopped", node.now()));
        Ok(())
    });
    // The node has a client with threads of its own, which must not end within a task.
    drop(runtime);
    drop(node);
    log.flush();
    served
}

/// A node, and its server.
pub(super) struct Node {
    directory: PathBuf,
    url: Option<PublicUrl>,
    clock: fn() -> OffsetDateTime,
    log: Log,
    /// Opened again when the files of the certificate change.
    server: Mutex<Option<Opened>>,
    /// The last SVID of each entry, for as long as the server cannot be reached.
    held: Mutex<HashMap<String, Svid>>,
    /// Why the server gave nothing last; empty when it did.
    failure: Mutex<String>,
}

/// A server, and the files of the certificate that it was opened with.
struct Opened {
    server: Arc<NodeServer>,
    stamps: Vec<Option<Stamp>>,
}

impl Node {
    pub(super) fn now(&self) -> OffsetDateTime {
        (self.clock)()
    }

    pub(super) fn log(&self, event: Event) {
        self.log.event(event);
    }

    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        match spawn_blocking(work).await {
            Ok(done) => done.map_err(|error| {
                self.note(Some(&error));
                Failure::Unavailable
            }),
            Err(_) => Err(Failure::Internal),
        }
    }

    /// What the server lets this node serve.
    pub(super) async fn state(self: Arc<Self>) -> Result<State, Failure> {
        let node = Arc::clone(&self);
        let state = self.compute(move || {
            let told = node.server()?.state()?;
            let mut x509_bundles = std::collections::BTreeMap::new();
            for (domain, bundle) in told.x509_bundles {
                // A bundle that cannot be read is as good as none.
                let bundle = Base64::decode_vec(&bundle).unwrap_or_default();
                x509_bundles.insert(domain, bundle);
            }
            let jwt_bundles = told.jwt_bundles.into_iter();
            let entries = told.entries.into_iter();
            let grants = entries.map(|entry| {
                let entry = Arc::new(entry);
                Arc::new(Grant { entry })
            });
            let grants: Vec<_> = grants.collect();
            Ok(State {
                is_known: true,
                trust_domain: Some(told.trust_domain),
                x509_bundles,
                jwt_bundles: jwt_bundles
                    .map(|(id, set)| (id, set.into_bytes()))
                    .collect(),
                issuer: Some(Fingerprint::sha256(told.issuer.as_bytes())),
                ..State::default()
            }
            .with(grants))
        });
        let state = state.await?;
        self.note(None);
        Ok(state)
    }

    /// A new SVID; while the server cannot be reached, the last one, as long as it is valid.
    pub(super) async fn issue(
        self: Arc<Self>,
        grant: &Arc<Grant>,
        issuer: Option<&Fingerprint>,
    ) -> Result<Svid, Status> {
        let issuer = issuer.cloned().ok_or_else(unavailable)?;
        let (node, granted) = (Arc::clone(&self), Arc::clone(grant));
        let issued = self.compute(move || {
            let issued_at = node.now();
            let (certificates, key) = node.server()?.svid(&granted.entry)?;
            let not_after = certificates.first().map(Certificate::not_after);
            let not_after = not_after.unwrap_or(issued_at);
            let chain = certificates.iter().flat_map(|one| one.as_der().to_vec());
            let times = (issued_at, not_after);
            Svid::new(&granted, chain.collect(), &key, issuer, times)
        });
        let id = format!("{:?}", grant.entry);
        match issued.await {
            Ok(svid) => {
                self.note(None);
                let now = self.now();
                let mut held = lock(&self.held);
                held.retain(|_, svid| svid.is_valid(now));
                held.insert(id, svid.clone());
                Ok(svid)
            }
            Err(_) => {
                let held = lock(&self.held).get(&id).cloned();
                let now = self.now();
                held.filter(|svid| svid.is_valid(now))
                    .ok_or_else(unavailable)
            }
        }
    }

    /// A JWT-SVID of each of these.
    pub(super) fn jwt_svids(
        &self,
        grants: &[Arc<Grant>],
        audience: &[String],
    ) -> Result<Vec<JwtSvid>, Error> {
        let server = self.server()?;
        let svids = grants.iter().map(|grant| {
            let token = server.jwt_svid(&grant.entry, audience)?;
            Ok(grant.jwt_svid(token))
        });
        svids.collect()
    }

    /// The server, by the certificate as it is now. Not to be called within a task: it may end a client's threads.
    fn server(&self) -> Result<Arc<NodeServer>, Error> {
        let mut current = lock(&self.server);
        if let Some(opened) = &*current
            && opened.server.stamps() == opened.stamps
        {
            return Ok(Arc::clone(&opened.server));
        }
        let server = NodeServer::open(&self.directory as &Path, self.url.as_ref())?;
        let server = Arc::new(server);
        *current = Some(Opened {
            stamps: server.stamps(),
            server: Arc::clone(&server),
        });
        Ok(server)
    }

    /// Says once that the server gives nothing, and once that it does again.
    fn note(&self, error: Option<&Error>) {
        let text = error.map(ToString::to_string).unwrap_or_default();
        let mut last = lock(&self.failure);
        if *last == text {
            return;
        }
        let was_reached = last.is_empty();
        last.clone_from(&text);
        drop(last);
        match error {
            Some(error) => {
                self.log
                    .event(Event::of_error("server unreachable", error, self.now()));
                if was_reached {
                    let message = "SVIDs that are valid are served until they expire";
                    self.log.event(Event::new("holding", message, self.now()));
                }
            }
            None => {
                let message = "the server answers again";
                self.log
                    .event(Event::new("server reachable", message, self.now()));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often the server is asked for changes.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(3);
