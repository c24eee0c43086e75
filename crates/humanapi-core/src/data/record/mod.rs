//! Records: where their fields stand in the bytes that came, read when they are asked for.

mod date;
mod field;
mod found;
mod nested;
mod number;
mod odd;
#[cfg(test)]
mod properties;
mod quantity;
#[cfg(test)]
mod random;
mod source;
mod spans;
mod table;
mod text;
mod value;
mod when;

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::body::Body;
use crate::error::DecodeError;
use crate::json::name::Name;
use crate::json::tokens::Span;

pub use date::Date;
pub use field::{Field, FieldKind};
pub(crate) use field::{is_same, names_differ, place_of};
pub use found::Json;
use found::{Found, Read};
pub use nested::TextOr;
pub use number::Number;
pub use quantity::{Comparator, Quantity};
use source::Source;
use spans::{Entry, Place, Spans};
pub(crate) use table::{kind, optional, read, records, value};
pub use value::Value;

/// One record, byte for byte as the service sent it, whatever its table knows of it.
///
/// Nothing is lost: a field that the table does not know is in [`field`](Self::field), and one whose
/// value has another type than documented reads as `None`, is told by [`odd`](Self::odd), and is in
/// [`raw`](Self::raw) all the same.
///
/// A record shares the bytes of the answer that it came in, and keeps them alive. Where a few records
/// of many are kept for long, keep their [`raw`](Self::raw) bytes instead.
///
/// `Debug` shows the size alone, because a record is health data.
#[derive(Clone)]
pub struct Record {
    sheet: Arc<Sheet>,
    place: u32,
}

/// A kind of record, as its table of fields describes it.
///
/// Implemented by the records of this crate alone.
pub trait Table:
    Sealed + Deref<Target = Record> + Clone + fmt::Debug + Send + Sync + 'static
{
    /// The documented fields.
    const FIELDS: &'static [Field];

    /// Reads one such record from its JSON, such as a line that was saved.
    ///
    /// # Errors
    ///
    /// When it is not one JSON object.
    fn from_json(json: impl Into<Body>) -> Result<Self, DecodeError> {
        Record::read(json.into(), Self::FIELDS).map(Self::view)
    }
}

/// Keeps anybody else from reading a record by another table than its own.
#[expect(unnameable_types, reason = "that it cannot be named is its use")]
pub trait Sealed: Sized {
    /// The record as this kind, whose table it was read by.
    fn view(record: Record) -> Self;

    /// The record, whatever its kind.
    fn record(&self) -> &Record;
}

/// A record of a kind that is known at run time.
impl Sealed for Record {
    fn view(record: Record) -> Self {
        record
    }

    fn record(&self) -> &Record {
        self
    }
}

/// Records that were read together.
struct Sheet {
    source: Arc<Source>,
    table: &'static [Field],
    spans: Spans,
}

/// The records of one body.
pub(super) struct Records<T> {
    /// Those that are records.
    pub(super) items: Vec<T>,
    /// What else stood in the list.
    pub(super) odd: Vec<Record>,
}

/// Reads a body that is a list of records.
///
/// What is no object, or an object with something else than JSON inside, is told apart and spoils none
/// of the others.
///
/// # Errors
///
/// When the body is no list, or its items cannot be told from each other.
pub(super) fn read_list<T: Table>(body: Body) -> Result<Records<T>, DecodeError> {
    read_list_by(T::FIELDS, body)
}

/// The same, by this table.
pub(super) fn read_list_by<T: Sealed>(
    table: &'static [Field],
    body: Body,
) -> Result<Records<T>, DecodeError> {
    let source = Source::new(body)?;
    let scanner = source.scanner();
    let read = scanner.list_of(table);
    let spans = read.map_err(|(item, fault)| {
        let path = item.map_or_else(|| ".".to_owned(), |index| format!("[{index}]"));
        DecodeError::of_fault(path, fault)
    })?;
    let sheet = Sheet::new(Arc::new(source), table, spans);
    let mut items = Vec::with_capacity(sheet.spans.places.len());
    let mut odd = Vec::new();
    for (place, record) in Sheet::records(&sheet) {
        if place.is_record {
            items.push(T::view(record));
        } else {
            odd.push(record);
        }
    }
    Ok(Records { items, odd })
}

impl<T> Records<T> {
    /// How many items the list had, whatever they were.
    pub(super) fn places(&self) -> u64 {
        (self.items.len() + self.odd.len()) as u64
    }
}

impl Record {
    /// Reads a body that is one record.
    ///
    /// # Errors
    ///
    /// When the body is no object.
    pub(crate) fn read(body: Body, table: &'static [Field]) -> Result<Self, DecodeError> {
        let source = Source::new(body)?;
        let scanner = source.scanner();
        let spans = scanner
            .only_record(table)
            .map_err(|fault| DecodeError::of_fault(".", fault))?;
        let sheet = Sheet::new(Arc::new(source), table, spans);
        Ok(Self { sheet, place: 0 })
    }

    /// Reads what was sent for one record again, by the fields of its kind: the [`raw`](Self::raw) bytes of a record that
    /// was set aside.
    ///
    /// What is no JSON object is kept as it was sent, and has no fields.
    ///
    /// ```
    /// use humanapi_core::data::{Activity, Record};
    ///
    /// let sent = br#"{"id": "a1"}"#;
    /// let record = Record::from_sent(sent.to_vec(), Activity::FIELDS)?;
    /// assert_eq!(record.raw(), sent);
    /// assert!(Record::from_sent("null", Activity::FIELDS)?.fields().is_empty());
    /// # Ok::<(), humanapi_core::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it is longer than 4 GiB.
    pub fn from_sent(sent: impl Into<Body>, fields: &'static [Field]) -> Result<Self, DecodeError> {
        let source = Source::new(sent.into())?;
        let spans = source.scanner().only_record(fields);
        let spans = spans.unwrap_or_else(|_| Spans::of_no_record(source.bytes().len()));
        let sheet = Sheet::new(Arc::new(source), fields, spans);
        Ok(Self { sheet, place: 0 })
    }

    /// Reads many that were set aside at once, from a JSON list of their [`raw`](Self::raw) bytes: each as
    /// [`from_sent`](Self::from_sent) reads it, in their order, in one pass and with one allocation for where their fields are.
    ///
    /// ```
    /// use humanapi_core::data::{Activity, Record};
    ///
    /// let records = Record::list_from_sent(r#"[{"id": "a1"},null]"#, Activity::FIELDS)?;
    /// assert_eq!(records[0].raw(), br#"{"id": "a1"}"#);
    /// assert_eq!(records[1].raw(), b"null");
    /// # Ok::<(), humanapi_core::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it is no list, its items cannot be told from each other, or it is longer than 4 GiB.
    pub fn list_from_sent(
        sent: impl Into<Body>,
        fields: &'static [Field],
    ) -> Result<Vec<Self>, DecodeError> {
        let Records { mut items, odd } = read_list_by(fields, sent.into())?;
        if !odd.is_empty() {
            items.extend(odd);
            items.sort_by_key(Self::index);
        }
        Ok(items)
    }

    /// The record as JSON, exactly as the service sent it.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        self.whole().raw()
    }

    /// The record as any other JSON that it might hold.
    #[must_use]
    pub fn json(&self) -> Json<'_> {
        Json::new(self.whole())
    }

    /// Which item it was of the list that it came in, counted from 0 on each page.
    #[must_use]
    pub fn index(&self) -> usize {
        self.place as usize
    }

    /// One field by its name on the wire, whether the table knows it or not. Of a field that was sent
    /// twice the last one counts.
    ///
    /// Looks through the record each time.
    ///
    /// ```
    /// use humanapi_core::data::Activity;
    ///
    /// let activity = Activity::from_json(r#"{"steps": 3, "mood": "fine"}"#)?;
    /// assert_eq!(activity.field("mood").unwrap().read::<String>()?, "fine");
    /// assert_eq!(activity.field("steps").unwrap().raw(), b"3");
    /// assert!(activity.field("calories").is_none());
    /// # Ok::<(), humanapi_core::DecodeError>(())
    /// ```
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Json<'_>> {
        let mut last = None;
        self.each_field(|found, json| {
            if found.is(name) {
                last = Some(json);
            }
        });
        last
    }

    /// One field of the table by its name on the wire, as it was sent. Unlike [`field`](Self::field) it does
    /// not look through the record again.
    pub(crate) fn known(&self, name: &str) -> Option<Json<'_>> {
        let field = self
            .sheet
            .table
            .iter()
            .position(|field| field.name == name)?;
        self.found(field).map(Json::new)
    }

    /// All fields as they were sent, in their order. A name with half an emoji keeps its escapes.
    #[must_use]
    pub fn fields(&self) -> Vec<(Cow<'_, str>, Json<'_>)> {
        let mut all = Vec::new();
        self.each_field(|name, json| all.push((name.read_lossy(), json)));
        all
    }

    /// One field as this type.
    pub(crate) fn get<'r, T: Read<'r>>(&'r self, field: usize) -> Option<T> {
        T::read(self.found(field)?)
    }

    /// The readable items of one field.
    pub(crate) fn list<'r, T: Read<'r>>(&'r self, field: usize) -> Option<Vec<T>> {
        T::read_list(self.found(field)?)
    }

    /// The readable values of one field, by name.
    pub(crate) fn map<'r, T: Read<'r>>(&'r self, field: usize) -> Option<Vec<(Cow<'r, str>, T)>> {
        self.found(field)?.map()
    }

    /// All records of the page that it came on.
    pub(super) fn of_its_page(&self) -> impl Iterator<Item = Self> {
        let records = Sheet::records(&self.sheet);
        records.filter_map(|(place, record)| place.is_record.then_some(record))
    }

    fn found(&self, field: usize) -> Option<Found<'_>> {
        let mut entries = self.entries().iter().rev();
        let entry = entries.find(|entry| usize::from(entry.field) == field)?;
        Some(self.at(entry.span()))
    }

    fn place(&self) -> &Place {
        &self.sheet.spans.places[self.index()]
    }

    fn entries(&self) -> &[Entry] {
        self.sheet.spans.entries(self.place())
    }

    fn at(&self, span: Span) -> Found<'_> {
        Found::new(&self.sheet.source, span)
    }

    fn whole(&self) -> Found<'_> {
        self.at(self.place().span)
    }

    fn each_field<'r>(&'r self, mut each: impl FnMut(Name<'r>, Json<'r>)) {
        let found = |name, span| each(name, Json::new(self.at(span)));
        // What is no record has no fields; where the inside breaks off, those before it are there.
        let _ = self.whole().scanner().each_field(found);
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes)", self.raw().len())
    }
}

impl Sheet {
    fn new(source: Arc<Source>, table: &'static [Field], spans: Spans) -> Arc<Self> {
        Arc::new(Self {
            source,
            table,
            spans,
        })
    }

    fn records(sheet: &Arc<Self>) -> impl Iterator<Item = (&Place, Record)> {
        let places = sheet.spans.places.iter().zip(0..);
        places.map(|(place, index)| {
            let sheet = Arc::clone(sheet);
            let record = Record {
                sheet,
                place: index,
            };
            (place, record)
        })
    }
}
