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
use humanapi_core::{ClientUserId, Endpoint as _, Host, Provisioning, RawCall, TokenKey};

use crate::args::api::ApiArgs;
use crate::credentials;
use crate::data::format::Plain;
use crate::exit::{Code, Failure};
use crate::output::secrets::Shown;
use crate::service::{Service, user_id};
use crate::settings::Settings;
use failure::{refused, unwritten, usage};
use sent::{Noted, Raw};
use target::By;

pub(crate) async fn run(args: &ApiArgs) -> Result<(), Failure> {
    run_at(args, None).await
}

/// The same, of paths of one host alone where one is named.
pub(crate) async fn run_at(args: &ApiArgs, only: Option<Host>) -> Result<(), Failure> {
    // All that can be said before a secret is asked for or anything is sent.
    let settings = Settings::find(&args.service, args.setup.provisioning)?;
    let target = target::read(&settings.hosts, &args.path)?;
    let (by, host) = (target.by, target.by.host());
    if only.is_some_and(|only| only != host) {
        return Err(usage(
            "the path is not the Admin API's, which has those below /api",
            "use `humanapi api` for other paths",
        ));
    }
    let user = user(args, by)?;
    let list = match args.paginate {
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

    let key = match by {
        By::AppKey => {
            let file = args.app_key_file.as_deref();
            Some(credentials::app_key(file, &settings)?)
        }
        By::User | By::Client => None,
    };
    let service = service(args, &settings, by).await?;
    let key = key.map(|key| service.key(&key)).transpose()?;
    // The token first, so that it is clear which host refuses what. The client's broker keeps it.
    match (by, &user) {
        (By::User, Some(id)) => drop(
            service
                .kept(|app| TokenKey::access(app, id.clone()))
                .await?,
        ),
        (By::Client, _) => drop(service.kept(TokenKey::client).await?),
        _ => {}
    }
    let shown = Shown::new(&service.secrets, args.reveal);
    if let Some(list) = list {
        return pages::write(args, &service, user.as_ref(), key.as_ref(), list, &shown).await;
    }
    if let Some(key) = &key {
        call = call.with_app_key(key);
    }
    let (raw, noted) = Raw::new(call, args.reveal);
    let call: ApiCall<Raw> = match &user {
        Some(id) => service.client.user(id.as_str()).call(raw),
        None => service.client.call(raw),
    };
    let opened = call.open().await;
    if args.include {
        head(&noted, &shown)?;
    }
    let answer = opened.map_err(|error| service.failure(&error, host))?;
    if args.method == Method::HEAD {
        return Ok(());
    }
    deliver(answer, args.output.as_deref(), &service, host, &shown).await
}

/// Writes an answer into a file, whole or not at all, or onto standard output while it arrives.
pub(crate) async fn deliver(
    answer: Download,
    output: Option<&Path>,
    service: &Service,
    host: Host,
    shown: &Shown,
) -> Result<(), Failure> {
    match output {
        Some(path) => match answer.save(path).await {
            Ok(_) => Ok(()),
            Err(SaveError::Download(error)) => Err(service.failure(&error, host)),
            Err(SaveError::File(error)) => Err(unwritten(&error)),
            // The file is there, and its message says so.
            Err(error @ SaveError::InPlace { .. }) => Err(Failure::new(
                Code::Machine,
                error.to_string(),
                error.remedy(),
            )),
            Err(error) => Err(Failure::here("cannot write the file", &error)),
        },
        None => print(answer, service, host, shown).await,
    }
}

/// Whose data are asked for, where they are one user's.
fn user(args: &ApiArgs, by: By) -> Result<Option<ClientUserId>, Failure> {
    match (&args.user, by) {
        (Some(user), By::User) => user_id(user).map(Some),
        (None, By::User) => Err(usage(
            "--user is missing: this path is about one user's data",
            "say whose data by --user, with your own id for the user",
        )),
        (Some(_), By::Client) => Err(usage(
            "--user cannot be used here: the Admin API is asked by the application itself",
            "leave it out; a user is named in the path, the query or the body",
        )),
        (Some(_), By::AppKey) => Err(usage(
            "--user cannot be used here: this path is about all users of an application",
            "leave it out; a user is named in the path",
        )),
        (None, By::Client | By::AppKey) => Ok(None),
    }
}

async fn service(args: &ApiArgs, settings: &Settings, by: By) -> Result<Service, Failure> {
    #[cfg(feature = "store")]
    let store = crate::store::shared(&args.store).await?;
    #[cfg(not(feature = "store"))]
    let store = None;
    match by {
        By::User => Service::by(settings, &args.service, settings.setup.value.into(), store),
        By::Client => Service::by(settings, &args.service, Provisioning::Hip, store),
        By::AppKey => Service::without_credentials(settings, &args.service),
    }
}

/// Prints an answer while it arrives: byte for byte, but for what opens something, and on a terminal, where nothing in it
/// may steer.
async fn print(
    mut answer: Download,
    service: &Service,
    host: Host,
    shown: &Shown,
) -> Result<(), Failure> {
    let is_terminal = io::stdout().is_terminal();
    let mut masked = shown.in_pieces();
    let mut plain = Plain::default();
    let mut ends_line = true;
    loop {
        let piece = answer.next().await.transpose();
        let piece = piece.map_err(|error| service.failure(&error, host))?;
        let is_last = piece.is_none();
        let piece = match piece {
            Some(piece) => masked.piece(&piece),
            None => masked.end(),
        };
        let mut out = io::stdout().lock();
        if is_terminal {
            out.write_all(plain.piece(&piece).as_bytes())?;
            ends_line = piece.last().map_or(ends_line, |last| *last == b'\n');
        } else {
            out.write_all(&piece)?;
        }
        if is_last {
            out.write_all(plain.end().as_bytes())?;
            if !ends_line {
                writeln!(out)?;
            }
            return Ok(out.flush()?);
        }
        out.flush()?;
    }
}

/// Prints the head of the answer, and the body of a refusal, of which nothing else would be seen.
fn head(noted: &Noted, shown: &Shown) -> Result<(), Failure> {
    let Some(text) = noted.text() else {
        return Ok(());
    };
    let mut out = io::stdout().lock();
    let mut plain = Plain::default();
    out.write_all(plain.piece(&shown.whole(text.as_bytes())).as_bytes())?;
    out.write_all(plain.end().as_bytes())?;
    Ok(out.flush()?)
}
