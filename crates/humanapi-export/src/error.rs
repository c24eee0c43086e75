//! Why a record could not be written.

use std::io;

use thiserror::Error;

/// Why a file could not be written.
///
/// No message holds anything of a record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The writer beneath failed, such as a full disk.
    #[error("the file could not be written")]
    Io(#[source] io::Error),
    /// The record is of another kind than the file, whose columns are of one kind.
    #[error("the record is of another kind than the file that it is written to")]
    OtherKind,
    /// The format cannot hold what it was given, such as more bytes than one row group may have.
    #[error("the format cannot hold what it was given")]
    Format,
}

impl WriteError {
    /// What to do next, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Io(_) => {
                "make room and see that the place can be written to, then write the file again from its beginning"
            }
            Self::OtherKind => "open one file for each kind of record",
            Self::Format => {
                "write fewer records to one file, or write NDJSON, which holds anything"
            }
        }
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
