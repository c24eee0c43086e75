//! A field that is read by what its table says of it, for those who know the kind of record at run time alone.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::found::{Found, Json, Read};
use super::{Date, Field, FieldKind, Number, Quantity, Record};
use crate::json::tokens::Form;

/// What a field of a record holds, read by its [kind](FieldKind).
///
/// What reads records of every kind, such as an export, reads them by these. One value for each kind of field;
/// [`FieldKind::TextOr`] is either text or an object.
///
/// `Debug` shows which of them it is, and nothing of it.
#[derive(Clone)]
#[non_exhaustive]
pub enum Value<'r> {
    /// Text, or a number in its place as it was sent.
    Text(Cow<'r, str>),
    /// A number.
    Number(Number<'r>),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// A moment.
    Timestamp(Timestamp),
    /// A date of whatever precision.
    Date(Date<'r>),
    /// By how much local time differs from UTC.
    Offset(Offset),
    /// A measured value as text.
    Quantity(Quantity<'r>),
    /// Any JSON.
    Json(Json<'r>),
    /// A record within the record.
    Object(Record),
    /// The readable items of a list.
    List(Vec<Self>),
    /// The readable values of an object, by name.
    Map(Vec<(Cow<'r, str>, Self)>),
}

impl Record {
    /// The documented fields of this kind of record.
    #[must_use]
    pub fn table(&self) -> &'static [Field] {
        self.sheet.table
    }

    /// The field at this place of the [table](Self::table), read as its accessor reads it: `None` where it is missing,
    /// `null` or of another type than documented, and where there is no such place.
    ///
    /// ```
    /// use humanapi_core::data::{Activity, Value};
    ///
    /// let activity = Activity::from_json(r#"{"steps": 3}"#)?;
    /// let steps = activity.table().iter().position(|field| field.name == "steps").unwrap();
    /// assert!(matches!(activity.value(steps), Some(Value::Number(number)) if number.as_str() == "3"));
    /// # Ok::<(), humanapi_core::DecodeError>(())
    /// ```
    #[must_use]
    pub fn value(&self, place: usize) -> Option<Value<'_>> {
        let field = self.table().get(place)?;
        let found = self.found(place)?;
        // A value is written once, to where it is wanted: moving one takes as long as reading it.
        let Some(absent) = field.absent else {
            return read(&field.kind, found);
        };
        read(&field.kind, found)
            .filter(|value| !matches!(value, Value::Text(text) if text == absent))
    }

    /// The field at this place of the [table](Self::table) as it was sent, whatever that is.
    #[must_use]
    pub fn sent(&self, place: usize) -> Option<Json<'_>> {
        self.found(place).map(Json::new)
    }
}

fn read<'r>(kind: &FieldKind, found: Found<'r>) -> Option<Value<'r>> {
    Some(match kind {
        FieldKind::Text => Value::Text(Read::read(found)?),
        FieldKind::Number => Value::Number(Read::read(found)?),
        FieldKind::Integer => Value::Integer(Read::read(found)?),
        FieldKind::Bool => Value::Bool(Read::read(found)?),
        FieldKind::Timestamp => Value::Timestamp(Read::read(found)?),
        FieldKind::Date => Value::Date(Read::read(found)?),
        FieldKind::Offset => Value::Offset(Read::read(found)?),
        FieldKind::Quantity => Value::Quantity(Read::read(found)?),
        FieldKind::Json => Value::Json(Read::read(found)?),
        FieldKind::Object(table) => Value::Object(found.record(table)?),
        FieldKind::TextOr(table) => match found.form() {
            Form::Text | Form::Escaped => {
                Value::Text(found.text().filter(|text| !text.trim().is_empty())?)
            }
            Form::Object | Form::List => Value::Object(found.record(table)?),
            Form::Bare => return None,
        },
        FieldKind::List(of) => {
            let mut items = Vec::new();
            found.each_item(|item| items.extend(read(of, item)))?;
            Value::List(items)
        }
        FieldKind::Map(of) => {
            let mut values = Vec::new();
            found.each_value(|name, value| {
                values.extend(read(of, value).map(|value| (name, value)));
            })?;
            Value::Map(values)
        }
    })
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::Number(_) => "Number(…)",
            Self::Integer(_) => "Integer(…)",
            Self::Bool(_) => "Bool(…)",
            Self::Timestamp(_) => "Timestamp(…)",
            Self::Date(_) => "Date(…)",
            Self::Offset(_) => "Offset(…)",
            Self::Quantity(_) => "Quantity(…)",
            Self::Json(_) => "Json(…)",
            Self::Object(_) => "Object(…)",
            Self::List(_) => "List(…)",
            Self::Map(_) => "Map(…)",
        })
    }
}
