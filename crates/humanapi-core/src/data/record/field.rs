//! What a record's table says of its fields.

/// One documented field of a record.
///
/// The tables are what export schemas, coverage tables and fixtures are made from:
///
/// ```
/// use humanapi_core::data::{Activity, FieldKind};
///
/// let distance = Activity::FIELDS.iter().find(|field| field.name == "distance").unwrap();
/// assert_eq!(distance.accessor, "distance");
/// assert_eq!(distance.kind, FieldKind::Number);
/// assert_eq!(distance.unit, Some("m"));
/// assert_eq!(distance.doc, "How far.");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// The method that reads it.
    pub accessor: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// The unit of its number, as UCUM writes it, where it is always the same.
    pub unit: Option<&'static str>,
    /// The code system of its values, by name, where it is always the same.
    pub code_system: Option<&'static str>,
    /// The text that means "none", where the service writes one.
    pub absent: Option<&'static str>,
    /// What it means.
    pub doc: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// Text. A number in its place is read as it was sent.
    Text,
    /// A number, with or without a fraction. Text that is a number counts as one.
    Number,
    /// A whole number. Text that is one counts as one.
    Integer,
    /// True or false.
    Bool,
    /// A moment.
    Timestamp,
    /// A date of whatever precision, or a moment.
    Date,
    /// By how much local time differs from UTC.
    Offset,
    /// A measured value as text: comparator, number and unit.
    Quantity,
    /// Any JSON.
    Json,
    /// A record within the record, with the fields of its own table.
    Object(&'static [Field]),
    /// The same, or text in its place.
    TextOr(&'static [Field]),
    /// A list of these.
    List(&'static Self),
    /// These by name. The names are data.
    Map(&'static Self),
}

/// The place of a field in a table.
pub(crate) const fn place_of(fields: &[Field], name: &str) -> usize {
    let mut at = 0;
    while at < fields.len() {
        if is_same(fields[at].name, name) {
            return at;
        }
        at += 1;
    }
    panic!("the table has the field that it is asked for")
}

/// Whether each name stands in the table once, so that each accessor reads its own field.
pub(crate) const fn names_differ(fields: &[Field]) -> bool {
    let mut at = 0;
    while at < fields.len() {
        if place_of(fields, fields[at].name) != at {
            return false;
        }
        at += 1;
    }
    fields.len() < u16::MAX as usize
}

/// Whether two texts are the same, for tables that are made while compiling.
pub(crate) const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}
