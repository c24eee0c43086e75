//! A well-behaved server on loopback that records what it received.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::authority::{self, Identity};
use crate::script::{Broken, Reply, Script, ScriptedResponse};

/// What is spoken between transport and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the suite knows them all")]
pub enum Wire {
    /// HTTP/1.1 in the clear.
    Http1,
    /// HTTP/1.1 over TLS.
    Http1Tls,
    /// HTTP/2 over TLS.
    Http2Tls,
}

impl Wire {
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Http1 => "http",
            Self::Http1Tls | Self::Http2Tls => "https",
        }
    }

    /// The protocol's name in the TLS handshake.
    pub(crate) const fn protocol(self) -> &'static str {
        match self {
            Self::Http1 | Self::Http1Tls => "http/1.1",
            Self::Http2Tls => "h2",
        }
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) connection: usize,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A server that answers as a function says.
pub(crate) struct Server {
    wire: Wire,
    address: SocketAddr,
    log: Arc<Log>,
    task: JoinHandle<()>,
}

/// Everything that arrived.
#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    requests: Mutex<Vec<Received>>,
    /// Every byte of every connection in the order of arrival, below HTTP and above TLS.
    bytes: Mutex<Vec<u8>>,
    arrivals: watch::Sender<usize>,
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

impl Server {
    pub(crate) async fn start(
        wire: Wire,
        handler: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_as(Identity::Right, wire, handler).await
    }

    pub(crate) async fn start_as(
        identity: Identity,
        wire: Wire,
        handler: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback is there");
        let address = listener.local_addr().expect("a listener has an address");
        let log = Arc::new(Log::default());
        let tls = TlsAcceptor::from(authority::server(identity, wire.protocol()));
        let accept = accept(listener, wire, tls, Arc::new(handler), Arc::clone(&log));
        Self {
            wire,
            address,
            log,
            task: tokio::spawn(accept),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.wire.scheme(), self.address)
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// The requests that arrived whole.
    pub(crate) fn received(&self) -> Vec<Received> {
        lock(&self.log.requests).clone()
    }

    /// Every byte that arrived.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        lock(&self.log.bytes).clone()
    }

    /// Waits until this many requests arrived.
    pub(crate) async fn arrived(&self, count: usize) {
        let mut arrivals = self.log.arrivals.subscribe();
        arrivals
            .wait_for(|arrived| *arrived >= count)
            .await
            .expect("the log outlives the server");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    wire: Wire,
    tls: TlsAcceptor,
    handler: Arc<Handler>,
    log: Arc<Log>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let connection = log.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, handler, log) = (tls.clone(), Arc::clone(&handler), Arc::clone(&log));
        tokio::spawn(async move {
            if wire == Wire::Http1 {
                serve(stream, wire, connection, handler, log).await;
            } else if let Ok(stream) = tls.accept(stream).await {
                serve(stream, wire, connection, handler, log).await;
            }
        });
    }
}

async fn serve<S>(stream: S, wire: Wire, connection: usize, handler: Arc<Handler>, log: Arc<Log>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(Recorded {
        stream,
        log: Arc::clone(&log),
    });
    let service = service_fn(move |request| {
        answer(connection, request, Arc::clone(&handler), Arc::clone(&log))
    });
    // A connection that a case breaks on purpose ends in an error.
    let _ = match wire {
        Wire::Http1 | Wire::Http1Tls => {
            hyper::server::conn::http1::Builder::new()
                .serve_connection(stream, service)
                .await
        }
        Wire::Http2Tls => {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(stream, service)
                .await
        }
    };
}

async fn answer(
    connection: usize,
    request: Request<Incoming>,
    handler: Arc<Handler>,
    log: Arc<Log>,
) -> Result<Response<Script>, Broken> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let received = Received {
        connection,
        method: head.method,
        uri: head.uri,
        version: head.version,
        headers: head.headers,
        body,
    };
    let reply = handler(&received);
    lock(&log.requests).push(received);
    log.arrivals.send_modify(|arrived| *arrived += 1);
    match reply {
        Reply::Response(ScriptedResponse {
            status,
            headers,
            body,
        }) => {
            let mut response = Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        }
        Reply::Hang => std::future::pending().await,
        Reply::Break => Err(Broken),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder panics")
}

/// A stream that notes what is read from it.
struct Recorded<S> {
    stream: S,
    log: Arc<Log>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        lock(&self.log.bytes).extend_from_slice(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A port on loopback where nobody listens.
pub(crate) async fn deserted() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback is there");
    listener.local_addr().expect("a listener has an address")
}

/// Sends a byte over loopback and waits for it, so that the runtime has seen every event that came before.
pub(crate) async fn settle() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback is there");
    let address = listener.local_addr().expect("a listener has an address");
    let mut near = TcpStream::connect(address).await.expect("we listen");
    let (mut far, _) = listener.accept().await.expect("somebody connected");
    far.write_all(b"!").await.expect("the other end is open");
    let mut byte = [0];
    near.read_exact(&mut byte).await.expect("a byte was sent");
}
