//! From an address to an open connection: plain, by TLS, or by TLS through a proxy.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::Scheme;
use humanapi_client::adapter::Settings;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{self, Connected, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::proxy::Rules;
use crate::tls::LazyTls;

type BoxError = Box<dyn Error + Send + Sync>;

/// Opens connections for [`HyperTransport`](crate::HyperTransport): TCP, TLS by rustls, and a tunnel through a proxy.
#[derive(Clone)]
pub struct Connector {
    // The client clones its connector for every request, so a clone has to cost next to nothing.
    shared: Arc<Shared>,
}

struct Shared {
    tcp: HttpConnector,
    tls: LazyTls,
    proxies: Rules,
    settings: Arc<Settings>,
}

impl Connector {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        // The same connector also dials for https.
        tcp.enforce_http(false);
        Self {
            shared: Arc::new(Shared {
                tcp,
                tls: LazyTls::new(Arc::clone(&settings)),
                proxies: Rules::new(&settings.proxy),
                settings,
            }),
        }
    }
}

impl Shared {
    async fn connect(&self, target: Uri) -> Result<Connection, BoxError> {
        let mut tcp = self.tcp.clone();
        if target.scheme() != Some(&Scheme::HTTPS) {
            return Ok(Connection {
                stream: Stream::Plain(tcp.call(target).await?),
            });
        }
        let proxy = self.proxies.proxy_for(&target)?;
        let tls = self.tls.get().await?;
        let stream = match proxy {
            None => {
                let mut https = HttpsConnector::from((tcp, tls.to_service));
                Stream::Tls(Box::new(https.call(target).await?))
            }
            Some(proxy) => {
                let to_proxy = HttpsConnector::from((tcp, tls.to_proxy));
                let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
                if let Some(login) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(login.clone());
                }
                let mut https = HttpsConnector::from((tunnel, tls.to_service));
                Stream::Tunnel(Box::new(https.call(target).await?))
            }
        };
        Ok(Connection { stream })
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let patience = shared.settings.connect_timeout;
            match tokio::time::timeout(patience, shared.connect(target)).await {
                Ok(outcome) => outcome,
                Err(_) => Err("connecting took too long".into()),
            }
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

/// A connection that [`Connector`] opened.
pub struct Connection {
    stream: Stream,
}

enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<MaybeHttpsStream<TokioIo<TcpStream>>>),
    Tunnel(Box<MaybeHttpsStream<MaybeHttpsStream<TokioIo<TcpStream>>>>),
}

/// Runs one method on whichever stream there is.
macro_rules! on_stream {
    ($connection:expr, $stream:ident => $call:expr) => {
        match &mut $connection.get_mut().stream {
            Stream::Plain($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Stream::Tls($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
            Stream::Tunnel($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $call
            }
        }
    };
}

impl Read for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl Write for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
            Stream::Tunnel(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write_vectored(cx, pieces))
    }
}

impl connect::Connection for Connection {
    /// Says which protocol was agreed on and nothing else: what the stream adds, its addresses, would be copied into
    /// every answer.
    fn connected(&self) -> Connected {
        let stream = match &self.stream {
            Stream::Plain(_) => return Connected::new(),
            Stream::Tls(stream) => stream.connected(),
            Stream::Tunnel(stream) => stream.connected(),
        };
        if stream.is_negotiated_h2() {
            Connected::new().negotiated_h2()
        } else {
            Connected::new()
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stream {
            Stream::Plain(_) => "Connection(plain)",
            Stream::Tls(_) => "Connection(tls)",
            Stream::Tunnel(_) => "Connection(tls through a proxy)",
        })
    }
}
