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
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

use crate::changes::{BACKLOG, FeedEnd, Watch};
use crate::incoming::{BodyFault, Incoming, MIB, ORDER_LIMIT, body_limit};
use crate::service::Service;

/// How long an answer under way may take once the sandbox stops.
const GRACE: Duration = Duration::from_millis(500);

/// How much of a body that is too long is still read beyond its limit, so that a caller who writes
/// first and reads later gets the refusal instead of a broken pipe.
const DRAINED: usize = 15 * MIB;

/// How many connections are served at once; further ones wait to be accepted.
const CONNECTIONS: usize = 1024;

/// The longest head of a request, in bytes; what comes with a longer one is answered with 431.
const HEAD_LIMIT: usize = 128 * 1024;

/// How long a request's body may take to arrive, and an answer to be taken a piece further.
const BODY_TIME: Duration = Duration::from_secs(10);
const WRITE_TIME: Duration = Duration::from_secs(30);

/// How many bytes of a body are read before it counts as a long one.
const SHORT_BODY: usize = 64 * 1024;

/// How many MiB of long bodies are in memory at once: what the longest takes, and as much beside it.
const LONG_BODIES: usize = 2 * ORDER_LIMIT / MIB;

/// Serves until told to stop or until the other end of `stop` is gone.
pub(crate) async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    stop: oneshot::Receiver<Infallible>,
) {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let long_bodies = Arc::new(Semaphore::new(LONG_BODIES));
    let accept = async {
        // Nobody closes the semaphore.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file handles, most likely; trying again at once would spin.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            // Without it, small answers may wait for an acknowledgement; failing is harmless.
            let _ = stream.set_nodelay(true);
            let conversation = converse(
                Arc::clone(&service),
                stream,
                connections.watcher(),
                Arc::clone(&long_bodies),
            );
            tokio::spawn(async move {
                conversation.await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stop => {}
    }
    drop(listener);
    // A watcher's answer would never end by itself.
    service.world.changes.end();
    // Whatever is still under way after the grace is cut off with the runtime.
    let _ = timeout(GRACE, connections.shutdown()).await;
}

/// Serves one connection.
async fn converse<S>(
    service: Arc<Service>,
    stream: S,
    connections: Watcher,
    long_bodies: Arc<Semaphore>,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    // Who asks and does not read would keep the answer here for ever.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME));
    let stuck = Arc::new(Notify::new());
    let hang_up = Arc::clone(&stuck);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD_LIMIT)
        // Who has said all may close that half and wait for the answer.
        .half_close(true)
        // Answers bear the time of the sandbox's clock, and never the machine's.
        .auto_date_header(false)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            service_fn(move |request| {
                answer(
                    Arc::clone(&service),
                    request,
                    Arc::clone(&hang_up),
                    Arc::clone(&long_bodies),
                )
            }),
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
    long_bodies: Arc<Semaphore>,
) -> Result<Response<ReplyBody>, HangUp> {
    let (head, body) = request.into_parts();
    let reading = timeout(BODY_TIME, read(body, body_limit(&head), &long_bodies)).await;
    let (body, drained) = match reading {
        Ok(read) => read.map_err(HangUp::Caller)?,
        Err(_) => (Err(BodyFault::TooSlow), false),
    };
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
    let mut response = reply.map(|whole| ReplyBody::new(whole, truncated));
    if !drained {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response)
}

/// An answer that goes on with events for as long as they are read.
fn follow(watch: Watch, first: Bytes, hang_up: Arc<Notify>) -> ReplyBody {
    let (client, events) = mpsc::channel(BACKLOG);
    tokio::spawn(async move {
        if watch.feed(client).await == FeedEnd::Stuck {
            // The end of the body would wait behind what is not being read.
            hang_up.notify_one();
        }
    });
    ReplyBody {
        events: Some(events),
        ..ReplyBody::new(first, false)
    }
}

/// Reads a body as far as the limit: the whole of it, or nothing if it was longer, and whether
/// the connection is fit for another request.
async fn read(
    mut body: hyper::body::Incoming,
    limit: usize,
    long_bodies: &Semaphore,
) -> Result<(Result<Bytes, BodyFault>, bool), hyper::Error> {
    if body.is_end_stream() {
        return Ok((Ok(Bytes::new()), true));
    }
    let announced = body.size_hint();
    if announced.lower() > (limit + DRAINED) as u64 {
        return Ok((Err(BodyFault::TooLong(limit)), false));
    }
    let announced = announced.exact();
    let announced = announced.and_then(|length| usize::try_from(length).ok());
    let longest = announced.map_or(limit, |length| length.min(limit));
    let mut place = None;
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        length += data.len();
        if length > limit + DRAINED {
            return Ok((Err(BodyFault::TooLong(limit)), false));
        }
        if length > limit {
            first = None;
            rest = BytesMut::new();
            continue;
        }
        if length > SHORT_BODY && place.is_none() {
            // Nobody closes the semaphore; whoever waits here for long is told that it took too long.
            // All of it is taken at once: who held a part and waited for more would stop others who do so.
            let pieces = u32::try_from(longest.div_ceil(MIB)).unwrap_or(u32::MAX);
            place = long_bodies.acquire_many(pieces).await.ok();
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
    let fits = length <= limit;
    Ok((
        if fits {
            Ok(whole)
        } else {
            Err(BodyFault::TooLong(limit))
        },
        true,
    ))
}

/// A body that can break off half-way, or go on with events.
#[derive(Debug)]
struct ReplyBody {
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

impl ReplyBody {
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

impl Body for ReplyBody {
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
    use crate::scenario::Scenario;
    use crate::world::{Beginning, World};

    fn service() -> Arc<Service> {
        let guard = Guard::new(Vec::new(), None);
        let assumptions = Assumptions::new(&[]);
        let world = World::new(Beginning {
            seed: 1,
            callbacks: Vec::new(),
            clock: Clock::wall(),
            assumptions,
            log_capacity: 10,
            scenario: Scenario::default(),
        });
        Arc::new(Service::new(Arc::new(world), guard))
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
            Arc::new(Semaphore::new(1)),
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
            service.world.changes.tell();
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
        assert!(!service.world.changes.is_watched());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watcher_that_reads_is_kept() {
        let (service, served) = watch_for_a_while(true).await;
        assert!(served);
        assert!(service.world.changes.is_watched());
    }

    /// Sends `bytes` piece by piece, one each second, and gives what was answered before the
    /// connection was closed, and after how long.
    async fn drip(bytes: &[u8], piece: usize) -> (String, Duration) {
        let (client, server) = tokio::io::duplex(4096);
        let connections = GracefulShutdown::new();
        tokio::spawn(converse(
            service(),
            server,
            connections.watcher(),
            Arc::new(Semaphore::new(1)),
        ));
        let (mut from, mut to) = tokio::io::split(client);
        let bytes = bytes.to_vec();
        let sending = tokio::spawn(async move {
            for piece in bytes.chunks(piece) {
                if to.write_all(piece).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            std::future::pending::<()>().await;
        });
        let start = Instant::now();
        let mut answer = String::new();
        from.read_to_string(&mut answer).await.unwrap();
        sending.abort();
        (answer, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_hung_up_on() {
        let head = b"POST /v1/connect/token HTTP/1.1\r\nHost: 127.0.0.1\r\n\
            Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
        let mut bytes = head.to_vec();
        bytes.resize(head.len() + 100_000, b' ');
        let (answer, took) = drip(&bytes, head.len()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(took <= 2 * BODY_TIME, "{took:?}");
        let chunked = b"POST /sandbox/reset HTTP/1.1\r\nHost: 127.0.0.1\r\n\
            Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut bytes = chunked.to_vec();
        bytes.extend(b"1\r\nx\r\n".repeat(1000));
        let (answer, took) = drip(&bytes, chunked.len()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(took <= 2 * BODY_TIME, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_is_hung_up_on() {
        let bytes = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ".repeat(1000);
        let (_, took) = drip(&bytes, 1).await;
        assert!(took <= Duration::from_secs(60), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_and_does_not_read_is_hung_up_on() {
        let service = service();
        let (client, server) = tokio::io::duplex(512);
        let connections = GracefulShutdown::new();
        let serving = tokio::spawn(converse(
            service,
            server,
            connections.watcher(),
            Arc::new(Semaphore::new(1)),
        ));
        let (_from, mut to) = tokio::io::split(client);
        to.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            .await
            .unwrap();
        timeout(2 * WRITE_TIME, serving).await.unwrap().unwrap();
    }
}
