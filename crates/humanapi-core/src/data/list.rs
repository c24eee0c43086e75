//! The one endpoint that lists, for every resource.

use std::marker::PhantomData;

use jiff::civil::Date;

use crate::data::page::Page;
use crate::data::pages::{Pages, UncheckedPage, list_filters, list_traits, source_filter};
use crate::data::paging::Cursor;
use crate::data::query::Query;
use crate::data::read_ahead::Paged;
use crate::data::record::Table;
use crate::data::{get, list};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// A kind of record that the service lists.
///
/// Which filters a list takes is told by marker traits such as [`HasDays`], so that a filter which
/// the service does not know for a resource does not compile.
pub trait Resource {
    /// A short name for logs, such as `data.activities`.
    const NAME: &'static str;
    /// The path of its list, such as `/v1/human/activities`.
    const PATH: &'static str;
    /// Whether the service gives its list on pages, or all of it at once.
    const ON_PAGES: bool = true;
    /// What each of its records is.
    type Record: Table;
}

/// A [`Resource`] whose list the service gives all at once, whatever page was asked for.
pub trait AllAtOnce: Resource {}

/// A [`Resource`] whose list can be narrowed to days.
pub trait HasDays: Resource {}

/// A [`Resource`] that gives recorded series where it is asked to, in its list and by id.
pub trait HasTimeSeries: Resource {}

/// A [`Resource`] whose records tell when they changed, so that its list can be [kept in step with](crate::data::Changes).
pub trait HasChanges: Resource {}

/// What is done with a kind of record that is known at run time, for kinds that tell when they changed.
pub(super) trait WithChanges {
    type Output;

    fn of<R: HasChanges + 'static>(self) -> Self::Output;
}

/// Reads one page of a user's records of one kind.
///
/// The page holds the call for the next one, which carries what was seen of the list so far; a filter,
/// a page size or an offset that is set on it makes it another list, of which nothing was seen. A list
/// goes on until its end is proven, see [`ListEnd`](crate::ListEnd), and what speaks against the end
/// or for a change meanwhile is told, see [`Drift`](crate::Drift). Do not rely on the order of records.
///
/// ```
/// use humanapi_core::data::ListActivities;
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let call = ListActivities::new()
///     .with_limit(200)
///     .with_updated_since("2026-01-02T03:04:05Z".parse()?);
/// let request = call.request(&Hosts::production())?;
/// assert_eq!(
///     request.uri(),
///     "https://api.humanapi.co/v1/human/activities?limit=200&updated_since=20260102T030405Z",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct List<R> {
    pages: Pages,
    resource: PhantomData<fn() -> R>,
}

impl<R: Resource> List<R> {
    /// All records, 50 on a page.
    #[must_use]
    pub const fn new() -> Self {
        Self::at(Pages::new())
    }
}

impl<R> List<R> {
    const fn at(pages: Pages) -> Self {
        Self {
            pages,
            resource: PhantomData,
        }
    }

    /// What was asked for, and what was seen of the list so far.
    pub(super) const fn parts(&self) -> (&Query, &Cursor) {
        self.pages.parts()
    }

    pub(super) const fn from_parts(query: Query, cursor: Cursor) -> Self {
        Self::at(Pages::from_parts(query, cursor))
    }

    const fn key(&self) -> &Pages {
        &self.pages
    }
}

list_filters!([R: Resource] List<R>);
source_filter!([R: Resource] List<R>);
list_traits!(List<R: Resource>, NAME);

impl<R: HasDays> List<R> {
    /// Only records of these days, both included. Newer documents want both or neither.
    #[must_use]
    pub fn with_days(mut self, start: Date, end: Date) -> Self {
        self.pages.ask(|query| query.days = Some((start, end)));
        self
    }
}

impl<R: HasTimeSeries> List<R> {
    /// Asks for the recorded series as well.
    #[must_use]
    pub fn with_time_series(mut self) -> Self {
        self.pages.ask(|query| query.time_series = true);
        self
    }
}

impl<R: Resource> Endpoint for List<R> {
    type Output = Page<R::Record, Self>;

    fn name(&self) -> &'static str {
        R::NAME
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        get(hosts, &self.pages.write(R::PATH)?)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        self.check(self.read(response)?)
    }
}

impl<R: Resource> Paged for List<R> {
    type Item = R::Record;
    type Unchecked = UncheckedPage<R::Record>;

    fn read(&self, response: Response) -> Result<Self::Unchecked, ResponseError> {
        UncheckedPage::read(list(response)?)
    }

    fn check(&self, page: Self::Unchecked) -> Result<Self::Output, ResponseError> {
        self.pages.check(R::ON_PAGES, page, Self::at)
    }

    fn ahead(&self, before: &Self, pages: u64) -> Option<Self> {
        let ahead = self.pages.ahead(&before.pages, pages)?;
        R::ON_PAGES.then(|| Self::at(ahead))
    }
}

impl<R: Resource> Default for List<R> {
    fn default() -> Self {
        Self::new()
    }
}

// By hand, because a derive would ask the same of the resource.
impl<R> Clone for List<R> {
    fn clone(&self) -> Self {
        Self::at(self.pages.clone())
    }
}
