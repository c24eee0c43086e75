//! How much a server may send.
//!
//! No driver bounds what it takes: one message of 2 GiB, or small ones without an end, would fill the memory of the
//! process. So what comes from a server is counted, and its connection ends when it sends far more than it was asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counts the bytes that a server sends over one connection. Clones count the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Since the connection was made.
    in_all: AtomicU64,
    /// The same, when one of its answers was taken the last time.
    asked_for: AtomicU64,
}

/// More than any answer: the longest holds one token of [at most a mebibyte](crate::rows::LARGEST_SEALED), in
/// hexadecimal.
const MOST: u64 = 8 * 1024 * 1024;

impl Meter {
    /// Begins anew: what came so far was asked for.
    pub(crate) fn reset(&self) {
        self.0.asked_for.store(self.in_all(), Ordering::Relaxed);
    }

    /// All that came so far. Who sees the same number again has heard nothing in between.
    pub(crate) fn in_all(&self) -> u64 {
        self.0.in_all.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        let sum = self.0.in_all.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if sum - self.0.asked_for.load(Ordering::Relaxed) > MOST {
            let message = "the server sends without an end";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(())
    }
}

/// A connection to a server that fails once the server has sent too much.
#[derive(Debug)]
pub(crate) struct Bounded<S> {
    stream: S,
    meter: Meter,
}

impl<S> Bounded<S> {
    pub(crate) const fn new(stream: S, meter: Meter) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        Poll::Ready(self.meter.add(buffer.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, repeat};

    #[tokio::test]
    async fn what_a_server_sends_without_being_asked_ends() {
        let meter = Meter::default();
        let mut server = Bounded::new(repeat(0), meter.clone());
        let mut half = vec![0; MOST as usize / 2 + 1];
        for _ in 0..3 {
            server.read_exact(&mut half).await.unwrap();
            meter.reset();
        }
        server.read_exact(&mut half).await.unwrap();
        let error = server.read_exact(&mut half).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
