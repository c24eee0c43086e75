//! The one endpoint that reads what there is of one day, for every resource that has days.

use std::marker::PhantomData;

use jiff::civil::Date;

use crate::data::page::{ListEnd, Page};
use crate::data::pages::{self, Pages, list_filters, list_traits, source_filter};
use crate::data::query::check_day;
use crate::data::read_ahead::one_by_one;
use crate::data::{HasDays, Resource, get, list};
use crate::endpoint::Endpoint;
use crate::error::{ApiErrorKind, BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::query_string::QueryString;
use crate::retry::Replay;
use crate::rules::Authorization;

/// A [`Resource`] that can be read by the day.
pub trait Daily: HasDays {
    /// What there is of a day.
    const FORM: DailyForm;
}

/// A [`Daily`] resource of which a day has a list of records.
pub trait DailyList: Daily {}

/// What there is of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DailyForm {
    /// A list of records, on pages.
    List,
    /// A summary. Documents promise one; whether each source has its own is not told.
    Summary,
}

/// Reads what there is of one day: its records, a page at a time, or its summary.
///
/// Which moments belong to a day is the service's to say; it takes the user's own clock where it knows
/// that, see `docs/assumptions.md`.
///
/// A **list** goes on until its end is proven, as [`List`](crate::data::List) does. Where the service answers its beginning
/// with 404, the page is empty, and its `next` asks for the same by `start_date` and `end_date`, because older documents know
/// another address for a day and newer ones none. Behind its beginning a 404 is an error: another address need not have the
/// same order. So is one of [something in between](crate::IntermediaryError), which tells nothing of addresses.
///
/// A **summary** comes as one record or as a list of them, one a source; a day without any is an empty
/// page, and so is a 404 of the service's own.
///
/// ```
/// use humanapi_core::data::{ActivitySummary, OnDay, Weight};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let day = "2026-01-02".parse()?;
/// let request = OnDay::<ActivitySummary>::new(day).request(&Hosts::production())?;
/// assert_eq!(request.uri().path(), "/v1/human/activities/summaries/2026-01-02");
/// let request = OnDay::<Weight>::new(day).with_limit(500).request(&Hosts::production())?;
/// assert_eq!(
///     request.uri(),
///     "https://api.humanapi.co/v1/human/weight/readings/daily/2026-01-02?limit=500",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OnDay<R> {
    day: Date,
    address: Address,
    pages: Pages,
    resource: PhantomData<fn() -> R>,
}

/// Where a day's records are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Address {
    /// By an address of its own.
    Day,
    /// In the list of all days, narrowed to the one.
    List,
}

impl<R: Daily> OnDay<R> {
    /// What there is of this day.
    #[must_use]
    pub const fn new(day: Date) -> Self {
        Self {
            day,
            address: Address::Day,
            pages: Pages::new(),
            resource: PhantomData,
        }
    }

    fn page_of_list(&self, response: Response) -> Result<Page<R::Record, Self>, ResponseError> {
        self.pages.page(true, list(response)?, |pages| Self {
            pages,
            ..self.clone()
        })
    }

    fn page(&self, response: Response) -> Result<Page<R::Record, Self>, ResponseError> {
        let page = match R::FORM {
            DailyForm::List => self.page_of_list(response),
            DailyForm::Summary => list(response).and_then(pages::all_at_once),
        };
        match (page, R::FORM, self.address) {
            (Err(error), DailyForm::Summary, _) if nothing_is_there(&error) => Ok(Page {
                end: Some(ListEnd::AllAtOnce),
                ..Page::new(Vec::new(), None, None)
            }),
            (Err(error), DailyForm::List, Address::Day)
                if nothing_is_there(&error) && self.pages.query().offset == 0 =>
            {
                let next = Self {
                    address: Address::List,
                    ..self.clone()
                };
                Ok(Page::new(Vec::new(), Some(next), None))
            }
            (page, _, _) => page,
        }
    }
}

/// Whether the service says so by a 404 of its own.
fn nothing_is_there(error: &ResponseError) -> bool {
    matches!(error, ResponseError::Api(error) if error.kind() == ApiErrorKind::NotFound)
}

impl<R> OnDay<R> {
    const fn key(&self) -> (Date, Address, &Pages) {
        (self.day, self.address, &self.pages)
    }
}

list_filters!([R: DailyList] OnDay<R>);
source_filter!([R: Daily] OnDay<R>);
list_traits!(OnDay<R: Resource>, NAME);

impl<R: Daily> Endpoint for OnDay<R> {
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
        check_day("the day", self.day)?;
        let line = match (R::FORM, self.address) {
            (DailyForm::Summary, _) => {
                let mut line = QueryString::after(format!("{}/{}", R::PATH, self.day));
                line.push_some_text("source", self.pages.query().source.as_deref());
                line.into_inner()
            }
            (DailyForm::List, Address::Day) => {
                self.pages
                    .write(&format!("{}/daily/{}", R::PATH, self.day))?
            }
            (DailyForm::List, Address::List) => {
                let mut narrowed = self.pages.clone();
                narrowed.ask(|query| query.days = Some((self.day, self.day)));
                narrowed.write(R::PATH)?
            }
        };
        get(hosts, &line)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        self.page(response)
    }
}

// One day has few pages, and the first may be asked for at another address.
one_by_one!([R: Daily] OnDay<R>, R::Record);

// By hand, because a derive would ask the same of the resource.
impl<R> Clone for OnDay<R> {
    fn clone(&self) -> Self {
        Self {
            day: self.day,
            address: self.address,
            pages: self.pages.clone(),
            resource: PhantomData,
        }
    }
}
