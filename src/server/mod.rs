//! The authority as a service: HTTP in front of [`crate::ops`].
//!
//! A handler parses, runs a job on a `Core`, and answers. Nothing here decides what is issued.

#[cfg(not(fuzzing))]
mod acme;
#[cfg(fuzzing)]
pub mod acme;
mod acting;
mod authority;
mod certificate;
mod connection;
mod core;
mod dashboard;
mod est;
mod exchange;
mod failure;
mod health;
mod listen;
mod log;
mod metrics;
mod peer;
mod revocation;
mod settings;
mod store;
mod tls;
mod upkeep;
mod workload;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use time::OffsetDateTime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

pub use authority::Passphrase;
pub use log::{Event, Exchange, Level, Listening};
pub use settings::Overrides;
pub use workload::{AgentRequest, run_agent};

use self::authority::Authority;
use self::certificate::ServerCertificate;
use self::core::Core;
use self::listen::{Connections, Port};
use self::log::Log;
use self::settings::Settings;
use self::upkeep::{Before, Upkeep};
use self::workload::States;
use crate::authority::CERTIFICATE;
use crate::error::{Error, InFile as _, shown};
use crate::files::ListeningSocket;
use crate::net::ServiceManager;
use crate::ops::token;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;

/// What to serve, and how.
pub struct Request {
    /// The PKI directory.
    pub directory: PathBuf,
    /// What the command line sets.
    pub overrides: Overrides,
    /// A certificate and its key from elsewhere, to present instead of one that the authority issues.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Gives the passphrase of the CA's key.
    pub passphrase: Passphrase,
    /// The service manager.
    pub service: ServiceManager,
    /// How often the service manager's watchdog wants to hear of this process.
    pub alive_every: Option<Duration>,
    /// The current time.
    pub clock: fn() -> OffsetDateTime,
    /// The least important events that are logged.
    pub log_level: Level,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the authority cannot be used, the settings are wrong, or a port cannot be bound.
pub fn run(request: Request, write: impl Fn(&Event) + Send + 'static) -> Result<(), Error> {
    listen::raise_file_limit();
    crate::authority::set_program("serve");
    let log = Log::start(request.log_level, write)?;
    let done = serve(request, &log);
    log.flush();
    done
}

fn serve(request: Request, log: &Log) -> Result<(), Error> {
    let now = (request.clock)();
    let directory = &request.directory;
    let before = Before::reading(directory);
    let config = crate::authority::read_config(directory)?;
    let authority = Authority::open(directory, &request.passphrase, now)?;
    let (https, http) = request.overrides.addresses(&config);
    let https = listen::bind(https, "--listen")?;
    let http = http
        .map(|http| listen::bind(http, "--http-listen"))
        .transpose()?;
    let socket = request.overrides.workload_socket.as_ref();
    let socket = workload::bind(directory, &config, socket)?;
    let settings = Settings::new(&config, &request.overrides, address(&https)?);
    let of_config = (&config, &settings);
    let tls = request.tls.clone();
    let own = ServerCertificate::open(directory, tls, &request.passphrase, of_config, now)?;
    let runtime = runtime()?;
    let core = Core::new(
        directory,
        request.clock,
        (config, settings),
        authority,
        log.clone(),
    )?;
    let core = Arc::new(core);
    core.note_own_expiry(own.not_after());
    let server = Server {
        core,
        own,
        https,
        http,
        socket,
        request,
        before,
    };
    let done = runtime.block_on(server.run());
    // Jobs that wait for a locked inventory must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build();
    runtime.map_err(|source| Error::Io {
        action: "start threads for",
        path: "the server".into(),
        source,
    })
}

/// A server whose ports are bound.
struct Server {
    core: Arc<Core>,
    own: ServerCertificate,
    https: TcpListener,
    http: Option<TcpListener>,
    /// Of the Workload API.
    socket: Option<ListeningSocket>,
    request: Request,
    before: Before,
}

impl Server {
    async fn run(self) -> Result<(), Error> {
        let mut signals = Signals::take()?;
        let (drain, draining) = watch::channel(false);
        let (alive, mut ended) = mpsc::channel(1);
        let connections = Arc::new(Connections::default());
        let acceptor = tls::acceptor(self.own.presented()).in_file(CERTIFICATE)?;
        let listening = self.listening()?;
        let workloads = States::of(&self.core);
        let https = https_routes(&self.core, &workloads);
        let to_ports = (draining.clone(), alive.clone());
        let port = Port::new(&self.core, Some(acceptor), https, &connections, to_ports);
        tokio::spawn(port.accept(into_tokio(self.https)?));
        if let Some(http) = self.http {
            let router = http_routes(&self.core);
            let to_ports = (draining.clone(), alive.clone());
            let port = Port::new(&self.core, None, router, &connections, to_ports);
            tokio::spawn(port.accept(into_tokio(http)?));
        }
        if let Some(socket) = self.socket {
            let to_ports = (draining.clone(), alive.clone());
            let core = Arc::clone(&self.core);
            tokio::spawn(workload::serve_authority(core, workloads, socket, to_ports));
        }
        drop(alive);
        let url = self.core.settings().public_url.clone();
        // Tokens then name it by themselves; where the inventory cannot be written, `/readyz` says so.
        let _ = self
            .core
            .write(move |inventory, _| token::note_server(inventory, &url))
            .await;
        let core = Arc::clone(&self.core);
        tokio::spawn(workload::federation::follow(core, draining.clone()));
        let service = &self.request.service;
        self.core.log(Event {
            listening: Some(listening.clone()),
            ..Event::new("listening", listening.to_string(), self.core.now())
        });
        service.ready();
        service.status(&listening.to_string());
        let mut upkeep = Upkeep::new(Arc::clone(&self.core), self.own, &self.request, self.before);
        upkeep.until_stopped(&mut signals).await;
        service.stopping();
        self.core.log(Event::new(
            "stopping",
            "finishing open requests",
            self.core.now(),
        ));
        let _ = drain.send(true);
        tokio::select! {
            // Nothing is ever sent: it ends when every connection has dropped its sender.
            _ = timeout(DRAIN_TIME, ended.recv()) => {}
            () = signals.stop() => {}
        }
        self.core
            .log(Event::new("stopped", "stopped", self.core.now()));
        Ok(())
    }

    fn listening(&self) -> Result<Listening, Error> {
        let authority = self.core.authority();
        let fingerprint = |anchor: &Certificate| Fingerprint::sha256(anchor.as_der()).to_string();
        Ok(Listening {
            https: address(&self.https)?.to_string(),
            http: self
                .http
                .as_ref()
                .map(address)
                .transpose()?
                .map(|http| http.to_string()),
            workload_socket: self.socket.as_ref().map(|socket| shown(socket.path())),
            public_url: self.core.settings().public_url.to_string(),
            anchors: shown(self.request.directory.join(CERTIFICATE)),
            anchor_fingerprints: authority.anchors.iter().map(fingerprint).collect(),
            pid: std::process::id(),
        })
    }
}

/// What the https port serves.
fn https_routes(core: &Arc<Core>, workloads: &States) -> Router {
    let routes = health::routes()
        .merge(est::routes())
        .merge(acme::routes(core))
        .merge(dashboard::routes())
        .merge(workload::routes(workloads));
    with_limits(routes, core)
}

/// What the plain HTTP port serves: what is signed, and nothing else.
fn http_routes(core: &Arc<Core>) -> Router {
    let routes = health::certificate_routes().merge(revocation::routes(core));
    with_limits(routes, core)
}

fn with_limits(routes: Router<Arc<Core>>, core: &Arc<Core>) -> Router {
    routes
        .layer(middleware::from_fn_with_state(
            Arc::clone(core),
            exchange::exchange,
        ))
        .with_state(Arc::clone(core))
}

/// The signals of the process.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn take() -> Result<Self, Error> {
        let take = |kind| {
            signal(kind).map_err(|source| Error::Io {
                action: "wait for",
                path: "signals".into(),
                source,
            })
        };
        Ok(Signals {
            hangup: take(SignalKind::hangup())?,
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
        })
    }

    /// SIGTERM or SIGINT.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn address(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(of_port)
}

fn into_tokio(listener: TcpListener) -> Result<tokio::net::TcpListener, Error> {
    tokio::net::TcpListener::from_std(listener).map_err(of_port)
}

fn of_port(source: std::io::Error) -> Error {
    Error::Io {
        action: "use",
        path: "the port".into(),
        source,
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, MAX_WORKERS))
}

/// How long open requests have after SIGTERM.
const DRAIN_TIME: Duration = Duration::from_secs(10);
const MAX_WORKERS: usize = 8;
const MAX_BLOCKING_THREADS: usize = 16;
const STACK_BYTES: usize = 2 * 1024 * 1024;
