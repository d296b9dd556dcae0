//! One text, served over HTTP to whoever asks for `/metrics`: as little of HTTP/1.1 as Prometheus needs.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Serves a text until it is dropped with the process.
///
/// One request a connection and one connection at a time, each of at most two seconds and
/// 8 KiB; without TLS and without asking who it is, so the address should be one that only
/// this machine reaches.
#[derive(Debug)]
pub struct Exporter {
    text: Arc<Mutex<String>>,
    address: SocketAddr,
}

impl Exporter {
    /// Begins to serve an empty text at an address; at port 0, at a free one.
    ///
    /// # Errors
    /// When the address is taken or not this machine's, or no thread is to be had.
    pub fn serve(address: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            action: "listen",
            path: PathBuf::from(address.to_string()),
            source,
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let text = Arc::new(Mutex::new(String::new()));
        let served = text.clone();
        let thread = std::thread::Builder::new().name("metrics".into());
        thread
            .spawn(move || {
                for stream in listener.incoming() {
                    match stream {
                        // A client that misbehaves is its own affair.
                        Ok(stream) => drop(answer(stream, &served)),
                        // Out of descriptors, most likely: there may be some again.
                        Err(_) => std::thread::sleep(PAUSE),
                    }
                }
            })
            .map_err(failed)?;
        Ok(Exporter { text, address })
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves this text from now on.
    pub fn publish(&self, text: String) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// How long a client may take to ask, and again to take the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most octets of a request that are read.
const MAX_REQUEST_OCTETS: usize = 8 * 1024;

const PAUSE: Duration = Duration::from_millis(100);
const PATH: &str = "/metrics";

fn answer(mut stream: TcpStream, text: &Mutex<String>) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let head = request_head(&mut stream)?;
    let line = head
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let (status, body) = match (method, path) {
        ("GET" | "HEAD", PATH) => {
            let text = text.lock().unwrap_or_else(PoisonError::into_inner);
            ("200 OK", text.clone())
        }
        ("GET" | "HEAD", _) => ("404 Not Found", format!("see {PATH}\n")),
        ("", _) => ("400 Bad Request", String::new()),
        (_, _) => ("405 Method Not Allowed\r\nAllow: GET, HEAD", String::new()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        stream.write_all(body.as_bytes())?;
    }
    stream.shutdown(std::net::Shutdown::Write)
}

/// The request up to its blank line.
fn request_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let end = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while head.len() < MAX_REQUEST_OCTETS {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut part)?;
        head.extend_from_slice(&part[..read]);
        let is_whole = head.windows(4).any(|octets| octets == b"\r\n\r\n")
            || head.windows(2).any(|octets| octets == b"\n\n");
        if read == 0 || is_whole {
            return Ok(head);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_served_and_nothing_else() {
        let exporter = Exporter::serve(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        exporter.publish("up 1\n".into());
        for (request, status, body) in [
            (
                "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
                "200 OK",
                "up 1\n",
            ),
            ("GET /metrics?x=1 HTTP/1.0\n\n", "200 OK", "up 1\n"),
            ("HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK", ""),
            (
                "GET /../etc/passwd HTTP/1.1\r\n\r\n",
                "404 Not Found",
                "see /metrics\n",
            ),
            (
                "POST /metrics HTTP/1.1\r\n\r\n",
                "405 Method Not Allowed",
                "",
            ),
            ("\r\n\r\n", "400 Bad Request", ""),
        ] {
            let answer = ask(&exporter, request.as_bytes());
            let (head, rest) = answer.split_once("\r\n\r\n").unwrap();
            assert!(
                head.starts_with(&format!("HTTP/1.1 {status}")),
                "{request}: {head}"
            );
            assert_eq!(rest, body, "{request}");
        }
    }

    #[test]
    fn a_request_without_end_is_dropped_and_the_next_one_answered() {
        let exporter = Exporter::serve(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        exporter.publish("up 1\n".into());
        assert_eq!(ask(&exporter, &[b'x'; MAX_REQUEST_OCTETS]), "");
        assert!(ask(&exporter, b"GET /metrics HTTP/1.1\r\n\r\n").ends_with("up 1\n"));
    }

    fn ask(exporter: &Exporter, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(exporter.address()).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A connection that is reset has no answer.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}
