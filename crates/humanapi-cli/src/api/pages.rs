//! `--paginate`: all pages of a list, as one array.
//!
//! What comes on pages is known from the tables of routes. The data API's lists end where that is proven, those of the Admin
//! API, which tells no total, where a page is empty.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use futures_util::StreamExt as _;
use humanapi_core::data::application::AppKey;
use humanapi_core::data::{Operation, RawList, Record, Route};
use humanapi_core::http::Method;
use humanapi_core::{ClientUserId, Endpoint as _, Host, Hosts, RawCall, ResponseError};
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

use super::failure::{refused, unwritten, usage};
use super::target::{By, Target};
use crate::args::api::ApiArgs;
use crate::atomic_file::{beside, keep};
use crate::data::format::{json, write_json};
use crate::data::reader::{announce, of_total, warn_of};
use crate::exit::{Code, Failure};
use crate::output::secrets::Shown;
use crate::service::Service;

/// The largest page that the service gives.
const LARGEST_PAGE: u32 = 500;
/// So many pages are asked for at once.
const AHEAD: usize = 4;

/// A list, from where the query says.
pub(super) enum List {
    /// One of the data API.
    Data(Box<RawList>),
    /// One of the Admin API: its path with all parameters but the offset, and that.
    Admin(String, u64),
}

/// Reads which list is meant, or says why that is none.
pub(super) fn list(args: &ApiArgs, target: &Target) -> Result<List, Failure> {
    if args.method != Method::GET {
        return Err(usage("--paginate reads lists, which GET does", "use GET"));
    }
    let (path, _) = target.path.split_once('?').unwrap_or((&target.path, ""));
    let on_pages = match target.by {
        By::User | By::AppKey => is_list(path),
        By::Client => is_admin_list(path),
    };
    if let Err(why) = on_pages {
        return Err(usage(why, "leave --paginate out"));
    }
    // The Admin API has pages of its own size: `limit` is a parameter like any other there.
    let is_paging = |name: &str| match target.by {
        By::User | By::AppKey => matches!(name, "limit" | "offset"),
        By::Client => name == "offset",
    };
    let (rest, own) = parted(&target.path, is_paging);
    let (paging, others): (Vec<_>, Vec<_>) =
        args.query.iter().partition(|(name, _)| is_paging(name));
    let (mut limit, mut offset) = (LARGEST_PAGE, 0);
    for (name, value) in own.iter().chain(paging) {
        let number = || {
            usage(
                "limit and offset are whole numbers",
                "correct or leave them out",
            )
        };
        match name.as_str() {
            "limit" => limit = value.parse().map_err(|_| number())?,
            _ => offset = value.parse().map_err(|_| number())?,
        }
    }
    let rest = Target {
        by: target.by,
        path: rest,
    };
    let rest = rest.with_query(others);
    if target.by == By::Client {
        return Ok(List::Admin(rest, offset));
    }
    let list = RawList::new(rest).with_limit(limit).with_offset(offset);
    list.request(&Hosts::production())
        .map_err(|error| refused(&error))?;
    Ok(List::Data(Box::new(list)))
}

/// A path without some parameters, and those.
fn parted(path: &str, is_paging: impl Fn(&str) -> bool) -> (String, Vec<(String, String)>) {
    let Some((before, query)) = path.split_once('?') else {
        return (path.to_owned(), Vec::new());
    };
    let (mut rest, mut own) = (Vec::new(), Vec::new());
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some((name, value)) if is_paging(name) => own.push((name.to_owned(), value.to_owned())),
            _ => rest.push(pair),
        }
    }
    let path = match rest.is_empty() {
        true => before.to_owned(),
        false => format!("{before}?{}", rest.join("&")),
    };
    (path, own)
}

const ONE: &str = "--paginate reads lists, and at this path is one record, document or value";
const WHOLE: &str = "--paginate reads pages, and this list comes whole in one answer";

/// Whether the data API gives a list at a path; one that nothing is known of may be one.
fn is_list(path: &str) -> Result<(), &'static str> {
    match Route::at("GET", path) {
        Some(route) if route.operation == Operation::Genotypes => Err(WHOLE),
        Some(route) if !route.is_list() => Err(ONE),
        _ => Ok(()),
    }
}

/// The same of the Admin API.
fn is_admin_list(path: &str) -> Result<(), &'static str> {
    let below = path.strip_prefix("/api/v1/").unwrap_or_default();
    let segments: Vec<&str> = below.split('/').collect();
    match segments[..] {
        ["order-types"] | ["user", "reports"] | ["users", "providers"] => Err(WHOLE),
        ["users" | "subscriptions", _] | ["user", "reports", _] => Err(ONE),
        _ => Ok(()),
    }
}

/// Reads the list to its end, into the file that `--output` names or onto standard output.
pub(super) async fn write(
    args: &ApiArgs,
    service: &Service,
    user: Option<&ClientUserId>,
    key: Option<&AppKey>,
    list: List,
    shown: &Shown,
) -> Result<(), Failure> {
    let to = match &args.output {
        Some(path) => Out::file(path).map_err(|error| unwritten(&error))?,
        None => Out::Stdout(shown),
    };
    let mut out = Writer { count: 0, to };
    match list {
        List::Data(list) => {
            let list = match key {
                Some(key) => list.with_app_key(key),
                None => *list,
            };
            write_data(service, user, list, &mut out).await?;
        }
        List::Admin(path, offset) => write_admin(service, &path, offset, &mut out).await?,
    }
    out.end()
}

async fn write_data(
    service: &Service,
    user: Option<&ClientUserId>,
    list: RawList,
    out: &mut Writer<'_>,
) -> Result<(), Failure> {
    let call = match user {
        Some(user) => service.client.user(user.as_str()).call(list),
        None => service.client.call(list),
    };
    let mut pages = call.pages().read_ahead(AHEAD);
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service.failure(&error, Host::Data))?;
        for drift in &page.drift {
            warn_of(drift, "the list");
        }
        let mut records: Vec<&Record> = page.items.iter().chain(&page.odd).collect();
        records.sort_by_key(|record| record.index());
        for record in records {
            out.record(&json(record))?;
        }
        out.flush()?;
        if page.next.is_some() {
            announce(&format!("{} records", of_total(out.count, page.total)));
        }
    }
    Ok(())
}

async fn write_admin(
    service: &Service,
    path: &str,
    mut offset: u64,
    out: &mut Writer<'_>,
) -> Result<(), Failure> {
    let mut before = None;
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let call = RawCall::new(
            Method::GET,
            Host::Admin,
            format!("{path}{sign}offset={offset}"),
        );
        // A 404 is no end, on whichever page it comes: a list that was there can have gone meanwhile, and what was read of it
        // would be taken for all.
        let answer = service.client.call(call).await;
        let answer = answer
            .map_err(|error| service.failure(&error, Host::Admin))?
            .into_bytes();
        let records: Vec<&RawValue> = serde_json::from_slice(&answer).map_err(|_| {
            Failure::new(
                Code::Service,
                "the answer is no list, so it has no pages",
                "leave --paginate out",
            )
        })?;
        if records.is_empty() {
            return Ok(());
        }
        if before.as_ref() == Some(&answer) {
            let again = ResponseError::PageRepeated { offset };
            return Err(Failure::new(
                Code::Service,
                again.to_string(),
                again.remedy(),
            ));
        }
        for record in &records {
            out.record(record.get().as_bytes())?;
        }
        out.flush()?;
        offset = offset.saturating_add(records.len() as u64);
        announce(&format!("{} records", out.count));
        before = Some(answer);
    }
}

/// One array, of which so many records were written.
struct Writer<'a> {
    count: u64,
    to: Out<'a>,
}

enum Out<'a> {
    /// Without what opens something.
    Stdout(&'a Shown),
    /// Beside the file that it becomes, and that.
    File(BufWriter<NamedTempFile>, &'a Path),
}

impl<'a> Out<'a> {
    fn file(path: &'a Path) -> io::Result<Self> {
        Ok(Self::File(BufWriter::new(beside(path)?), path))
    }
}

impl Writer<'_> {
    fn record(&mut self, record: &[u8]) -> Result<(), Failure> {
        let begin: &[u8] = if self.count == 0 { b"[" } else { b",\n" };
        self.count += 1;
        match &mut self.to {
            Out::Stdout(shown) => {
                let mut out = io::stdout().lock();
                out.write_all(begin)?;
                Ok(write_json(&mut out, &shown.whole(record))?)
            }
            Out::File(file, _) => {
                let written = file.write_all(begin).and_then(|()| file.write_all(record));
                written.map_err(|error| unwritten(&error))
            }
        }
    }

    /// Has what was written so far be seen.
    fn flush(&mut self) -> Result<(), Failure> {
        match &mut self.to {
            Out::Stdout(_) => Ok(io::stdout().lock().flush()?),
            Out::File(..) => Ok(()),
        }
    }

    fn end(self) -> Result<(), Failure> {
        let end: &[u8] = if self.count == 0 { b"[]\n" } else { b"]\n" };
        match self.to {
            Out::Stdout(_) => {
                let mut out = io::stdout().lock();
                out.write_all(end)?;
                Ok(out.flush()?)
            }
            Out::File(mut file, path) => {
                let written = file.write_all(end);
                written.map_err(|error| unwritten(&error))?;
                let file = file
                    .into_inner()
                    .map_err(|error| unwritten(error.error()))?;
                keep(file, path).map_err(|error| unwritten(&error))
            }
        }
    }
}
