//! What clients may take: no more than the settings say, and nothing of what others need.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::client::{Client, Stream, answer};
use super::server::{PATIENCE, Server};
use crate::peer::{certs, scratch};

#[test]
fn a_large_request_is_refused_however_it_says_its_length() {
    let server = serving("serve-large", "");
    let client = server.client();
    let just = "x".repeat(64 * 1024);
    let path = "/.well-known/est/simpleenroll";
    assert_ne!(client.post(path, "text/plain", just.as_bytes()).status, 413);
    let more = format!("{just}x");
    assert_eq!(client.post(path, "text/plain", more.as_bytes()).status, 413);
    let claimed = "POST /acme/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    assert_eq!(client.send(claimed, b"").status, 413);
    let chunked = "POST /acme/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = format!("10001\r\n{more}\r\n0\r\n\r\n");
    assert_eq!(client.send(chunked, body.as_bytes()).status, 413);
    let header = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {just}\r\n\r\n");
    assert_eq!(client.send(&header, b"").status, 431);
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_request_that_does_not_come_is_not_waited_for() {
    let limits = "header_time = '1s'\nbody_time = '1s'\nidle_time = '2s'\n";
    let server = serving("serve-slow", limits);
    let client = server.client();
    let started = Instant::now();
    let mut silent = TcpStream::connect(server.https).unwrap();
    let mut halves: Vec<Box<dyn Stream>> = [
        "",
        "GET /healthz HTTP/1.1\r\nHost: local",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    .into_iter()
    .map(|half| {
        let mut stream = client.connect();
        stream.write_all(half.as_bytes()).unwrap();
        stream.flush().unwrap();
        stream
    })
    .collect();
    let half = "POST /acme/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf";
    assert_eq!(client.send(half, b"").status, 408);
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_closed(&mut silent);
    halves
        .iter_mut()
        .for_each(|half| assert_closed(&mut **half));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    let metrics = server.get("/metrics");
    assert!(
        metrics
            .text()
            .contains("\nopenagents_certs_connections 1\n"),
        "{}",
        metrics.text()
    );
}

#[test]
fn an_idle_http2_connection_is_closed() {
    let server = serving("serve-idle", "idle_time = '1s'\n");
    let mut stream = server.client().with_protocol(b"h2").connect();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
    stream.flush().unwrap();
    assert_closed(&mut *stream);
}

#[test]
fn slow_clients_slow_no_one_else() {
    let server = serving("serve-others", "");
    let client = server.client();
    let half = "POST /acme/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n";
    let mut slow: Vec<Box<dyn Stream>> = (0..100).map(|_| client.connect()).collect();
    for stream in &mut slow {
        stream.write_all(half.as_bytes()).unwrap();
        stream.flush().unwrap();
    }
    let silent: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect(server.https).unwrap())
        .collect();
    let started = Instant::now();
    assert_eq!(server.get("/readyz").status, 200);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    drop((slow, silent));
}

#[test]
fn connections_are_limited_from_each_address_and_in_all() {
    for limit in ["connections", "connections_per_address"] {
        let server = serving(&format!("serve-{limit}"), &format!("{limit} = 2\n"));
        let client = Client::plain(server.http);
        let mut open: Vec<Box<dyn Stream>> = (0..2).map(|_| client.connect()).collect();
        for stream in &mut open {
            assert_eq!(exchange(&mut **stream), 200);
        }
        assert_closed(&mut *client.connect());
        drop(open.pop());
        super::until("a connection is free", || is_served(&server));
    }
}

#[test]
fn nothing_of_a_request_reaches_a_label_or_the_log_unescaped() {
    let server = serving("serve-escape", "");
    let client = Client::plain(server.http);
    let odd = "/a\"b\\%0a{c}\u{e9}";
    let status = client.get(odd).status;
    assert!(status == 404 || status == 400, "{status}");
    let method = "B\"{}A\\D / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(client.send(method, b"").status, 400);
    let custom = "CUSTOM /ca.crt HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(client.send(custom, b"").status, 405);
    client.get("/oact1.c2VjcmV0");
    let metrics = server.get("/metrics");
    for line in metrics.text().lines().filter(|line| !line.starts_with('#')) {
        let (labels, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(
            !labels.contains("/a") && !labels.contains("CUSTOM"),
            "{line}"
        );
    }
    assert!(
        metrics.text().contains("method=\"other\""),
        "{}",
        metrics.text()
    );
    server.wait_for("\"/…\"", 0);
    assert!(!server.log().contains("c2VjcmV0"), "{}", server.log());
    assert!(server.log().chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn open_requests_are_finished_before_it_stops() {
    let server = serving("serve-drain", "");
    let client = server.client();
    let mut idle = client.connect();
    let head = "POST /acme/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n";
    let mut open = client.connect();
    open.write_all(head.as_bytes()).unwrap();
    open.flush().unwrap();
    super::until("the request is open", || {
        server.get("/healthz").status == 200
    });
    let skipped = server.logged();
    server.signal(rustix::process::Signal::TERM);
    server.wait_for("\"stopping\"", skipped);
    assert_closed(&mut *idle);
    open.write_all(b"last").unwrap();
    open.flush().unwrap();
    assert!(answer(&mut *open).unwrap().status >= 400);
    assert!(server.wait().success());
}

fn exchange(stream: &mut dyn Stream) -> u16 {
    stream
        .write_all(b"GET /ca.crt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    answer(stream).unwrap().status
}

fn is_served(server: &Server) -> bool {
    let mut stream = TcpStream::connect(server.http).unwrap();
    let sent = stream.write_all(b"GET /ca.crt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answer = [0; 12];
    sent.is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"HTTP/1.1 200"
}

/// Reads until the server closes the stream; what it says before does not matter.
fn assert_closed(stream: &mut (impl std::io::Read + ?Sized)) {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                let kind = error.kind();
                let is_timeout =
                    kind == std::io::ErrorKind::WouldBlock || kind == std::io::ErrorKind::TimedOut;
                assert!(!is_timeout, "the connection is still open");
                return;
            }
        }
    }
}

/// A server with these limits.
fn serving(name: &str, limits: &str) -> Server {
    let directory: PathBuf = scratch(name);
    certs(&["ca", "init"], &directory);
    let settings = format!("[serve.limits]\n{limits}");
    std::fs::write(directory.join("certs.toml"), settings).unwrap();
    Server::start(&directory, &[])
}
