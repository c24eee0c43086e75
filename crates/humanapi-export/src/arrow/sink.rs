//! Files of batches: Parquet, and streams of Arrow's inter-process format.

use std::io::Write;

use arrow_ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::Rows;
use super::background::InBackground;
use super::batches::Batches;
use crate::columns::{ColumnKind, Columns};
use crate::error::WriteError;
use crate::row::Row;
use crate::sink::Sink;

/// What a reader has to hold to read one row group, and this writer to write one: bytes as they are in the file, where a record
/// takes a tenth of what was sent, or less.
const ROW_GROUP: usize = 8 * 1024 * 1024;

/// Snappy compresses so much at a time, and what is longer has to be put into memory that is new each time.
const PAGE: usize = 64 * 1024;
/// How long a page is, is asked once in so many rows: records of usual length are a page then.
const ROWS_AT_ONCE: usize = 128;

/// A file of batches, which its rows are gathered into.
pub(crate) struct BatchSink<B> {
    rows: Rows,
    batches: B,
}

impl<W: Write + Send> BatchSink<ArrowWriter<W>> {
    /// A Parquet file.
    pub(crate) fn parquet(columns: &Columns, writer: W) -> Result<Self, WriteError> {
        let (rows, properties) = (Rows::new(columns), properties(columns));
        let schema = rows.schema.clone();
        let batches = ArrowWriter::try_new(writer, schema, Some(properties))?;
        Ok(Self { rows, batches })
    }
}

impl<W: Write + Send> BatchSink<StreamWriter<W>> {
    /// A stream of Arrow's inter-process format.
    pub(crate) fn stream(columns: &Columns, writer: W) -> Result<Self, WriteError> {
        let rows = Rows::new(columns);
        let batches = StreamWriter::try_new(writer, &rows.schema)?;
        Ok(Self { rows, batches })
    }
}

impl<B: Batches + 'static> BatchSink<B> {
    /// The same, with each batch written while the next one is gathered.
    pub(crate) fn in_background(self) -> BatchSink<InBackground<B>> {
        BatchSink {
            rows: self.rows,
            batches: InBackground::new(self.batches),
        }
    }
}

impl<B: Batches> Sink for BatchSink<B> {
    fn write(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        match self.rows.add(row)? {
            Some(batch) => self.batches.write(batch),
            None => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        let last = self.rows.rest()?;
        self.batches.finish(last)
    }
}

/// How a Parquet file is written.
fn properties(columns: &Columns) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_data_page_size_limit(PAGE)
        .set_write_batch_size(ROWS_AT_ONCE)
        .set_max_row_group_bytes(Some(ROW_GROUP));
    // Hardly a cell of these is like another: a dictionary would be looked through for nothing.
    let differ = columns
        .iter()
        .filter(|column| column.name == "id" || column.kind == ColumnKind::Moment);
    for column in differ {
        let path = ColumnPath::from(column.name.as_str());
        properties = properties.set_column_dictionary_enabled(path, false);
    }
    // And nobody asks for records between two records.
    let record = ColumnPath::from("_record");
    properties
        .set_column_dictionary_enabled(record.clone(), false)
        .set_column_statistics_enabled(record, EnabledStatistics::None)
        .build()
}
