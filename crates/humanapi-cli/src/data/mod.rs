//! The verb `data`: reads health data, because somebody asks for it, and writes it to standard output alone.

mod cells;
mod list;
mod show;

use std::io::{self, IsTerminal as _, Write};

use humanapi_client::{Error, User};
use humanapi_core::data::{Operation, ROUTES, ReadRecord, Record};
use humanapi_core::{Drift, Host, TokenKey};

use crate::args::data::{DataVerb, GetArgs, ReadArgs, name};
use crate::exit::{Code, Failure};
use crate::output::{self, palette};
use crate::service::{Service, user_id};

pub(crate) async fn run(verb: DataVerb) -> Result<(), Failure> {
    match verb {
        DataVerb::List(args) => list::run(&args).await,
        DataVerb::Get(args) => get(&args).await,
        DataVerb::Show(args) => show::run(&args.read).await,
    }
}

async fn get(args: &GetArgs) -> Result<(), Failure> {
    let kind = args.resource.name;
    let by_id = |route: &&_| {
        let route: &humanapi_core::data::Route = route;
        route.operation == Operation::ById && route.name == kind
    };
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
    let mut out = anstream::stdout().lock();
    match Format::of(&args.read) {
        Format::Table => writeln!(out, "{}", cells::one(&record))?,
        Format::Json => writeln!(out, "{}", shown(&json(&record)))?,
        Format::Ndjson => writeln!(out, "{}", shown(&one_line(&json(&record))))?,
    }
    Ok(out.flush()?)
}

/// One user's health data, as one command reads it.
struct Reader {
    service: Service,
    user: User,
}

impl Reader {
    async fn open(args: &ReadArgs) -> Result<Self, Failure> {
        #[cfg(feature = "store")]
        let store = crate::store::shared(&args.store).await?;
        #[cfg(not(feature = "store"))]
        let store = None;
        let id = user_id(&args.user.user)?;
        let service = Service::sharing(&args.service, args.provisioning.into(), store)?;
        // The token first, so that it is clear which host refuses what. The client's broker keeps it.
        service
            .kept(|app| TokenKey::access(app, id.clone()))
            .await?;
        let user = service.client.user(id.as_str());
        Ok(Self { service, user })
    }

    fn failure(&self, error: &Error) -> Failure {
        self.service.failure(error, Host::Data)
    }
}

/// How it is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Table,
    Json,
    Ndjson,
}

impl Format {
    fn of(args: &ReadArgs) -> Self {
        if args.ndjson {
            Self::Ndjson
        } else if args.json || !(args.table || io::stdout().is_terminal()) {
            Self::Json
        } else {
            Self::Table
        }
    }
}

/// A record as it was sent. What is no JSON is a text of JSON that says what was sent: nothing is left out, and what
/// is printed can be read.
fn json(record: &Record) -> String {
    let sent = String::from_utf8_lossy(record.raw());
    match serde_json::from_str::<serde::de::IgnoredAny>(&sent) {
        Ok(_) => sent.into_owned(),
        Err(_) => serde_json::Value::from(&*sent).to_string(),
    }
}

/// JSON on one line: a break can stand between its parts alone.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

/// JSON as it may stand on a terminal, where nothing in it may steer.
fn shown(json: &str) -> String {
    let steers = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if io::stdout().is_terminal() {
        json.replace(steers, "\u{fffd}")
    } else {
        json.to_owned()
    }
}

/// Tells how far reading is, where somebody watches.
fn announce(text: &str) {
    if io::stderr().is_terminal() {
        let quiet = palette::QUIET;
        // Where stderr is closed there is nobody to tell.
        let _ = writeln!(anstream::stderr(), "{quiet}{text}{quiet:#}");
    }
}

/// How many of how many, where the service counts them.
fn of_total(count: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{count} of {total}"),
        None => count.to_string(),
    }
}

/// Tells what was noticed of a list while it was read.
fn warn_of(drift: &Drift, kind: &str) {
    let hint = match drift {
        Drift::NoRecord { .. } => "JSON has it as it was sent",
        _ => "read it again if it has to be complete",
    };
    output::warn(&format!("{kind}: {drift}; {hint}"));
}
