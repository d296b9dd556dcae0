//! Calls of the Workload API that stay open, many in one thread.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests and benchmarks"
)]

use std::path::Path;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use openagents_certs::net::grpc::{self, Received};
use openagents_certs::net::workload::messages::{X509SvidRequest, X509SvidResponse};
use openagents_certs::net::workload::{SECURITY_HEADER, SERVICE};
use tokio::net::UnixStream;

/// A connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

/// A call that has had its first message. It stays open until this is dropped.
pub(crate) struct Stream {
    body: Incoming,
    received: Received,
}

impl Connection {
    pub(crate) async fn open(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).await.unwrap();
        let opened = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = opened.unwrap();
        tokio::spawn(connection);
        Connection { sender }
    }

    /// Calls `FetchX509SVID`, and waits for the first message.
    pub(crate) async fn fetch(&mut self) -> (X509SvidResponse, Stream) {
        let request = Request::post(format!("http://localhost/{SERVICE}/FetchX509SVID"))
            .header("content-type", grpc::CONTENT_TYPE)
            .header("te", "trailers")
            .header(SECURITY_HEADER, "true")
            .body(Full::new(grpc::encode(&X509SvidRequest {})));
        let response = self.sender.send_request(request.unwrap()).await.unwrap();
        let mut stream = Stream {
            body: response.into_body(),
            received: Received::default(),
        };
        (stream.next().await, stream)
    }
}

impl Stream {
    /// Waits for the next message.
    pub(crate) async fn next(&mut self) -> X509SvidResponse {
        loop {
            if let Some(message) = self.received.message().unwrap() {
                return message;
            }
            let frame = self.body.frame().await.expect("a message").unwrap();
            self.received.push(&frame.into_data().unwrap()).unwrap();
        }
    }
}
