//! The one endpoint that reads a record by its id, for every resource.

use std::fmt;
use std::marker::PhantomData;

use crate::data::{HasTimeSeries, Resource, Table as _, get, object};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::query_string::QueryString;
use crate::retry::Replay;
use crate::rules::Authorization;
use crate::url_path::UrlPath;

/// A [`Resource`] of which each record can be read by its id.
pub trait HasId: Resource {}

/// Reads one record by its id.
///
/// ```
/// use humanapi_core::data::{ById, Sleep};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let call = ById::<Sleep>::new("5f0000000000000000000f11");
/// let request = call.request(&Hosts::production())?;
/// assert_eq!(request.uri().path(), "/v1/human/sleeps/5f0000000000000000000f11");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
pub struct ById<R> {
    id: String,
    time_series: bool,
    resource: PhantomData<fn() -> R>,
}

impl<R: HasId> ById<R> {
    /// The record of this id. What the id holds is the service's to judge, but it has to name one path.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            time_series: false,
            resource: PhantomData,
        }
    }
}

impl<R: HasId + HasTimeSeries> ById<R> {
    /// Asks for the recorded series as well.
    #[must_use]
    pub fn with_time_series(mut self) -> Self {
        self.time_series = true;
        self
    }
}

impl<R: HasId> Endpoint for ById<R> {
    type Output = R::Record;

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
        let path = UrlPath::new(R::PATH).with_segment(&self.id)?;
        let mut line = QueryString::after(String::from(path));
        line.push_some("time_series", self.time_series.then_some("true"));
        get(hosts, &line.into_inner())
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        Ok(R::Record::from_json(object(response)?.into_body())?)
    }
}

// By hand, because a derive would ask the same of the resource.
impl<R> Clone for ById<R> {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            time_series: self.time_series,
            resource: PhantomData,
        }
    }
}

impl<R> PartialEq for ById<R> {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.time_series) == (&other.id, other.time_series)
    }
}

impl<R> Eq for ById<R> {}

impl<R: Resource> fmt::Debug for ById<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ById")
            .field("of", &R::NAME)
            .finish_non_exhaustive()
    }
}
