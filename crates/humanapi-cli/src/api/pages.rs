//! `--paginate`: all pages of a list, as one array.

use std::io::{self, Write};
use std::path::Path;

use futures_util::StreamExt as _;
use humanapi_core::data::{RawList, Record};
use humanapi_core::http::Method;
use humanapi_core::{ClientUserId, Endpoint as _, Host, Hosts};
use tempfile::NamedTempFile;

use super::failure::{refused, unwritten, usage};
use super::target::Target;
use crate::args::api::ApiArgs;
use crate::data::format::{json, write_json};
use crate::data::reader::{announce, of_total, warn_of};
use crate::exit::Failure;
use crate::service::Service;

/// The largest page that the service gives.
const LARGEST_PAGE: u32 = 500;
/// So many pages are asked for at once.
const AHEAD: usize = 4;

/// The list, from where the query says.
pub(super) fn list(args: &ApiArgs, target: &Target) -> Result<RawList, Failure> {
    if args.method != Method::GET {
        return Err(usage("--paginate reads lists, which GET does", "use GET"));
    }
    if target.host != Host::Data {
        return Err(usage(
            "--paginate reads lists of the data API, below /v1/human",
            "the Admin API's lists are read page by page: add --query offset=…",
        ));
    }
    let (mut limit, mut offset) = (LARGEST_PAGE, 0);
    let mut path = target.path.clone();
    let mut rest = Vec::new();
    let mut own = Vec::new();
    if let Some((before, query)) = target.path.split_once('?') {
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some((name, value)) if is_paging(name) => {
                    own.push((name.to_owned(), value.to_owned()));
                }
                _ => rest.push(pair),
            }
        }
        path = match rest.is_empty() {
            true => before.to_owned(),
            false => format!("{before}?{}", rest.join("&")),
        };
    }
    let (paging, others): (Vec<_>, Vec<_>) =
        args.query.iter().partition(|(name, _)| is_paging(name));
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
    let target = Target {
        host: target.host,
        path,
    };
    let list = RawList::new(target.with_query(others)).with_limit(limit);
    let list = list.with_offset(offset);
    list.request(&Hosts::production())
        .map_err(|error| refused(&error))?;
    Ok(list)
}

fn is_paging(name: &str) -> bool {
    matches!(name, "limit" | "offset")
}

/// Reads the list to its end, into the file that `--output` names or onto standard output.
pub(super) async fn write(
    args: &ApiArgs,
    service: &Service,
    user: &ClientUserId,
    list: RawList,
) -> Result<(), Failure> {
    let mut out = match &args.output {
        Some(path) => Out::file(path).map_err(|error| unwritten(&error))?,
        None => Out::Stdout,
    };
    let call = service.client.user(user.as_str()).call(list);
    let mut pages = call.pages().read_ahead(AHEAD);
    let mut count = 0_u64;
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| service.failure(&error, Host::Data))?;
        for drift in &page.drift {
            warn_of(drift, "the list");
        }
        let mut records: Vec<&Record> = page.items.iter().chain(&page.odd).collect();
        records.sort_by_key(|record| record.index());
        out.records(&records, count == 0)?;
        count += records.len() as u64;
        if page.next.is_some() {
            announce(&format!("{} records", of_total(count, page.total)));
        }
    }
    out.end(count == 0)
}

enum Out<'a> {
    Stdout,
    /// Beside the file that it becomes, and that.
    File(NamedTempFile, &'a Path),
}

impl<'a> Out<'a> {
    fn file(path: &'a Path) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        if path.file_name().is_none() {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        Ok(Self::File(NamedTempFile::new_in(folder)?, path))
    }

    fn records(&mut self, records: &[&Record], are_first: bool) -> Result<(), Failure> {
        let mut is_first = are_first;
        let mut begin = || -> &[u8] {
            match std::mem::take(&mut is_first) {
                true => b"[",
                false => b",\n",
            }
        };
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                for record in records {
                    out.write_all(begin())?;
                    write_json(&mut out, &json(record))?;
                }
                Ok(out.flush()?)
            }
            Self::File(file, _) => {
                let mut text = Vec::new();
                for record in records {
                    text.extend_from_slice(begin());
                    text.extend_from_slice(&json(record));
                }
                file.write_all(&text).map_err(|error| unwritten(&error))
            }
        }
    }

    fn end(self, is_empty: bool) -> Result<(), Failure> {
        let end: &[u8] = if is_empty { b"[]\n" } else { b"]\n" };
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(end)?;
                Ok(out.flush()?)
            }
            Self::File(mut file, path) => {
                let written = file.write_all(end).and_then(|()| file.as_file().sync_all());
                written.map_err(|error| unwritten(&error))?;
                let kept = file.persist(path);
                kept.map(drop).map_err(|error| unwritten(&error.error))
            }
        }
    }
}
