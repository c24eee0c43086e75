//! The one endpoint that lists what all users of an application recorded.

use std::marker::PhantomData;

use http::Method;

use super::{AppKey, Application, accept};
use crate::answer::Expected;
use crate::credentials::ClientId;
use crate::data::Table;
use crate::data::page::Page;
use crate::data::pages::{Pages, UncheckedPage, list_filters, list_traits, source_filter};
use crate::data::read_ahead::Paged;
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// A kind of record that the service lists for all users of an application at once.
///
/// Medical records are none of these.
pub trait BatchResource {
    /// A short name for logs, such as `apps.activities`.
    const BATCH_NAME: &'static str;
    /// The path of its list below that of the application's users, such as `/activities`.
    const BATCH_PATH: &'static str;
    /// Whether the service gives its list on pages, or all of it at once.
    const BATCH_ON_PAGES: bool = true;
    /// What each of its records is.
    type Record: Table;
}

/// Reads one page of the records of one kind, of all users of an application.
///
/// The records of different users come mixed; `human_id` tells whose each is. Ask for those that were
/// changed since the last time, see [`with_updated_since`](Self::with_updated_since): there can be very
/// many. It goes on as a [`List`](crate::data::List) does.
///
/// ```
/// use humanapi_core::data::Activity;
/// use humanapi_core::data::application::{AppKey, Batch};
/// use humanapi_core::{ClientId, Endpoint as _, Hosts};
///
/// let (app, key) = (ClientId::new("my-app")?, AppKey::new("hush")?);
/// let call = Batch::<Activity>::new(app, key).with_limit(500);
/// let request = call.request(&Hosts::production())?;
/// assert_eq!(
///     request.uri(),
///     "https://api.humanapi.co/v1/apps/my-app/users/activities?limit=500",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Batch<R> {
    application: Application,
    pages: Pages,
    resource: PhantomData<fn() -> R>,
}

impl<R: BatchResource> Batch<R> {
    /// All records, 50 on a page.
    #[must_use]
    pub const fn new(client_id: ClientId, key: AppKey) -> Self {
        Self {
            application: Application { client_id, key },
            pages: Pages::new(),
            resource: PhantomData,
        }
    }
}

list_filters!([R: BatchResource] Batch<R>);
source_filter!([R: BatchResource] Batch<R>);
list_traits!(Batch<R: BatchResource>, BATCH_NAME);

impl<R: BatchResource> Endpoint for Batch<R> {
    type Output = Page<R::Record, Self>;

    fn name(&self) -> &'static str {
        R::BATCH_NAME
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::InRequest
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        let path = self.application.users()?.with_path(R::BATCH_PATH);
        let line = self.pages.write(path.as_str())?;
        self.application.request(hosts, Method::GET, &line, None)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        self.check(self.read(response)?)
    }
}

impl<R: BatchResource> Paged for Batch<R> {
    type Item = R::Record;
    type Unchecked = UncheckedPage<R::Record>;

    fn read(&self, response: Response) -> Result<Self::Unchecked, ResponseError> {
        UncheckedPage::read(accept(Expected::List, response)?)
    }

    fn check(&self, page: Self::Unchecked) -> Result<Self::Output, ResponseError> {
        self.pages
            .check(R::BATCH_ON_PAGES, page, |pages| self.at(pages))
    }

    fn ahead(&self, before: &Self, pages: u64) -> Option<Self> {
        let ahead = self.pages.ahead(&before.pages, pages)?;
        R::BATCH_ON_PAGES.then(|| self.at(ahead))
    }
}

// By hand, because a derive would ask the same of the resource.
impl<R> Clone for Batch<R> {
    fn clone(&self) -> Self {
        Self {
            application: self.application.clone(),
            pages: self.pages.clone(),
            resource: PhantomData,
        }
    }
}

impl<R> Batch<R> {
    /// The same list at another place.
    fn at(&self, pages: Pages) -> Self {
        Self {
            pages,
            ..self.clone()
        }
    }

    const fn key(&self) -> (&Application, &Pages) {
        (&self.application, &self.pages)
    }
}
