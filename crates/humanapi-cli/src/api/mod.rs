//! The verb `api`: any call, authorized as its path needs, and the answer as it came.

mod body;
mod failure;
mod pages;
mod sent;
mod target;

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use futures_util::StreamExt as _;
use humanapi_client::{ApiCall, Download, SaveError};
use humanapi_core::http::Method;
use humanapi_core::{Endpoint as _, Host, Provisioning, RawCall, TokenKey};

use crate::args::api::ApiArgs;
use crate::data::format::Plain;
use crate::exit::{Code, Failure};
use crate::service::{Service, user_id};
use crate::settings::Settings;
use failure::{refused, unwritten, usage};
use sent::{Noted, Raw};

pub(crate) async fn run(args: &ApiArgs) -> Result<(), Failure> {
    run_at(args, None).await
}

/// The same, of paths of one host alone where one is named.
pub(crate) async fn run_at(args: &ApiArgs, only: Option<Host>) -> Result<(), Failure> {
    // All that can be said before a secret is asked for or anything is sent.
    let settings = Settings::find(&args.service, args.setup.provisioning)?;
    let target = target::read(&settings.hosts, &args.path)?;
    let host = target.host;
    if only.is_some_and(|only| only != host) {
        return Err(usage(
            "the path is not the Admin API's, which has those below /api",
            "use `humanapi api` for other paths",
        ));
    }
    let user = match (&args.user, host) {
        (Some(user), Host::Data) => Some(user_id(user)?),
        (None, Host::Data) => {
            return Err(usage(
                "--user is missing: this path is about one user's data",
                "say whose data by --user, with your own id for the user",
            ));
        }
        (Some(_), _) => {
            return Err(usage(
                "--user cannot be used here: the Admin API is asked by the application itself",
                "leave it out; a user is named in the path, the query or the body",
            ));
        }
        (None, _) => None,
    };
    let pages = match args.paginate {
        true => Some(pages::list(args, &target)?),
        false => None,
    };
    let path = target.with_query(&args.query);
    let mut call = RawCall::new(args.method.clone(), host, path);
    if let Some(body) = body::read(args)? {
        call = call.with_json(&body).map_err(|error| refused(&error))?;
    }
    call.request(&settings.hosts)
        .map_err(|error| refused(&error))?;

    #[cfg(feature = "store")]
    let store = crate::store::shared(&args.store).await?;
    #[cfg(not(feature = "store"))]
    let store = None;
    let provisioning = match host {
        Host::Data => settings.setup.value.into(),
        _ => Provisioning::Hip,
    };
    let service = Service::by(&settings, &args.service, provisioning, store)?;
    // The token first, so that it is clear which host refuses what. The client's broker keeps it.
    let token = match &user {
        Some(id) => service.kept(|app| TokenKey::access(app, id.clone())).await,
        None => service.kept(TokenKey::client).await,
    }?;
    if let (Some(list), Some(id)) = (pages, &user) {
        return pages::write(args, &service, id, list).await;
    }
    let (raw, noted) = Raw::new(call);
    let call: ApiCall<Raw> = match &user {
        Some(id) => service.client.user(id.as_str()).call(raw),
        None => service.client.call(raw),
    };
    let opened = call.open().await;
    if args.include {
        // What a server repeats of the token is not shown.
        head(&noted, token.expose_secret())?;
    }
    let answer = opened.map_err(|error| service.failure(&error, host))?;
    if args.method == Method::HEAD {
        return Ok(());
    }
    deliver(answer, args.output.as_deref(), &service, host).await
}

/// Writes an answer into a file, whole or not at all, or onto standard output while it arrives.
pub(crate) async fn deliver(
    answer: Download,
    output: Option<&Path>,
    service: &Service,
    host: Host,
) -> Result<(), Failure> {
    match output {
        Some(path) => match answer.save(path).await {
            Ok(_) => Ok(()),
            Err(SaveError::Download(error)) => Err(service.failure(&error, host)),
            Err(SaveError::File(error)) => Err(unwritten(&error)),
            // The file is there, and its message says so.
            Err(error @ SaveError::InPlace { .. }) => {
                let remedy = "look at what the system says, then try again";
                Err(Failure::new(Code::Machine, error.to_string(), remedy))
            }
            Err(error) => Err(Failure::here("cannot write the file", &error)),
        },
        None => print(answer, service, host).await,
    }
}

/// Prints an answer while it arrives: byte for byte, but on a terminal, where nothing in it may steer.
async fn print(mut answer: Download, service: &Service, host: Host) -> Result<(), Failure> {
    let is_terminal = io::stdout().is_terminal();
    let mut plain = Plain::default();
    let mut ends_line = true;
    while let Some(piece) = answer.next().await {
        let piece = piece.map_err(|error| service.failure(&error, host))?;
        let mut out = io::stdout().lock();
        if is_terminal {
            out.write_all(plain.piece(&piece).as_bytes())?;
            ends_line = piece.ends_with(b"\n");
        } else {
            out.write_all(&piece)?;
        }
        out.flush()?;
    }
    if is_terminal {
        let mut out = io::stdout().lock();
        out.write_all(plain.end().as_bytes())?;
        if !ends_line {
            writeln!(out)?;
        }
        out.flush()?;
    }
    Ok(())
}

/// Prints the head of the answer, and the body of a refusal, of which nothing else would be seen.
fn head(noted: &Noted, token: &str) -> Result<(), Failure> {
    let Some(text) = noted.text() else {
        return Ok(());
    };
    let text = match token.is_empty() {
        true => text,
        false => text.replace(token, crate::output::mask::HIDDEN),
    };
    let mut out = io::stdout().lock();
    let mut plain = Plain::default();
    out.write_all(plain.piece(text.as_bytes()).as_bytes())?;
    out.write_all(plain.end().as_bytes())?;
    Ok(out.flush()?)
}
