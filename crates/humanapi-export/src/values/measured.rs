//! The value columns of a record that has a value and its unit.

use humanapi_core::data::{Field, FieldKind, Record, Value};

use super::{Converted, Units, Unread};
use crate::code_systems::{LOINC, System};
use crate::named;

/// Where in a table a value, its unit and the codes of what was measured stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    value: usize,
    unit: usize,
    codes: Option<usize>,
}

/// What the value columns of one record hold.
pub(crate) struct Measured {
    /// The unit by UCUM.
    pub(crate) ucum: Option<String>,
    /// The value in the unit that its kind is brought to: as an exact decimal, and the float nearest to it.
    pub(crate) canonical: Option<(String, f64)>,
    /// That unit.
    pub(crate) canonical_unit: Option<String>,
    /// The rule by which it was brought there.
    pub(crate) rule: Option<String>,
}

impl Pair {
    /// Where they stand in records of this table, if these have a value with its unit.
    pub(crate) fn of(table: &[Field]) -> Option<Self> {
        let place = |name| table.iter().position(|field| field.name == name);
        let value = place("value")?;
        let is_value = matches!(table[value].kind, FieldKind::Number | FieldKind::Quantity);
        let unit = place("unit").filter(|unit| table[*unit].kind == FieldKind::Text)?;
        is_value.then_some(Self {
            value,
            unit,
            codes: place("codes"),
        })
    }

    /// Reads a record's value, and counts how that went.
    pub(crate) fn read(self, record: &Record, units: &Units) -> Measured {
        let mut measured = Measured {
            ucum: None,
            canonical: None,
            canonical_unit: None,
            rule: None,
        };
        let Some(value) = record.value(self.value) else {
            return measured;
        };
        let (number, within) = match &value {
            Value::Number(number) => (Some(number.as_str()), None),
            Value::Quantity(quantity) => (quantity.number(), quantity.unit()),
            _ => return measured,
        };
        // Words, such as `Negative`, have no unit.
        let Some(number) = number else {
            return measured;
        };
        let beside = match record.value(self.unit) {
            Some(Value::Text(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        let named = match (within, beside.as_deref()) {
            (None, None) => Err(Unread::NoUnit),
            (Some(text), None) | (None, Some(text)) => units.named(text),
            (Some(within), Some(beside)) => match (units.named(within), units.named(beside)) {
                (Ok(within), Ok(beside)) if within.ucum == beside.ucum => Ok(within),
                (Ok(_), Ok(_)) => Err(Unread::TwoUnits),
                (Err(unread), _) | (_, Err(unread)) => Err(unread),
            },
        };
        let named = match named {
            Ok(named) => named,
            Err(unread) => {
                units.count(None, Some(unread));
                return measured;
            }
        };
        let converted = units.canonical(number, &named, &self.loinc(record));
        units.count(Some(&named), converted.as_ref().err().copied());
        measured.ucum = Some(named.ucum.clone());
        if let Ok(Converted { value, unit, rule }) = converted {
            let sent = value.to_plain_string();
            measured.canonical = sent.parse().ok().map(|near| (sent, near));
            measured.canonical_unit = Some(unit);
            measured.rule = Some(rule);
        }
        measured
    }

    /// The codes of LOINC that say what was measured.
    fn loinc(self, record: &Record) -> Vec<String> {
        self.codes
            .map(|place| codes_at(record, place))
            .unwrap_or_default()
    }
}

/// The codes of LOINC that stand on a record itself, whether it holds a value or records that do.
#[cfg(feature = "deidentify")]
pub(crate) fn loinc_of(record: &Record) -> Vec<String> {
    let place = record
        .table()
        .iter()
        .position(|field| field.name == "codes");
    place
        .map(|place| codes_at(record, place))
        .unwrap_or_default()
}

fn codes_at(record: &Record, place: usize) -> Vec<String> {
    let Some(Value::List(codes)) = record.value(place) else {
        return Vec::new();
    };
    let codes = codes.iter().filter_map(|code| match code {
        Value::Object(code) => loinc(code),
        _ => None,
    });
    codes.collect()
}

/// The code of LOINC that a record of a code holds.
fn loinc(code: &Record) -> Option<String> {
    let system = System::of(code).filter(|system| system.name() == LOINC);
    let code = named::text(code, "code").filter(|_| system.is_some())?;
    Some(code.trim().to_owned())
}
