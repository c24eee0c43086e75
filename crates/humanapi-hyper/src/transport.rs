//! The transport itself: one request in, one answer out.

use std::error::Error as _;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use humanapi_client::adapter::{MAX_BODY, Reading, failure};
use humanapi_client::{StreamedResponse, Transport};
use humanapi_core::{Request, Response, SendFailure};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;

#[cfg(feature = "rustls")]
use crate::Connector;

/// The body type of a [`Client`] that [`HyperTransport::from_client`] takes.
pub type RequestBody = Full<Bytes>;

/// Sends requests with hyper and the pooling client of `hyper_util`.
///
/// Clones are cheap and share one connection pool. It needs a tokio runtime with I/O and time enabled.
///
/// Each [`send`](Transport::send) is one request: no redirect is followed and nothing is retried, except that the pool
/// takes another connection when the one it picked turns out to be closed before a byte was written to it.
#[derive(Clone)]
pub struct HyperTransport<
    #[cfg(feature = "rustls")] C = Connector,
    #[cfg(not(feature = "rustls"))] C,
> {
    client: Client<C, RequestBody>,
    max_body: usize,
}

#[cfg(feature = "rustls")]
impl HyperTransport {
    /// A transport with the settings of [`Builder`](crate::Builder) as they start out.
    ///
    /// Nothing is connected, no certificate is read; only `HTTPS_PROXY` and `NO_PROXY` are.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }
}

#[cfg(feature = "rustls")]
impl Default for HyperTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl<C> HyperTransport<C> {
    /// Takes a client with any connector, and so with any TLS.
    ///
    /// Its settings count from here on: proxies, pooling, timeouts of its own and what
    /// `retry_canceled_requests` allows. The client must not resend a request that may have arrived.
    #[must_use]
    pub const fn from_client(client: Client<C, RequestBody>) -> Self {
        Self {
            client,
            max_body: MAX_BODY,
        }
    }

    /// Sets the largest body that [`send`](Transport::send) accepts, in bytes. It is 16 MiB otherwise.
    ///
    /// A body read through [`open`](Transport::open) has no limit: its reader decides.
    #[must_use]
    pub fn with_max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }
}

impl<C> HyperTransport<C>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    /// Sends one request and waits for the answer's head. Does nothing before it is polled.
    fn head(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<http::Response<Incoming>, SendFailure>> + Send {
        let answer = self
            .client
            .request(request.map(|body| Full::new(body.into_bytes())));
        async { answer.await.map_err(before_head) }
    }
}

#[async_trait]
impl<C> Transport for HyperTransport<C>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    // Not an `async fn`: its future would keep room for the request, and for each move of it, until the answer is here.
    // This one is less than half as large, and every call allocates one.
    fn send<'s, 'f>(
        &'s self,
        request: Request,
        timeout: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<Response, SendFailure>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let reading = Reading::of_answer_to(&request, timeout, failure::after_head);
        Box::pin(reading.whole(self.head(request), self.max_body))
    }

    fn keeps_time(&self) -> bool {
        // `Reading` bounds all of `send`: connecting, the head and the body.
        true
    }

    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let reading = Reading::of_answer_to(&request, timeout, failure::after_head);
        reading.in_chunks(self.head(request)).await
    }
}

/// Reads a failure that came before the answer's head.
fn before_head(error: hyper_util::client::legacy::Error) -> SendFailure {
    // An error of the client alone, with no source, is raised before a connection is looked for.
    let never_left = error.is_connect() || error.source().is_none();
    failure::before_head(error, never_left)
}

impl<C> fmt::Debug for HyperTransport<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}
