//! Answers whose bodies go to a file or to a writer of the caller's.

use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use humanapi_core::{Endpoint, Streamed};
use tokio::io::AsyncWrite;

use super::call::ApiCall;
use crate::download::{Download, SaveError};

/// What was written of an answer's body, and what its head told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// How many bytes it has.
    pub bytes: u64,
    /// What the content is declared as, as it was sent: `application/pdf`, for example.
    pub content_type: Option<String>,
}

/// The first pause before an answer is asked for anew; each later one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

impl<E: Endpoint<Output = Streamed>> ApiCall<E> {
    /// Sends it, and writes the answer's body to a writer as it arrives, a piece at a time.
    ///
    /// Whether all of it came is known at the end: a body that breaks off, or is of another length than was announced, is an
    /// error, and what was written until then is worth nothing. A writer cannot take it back, so nothing is begun anew:
    /// [`download_to_file`](Self::download_to_file) does that.
    ///
    /// # Errors
    ///
    /// As any call fails; when the body does not come whole; and with [`SaveError::Writer`] when the writer fails.
    pub async fn download_to(
        self,
        writer: &mut (impl AsyncWrite + Unpin + Send + ?Sized),
    ) -> Result<Written, SaveError> {
        let mut body = self.open().await?;
        let mut written = told(&body);
        while let Some(piece) = body.next().await.transpose()? {
            write_all(writer, &piece).await.map_err(SaveError::Writer)?;
            written.bytes += piece.len() as u64;
        }
        let flushed = poll_fn(|cx| Pin::new(&mut *writer).poll_flush(cx)).await;
        flushed.map_err(SaveError::Writer)?;
        Ok(written)
    }
}

impl<E: Endpoint<Output = Streamed> + Clone> ApiCall<E> {
    /// Sends it, and puts the answer's body into a file, whole or not at all, as [`Download::save`] does.
    ///
    /// A body that breaks off is asked for anew, from its beginning, as often as the retry policy
    /// [tries a call](humanapi_core::RetryPolicy::max_attempts). Each time has the time and the tries of a call of its own.
    /// A call that may have had an effect, as a POST may, is not sent again: its head said that it arrived.
    ///
    /// # Errors
    ///
    /// As any call fails, and as saving does. `path` then holds what it held before, unless the error says otherwise.
    pub async fn download_to_file(self, path: impl Into<PathBuf>) -> Result<Written, SaveError> {
        let path = path.into();
        let may_repeat = self.may_repeat();
        let (mut left, mut pause) = (self.policy().max_attempts(), PAUSE);
        loop {
            let body = self.clone().open().await?;
            let written = told(&body);
            left = left.saturating_sub(1);
            match body.save(path.clone()).await {
                Ok(bytes) => return Ok(Written { bytes, ..written }),
                Err(SaveError::Download(error))
                    if may_repeat && left > 0 && error.is_transient() =>
                {
                    self.runtime().sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn told(body: &Download) -> Written {
    Written {
        bytes: 0,
        content_type: body.content_type().map(str::to_owned),
    }
}

async fn write_all(
    writer: &mut (impl AsyncWrite + Unpin + ?Sized),
    mut piece: &[u8],
) -> io::Result<()> {
    while !piece.is_empty() {
        let taken = poll_fn(|cx| Pin::new(&mut *writer).poll_write(cx, piece)).await?;
        if taken == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        piece = &piece[taken..];
    }
    Ok(())
}
