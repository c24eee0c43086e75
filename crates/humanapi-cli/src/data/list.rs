//! `data list`: records of one kind, page after page.

use std::io::{self, Write as _};

use futures_util::StreamExt as _;
use humanapi_core::data::{ListRecords, Record, Route};

use super::cells;
use super::format::{Format, json, one_line, write_json};
use super::reader::{Reader, announce, of_total, warn_of};
use crate::args::data::{ListArgs, NarrowArgs, name};
use crate::exit::{Code, Failure};
use crate::output;

/// So many records are read if nobody says how many.
const DEFAULT: u64 = 20;
/// The largest page that the service gives.
pub(super) const LARGEST_PAGE: u64 = 500;
/// So many pages are asked for at once where all are wanted.
pub(super) const AHEAD: usize = 4;

pub(super) async fn run(args: &ListArgs) -> Result<(), Failure> {
    // Before the secret is asked for: nobody types one for a command that is refused.
    let call = call(args)?;
    let kind = name(args.resource);
    let most = match args.all {
        true => u64::MAX,
        false => args.limit.unwrap_or(DEFAULT),
    };
    let reader = Reader::open(&args.read).await?;
    let ahead = if args.all { AHEAD } else { 0 };
    let mut pages = reader.user.call(call).pages().read_ahead(ahead);
    let mut out = Written::new(args);
    let (mut count, mut more) = (0, None);
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| reader.failure(&error))?;
        for drift in &page.drift {
            warn_of(drift, kind);
        }
        let mut sent: Vec<Sent<'_>> = page.items.iter().map(Sent::Record).collect();
        sent.extend(page.odd.iter().map(Sent::Odd));
        sent.sort_by_key(|sent| sent.any().index());
        let wanted = usize::try_from(most - count).unwrap_or(usize::MAX);
        let is_cut = sent.len() > wanted;
        sent.truncate(wanted);
        count += sent.len() as u64;
        out.page(&sent)?;
        if page.next.is_some() && count < most {
            announce(&format!("{kind}: {} records", of_total(count, page.total)));
        }
        if count >= most {
            more = (is_cut || page.next.is_some()).then_some(page.total);
            break;
        }
    }
    out.end()?;
    if let Some(total) = more {
        let shown = of_total(count, total);
        output::note(&format!(
            "these are {shown} records; --all reads all, --limit NUMBER more"
        ));
    }
    Ok(())
}

fn call(args: &ListArgs) -> Result<ListRecords, Failure> {
    let most = args.limit.unwrap_or(DEFAULT);
    // Pages of one size, and no more of them than it takes. Each but the first begins with a record of the one before.
    let pages = most.saturating_sub(1).div_ceil(LARGEST_PAGE - 1).max(1);
    let size = match args.all {
        true => LARGEST_PAGE,
        false => most.saturating_add(pages - 1).div_ceil(pages),
    };
    let call = narrowed(args.resource, &args.narrow)?;
    Ok(call.with_limit(u32::try_from(size).unwrap_or(u32::MAX)))
}

/// A list of this kind, narrowed to what is asked for.
pub(super) fn narrowed(route: &'static Route, args: &NarrowArgs) -> Result<ListRecords, Failure> {
    let kind = name(route);
    let mut call = ListRecords::new(route)
        .ok_or_else(|| Failure::new(Code::Usage, format!("{kind} is no list"), "name a list"))?;
    if let Some(moment) = args.updated_since {
        call = call.with_updated_since(moment);
    }
    if let Some(source) = &args.source {
        call = call.with_source(source);
    }
    if let Some((start, end)) = args.days {
        if !call.has_days() {
            return Err(Failure::new(
                Code::Usage,
                format!("--days cannot be used here: the service does not narrow {kind} to days"),
                "leave it out; --updated-since narrows every list",
            ));
        }
        call = call.with_days(start, end);
    }
    Ok(call)
}

/// What stood at one place of a list.
#[derive(Clone, Copy)]
enum Sent<'a> {
    Record(&'a Record),
    /// Something that is none.
    Odd(&'a Record),
}

impl<'a> Sent<'a> {
    const fn any(self) -> &'a Record {
        match self {
            Self::Record(record) | Self::Odd(record) => record,
        }
    }

    const fn record(self) -> Option<&'a Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Odd(_) => None,
        }
    }
}

/// What is written, page after page.
struct Written {
    format: Format,
    route: &'static Route,
    columns: Vec<String>,
    /// Which of the columns were asked for and are in no record so far.
    missing: Vec<usize>,
    is_empty: bool,
}

impl Written {
    fn new(args: &ListArgs) -> Self {
        let format = match args.fields.is_empty() {
            true => Format::of(&args.print),
            false => Format::Table,
        };
        Self {
            format,
            route: args.resource,
            columns: args.fields.clone(),
            missing: (0..args.fields.len()).collect(),
            is_empty: true,
        }
    }

    fn page(&mut self, sent: &[Sent<'_>]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if self.format == Format::Table {
            let records: Vec<&Record> = sent.iter().filter_map(|sent| sent.record()).collect();
            if records.is_empty() {
                return Ok(());
            }
            if self.columns.is_empty() {
                self.columns = cells::columns(self.route, &records);
            }
            let columns = &self.columns;
            self.missing.retain(|column| {
                let is_there = |record: &&Record| record.field(&columns[*column]).is_some();
                !records.iter().any(is_there)
            });
            // A page is a table of its own, so that no list has to be held in memory.
            writeln!(out, "{}", cells::many(columns, &records))?;
            self.is_empty = false;
        } else {
            for sent in sent {
                let json = json(sent.any());
                if self.format == Format::Ndjson {
                    write_json(&mut out, &one_line(&json))?;
                    writeln!(out)?;
                } else {
                    out.write_all(if self.is_empty { b"[" } else { b",\n" })?;
                    write_json(&mut out, &json)?;
                }
                self.is_empty = false;
            }
        }
        Ok(out.flush()?)
    }

    fn end(&self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match (self.format, self.is_empty) {
            (Format::Json, true) => writeln!(out, "[]")?,
            (Format::Json, false) => writeln!(out, "]")?,
            (Format::Table, true) => writeln!(out, "No records of {}.", name(self.route))?,
            (Format::Table, false) | (Format::Ndjson, _) => {}
        }
        out.flush()?;
        drop(out);
        if !self.is_empty {
            for column in &self.missing {
                let fields = self.route.fields.iter().map(|field| field.name);
                let fields: Vec<&str> = fields.collect();
                // By its place: what was typed is never repeated here.
                output::warn(&format!(
                    "no record has the name {} of --fields; documented are {}",
                    column + 1,
                    fields.join(", ")
                ));
            }
        }
        Ok(())
    }
}
