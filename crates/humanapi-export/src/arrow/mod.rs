//! Arrow: the schema of a kind of record, and batches of its rows.

mod background;
mod batches;
mod sink;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder as _, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, ListBuilder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, ListArray, RecordBatch, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use jiff::civil::Date;
use parquet::errors::ParquetError;

use crate::cell::{Cell, ListCell};
use crate::columns::{Column, ColumnKind, Columns};
use crate::error::WriteError;
use crate::json::readable;
use crate::row::Row;

pub(crate) use sink::BatchSink;

const UTC: &str = "UTC";
/// A batch is written once it has so many rows,
const MOST_ROWS: usize = 4_096;
/// or once so many bytes of records are in it.
const MOST_BYTES: usize = 1024 * 1024;

impl Columns {
    /// The schema of the files that have these columns: `_user` and `_read_at`, then the columns, then `_record`, which is
    /// the record as it was sent. It is the same whatever the records hold.
    ///
    /// Each field's metadata tells what it means (`doc`), its `unit` as UCUM writes it and its `code_system`, where they are
    /// always the same, and of text that is JSON, `content` = `json`.
    ///
    /// ```
    /// use humanapi_core::data::Activity;
    /// use humanapi_export::Columns;
    ///
    /// let schema = Columns::of(Activity::FIELDS).schema();
    /// let distance = schema.field_with_name("distance").unwrap();
    /// assert_eq!(distance.metadata()["unit"], "m");
    /// ```
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        let moment = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
        let mut fields = vec![
            Field::new("_user", DataType::Utf8, false),
            Field::new("_read_at", moment, false),
        ];
        fields.extend(self.iter().map(Column::field));
        if self.has_record() {
            let content = HashMap::from([("content".to_owned(), "json".to_owned())]);
            fields.push(Field::new("_record", DataType::Utf8, false).with_metadata(content));
        }
        Arc::new(Schema::new(fields))
    }
}

impl Column {
    fn field(&self) -> Field {
        let kind = match self.kind {
            ColumnKind::Text | ColumnKind::Json => DataType::Utf8,
            ColumnKind::Number => DataType::Float64,
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Bool => DataType::Boolean,
            ColumnKind::Moment => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            ColumnKind::Day => DataType::Date32,
            ColumnKind::Texts => DataType::List(text_item()),
            ColumnKind::Records => DataType::List(record_item(fields(self.items.as_ref()))),
        };
        let content = (self.kind == ColumnKind::Json).then_some("json");
        let told = [
            ("doc", Some(self.doc)),
            ("unit", self.unit),
            ("code_system", self.code_system),
            ("content", content),
        ];
        let metadata = told
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
        Field::new(&self.name, kind, true).with_metadata(metadata.collect::<HashMap<_, _>>())
    }
}

/// An item of a list, by the name that Parquet has for it.
fn item(kind: DataType) -> FieldRef {
    Arc::new(Field::new("element", kind, false))
}

fn text_item() -> FieldRef {
    item(DataType::Utf8)
}

fn record_item(fields: Fields) -> FieldRef {
    item(DataType::Struct(fields))
}

fn fields(columns: Option<&Columns>) -> Fields {
    columns
        .into_iter()
        .flatten()
        .map(|column| Arc::new(column.field()))
        .collect()
}

/// The cells of one column of a batch.
enum Builder {
    Text(StringBuilder),
    Number(Float64Builder),
    Integer(Int64Builder),
    Bool(BooleanBuilder),
    Moment(TimestampMicrosecondBuilder),
    Day(Date32Builder),
    Texts(ListBuilder<StringBuilder>),
    Records(RecordsBuilder),
}

impl Builder {
    fn of(kind: ColumnKind, items: Option<&Columns>) -> Self {
        match kind {
            ColumnKind::Text | ColumnKind::Json => Self::Text(StringBuilder::new()),
            ColumnKind::Number => Self::Number(Float64Builder::new()),
            ColumnKind::Integer => Self::Integer(Int64Builder::new()),
            ColumnKind::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnKind::Moment => {
                Self::Moment(TimestampMicrosecondBuilder::new().with_timezone(UTC))
            }
            ColumnKind::Day => Self::Day(Date32Builder::new()),
            ColumnKind::Texts => {
                Self::Texts(ListBuilder::new(StringBuilder::new()).with_field(text_item()))
            }
            ColumnKind::Records => Self::Records(RecordsBuilder::of(items)),
        }
    }

    /// Adds a cell. A column and its cells come from one table, so that a cell of another kind cannot be met.
    fn add(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Texts(column), Cell::List(list)) => match list.texts() {
                Some(texts) => column.append_value(texts.map(Some)),
                None => column.append_null(),
            },
            (Self::Records(column), Cell::List(list)) => column.add(list),
            (Self::Text(column), Cell::Text(text)) => column.append_value(text),
            (Self::Text(column), Cell::Json(json)) => {
                column.append_value(readable(json));
            }
            (Self::Number(column), Cell::Number(_, number)) => column.append_value(number),
            (Self::Integer(column), Cell::Integer(whole)) => column.append_value(whole),
            (Self::Bool(column), Cell::Bool(is_so)) => column.append_value(is_so),
            (Self::Moment(column), Cell::Moment(moment)) => {
                column.append_value(moment.as_microsecond());
            }
            (Self::Day(column), Cell::Day(day)) => column.append_value(days(day)),
            (Self::Text(column), _) => column.append_null(),
            (Self::Number(column), _) => column.append_null(),
            (Self::Integer(column), _) => column.append_null(),
            (Self::Bool(column), _) => column.append_null(),
            (Self::Moment(column), _) => column.append_null(),
            (Self::Day(column), _) => column.append_null(),
            (Self::Texts(column), _) => column.append_null(),
            (Self::Records(column), _) => column.add_none(),
        }
    }

    /// The cells so far. What comes next begins anew.
    fn take(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Text(column) => {
                // The next batch is likely to take as much: it is not copied to ever larger places on the way there.
                let (cells, bytes) = (column.len(), column.values_slice().len());
                let next = StringBuilder::with_capacity(cells, bytes);
                Arc::new(std::mem::replace(column, next).finish())
            }
            Self::Number(column) => Arc::new(column.finish()),
            Self::Integer(column) => Arc::new(column.finish()),
            Self::Bool(column) => Arc::new(column.finish()),
            Self::Moment(column) => Arc::new(column.finish()),
            Self::Day(column) => Arc::new(column.finish()),
            Self::Texts(column) => Arc::new(column.finish()),
            Self::Records(column) => Arc::new(column.take()?),
        })
    }
}

/// The cells of one column whose cells are lists of records.
struct RecordsBuilder {
    columns: Option<Columns>,
    builders: Vec<Builder>,
    /// How many records each cell has.
    lengths: Vec<usize>,
    /// Whether each cell is a list.
    is_list: Vec<bool>,
}

impl RecordsBuilder {
    fn of(columns: Option<&Columns>) -> Self {
        let builders = columns.into_iter().flatten();
        Self {
            columns: columns.cloned(),
            builders: builders
                .map(|column| Builder::of(column.kind, column.items.as_ref()))
                .collect(),
            lengths: Vec::new(),
            is_list: Vec::new(),
        }
    }

    fn add(&mut self, list: ListCell<'_>) {
        let (Some(records), Some(columns)) = (list.records(), &self.columns) else {
            return self.add_none();
        };
        let mut length = 0;
        for record in records {
            let mut builders = self.builders.iter_mut();
            columns.cells(&record, &mut |cell| {
                if let Some(builder) = builders.next() {
                    builder.add(cell);
                }
            });
            length += 1;
        }
        self.lengths.push(length);
        self.is_list.push(true);
    }

    fn add_none(&mut self) {
        self.lengths.push(0);
        self.is_list.push(false);
    }

    fn take(&mut self) -> Result<ListArray, ArrowError> {
        let columns = self.builders.iter_mut().map(Builder::take);
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let fields = fields(self.columns.as_ref());
        let length = self.lengths.iter().sum();
        let records = StructArray::try_new_with_length(fields.clone(), columns, None, length)?;
        let offsets = OffsetBuffer::from_lengths(std::mem::take(&mut self.lengths));
        let is_list = NullBuffer::from(std::mem::take(&mut self.is_list));
        ListArray::try_new(
            record_item(fields),
            offsets,
            Arc::new(records),
            Some(is_list),
        )
    }
}

/// Since the first of January 1970, as Arrow counts days.
fn days(day: Date) -> i32 {
    (day - Date::constant(1970, 1, 1)).get_days()
}

/// Rows that become a batch.
struct Rows {
    columns: Columns,
    schema: SchemaRef,
    /// `_user`, `_read_at`, the columns, `_record`.
    builders: Vec<Builder>,
    count: usize,
    bytes: usize,
}

impl Rows {
    fn new(columns: &Columns) -> Self {
        let own = columns
            .iter()
            .map(|column| (column.kind, column.items.as_ref()));
        let kinds = [(ColumnKind::Text, None), (ColumnKind::Moment, None)]
            .into_iter()
            .chain(own)
            .chain(columns.has_record().then_some((ColumnKind::Json, None)));
        Self {
            columns: columns.clone(),
            schema: columns.schema(),
            builders: kinds
                .map(|(kind, items)| Builder::of(kind, items))
                .collect(),
            count: 0,
            bytes: 0,
        }
    }

    /// Adds a row, and gives all so far once they are enough for a batch.
    fn add(&mut self, row: &Row<'_>) -> Result<Option<RecordBatch>, WriteError> {
        if !self.columns.fit(row.record) {
            return Err(WriteError::OtherKind);
        }
        let mut builders = self.builders.iter_mut();
        let mut next = |cell: Cell<'_>| {
            if let Some(builder) = builders.next() {
                builder.add(cell);
            }
        };
        next(Cell::Text(row.user.as_str()));
        next(Cell::Moment(row.read_at));
        self.columns.cells(row.record, &mut next);
        if self.columns.has_record() {
            next(Cell::Json(row.record.json()));
        }
        self.count += 1;
        self.bytes += row.record.raw().len();
        if self.count < MOST_ROWS && self.bytes < MOST_BYTES {
            return Ok(None);
        }
        self.take().map(Some)
    }

    fn take(&mut self) -> Result<RecordBatch, WriteError> {
        self.count = 0;
        self.bytes = 0;
        let columns = self.builders.iter_mut().map(Builder::take);
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// What is left of a batch.
    fn rest(&mut self) -> Result<Option<RecordBatch>, WriteError> {
        (self.count > 0).then(|| self.take()).transpose()
    }
}

impl From<ArrowError> for WriteError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => Self::Io(error),
            // Its message may hold what was to be written.
            _ => Self::Format,
        }
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(error) => match error.downcast::<std::io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(_) => Self::Format,
            },
            _ => Self::Format,
        }
    }
}
