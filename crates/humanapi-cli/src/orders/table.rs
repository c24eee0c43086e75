//! A table of orders in CSV: its columns, and where its lines end.

use std::collections::VecDeque;
use std::io::{self, Read};

use csv::{Position, Reader, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::applicant::{self, Wrong};
use super::source::{Source, unreadable, usage};
use crate::exit::Failure;

/// A line by its number: the fields of its order, or what is wrong with it.
pub(super) type Line = (u64, Result<Value, Wrong>);

/// A table of orders.
pub(super) struct Table {
    reader: Reader<Lines>,
    columns: Vec<Column>,
    record: StringRecord,
}

impl Table {
    /// Reads the names of the columns.
    pub(super) fn of(source: Box<dyn Source>) -> Result<Self, Failure> {
        let source = Lines::of(source).map_err(|error| unreadable(&error))?;
        let mut reader = ReaderBuilder::new().has_headers(false).from_reader(source);
        let mut record = StringRecord::new();
        let is_there = reader.read_record(&mut record);
        if !is_there.map_err(|error| unread(&error))? {
            return Err(usage(
                "the file of orders is empty",
                "begin a CSV with a line of names; `humanapi orders submit --help` has them",
            ));
        }
        let columns = columns(&record)?;
        Ok(Self {
            reader,
            columns,
            record,
        })
    }

    /// The same table from its beginning.
    pub(super) fn again(self) -> Result<Self, Failure> {
        let mut source = self.reader.into_inner().source;
        source.rewind().map_err(|error| unreadable(&error))?;
        Self::of(source)
    }

    /// The next line that holds something.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Failure> {
        let read = self.reader.read_record(&mut self.record);
        let position = match &read {
            Ok(false) => return Ok(None),
            Ok(true) => self.record.position(),
            Err(error) => error.position(),
        };
        let begins = position.map_or(0, Position::byte);
        let line = self.reader.get_mut().line_of(begins);
        let order = match read {
            Ok(_) => Ok(order(&self.columns, &self.record)),
            Err(error) => Err(wrong_line(&error)?),
        };
        Ok(Some((line, order)))
    }
}

/// The place of a column's texts in an order.
type Column = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Number(usize),
}

/// A source that knows where its lines end: the reader of CSV counts those alone that end without a carriage return and
/// hold something.
struct Lines {
    source: Box<dyn Source>,
    /// How many bytes were read, and whether the last one is a carriage return.
    read: u64,
    is_return: bool,
    /// The ends of lines that nobody asked for yet: where each is, and whether it is one of two bytes.
    ends: VecDeque<(u64, bool)>,
    line: u64,
}

impl Lines {
    /// Takes a source from its beginning on, behind a byte order mark where there is one.
    fn of(mut source: Box<dyn Source>) -> io::Result<Self> {
        let mut mark = Vec::new();
        source.by_ref().take(3).read_to_end(&mut mark)?;
        if mark != "\u{feff}".as_bytes() {
            source.rewind()?;
        }
        Ok(Self {
            source,
            read: 0,
            is_return: false,
            ends: VecDeque::new(),
            line: 1,
        })
    }

    /// The line of what begins at or behind this byte, which is no end of a line. Ask for one after another.
    fn line_of(&mut self, mut byte: u64) -> u64 {
        while let Some((end, is_of_two)) = self.ends.front().copied() {
            if end > byte + u64::from(is_of_two) {
                break;
            }
            self.ends.pop_front();
            self.line += 1;
            byte = byte.max(end + 1);
        }
        self.line
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        for byte in &buffer[..count] {
            if *byte == b'\n' {
                self.ends.push_back((self.read, self.is_return));
            }
            self.is_return = *byte == b'\r';
            self.read += 1;
        }
        Ok(count)
    }
}

/// What is wrong with one line, or with the file where that is more.
fn wrong_line(error: &csv::Error) -> Result<Wrong, Failure> {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => Ok(Wrong::new(format!(
            "{len} cells where there are {expected_len} columns; a cell with a comma needs quotes"
        ))),
        csv::ErrorKind::Utf8 { .. } => Ok(Wrong::new("it is not text in UTF-8")),
        _ => Err(unread(error)),
    }
}

fn unread(error: &csv::Error) -> Failure {
    match error.kind() {
        csv::ErrorKind::Io(error) => unreadable(error),
        // Its text may repeat what was read.
        _ => usage(
            "the file of orders cannot be read as CSV",
            "save it as CSV in UTF-8, with commas between its cells",
        ),
    }
}

/// The places of the columns, by the first line. A name that stands there may be a value in the wrong place, so what is
/// not known is told by its number.
fn columns(names: &StringRecord) -> Result<Vec<Column>, Failure> {
    const REMEDY: &str = "`humanapi orders submit --help` has the names of columns; a CSV has commas between its cells";
    let mut columns: Vec<Column> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let at = at + 1;
        let name = name.trim();
        let parts: Vec<&str> = match name.split_once('.') {
            // Whatever an application calls its own.
            Some((first @ "clientData", own)) => vec![first, own],
            _ => name.split('.').collect(),
        };
        if !applicant::is_known(&parts) {
            let shown = match parts.iter().all(|part| applicant::is_word(part)) {
                true => format!(", `{name}`,"),
                false => String::new(),
            };
            return Err(usage(
                format!("column {at}{shown} is nothing that an order has"),
                REMEDY,
            ));
        }
        let lists = ["attachments", "conditions", "providers", "suggestedSources"];
        let column: Column = (parts.iter().enumerate())
            .map(|(depth, part)| match part.parse() {
                Ok(number) if depth == 1 && lists.contains(&parts[0]) => Step::Number(number),
                _ => Step::Name((*part).to_owned()),
            })
            .collect();
        if columns.contains(&column) {
            return Err(usage(format!("column {at} is there twice"), REMEDY));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// The order of one line. An empty cell is none.
fn order(columns: &[Column], cells: &StringRecord) -> Value {
    let mut order = Value::Object(Map::new());
    for (column, cell) in columns.iter().zip(cells) {
        if !cell.is_empty() {
            put(&mut order, column, cell);
        }
    }
    order
}

fn put(value: &mut Value, column: &[Step], cell: &str) {
    let Some((step, below)) = column.split_first() else {
        *value = cell.into();
        return;
    };
    match step {
        Step::Name(name) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            if let Value::Object(fields) = value {
                put(
                    fields.entry(name.as_str()).or_insert(Value::Null),
                    below,
                    cell,
                );
            }
        }
        Step::Number(number) => {
            if !value.is_array() {
                *value = Value::Array(Vec::new());
            }
            if let Value::Array(items) = value {
                if items.len() <= *number {
                    items.resize(number + 1, Value::Null);
                }
                put(&mut items[*number], below, cell);
            }
        }
    }
}
