//! A TLS server on this machine that answers whoever trusts its certificate.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A TLS server on the loopback interface; it ends when it is dropped.
///
/// It speaks HTTP/2 as far as a gRPC channel has to see it, and answers any HTTP/1.1 request with `ok`.
#[derive(Debug)]
pub struct Responder {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Starts one that shows these certificates, as DER, with the key, as PKCS #8, of the first.
    ///
    /// # Errors
    /// When the key is not the certificate's or of a kind no one takes, or no port is free.
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
        let is_over = Arc::new(AtomicBool::new(false));
        let (config, over) = (Arc::new(config), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || serve(&listener, &config, &over));
        Ok(Responder {
            address,
            is_over,
            thread: Some(thread),
        })
    }

    /// The port it listens on, of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // The thread waits for a connection: it gets one.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            // What a peer did to it has no meaning any more.
            let _ = thread.join();
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ResponderError {
    /// The certificate or its key cannot be served.
    #[error("the certificate cannot be served: {0}")]
    Tls(#[from] rustls::Error),
    /// No port.
    #[error("no port on this machine: {0}")]
    Io(#[from] io::Error),
}

fn serve(listener: &TcpListener, config: &Arc<ServerConfig>, is_over: &AtomicBool) {
    while let Ok((stream, _)) = listener.accept() {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let config = Arc::clone(config);
        // Whoever breaks off tells the one who asks, not us.
        std::thread::spawn(move || answer(stream, config));
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    let mut request = [0; 4096];
    tls.flush()?;
    let count = tls.read(&mut request)?;
    if count == 0 {
        return Ok(());
    }
    if tls.conn.alpn_protocol() == Some(H2) {
        tls.write_all(&SETTINGS)?;
        tls.flush()?;
        // The channel is ready with our SETTINGS; it is the other side that closes.
        while tls.read(&mut request)? > 0 {}
        return Ok(());
    }
    tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")?;
    tls.conn.send_close_notify();
    tls.flush()
}

const H2: &[u8] = b"h2";
/// An empty SETTINGS frame, then the acknowledgement of the other side's (RFC 9113 §6.5).
const SETTINGS: [u8; 18] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
const PATIENCE: Duration = Duration::from_secs(10);
