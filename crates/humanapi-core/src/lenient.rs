//! Reading JSON values whose type the documents leave open.
//!
//! A field of another type than documented reads as `None` and never spoils the record around it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

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

impl Scalar<'_> for Offset {
    /// `+02:00` or `-04:30`.
    fn from_text(text: &str) -> Option<Self> {
        let (sign, rest) = match text.as_bytes().first()? {
            b'+' => (1, &text[1..]),
            b'-' => (-1, &text[1..]),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let number = |text: &str| match text.as_bytes() {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
                Some(i32::from(tens - b'0') * 10 + i32::from(ones - b'0'))
            }
            _ => None,
        };
        let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
        Self::from_seconds(sign * (number(hours)? * 3600 + minutes * 60)).ok()
    }
}

/// Reads one object, or the first of a list of them; an empty one, and anything else, as nothing.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    let object = deserializer.deserialize_any(ObjectVisitor(PhantomData))?;
    Ok(object.filter(|object| *object != T::default()))
}

struct ObjectVisitor<T>(PhantomData<T>);

struct Object<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(ObjectVisitor(PhantomData))
            .map(Self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let first = seq.next_element::<Object<T>>()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first.and_then(|object| object.0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
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

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::Value;

    use super::*;

    fn check<T>(json: &str, read: Option<T>)
    where
        T: for<'de> Scalar<'de> + PartialEq + fmt::Debug,
    {
        let value = Value::deserialize(&mut serde_json::Deserializer::from_str(json)).unwrap();
        assert_eq!(scalar::<_, T>(value).unwrap(), read, "{json}");
        let mut text = serde_json::Deserializer::from_str(json);
        assert_eq!(scalar::<_, T>(&mut text).unwrap(), read, "{json}");
        text.end().unwrap();
    }

    #[test]
    fn numbers_come_as_numbers_or_text() {
        check("60", Some(60.0));
        check("724.5", Some(724.5));
        check("-1", Some(-1.0));
        check("\"98\"", Some(98.0));
        check("18446744073709551615", Some(18_446_744_073_709_551_615.0));
        for other in [
            "\"5.1 K/uL\"",
            "\"NaN\"",
            "null",
            "true",
            "{\"a\":[1]}",
            "[[1],{}]",
        ] {
            check::<f64>(other, None);
        }
    }

    #[test]
    fn text_may_be_written_as_a_number() {
        check("\"a\"", Some("a".to_owned()));
        check("12", Some("12".to_owned()));
        check(
            "18446744073709551615",
            Some("18446744073709551615".to_owned()),
        );
        check::<String>("1.5", None);
        check::<String>("{}", None);
    }

    #[test]
    fn moments_and_offsets() {
        check(
            "\"2021-06-01T07:30:00.000Z\"",
            Some("2021-06-01T07:30:00Z".parse::<Timestamp>().unwrap()),
        );
        check::<Timestamp>("\"yesterday\"", None);
        check("\"-04:30\"", Offset::from_seconds(-16_200).ok());
        check("\"+00:00\"", Some(Offset::UTC));
        for other in [
            "\"\"",
            "\"04:00\"",
            "\"+4:00\"",
            "\"+04:60\"",
            "\"+99:00\"",
            "\"+é0:00\"",
            "4",
        ] {
            check::<Offset>(other, None);
        }
    }
}
