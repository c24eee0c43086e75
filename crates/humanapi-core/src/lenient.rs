//! Reading JSON values whose type the documents leave open.
//!
//! A field of another type than documented reads as `None` and never spoils the answer around it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde_core::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What one JSON value may be read as.
pub(crate) trait Scalar<'de>: Sized {
    fn from_text(text: &str) -> Option<Self>;

    fn from_borrowed(text: &'de str) -> Option<Self> {
        Self::from_text(text)
    }

    fn from_integer(_: i64) -> Option<Self> {
        None
    }

    fn from_unsigned(number: u64) -> Option<Self> {
        i64::try_from(number).ok().and_then(Self::from_integer)
    }

    fn from_float(_: f64) -> Option<Self> {
        None
    }
}

impl<'de> Scalar<'de> for Cow<'de, str> {
    fn from_text(text: &str) -> Option<Self> {
        Some(Cow::Owned(text.to_owned()))
    }

    fn from_borrowed(text: &'de str) -> Option<Self> {
        Some(Cow::Borrowed(text))
    }
}

/// Reads one value as `T`, or as nothing when it is something else.
pub(crate) fn scalar<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Scalar<'de>,
{
    deserializer.deserialize_any(ScalarVisitor(PhantomData))
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<'de, T: Scalar<'de>> Visitor<'de> for ScalarVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(text))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(T::from_borrowed(text))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::from_integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(T::from_unsigned(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(T::from_float(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_core::Deserialize as _;
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(json: &str, read: Option<&str>) {
        let value = Value::deserialize(&mut serde_json::Deserializer::from_str(json)).unwrap();
        let of_value: Option<Cow<'_, str>> = scalar(value).unwrap();
        assert_eq!(of_value.as_deref(), read, "{json}");
        let mut text = serde_json::Deserializer::from_str(json);
        let of_text: Option<Cow<'_, str>> = scalar(&mut text).unwrap();
        assert_eq!(of_text.as_deref(), read, "{json}");
        text.end().unwrap();
    }

    #[test]
    fn text_is_read_as_text_and_nothing_else_is() {
        check("\"a\"", Some("a"));
        check("\"\\u0061\"", Some("a"));
        for other in ["12", "-1", "1.5", "null", "true", "{\"a\":[1]}", "[[1],{}]"] {
            check(other, None);
        }
    }
}
