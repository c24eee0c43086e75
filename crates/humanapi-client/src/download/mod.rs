//! An answer whose body arrives while it is read.

#[cfg(feature = "tokio")]
mod file;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use humanapi_core::{
    Body, FlowError, ResponseError, SecretBuffer, SendFailure, SendFailureKind, Streamed,
};
use serde_core::de::DeserializeOwned;

#[cfg(feature = "tokio")]
pub use file::SaveError;

use crate::error::Error;
use crate::runtime::{Task, Timer};
use crate::telemetry::DOWNLOAD;
use crate::transport::BodyStream;

/// An answer whose body arrives while it is read: a [`Stream`] of its pieces, and what its head tells.
///
/// A body that breaks off, is shorter or longer than its head announced, or stays silent for longer than the retry
/// policy's [`chunk_timeout`](humanapi_core::RetryPolicy::chunk_timeout) ends with an error, and never as a shorter body.
/// Nothing is asked for again: what was read may be in use. After an error, and after its end, it stays ended. Time counts
/// only while its reader waits for more, and no more is fetched than its reader takes and a few buffers hold. Dropping it
/// ends the exchange.
pub struct Download {
    answer: Streamed,
    /// Nothing, once it has ended.
    body: Option<BodyStream>,
    ended: bool,
    chunk_timeout: Duration,
    timer: Arc<dyn Timer>,
    /// Since when more is waited for, by the monotonic clock.
    waiting_since: Option<Duration>,
    /// Goes off at the end of a wait at the latest, and is kept over many.
    alarm: Option<Task<'static>>,
}

impl Download {
    pub(crate) fn new(
        answer: Streamed,
        body: Option<BodyStream>,
        chunk_timeout: Duration,
        timer: Arc<dyn Timer>,
    ) -> Self {
        Self {
            answer,
            body,
            ended: false,
            chunk_timeout,
            timer,
            waiting_since: None,
            alarm: None,
        }
    }

    /// What the content is declared as, as it was sent: `text/xml; charset=utf-8`, for example. Whether it is, is for its
    /// reader to find out.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.answer.content_type()
    }

    /// How many bytes there are in all, where the head tells.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        self.answer.length()
    }

    /// The name that the service suggests for a file, without anything that would lead to another folder.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.answer.file_name()
    }

    /// Reads it to its end, if that is at most so many bytes away. Memory of its own is wiped where it grows.
    ///
    /// # Errors
    ///
    /// As the stream ends, and with [`TooLarge`](SendFailureKind::TooLarge) where there is more.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, Error> {
        let too_large = || failed(SendFailure::new(SendFailureKind::TooLarge));
        let announced = self.length().unwrap_or_default();
        if announced > limit as u64 {
            return Err(too_large());
        }
        let mut read = SecretBuffer::for_announced(announced);
        while let Some(piece) = self.next().await.transpose()? {
            if piece.len() > limit - read.len() {
                return Err(too_large());
            }
            read.push(&piece);
        }
        Ok(Body::from(read).into_bytes())
    }

    /// Reads it to its end as JSON, if that is at most so many bytes away: as a type of your own, or untyped as
    /// `serde_json::Value`.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes) fails, and where it is not JSON of that shape.
    pub async fn json<T: DeserializeOwned>(self, limit: usize) -> Result<T, Error> {
        let body: Body = self.bytes(limit).await?.into();
        let read = body.json();
        read.map_err(|error| FlowError::from(ResponseError::from(error)).into())
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, SendFailure>> {
        if let Some(first) = self.answer.incoming().first()? {
            return Poll::Ready(Ok(Some(first)));
        }
        loop {
            let next = match &mut self.body {
                Some(body) => body.poll_next_unpin(cx),
                None => Poll::Ready(None),
            };
            match next {
                Poll::Ready(Some(piece)) => {
                    let piece = piece?;
                    self.waiting_since = None;
                    self.answer.incoming().take(&piece)?;
                    if !piece.is_empty() {
                        return Poll::Ready(Ok(Some(piece)));
                    }
                }
                Poll::Ready(None) => {
                    self.answer.incoming().end()?;
                    return Poll::Ready(Ok(None));
                }
                Poll::Pending => {
                    ready!(self.poll_patience(cx));
                    return Poll::Ready(Err(SendFailure::new(SendFailureKind::TimedOut)));
                }
            }
        }
    }

    /// Ready once more was waited for too long.
    ///
    /// An alarm for each piece would cost each an allocation. So one that was set for an earlier wait goes off early, and
    /// is then set for what is left of this one.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = &self.timer;
        let since = *self
            .waiting_since
            .get_or_insert_with(|| timer.now().monotonic());
        loop {
            let (alarm, is_new) = match &mut self.alarm {
                Some(alarm) => (alarm, false),
                None => {
                    let waited = timer.now().monotonic().saturating_sub(since);
                    let left = self.chunk_timeout.saturating_sub(waited);
                    (self.alarm.insert(timer.alarm(left)), true)
                }
            };
            ready!(alarm.as_mut().poll(cx));
            self.alarm = None;
            let waited = timer.now().monotonic().saturating_sub(since);
            // A timer that ends a little early by the clock would have us go round otherwise.
            if is_new || waited >= self.chunk_timeout {
                return Poll::Ready(());
            }
        }
    }
}

impl Stream for Download {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let piece = ready!(this.poll_piece(cx)).map_err(failed).transpose();
        if !matches!(piece, Some(Ok(_))) {
            // The connection is given back, or closed, without waiting for the reader to let go.
            this.ended = true;
            this.body = None;
            this.alarm = None;
        }
        Poll::Ready(piece)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

fn failed(failure: SendFailure) -> Error {
    tracing::warn!(target: DOWNLOAD, failure = failure.kind().name(), "the body ended early");
    FlowError::from(failure).into()
}
