//! One object of an answer, whose known fields are taken out and whose others stay.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// One object of an answer. What is taken out of it was of the form that was expected; all else stays.
pub(super) struct Fields(Map<String, Value>);

/// What an answer holds.
pub(super) trait Model: Sized {
    /// Reads it, or names the field without which there is none.
    fn read(fields: Fields) -> Result<Self, &'static str>;
}

impl Fields {
    pub(super) const fn new(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// Takes a field out if `read` makes something of it. A `null` holds nothing, so it is dropped.
    pub(super) fn take<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.0.get(name)?;
        let read = read(value);
        if read.is_some() || value.is_null() {
            self.0.remove(name);
        }
        read
    }

    /// A text, or a number in place of one.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, text)
    }

    /// A text that names something, so an empty one is none.
    pub(super) fn id(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| text(value).filter(|text| !text.is_empty()))
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name, Value::as_bool)
    }

    /// A list of texts. One that holds anything else stays where it is.
    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        let read = |value: &Value| value.as_array()?.iter().map(text).collect();
        self.take(name, read).unwrap_or_default()
    }

    /// A moment. One without a zone is of UTC.
    pub(super) fn moment(&mut self, name: &str) -> Option<Timestamp> {
        self.take(name, |value| {
            let text = value.as_str()?.trim();
            text.parse().ok().or_else(|| {
                let at: DateTime = text.parse().ok()?;
                TimeZone::UTC.to_timestamp(at).ok()
            })
        })
    }

    /// A day, which may be written as a moment of that day.
    pub(super) fn day(&mut self, name: &str) -> Option<Date> {
        self.take(name, |value| {
            let text = value.as_str()?.trim();
            let day = text.split(['T', ' ']).next()?;
            day.parse().ok()
        })
    }

    /// A list of objects. One that holds anything else stays where it is.
    pub(super) fn list<T: Model>(&mut self, name: &str) -> Vec<T> {
        let read = |value: &Value| {
            let items = value.as_array()?.iter();
            items
                .map(|item| T::read(Self(item.as_object()?.clone())).ok())
                .collect()
        };
        self.take(name, read).unwrap_or_default()
    }

    /// What was not taken out.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.0
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Has models read by serde too, as from a notification or a file.
macro_rules! deserialized {
    ($($model:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $model {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let map = serde::Deserialize::deserialize(deserializer)?;
                <Self as $crate::admin::fields::Model>::read($crate::admin::fields::Fields::new(map))
                    .map_err(serde::de::Error::missing_field)
            }
        }
    )+};
}
pub(super) use deserialized;
