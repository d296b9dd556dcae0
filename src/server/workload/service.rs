//! The calls of the Workload API, and their answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Workloads;
use super::process::Process;
use super::{bundles, jwt_svids, x509_svids};
use crate::net::grpc::{self, Code, Status};
use crate::net::workload::messages::{
    JwtBundlesRequest, JwtSvidRequest, ValidateJwtSvidRequest, X509BundlesRequest, X509SvidRequest,
};
use crate::net::workload::{SECURITY_HEADER, SERVICE};
use crate::server::connection::{Activity, CountedBody};

/// Answers the calls of a connection.
pub(super) struct Calls {
    pub(super) caller: Caller,
    pub(super) activity: Arc<Activity>,
}

/// Who calls, and what is served.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) workloads: Arc<Workloads>,
    pub(super) process: Arc<Process>,
}

/// Where the messages of a stream go; the last is its status.
pub(super) type Messages = mpsc::Sender<Result<Bytes, Status>>;

impl hyper::service::Service<Request<Incoming>> for Calls {
    type Response = Response<CountedBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<CountedBody>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let in_flight = self.activity.request();
        let caller = self.caller.clone();
        Box::pin(async move {
            let response = match answer(caller, request).await {
                Ok(reply) => reply.response(),
                Err(Refused::Http(status)) => {
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = status;
                    response
                }
                Err(Refused::Call(status)) => trailers_only(&status),
            };
            Ok(response.map(|body| CountedBody::new(body, in_flight)))
        })
    }
}

/// Why there is no answer.
enum Refused {
    /// It is not a call of gRPC.
    Http(StatusCode),
    Call(Status),
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Refused::Call(status)
    }
}

async fn answer(caller: Caller, request: Request<Incoming>) -> Result<Reply, Refused> {
    if request.method() != Method::POST {
        return Err(Refused::Http(StatusCode::METHOD_NOT_ALLOWED));
    }
    if !is_grpc(request.headers()) {
        return Err(Refused::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let mut security = request.headers().get_all(SECURITY_HEADER).iter();
    if security.next().map(|value| value.as_bytes()) != Some(b"true") || security.next().is_some() {
        let what = format!("the header `{SECURITY_HEADER}: true` is missing");
        return Err(Status::new(Code::InvalidArgument, what).into());
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix('/').unwrap_or_default();
    let (service, method) = path.split_once('/').unwrap_or_default();
    let unknown = || Status::new(Code::Unimplemented, "there is no such call");
    if service != SERVICE {
        return Err(unknown().into());
    }
    let body = read(body).await?;
    caller.workloads.ready().await?;
    match method {
        "FetchX509SVID" => {
            let X509SvidRequest {} = grpc::decode_only(&body)?;
            stream(|messages| x509_svids::stream(caller, messages)).await
        }
        "FetchX509Bundles" => {
            let X509BundlesRequest {} = grpc::decode_only(&body)?;
            stream(|messages| bundles::stream(caller, bundles::x509, messages)).await
        }
        "FetchJWTBundles" => {
            let JwtBundlesRequest {} = grpc::decode_only(&body)?;
            stream(|messages| bundles::stream(caller, bundles::jwt, messages)).await
        }
        "FetchJWTSVID" => {
            let request: JwtSvidRequest = grpc::decode_only(&body)?;
            Ok(Reply::of(grpc::encode(
                &jwt_svids::fetch(&caller, request).await?,
            )))
        }
        "ValidateJWTSVID" => {
            let request: ValidateJwtSvidRequest = grpc::decode_only(&body)?;
            Ok(Reply::of(grpc::encode(
                &jwt_svids::validate(&caller, &request).await?,
            )))
        }
        _ => Err(unknown().into()),
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let rest = kind.and_then(|kind| kind.strip_prefix(grpc::CONTENT_TYPE));
    rest.is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'+' | b';')))
}

async fn read(body: Incoming) -> Result<Bytes, Status> {
    match timeout(BODY_TIME, Limited::new(body, MAX_REQUEST_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => {
            let what = "the request is broken, or larger than 64 KiB";
            Err(Status::new(Code::ResourceExhausted, what))
        }
        Err(_) => {
            let what = "the request was not complete within 10 s";
            Err(Status::new(Code::DeadlineExceeded, what))
        }
    }
}

/// Starts a stream, and waits for its first message.
async fn stream<F>(start: impl FnOnce(Messages) -> F) -> Result<Reply, Refused>
where
    F: Future<Output = Status> + Send + 'static,
{
    let (sender, mut messages) = mpsc::channel(1);
    let work = start(sender.clone());
    tokio::spawn(async move {
        let gone = sender.clone();
        tokio::select! {
            status = work => {
                // Who has gone away needs no status.
                let _ = sender.send(Err(status)).await;
            }
            () = gone.closed() => {}
        }
    });
    match messages.recv().await {
        Some(Ok(first)) => Ok(Reply {
            first: Some(first),
            rest: Some(messages),
            has_ended: false,
        }),
        Some(Err(status)) => Err(status.into()),
        None => Err(failed().into()),
    }
}

/// The body of an answer: messages, then trailers with the status.
struct Reply {
    first: Option<Bytes>,
    /// `None` where there is no more than the first.
    rest: Option<mpsc::Receiver<Result<Bytes, Status>>>,
    has_ended: bool,
}

impl Reply {
    fn of(message: Bytes) -> Self {
        Reply {
            first: Some(message),
            rest: None,
            has_ended: false,
        }
    }

    fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::new(self));
        set_content_type(&mut response);
        response
    }
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if self.has_ended {
            return Poll::Ready(None);
        }
        let status = match &mut self.rest {
            None => Status::new(Code::Ok, ""),
            Some(rest) => match ready!(rest.poll_recv(context)) {
                Some(Ok(message)) => return Poll::Ready(Some(Ok(Frame::data(message)))),
                Some(Err(status)) => status,
                None => failed(),
            },
        };
        self.has_ended = true;
        Poll::Ready(Some(Ok(Frame::trailers(status.headers()))))
    }
}

/// An answer that is only a status.
fn trailers_only(status: &Status) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = status.headers();
    set_content_type(&mut response);
    response
}

fn set_content_type(response: &mut Response<Body>) {
    let kind = hyper::header::HeaderValue::from_static(grpc::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, kind);
}

fn failed() -> Status {
    Status::new(Code::Internal, "the server failed; its log says why")
}

const MAX_REQUEST_BYTES: usize = 64 * 1024;
const BODY_TIME: Duration = Duration::from_secs(10);
