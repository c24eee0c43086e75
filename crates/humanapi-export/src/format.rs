//! The formats of files, by name.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use thiserror::Error;

#[cfg(feature = "parquet")]
use crate::arrow::BatchSink;
use crate::columns::Columns;
use crate::csv::CsvSink;
use crate::error::WriteError;
use crate::ndjson::NdjsonSink;
use crate::sink::Sink;

/// So many threads has a file that is written in the background.
#[cfg(feature = "client")]
pub(crate) const THREADS: usize = if cfg!(feature = "parquet") { 1 } else { 0 };

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Each record as it was sent, one a line, and nothing else: whose it is stands nowhere in it.
    Ndjson,
    /// Each record as it was sent, one a line, in an object that tells whose it is: `_user`, `_resource` where it is known,
    /// `_read_at` and `record`.
    Envelope,
    /// Comma-separated values, by RFC 4180. Text that a spreadsheet would take for a formula, a user's name too, has an
    /// apostrophe before it.
    Csv,
    /// Parquet.
    #[cfg(feature = "parquet")]
    Parquet,
    /// A stream of Arrow's inter-process format, for pipes.
    #[cfg(feature = "parquet")]
    Arrow,
}

/// There is no format of this name, or not in this build.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no such format: take one of {}", Format::names())]
#[non_exhaustive]
pub struct UnknownFormat;

impl Format {
    /// All formats of this build.
    pub const ALL: &'static [Self] = &[
        Self::Ndjson,
        Self::Envelope,
        Self::Csv,
        #[cfg(feature = "parquet")]
        Self::Parquet,
        #[cfg(feature = "parquet")]
        Self::Arrow,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Envelope => "ndjson-envelope",
            Self::Csv => "csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
            #[cfg(feature = "parquet")]
            Self::Arrow => "arrow",
        }
    }

    /// Whether its files have columns, and not records as they were sent alone.
    #[must_use]
    pub const fn has_columns(self) -> bool {
        !matches!(self, Self::Ndjson | Self::Envelope)
    }

    /// How the names of its files end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Envelope => Self::Ndjson.name(),
            other => other.name(),
        }
    }

    fn names() -> String {
        let names: Vec<_> = Self::ALL.iter().map(|format| format.name()).collect();
        names.join(", ")
    }

    /// Begins a file of records of one kind.
    ///
    /// # Errors
    ///
    /// When the writer fails.
    pub fn begin<'w>(
        self,
        columns: &Columns,
        writer: impl Write + Send + 'w,
    ) -> Result<Box<dyn Sink + 'w>, WriteError> {
        Ok(match self {
            Self::Ndjson => Box::new(NdjsonSink::new(writer, false)),
            Self::Envelope => Box::new(NdjsonSink::new(writer, true)),
            Self::Csv => Box::new(CsvSink::new(columns, writer)?),
            #[cfg(feature = "parquet")]
            Self::Parquet => Box::new(BatchSink::parquet(columns, writer)?),
            #[cfg(feature = "parquet")]
            Self::Arrow => Box::new(BatchSink::stream(columns, writer)?),
        })
    }

    /// The same. Where rows are gathered before they are written, they are written in the background, by a thread of their
    /// own.
    #[cfg(feature = "client")]
    pub(crate) fn begin_in_background(
        self,
        columns: &Columns,
        writer: impl Write + Send + 'static,
    ) -> Result<Box<dyn Sink>, WriteError> {
        match self {
            #[cfg(feature = "parquet")]
            Self::Parquet => Ok(Box::new(
                BatchSink::parquet(columns, writer)?.in_background(),
            )),
            #[cfg(feature = "parquet")]
            Self::Arrow => Ok(Box::new(
                BatchSink::stream(columns, writer)?.in_background(),
            )),
            other => other.begin(columns, writer),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let mut all = Self::ALL.iter();
        all.find(|format| format.name() == name)
            .copied()
            .ok_or(UnknownFormat)
    }
}
