//! The tonic peer: serves and calls as it is told on stdin. `grpcio_peer.py` says how.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{LazyLock, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

type Answer = Result<Value, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let order: Value = serde_json::from_str(&line)?;
        tokio::spawn(async move {
            let mut answer = match work(&order).await {
                Ok(answer) => answer,
                Err(error) => json!({"error": every_cause(&*error)}),
            };
            answer["id"] = order["id"].clone();
            println!("{answer}");
        });
    }
    Ok(())
}

async fn work(order: &Value) -> Answer {
    match text(order, "do") {
        "serve" => serve(order),
        "stop" => stop(order),
        _ => call(order).await,
    }
}

fn serve(order: &Value) -> Answer {
    let identity = Identity::from_pem(read(order, "cert")?, read(order, "key")?);
    let mut tls = ServerTlsConfig::new().identity(identity);
    if order["client_ca"].is_string() {
        tls = tls.client_ca_root(Certificate::from_pem(read(order, "client_ca")?));
    }
    let server = Server::builder().tls_config(tls)?;
    let host: IpAddr = text(order, "bind").parse()?;
    let incoming = TcpIncoming::bind(SocketAddr::new(host, 0))?;
    let port = incoming.local_addr()?.port();
    let (stop, stopped) = oneshot::channel::<()>();
    SERVERS
        .lock()
        .map_err(|error| error.to_string())?
        .insert(port, stop);
    tokio::spawn(async move {
        let serving = server.serve_with_incoming_shutdown(Echo, incoming, async {
            stopped.await.ok();
        });
        tokio::time::timeout(LONGEST_SERVED, serving).await
    });
    Ok(json!({"port": port}))
}

fn stop(order: &Value) -> Answer {
    let port = order["port"]
        .as_u64()
        .and_then(|port| port.try_into().ok())
        .ok_or("no port")?;
    drop(
        SERVERS
            .lock()
            .map_err(|error| error.to_string())?
            .remove(&port),
    );
    Ok(json!({}))
}

async fn call(order: &Value) -> Answer {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(order, "ca")?));
    if order["client_cert"].is_string() {
        tls = tls.identity(Identity::from_pem(
            read(order, "client_cert")?,
            read(order, "client_key")?,
        ));
    }
    if order["name"].is_string() {
        tls = tls.domain_name(text(order, "name"));
    }
    let dial = text(order, "dial");
    let dial = if dial.contains(':') {
        format!("[{dial}]")
    } else {
        dial.into()
    };
    let endpoint = Endpoint::from_shared(format!("https://{dial}:{}", order["port"]))?
        .tls_config(tls)?
        .connect_timeout(Duration::from_secs_f64(
            order["seconds"].as_f64().ok_or("no seconds")?,
        ))
        .timeout(Duration::from_secs_f64(
            order["seconds"].as_f64().ok_or("no seconds")?,
        ));
    let mut client = tonic::client::Grpc::new(endpoint.connect().await?);
    client.ready().await?;
    let request = Request::new(Bytes::from_static(b"hello"));
    client
        .unary(
            request,
            http::uri::PathAndQuery::from_static("/interop.Peer/Echo"),
            Raw,
        )
        .await?;
    Ok(json!({}))
}

fn text<'a>(order: &'a Value, name: &str) -> &'a str {
    order[name].as_str().unwrap_or_default()
}

fn read(order: &Value, name: &str) -> std::io::Result<Vec<u8>> {
    std::fs::read(text(order, name))
}

fn every_cause(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Answers with what it is sent.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "interop.Peer";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async { Ok(Grpc::new(Raw).unary(Echo, request).await) })
    }
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = BoxFuture<Response<Bytes>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        Box::pin(async { Ok(Response::new(request.into_inner())) })
    }
}

/// Messages as they are.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// What stops the server of each port: it stops when this is dropped.
static SERVERS: LazyLock<Mutex<HashMap<u16, oneshot::Sender<()>>>> = LazyLock::new(Mutex::default);

const LONGEST_SERVED: Duration = Duration::from_secs(600);
