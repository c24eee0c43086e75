//! Reading an answer's body: whole under a limit, or in chunks under an idle timeout.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::StatusCode;
use http_body::Body as _;
use humanapi_core::{SendFailure, SendFailureKind};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::failure;

/// Whether an answer ends with its head, whatever length the head tells.
pub(crate) fn is_head_alone(asked_for_head: bool, status: StatusCode) -> bool {
    asked_for_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Reads a whole body of at most `limit` bytes. A body that came in one piece is not copied.
pub(crate) async fn whole(
    mut body: Incoming,
    head_alone: bool,
    limit: usize,
) -> Result<Bytes, SendFailure> {
    let expected = body.size_hint();
    if expected.lower() > limit as u64 && !head_alone {
        return Err(too_large());
    }
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(too_large());
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let Some(mut piece) = next(&mut body).await? else {
        return Ok(first);
    };
    // A length that was announced is within the limit by now.
    let capacity = expected
        .exact()
        .map_or(2 * (first.len() + piece.len()), |length| length as usize);
    let mut bytes = Vec::with_capacity(capacity.min(limit));
    bytes.extend_from_slice(&first);
    drop(first);
    loop {
        if piece.len() > limit - bytes.len() {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
        if body.is_end_stream() {
            break;
        }
        match next(&mut body).await? {
            Some(next) => piece = next,
            None => break,
        }
    }
    Ok(bytes.into())
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>, SendFailure> {
    poll_fn(|cx| poll_next(body, cx)).await
}

/// The next piece that is not empty. Trailers say nothing here.
fn poll_next(
    body: &mut Incoming,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<Bytes>, SendFailure>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Poll::Ready(Ok(Some(data))),
                _ => {}
            },
            Some(Err(error)) => return Poll::Ready(Err(failure::after_head(error))),
            None => return Poll::Ready(Ok(None)),
        }
    }
}

fn too_large() -> SendFailure {
    SendFailure::new(SendFailureKind::TooLarge)
}

/// A body in chunks. Ends after its first error.
pub(crate) struct Chunks {
    body: Option<Incoming>,
    /// How many bytes an announced length still promises.
    missing: Option<u64>,
    patience: Duration,
    /// Set while a chunk is waited for.
    waiting: bool,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Chunks {
    pub(crate) fn new(body: Incoming, head_alone: bool, patience: Duration) -> Self {
        let announced = body.size_hint().exact();
        Self {
            missing: announced.filter(|_| !head_alone),
            body: Some(body),
            patience,
            waiting: false,
            alarm: None,
        }
    }

    /// Starts the alarm at the first wait for a chunk, and asks it.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let alarm = match &mut self.alarm {
            Some(alarm) => {
                if !self.waiting {
                    let now = Instant::now();
                    let end = now.checked_add(self.patience);
                    alarm.as_mut().reset(end.unwrap_or(now + FOREVER));
                }
                alarm
            }
            None => self
                .alarm
                .insert(Box::pin(tokio::time::sleep(self.patience))),
        };
        self.waiting = true;
        alarm.as_mut().poll(cx)
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, SendFailure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let kind = match poll_next(body, cx) {
            Poll::Ready(Ok(Some(chunk))) => {
                this.waiting = false;
                let missing = this
                    .missing
                    .map(|missing| missing.checked_sub(chunk.len() as u64));
                if missing != Some(None) {
                    this.missing = missing.flatten();
                    return Poll::Ready(Some(Ok(chunk)));
                }
                SendFailureKind::CutShort
            }
            Poll::Ready(Ok(None)) if this.missing.is_none_or(|missing| missing == 0) => {
                this.body = None;
                return Poll::Ready(None);
            }
            Poll::Ready(Ok(None)) => SendFailureKind::CutShort,
            Poll::Ready(Err(failure)) => {
                this.body = None;
                return Poll::Ready(Some(Err(failure)));
            }
            Poll::Pending => {
                ready!(this.poll_alarm(cx));
                SendFailureKind::TimedOut
            }
        };
        this.body = None;
        Poll::Ready(Some(Err(SendFailure::new(kind))))
    }
}

const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);
