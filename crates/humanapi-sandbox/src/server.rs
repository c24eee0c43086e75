//! The socket: connections, bodies, and answers that are late, cut short or never come.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::changes::{BACKLOG, FeedEnd, Watch};
use crate::service::{BODY_LIMIT, Incoming, Service};

/// How long an answer under way may take once the sandbox stops.
const GRACE: Duration = Duration::from_millis(500);

/// How much of a body that is too long is still read, so that a caller who writes first and reads
/// later gets the refusal instead of a broken pipe.
const DRAIN_LIMIT: usize = 16 * BODY_LIMIT;

/// Serves until told to stop or until the other end of `stop` is gone.
pub(crate) async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    stop: oneshot::Receiver<Infallible>,
) {
    let connections = GracefulShutdown::new();
    let accept = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file handles, most likely; trying again at once would spin.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            // Without it, small answers may wait for an acknowledgement; failing is harmless.
            let _ = stream.set_nodelay(true);
            tokio::spawn(converse(
                Arc::clone(&service),
                stream,
                connections.watcher(),
            ));
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stop => {}
    }
    drop(listener);
    // A watcher's answer would never end by itself.
    service.changes.end();
    // Whatever is still under way after the grace is cut off with the runtime.
    let _ = tokio::time::timeout(GRACE, connections.shutdown()).await;
}

/// Serves one connection.
async fn converse<S>(service: Arc<Service>, stream: S, connections: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let stuck = Arc::new(Notify::new());
    let hang_up = Arc::clone(&stuck);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| answer(Arc::clone(&service), request, Arc::clone(&hang_up))),
        );
    tokio::select! {
        // An error here is the caller's hanging up or a planned fault.
        _ = connections.watch(connection) => {}
        () = stuck.notified() => {}
    }
}

/// The connection is to close without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection closes without an answer")]
enum HangUp {
    Planned,
    Caller(#[source] hyper::Error),
}

async fn answer(
    service: Arc<Service>,
    request: Request<hyper::body::Incoming>,
    hang_up: Arc<Notify>,
) -> Result<Response<Answer>, HangUp> {
    let (head, body) = request.into_parts();
    let (body, drained) = read(body).await.map_err(HangUp::Caller)?;
    let incoming = Incoming::new(Request::from_parts(head, ()), body);
    let outcome = service.handle(incoming);
    if let Some(by) = outcome.delay {
        tokio::time::sleep(by).await;
    }
    let mut reply = outcome.reply.ok_or(HangUp::Planned)?;
    if let Some(watch) = reply.extensions_mut().remove::<Watch>() {
        return Ok(reply.map(|first| follow(watch, first, hang_up)));
    }
    let truncated = outcome.truncated;
    let mut response = reply.map(|whole| Answer::new(whole, truncated));
    if !drained {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response)
}

/// An answer that goes on with events for as long as they are read.
fn follow(watch: Watch, first: Bytes, hang_up: Arc<Notify>) -> Answer {
    let (client, events) = mpsc::channel(BACKLOG);
    tokio::spawn(async move {
        if watch.feed(client).await == FeedEnd::Stuck {
            // The end of the body would wait behind what is not being read.
            hang_up.notify_one();
        }
    });
    Answer {
        events: Some(events),
        ..Answer::new(first, false)
    }
}

/// Reads a body as far as the limit: the whole of it, or nothing if it was longer, and whether
/// the connection is fit for another request.
async fn read(mut body: hyper::body::Incoming) -> Result<(Option<Bytes>, bool), hyper::Error> {
    if body.is_end_stream() {
        return Ok((Some(Bytes::new()), true));
    }
    let announced = body.size_hint().lower();
    if announced > DRAIN_LIMIT as u64 {
        return Ok((None, false));
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        length += data.len();
        if length > DRAIN_LIMIT {
            return Ok((None, false));
        }
        if length > BODY_LIMIT {
            rest.clear();
            continue;
        }
        match first.take() {
            // Nearly every body comes in one piece and is never copied.
            None if rest.is_empty() => first = Some(data),
            None => rest.extend_from_slice(&data),
            Some(earlier) => {
                rest.extend_from_slice(&earlier);
                rest.extend_from_slice(&data);
            }
        }
    }
    let whole = first.unwrap_or_else(|| rest.freeze());
    Ok(((length <= BODY_LIMIT).then_some(whole), true))
}

/// A body that can break off half-way, or go on with events.
#[derive(Debug)]
struct Answer {
    left: Option<Bytes>,
    length: u64,
    break_off: BreakOff,
    events: Option<mpsc::Receiver<Bytes>>,
}

/// Where a body stands that is to break off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BreakOff {
    Never,
    AfterThis,
    Now,
}

impl Answer {
    fn new(whole: Bytes, truncated: bool) -> Self {
        let length = whole.len() as u64;
        let left = if truncated {
            whole.slice(..whole.len() / 2)
        } else {
            whole
        };
        Self {
            left: Some(left),
            length,
            break_off: if truncated {
                BreakOff::AfterThis
            } else {
                BreakOff::Never
            },
            events: None,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(data) = self.left.take()
            && !data.is_empty()
        {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(events) = &mut self.events {
            return events
                .poll_recv(context)
                .map(|event| event.map(|event| Ok(Frame::data(event))));
        }
        match self.break_off {
            BreakOff::Never => Poll::Ready(None),
            BreakOff::AfterThis => {
                // An error at once would take what is still buffered with it; waiting for one
                // turn lets the half out first.
                self.break_off = BreakOff::Now;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            BreakOff::Now => {
                self.break_off = BreakOff::Never;
                Poll::Ready(Some(Err(io::Error::other("a planned fault"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.events.is_none()
            && self.break_off == BreakOff::Never
            && self.left.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        if self.events.is_some() {
            return SizeHint::new();
        }
        SizeHint::with_exact(if self.left.is_some() { self.length } else { 0 })
    }
}

/// Runs a future on its own runtime, on this thread and its workers.
pub(crate) fn run(runtime: tokio::runtime::Runtime, serving: impl Future<Output = ()>) {
    runtime.block_on(serving);
    runtime.shutdown_background();
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;
    use crate::assumption::Assumptions;
    use crate::clock::Clock;
    use crate::guard::Guard;

    fn service() -> Arc<Service> {
        let guard = Guard::new(Vec::new(), None);
        let assumptions = Assumptions::new(&[]);
        Arc::new(Service::new(1, &[], Clock::wall(), assumptions, guard, 10))
    }

    /// Something changes for five minutes, while `read` decides what becomes of what is told.
    async fn watch_for_a_while(reads: bool) -> (Arc<Service>, bool) {
        let service = service();
        // As little room as a client has that does not read, without the kernel's buffers.
        let (client, server) = tokio::io::duplex(512);
        let connections = GracefulShutdown::new();
        let serving = tokio::spawn(converse(
            Arc::clone(&service),
            server,
            connections.watcher(),
        ));
        let (mut from, mut to) = tokio::io::split(client);
        to.write_all(b"GET /sandbox/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            .await
            .unwrap();
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 256];
            while reads && from.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
            // Kept, as a client does that is merely slow.
            std::future::pending::<()>().await;
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(300) {
            service.changes.tell();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let served = !serving.is_finished();
        reading.abort();
        (service, served)
    }

    #[tokio::test(start_paused = true)]
    async fn a_watcher_that_does_not_read_is_hung_up_on() {
        let (service, served) = watch_for_a_while(false).await;
        assert!(!served);
        assert!(!service.changes.is_watched());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watcher_that_reads_is_kept() {
        let (service, served) = watch_for_a_while(true).await;
        assert!(served);
        assert!(service.changes.is_watched());
    }
}
