//! A field of a record by its name, read by what its table says of it.

use std::borrow::Cow;

use humanapi_core::data::{Record, Value};

/// What a documented field holds.
pub(crate) fn value<'r>(record: &'r Record, name: &str) -> Option<Value<'r>> {
    let place = record.table().iter().position(|field| field.name == name)?;
    record.value(place)
}

/// The text of a documented field, unless it is blank.
pub(crate) fn text<'r>(record: &'r Record, name: &str) -> Option<Cow<'r, str>> {
    match value(record, name) {
        Some(Value::Text(text)) if !text.trim().is_empty() => Some(text),
        _ => None,
    }
}
