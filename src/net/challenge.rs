//! Listeners that answer an ACME server's validation, for the moment it takes.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

use super::acme::authorization_digest;

/// A listener that answers validations; stops when dropped.
#[derive(Debug)]
pub struct ChallengeListener {
    address: SocketAddr,
    proofs: Arc<Proofs>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How a listener proves control of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A file over plain HTTP ([RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).
    Http01,
    /// A certificate over TLS ([RFC 8737](https://www.rfc-editor.org/rfc/rfc8737)).
    TlsAlpn01,
}

impl ChallengeListener {
    /// Listens on this address.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn start(protocol: Protocol, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let proofs = Arc::new(Proofs::default());
        let is_stopped = Arc::new(AtomicBool::new(false));
        let answer: Arc<Answer> = match protocol {
            Protocol::Http01 => {
                let proofs = Arc::clone(&proofs);
                Arc::new(move |stream| answer_http(stream, &proofs))
            }
            Protocol::TlsAlpn01 => {
                let config = tls_config(Arc::clone(&proofs))?;
                Arc::new(move |stream| answer_tls(stream, &config))
            }
        };
        let stopped = Arc::clone(&is_stopped);
        let thread = std::thread::spawn(move || serve(&listener, &answer, &stopped));
        Ok(ChallengeListener {
            address,
            proofs,
            is_stopped,
            thread: Some(thread),
        })
    }

    /// Answers an HTTP challenge with this token.
    pub fn add_file(&self, token: &str, key_authorization: &str) {
        let mut files = lock(&self.proofs.files);
        files.insert(token.to_owned(), key_authorization.to_owned());
    }

    /// Answers a TLS challenge for this name.
    ///
    /// # Errors
    /// When no certificate can be created for it.
    pub fn add_certificate(&self, name: &str, key_authorization: &str) -> io::Result<()> {
        let certificate = challenge_certificate(name, key_authorization)?;
        let name = match name.parse::<IpAddr>() {
            Ok(address) => reverse_name(address),
            Err(_) => name.to_ascii_lowercase(),
        };
        lock(&self.proofs.certificates).insert(name, Arc::new(certificate));
        Ok(())
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ChallengeListener {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Release);
        let mut own = self.address;
        if own.ip().is_unspecified() {
            own.set_ip(match own {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        // Wakes the listener; where that fails, it ends with the process.
        if TcpStream::connect_timeout(&own, Duration::from_secs(1)).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A thread that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

/// What is proven: files by token, certificates by server name.
#[derive(Debug, Default)]
struct Proofs {
    files: Mutex<HashMap<String, String>>,
    certificates: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl ResolvesServerCert for Proofs {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        lock(&self.certificates).get(&name).cloned()
    }
}

type Answer = dyn Fn(TcpStream) -> io::Result<()> + Send + Sync;

fn serve(listener: &TcpListener, answer: &Arc<Answer>, is_stopped: &AtomicBool) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if is_stopped.load(Ordering::Acquire) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let limit = stream.set_read_timeout(Some(PATIENCE));
        if limit.is_err() || open.fetch_add(1, Ordering::AcqRel) >= MAX_CONNECTIONS {
            open.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let (answer, open) = (Arc::clone(answer), Arc::clone(&open));
        std::thread::spawn(move || {
            // A client that goes away is no concern of ours.
            let _ = answer(stream);
            open.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

/// Reads one request and answers it.
fn answer_http(mut stream: TcpStream, proofs: &Proofs) -> io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 || request.len() > MAX_REQUEST_BYTES {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..count]);
    }
    let line = request.split(|byte| *byte == b'\r').next();
    let line = String::from_utf8_lossy(line.unwrap_or_default());
    let mut words = line.split(' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let token = path.strip_prefix(WELL_KNOWN);
    let file = token.and_then(|token| lock(&proofs.files).get(token).cloned());
    let (status, body) = match (method, file) {
        (Some("GET" | "HEAD"), Some(file)) => ("200 OK", file),
        (_, _) => ("404 Not Found", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if method == Some("GET") {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

/// Shakes hands; no data follows.
fn answer_tls(mut stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<()> {
    let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    connection.send_close_notify();
    connection.complete_io(&mut stream)?;
    // Until the validator closes: a reset could destroy what it has not read yet.
    let mut rest = [0; 1024];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}

fn tls_config(proofs: Arc<Proofs>) -> io::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(proofs);
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    Ok(Arc::new(config))
}

/// The certificate that proves control of a name ([RFC 8737 §3](https://www.rfc-editor.org/rfc/rfc8737#section-3)).
fn challenge_certificate(name: &str, key_authorization: &str) -> io::Result<CertifiedKey> {
    let digest = authorization_digest(key_authorization);
    let mut params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&digest)];
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    let pkcs8 = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signer = any_supported_type(&pkcs8).map_err(io::Error::other)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
}

/// The server name that stands for an address ([RFC 8738 §6](https://www.rfc-editor.org/rfc/rfc8738#section-6)).
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let bytes = address.octets();
            let nibbles = bytes.iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let labels: Vec<_> = nibbles.map(|nibble| format!("{nibble:x}")).collect();
            format!("{}.ip6.arpa", labels.join("."))
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the files of HTTP challenges are.
pub const WELL_KNOWN: &str = "/.well-known/acme-challenge/";
const ACME_TLS: &[u8] = b"acme-tls/1";
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_REQUEST_BYTES: usize = 8 * 1024;
const MAX_CONNECTIONS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_of_a_known_token_is_served() {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = ChallengeListener::start(Protocol::Http01, local).unwrap();
        listener.add_file("abc", "abc.thumb");
        let get = |path: &str| {
            let mut stream = TcpStream::connect(listener.address()).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        assert!(get("/.well-known/acme-challenge/abc").ends_with("\r\n\r\nabc.thumb"));
        for path in [
            "/",
            "/.well-known/acme-challenge/",
            "/.well-known/acme-challenge/abcd",
        ] {
            assert!(get(path).starts_with("HTTP/1.1 404 "), "{path}");
        }
        let address = listener.address();
        drop(listener);
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn an_address_has_the_reverse_name_of_the_dns() {
        let name = |text: &str| reverse_name(text.parse().unwrap());
        assert_eq!(name("192.0.2.7"), "7.2.0.192.in-addr.arpa");
        assert!(name("2001:db8::1").starts_with("1.0.0.0."));
        assert!(name("2001:db8::1").ends_with(".8.b.d.0.1.0.0.2.ip6.arpa"));
    }
}
