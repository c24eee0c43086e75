//! Newline-delimited JSON: each record as it was sent, on one line.

use std::io::Write;

use jiff::Timestamp;
use memchr::memchr2_iter;
use serde::Serialize;

use crate::error::WriteError;
use crate::json::readable;
use crate::row::Row;
use crate::sink::Sink;

pub(crate) struct NdjsonSink<W> {
    writer: W,
    in_envelopes: bool,
}

/// What stands before a record that is in an envelope.
#[derive(Serialize)]
struct Envelope<'a> {
    _user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    _resource: Option<&'a str>,
    _read_at: Timestamp,
}

impl<W: Write> NdjsonSink<W> {
    pub(crate) const fn new(writer: W, in_envelopes: bool) -> Self {
        Self {
            writer,
            in_envelopes,
        }
    }
}

impl<W: Write + Send> Sink for NdjsonSink<W> {
    fn write(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        let record = readable(row.record.json());
        if !self.in_envelopes {
            on_one_line(record.as_bytes(), &mut self.writer)?;
            return Ok(self.writer.write_all(b"\n")?);
        }
        let envelope = Envelope {
            _user: row.user.as_str(),
            _resource: row.resource,
            _read_at: row.read_at,
        };
        let envelope = serde_json::to_string(&envelope).map_err(|_| WriteError::Format)?;
        // It is open for one more field.
        let envelope = envelope.strip_suffix('}').unwrap_or(&envelope);
        self.writer.write_all(envelope.as_bytes())?;
        self.writer.write_all(b",\"record\":")?;
        on_one_line(record.as_bytes(), &mut self.writer)?;
        Ok(self.writer.write_all(b"}\n")?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.writer.flush()?)
    }
}

/// JSON without line ends. One can stand between two values alone, where it means as much as a space does; all other bytes
/// are as they were sent.
pub(crate) fn on_one_line(json: &[u8], writer: &mut impl Write) -> std::io::Result<()> {
    let mut from = 0;
    for end in memchr2_iter(b'\n', b'\r', json) {
        writer.write_all(&json[from..end])?;
        writer.write_all(b" ")?;
        from = end + 1;
    }
    writer.write_all(&json[from..])
}
