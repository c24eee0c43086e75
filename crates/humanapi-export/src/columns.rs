//! The columns of a kind of record: fixed by its table of fields before the first record is seen.

use humanapi_core::data::{Field, FieldKind, Record, Value};

use crate::cell::{Cell, ListCell, written};

/// One column of a file.
///
/// A field is one column of its own name, with these exceptions:
///
/// * A field within a record within the record is `outer_inner`.
/// * A date is its text as it was sent, with `_day` where that names a whole day and `_moment` where it names a moment.
/// * A measured value is its text as it was sent, with `_comparator`, `_number` and `_unit` where these can be told apart.
/// * A list of records is a list of what has columns of its own, and a list of texts or dates a list of texts, as they were
///   sent. Where a format has no lists, both are JSON, as it was sent.
/// * Another list, a map and whatever has no documented form are JSON, as it was sent.
/// * With [values](Columns::with_values), a value with its unit has `ucum_unit`, `canonical_value`, `canonical_unit` and `rule`
///   behind its other columns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells hold.
    pub kind: ColumnKind,
    /// The unit of its numbers, as UCUM writes it, where it is always the same.
    pub unit: Option<&'static str>,
    /// The code system of its values, by name, where it is always the same.
    pub code_system: Option<&'static str>,
    /// What it means.
    pub doc: &'static str,
    /// The columns of each item, where it is a list of records.
    pub items: Option<Columns>,
}

/// What the cells of a column hold. Each of them may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A number with a fraction.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Bool,
    /// A moment, to the microsecond.
    Moment,
    /// A day of the calendar, in no time zone.
    Day,
    /// JSON as it was sent.
    Json,
    /// A list of texts.
    Texts,
    /// A list of records, whose columns are the column's [`items`](Column::items).
    Records,
}

impl ColumnKind {
    /// Its name, such as `moment`. It is part of what tells one schema from another, and stays as it is.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Bool => "bool",
            Self::Moment => "moment",
            Self::Day => "day",
            Self::Json => "json",
            Self::Texts => "texts",
            Self::Records => "records",
        }
    }
}

/// The columns of one kind of record, and how they are read from one.
///
/// ```
/// use humanapi_core::data::Activity;
/// use humanapi_export::{ColumnKind, Columns};
///
/// let columns = Columns::of(Activity::FIELDS);
/// let distance = columns.iter().find(|column| column.name == "distance").unwrap();
/// assert_eq!((distance.kind, distance.unit), (ColumnKind::Number, Some("m")));
/// ```
#[derive(Clone, Debug)]
pub struct Columns {
    table: &'static [Field],
    columns: Vec<Column>,
    nodes: Vec<Node>,
    has_record: bool,
}

/// Reads the values that have a unit beside them.
#[cfg(feature = "ucum")]
type Reader = crate::values::Units;
/// Nothing does without the feature.
#[cfg(not(feature = "ucum"))]
type Reader = std::convert::Infallible;

/// One field of a record, and the columns that it fills.
#[derive(Clone, Debug)]
struct Node {
    fills: Fills,
    /// How many columns that are, with those of the fields within.
    width: usize,
}

#[derive(Clone, Debug)]
enum Fills {
    /// One column with the value itself.
    Value,
    /// Text, day and moment.
    Date,
    /// Text, comparator, number and unit.
    Quantity,
    /// JSON as it was sent.
    Sent,
    /// A list.
    List,
    /// The columns of the fields within.
    Within(Vec<Node>),
    /// Text, then the columns of the fields within.
    TextOrWithin(Vec<Node>),
    /// What a value is by UCUM: unit, value, its unit, and the rule.
    #[cfg(feature = "ucum")]
    Measured(crate::values::Pair, Reader),
}

impl Columns {
    /// The columns of the records of this table.
    #[must_use]
    pub fn of(table: &'static [Field]) -> Self {
        Self::build(table, None)
    }

    fn build(table: &'static [Field], reader: Option<&Reader>) -> Self {
        let mut columns = Vec::new();
        let nodes = nodes(table, "", reader, &mut columns);
        Self {
            table,
            columns,
            nodes,
            has_record: true,
        }
    }

    /// The same columns, and behind each value that has a unit what it is by UCUM:
    ///
    /// * `ucum_unit`, the unit as UCUM writes it,
    /// * `canonical_value`, the value in the unit that its kind is brought to, or what was measured,
    /// * `canonical_unit`, that unit,
    /// * `rule`, how it was brought there: `same`, `ucum`, `temperature`, or the rule of an analyte.
    ///
    /// What is not certain stays empty, and is counted in the [tally](crate::Units::tally). A comparator counts for the
    /// canonical value too.
    #[cfg(feature = "ucum")]
    #[must_use]
    pub fn with_values(self, units: &crate::Units) -> Self {
        Self {
            has_record: self.has_record,
            ..Self::build(self.table, Some(units))
        }
    }

    /// The same columns with or without `_record`, the record itself, in formats that have it beside them. It is there unless
    /// it is left out.
    #[must_use]
    pub const fn with_record(mut self, has_record: bool) -> Self {
        self.has_record = has_record;
        self
    }

    /// Whether the record itself stands beside the columns.
    #[cfg(feature = "parquet")]
    pub(crate) const fn has_record(&self) -> bool {
        self.has_record
    }

    /// The columns, in their order in each file.
    pub fn iter(&self) -> std::slice::Iter<'_, Column> {
        self.columns.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.columns.len()
    }

    /// What makes a file of these columns another than a file of others, as a text that nothing else changes: names and kinds,
    /// with those within lists.
    #[cfg(feature = "client")]
    pub(crate) fn names_and_kinds(&self) -> String {
        let columns = self.columns.iter().map(|column| {
            let kind = column.kind.name();
            let items = column
                .items
                .as_ref()
                .map_or_else(String::new, Self::names_and_kinds);
            format!("{} {kind}({items});", column.name)
        });
        columns.collect()
    }

    /// Whether a record is of the kind that these columns are made for.
    pub(crate) fn fit(&self, record: &Record) -> bool {
        let (one, other) = (self.table, record.table());
        // A table is a constant, which each crate may have at an address of its own.
        std::ptr::eq(one, other)
            || one.len() == other.len()
                && std::iter::zip(one, other).all(|(one, other)| one.name == other.name)
    }

    /// Hands on the cells of a record, one for each column and in their order.
    pub(crate) fn cells(&self, record: &Record, cell: &mut impl FnMut(Cell<'_>)) {
        fill(&self.nodes, record, cell);
    }
}

/// What is filled follows from the table, and is the same where the columns are.
impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns && self.has_record == other.has_record
    }
}

impl Eq for Columns {}

impl<'a> IntoIterator for &'a Columns {
    type Item = &'a Column;
    type IntoIter = std::slice::Iter<'a, Column>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn nodes(
    table: &'static [Field],
    before: &str,
    reader: Option<&Reader>,
    columns: &mut Vec<Column>,
) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(table.len());
    for field in table {
        let first = columns.len();
        let name = format!("{before}{}", field.name);
        let mut column = |suffix: &str, kind, unit| {
            columns.push(Column {
                name: format!("{name}{suffix}"),
                kind,
                unit,
                code_system: field.code_system,
                doc: field.doc,
                items: match (kind, field.kind) {
                    (ColumnKind::Records, FieldKind::List(FieldKind::Object(table))) => {
                        Some(Columns::build(table, reader))
                    }
                    _ => None,
                },
            });
        };
        let fills = match field.kind {
            FieldKind::Number => {
                column("", ColumnKind::Number, field.unit);
                Fills::Value
            }
            FieldKind::Integer => {
                column("", ColumnKind::Integer, field.unit);
                Fills::Value
            }
            FieldKind::Bool => {
                column("", ColumnKind::Bool, None);
                Fills::Value
            }
            FieldKind::Timestamp => {
                column("", ColumnKind::Moment, None);
                Fills::Value
            }
            FieldKind::Text | FieldKind::Offset => {
                column("", ColumnKind::Text, None);
                Fills::Value
            }
            FieldKind::Date => {
                column("", ColumnKind::Text, None);
                column("_day", ColumnKind::Day, None);
                column("_moment", ColumnKind::Moment, None);
                Fills::Date
            }
            FieldKind::Quantity => {
                column("", ColumnKind::Text, None);
                column("_comparator", ColumnKind::Text, None);
                column("_number", ColumnKind::Number, field.unit);
                column("_unit", ColumnKind::Text, None);
                Fills::Quantity
            }
            FieldKind::Object(within) => {
                Fills::Within(self::nodes(within, &format!("{name}_"), reader, columns))
            }
            FieldKind::TextOr(within) => {
                column("", ColumnKind::Text, None);
                let inner = format!("{name}_");
                Fills::TextOrWithin(self::nodes(within, &inner, reader, columns))
            }
            FieldKind::List(FieldKind::Object(_)) => {
                column("", ColumnKind::Records, None);
                Fills::List
            }
            FieldKind::List(FieldKind::Text | FieldKind::Date) => {
                column("", ColumnKind::Texts, None);
                Fills::List
            }
            // A kind that came later is kept as it was sent.
            _ => {
                column("", ColumnKind::Json, None);
                Fills::Sent
            }
        };
        let width = columns.len() - first;
        nodes.push(Node { fills, width });
    }
    #[cfg(feature = "ucum")]
    nodes.extend(measured(table, before, reader, columns));
    nodes
}

/// The columns of what a value is by UCUM, for a table that has a value with its unit.
#[cfg(feature = "ucum")]
fn measured(
    table: &[Field],
    before: &str,
    reader: Option<&Reader>,
    columns: &mut Vec<Column>,
) -> Option<Node> {
    let pair = crate::values::Pair::of(table)?;
    let reader = reader?.clone();
    let own = [
        (
            "ucum_unit",
            ColumnKind::Text,
            "The unit of the value, as UCUM writes it.",
        ),
        (
            "canonical_value",
            ColumnKind::Number,
            "The value in the unit that its kind, or what was measured, is brought to.",
        ),
        (
            "canonical_unit",
            ColumnKind::Text,
            "The unit of the canonical value, as UCUM writes it.",
        ),
        (
            "rule",
            ColumnKind::Text,
            "How the value was brought to the canonical unit.",
        ),
    ];
    columns.extend(own.map(|(name, kind, doc)| Column {
        name: format!("{before}{name}"),
        kind,
        unit: None,
        code_system: name.ends_with("unit").then_some("UCUM"),
        doc,
        items: None,
    }));
    Some(Node {
        fills: Fills::Measured(pair, reader),
        width: own.len(),
    })
}

fn fill(nodes: &[Node], record: &Record, cell: &mut impl FnMut(Cell<'_>)) {
    for (place, node) in nodes.iter().enumerate() {
        let value = match node.fills {
            Fills::Sent | Fills::List => {
                let sent = record.sent(place).filter(|sent| sent.raw() != b"null");
                cell(match sent {
                    None => Cell::Empty,
                    Some(sent) if matches!(node.fills, Fills::Sent) => Cell::Json(sent),
                    Some(sent) => Cell::List(ListCell {
                        record,
                        place,
                        sent,
                    }),
                });
                continue;
            }
            _ => record.value(place),
        };
        match (&node.fills, &value) {
            #[cfg(feature = "ucum")]
            (Fills::Measured(pair, units), _) => {
                let measured = pair.read(record, units);
                let text = |text: &Option<String>, cell: &mut dyn FnMut(Cell<'_>)| {
                    cell(text.as_deref().map_or(Cell::Empty, Cell::Text));
                };
                text(&measured.ucum, cell);
                let canonical = measured.canonical.as_ref();
                cell(canonical.map_or(Cell::Empty, |(sent, near)| Cell::Number(sent, *near)));
                text(&measured.canonical_unit, cell);
                text(&measured.rule, cell);
            }
            (Fills::Date, Some(Value::Date(date))) => {
                cell(Cell::Text(date.text()));
                cell(date.date().map_or(Cell::Empty, Cell::Day));
                cell(date.moment().map_or(Cell::Empty, Cell::Moment));
            }
            (Fills::Quantity, Some(Value::Quantity(quantity))) => {
                cell(Cell::Text(quantity.text()));
                let comparator = quantity.comparator().and_then(written);
                cell(comparator.map_or(Cell::Empty, Cell::Text));
                let number = quantity.number().zip(quantity.to_f64());
                cell(number.map_or(Cell::Empty, |(sent, value)| Cell::Number(sent, value)));
                cell(quantity.unit().map_or(Cell::Empty, Cell::Text));
            }
            (Fills::Within(within), Some(Value::Object(inner))) => fill(within, inner, cell),
            (Fills::TextOrWithin(within), Some(Value::Object(inner))) => {
                cell(Cell::Empty);
                fill(within, inner, cell);
            }
            (Fills::TextOrWithin(_), Some(Value::Text(text))) => {
                cell(Cell::Text(text));
                empty(node.width - 1, cell);
            }
            (Fills::Value, Some(Value::Text(text))) => cell(Cell::Text(text)),
            (Fills::Value, Some(Value::Number(number))) => {
                cell(Cell::Number(number.as_str(), number.to_f64()));
            }
            (Fills::Value, Some(Value::Integer(whole))) => cell(Cell::Integer(*whole)),
            (Fills::Value, Some(Value::Bool(is_so))) => cell(Cell::Bool(*is_so)),
            (Fills::Value, Some(Value::Timestamp(moment))) => cell(Cell::Moment(*moment)),
            (Fills::Value, Some(Value::Offset(offset))) => cell(Cell::Text(&offset.to_string())),
            // What is of another type than documented reads as none; the record itself stands beside its columns.
            _ => empty(node.width, cell),
        }
    }
}

fn empty(width: usize, cell: &mut impl FnMut(Cell<'_>)) {
    for _ in 0..width {
        cell(Cell::Empty);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use humanapi_core::data::ROUTES;

    use super::*;

    #[cfg(feature = "client")]
    #[test]
    fn a_schema_is_names_and_kinds_and_nothing_that_may_be_worded_anew() {
        let schema = Columns::of(humanapi_core::data::medical::Component::FIELDS).names_and_kinds();
        assert!(
            schema.starts_with(
                "name text();value text();value_comparator text();value_number number();"
            ),
            "{schema}"
        );
        assert!(schema.contains("codes records("), "{schema}");
    }

    #[test]
    fn the_columns_of_each_kind_of_record_have_names_of_their_own_in_any_case() {
        for route in ROUTES.iter().filter(|route| !route.fields.is_empty()) {
            check(route.name, &Columns::of(route.fields));
        }
    }

    #[track_caller]
    fn check(of: &str, columns: &Columns) {
        // Those of the folders.
        let mut names = BTreeSet::from(["resource".to_owned(), "bucket".to_owned()]);
        for column in columns {
            // DuckDB and Spark take upper and lower case for the same.
            let name = column.name.to_lowercase();
            assert!(!name.starts_with('_'), "{of}: {name}");
            assert!(names.insert(name), "{of}: {}", column.name);
            if let Some(items) = &column.items {
                check(&format!("{of}.{}", column.name), items);
            }
        }
    }
}
