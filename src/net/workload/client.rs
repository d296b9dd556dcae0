//! A client of the Workload API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper::header::{CONTENT_TYPE, TE};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::messages::{X509SvidRequest, X509SvidResponse};
use super::{SECURITY_HEADER, SERVICE};
use crate::net::grpc::{self, Code, Received, Status};
use crate::pki::escape::Escaped;

/// A client of the socket at a path.
pub struct Client {
    runtime: Runtime,
    path: PathBuf,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When its thread cannot be started.
    pub fn new(path: &Path) -> Result<Self, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let path = path.to_owned();
        match runtime {
            Ok(runtime) => Ok(Client { runtime, path }),
            Err(source) => Err(ClientError::Unreachable { path, source }),
        }
    }

    /// The X.509-SVIDs of this process, and each time they change.
    ///
    /// # Errors
    /// When the socket cannot be reached, or refuses.
    pub fn x509_svids(&self) -> Result<Updates<'_>, ClientError> {
        let call = self.call("FetchX509SVID", &X509SvidRequest {});
        // A timer belongs to the runtime that it is made in.
        let response = self
            .runtime
            .block_on(async { timeout(PATIENCE, call).await });
        let response = response.map_err(|_| self.silent())??;
        let status = Status::of_headers(response.headers());
        if let Some(status) = status.filter(|status| status.code != Code::Ok) {
            return Err(self.refused(status));
        }
        if response.status() != hyper::StatusCode::OK {
            let what = format!("it answers HTTP {}", response.status().as_u16());
            return Err(self.malformed(what));
        }
        Ok(Updates {
            client: self,
            body: response.into_body(),
            received: Received::default(),
        })
    }

    async fn call(
        &self,
        method: &str,
        message: &impl Message,
    ) -> Result<Response<Incoming>, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            path: self.path.clone(),
            source,
        };
        let broken = |error: hyper::Error| self.malformed(error.to_string());
        let stream = UnixStream::connect(&self.path).await.map_err(unreachable)?;
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(broken)?;
        // It ends with the answer's body; what goes wrong is seen there.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let request = Request::post(format!("http://localhost/{SERVICE}/{method}"))
            .header(CONTENT_TYPE, grpc::CONTENT_TYPE)
            .header(TE, "trailers")
            .header(SECURITY_HEADER, "true")
            .body(Full::new(grpc::encode(message)));
        let request = request.map_err(|error| self.malformed(error.to_string()))?;
        sender.send_request(request).await.map_err(broken)
    }

    fn refused(&self, status: Status) -> ClientError {
        ClientError::Refused {
            path: self.path.clone(),
            status,
        }
    }

    fn malformed(&self, what: String) -> ClientError {
        ClientError::Malformed {
            path: self.path.clone(),
            what,
        }
    }

    fn silent(&self) -> ClientError {
        self.malformed(format!("no answer within {} s", PATIENCE.as_secs()))
    }
}

/// The answers of a call, one after the other.
pub struct Updates<'a> {
    client: &'a Client,
    body: Incoming,
    received: Received,
}

impl Updates<'_> {
    /// Waits for the next answer, for at most this long; `None` when there was none by then.
    ///
    /// # Errors
    /// When the stream has ended, or an answer is malformed.
    pub fn next(&mut self, wait: Duration) -> Result<Option<X509SvidResponse>, ClientError> {
        let client = self.client;
        let received = async { timeout(wait, self.receive()).await };
        match client.runtime.block_on(received) {
            Ok(received) => received.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn receive(&mut self) -> Result<X509SvidResponse, ClientError> {
        let client = self.client;
        loop {
            let next = self.received.message();
            if let Some(message) = next.map_err(|status| client.refused(status))? {
                return Ok(message);
            }
            let frame = match self.body.frame().await {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Err(client.malformed(error.to_string())),
                None => return Err(client.malformed("the stream ended".into())),
            };
            if let Some(trailers) = frame.trailers_ref() {
                let status = Status::of_headers(trailers);
                let ended = || Status::new(Code::Unknown, "the stream ended");
                return Err(client.refused(status.unwrap_or_else(ended)));
            }
            let data: Bytes = frame.into_data().unwrap_or_default();
            let pushed = self.received.push(&data);
            pushed.map_err(|status| client.refused(status))?;
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing listens at the socket.
    #[error("{}: cannot be reached: {source}", Escaped(&path.to_string_lossy()))]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The service says no.
    #[error("{}: {}", Escaped(&path.to_string_lossy()), Escaped(&status.message))]
    Refused {
        /// The socket.
        path: PathBuf,
        /// What it says.
        status: Status,
    },
    /// What answers does not speak this protocol, or has gone away.
    #[error("{}: {}", Escaped(&path.to_string_lossy()), Escaped(what))]
    Malformed {
        /// The socket.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl ClientError {
    /// Whether it is a no that stays one: no entry matches.
    pub fn is_denied(&self) -> bool {
        match self {
            ClientError::Refused { status, .. } => status.code == Code::PermissionDenied,
            ClientError::Unreachable { .. } | ClientError::Malformed { .. } => false,
        }
    }

    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            ClientError::Refused { .. } if self.is_denied() => {
                "add an entry that matches this process: `openagents-certs workload entry add`".into()
            }
            ClientError::Unreachable { .. } => {
                "start the server with `openagents-certs serve --workload-socket PATH`, or name its socket with `--socket PATH`".into()
            }
            ClientError::Refused { .. } | ClientError::Malformed { .. } => {
                "see the log of the server at this socket, and run the command again".into()
            }
        }
    }
}

/// How long the first answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
