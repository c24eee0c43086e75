//! Newline-delimited JSON: each record as it was sent, on one line.

use std::io::Write;

use crate::error::WriteError;
use crate::row::Row;
use crate::sink::Sink;

/// What stands on a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NdjsonForm {
    /// The record alone.
    #[default]
    AsSent,
    /// An object with `user`, `read_at` and the `record`.
    Enveloped,
}

pub(crate) struct NdjsonSink<W> {
    writer: W,
    form: NdjsonForm,
}

impl<W: Write> NdjsonSink<W> {
    pub(crate) const fn new(writer: W, form: NdjsonForm) -> Self {
        Self { writer, form }
    }
}

impl<W: Write + Send> Sink for NdjsonSink<W> {
    fn write(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        match self.form {
            NdjsonForm::AsSent => on_one_line(row.record.raw(), &mut self.writer)?,
            NdjsonForm::Enveloped => {
                self.writer.write_all(b"{\"user\":")?;
                serde_json::to_writer(&mut self.writer, row.user.as_str())
                    .map_err(std::io::Error::from)?;
                write!(self.writer, ",\"read_at\":\"{}\",\"record\":", row.read_at)?;
                on_one_line(row.record.raw(), &mut self.writer)?;
                self.writer.write_all(b"}")?;
            }
        }
        self.writer.write_all(b"\n")?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.writer.flush()?)
    }
}

/// JSON without line ends: one between two values means nothing and becomes a space; one within a text, where JSON allows
/// none, is escaped. All other bytes are as they were sent.
fn on_one_line(json: &[u8], writer: &mut impl Write) -> std::io::Result<()> {
    if !json.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return writer.write_all(json);
    }
    let (mut from, mut is_in_text, mut is_escaped) = (0, false, false);
    for (at, byte) in json.iter().enumerate() {
        let instead: &[u8] = match (byte, is_in_text) {
            (b'\n' | b'\r', false) => b" ",
            (b'\n', true) => b"\\n",
            (b'\r', true) => b"\\r",
            _ => b"",
        };
        if !instead.is_empty() {
            writer.write_all(&json[from..at])?;
            writer.write_all(instead)?;
            from = at + 1;
        }
        match byte {
            b'"' if !is_escaped => is_in_text = !is_in_text,
            _ => {}
        }
        is_escaped = is_in_text && *byte == b'\\' && !is_escaped;
    }
    writer.write_all(&json[from..])
}
