//! The boundary to an HTTP stack: one request in, one response out.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use humanapi_core::{Request, Response, SendFailure};

/// Sends requests over an HTTP stack.
///
/// An implementation sees `http` requests and responses and nothing else: no token kind, no JSON.
/// It sends exactly one request for each call, follows no redirect, retries nothing beyond a resend
/// of a request that provably never left, and changes no header.
///
/// A failure says truthfully whether the request may have arrived
/// ([`SendFailureKind`](humanapi_core::SendFailureKind)), because repeating an order is decided by it.
/// Its source holds no address: a URL can hold a token.
///
/// An implementation has `#[async_trait]` above it, of the crate `async-trait`, which `humanapi` re-exports:
///
/// ```
/// use std::time::Duration;
///
/// use async_trait::async_trait;
/// use humanapi_client::Transport;
/// use humanapi_client::core::{Request, Response, SendFailure, SendFailureKind};
///
/// struct Unplugged;
///
/// #[async_trait]
/// impl Transport for Unplugged {
///     async fn send(&self, _: Request, _: Duration) -> Result<Response, SendFailure> {
///         Err(SendFailure::new(SendFailureKind::NotSent))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not send requests for the SDK",
    label = "this is no `Transport`",
    note = "a client of reqwest or hyper is wrapped first, by `ReqwestTransport::from_client` or `HyperTransport::from_client`",
    note = "for a stack of your own implement `Transport`, with `#[async_trait]` above the `impl`"
)]
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends exactly one request and reads the whole answer.
    ///
    /// `timeout` is the time left for the whole exchange, body included.
    ///
    /// # Errors
    ///
    /// When no complete answer came back. An answer with an error status is an answer.
    // The compiler shows this line, and what stands behind it, to whoever forgets the macro.
    async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure>; // An `impl` needs `#[async_trait]` above it, too.

    /// Whether [`send`](Self::send) and [`open`](Self::open) end by themselves once their `timeout` is over, whatever
    /// they wait for.
    ///
    /// A driver then sets no alarm of its own, which every call would pay for. Say so only if they hold to it
    /// while they connect, while they wait for the head and while `send` reads the body: nothing else would end a call
    /// that hangs. It is asked at each request and has to be cheap.
    fn keeps_time(&self) -> bool {
        false
    }

    /// Sends exactly one request and hands out the answer's head, then its body in chunks.
    ///
    /// `timeout` bounds the wait for the head. How long the body may be silent is for its reader to say, as
    /// [`Download`](crate::Download) does; no more of it is read than its reader asks for and a few buffers hold. A body
    /// that breaks off ends with an error, never as a shorter body. Dropping it ends the exchange. The provided
    /// implementation reads the whole answer by [`send`](Self::send) first; a transport that can stream overrides it.
    ///
    /// # Errors
    ///
    /// When no head came back. Later failures come out of the stream.
    async fn open(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<StreamedResponse, SendFailure> {
        let response = self.send(request, timeout).await?;
        Ok(response.map(|body| BodyStream::once(body.into_bytes())))
    }
}

/// What points to a transport is one: a transport that is chosen at run time, or that is shared.
macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[async_trait]
        impl<T: Transport + ?Sized> Transport for $pointer {
            async fn send(
                &self,
                request: Request,
                timeout: Duration,
            ) -> Result<Response, SendFailure> {
                (**self).send(request, timeout).await
            }

            fn keeps_time(&self) -> bool {
                (**self).keeps_time()
            }

            async fn open(
                &self,
                request: Request,
                timeout: Duration,
            ) -> Result<StreamedResponse, SendFailure> {
                (**self).open(request, timeout).await
            }
        }
    )+};
}

pointers!(&T, Box<T>, Arc<T>);

/// An answer whose body comes in chunks.
pub type StreamedResponse = http::Response<BodyStream>;

/// The chunks of a body that is still arriving.
pub struct BodyStream {
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes, SendFailure>> + Send>>,
}

impl BodyStream {
    /// Wraps the chunks of an HTTP stack.
    #[must_use]
    pub fn new(chunks: impl Stream<Item = Result<Bytes, SendFailure>> + Send + 'static) -> Self {
        Self {
            chunks: Box::pin(chunks),
        }
    }

    /// A body that is here already.
    #[must_use]
    pub fn once(bytes: Bytes) -> Self {
        Self::new(futures_util::stream::iter([Ok(bytes)]))
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes, SendFailure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyStream")
    }
}
