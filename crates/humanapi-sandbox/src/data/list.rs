//! The list engine: pages, filters, one record and one day of any resource.

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde::Serialize;
use serde::ser::SerializeMap as _;

use super::Subject;
use super::paging::{Links, ListQuery, read_day};
use super::records::{Ask, Entry, Records};
use super::resource::{Family, Resource};
use super::store;
use crate::assumption::Assumption;
use crate::clock::{self, instant};
use crate::reply::{Problem, Reply, json};
use crate::routes::Call;

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// What a route shows of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// All that the filters leave, in pages.
    List,
    /// Those of one day, in pages.
    OfDay,
    /// One by its id.
    One,
}

/// The answer of a route.
pub(crate) fn read(
    resource: Resource,
    view: View,
    call: &Call<'_>,
    subject: &Subject,
) -> Result<Reply, Problem> {
    let world = &call.service.world;
    let query = ListQuery::read(call.incoming.head.uri.query())?;
    let ask = Ask {
        seed: world.seed,
        subject,
        now: world.clock.now(),
    };
    let records = store::records(resource, &ask);
    let reading = Reading {
        resource,
        call,
        subject,
        query,
        records: &*records,
    };
    match view {
        View::List => reading.page(None),
        View::OfDay => {
            let day = read_day(call.parameter).ok_or_else(Problem::not_found)?;
            reading.page(Some(&day))
        }
        View::One => reading.one(call.parameter),
    }
}

/// A request for records.
struct Reading<'a> {
    resource: Resource,
    call: &'a Call<'a>,
    subject: &'a Subject,
    query: ListQuery,
    records: &'a dyn Records,
}

impl Reading<'_> {
    fn one(&self, id: &str) -> Result<Reply, Problem> {
        let index = self.records.find(id).ok_or_else(Problem::not_found)?;
        Ok(json(StatusCode::OK, &self.write(&self.records.at(index))))
    }

    /// The page of what the filters leave, of one day or of all.
    fn page(&self, day: Option<&str>) -> Result<Reply, Problem> {
        let assumptions = &self.call.service.world.assumptions;
        let strict = assumptions.is(Assumption::FilterBounds, "strict");
        let query = &self.query;
        let skipped = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let mut total = 0;
        let mut page = Vec::new();
        for index in 0..self.records.len() {
            let head = self.records.head(index);
            let is_of_day =
                day.is_none_or(|day| head.local.is_some_and(|local| clock::day(local) == day));
            if is_of_day && query.takes(&head, strict) {
                if total >= skipped && page.len() < query.limit {
                    page.push(self.records.at(index));
                }
                total += 1;
            }
        }
        let page: Vec<_> = page.iter().map(|entry| self.write(entry)).collect();
        let total = total as u64;
        let mut reply = json(StatusCode::OK, &page);
        if assumptions.is(Assumption::TotalCount, "present") {
            let total = HeaderValue::from(total);
            reply.headers_mut().insert(X_TOTAL_COUNT, total);
        }
        let uri = &self.call.incoming.head.uri;
        let links = Links {
            host: self.call.incoming.host.as_deref().unwrap_or_default(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            exact_last: assumptions.is(Assumption::LastLink, "exact"),
            on_single_page: assumptions.is(Assumption::SinglePageLinks, "present"),
        };
        if let Some(link) = links.header(query, total) {
            reply.headers_mut().insert(header::LINK, link);
        }
        Ok(reply)
    }

    fn write<'a>(&'a self, entry: &'a Entry) -> Written<'a> {
        Written {
            resource: self.resource,
            subject: self.subject,
            entry,
            time_series: self.query.time_series,
        }
    }
}

/// A record as it is sent: its own fields, and those of its family around them.
struct Written<'a> {
    resource: Resource,
    subject: &'a Subject,
    entry: &'a Entry,
    time_series: bool,
}

impl Serialize for Written<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (head, fields) = (&self.entry.head, &self.entry.fields);
        let mut map = serializer.serialize_map(None)?;
        let mut add = |name: &str, value: &str| match fields.get(name) {
            None => map.serialize_entry(name, value),
            Some(_) => Ok(()),
        };
        if !self.entry.id.is_empty() {
            add("id", &self.entry.id)?;
        }
        if self.resource.family() == Family::Wellness {
            add("userId", &self.subject.user_id)?;
            add("humanId", &self.subject.human_id)?;
        }
        add("source", head.source.tag())?;
        add("createdAt", &instant(head.created))?;
        add("updatedAt", &instant(head.updated))?;
        for (name, value) in fields.iter() {
            map.serialize_entry(name, value)?;
        }
        if let Some(series) = self.entry.series.as_ref().filter(|_| self.time_series) {
            map.serialize_entry("timeSeries", series)?;
        }
        map.end()
    }
}
