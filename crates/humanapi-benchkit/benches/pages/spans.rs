//! Where fields stand, found by serde_json: borrowed [`RawValue`]s in one visitor. What core would use if a
//! reader of its own did not pay.

use std::fmt;
use std::hint::black_box;

use anyhow::Context as _;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

const NAMES: [&str; 15] = [
    "id",
    "userId",
    "startTime",
    "endTime",
    "tzOffset",
    "type",
    "source",
    "duration",
    "distance",
    "steps",
    "calories",
    "sourceData",
    "createdAt",
    "updatedAt",
    "humanId",
];

/// Reads the same five fields as the others do.
pub(crate) fn five_fields(times: u32) -> anyhow::Result<()> {
    let page = super::page();
    for _ in 0..times {
        let text = std::str::from_utf8(black_box(page.as_bytes()))?;
        let mut spans = Spans(Vec::with_capacity(8_000));
        let mut json = serde_json::Deserializer::from_str(text);
        List(&mut spans).deserialize(&mut json)?;
        for (field, raw) in spans.0 {
            match field {
                2 => {
                    let moment = raw.trim_matches('"').parse::<jiff::Timestamp>();
                    black_box(moment.map_err(anyhow::Error::msg)?);
                }
                5 => {
                    black_box(raw.strip_prefix('"').context("no text")?);
                }
                7..=9 => {
                    black_box(raw.parse::<f64>()?);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The known fields of all records, by their place among the names.
struct Spans<'a>(Vec<(usize, &'a str)>);

struct List<'s, 'a>(&'s mut Spans<'a>);

struct One<'s, 'a>(&'s mut Spans<'a>);

/// A name, which is most often the one behind the last.
struct Name(usize);

impl<'de> DeserializeSeed<'de> for List<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(One(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for One<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut likely = 0;
        while let Some(known) = fields.next_key_seed(Name(likely))? {
            let raw: &'de RawValue = fields.next_value()?;
            if let Some(field) = known {
                likely = field + 1;
                self.0.0.push((field, raw.get()));
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        // Bytes, because a name may hold half an emoji.
        json.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Self::Value, E> {
        let is_it = |known: &&str| known.as_bytes() == name;
        if NAMES.get(self.0).is_some_and(is_it) {
            return Ok(Some(self.0));
        }
        Ok(NAMES.iter().position(is_it))
    }
}
