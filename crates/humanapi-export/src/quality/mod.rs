//! How good data are: what of each field is there, by which codes, how new, and what could not be read.

mod folder;
mod page;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use humanapi_core::data::{Field, FieldKind, ROUTES, Record, Value};

use crate::code_systems::System;
use crate::moment;
use crate::row::Row;
use crate::values::{Pair, Units};
pub use folder::ReportError;
pub use report::{
    Breach, CodeSystemUse, DataReport, FieldCompleteness, OddField, QualityReport, Recency,
    Thresholds, UnknownField,
};

/// So many places that could not be read have a line of their own, so many code systems, and so many names that no table has.
const MOST_LINES: usize = 256;
/// Each name that a table has for a field. Any other name could be data: somebody's, where a sender has keys by person.
static NAMES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let mut names = BTreeSet::new();
    for route in ROUTES {
        gather(route.fields, &mut names);
    }
    names
});

/// Looks at records of one kind, one after another, and tells how good they are.
///
/// What it holds grows with the kinds of what it met, never with the records. `Debug` shows nothing of them.
///
/// ```
/// use humanapi_core::data::Weight;
/// use humanapi_export::{Quality, Row, Thresholds, User};
///
/// let mut quality = Quality::new("weight", Weight::FIELDS);
/// let user = User::new("patient-17");
/// for json in [r#"{"value": 150, "unit": "lbs"}"#, r#"{"value": 70, "unit": "bananas"}"#] {
///     let weight = Weight::from_json(json)?;
///     quality.note(&Row::new(&user, "2026-03-01T10:00:00Z".parse()?, &weight));
/// }
/// let report = quality.report();
/// assert_eq!((report.records, report.units.read(), report.units.unread()), (2, 1, 1));
/// let breaches = Thresholds::default().with_most_unread_units(0.25).check(&report);
/// assert_eq!(breaches.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Quality {
    resource: String,
    table: &'static [Field],
    /// By path; within lists and records too.
    fields: BTreeMap<String, Fullness>,
    systems: BTreeMap<(String, Option<&'static str>), u64>,
    odd: BTreeMap<(String, &'static str), u64>,
    /// By the path of the record that they stand in, and by name.
    unknown: BTreeMap<(String, Option<String>), u64>,
    /// What came when there were as many lines as there may be.
    more_odd: u64,
    more_codes: u64,
    odd_records: u64,
    records: u64,
    drifted_lists: u64,
    recency: Recency,
    units: Units,
}

/// How often a field was there, of how often it could have been.
#[derive(Clone, Copy, Default)]
struct Fullness {
    filled: u64,
    of: u64,
}

impl Quality {
    /// For records with these fields, under a name for the report.
    #[must_use]
    pub fn new(resource: impl Into<String>, fields: &'static [Field]) -> Self {
        Self {
            resource: resource.into(),
            table: fields,
            fields: BTreeMap::new(),
            systems: BTreeMap::new(),
            odd: BTreeMap::new(),
            unknown: BTreeMap::new(),
            more_odd: 0,
            more_codes: 0,
            odd_records: 0,
            records: 0,
            drifted_lists: 0,
            recency: Recency::default(),
            units: Units::new(),
        }
    }

    /// Looks at one record.
    pub fn note(&mut self, row: &Row<'_>) {
        self.records += 1;
        self.look(row.record, "");
        self.look_for_odd(row.record);
        let latest = row.record.when().iter().filter_map(moment::of).max();
        self.recency.add(latest, row.read_at);
    }

    /// Counts lists of these records that changed while they were read, or held what is no record.
    pub const fn note_drifted(&mut self, lists: u64) {
        self.drifted_lists += lists;
    }

    /// What was met so far.
    #[must_use]
    pub fn report(&self) -> QualityReport {
        QualityReport {
            resource: self.resource.clone(),
            records: self.records,
            drifted_lists: self.drifted_lists,
            fields: self.completeness("", self.table),
            code_systems: self
                .systems
                .iter()
                .map(|((path, system), codes)| CodeSystemUse {
                    path: path.clone(),
                    system: *system,
                    codes: *codes,
                })
                .collect(),
            more_codes: self.more_codes,
            recency: self.recency,
            units: self.units.tally(),
            odd_records: self.odd_records,
            odd: self
                .odd
                .iter()
                .map(|((path, problem), times)| OddField {
                    path: path.clone(),
                    problem,
                    times: *times,
                })
                .collect(),
            more_odd: self.more_odd,
            unknown: self
                .unknown
                .iter()
                .map(|((within, name), times)| UnknownField {
                    within: within.clone(),
                    name: name.clone(),
                    times: *times,
                })
                .collect(),
        }
    }

    /// In the order of the tables, fields that were never there included.
    fn completeness(&self, before: &str, table: &[Field]) -> Vec<FieldCompleteness> {
        let mut lines = Vec::new();
        for field in table {
            let path = format!("{before}{}", field.name);
            let Fullness { filled, of } = self.fields.get(&path).copied().unwrap_or_default();
            let within = within(&field.kind).filter(|_| filled > 0);
            let inner = within.map(|table| self.completeness(&format!("{path}."), table));
            lines.push(FieldCompleteness { path, filled, of });
            lines.extend(inner.unwrap_or_default());
        }
        lines
    }

    fn look(&mut self, record: &Record, before: &str) {
        if let Some(pair) = Pair::of(record.table()) {
            // It counts into the tally.
            pair.read(record, &self.units);
        }
        self.count_system(record, before);
        self.count_unknown(record, before);
        for (place, field) in record.table().iter().enumerate() {
            let path = format!("{before}{}", field.name);
            let value = record.value(place);
            let is_filled = match &value {
                None => false,
                Some(Value::Text(text)) => !text.trim().is_empty(),
                Some(Value::List(items)) => !items.is_empty(),
                Some(Value::Map(values)) => !values.is_empty(),
                Some(_) => true,
            };
            match value {
                Some(Value::Object(inner)) => self.look(&inner, &format!("{path}.")),
                Some(Value::List(items)) => {
                    for item in items {
                        if let Value::Object(inner) = item {
                            self.look(&inner, &format!("{path}."));
                        }
                    }
                }
                _ => {}
            }
            let fullness = self.fields.entry(path).or_default();
            fullness.of += 1;
            fullness.filled += u64::from(is_filled);
        }
    }

    /// Counts the code system of a record that is a code.
    fn count_system(&mut self, record: &Record, path: &str) {
        if !record
            .table()
            .iter()
            .any(|field| field.name == "codeSystem")
        {
            return;
        }
        let key = (
            path.trim_end_matches('.').to_owned(),
            System::of(record).map(|system| system.name()),
        );
        match self.systems.len() < MOST_LINES || self.systems.contains_key(&key) {
            true => *self.systems.entry(key).or_default() += 1,
            false => self.more_codes += 1,
        }
    }

    fn look_for_odd(&mut self, record: &Record) {
        let odd = record.odd();
        self.odd_records += u64::from(!odd.is_empty());
        for odd in odd {
            let key = (without_places(&odd.path), odd.reason);
            match self.odd.len() < MOST_LINES || self.odd.contains_key(&key) {
                true => *self.odd.entry(key).or_default() += 1,
                false => self.more_odd += 1,
            }
        }
    }

    /// Counts fields that the table of a record lacks.
    fn count_unknown(&mut self, record: &Record, path: &str) {
        for (name, _) in record.fields() {
            if record.table().iter().any(|field| field.name == name) {
                continue;
            }
            let is_name = NAMES.contains(name.as_ref());
            let within = path.trim_end_matches('.').to_owned();
            let mut key = (within, is_name.then(|| name.into_owned()));
            if self.unknown.len() >= MOST_LINES && !self.unknown.contains_key(&key) {
                // There are as many paths as tables have.
                key.1 = None;
            }
            *self.unknown.entry(key).or_default() += 1;
        }
    }
}

impl fmt::Debug for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quality({} records)", self.records)
    }
}

/// The table of the records within a field.
const fn within(kind: &FieldKind) -> Option<&'static [Field]> {
    match kind {
        FieldKind::Object(table)
        | FieldKind::TextOr(table)
        | FieldKind::List(FieldKind::Object(table)) => Some(table),
        _ => None,
    }
}

/// The names of the fields of a table, and of those within.
fn gather(table: &[Field], names: &mut BTreeSet<&'static str>) {
    for field in table {
        names.insert(field.name);
        if let Some(table) = within(&field.kind) {
            gather(table, names);
        }
    }
}

/// A path without the places in lists: `components[3].value` is `components.value`. Of the record itself it is `.`.
fn without_places(path: &str) -> String {
    let mut is_within = false;
    let kept = path.chars().filter(|sign| {
        is_within |= *sign == '[';
        let is_kept = !is_within;
        is_within &= *sign != ']';
        is_kept
    });
    let kept: String = kept.collect();
    if kept.is_empty() {
        ".".to_owned()
    } else {
        kept
    }
}
