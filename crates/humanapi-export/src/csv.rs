//! Comma-separated values.

use std::borrow::Cow;
use std::io::Write;

use crate::cell::{Cell, ListCell};
use crate::columns::Columns;
use crate::error::WriteError;
use crate::json::readable;
use crate::row::Row;
use crate::sink::Sink;

pub(crate) struct CsvSink<W: Write> {
    columns: Columns,
    writer: csv::Writer<W>,
    record: csv::ByteRecord,
}

/// The columns before those of the record.
const BEFORE: [&str; 2] = ["_user", "_read_at"];

impl<W: Write> CsvSink<W> {
    pub(crate) fn new(columns: &Columns, writer: W) -> Result<Self, WriteError> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(writer);
        let names = columns.iter().map(|column| column.name.as_str());
        writer
            .write_record(BEFORE.into_iter().chain(names))
            .map_err(failed)?;
        Ok(Self {
            columns: columns.clone(),
            writer,
            record: csv::ByteRecord::new(),
        })
    }
}

impl<W: Write + Send> Sink for CsvSink<W> {
    fn write(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        if !self.columns.fit(row.record) {
            return Err(WriteError::OtherKind);
        }
        self.record.clear();
        let record = &mut self.record;
        record.push_field(harmless(row.user.as_str()).as_bytes());
        record.push_field(row.read_at.to_string().as_bytes());
        self.columns.cells(row.record, &mut |cell| match cell {
            Cell::Empty => record.push_field(b""),
            Cell::Text(text) => record.push_field(harmless(text).as_bytes()),
            Cell::Number(sent, _) => record.push_field(sent.as_bytes()),
            Cell::Integer(whole) => record.push_field(whole.to_string().as_bytes()),
            Cell::Bool(is_so) => record.push_field(if is_so { b"true" } else { b"false" }),
            Cell::Moment(moment) => record.push_field(moment.to_string().as_bytes()),
            Cell::Day(day) => record.push_field(day.to_string().as_bytes()),
            Cell::Json(json) | Cell::List(ListCell { sent: json, .. }) => {
                record.push_field(harmless(&readable(json)).as_bytes());
            }
        });
        self.writer.write_byte_record(&self.record).map_err(failed)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.writer.flush()?)
    }
}

/// Text that no spreadsheet takes for a formula: an apostrophe before what would begin one. A number begins none.
fn harmless(text: &str) -> Cow<'_, str> {
    let begins_one =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if begins_one && !is_number(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether it is digits with at most one point, and a sign before them: `-3.5`, and not `-2+3` or `-inf`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.bytes().filter(|byte| *byte == b'.').count() <= 1
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn failed(error: csv::Error) -> WriteError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => WriteError::Io(error),
        _ => WriteError::Format,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_begin_a_formula_begins_none_and_a_number_stays_one() {
        for text in [
            "=1+1", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "＝1",
        ] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["-3.5", "+7", "walking", "", "3-4", "<10 IU/mL", "-0"] {
            assert_eq!(harmless(text), text);
        }
    }
}
