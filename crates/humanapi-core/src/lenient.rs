//! Reading JSON values whose type the documents leave open.
//!
//! A field of another type than documented reads as `None` and never spoils the record around it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

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

    fn from_bool(_: bool) -> Option<Self> {
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

impl Scalar<'_> for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    // An id that was written as a number is still that id.
    fn from_integer(number: i64) -> Option<Self> {
        Some(number.to_string())
    }

    fn from_unsigned(number: u64) -> Option<Self> {
        Some(number.to_string())
    }
}

impl Scalar<'_> for f64 {
    fn from_text(text: &str) -> Option<Self> {
        text.trim()
            .parse()
            .ok()
            .filter(|number: &Self| number.is_finite())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the record's own bytes keep what a float cannot"
    )]
    fn from_integer(number: i64) -> Option<Self> {
        Some(number as Self)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the record's own bytes keep what a float cannot"
    )]
    fn from_unsigned(number: u64) -> Option<Self> {
        Some(number as Self)
    }

    fn from_float(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl Scalar<'_> for Timestamp {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Scalar<'_> for Date {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
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

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(T::from_bool(value))
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
