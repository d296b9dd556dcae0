//! A connection: whether it is alive, and when it has been idle for too long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, sleep_until};

/// When something last happened on a connection, in milliseconds since it began.
pub(super) struct Activity {
    began: Instant,
    last_byte: AtomicU64,
    last_request: AtomicU64,
    requests: AtomicU32,
    /// Whether an answer may be silent for as long as it likes.
    is_waiting: bool,
}

impl Activity {
    pub(super) fn begin() -> Arc<Self> {
        Activity::new(false)
    }

    /// Of a connection whose answers have something to say once in a while.
    pub(super) fn waiting() -> Arc<Self> {
        Activity::new(true)
    }

    fn new(is_waiting: bool) -> Arc<Self> {
        Arc::new(Activity {
            is_waiting,
            began: Instant::now(),
            last_byte: AtomicU64::new(0),
            last_request: AtomicU64::new(0),
            requests: AtomicU32::new(0),
        })
    }

    /// Counts a request until the guard is dropped: with the last byte of its answer.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.last_request.store(self.elapsed(), Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// When it will have been idle for this long: without a request, or, during one, without a byte.
    fn idle_until(&self, time: Duration) -> Instant {
        let last = match self.requests.load(Ordering::Relaxed) {
            0 => self.last_request.load(Ordering::Relaxed),
            _ if self.is_waiting => self.elapsed(),
            _ => self.last_byte.load(Ordering::Relaxed),
        };
        self.began + Duration::from_millis(last) + time
    }

    fn byte(&self) {
        self.last_byte.store(self.elapsed(), Ordering::Relaxed);
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A request that is being answered.
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let now = self.0.elapsed();
        self.0.last_request.store(now, Ordering::Relaxed);
        self.0.last_byte.store(now, Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection until its end, until it is idle for too long, or until the server drains.
pub(super) async fn drive<C>(
    connection: C,
    activity: &Activity,
    idle_time: Duration,
    mut draining: watch::Receiver<bool>,
) where
    C: GracefulConnection,
{
    let mut connection = std::pin::pin!(connection);
    let mut is_closing = *draining.borrow_and_update();
    if is_closing {
        connection.as_mut().graceful_shutdown();
    }
    let mut deadline = activity.idle_until(idle_time);
    loop {
        tokio::select! {
            // What goes wrong on a connection is its client's affair.
            _ = connection.as_mut() => return,
            _ = draining.changed(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(deadline.into()) => {
                let idle_until = activity.idle_until(idle_time);
                if idle_until > Instant::now() {
                    deadline = idle_until;
                } else if is_closing {
                    return;
                } else {
                    is_closing = true;
                    connection.as_mut().graceful_shutdown();
                    deadline = Instant::now() + FAREWELL;
                }
            }
        }
    }
}

/// How long a client may take to close a connection that the server has ended.
const FAREWELL: Duration = Duration::from_secs(2);
const MAX_FAREWELL_BYTES: usize = 256 * 1024;

/// A stream that notes when a byte moves, and that is closed so that the last answer arrives: what the client still
/// sends is read for a moment, because a socket that is closed with unread bytes takes back what it sent.
pub(super) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    farewell: Option<Farewell>,
}

/// Reading on after our side has closed.
struct Farewell {
    until: Pin<Box<Sleep>>,
    bytes_left: usize,
}

impl Farewell {
    fn begin() -> Self {
        Farewell {
            until: Box::pin(sleep(FAREWELL)),
            bytes_left: MAX_FAREWELL_BYTES,
        }
    }

    /// Reads until the client closes, too, or it has been enough.
    fn poll(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<()> {
        while self.bytes_left > 0 && self.until.as_mut().poll(context).is_pending() {
            let mut bytes = [std::mem::MaybeUninit::uninit(); 4096];
            let mut bytes = ReadBuf::uninit(&mut bytes);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut bytes)) {
                Ok(()) if !bytes.filled().is_empty() => {
                    self.bytes_left = self.bytes_left.saturating_sub(bytes.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: &Arc<Activity>) -> Self {
        let activity = Arc::clone(activity);
        Watched {
            stream,
            activity,
            farewell: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.byte();
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.activity.byte();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.farewell.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let farewell = this.farewell.get_or_insert_with(Farewell::begin);
        farewell.poll(&mut this.stream, context).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.activity.byte();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The body of an answer, which keeps its request in flight until it is sent.
pub(super) struct CountedBody {
    body: Body,
    _in_flight: InFlight,
}

impl CountedBody {
    pub(super) fn new(body: Body, in_flight: InFlight) -> Self {
        CountedBody {
            body,
            _in_flight: in_flight,
        }
    }
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
