//! `data show`: one page about a user: what there is, from when to when, from which sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use comfy_table::{CellAlignment, Table};
use futures_util::{StreamExt as _, stream};
use humanapi_core::data::{ListRecords, Record, Resource as _, Route, Source};
use jiff::civil::Date;
use serde::Serialize;

use super::cells;
use super::format::Format;
use super::reader::{Reader, announce, of_total, warn_of};
use crate::args::data::{ShowArgs, lists, name};
use crate::exit::{Code, Failure};
use crate::output::{self, palette};

/// So many records of a list are read at most.
const MOST: u64 = 10_000;
/// So many records are asked for at once.
const PAGE: u32 = 500;
/// So many lists are read at once.
const AT_ONCE: usize = 6;
/// So many blocks a sparkline has.
const BLOCKS: usize = 24;

pub(super) async fn run(args: &ShowArgs) -> Result<(), Failure> {
    let reader = Reader::open(&args.read).await?;
    announce("reading every list");
    let calls = lists().filter_map(ListRecords::new);
    let mut reading = stream::iter(calls.map(|call| read(&reader, call))).buffered(AT_ONCE);
    let mut kinds = Vec::new();
    let mut missing = Missing::default();
    while let Some((route, outcome)) = reading.next().await {
        match outcome {
            Ok(kind) => {
                missing.in_a_row = 0;
                kinds.push(kind);
            }
            Err(failure) => missing.note(route, failure)?,
        }
        if missing.in_a_row >= AT_ONCE {
            break;
        }
    }
    drop(reading);
    missing.tell(kinds.is_empty())?;
    let format = Format::of(&args.print);
    let mut out = anstream::stdout().lock();
    match format {
        Format::Table => write!(out, "{}", page(&args.read.user.user, &kinds))?,
        Format::Json => {
            let lines: Vec<Line<'_>> = kinds.iter().map(Line::of).collect();
            serde_json::to_writer(&mut out, &lines).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Ndjson => {
            for kind in &kinds {
                serde_json::to_writer(&mut out, &Line::of(kind)).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
    }
    out.flush()?;
    missing.failure(kinds.len()).map_or(Ok(()), Err)
}

/// The kinds that the page goes without.
#[derive(Default)]
struct Missing {
    kinds: Vec<(&'static Route, Failure)>,
    /// How many failed one after another: where nothing gets through, the rest is not tried.
    in_a_row: usize,
}

impl Missing {
    /// Keeps a failure that says nothing of the other kinds: what this application may not have, and what could not be
    /// read of one address.
    fn note(&mut self, route: &'static Route, failure: Failure) -> Result<(), Failure> {
        match failure.code() {
            Some(Code::Refused) => {}
            Some(Code::Service | Code::Unreachable) => self.in_a_row += 1,
            _ => return Err(failure),
        }
        self.kinds.push((route, failure));
        Ok(())
    }

    /// Warns of each; an error where there is nothing else.
    fn tell(&mut self, nothing_else: bool) -> Result<(), Failure> {
        if nothing_else && let Some((_, failure)) = self.kinds.pop() {
            return Err(failure);
        }
        for (route, failure) in &self.kinds {
            if let Some(cause) = failure.in_one_line() {
                output::warn(&format!("{}: {cause}", name(route)));
            }
        }
        Ok(())
    }

    /// How the command ends, if something could not be read beside what so many kinds told.
    fn failure(self, read: usize) -> Option<Failure> {
        let refused = |failure: &Failure| failure.code() == Some(Code::Refused);
        let count = self
            .kinds
            .iter()
            .filter(|(_, failure)| refused(failure))
            .count();
        let all = lists().count();
        let unread = all - read - count;
        let mut failed = self.kinds.into_iter().map(|(_, failure)| failure);
        match failed.find(|failure| !refused(failure)) {
            Some(Failure::Told { code, remedy, .. }) => {
                let cause = format!("{unread} of {all} kinds of records could not be read");
                Some(Failure::new(code, cause, remedy))
            }
            _ => None,
        }
    }
}

/// What was read of one list.
struct Kind {
    route: &'static Route,
    /// How many records there are, as far as is known.
    records: u64,
    /// How many were read.
    read: u64,
    /// Whether that is all of them.
    is_whole: bool,
    days: Vec<Day>,
    sources: BTreeSet<String>,
    /// What sources are called, where these are the sources.
    names: BTreeMap<String, String>,
}

/// A day, or as much of it as is known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Day {
    /// Its first day.
    first: Date,
    text: String,
}

async fn read(reader: &Reader, call: ListRecords) -> (&'static Route, Result<Kind, Failure>) {
    let route = call.route();
    (route, read_kind(reader, call).await)
}

async fn read_kind(reader: &Reader, call: ListRecords) -> Result<Kind, Failure> {
    let route = call.route();
    let mut kind = Kind {
        route,
        records: 0,
        read: 0,
        is_whole: true,
        days: Vec::new(),
        sources: BTreeSet::new(),
        names: BTreeMap::new(),
    };
    let mut pages = reader
        .user
        .call(call.with_limit(PAGE))
        .pages()
        .read_ahead(0);
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| reader.failure(&error))?;
        for drift in &page.drift {
            warn_of(drift, name(route));
        }
        let left = usize::try_from(MOST - kind.read).unwrap_or(usize::MAX);
        for record in page.items.iter().take(left) {
            kind.add(record);
        }
        kind.records = page.total.unwrap_or(0).max(kind.read);
        // A list can end before its total.
        kind.is_whole = page.next.is_none() && kind.read >= kind.records;
        if page.next.is_some() {
            if kind.read >= MOST {
                break;
            }
            let count = of_total(kind.read, page.total);
            announce(&format!("{}: {count} records", name(route)));
        }
    }
    Ok(kind)
}

impl Kind {
    fn add(&mut self, record: &Record) {
        self.read += 1;
        self.days.extend(record.when().iter().filter_map(Day::of));
        let told = |field| {
            let value = record.field(field)?;
            let text = cells::text(value.raw());
            (value.raw() != b"null" && !text.is_empty()).then_some(text)
        };
        if let Some(source) = told("source") {
            if self.route.name == Source::NAME
                && let Some(name) = told("sourceName")
            {
                self.names.insert(source.clone(), name);
            }
            self.sources.insert(source);
        }
    }

    fn from(&self) -> Option<&Day> {
        self.days.iter().min()
    }

    fn to(&self) -> Option<&Day> {
        self.days.iter().max()
    }
}

impl Day {
    fn of(date: &humanapi_core::data::Date<'_>) -> Option<Self> {
        let (month, day) = (date.month(), date.day());
        let first = Date::new(date.year(), month.unwrap_or(1), day.unwrap_or(1)).ok()?;
        let mut text = format!("{:04}", date.year());
        for part in [month, day].into_iter().map_while(|part| part) {
            let _ = write!(text, "-{part:02}");
        }
        Some(Self { first, text })
    }
}

/// What is told of one kind, as JSON. Its fields are a contract: new ones may come, these stay.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    records: u64,
    read: u64,
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    sources: &'a BTreeSet<String>,
}

impl<'a> Line<'a> {
    fn of(kind: &'a Kind) -> Self {
        Self {
            kind: name(kind.route),
            records: kind.records,
            read: kind.read,
            whole: kind.is_whole,
            from: kind.from().map(|day| day.text.as_str()),
            to: kind.to().map(|day| day.text.as_str()),
            sources: &kind.sources,
        }
    }
}

/// The page for people.
fn page(user: &str, kinds: &[Kind]) -> String {
    let title = palette::TITLE;
    let mut page = format!(
        "{title}What there is about {}{title:#}\n\n",
        output::plain(user)
    );
    let names: BTreeMap<&str, &str> = kinds
        .iter()
        .flat_map(|kind| &kind.names)
        .map(|(source, name)| (source.as_str(), name.as_str()))
        .collect();
    let (there, none): (Vec<&Kind>, Vec<&Kind>) = kinds.iter().partition(|kind| kind.records > 0);
    if there.is_empty() {
        page.push_str("No records at all.\n");
        return page;
    }
    page.push_str(&table(&there, &names).to_string());
    page.push_str("\nA line goes from the first day to the last: the higher, the more records.\n");
    if there.iter().any(|kind| !kind.is_whole) {
        let _ = writeln!(
            page,
            "*  The first {MOST} were read; what lies beyond them is counted alone."
        );
    }
    if !none.is_empty() {
        let none: Vec<&str> = none.iter().map(|kind| name(kind.route)).collect();
        let _ = writeln!(page, "\nNothing of: {}", folded(&none.join(", ")));
    }
    page
}

fn table(kinds: &[&Kind], names: &BTreeMap<&str, &str>) -> Table {
    let mut table = Table::new();
    table.load_style(output::table_style());
    table.set_header(["kind", "records", "from", "to", "when", "sources"]);
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for kind in kinds {
        let mark = if kind.is_whole { "" } else { "*" };
        let day = |day: Option<&Day>| day.map_or("–", |day| &day.text).to_owned();
        let of_kind = kind.sources.iter().map(String::as_str);
        let sources: Vec<&str> = of_kind
            .map(|source| names.get(source).copied().unwrap_or(source))
            .collect();
        table.add_row([
            name(kind.route).to_owned(),
            format!("{}{mark}", kind.records),
            day(kind.from()),
            day(kind.to()),
            sparkline(&kind.days),
            cells::cut(&sources.join(", ")),
        ]);
    }
    table
}

/// Lines of at most 76 letters.
fn folded(words: &str) -> String {
    let mut text = String::new();
    let mut width = "Nothing of: ".len();
    for word in words.split_inclusive(' ') {
        if width + word.trim_end().len() > 76 {
            text.truncate(text.trim_end().len());
            text.push_str("\n  ");
            width = 2;
        }
        text.push_str(word);
        width += word.len();
    }
    text
}

/// How many of these days lie in each block of the time from the first to the last, by height.
fn sparkline(days: &[Day]) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let days = || days.iter().map(|day| day.first);
    let (Some(first), Some(last)) = (days().min(), days().max()) else {
        return String::new();
    };
    let since = |day: Date| {
        let days = day.duration_since(first).as_hours() / 24;
        usize::try_from(days).unwrap_or_default()
    };
    let whole = since(last) + 1;
    let mut blocks = [0_usize; BLOCKS];
    for day in days() {
        blocks[since(day) * BLOCKS / whole] += 1;
    }
    let most = blocks.iter().copied().max().unwrap_or(0);
    let height = |count: usize| match count {
        0 => ' ',
        // The lowest for few, the highest for the most.
        count => HEIGHTS[(count * HEIGHTS.len()).div_ceil(most) - 1],
    };
    blocks.into_iter().map(height).collect()
}

#[cfg(test)]
mod tests {
    use humanapi_core::data::medical::Issue;

    use super::*;

    fn days(days: &[Date]) -> Vec<Day> {
        let text = String::new;
        let day = |first: &Date| Day {
            first: *first,
            text: text(),
        };
        days.iter().map(day).collect()
    }

    #[test]
    fn a_sparkline_shows_how_many_records_lie_when() {
        let day = |day| jiff::civil::date(2026, 1, day);
        let line = [1, 2, 2, 24, 24, 24, 24].map(day);
        assert_eq!(sparkline(&days(&line)), format!("▂▄{}█", " ".repeat(21)));
        assert_eq!(sparkline(&days(&[day(5)])), format!("█{}", " ".repeat(23)));
        assert_eq!(sparkline(&[]), "");
        // Dates that nobody can mean break nothing.
        let line = sparkline(&days(&[Date::MIN, Date::MAX]));
        assert_eq!(line, format!("█{}█", " ".repeat(22)));
    }

    #[test]
    fn a_day_is_told_as_precisely_as_it_was_sent() {
        for (sent, told) in [
            ("2007", "2007"),
            ("201403", "2014-03"),
            ("2014-00-00", "2014"),
        ] {
            let issue = Issue::from_json(format!(r#"{{"dateTime":"{sent}"}}"#)).unwrap();
            let days = issue.when();
            let days: Vec<String> = days
                .iter()
                .filter_map(Day::of)
                .map(|day| day.text)
                .collect();
            assert_eq!(days, [told], "{sent}");
        }
    }
}
