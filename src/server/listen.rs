//! The two ports: https, and plain HTTP.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::connection::{Activity, CountedBody, Watched, drive};
use super::core::Core;
use super::peer::Peer;
use crate::error::Error;

/// Binds an address.
///
/// # Errors
/// When it is in use, or not one of this machine's.
pub(super) fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, Error> {
    let bound = TcpListener::bind(address);
    let bound = bound.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    bound.map_err(|source| Error::Listen {
        address,
        flag,
        source,
    })
}

/// Lets this process have as many files and connections as the system permits; many systems begin at 1,024.
pub(super) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Otherwise fewer connections are accepted at once.
    let _ = setrlimit(Resource::Nofile, all);
}

/// A port and what it serves.
pub(super) struct Port {
    core: Arc<Core>,
    /// `None` for plain HTTP.
    acceptor: Option<TlsAcceptor>,
    router: Router,
    connections: Arc<Connections>,
    draining: watch::Receiver<bool>,
    /// Closed when the last connection has ended.
    alive: mpsc::Sender<Infallible>,
}

impl Port {
    pub(super) fn new(
        core: &Arc<Core>,
        acceptor: Option<TlsAcceptor>,
        router: Router,
        connections: &Arc<Connections>,
        (draining, alive): (watch::Receiver<bool>, mpsc::Sender<Infallible>),
    ) -> Arc<Self> {
        Arc::new(Port {
            core: Arc::clone(core),
            acceptor,
            router,
            connections: Arc::clone(connections),
            draining,
            alive,
        })
    }

    /// Accepts connections until the server drains.
    pub(super) async fn accept(self: Arc<Self>, listener: tokio::net::TcpListener) {
        let mut draining = self.draining.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = draining.changed() => return,
            };
            match accepted {
                Ok((stream, address)) => self.connected(stream, address),
                // No file descriptor is left, or the client is gone already.
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn connected(self: &Arc<Self>, stream: TcpStream, address: SocketAddr) {
        let limits = &self.core.settings().limits;
        let (all, each) = (limits.connections, limits.connections_per_address);
        let Some(counted) =
            Connections::enter(&self.connections, &self.core, address.ip(), all, each)
        else {
            let metrics = self.core.metrics();
            metrics.refused_connections.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let port = Arc::clone(self);
        tokio::spawn(async move {
            port.serve(stream, address).await;
            drop((counted, port));
        });
    }

    async fn serve(&self, stream: TcpStream, address: SocketAddr) {
        let _alive = self.alive.clone();
        // Answers are short; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let activity = Activity::begin();
        let stream = Watched::new(stream, &activity);
        let header_time = self.core.settings().limits.header_time.duration();
        let header_time = header_time.unsigned_abs();
        let Some(acceptor) = &self.acceptor else {
            self.http1(stream, Client::new(address, None), &activity)
                .await;
            return;
        };
        let accepted = timeout(header_time, Box::pin(acceptor.accept(stream)));
        let Ok(Ok(stream)) = accepted.await else {
            return;
        };
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let certificate = certificate.map(|leaf| Arc::from(leaf.as_ref()));
        let client = Client::new(address, certificate);
        if session.alpn_protocol() == Some(b"h2") {
            self.http2(stream, client, &activity).await;
        } else {
            self.http1(stream, client, &activity).await;
        }
    }

    async fn http1<S>(&self, stream: S, client: Client, activity: &Arc<Activity>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.core.settings().limits;
        let service = self.service(client, activity);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_time.duration().unsigned_abs())
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let idle_time = limits.idle_time.duration().unsigned_abs();
        drive(connection, activity, idle_time, self.draining.clone()).await;
    }

    async fn http2<S>(&self, stream: S, client: Client, activity: &Arc<Activity>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.core.settings().limits;
        let service = self.service(client, activity);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER_LIST_BYTES)
            .max_pending_accept_reset_streams(MAX_RESETS)
            .max_local_error_reset_streams(MAX_RESETS)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(MAX_SEND_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let idle_time = limits.idle_time.duration().unsigned_abs();
        drive(connection, activity, idle_time, self.draining.clone()).await;
    }

    /// What answers the requests of a connection.
    fn service(&self, client: Client, activity: &Arc<Activity>) -> Answering {
        Answering {
            core: Arc::clone(&self.core),
            router: self.router.clone(),
            client,
            activity: Arc::clone(activity),
        }
    }
}

/// Answers the requests of a connection.
struct Answering {
    core: Arc<Core>,
    router: Router,
    client: Client,
    activity: Arc<Activity>,
}

impl hyper::service::Service<Request<Incoming>> for Answering {
    type Response = Response<CountedBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<CountedBody>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let in_flight = self.activity.request();
        request.extensions_mut().insert(Peer {
            address: self.client.address,
            client_certificate: self.client.certificate.clone(),
            request_id: self.core.next_request_id(),
        });
        let answered = self.router.clone().call(request.map(Body::new));
        Box::pin(async move {
            let response = answered.await?;
            Ok(response.map(|body| CountedBody::new(body, in_flight)))
        })
    }
}

/// The other side of a connection.
struct Client {
    address: SocketAddr,
    certificate: Option<Arc<[u8]>>,
}

impl Client {
    fn new(address: SocketAddr, certificate: Option<Arc<[u8]>>) -> Self {
        let ip = address.ip().to_canonical();
        Client {
            address: (ip, address.port()).into(),
            certificate,
        }
    }
}

/// The connections that are open, in all and from each address; of IPv6, from each network of 64 bits.
#[derive(Default)]
pub(super) struct Connections {
    by_source: Mutex<HashMap<IpAddr, u32>>,
}

impl Connections {
    /// Counts a connection until the guard is dropped; `None` where a limit refuses it.
    fn enter(
        connections: &Arc<Self>,
        core: &Arc<Core>,
        address: IpAddr,
        all: u32,
        each: u32,
    ) -> Option<Counted> {
        let source = source_of(address);
        let mut by_source = connections.lock();
        let open = core.metrics().connections.load(Ordering::Relaxed);
        let own = by_source.entry(source).or_default();
        if (all > 0 && open >= i64::from(all)) || (each > 0 && *own >= each) {
            if *own == 0 {
                by_source.remove(&source);
            }
            return None;
        }
        *own += 1;
        core.metrics().connections.fetch_add(1, Ordering::Relaxed);
        Some(Counted {
            connections: Arc::clone(connections),
            core: Arc::clone(core),
            source,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

struct Counted {
    connections: Arc<Connections>,
    core: Arc<Core>,
    source: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut by_source = self.connections.lock();
        if let Some(own) = by_source.get_mut(&self.source) {
            *own -= 1;
            if *own == 0 {
                by_source.remove(&self.source);
            }
        }
        self.core
            .metrics()
            .connections
            .fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whom a limit per address counts: the address, of IPv6 its network.
pub(in crate::server) fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            const NETWORK: u128 = !0 << 64;
            Ipv6Addr::from_bits(address.to_bits() & NETWORK).into()
        }
    }
}

const PAUSE: Duration = Duration::from_millis(50);
const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1024;
const MAX_STREAMS: u32 = 64;
const MAX_RESETS: usize = 20;
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
const MAX_SEND_BYTES: usize = 64 * 1024;
