//! Reading an answer: whole under a limit, or in chunks.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{Method, StatusCode};
use http_body::Body as HttpBody;
use humanapi_core::{Body, Request, Response, SecretBuffer, SendFailure, SendFailureKind};

use crate::transport::{BodyStream, StreamedResponse};

/// How the answer to one request is read, from any stack whose bodies are [`http_body::Body`].
///
/// It needs a tokio runtime with time enabled.
///
/// ```
/// use std::time::Duration;
///
/// use async_trait::async_trait;
/// use humanapi_client::adapter::{MAX_BODY, Reading};
/// use humanapi_client::core::{Request, Response, SendFailure, SendFailureKind};
/// use humanapi_client::{StreamedResponse, Transport};
/// # use humanapi_client::core::http;
/// # struct Stack;
/// # impl Stack {
/// #     async fn request(&self, _: Request) -> Result<http::Response<String>, &'static str> {
/// #         Ok(http::Response::new("{}".to_owned()))
/// #     }
/// # }
///
/// struct MyTransport(Stack);
///
/// impl MyTransport {
///     async fn head(&self, request: Request) -> Result<http::Response<String>, SendFailure> {
///         let lost = |error| SendFailure::new(SendFailureKind::Lost).with_source(error);
///         self.0.request(request).await.map_err(lost)
///     }
/// }
///
/// #[async_trait]
/// impl Transport for MyTransport {
///     async fn send(&self, request: Request, timeout: Duration) -> Result<Response, SendFailure> {
///         let reading = Reading::of_answer_to(&request, timeout, cut_short);
///         reading.whole(self.head(request), MAX_BODY).await
///     }
///
///     // `whole` ends in time, whatever it waits for.
///     fn keeps_time(&self) -> bool {
///         true
///     }
///
///     async fn open(&self, request: Request, timeout: Duration) -> Result<StreamedResponse, SendFailure> {
///         let reading = Reading::of_answer_to(&request, timeout, cut_short);
///         reading.in_chunks(self.head(request)).await
///     }
/// }
///
/// fn cut_short(error: std::convert::Infallible) -> SendFailure {
///     SendFailure::new(SendFailureKind::CutShort).with_source(error)
/// }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let request = Request::default();
/// # let answer = MyTransport(Stack).send(request, Duration::from_secs(1)).await?;
/// # assert_eq!(answer.body().as_bytes(), b"{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reading<E> {
    asked_for_head: bool,
    timeout: Duration,
    after_head: fn(E) -> SendFailure,
}

impl<E> Reading<E> {
    /// What has to be known before the request is gone. `after_head` makes the failure of a body that breaks off.
    #[must_use]
    pub fn of_answer_to(
        request: &Request,
        timeout: Duration,
        after_head: fn(E) -> SendFailure,
    ) -> Self {
        Self {
            asked_for_head: request.method() == Method::HEAD,
            timeout,
            after_head,
        }
    }

    /// Waits for the answer and reads its whole body, of at most `limit` bytes, within the timeout. A body that came in
    /// one piece is not copied.
    ///
    /// # Errors
    ///
    /// When no answer comes, its body breaks off or is too large, or time runs out.
    pub async fn whole<B>(
        self,
        answer: impl Future<Output = Result<http::Response<B>, SendFailure>>,
        limit: usize,
    ) -> Result<Response, SendFailure>
    where
        B: HttpBody<Data = Bytes, Error = E> + Unpin,
    {
        // Pinned here, so that it is not moved, and stored, once more for each future around it.
        let answer = pin!(answer);
        let exchange = async {
            let (head, mut body) = answer.await?.into_parts();
            let head_alone = self.is_head_alone(head.status);
            let body = read(&mut body, head_alone, limit, self.after_head).await?;
            Ok(Response::from_parts(head, body))
        };
        in_time(self.timeout, pin!(exchange)).await
    }

    /// Waits for the answer's head within the timeout. Its body is then read as its reader asks for it.
    ///
    /// # Errors
    ///
    /// When no answer comes in time. A body that breaks off ends with an error.
    pub async fn in_chunks<B>(
        self,
        answer: impl Future<Output = Result<http::Response<B>, SendFailure>>,
    ) -> Result<StreamedResponse, SendFailure>
    where
        B: HttpBody<Data = Bytes, Error = E> + Send + Unpin + 'static,
        E: 'static,
    {
        let answer = in_time(self.timeout, pin!(answer)).await?;
        Ok(answer.map(|body| {
            BodyStream::new(Chunks {
                body: Some(body),
                after_head: self.after_head,
            })
        }))
    }

    /// Whether the answer ends with its head, whatever length the head tells.
    fn is_head_alone(&self, status: StatusCode) -> bool {
        self.asked_for_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }
}

impl<E> fmt::Debug for Reading<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("asked_for_head", &self.asked_for_head)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

async fn in_time<T>(
    timeout: Duration,
    step: Pin<&mut impl Future<Output = Result<T, SendFailure>>>,
) -> Result<T, SendFailure> {
    match tokio::time::timeout(timeout, step).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SendFailure::new(SendFailureKind::TimedOut)),
    }
}

async fn read<B>(
    body: &mut B,
    head_alone: bool,
    limit: usize,
    after_head: fn(B::Error) -> SendFailure,
) -> Result<Body, SendFailure>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let too_large = || SendFailure::new(SendFailureKind::TooLarge);
    let expected = body.size_hint();
    if expected.lower() > limit as u64 && !head_alone {
        return Err(too_large());
    }
    let Some(first) = next(body, after_head).await? else {
        return Ok(Body::empty());
    };
    if first.len() > limit {
        return Err(too_large());
    }
    let Some(mut piece) = next(body, after_head).await? else {
        return Ok(first.into());
    };
    let so_far = 2 * (first.len() + piece.len()) as u64;
    // It may hold a token, or somebody's health, and grows where no length was announced.
    let mut bytes = SecretBuffer::for_announced(expected.exact().unwrap_or(so_far));
    bytes.push(&first);
    drop(first);
    loop {
        if piece.len() > limit - bytes.len() {
            return Err(too_large());
        }
        bytes.push(&piece);
        match next(body, after_head).await? {
            Some(next) => piece = next,
            None => return Ok(bytes.into()),
        }
    }
}

async fn next<B>(
    body: &mut B,
    after_head: fn(B::Error) -> SendFailure,
) -> Result<Option<Bytes>, SendFailure>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    // Asking once more would wait for the connection's task for nothing.
    if body.is_end_stream() {
        return Ok(None);
    }
    poll_fn(|cx| poll_next(body, cx, after_head)).await
}

/// The next piece that is not empty. Trailers say nothing here.
fn poll_next<B>(
    body: &mut B,
    cx: &mut Context<'_>,
    after_head: fn(B::Error) -> SendFailure,
) -> Poll<Result<Option<Bytes>, SendFailure>>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Poll::Ready(Ok(Some(data))),
                _ => {}
            },
            Some(Err(error)) => return Poll::Ready(Err(after_head(error))),
            None => return Poll::Ready(Ok(None)),
        }
    }
}

/// A body in chunks. Ends after its first error.
struct Chunks<B: HttpBody> {
    body: Option<B>,
    after_head: fn(B::Error) -> SendFailure,
}

impl<B> Stream for Chunks<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    type Item = Result<Bytes, SendFailure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let chunk = ready!(poll_next(body, cx, this.after_head)).transpose();
        if !matches!(chunk, Some(Ok(_))) {
            this.body = None;
        }
        Poll::Ready(chunk)
    }
}
