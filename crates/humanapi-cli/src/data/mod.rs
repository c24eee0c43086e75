//! The verb `data`: reads health data, because somebody asks for it, and writes it to standard output alone.

mod cells;
mod list;
mod show;

use std::borrow::Cow;
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
    let mut out = io::stdout().lock();
    match Format::of(&args.read) {
        Format::Table => write!(out, "{}", cells::one(&record))?,
        Format::Json => write_json(&mut out, &json(&record))?,
        Format::Ndjson => write_json(&mut out, &one_line(&json(&record)))?,
    }
    writeln!(out)?;
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
fn json(record: &Record) -> Cow<'_, [u8]> {
    let sent = record.raw();
    match serde_json::from_slice::<serde::de::IgnoredAny>(sent) {
        Ok(_) => Cow::Borrowed(sent),
        Err(_) => {
            let text = serde_json::Value::from(String::from_utf8_lossy(sent));
            Cow::Owned(text.to_string().into_bytes())
        }
    }
}

/// JSON on one line: a break can stand between its parts alone.
fn one_line(json: &[u8]) -> Vec<u8> {
    let is_break = |byte: u8| matches!(byte, b'\n' | b'\r');
    let bytes = json.iter();
    bytes
        .map(|byte| if is_break(*byte) { b' ' } else { *byte })
        .collect()
}

/// Writes JSON: byte for byte, but on a terminal, where nothing in it may steer.
fn write_json(out: &mut impl Write, json: &[u8]) -> io::Result<()> {
    if !io::stdout().is_terminal() {
        return out.write_all(json);
    }
    let steers = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    let text = String::from_utf8_lossy(json).replace(steers, "\u{fffd}");
    out.write_all(text.as_bytes())
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

#[cfg(test)]
mod tests {
    use humanapi_core::data::Activity;

    use super::*;

    #[track_caller]
    fn check(sent: &[u8], written: &[u8]) {
        let record = Activity::from_json(sent.to_vec()).unwrap();
        assert_eq!(*json(&record), *written);
    }

    #[test]
    fn a_record_is_written_byte_for_byte_and_what_is_no_json_as_text() {
        for sent in [
            &br#"{"steps": 1.10,"half":"\ud83d"}"#[..],
            b"{\n\t\"type\": \"\xff\"}",
            b"{\"huge\":1e999}",
        ] {
            check(sent, sent);
        }
        check(br#"{"steps":NaN}"#, br#""{\"steps\":NaN}""#);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line(b"{\r\n\"a\": 1\n}"), b"{  \"a\": 1 }");
    }
}
