//! What a record measured: how much of what, and what is usual.

use std::borrow::Cow;

use humanapi_core::data::{Field, FieldKind, Quantity, Record, Value};

use super::series::Kind;
use crate::named;

/// One thing that a record measured.
#[derive(Clone)]
pub(super) struct Measure {
    pub(super) kind: Kind,
    /// Nothing where something stands there that is no number, such as `positive`.
    pub(super) value: Option<f64>,
    /// Whether the value is a bound, such as `<10`.
    pub(super) is_bound: bool,
    /// From where to where it is usual, as far as the record says.
    pub(super) usual: (Option<f64>, Option<f64>),
}

/// Everything that the record measured: its own numbers, then those of the first of its lists that has some, such as the
/// components of a test or the results of vital signs.
pub(super) fn of(record: &Record) -> Vec<Measure> {
    let own_unit = named::text(record, "unit");
    let fields = || record.table().iter().enumerate();
    let mut measures: Vec<Measure> = fields()
        .filter_map(|(place, field)| {
            let unit = match field.name {
                "value" => own_unit.as_deref().or(field.unit),
                _ => field.unit,
            };
            let Some(value) = record.value(place) else {
                return is_number(field)
                    .then(|| record.sent(place))
                    .flatten()
                    .filter(|sent| !is_absent(sent.raw()))
                    .map(|_| no_number(field.name, true));
            };
            measure(field.name, true, unit, &value)
        })
        .collect();
    let lists = fields().filter(|(_, field)| is_list_of_measures(field));
    let mut lists = lists.map(|(place, _)| match record.value(place) {
        Some(Value::List(items)) => items.iter().filter_map(item).collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    let mut without_numbers = Vec::new();
    let list = lists.find(|list| {
        let has_number = list.iter().any(|measure| measure.value.is_some());
        if !has_number && without_numbers.is_empty() {
            without_numbers.clone_from(list);
        }
        has_number
    });
    measures.extend(list.unwrap_or(without_numbers));
    measures
}

/// Who measured it: the organization that wrote a medical record, or where the record comes from.
pub(super) fn source(record: &Record) -> Cow<'_, str> {
    let organization = match named::value(record, "organization") {
        Some(Value::Object(organization)) => {
            named::text(&organization, "name").map(|name| Cow::Owned(name.into_owned()))
        }
        _ => None,
    };
    organization
        .or_else(|| named::text(record, "source"))
        .unwrap_or_default()
}

fn is_list_of_measures(field: &Field) -> bool {
    let FieldKind::List(FieldKind::Object(table)) = field.kind else {
        return false;
    };
    let has = |name| table.iter().any(|field| field.name == name);
    has("name") && has("value")
}

fn item(item: &Value<'_>) -> Option<Measure> {
    let Value::Object(record) = item else {
        return None;
    };
    let name = named::text(record, "name")?;
    let unit = named::text(record, "unit");
    let mut measure = measure(
        &name,
        false,
        unit.as_deref(),
        &named::value(record, "value")?,
    )?;
    measure.usual = (number(record, "low"), number(record, "high"));
    Some(measure)
}

fn measure(name: &str, is_field: bool, unit: Option<&str>, value: &Value<'_>) -> Option<Measure> {
    let (value, is_bound, own_unit) = match value {
        Value::Number(number) => (number.to_f64(), false, None),
        Value::Quantity(quantity) => match quantity.to_f64() {
            Some(number) => (number, quantity.comparator().is_some(), quantity.unit()),
            None => {
                return (!quantity.text().trim().is_empty()).then(|| no_number(name, is_field));
            }
        },
        _ => return None,
    };
    Some(Measure {
        kind: Kind {
            name: name.trim().to_owned(),
            unit: own_unit.or(unit).map(|unit| unit.trim().to_owned()),
            is_field,
        },
        value: Some(value),
        is_bound,
        usual: (None, None),
    })
}

/// Something that is no number, where one is measured.
fn no_number(name: &str, is_field: bool) -> Measure {
    Measure {
        kind: Kind {
            name: name.trim().to_owned(),
            unit: None,
            is_field,
        },
        value: None,
        is_bound: false,
        usual: (None, None),
    }
}

const fn is_number(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Number | FieldKind::Quantity)
}

/// Whether JSON says that there is nothing.
const fn is_absent(sent: &[u8]) -> bool {
    matches!(sent, b"null" | b"\"\"" | b"{}" | b"[]")
}

fn number(record: &Record, name: &str) -> Option<f64> {
    match named::value(record, name)? {
        Value::Number(number) => Some(number.to_f64()),
        Value::Quantity(quantity) if quantity.comparator().is_none() => Quantity::to_f64(&quantity),
        _ => None,
    }
}
