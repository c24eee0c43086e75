//! The one endpoint that lists, for every resource.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::data::page::{ListEnd, Page};
use crate::data::paging::{Asked, Came, Then, Walk};
use crate::data::query::Query;
use crate::data::record::{self, Record, Table};
use crate::data::{get, list};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, Drift, ResponseError};
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

/// A [`Resource`] whose list gives recorded series where it is asked to.
pub trait HasTimeSeries: Resource {}

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
    query: Query,
    walk: Walk,
    resource: PhantomData<fn() -> R>,
}

impl<R: Resource> List<R> {
    /// All records, 50 on a page.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            query: Query::new(),
            walk: Walk::new(),
            resource: PhantomData,
        }
    }

    /// What was asked for, and what was seen of the list so far.
    pub(super) const fn parts(&self) -> (&Query, &Walk) {
        (&self.query, &self.walk)
    }

    pub(super) const fn from_parts(query: Query, walk: Walk) -> Self {
        Self {
            query,
            walk,
            resource: PhantomData,
        }
    }

    /// Sets the size of a page, from 1 to 500.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        self.query.limit = limit;
        self.walk = Walk::new();
        self
    }

    /// Begins at the record of this index, and forgets what was seen of the list before.
    #[must_use]
    pub fn with_offset(mut self, offset: u64) -> Self {
        self.query.offset = offset;
        self.walk = Walk::new();
        self
    }

    /// Has each page begin with the last record of the page before, which is taken out again.
    ///
    /// A record that is deleted while the list is read moves all behind it up, and one of them past the
    /// border between two pages. A total shows that, and where the service tells none, or adds another
    /// record at the same time, only this does: see [`Drift::Moved`](crate::Drift::Moved). It needs
    /// pages of two records or more, and records with an id.
    #[must_use]
    pub fn with_overlap(mut self) -> Self {
        self.query.overlap = true;
        self.walk = Walk::new();
        self
    }

    /// The index of the record that the call begins at.
    ///
    /// With an [overlap](Self::with_overlap) that is the last record of the page before. A call that is
    /// made anew from this offset knows nothing of that page, and gives this record again.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.query.offset
    }

    /// Only records that were stored after this moment. Sent in whole seconds.
    #[must_use]
    pub fn with_created_since(mut self, moment: Timestamp) -> Self {
        self.query.created_since = Some(moment);
        self.walk = Walk::new();
        self
    }

    /// Only records that were stored before this moment. Sent in whole seconds.
    #[must_use]
    pub fn with_created_before(mut self, moment: Timestamp) -> Self {
        self.query.created_before = Some(moment);
        self.walk = Walk::new();
        self
    }

    /// Only records that were changed after this moment: the one to keep in step by. Sent in whole
    /// seconds.
    #[must_use]
    pub fn with_updated_since(mut self, moment: Timestamp) -> Self {
        self.query.updated_since = Some(moment);
        self.walk = Walk::new();
        self
    }

    /// Only records that were changed before this moment. Sent in whole seconds.
    #[must_use]
    pub fn with_updated_before(mut self, moment: Timestamp) -> Self {
        self.query.updated_before = Some(moment);
        self.walk = Walk::new();
        self
    }

    /// Only records of this source: a wellness source's name or a medical source's id.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.query.source = Some(source.into());
        self.walk = Walk::new();
        self
    }
}

impl<R: HasDays> List<R> {
    /// Only records of these days, both included. Newer documents want both or neither.
    #[must_use]
    pub fn with_days(mut self, start: Date, end: Date) -> Self {
        self.query.days = Some((start, end));
        self.walk = Walk::new();
        self
    }
}

impl<R: HasTimeSeries> List<R> {
    /// Asks for the recorded series as well.
    #[must_use]
    pub fn with_time_series(mut self) -> Self {
        self.query.time_series = true;
        self.walk = Walk::new();
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
        get(hosts, &self.query.write(R::PATH)?)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        let (head, body) = list(response)?.into_parts();
        let records = record::read_list::<R::Record>(body)?;
        let places = records.places();
        let (mut items, odd) = (records.items, records.odd);
        let asked = Asked {
            offset: self.query.offset,
            limit: u64::from(self.query.limit),
            overlap: self.query.overlap,
            on_pages: R::ON_PAGES,
        };
        let turn = self.walk.turn(
            asked,
            Came {
                headers: &head.headers,
                places,
                records: items.len(),
                record: &|index| &items[index],
                place: &|place| {
                    let is_it = |odd: &&Record| odd.index() as u64 == place;
                    match odd.iter().find(is_it) {
                        Some(odd) => (odd, false),
                        None => {
                            let before = odd.iter().filter(|odd| (odd.index() as u64) < place);
                            (&items[place as usize - before.count()], true)
                        }
                    }
                },
            },
        )?;
        if turn.drops_all {
            return Ok(Page {
                items: Vec::new(),
                odd: Vec::new(),
                next: None,
                total: turn.total,
                end: Some(ListEnd::AllAtOnce),
                drift: turn.drift,
            });
        }
        if turn.drops_first {
            items.remove(0);
        }
        let (next, end) = match turn.then {
            Then::Next { offset, walk } => {
                let mut next = self.clone();
                next.query.offset = offset;
                next.walk = walk;
                (Some(next), None)
            }
            Then::End(end) => (None, Some(end)),
        };
        let mut drift = turn.drift;
        if !odd.is_empty() {
            drift.push(Drift::NoRecord {
                places: odd.len() as u64,
            });
        }
        Ok(Page {
            items,
            odd,
            next,
            total: turn.total,
            end,
            drift,
        })
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
        Self {
            query: self.query.clone(),
            walk: self.walk.clone(),
            resource: PhantomData,
        }
    }
}

/// Two calls are equal if they ask for the same.
impl<R> PartialEq for List<R> {
    fn eq(&self, other: &Self) -> bool {
        self.query == other.query
    }
}

impl<R> Eq for List<R> {}

impl<R: Resource> fmt::Debug for List<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The source is left out: it can tell where somebody is treated.
        f.debug_struct("List")
            .field("of", &R::NAME)
            .field("limit", &self.query.limit)
            .field("offset", &self.query.offset)
            .finish_non_exhaustive()
    }
}
