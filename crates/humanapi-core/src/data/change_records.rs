//! What changed of a kind of record that is named at run time: by its row of the table of routes.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::data::changes::{Changes, PassEnd, VERSION, Watermark};
use crate::data::list::{HasChanges, List, WithChanges};
use crate::data::query::Query;
use crate::data::record::{Record, Sealed as _};
use crate::data::routes::{Route, with_changes};
use crate::data::told::Told;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, Drift, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// Reads one page of what changed since a [`Watermark`], of a kind of record that is named at run time.
///
/// It is [`Changes`] for a program that does not know the kind beforehand: the same requests and the same promises, and
/// records that know their fields by name alone.
///
/// ```
/// use humanapi_core::data::{ChangeRecords, ROUTES};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let mut passes = ROUTES.iter().filter_map(|route| ChangeRecords::new(route, None));
/// let vitals = passes.find(|pass| pass.name() == "data.vitals").unwrap();
/// let request = vitals.request(&Hosts::production())?;
/// assert_eq!(request.uri().path_and_query().unwrap(), "/v1/human/medical/vitals?limit=500");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
pub struct ChangeRecords {
    name: &'static str,
    pass: Box<dyn Pass>,
}

/// One page of what changed, of a kind of record that is named at run time.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChangeRecordsPage {
    /// Which page of the pass it is, counted from 0 and over all its attempts.
    pub number: u64,
    /// The records that are new or have changed, as they are now.
    pub records: Vec<Record>,
    /// What stood between the records and is none, with its bytes and its place.
    pub odd: Vec<Record>,
    /// What was noticed at this page. The records are to be had all the same.
    pub drift: Vec<Drift>,
    /// Whether the list moved, so that the pass begins again with the next page.
    pub begins_again: bool,
    /// The call that reads on, unless the pass is over.
    pub next: Option<ChangeRecords>,
    /// How the pass ended; nothing while there is a `next`.
    pub end: Option<PassEnd>,
}

impl ChangeRecords {
    /// A pass over the list at this route: over all of it without a watermark, else over what changed since. Nothing where
    /// the route is no list, or its records do not tell when they changed.
    #[must_use]
    pub fn new(route: &'static Route, since: Option<Watermark>) -> Option<Self> {
        let pass = with_changes(route, Since(since))?;
        let name = route.name;
        Some(Self { name, pass })
    }

    /// Sets how long after its `updatedAt` a record may still appear; see [`Changes::with_lag`].
    #[must_use]
    pub fn with_lag(self, lag: Duration) -> Self {
        let pass = self.pass.with_lag(lag);
        Self { pass, ..self }
    }

    /// Whether the pass reads everything, and not only what changed.
    #[must_use]
    pub fn reads_everything(&self) -> bool {
        self.pass.reads_everything()
    }
}

/// A pass over a list whose kind only it knows.
trait Pass: Send + Sync {
    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError>;
    fn parse(&self, response: Response, sent_at: Now) -> Result<ChangeRecordsPage, ResponseError>;
    fn with_lag(&self, lag: Duration) -> Box<dyn Pass>;
    fn reads_everything(&self) -> bool;
    fn boxed(&self) -> Box<dyn Pass>;
}

impl<R: HasChanges + 'static> Pass for Changes<R> {
    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        Endpoint::request(self, hosts)
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<ChangeRecordsPage, ResponseError> {
        let page = Endpoint::parse(self, response, sent_at)?;
        let records = page.records.iter().map(|record| record.record().clone());
        Ok(ChangeRecordsPage {
            number: page.number,
            records: records.collect(),
            odd: page.odd,
            drift: page.drift,
            begins_again: page.begins_again,
            next: page.next.map(|next| ChangeRecords {
                name: R::NAME,
                pass: Box::new(next),
            }),
            end: page.end,
        })
    }

    fn with_lag(&self, lag: Duration) -> Box<dyn Pass> {
        Box::new(self.clone().with_lag(lag))
    }

    fn reads_everything(&self) -> bool {
        self.reads_everything()
    }

    fn boxed(&self) -> Box<dyn Pass> {
        Box::new(self.clone())
    }
}

/// Begins a pass.
struct Since(Option<Watermark>);

impl WithChanges for Since {
    type Output = Box<dyn Pass>;

    fn of<R: HasChanges + 'static>(self) -> Box<dyn Pass> {
        Box::new(Changes::<R>::new(List::new(), self.0))
    }
}

impl Endpoint for ChangeRecords {
    type Output = ChangeRecordsPage;

    fn name(&self) -> &'static str {
        self.name
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        self.pass.request(hosts)
    }

    fn parse(&self, response: Response, sent_at: Now) -> Result<Self::Output, ResponseError> {
        self.pass.parse(response, sent_at)
    }
}

impl Clone for ChangeRecords {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            pass: self.pass.boxed(),
        }
    }
}

impl fmt::Debug for ChangeRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeRecords")
            .field("of", &self.name)
            .finish_non_exhaustive()
    }
}

impl Watermark {
    /// The same in a few bytes, for who keeps millions of them: 9, and 24 for each record that it remembers. Nothing where
    /// the list was narrowed, which the bytes do not tell, nor do they tell of which list it is.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        if self.narrowing != Query::new().narrowing() {
            return None;
        }
        let since = self.since.map_or(i64::MIN, Timestamp::as_millisecond);
        let mut bytes = vec![self.version];
        bytes.extend(since.to_be_bytes());
        self.told.write(&mut bytes);
        Some(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote of the list at this route; nothing where it is none, or of another
    /// version: read everything anew then.
    #[must_use]
    pub fn from_bytes(list: &Route, bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (since, told) = rest.split_first_chunk::<8>()?;
        let since = match i64::from_be_bytes(*since) {
            i64::MIN => None,
            since => Some(Timestamp::from_millisecond(since).ok()?),
        };
        (*version == VERSION).then_some(())?;
        Some(Self {
            version: VERSION,
            of: list.name.to_owned(),
            narrowing: Query::new().narrowing(),
            since,
            told: Told::read(told)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::body::Body;
    use crate::data::routes::{Operation, ROUTES};

    fn page(pass: &ChangeRecords, ids: &[&str]) -> ChangeRecordsPage {
        let records: Vec<String> = ids
            .iter()
            .map(|id| format!(r#"{{"id":"{id}","updatedAt":"2026-01-15T08:59:00.000Z"}}"#))
            .collect();
        let answer = http::Response::builder()
            .header("date", "Thu, 15 Jan 2026 09:00:00 GMT")
            .header("x-total-count", ids.len())
            .body(Body::from(format!("[{}]", records.join(",")).into_bytes()));
        let now = Now::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
        pass.parse(answer.unwrap(), now).unwrap()
    }

    /// The same as by its type, whichever list it is, also over a watermark that was kept in bytes.
    #[test]
    fn each_list_that_tells_changes_is_read_by_its_route_and_a_watermark_keeps_in_bytes() {
        let mut lists = 0;
        for route in ROUTES {
            let tells = route.fields.iter().any(|field| field.name == "updatedAt");
            let is_list = route.operation == Operation::List;
            let Some(pass) = ChangeRecords::new(route, None) else {
                assert!(!(is_list && tells), "{}", route.name);
                continue;
            };
            assert!(
                is_list && tells && pass.reads_everything(),
                "{}",
                route.name
            );
            lists += 1;
            let first = page(&pass, &["a", "b"]);
            assert_eq!(first.records.len(), 2);
            let watermark = first.end.unwrap().watermark;
            let bytes = watermark.to_bytes().unwrap();
            let read = Watermark::from_bytes(route, &bytes).unwrap();
            assert_eq!(read.moment(), watermark.moment());
            let pass = ChangeRecords::new(route, Some(read.clone())).unwrap();
            let request = pass.request(&Hosts::production()).unwrap();
            assert!(
                request
                    .uri()
                    .query()
                    .unwrap()
                    .contains("updated_since=20260115T084959Z")
            );
            let told = page(&pass, &["a", "b", "c"]).records.len();
            let has_ids = route.fields.iter().any(|field| field.name == "id");
            // A pass over everything remembers nothing beyond the lag, and this was in it.
            assert_eq!(told, if has_ids { 1 } else { 3 }, "{}", route.name);
            // It is of this list alone.
            let other = ROUTES.iter().find(|other| {
                other.name != route.name && ChangeRecords::new(other, None).is_some()
            });
            let foreign = ChangeRecords::new(other.unwrap(), Some(read)).unwrap();
            assert!(foreign.request(&Hosts::production()).is_err());
        }
        assert_eq!(lists, 31);
    }

    #[test]
    fn bytes_that_are_no_watermark_are_none() {
        let route = &ROUTES[0];
        let whole = page(
            &ChangeRecords::new(route_of_changes(), None).unwrap(),
            &["a"],
        );
        let bytes = whole.end.unwrap().watermark.to_bytes().unwrap();
        for length in 0..bytes.len() {
            let is_whole = length == 9;
            assert_eq!(
                Watermark::from_bytes(route, &bytes[..length]).is_some(),
                is_whole
            );
        }
        let mut other = bytes;
        other[0] += 1;
        assert!(Watermark::from_bytes(route, &other).is_none());
    }

    fn route_of_changes() -> &'static Route {
        let mut routes = ROUTES.iter();
        let found = routes.find(|route| ChangeRecords::new(route, None).is_some());
        found.unwrap()
    }
}
