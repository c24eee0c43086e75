//! Records within records.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::field::Field;
use super::found::{Found, Read};
use super::{Record, Sheet, Table};
use crate::json::tokens::Form;

impl Found<'_> {
    /// One object as a record, or the first item of a list, as the service once sent some of them. An
    /// empty one is how it says that there is none.
    pub(super) fn record(self, table: &'static [Field]) -> Option<Record> {
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
