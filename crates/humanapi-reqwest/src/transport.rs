//! The transport itself: one request in, one answer out.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use humanapi_client::adapter::{MAX_BODY, Reading, failure};
use humanapi_client::{StreamedResponse, Transport};
use humanapi_core::{Body, Request, Response, SendFailure};

use crate::clients::Clients;

/// Sends requests with reqwest.
///
/// Clones are cheap and share one connection pool. It needs a tokio runtime with I/O and time enabled.
///
/// Each [`send`](Transport::send) is one request: no redirect is followed and nothing is retried, except that the pool
/// takes another connection when the one it picked turns out to be closed before a byte was written to it.
///
/// reqwest writes `accept: */*` into a request that has no `accept` header, and its address type puts an address into
/// its usual form, for example without a default port. Requests of this SDK have the header and that form.
#[derive(Clone)]
pub struct ReqwestTransport {
    clients: Clients,
    max_body: usize,
}

impl ReqwestTransport {
    /// A transport with the settings of [`Builder`](crate::Builder) as they start out.
    ///
    /// Nothing is connected, no certificate is read; only `HTTPS_PROXY` and `NO_PROXY` are.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Makes a client of the application's own settings, with any TLS: proxies, pooling, default headers, timeouts.
    ///
    /// It follows no redirect, which may carry a token to another host, and resends nothing by itself, whatever the builder
    /// says of both.
    ///
    /// # Errors
    ///
    /// What reqwest says where it can make no client of these settings.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        let builder = builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        Ok(Self::from_client(builder.build()?))
    }

    /// Takes a client of the application's own that there is already, with any TLS. Where there is none yet, see
    /// [`from_builder`](Self::from_builder).
    ///
    /// Its settings count from here on: proxies, pooling, default headers, timeouts of its own. Make it with
    /// [`redirect::Policy::none()`](reqwest::redirect::Policy::none), or a redirect may carry a token to another host,
    /// and with [`retry::never()`](reqwest::retry::never). It must not resend a request that may have arrived.
    #[must_use]
    pub const fn from_client(client: reqwest::Client) -> Self {
        Self::over(Clients::Own(client))
    }

    pub(crate) const fn over(clients: Clients) -> Self {
        Self {
            clients,
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

    /// Sends one request and waits for the answer's head.
    async fn head(&self, request: Request) -> Result<http::Response<reqwest::Body>, SendFailure> {
        let client = self.clients.get(request.uri()).await?;
        let request = reqwest::Request::try_from(request.map(Body::into_bytes));
        let request = request.map_err(before_head)?;
        let answer = client.execute(request).await;
        Ok(answer.map_err(before_head)?.into())
    }
}

#[cfg(feature = "rustls")]
impl Default for ReqwestTransport {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
        let reading = Reading::of_answer_to(&request, timeout, after_head);
        reading.whole(self.head(request), self.max_body).await
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
        let reading = Reading::of_answer_to(&request, timeout, after_head);
        reading.in_chunks(self.head(request)).await
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport")
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}

/// Reads a failure that came before the answer's head. Its address is left out: it can hold a token.
fn before_head(error: reqwest::Error) -> SendFailure {
    let never_left = error.is_connect() || error.is_builder();
    failure::before_head(error.without_url(), never_left)
}

/// Reads a failure that came after the answer's head.
fn after_head(error: reqwest::Error) -> SendFailure {
    failure::after_head(error.without_url())
}
