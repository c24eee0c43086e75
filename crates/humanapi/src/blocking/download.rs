//! An answer whose body arrives while it is read.

use std::io::{self, Write};

use bytes::Bytes;
use futures_util::StreamExt as _;
use humanapi_client::{self as client, Error};
use serde::de::DeserializeOwned;
use thiserror::Error as Failure;

/// An answer whose body arrives while it is read: an iterator over its pieces, and what its head tells.
///
/// A body that breaks off, is shorter or longer than its head announced, or stays silent for longer than the client's
/// policy allows ends with an error, and never as a shorter body. Dropping it ends the exchange.
#[derive(Debug)]
pub struct Download {
    download: client::Download,
}

/// Why a download was not written whole.
#[derive(Debug, Failure)]
#[non_exhaustive]
pub enum WriteError {
    /// The body did not come whole.
    #[error(transparent)]
    Download(#[from] Error),
    /// The writer failed.
    #[error("the download could not be written")]
    Writer(#[from] io::Error),
}

impl WriteError {
    /// What to do next, in one sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Download(error) => error.remedy(),
            Self::Writer(_) => "mend what the writer writes to, then download it again",
        }
    }
}

impl Download {
    pub(super) const fn new(download: client::Download) -> Self {
        Self { download }
    }

    /// What the content is declared as, as it was sent: `text/xml; charset=utf-8`, for example.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.download.content_type()
    }

    /// How many bytes there are in all, where the head tells.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.download.length()
    }

    /// The name that the service suggests for a file, without anything that would lead to another folder.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.download.file_name()
    }

    /// Reads it to its end, if that is at most so many bytes away.
    ///
    /// # Errors
    ///
    /// When the body does not come whole, or there is more.
    pub fn bytes(self, limit: usize) -> Result<Bytes, Error> {
        pollster::block_on(self.download.bytes(limit))
    }

    /// Reads it to its end as JSON, if that is at most so many bytes away.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes) fails, and where it is not JSON of that shape.
    pub fn json<T: DeserializeOwned>(self, limit: usize) -> Result<T, Error> {
        pollster::block_on(self.download.json(limit))
    }

    /// Writes it to its end, and says how many bytes that are. The writer is flushed.
    ///
    /// After an error the writer may have a part of it: write beside a file and rename it, where it has to be whole.
    ///
    /// # Errors
    ///
    /// When the body does not come whole, or the writer fails.
    pub fn write_to(self, writer: &mut (impl Write + ?Sized)) -> Result<u64, WriteError> {
        let mut written = 0;
        for piece in self {
            let piece = piece?;
            writer.write_all(&piece)?;
            written += piece.len() as u64;
        }
        writer.flush()?;
        Ok(written)
    }
}

impl Iterator for Download {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        pollster::block_on(self.download.next())
    }
}
