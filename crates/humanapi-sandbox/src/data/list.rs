//! The list engine: pages, filters, one record and one day of any resource.

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use serde::Serialize;

use super::Subject;
use super::paging::{Links, ListQuery, read_day};
use crate::assumption::Assumption;
use crate::clock::{self, Millis};
use crate::reply::{Problem, Reply, json};
use crate::routes::Call;
use crate::source::Source;

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// A kind of records that a user has.
pub(crate) trait Resource {
    /// Its path below `/v1/human/`.
    const PATH: &'static str;
    /// What it is, for the README.
    const ABOUT: &'static str;
    /// One of them.
    type Record: Record;

    /// All that a user has, in the order of lists.
    fn of(seed: u64, subject: &Subject) -> Vec<Self::Record>;
}

/// What lists ask of a record of whatever kind.
pub(crate) trait Record {
    fn id(&self) -> String;
    fn source(&self) -> &'static Source;
    fn created(&self) -> Millis;
    fn updated(&self) -> Millis;
    /// When it was by the user's own clock, which decides on its day.
    fn local(&self) -> Millis;
    /// Its JSON.
    fn json<'a>(&self, subject: &'a Subject, time_series: bool) -> impl Serialize + use<'a, Self>
    where
        Self: Sized;
}

pub(crate) fn list<R: Resource>(call: &Call<'_>, subject: &Subject) -> Result<Reply, Problem> {
    let query = ListQuery::read(call.incoming.head.uri.query())?;
    page(
        call,
        subject,
        &query,
        R::of(call.service.world.seed, subject),
    )
}

pub(crate) fn of_day<R: Resource>(call: &Call<'_>, subject: &Subject) -> Result<Reply, Problem> {
    let query = ListQuery::read(call.incoming.head.uri.query())?;
    let day = read_day(call.parameter).ok_or_else(Problem::not_found)?;
    let mut records = R::of(call.service.world.seed, subject);
    records.retain(|record| clock::day(record.local()) == day);
    page(call, subject, &query, records)
}

pub(crate) fn by_id<R: Resource>(call: &Call<'_>, subject: &Subject) -> Result<Reply, Problem> {
    let query = ListQuery::read(call.incoming.head.uri.query())?;
    R::of(call.service.world.seed, subject)
        .iter()
        .find(|record| record.id() == call.parameter)
        .map(|record| json(StatusCode::OK, &record.json(subject, query.time_series)))
        .ok_or_else(Problem::not_found)
}

/// The page of what the filters leave.
fn page<T: Record>(
    call: &Call<'_>,
    subject: &Subject,
    query: &ListQuery,
    mut records: Vec<T>,
) -> Result<Reply, Problem> {
    let assumptions = &call.service.world.assumptions;
    let strict = assumptions.is(Assumption::FilterBounds, "strict");
    records.retain(|record| query.takes(record, strict));
    let total = records.len() as u64;
    let page: Vec<_> = records
        .iter()
        .skip(usize::try_from(query.offset).unwrap_or(usize::MAX))
        .take(query.limit)
        .map(|record| record.json(subject, query.time_series))
        .collect();
    let mut reply = json(StatusCode::OK, &page);
    if assumptions.is(Assumption::TotalCount, "present") {
        let total = HeaderValue::from(total);
        reply.headers_mut().insert(X_TOTAL_COUNT, total);
    }
    let uri = &call.incoming.head.uri;
    let links = Links {
        host: call.incoming.host.as_deref().unwrap_or_default(),
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
