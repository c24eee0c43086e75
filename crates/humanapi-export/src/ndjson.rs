//! Newline-delimited JSON: each record as it was sent, on one line.

use std::io::Write;

use crate::error::WriteError;
use crate::json::readable;
use crate::row::Row;
use crate::sink::Sink;

pub(crate) struct NdjsonSink<W> {
    writer: W,
}

impl<W: Write> NdjsonSink<W> {
    pub(crate) const fn new(writer: W) -> Self {
        Self { writer }
    }
}

impl<W: Write + Send> Sink for NdjsonSink<W> {
    fn write(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        on_one_line(readable(row.record.raw()).as_bytes(), &mut self.writer)?;
        Ok(self.writer.write_all(b"\n")?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.writer.flush()?)
    }
}

/// JSON without line ends. One can stand between two values alone, where it means as much as a space does; all other bytes
/// are as they were sent.
fn on_one_line(json: &[u8], writer: &mut impl Write) -> std::io::Result<()> {
    let mut parts = json.split(|byte| matches!(byte, b'\n' | b'\r'));
    writer.write_all(parts.next().unwrap_or_default())?;
    for part in parts {
        writer.write_all(b" ")?;
        writer.write_all(part)?;
    }
    Ok(())
}
