//! One value of a record, found and not yet read.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::field::{Field, FieldKind};
use super::{Date, Number, Quantity, Record, Sheet, Source, Table, date, number};
use crate::error::DecodeError;
use crate::json;
use crate::json::scan::{Form, Name, Scanner, Span, unescape};

/// Where a value stands, and in which bytes.
#[derive(Clone, Copy)]
pub(crate) struct Found<'r> {
    source: &'r Arc<Source>,
    span: Span,
}

/// What a found value can be read as.
pub(crate) trait Read<'r>: Sized {
    /// The value, unless it is none or of another type.
    fn read(found: Found<'r>) -> Option<Self>;

    /// The readable items of a list.
    fn read_list(found: Found<'r>) -> Option<Vec<Self>> {
        let mut items = Vec::new();
        found.each_item(|item| items.extend(Self::read(item)))?;
        Some(items)
    }
}

impl<'r> Found<'r> {
    pub(super) const fn new(source: &'r Arc<Source>, span: Span) -> Self {
        Self { source, span }
    }

    pub(super) fn raw(self) -> &'r [u8] {
        &self.source.bytes()[self.span.range()]
    }

    pub(super) fn scanner(self) -> Scanner<'r> {
        Scanner::within(self.source.bytes(), self.span)
    }

    pub(super) const fn form(self) -> Form {
        self.span.form
    }

    /// As it was sent, if that is UTF-8.
    fn sent(self) -> Option<&'r str> {
        match &**self.source {
            Source::Text(text) => text.get(self.span.range()),
            Source::Mixed(_) => std::str::from_utf8(self.raw()).ok(),
        }
    }

    /// What stands between the quotes, escapes and all.
    fn between_quotes(self) -> Option<&'r str> {
        self.sent()?.strip_prefix('"')?.strip_suffix('"')
    }

    /// The text of a text without escapes.
    pub(super) fn plain_text(self) -> Option<&'r str> {
        (self.form() == Form::Text)
            .then(|| self.between_quotes())
            .flatten()
    }

    /// The text of a text.
    pub(super) fn text(self) -> Option<Cow<'r, str>> {
        match self.form() {
            Form::Text => self.plain_text().map(Cow::Borrowed),
            Form::Escaped => unescape(self.between_quotes()?).map(Cow::Owned),
            Form::Bare | Form::Object | Form::List => None,
        }
    }

    /// A number or a word.
    pub(super) fn bare(self) -> Option<&'r str> {
        (self.form() == Form::Bare).then(|| self.sent()).flatten()
    }

    /// A number, or text without what surrounds it.
    pub(super) fn scalar(self) -> Option<Cow<'r, str>> {
        match self.form() {
            Form::Bare => self.sent().map(Cow::Borrowed),
            _ => Some(match self.text()? {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            }),
        }
    }

    fn is_null(self) -> bool {
        self.form() == Form::Bare && self.raw() == b"null"
    }

    fn each_item(self, mut each: impl FnMut(Self)) -> Option<()> {
        if self.form() != Form::List {
            return None;
        }
        let mut scanner = self.scanner();
        let item = |span| each(Self::new(self.source, span));
        scanner.each_item(item).ok()
    }

    fn each_value(self, mut each: impl FnMut(Cow<'r, str>, Self)) -> Option<()> {
        if self.form() != Form::Object {
            return None;
        }
        let mut scanner = self.scanner();
        let value = |name: Name<'r>, span| {
            each(name.read_lossy(), Self::new(self.source, span));
        };
        scanner.each_field(value).ok()
    }

    /// The readable values of an object, by name.
    pub(super) fn map<T: Read<'r>>(self) -> Option<Vec<(Cow<'r, str>, T)>> {
        let mut values = Vec::new();
        self.each_value(|name, value| values.extend(T::read(value).map(|value| (name, value))))?;
        Some(values)
    }

    /// One object as a record, or the first item of a list, as the service once sent some of them. An
    /// empty one is how it says that there is none.
    fn record(self, table: &'static [Field]) -> Option<Record> {
        let one = match self.form() {
            Form::Object => self,
            Form::List => {
                let mut first = None;
                self.each_item(|item| {
                    first.get_or_insert(item);
                })?;
                first.filter(|item| item.form() == Form::Object)?
            }
            Form::Text | Form::Escaped | Form::Bare => return None,
        };
        let spans = one.scanner().only_record(table).ok()?;
        if one.is_blank_object() {
            return None;
        }
        let sheet = Sheet::new(Arc::clone(self.source), table, spans);
        Some(Record { sheet, place: 0 })
    }

    fn is_blank_object(self) -> bool {
        let raw = self.raw();
        raw.len() >= 2 && raw[1..raw.len() - 1].trim_ascii().is_empty()
    }

    /// Whether it says "nothing" in the service's way.
    fn is_nothing(self, kind: &FieldKind) -> bool {
        match self.form() {
            Form::Bare => self.is_null(),
            Form::Text => self.raw()[1..].trim_ascii() == b"\"" && !matches!(kind, FieldKind::Json),
            Form::Object | Form::List => {
                matches!(kind, FieldKind::Object(_) | FieldKind::TextOr(_))
                    && self.is_blank_object()
            }
            Form::Escaped => false,
        }
    }

    /// Notes what of it cannot be read as this kind.
    pub(super) fn note_odd(self, kind: &FieldKind, path: &str, odd: &mut Vec<DecodeError>) {
        if self.is_nothing(kind) {
            return;
        }
        let before = odd.len();
        let reads = match kind {
            FieldKind::Text => self.reads_as::<Cow<'_, str>>(),
            FieldKind::Number => self.reads_as::<Number<'_>>(),
            FieldKind::Integer => self.reads_as::<i64>(),
            FieldKind::Bool => self.reads_as::<bool>(),
            FieldKind::Timestamp => self.reads_as::<Timestamp>(),
            FieldKind::Date => self.reads_as::<Date<'_>>(),
            FieldKind::Offset => self.reads_as::<Offset>(),
            FieldKind::Quantity => self.reads_as::<Quantity<'_>>(),
            FieldKind::Json => self.is_json(),
            FieldKind::Object(table) => {
                let record = self.record(table);
                if let Some(record) = &record {
                    record.note_odd(path, odd);
                }
                record.is_some()
            }
            FieldKind::TextOr(table) => match self.form() {
                Form::Text | Form::Escaped => self.text().is_some(),
                _ => {
                    self.note_odd(&FieldKind::Object(table), path, odd);
                    return;
                }
            },
            FieldKind::List(of) => {
                let mut index = 0_usize;
                let each = |item: Self| {
                    let path = format!("{path}[{index}]");
                    item.note_odd_item(of, &path, odd);
                    index += 1;
                };
                self.each_item(each).is_some()
            }
            FieldKind::Map(of) => {
                // A name within a map is data.
                let path = format!("{path}.…");
                let each = |_, value: Self| value.note_odd_item(of, &path, odd);
                self.each_value(each).is_some()
            }
        };
        if !reads {
            odd.truncate(before);
            odd.push(DecodeError::new(path, self.what_is_wrong(kind)));
        }
    }

    /// In a list or a map, `null` is one less than was sent.
    fn note_odd_item(self, kind: &FieldKind, path: &str, odd: &mut Vec<DecodeError>) {
        if self.is_null() {
            odd.push(DecodeError::new(path, DecodeError::OTHER_TYPE));
        } else {
            self.note_odd(kind, path, odd);
        }
    }

    fn reads_as<T: Read<'r>>(self) -> bool {
        T::read(self).is_some()
    }

    fn is_json(self) -> bool {
        self.sent()
            .is_some_and(|sent| serde_json::from_str::<IgnoredAny>(sent).is_ok())
    }

    fn what_is_wrong(self, kind: &FieldKind) -> &'static str {
        if !self.is_json() {
            return DecodeError::NOT_JSON;
        }
        match (kind, self.form()) {
            (_, Form::Text | Form::Escaped) if self.text().is_none() => DecodeError::NOT_TEXT,
            (FieldKind::Number, Form::Bare) if !matches!(self.raw(), b"true" | b"false") => {
                DecodeError::TOO_LARGE
            }
            _ => DecodeError::OTHER_TYPE,
        }
    }
}

impl<'r> Read<'r> for Cow<'r, str> {
    fn read(found: Found<'r>) -> Option<Self> {
        match found.form() {
            // An id that was written as a number is still that id.
            Form::Bare => found
                .bare()
                .filter(|sent| number::is_number(sent))
                .map(Cow::Borrowed),
            _ => found.text(),
        }
    }
}

impl<'r> Read<'r> for bool {
    fn read(found: Found<'r>) -> Option<Self> {
        match found.scalar()?.as_ref() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

impl<'r> Read<'r> for Timestamp {
    fn read(found: Found<'r>) -> Option<Self> {
        let text = found.text()?;
        date::plain_moment(text.as_bytes())
            .or_else(|| text.parse().ok())
            .or_else(|| date::Parts::read(&text)?.moment)
    }
}

impl<'r> Read<'r> for Offset {
    fn read(found: Found<'r>) -> Option<Self> {
        date::offset(&found.text()?)
    }
}

impl<'r, T: Table> Read<'r> for T {
    fn read(found: Found<'r>) -> Option<Self> {
        found.record(T::FIELDS).map(T::view)
    }

    fn read_list(found: Found<'r>) -> Option<Vec<Self>> {
        if found.form() != Form::List {
            return None;
        }
        let spans = found.scanner().list_of(T::FIELDS).ok()?;
        let sheet = Sheet::new(Arc::clone(found.source), T::FIELDS, spans);
        let records = Sheet::records(&sheet).filter(|(place, _)| place.is_record);
        Some(records.map(|(_, record)| T::view(record)).collect())
    }
}

/// What is a record in some answers and one line of text in others, such as somebody's name.
///
/// `Debug` shows which of them, and nothing of it.
#[derive(Clone)]
#[non_exhaustive]
pub enum TextOr<'r, T> {
    /// One line of text.
    Text(Cow<'r, str>),
    /// A record.
    Record(T),
}

impl<'r, T> TextOr<'r, T> {
    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Record(_) => None,
        }
    }

    /// The record, where it is one.
    #[must_use]
    pub const fn record(&self) -> Option<&T> {
        match self {
            Self::Text(_) => None,
            Self::Record(record) => Some(record),
        }
    }
}

impl<T> fmt::Debug for TextOr<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::Record(_) => "Record(…)",
        })
    }
}

impl<'r, T: Table> Read<'r> for TextOr<'r, T> {
    fn read(found: Found<'r>) -> Option<Self> {
        match found.form() {
            Form::Text | Form::Escaped => {
                let text = found.text().filter(|text| !text.trim().is_empty())?;
                Some(Self::Text(text))
            }
            Form::Object | Form::List => <T as Read<'r>>::read(found).map(Self::Record),
            Form::Bare => None,
        }
    }
}

/// Any JSON within a record, as it was sent.
///
/// `Debug` shows the size alone, because it can be health data.
#[derive(Clone, Copy)]
pub struct Json<'r>(Found<'r>);

impl<'r> Json<'r> {
    pub(super) const fn new(found: Found<'r>) -> Self {
        Self(found)
    }

    /// The bytes as they came.
    #[must_use]
    pub fn raw(self) -> &'r [u8] {
        self.0.raw()
    }

    /// The moment that it tells, as a field of a table would read it.
    pub(crate) fn moment(self) -> Option<Timestamp> {
        Timestamp::read(self.0)
    }

    /// Reads it as a type of your own, or as [`serde_json::Value`].
    ///
    /// # Errors
    ///
    /// When it is of another form.
    pub fn read<T: Deserialize<'r>>(self) -> Result<T, DecodeError> {
        json::decode(self.raw())
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.raw().len())
    }
}

impl<'r> Read<'r> for Json<'r> {
    fn read(found: Found<'r>) -> Option<Self> {
        (!found.is_null()).then_some(Self(found))
    }
}
