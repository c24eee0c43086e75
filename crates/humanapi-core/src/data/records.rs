//! Lists and single records of a kind that is named at run time: by its row of the table of routes.
//!
//! What reads records of all kinds, such as an export, goes over [`ROUTES`](crate::data::ROUTES) with these.

use std::fmt;

use jiff::civil::Date;

use crate::data::page::Page;
use crate::data::pages::{Pages, UncheckedPage, list_filters, source_filter};
use crate::data::read_ahead::Paged;
use crate::data::record::Record;
use crate::data::{Operation, Route, get, list, object};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;
use crate::url_path::UrlPath;

/// Reads one page of a user's records of a kind that is named at run time.
///
/// It is [`List`](crate::data::List) for a program that does not know the kind beforehand: the same request, the same
/// pages, and records that know their fields by name alone.
///
/// ```
/// use humanapi_core::data::{ListRecords, ROUTES};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let mut lists = ROUTES.iter().filter_map(ListRecords::new);
/// let vitals = lists.find(|list| list.route().name == "data.vitals").unwrap();
/// let request = vitals.with_limit(200).request(&Hosts::production())?;
/// assert_eq!(request.uri().path(), "/v1/human/medical/vitals");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ListRecords {
    route: &'static Route,
    pages: Pages,
}

impl ListRecords {
    /// All records of the list at this route, 50 on a page; nothing where the route is no [list](Operation::List).
    #[must_use]
    pub fn new(route: &'static Route) -> Option<Self> {
        let pages = Pages::new();
        (route.operation == Operation::List).then_some(Self { route, pages })
    }

    /// The row that it reads by.
    #[must_use]
    pub const fn route(&self) -> &'static Route {
        self.route
    }

    /// Whether the list can be narrowed to days.
    #[must_use]
    pub fn has_days(&self) -> bool {
        self.route.query.contains(&"start_date")
    }

    /// Only records of these days, both included.
    ///
    /// A list that [has no days](Self::has_days) is then refused before anything is sent.
    #[must_use]
    pub fn with_days(mut self, start: Date, end: Date) -> Self {
        self.pages.ask(|query| query.days = Some((start, end)));
        self
    }

    const fn at(&self, pages: Pages) -> Self {
        Self {
            route: self.route,
            pages,
        }
    }
}

list_filters!([] ListRecords);
source_filter!([] ListRecords);

impl Endpoint for ListRecords {
    type Output = Page<Record, Self>;

    fn name(&self) -> &'static str {
        self.route.name
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        if self.pages.query().days.is_some() && !self.has_days() {
            return Err(BuildError::OutOfRange {
                name: "start_date",
                rule: "left out, because the service does not narrow this list to days",
            });
        }
        get(hosts, &self.pages.write(self.route.path)?)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        self.check(self.read(response)?)
    }
}

impl Paged for ListRecords {
    type Item = Record;
    type Unchecked = UncheckedPage<Record>;

    fn read(&self, response: Response) -> Result<Self::Unchecked, ResponseError> {
        UncheckedPage::read_by(self.route.fields, list(response)?)
    }

    fn check(&self, page: Self::Unchecked) -> Result<Self::Output, ResponseError> {
        self.pages
            .check(self.route.on_pages, page, |pages| self.at(pages))
    }

    fn ahead(&self, before: &Self, pages: u64) -> Option<Self> {
        let ahead = self.pages.ahead(&before.pages, pages)?;
        self.route.on_pages.then(|| self.at(ahead))
    }
}

impl fmt::Debug for ListRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The source is left out: it can tell where somebody is treated.
        f.debug_struct("ListRecords")
            .field("of", &self.route.name)
            .field("limit", &self.pages.query().limit)
            .field("offset", &self.pages.query().offset)
            .finish_non_exhaustive()
    }
}

/// Reads one record by its id, of a kind that is named at run time.
///
/// ```
/// use humanapi_core::data::{ROUTES, ReadRecord};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let mut calls = ROUTES.iter().filter_map(|route| ReadRecord::new(route, "5f01"));
/// let sleep = calls.find(|call| call.name() == "data.sleeps").unwrap();
/// let request = sleep.request(&Hosts::production())?;
/// assert_eq!(request.uri().path(), "/v1/human/sleeps/5f01");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ReadRecord {
    route: &'static Route,
    list: &'static str,
    id: String,
}

impl ReadRecord {
    /// The record of this id; nothing where the route is none [by id](Operation::ById).
    #[must_use]
    pub fn new(route: &'static Route, id: impl Into<String>) -> Option<Self> {
        if route.operation != Operation::ById {
            return None;
        }
        let list = route.path.strip_suffix("/{id}")?;
        let id = id.into();
        Some(Self { route, list, id })
    }
}

impl Endpoint for ReadRecord {
    type Output = Record;

    fn name(&self) -> &'static str {
        self.route.name
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let path = UrlPath::new(self.list).with_segment(&self.id)?;
        get(hosts, &String::from(path))
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        let body = object(response)?.into_body();
        Ok(Record::read(body, self.route.fields)?)
    }
}

impl fmt::Debug for ReadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadRecord")
            .field("of", &self.route.name)
            .finish_non_exhaustive()
    }
}
