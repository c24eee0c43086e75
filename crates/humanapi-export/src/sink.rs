//! What writes records to a file, whatever its format.

use crate::error::WriteError;
use crate::row::Row;

/// Writes records of one kind to one file.
///
/// A file is whole after [`finish`](Self::finish) alone.
pub trait Sink: Send {
    /// Writes one record.
    ///
    /// # Errors
    ///
    /// When the writer beneath fails, or the record is of another kind than the file, where its format has columns. The file
    /// is then to be given up.
    fn write(&mut self, row: &Row<'_>) -> Result<(), WriteError>;

    /// Writes what the format has at its end, and flushes.
    ///
    /// # Errors
    ///
    /// When the writer beneath fails.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}
