//! Readers that are not ours read every file: DuckDB and pyarrow, by a program in Python.
//!
//! What they have to find is told by what the sandbox itself has, see [`truth`](crate::sandbox::truth).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use humanapi_export::{ColumnKind, Columns, Format};
use humanapi_testing::core::data::{FieldKind, Operation, ROUTES, Record, Route};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sandbox::{self, Lines};
use crate::{export, run};

/// A Python with `duckdb`, `pandas` and `pyarrow`, as `.ci/install` makes it.
pub(crate) fn python() -> Option<PathBuf> {
    let named = std::env::var_os("HUMANAPI_PYTHON").map(PathBuf::from);
    let made = std::env::var_os("HOME").map(|home| Path::new(&home).join(MADE));
    let mut pythons = named.into_iter().chain(made);
    pythons.find(|python| {
        let imports = Command::new(python)
            .args(["-c", "import duckdb, pandas, pyarrow"])
            .output();
        imports.is_ok_and(|imports| imports.status.success())
    })
}

/// Whether files have columns with each value in the unit of its kind.
const WITH_VALUES: bool = cfg!(feature = "ucum");

const MADE: &str = ".cache/humanapi/python/bin/python";

#[tokio::test]
async fn duckdb_and_pyarrow_read_every_file_and_find_what_there_is() {
    let Some(python) = python() else {
        humanapi_testkit::skip(
            "duckdb_and_pyarrow_read_every_file_and_find_what_there_is",
            "a Python with duckdb, pandas and pyarrow",
        );
        return;
    };
    let (sandbox, users) = sandbox::people(8);
    let truth = sandbox::truth(&sandbox, &users);
    let folder = TempDir::new().unwrap();
    for format in Format::ALL {
        let folder = folder.path().join(format.name());
        let export = export(&sandbox, *format);
        #[cfg(feature = "ucum")]
        let export = match format.has_columns() {
            true => export.with_values(&humanapi_export::Units::new()),
            false => export,
        };
        let summary = run(export, &users, &folder).await;
        assert!(summary.unwrap().whole);
    }
    let told = folder.path().join("truth.json");
    std::fs::write(&told, tell(&truth).to_string()).unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/users/readers.py");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/exporting.md");
    let read = Command::new(python)
        .arg(program)
        .arg(folder.path())
        .arg(page)
        .arg(if WITH_VALUES { "with values" } else { "" })
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{said}");
    assert_eq!(
        String::from_utf8_lossy(&read.stdout).trim(),
        format!(
            "38 kinds of records, {} recipes",
            if WITH_VALUES { 6 } else { 5 }
        )
    );
}

/// What the readers have to find of each kind of record.
fn tell(truth: &Lines) -> Value {
    let mut all = serde_json::Map::new();
    for route in ROUTES.iter().filter(|route| is_exported(route)) {
        let resource = route.name.trim_start_matches("data.");
        let records: Vec<Record> = truth
            .iter()
            .filter(|((kind, _), _)| kind == resource)
            .flat_map(|(_, records)| records)
            .map(|record| Record::from_sent(record.clone(), route.fields).unwrap())
            .collect();
        let columns = Columns::of(route.fields);
        #[cfg(feature = "ucum")]
        let columns = columns.with_values(&humanapi_export::Units::new());
        let types: BTreeMap<String, Value> = types(&columns);
        let values = (WITH_VALUES && resource == "weight")
            .then(|| in_kilograms(&records))
            .flatten();
        let (mut sums, mut items) = (serde_json::Map::new(), serde_json::Map::new());
        for field in route.fields {
            match field.kind {
                FieldKind::Number => {
                    let numbers = records
                        .iter()
                        .filter_map(|record| number(record, field.name));
                    let (count, sum) =
                        numbers.fold((0, 0.0), |(count, sum), number| (count + 1, sum + number));
                    sums.insert(field.name.to_owned(), json!([count, sum]));
                }
                FieldKind::List(FieldKind::Object(_)) => {
                    let count: usize = records
                        .iter()
                        .map(|record| objects(record, field.name))
                        .sum();
                    items.insert(field.name.to_owned(), json!(count));
                }
                _ => {}
            }
        }
        let users = truth.keys().filter(|(kind, _)| kind == resource).count();
        let told = json!({
            "rows": records.len(), "users": users, "types": types, "sums": sums, "items": items,
            "values": values,
        });
        all.insert(resource.to_owned(), told);
    }
    Value::Object(all)
}

/// How many weights there are whose unit is certain, and how many kilograms in all.
fn in_kilograms(records: &[Record]) -> Option<(usize, f64)> {
    let weights = records.iter().filter_map(|record| {
        let unit = record.field("unit")?.read::<String>().ok()?;
        let kilograms = match unit.as_str() {
            "kg" => 1.0,
            "lb" | "lbs" => 0.453_592_37,
            _ => return None,
        };
        Some(number(record, "value")? * kilograms)
    });
    let (count, sum) = weights.fold((0, 0.0), |(count, sum), weight| (count + 1, sum + weight));
    (count > 0).then_some((count, sum))
}

fn is_exported(route: &Route) -> bool {
    matches!(route.operation, Operation::List | Operation::Single)
}

/// A number as it stands in a record, read by a reader of JSON.
fn number(record: &Record, field: &str) -> Option<f64> {
    let sent = record.field(field)?;
    match serde_json::from_slice(sent.raw()).ok()? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// How many objects that hold something stand in a list. They are not read: one may hold half a letter, which no text has.
fn objects(record: &Record, field: &str) -> usize {
    let list = record
        .field(field)
        .and_then(|sent| serde_json::from_slice::<Vec<&RawValue>>(sent.raw()).ok());
    let is_object = |item: &&&RawValue| item.get().starts_with('{') && item.get().contains(':');
    list.unwrap_or_default().iter().filter(is_object).count()
}

/// The types of columns: a word for each, and those of its items for a list of records.
fn types(columns: &Columns) -> BTreeMap<String, Value> {
    let types = columns.iter().map(|column| {
        let kind = match column.kind {
            ColumnKind::Text | ColumnKind::Json => json!("text"),
            ColumnKind::Number => json!("number"),
            ColumnKind::Integer => json!("integer"),
            ColumnKind::Bool => json!("bool"),
            ColumnKind::Moment => json!("moment"),
            ColumnKind::Day => json!("day"),
            ColumnKind::Texts => json!("texts"),
            ColumnKind::Records => json!(types(column.items.as_ref().expect("it has items"))),
            other => panic!("{other:?} has no type here"),
        };
        (column.name.clone(), kind)
    });
    types.collect()
}
