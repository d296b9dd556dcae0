//! One text served over HTTP at `/metrics`: as much of HTTP/1.1 as Prometheus needs.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Serves a text until the process ends.
///
/// One request per connection, each with a time limit. Of too many open connections the oldest is
/// closed, so that idle ones never keep a scrape out. There is neither TLS nor authentication: use
/// an address that only this machine reaches.
#[derive(Debug)]
pub struct Exporter {
    text: Arc<Mutex<String>>,
    address: SocketAddr,
}

impl Exporter {
    /// Starts serving an empty text; port 0 is a free port.
    ///
    /// # Errors
    /// When the address is in use or not this machine's, or no thread can be started.
    pub fn serve(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let text = Arc::new(Mutex::new(String::new()));
        let served = text.clone();
        let thread = std::thread::Builder::new().name("metrics".into());
        thread.spawn(move || accept(&listener, &served))?;
        Ok(Exporter { text, address })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the text.
    pub fn publish(&self, text: String) {
        *lock(&self.text) = text;
    }
}

fn accept(listener: &TcpListener, text: &Arc<Mutex<String>>) {
    let mut open: VecDeque<Weak<TcpStream>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // Most likely out of file descriptors: closing one frees one.
            close_oldest(&mut open);
            std::thread::sleep(PAUSE);
            continue;
        };
        open.retain(|stream| stream.strong_count() > 0);
        if open.len() >= MAX_CONNECTIONS {
            close_oldest(&mut open);
        }
        let stream = Arc::new(stream);
        open.push_back(Arc::downgrade(&stream));
        let text = text.clone();
        // A client that cannot be served sees its connection closed.
        let _ = std::thread::Builder::new()
            .name("metrics-client".into())
            .spawn(move || answer(&stream, &text));
    }
}

fn close_oldest(open: &mut VecDeque<Weak<TcpStream>>) {
    if let Some(oldest) = open.pop_front().and_then(|oldest| oldest.upgrade()) {
        let _ = oldest.shutdown(Shutdown::Both);
    }
}

fn answer(mut stream: &TcpStream, text: &Mutex<String>) -> io::Result<()> {
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    let head = request_head(stream)?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let (status, body) = match (method, path) {
        ("GET" | "HEAD", PATH) => ("200 OK", lock(text).clone()),
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
    stream.shutdown(Shutdown::Write)
}

/// The request up to its empty line.
fn request_head(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let end = Instant::now() + TIME_LIMIT;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while head.len() < MAX_REQUEST_BYTES {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut part)?;
        head.extend_from_slice(&part[..read]);
        let is_complete = head.windows(4).any(|bytes| bytes == b"\r\n\r\n")
            || head.windows(2).any(|bytes| bytes == b"\n\n");
        if read == 0 || is_complete {
            return Ok(head);
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn lock(text: &Mutex<String>) -> MutexGuard<'_, String> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For the request, and again for the answer.
const TIME_LIMIT: Duration = Duration::from_secs(2);
const MAX_CONNECTIONS: usize = 64;
const MAX_REQUEST_BYTES: usize = 8 * 1024;
const PAUSE: Duration = Duration::from_millis(10);
const PATH: &str = "/metrics";

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
    fn an_endless_request_is_dropped_and_the_next_one_answered() {
        let exporter = Exporter::serve(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        exporter.publish("up 1\n".into());
        assert_eq!(ask(&exporter, &[b'x'; MAX_REQUEST_BYTES]), "");
        assert!(ask(&exporter, b"GET /metrics HTTP/1.1\r\n\r\n").ends_with("up 1\n"));
    }

    #[test]
    fn idle_connections_do_not_keep_a_scrape_out() {
        let exporter = Exporter::serve(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        exporter.publish("up 1\n".into());
        let connect = |_| TcpStream::connect(exporter.address()).unwrap();
        let idle: Vec<_> = (0..3 * MAX_CONNECTIONS).map(connect).collect();
        let started = Instant::now();
        assert!(ask(&exporter, b"GET /metrics HTTP/1.1\r\n\r\n").ends_with("up 1\n"));
        assert!(started.elapsed() < TIME_LIMIT);
        drop(idle);
    }

    fn ask(exporter: &Exporter, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(exporter.address()).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A reset connection has no answer.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}
