//! The verb `data`: reads health data, because somebody asks for it, and writes it to standard output alone.

mod cells;
#[cfg(feature = "export")]
mod export;
pub(crate) mod format;
mod list;
#[cfg(feature = "plot")]
mod plot;
pub(crate) mod reader;
#[cfg(feature = "export")]
mod schema;
mod show;
#[cfg(feature = "sync")]
mod sync;

use std::io::{self, Write as _};

use humanapi_core::data::{Operation, ROUTES, ReadRecord, Route};

use crate::args::data::{DataVerb, GetArgs, name};
use crate::exit::{Code, Failure};
use crate::room::threads;
use format::{Format, json, one_line, write_json};
use reader::Reader;

/// How many threads a verb has.
pub(crate) const fn threads(verb: &DataVerb) -> usize {
    match verb {
        #[cfg(feature = "export")]
        DataVerb::Export(_) | DataVerb::Documents(_) => threads::EXPORT,
        #[cfg(feature = "report")]
        DataVerb::Report(_) => threads::EXPORT,
        #[cfg(feature = "sync")]
        DataVerb::Sync(_) => threads::EXPORT,
        _ => threads::ONE_BY_ONE,
    }
}

pub(crate) async fn run(verb: DataVerb) -> Result<(), Failure> {
    match verb {
        DataVerb::List(args) => list::run(&args).await,
        DataVerb::Get(args) => get(&args).await,
        DataVerb::Show(args) => show::run(&args).await,
        #[cfg(feature = "export")]
        DataVerb::Export(args) => export::run(&args).await,
        #[cfg(feature = "export")]
        DataVerb::Documents(args) => export::run(&(*args).into()).await,
        #[cfg(feature = "report")]
        DataVerb::Report(args) => export::report::run(&args).await,
        #[cfg(feature = "plot")]
        DataVerb::Plot(args) => plot::run(&args).await,
        #[cfg(feature = "sync")]
        DataVerb::Sync(args) => sync::run(&args).await,
        #[cfg(feature = "export")]
        DataVerb::Schema(args) => schema::run(&args),
    }
}

async fn get(args: &GetArgs) -> Result<(), Failure> {
    let kind = args.resource.name;
    let by_id = |route: &&Route| route.operation == Operation::ById && route.name == kind;
    let call = (ROUTES.iter().find(by_id))
        .and_then(|route| ReadRecord::new(route, args.id.as_str()))
        .ok_or_else(|| {
            let kind = name(args.resource);
            Failure::new(
                Code::Usage,
                format!("the service gives no single record of {kind}"),
                format!("use `humanapi data list {kind}`"),
            )
        })?;
    let reader = Reader::open(&args.read).await?;
    let record = reader.user.call(call).await;
    let record = record.map_err(|error| reader.failure(&error))?;
    let mut out = io::stdout().lock();
    match Format::of(&args.print) {
        Format::Table => write!(out, "{}", cells::one(&record))?,
        Format::Json => write_json(&mut out, &json(&record))?,
        Format::Ndjson => write_json(&mut out, &one_line(&json(&record)))?,
    }
    writeln!(out)?;
    Ok(out.flush()?)
}
