//! The list engine: what every place of every resource answers, for one user and for all of an application.

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::documents;
use super::paging::{Links, ListQuery, read_day};
use super::written::Writer;
use crate::assumption::Assumption;
use crate::body::query_value;
use crate::call::Call;
use crate::clock;
use crate::records::{Entry, Fields, Head, Records};
use crate::reply::{Problem, Reply, json};
use crate::resource::{Family, Paging, Place, Resource, View};
use crate::subject::Subject;
use crate::world::World;

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// What a path's parameter names: ids never look like days.
enum Named<'a> {
    Day(String),
    Id(&'a str),
}

impl<'a> Named<'a> {
    fn read(text: &'a str) -> Self {
        read_day(text).map_or(Self::Id(text), Self::Day)
    }

    fn day(text: &'a str) -> Result<String, Problem> {
        match Self::read(text) {
            Self::Day(day) => Ok(day),
            Self::Id(_) => Err(Problem::not_found()),
        }
    }
}

/// The answer of a place.
pub(crate) fn read(
    resource: Resource,
    place: &Place,
    call: &Call<'_>,
    subject: &Subject,
) -> Result<Reply, Problem> {
    let world = &**call.world;
    check_scope(world, resource)?;
    if let Some((assumption, value)) = place.given
        && !world.assumptions.is(assumption, value)
    {
        return Err(Problem::not_found());
    }
    let query = ListQuery::read(call.query(), &world.assumptions)?;
    let ask = world.ask(subject);
    let records = world.records(resource, &ask);
    let reading = Reading {
        call,
        query: &query,
        subjects: &|_| subject,
        records: &*records,
        writer: Writer {
            resource,
            assumptions: &world.assumptions,
            time_series: query.time_series,
        },
    };
    let parameter = call.parameters.last();
    match place.view {
        View::List => {
            let reply = reading.list(None);
            if *call.method() == Method::GET {
                world.do_changes(&ask, Some(resource));
            }
            Ok(reply)
        }
        View::OfDay => Ok(reading.list(Some(&Named::day(parameter)?))),
        View::One => reading.one(parameter),
        View::OneOrOfDay => match Named::read(parameter) {
            Named::Day(day) => Ok(reading.list(Some(&day))),
            Named::Id(id) => reading.one(id),
        },
        View::Latest => reading.latest(),
        View::OneOrDay => match Named::read(parameter) {
            Named::Day(day) => reading.summary(&day),
            Named::Id(id) => reading.one(id),
        },
        View::Day => reading.summary(&Named::day(parameter)?),
        View::AtLocations => reading.genotypes(),
        View::Single => reading.single(),
        View::Document => {
            let index = records.find(parameter).ok_or_else(Problem::not_found)?;
            documents::ccd(world, &ask, &records.at(index))
        }
        View::Report => {
            let index = records.find(parameter).ok_or_else(Problem::not_found)?;
            let query = call.query();
            documents::report(world, &ask, &records.at(index), query)
        }
    }
}

/// The records of all users of an application in one list.
pub(crate) fn batch(
    resource: Resource,
    call: &Call<'_>,
    subjects: &[Subject],
) -> Result<Reply, Problem> {
    let world = &**call.world;
    let query = ListQuery::read(call.query(), &world.assumptions)?;
    let mut all = AllUsers::default();
    for subject in subjects {
        all.push(world.records(resource, &world.ask(subject)));
    }
    let reading = Reading {
        call,
        query: &query,
        subjects: &|index| &subjects[all.whose(index).0],
        records: &all,
        writer: Writer {
            resource,
            assumptions: &world.assumptions,
            time_series: query.time_series,
        },
    };
    Ok(reading.paged(None))
}

/// Whether a token opens this kind of data.
fn check_scope(world: &World, resource: Resource) -> Result<(), Problem> {
    let opened = match world.assumptions.value(Assumption::TokenScope) {
        "wellness" => Some(Family::Wellness),
        "medical" => Some(Family::Medical),
        _ => None,
    };
    if opened.is_some_and(|family| family != resource.family()) {
        let message = "the access token does not open this kind of data";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    Ok(())
}

/// A request for records.
struct Reading<'a> {
    call: &'a Call<'a>,
    query: &'a ListQuery,
    /// Whose the record at an index is.
    subjects: &'a dyn Fn(usize) -> &'a Subject,
    records: &'a dyn Records,
    writer: Writer<'a>,
}

impl Reading<'_> {
    fn one(&self, id: &str) -> Result<Reply, Problem> {
        let index = self.records.find(id).ok_or_else(Problem::not_found)?;
        Ok(json(StatusCode::OK, &self.write(index)))
    }

    /// The indices of what the filters leave.
    fn taken(&self) -> impl Iterator<Item = usize> {
        let strict = self
            .writer
            .assumptions
            .is(Assumption::FilterBounds, "strict");
        (0..self.records.len()).filter(move |index| {
            let head = self.records.head(*index);
            self.query.takes(&head, strict, || self.day(*index, &head))
        })
    }

    /// The day that a record belongs to: the one that it names, or the one on which it was.
    fn day(&self, index: usize, head: &Head) -> Option<String> {
        let local = head.local?;
        if self.writer.assumptions.is(Assumption::DayBoundary, "local") {
            return Some(clock::day(local));
        }
        let entry = self.records.at(index);
        let text = |name| entry.fields.get(name).and_then(Value::as_str);
        if let Some(named) = text("day").or_else(|| text("date")).and_then(read_day) {
            return Some(named);
        }
        let minutes = text("tzOffset").and_then(read_offset).unwrap_or(0);
        Some(clock::day(local - minutes * 60_000))
    }

    /// The newest one; of summaries, that of the newest day.
    fn latest(&self) -> Result<Reply, Problem> {
        let Some(index) = self.taken().next() else {
            return self.nothing(Assumption::NoLatest);
        };
        let day = self.day(index, &self.records.head(index));
        match day.filter(|_| self.writer.resource.has_summaries()) {
            Some(day) => self.summary(&day),
            None => Ok(json(StatusCode::OK, &self.write(index))),
        }
    }

    /// The only one.
    fn single(&self) -> Result<Reply, Problem> {
        match self.records.len() {
            0 => self.nothing(Assumption::NoMedicalProfile),
            _ => Ok(json(StatusCode::OK, &self.write(0))),
        }
    }

    /// What stands in the place of an object that the user does not have.
    fn nothing(&self, assumption: Assumption) -> Result<Reply, Problem> {
        if self.writer.assumptions.is(assumption, "empty-object") {
            return Ok(json(StatusCode::OK, &Map::new()));
        }
        Err(Problem::not_found())
    }

    /// The summary of a day; of several sources' ones, the one that changed last.
    fn summary(&self, day: &str) -> Result<Reply, Problem> {
        let of_day: Vec<_> = self
            .taken()
            .map(|index| (self.records.head(index), index))
            .filter(|(head, index)| self.day(*index, head).as_deref() == Some(day))
            .collect();
        if self
            .writer
            .assumptions
            .is(Assumption::SummaryOfDay, "array")
        {
            let all: Vec<_> = of_day.iter().map(|(_, index)| self.write(*index)).collect();
            return Ok(json(StatusCode::OK, &all));
        }
        // Of those that changed at the same time the first, so that it is always the same.
        let newest = of_day
            .iter()
            .rev()
            .max_by_key(|(head, _)| head.updated)
            .ok_or_else(Problem::not_found)?;
        Ok(json(StatusCode::OK, &self.write(newest.1)))
    }

    /// Those at the places that are asked for.
    fn genotypes(&self) -> Result<Reply, Problem> {
        let asked = query_value(self.call.query(), "locations");
        let asked: Vec<_> = asked
            .iter()
            .flat_map(|asked| asked.split_whitespace())
            .collect();
        if asked.is_empty() {
            let message = "\"locations\" must name at least one place, such as rs1";
            return Err(Problem::invalid("query", vec!["locations".into()], message));
        }
        let found = self
            .taken()
            .map(|index| self.write(index))
            .filter(|genotype| {
                let location = genotype.get("location").and_then(Value::as_str);
                location.is_some_and(|location| asked.contains(&location))
            });
        if self.writer.assumptions.is(Assumption::Genotypes, "object") {
            let by_location: Map<String, Value> = found
                .filter_map(|genotype| {
                    let location = genotype.get("location")?.as_str()?.to_owned();
                    Some((location, genotype.get("genotype")?.clone()))
                })
                .collect();
            return Ok(json(StatusCode::OK, &by_location));
        }
        let found: Vec<_> = found.collect();
        Ok(json(StatusCode::OK, &found))
    }

    /// All that the filters leave, of one day or of all.
    fn list(&self, day: Option<&str>) -> Reply {
        let uncertain = self.writer.assumptions.value(Assumption::UncertainPages);
        let has_pages = match self.writer.resource.paging() {
            Paging::Sure => true,
            Paging::Likely => uncertain != "none",
            Paging::Unlikely => uncertain == "all",
        };
        if has_pages {
            return self.paged(day);
        }
        let all: Vec<_> = self.taken().map(|index| self.write(index)).collect();
        json(StatusCode::OK, &all)
    }

    /// The page that is asked for.
    fn paged(&self, day: Option<&str>) -> Reply {
        let assumptions = self.writer.assumptions;
        let query = self.query;
        let skipped = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let mut total = 0;
        let mut page = Vec::new();
        if day.is_none() && query.takes_all() {
            // A long list is then no more work than a short one.
            total = self.records.len();
            let end = skipped.saturating_add(query.limit).min(total);
            page.extend(skipped.min(end)..end);
        } else {
            for index in self.taken() {
                if let Some(day) = day
                    && self.day(index, &self.records.head(index)).as_deref() != Some(day)
                {
                    continue;
                }
                if total >= skipped && page.len() < query.limit {
                    page.push(index);
                }
                total += 1;
            }
        }
        let page: Vec<_> = page.into_iter().map(|index| self.write(index)).collect();
        let total = total as u64;
        let mut reply = json(StatusCode::OK, &page);
        if assumptions.is(Assumption::TotalCount, "present") {
            let total = HeaderValue::from(total);
            reply.headers_mut().insert(X_TOTAL_COUNT, total);
        }
        let uri = &self.call.incoming.head.uri;
        let links = Links {
            host: self.call.host(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            exact_last: assumptions.is(Assumption::LastLink, "exact"),
            on_single_page: assumptions.is(Assumption::SinglePageLinks, "present"),
        };
        if let Some(link) = links.header(query, total) {
            reply.headers_mut().insert(header::LINK, link);
        }
        reply
    }

    fn write(&self, index: usize) -> Fields {
        let subject = (self.subjects)(index);
        self.writer.write(subject, self.records.at(index))
    }
}

/// The minutes of `+02:00`.
fn read_offset(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let sign = if text.starts_with('-') { -1 } else { 1 };
    Some(hours * 60 + sign * minutes)
}

/// The records of several users, one user after the other.
#[derive(Default)]
struct AllUsers {
    /// Each user's records, with the index at which they end.
    parts: Vec<(usize, Box<dyn Records>)>,
}

impl AllUsers {
    fn push(&mut self, records: Box<dyn Records>) {
        let end = self.len() + records.len();
        self.parts.push((end, records));
    }

    /// Which user's the record at an index is, and the index among theirs.
    fn whose(&self, index: usize) -> (usize, usize) {
        let at = self.parts.partition_point(|(end, _)| *end <= index);
        let start = at.checked_sub(1).map_or(0, |before| self.parts[before].0);
        (at, index - start)
    }
}

impl Records for AllUsers {
    fn len(&self) -> usize {
        self.parts.last().map_or(0, |(end, _)| *end)
    }

    fn head(&self, index: usize) -> Head {
        let (at, own) = self.whose(index);
        self.parts[at].1.head(own)
    }

    fn at(&self, index: usize) -> Entry {
        let (at, own) = self.whose(index);
        self.parts[at].1.at(own)
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.parts.iter().find_map(|(end, records)| {
            let own = records.find(id)?;
            Some(end - records.len() + own)
        })
    }
}
