//! What stands in one row of a column.

use std::borrow::Cow;

use humanapi_core::data::{Comparator, Json, Record, Value};
use jiff::Timestamp;
use jiff::civil::Date;

/// One cell.
#[derive(Clone)]
pub(crate) enum Cell<'a> {
    Empty,
    Text(&'a str),
    /// As it was sent, and the float nearest to it.
    Number(&'a str, f64),
    Integer(i64),
    Bool(bool),
    Moment(Timestamp),
    Day(Date),
    /// As it was sent, which need not be JSON.
    Json(Json<'a>),
    List(ListCell<'a>),
}

/// A list, which is read only where a format has lists.
#[derive(Clone, Copy)]
pub(crate) struct ListCell<'a> {
    pub(crate) record: &'a Record,
    /// The field's place in the record's table.
    pub(crate) place: usize,
    /// As it was sent.
    pub(crate) sent: Json<'a>,
}

impl<'a> ListCell<'a> {
    fn items(self) -> Option<Vec<Value<'a>>> {
        match self.record.value(self.place) {
            Some(Value::List(items)) => Some(items),
            _ => None,
        }
    }

    /// Its records, if it is a list.
    pub(crate) fn records(self) -> Option<impl Iterator<Item = Record>> {
        let records = self.items()?.into_iter();
        Some(records.filter_map(|item| match item {
            Value::Object(record) => Some(record),
            _ => None,
        }))
    }

    /// Its texts, if it is a list.
    pub(crate) fn texts(self) -> Option<impl Iterator<Item = Cow<'a, str>>> {
        let texts = self.items()?.into_iter();
        Some(texts.filter_map(|item| match item {
            Value::Text(text) => Some(text),
            Value::Date(date) => Some(Cow::Owned(date.text().to_owned())),
            _ => None,
        }))
    }
}

/// A comparator that has no sign yet leaves its cell empty: the text beside it has it.
pub(crate) const fn written(comparator: Comparator) -> Option<&'static str> {
    match comparator {
        Comparator::Less => Some("<"),
        Comparator::AtMost => Some("<="),
        Comparator::Greater => Some(">"),
        Comparator::AtLeast => Some(">="),
        _ => None,
    }
}
