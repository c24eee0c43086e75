//! The forms in which batches are written.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;

use crate::error::WriteError;

/// Writes batches in some form.
pub(crate) trait Batches: Send {
    fn write(&mut self, batch: RecordBatch) -> Result<(), WriteError>;

    /// Writes a last batch, if there is one, and what the form has at its end, and flushes.
    fn finish(&mut self, last: Option<RecordBatch>) -> Result<(), WriteError>;
}

impl<W: Write + Send> Batches for ArrowWriter<W> {
    fn write(&mut self, batch: RecordBatch) -> Result<(), WriteError> {
        Ok(Self::write(self, &batch)?)
    }

    fn finish(&mut self, last: Option<RecordBatch>) -> Result<(), WriteError> {
        if let Some(last) = last {
            Self::write(self, &last)?;
        }
        Self::finish(self)?;
        Ok(self.inner_mut().flush()?)
    }
}

impl<W: Write + Send> Batches for StreamWriter<W> {
    fn write(&mut self, batch: RecordBatch) -> Result<(), WriteError> {
        Ok(Self::write(self, &batch)?)
    }

    fn finish(&mut self, last: Option<RecordBatch>) -> Result<(), WriteError> {
        if let Some(last) = last {
            Self::write(self, &last)?;
        }
        Self::finish(self)?;
        Ok(self.get_mut().flush()?)
    }
}
