//! `data schema`: the columns of exports of one kind of record, before there is one.

use std::io::{self, Write as _};

use humanapi_core::data::Route;
#[cfg(feature = "parquet")]
use humanapi_export::Format;
use humanapi_export::{ColumnKind, Columns, Export};
use serde_json::{Value, json};

use crate::args::data::name;
use crate::args::schema::{SchemaArgs, SchemaFormat};
#[cfg(feature = "parquet")]
use crate::exit::Code;
use crate::exit::Failure;

pub(super) fn run(args: &SchemaArgs) -> Result<(), Failure> {
    let mut out = io::stdout();
    let Some(route) = args.resource else {
        for route in Export::all_resources() {
            writeln!(out, "{}", name(route))?;
        }
        return Ok(out.flush()?);
    };
    let columns = columns(args, route)?.with_record(!args.deidentified);
    match args.format {
        SchemaFormat::Json => {
            let own = |name: &str, kind: ColumnKind, doc: &str| json!({"name": name, "kind": kind.name(), "doc": doc});
            let (whose, when) = match args.deidentified {
                true => (
                    "A code in the place of whose the record is.",
                    "When it was read: the year.",
                ),
                false => ("Whose the record is.", "When it was read."),
            };
            let mut all = vec![
                own("_user", ColumnKind::Text, whose),
                own("_read_at", ColumnKind::Moment, when),
            ];
            all.extend(told(&columns));
            if !args.deidentified {
                all.push(own(
                    "_record",
                    ColumnKind::Json,
                    "The record as it was sent.",
                ));
            }
            serde_json::to_writer_pretty(&mut out, &all).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        #[cfg(feature = "parquet")]
        SchemaFormat::Arrow => {
            let written = Format::Arrow.begin(&columns, &mut out);
            let written = written.and_then(|sink| sink.finish());
            written
                .map_err(|error| Failure::new(Code::Machine, error.to_string(), error.remedy()))?;
        }
    }
    Ok(out.flush()?)
}

/// The columns of the kind itself.
fn columns(args: &SchemaArgs, route: &Route) -> Result<Columns, Failure> {
    let columns = Columns::of(route.fields);
    #[cfg(feature = "values")]
    if args.values {
        return Ok(columns.with_values(&humanapi_export::Units::new()));
    }
    #[cfg(not(feature = "values"))]
    if args.values {
        return Err(super::export::making::lacking("--values", "values"));
    }
    Ok(columns)
}

fn told(columns: &Columns) -> Vec<Value> {
    let told = columns.iter().map(|column| {
        let mut one = json!({"name": column.name, "kind": column.kind.name()});
        for (key, value) in [
            ("unit", column.unit),
            ("code_system", column.code_system),
            ("doc", Some(column.doc)),
        ] {
            if let Some(value) = value {
                one[key] = value.into();
            }
        }
        if let Some(items) = &column.items {
            one["items"] = told(items).into();
        }
        one
    });
    told.collect()
}
