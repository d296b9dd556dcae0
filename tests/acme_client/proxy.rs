//! A server between the client and Pebble that fails as it is told: it refuses, is silent, or loses answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is answered with this status, and perhaps Retry-After in seconds; Pebble does not see it.
    Status(u16, Option<u32>),
    /// Pebble answers it, and the answer is lost.
    AnswerLost,
    /// Nothing is answered until the proxy ends; Pebble does not see it.
    Silence,
    /// The test hears of it, and it is forwarded or not; it is never answered.
    Stop { is_forwarded: bool },
}

/// A fault of requests whose path starts so, this many times.
#[derive(Debug)]
struct Rule {
    prefix: String,
    fault: Fault,
    times: usize,
}

/// The proxy; its threads end with the test.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    rules: Arc<Mutex<Vec<Rule>>>,
    forwarded: Arc<Mutex<Vec<String>>>,
    stops: Receiver<()>,
}

impl Proxy {
    /// Starts one with this server pair before this port.
    pub(crate) fn start(pki: &Path, pebble: u16) -> Self {
        let server = Arc::new(server_config(pki));
        let client = Arc::new(client_config(pki));
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (stop, stops) = channel();
        let proxy = Proxy {
            address: listener.local_addr().unwrap(),
            rules: Arc::default(),
            forwarded: Arc::default(),
            stops,
        };
        let (rules, forwarded) = (Arc::clone(&proxy.rules), Arc::clone(&proxy.forwarded));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let connection = Connection {
                    client: Arc::clone(&client),
                    rules: Arc::clone(&rules),
                    forwarded: Arc::clone(&forwarded),
                    stop: stop.clone(),
                    pebble,
                };
                let tls = ServerConnection::new(Arc::clone(&server)).unwrap();
                std::thread::spawn(move || connection.serve(StreamOwned::new(tls, stream)));
            }
        });
        proxy
    }

    /// Fails the next `times` requests whose path starts with `prefix`.
    pub(crate) fn fail(&self, prefix: &str, fault: Fault, times: usize) {
        let prefix = prefix.to_owned();
        self.rules.lock().unwrap().push(Rule {
            prefix,
            fault,
            times,
        });
    }

    /// Fails no more.
    pub(crate) fn heal(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// Waits until a request was stopped.
    pub(crate) fn wait_for_stop(&self) {
        self.stops.recv_timeout(Duration::from_secs(30)).unwrap();
    }

    /// How many requests with such a path Pebble has seen.
    pub(crate) fn forwarded(&self, prefix: &str) -> usize {
        let forwarded = self.forwarded.lock().unwrap();
        forwarded
            .iter()
            .filter(|path| path.starts_with(prefix))
            .count()
    }
}

struct Connection {
    client: Arc<ClientConfig>,
    rules: Arc<Mutex<Vec<Rule>>>,
    forwarded: Arc<Mutex<Vec<String>>>,
    stop: Sender<()>,
    pebble: u16,
}

impl Connection {
    fn serve(&self, stream: StreamOwned<ServerConnection, TcpStream>) {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read_request(&mut stream) {
            let answer = match self.fault(&request.path) {
                None => self.forward(&request),
                Some(Fault::Status(status, retry_after)) => {
                    let retry_after = retry_after
                        .map_or(String::new(), |after| format!("Retry-After: {after}\r\n"));
                    format!("HTTP/1.1 {status} Fault\r\n{retry_after}Content-Length: 0\r\n\r\n")
                        .into_bytes()
                }
                Some(Fault::AnswerLost) => {
                    self.forward(&request);
                    return;
                }
                Some(Fault::Silence) => loop {
                    std::thread::park();
                },
                Some(Fault::Stop { is_forwarded }) => {
                    if is_forwarded {
                        self.forward(&request);
                    }
                    self.stop.send(()).unwrap();
                    loop {
                        std::thread::park();
                    }
                }
            };
            if stream.get_mut().write_all(&answer).is_err() {
                return;
            }
        }
    }

    fn fault(&self, path: &str) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        let mut matching = rules.iter_mut().filter(|rule| rule.times > 0);
        let rule = matching.find(|rule| path.starts_with(&rule.prefix))?;
        rule.times -= 1;
        Some(rule.fault)
    }

    /// Gives Pebble the request on a connection of its own, and its whole answer.
    fn forward(&self, request: &Request) -> Vec<u8> {
        self.forwarded.lock().unwrap().push(request.path.clone());
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", self.pebble)).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        stream.write_all(request.head.as_bytes()).unwrap();
        stream.write_all(b"Connection: close\r\n\r\n").unwrap();
        stream.write_all(&request.body).unwrap();
        let mut answer = Vec::new();
        // Go closes the connection without saying so.
        let _ = stream.read_to_end(&mut answer);
        let end = answer
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let mut body = answer[end + 4..].to_vec();
        if head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked")
        {
            body = unchunked(&body);
        }
        let skipped = ["connection:", "content-length:", "transfer-encoding:"];
        let kept = head.split("\r\n").filter(|line| {
            let line = line.to_ascii_lowercase();
            !skipped.iter().any(|name| line.starts_with(name))
        });
        let mut whole = kept.collect::<Vec<_>>().join("\r\n");
        whole.push_str(&format!("\r\nContent-Length: {}\r\n\r\n", body.len()));
        let mut whole = whole.into_bytes();
        if !request.head.starts_with("HEAD ") {
            whole.extend(body);
        }
        whole
    }
}

struct Request {
    path: String,
    /// The request line and the headers, without those about the connection.
    head: String,
    body: Vec<u8>,
}

fn read_request(
    stream: &mut BufReader<StreamOwned<ServerConnection, TcpStream>>,
) -> Option<Request> {
    let (mut head, mut length, mut path) = (String::new(), 0, String::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if head.is_empty() {
            path = line.split(' ').nth(1)?.to_owned();
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { path, head, body })
}

fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|end| end == b"\r\n").unwrap();
        let length = String::from_utf8_lossy(&chunks[..end]).into_owned();
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[end + 4 + length..];
    }
}

fn server_config(pki: &Path) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(pki.join("server.crt")).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(pki.join("server.key")).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

fn client_config(pki: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(pki.join("ca.crt")).unwrap())
        .unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
