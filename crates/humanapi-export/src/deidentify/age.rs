//! Which values are ages over 89: by the unit of time that they are told in, or by a code around them or within.

use humanapi_core::data::{Record, Value};

use super::policy::{Action, Node};
use crate::named;
use crate::values::{Pair, Units, loinc_of};

/// An age of more years than these tells too much, and so does a year so long ago.
pub(super) const OLDEST: i16 = 89;
/// What an age is by LOINC: as reported, calculated, estimated, at an examination or at death.
const AGES: [&str; 7] = [
    "30525-0", "21612-7", "29553-5", "21611-9", "63900-5", "35659-2", "39016-1",
];
/// How UCUM writes years.
pub(super) const YEARS: &str = "a";

/// What is known of the record whose values are looked at.
pub(super) struct Told<'a> {
    pub(super) record: &'a Record,
    /// Whether a code says that its values are ages.
    pub(super) is_age: bool,
    /// Whether one of its numbers is 90 years or more.
    pub(super) is_old: bool,
    units: &'a Units,
}

impl<'a> Told<'a> {
    /// Of a record, within one that can be an age by its code.
    pub(super) fn of(
        nodes: &[Node],
        record: &'a Record,
        units: &'a Units,
        is_within_age: bool,
    ) -> Self {
        let mut told = Self {
            record,
            is_age: is_within_age || says_age(record, units),
            is_old: false,
            units,
        };
        told.is_old = told.has_old(nodes);
        told
    }

    /// Whether a number of a record, in the unit within it or beside it, is 90 years or more, whatever it was measured of.
    /// Where a code says that it is an age, a number without a unit is one in years, and one in no unit of time is not certain.
    pub(super) fn makes_old(&self, number: &str, within: Option<&str>) -> bool {
        let beside = named::text(self.record, "unit");
        let mut units = within.into_iter().chain(beside.as_deref()).peekable();
        if units.peek().is_none() {
            return self.is_age && is_over_89(number);
        }
        units.any(|unit| {
            // What stands in braces makes it no other time.
            let time = unit.split('{').next().unwrap_or(unit);
            match self.units.convert(number, time, YEARS, None) {
                Ok(years) => is_over_89(&years),
                Err(_) if says_years(unit) => is_over_89(number),
                Err(_) => self.is_age,
            }
        })
    }

    /// Whether one of its numbers is 90 years or more.
    fn has_old(&self, nodes: &[Node]) -> bool {
        nodes
            .iter()
            .any(|node| match (&node.action, self.record.value(node.place)) {
                (Action::Quantity, Some(Value::Quantity(quantity))) => quantity
                    .number()
                    .is_some_and(|number| self.makes_old(number, quantity.unit())),
                (Action::Number, Some(Value::Number(number))) => {
                    self.makes_old(number.as_str(), None)
                }
                (Action::Number, Some(Value::Integer(number))) => {
                    self.makes_old(&number.to_string(), None)
                }
                _ => false,
            })
    }

    /// Whether a number of a record is one of years, by the unit within it or else beside it, or has no unit.
    pub(super) fn is_in_years(&self, within: Option<&str>) -> bool {
        let beside = named::text(self.record, "unit");
        let unit = within.or(beside.as_deref());
        unit.is_none_or(|unit| is_year(unit, self.units))
    }
}

/// Whether a record says that it is an age: by a code of its own, or by a code or the unit of the same value as it was sent.
fn says_age(record: &Record, units: &Units) -> bool {
    let is_age = |record: &Record| {
        let codes = loinc_of(record);
        codes.iter().any(|code| AGES.contains(&code.as_str()))
    };
    let is_same = |inner: &Record| {
        Pair::of(inner.table()).is_some() && (is_age(inner) || is_in_years(inner, units))
    };
    let is_pair = Pair::of(record.table()).is_some();
    is_age(record)
        || is_pair
            && (0..record.table().len()).any(|place| match record.value(place) {
                Some(Value::Object(inner)) => is_same(&inner),
                Some(Value::List(items)) => items
                    .iter()
                    .any(|item| matches!(item, Value::Object(inner) if is_same(inner))),
                _ => false,
            })
}

/// Whether the value of a record has years as its unit, within or beside it.
fn is_in_years(record: &Record, units: &Units) -> bool {
    let within = match named::value(record, "value") {
        Some(Value::Quantity(quantity)) => quantity.unit().is_some_and(|unit| is_year(unit, units)),
        _ => false,
    };
    within || named::text(record, "unit").is_some_and(|unit| is_year(&unit, units))
}

fn is_year(unit: &str, units: &Units) -> bool {
    let named = units.named(unit);
    named.is_ok_and(|named| named.ucum == YEARS) || says_years(unit)
}

/// Whether a text that is no unit of ours says years nevertheless: `years of age`, `y/o`.
fn says_years(unit: &str) -> bool {
    let unit = unit.trim().to_ascii_lowercase();
    !unit.contains('/') && ["year", "yr"].iter().any(|name| unit.contains(name))
        || ["y", "y.", "yo", "y.o.", "y/o"].contains(&unit.as_str())
}

fn is_over_89(years: &str) -> bool {
    let years = years.trim().parse::<f64>();
    years.is_ok_and(|years| years >= f64::from(OLDEST + 1))
}
