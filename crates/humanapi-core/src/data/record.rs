//! One record: typed, and as the service sent it.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::body::Body;
use crate::error::DecodeError;
use crate::raw_call::read_json;

/// One record: typed, and byte for byte as the service sent it.
///
/// Nothing is lost: a field that the type does not know, or whose value has another type than
/// documented (it then reads as `None`), is still in [`raw`](Self::raw) and in [`field`](Self::field).
/// `Debug` shows the size alone, because a record is health data.
#[derive(Clone)]
pub struct Record<T> {
    value: T,
    raw: Bytes,
}

impl<T> Record<T> {
    /// The record as JSON, exactly as the service sent it.
    #[must_use]
    pub fn raw(&self) -> &str {
        // Whatever is read as a record is checked to be UTF-8.
        std::str::from_utf8(&self.raw).unwrap_or_default()
    }

    /// One field of the record by its name on the wire, whether the type knows it or not.
    ///
    /// Reads the record anew each time; for many fields read [`raw`](Self::raw) once.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Value> {
        match serde_json::from_slice(&self.raw) {
            Ok(Value::Object(mut fields)) => fields.remove(name),
            _ => None,
        }
    }

    /// The typed part alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: for<'de> Deserialize<'de>> Record<T> {
    /// Reads a body that is one record.
    pub(super) fn read(body: Body) -> Result<Self, DecodeError> {
        let value = read_object(body.as_bytes())?;
        Ok(Self {
            value,
            raw: body.into_bytes(),
        })
    }

    /// Reads a body that is a list of records.
    pub(super) fn read_list(body: Body) -> Result<Vec<Self>, DecodeError> {
        let bytes = body.into_bytes();
        let items: Vec<&RawValue> = read_json(&bytes)?;
        let read = |(index, item): (usize, &RawValue)| {
            let raw = bytes.slice_ref(item.get().as_bytes());
            let value = read_object(&raw).map_err(|mut error| {
                error.path = match error.path.as_str() {
                    "." => format!("[{index}]"),
                    inner => format!("[{index}].{inner}"),
                };
                error
            })?;
            Ok(Self { value, raw })
        };
        items.into_iter().enumerate().map(read).collect()
    }
}

/// Reads one object.
///
/// What the type does not know is skipped unread, so whether it is UTF-8 is asked for apart. A list
/// would pass for an object's fields in their order, and is none.
fn read_object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let value = read_json(bytes)?;
    let reason = if std::str::from_utf8(bytes).is_err() {
        "it is not JSON"
    } else if !bytes.trim_ascii_start().starts_with(b"{") {
        "it is of another type"
    } else {
        return Ok(value);
    };
    Err(DecodeError {
        path: ".".to_owned(),
        reason,
    })
}

impl<T> Deref for Record<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for Record<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes)", self.raw.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Named {
        name: String,
    }

    #[test]
    fn each_record_keeps_its_own_bytes() {
        let body = Body::from("[ {\"name\":\"a\", \"x\":1.10},\n{\"name\":\"b\"} ]");
        let records = Record::<Named>::read_list(body).unwrap();
        assert_eq!(records[0].raw(), "{\"name\":\"a\", \"x\":1.10}");
        assert_eq!(records[1].name, "b");
        assert_eq!(records[0].field("x"), Some(Value::from(1.1)));
        assert_eq!(records[0].field("y"), None);
        assert_eq!(format!("{:?}", records[0]), "Record(22 bytes)");
    }

    #[test]
    fn an_error_names_the_place_and_not_the_value() {
        let check = |text: &'static str, shown: &str| {
            let error = Record::<Named>::read_list(Body::from(text)).unwrap_err();
            assert_eq!(error.to_string(), shown);
        };
        check(
            "[{\"name\":\"a\"},{\"name\":\"canary\"",
            "the answer cannot be read at [1]: it ends too early",
        );
        check(
            "[{\"name\":\"a\"},{\"name\":7}]",
            "the answer cannot be read at [1].name: it is of another type",
        );
        check(
            "{}",
            "the answer cannot be read at its top level: it is of another type",
        );
        check(
            "<html>",
            "the answer cannot be read at its top level: it is not JSON",
        );
    }
}
