//! A TLS server on this machine, to find out whether a client trusts its certificate.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A TLS server on the loopback interface; stops when dropped.
///
/// Speaks as much HTTP/2 as a gRPC channel needs to become ready, and answers every HTTP/1.1
/// request with `ok`.
#[derive(Debug)]
pub struct Responder {
    address: SocketAddr,
    is_stopped: Arc<AtomicBool>,
    clients: Arc<Clients>,
    thread: Option<JoinHandle<()>>,
}

/// The clients so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Clients that connected.
    pub connections: usize,
    /// Clients that finished the TLS handshake.
    pub handshakes: usize,
}

impl Responder {
    /// Starts a server with this chain, as DER, and the first certificate's key, as PKCS #8.
    ///
    /// # Errors
    /// When the key does not match or its type is not supported, or no port is free.
    pub fn start(certificates: &[&[u8]], pkcs8: &[u8]) -> Result<Self, ResponderError> {
        let chain = certificates
            .iter()
            .map(|der| CertificateDer::from(der.to_vec()));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain.collect(), key)?;
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let is_stopped = Arc::new(AtomicBool::new(false));
        let clients = Arc::new(Clients::default());
        let (config, over) = (Arc::new(config), Arc::clone(&is_stopped));
        let counted = Arc::clone(&clients);
        let thread = std::thread::spawn(move || serve(&listener, &config, &over, &counted));
        Ok(Responder {
            address,
            is_stopped,
            clients,
            thread: Some(thread),
        })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The clients so far. Waits a moment for one more handshake than before, which may still be under way here when
    /// the client has already ended.
    pub fn counts(&self, before: Option<Counts>) -> Counts {
        let counts = self.clients.counts.lock();
        let counts = counts.unwrap_or_else(PoisonError::into_inner);
        let Some(before) = before else {
            return *counts;
        };
        let is_open = |counts: &mut Counts| counts.handshakes <= before.handshakes;
        let changed = &self.clients.changed;
        let waited = changed.wait_timeout_while(counts, SETTLING, is_open);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[derive(Debug, Default)]
struct Clients {
    counts: Mutex<Counts>,
    changed: Condvar,
}

impl Clients {
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            // What a client did to it no longer matters.
            let _ = thread.join();
        }
    }
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ResponderError {
    /// The certificate or its key is not usable.
    #[error("cannot serve the certificate: {0}")]
    Tls(#[from] rustls::Error),
    /// No port is free.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Io(#[from] io::Error),
}

fn serve(
    listener: &TcpListener,
    config: &Arc<ServerConfig>,
    is_stopped: &AtomicBool,
    clients: &Arc<Clients>,
) {
    while let Ok((stream, _)) = listener.accept() {
        if is_stopped.load(Ordering::Relaxed) {
            return;
        }
        clients.count(|counts| counts.connections += 1);
        let (config, clients) = (Arc::clone(config), Arc::clone(clients));
        // The client reports failures.
        std::thread::spawn(move || answer(stream, config, &clients));
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, clients: &Clients) -> io::Result<()> {
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    let mut request = [0; 4096];
    tls.flush()?;
    let read = tls.read(&mut request);
    if !tls.conn.is_handshaking() {
        clients.count(|counts| counts.handshakes += 1);
    }
    if read? == 0 {
        return Ok(());
    }
    if tls.conn.alpn_protocol() == Some(H2) {
        tls.write_all(&SETTINGS)?;
        tls.flush()?;
        // The channel is ready once it has our SETTINGS; the client closes.
        while tls.read(&mut request)? > 0 {}
        return Ok(());
    }
    tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")?;
    tls.conn.send_close_notify();
    tls.flush()
}

const H2: &[u8] = b"h2";
/// An empty SETTINGS frame, then the acknowledgement of the client's (RFC 9113 §6.5).
const SETTINGS: [u8; 18] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How long a handshake may still take here after the client ended.
const SETTLING: Duration = Duration::from_millis(500);
