//! The one endpoint that reads the latest record, for every measurement.

use std::fmt;
use std::marker::PhantomData;

use crate::data::{Resource, Table, get, single};
use crate::endpoint::Endpoint;
use crate::error::{BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// A [`Resource`] whose latest record has an address of its own.
pub trait HasLatest: Resource<Record: Table> {
    /// A short name for logs, such as `data.latest_weight`.
    const LATEST_NAME: &'static str;
    /// The path of the latest record, such as `/v1/human/weight`.
    const LATEST_PATH: &'static str;
}

/// Reads the latest record of a measurement, or none where nothing was measured.
///
/// That there is none, the service says with an empty object or with the status 404.
///
/// ```
/// use humanapi_core::data::{Latest, Weight};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let request = Latest::<Weight>::new().request(&Hosts::production())?;
/// assert_eq!(request.uri().path(), "/v1/human/weight");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
pub struct Latest<R>(PhantomData<fn() -> R>);

impl<R: HasLatest> Latest<R> {
    /// The call.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: HasLatest> Endpoint for Latest<R> {
    type Output = Option<R::Record>;

    fn name(&self) -> &'static str {
        R::LATEST_NAME
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn authorization(&self) -> Authorization {
        Authorization::AccessToken
    }

    fn request(&self, hosts: &Hosts) -> Result<Request, BuildError> {
        get(hosts, R::LATEST_PATH)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        single::one_or_none(response)
    }
}

impl<R: HasLatest> Default for Latest<R> {
    fn default() -> Self {
        Self::new()
    }
}

// By hand, because a derive would ask the same of the resource.
impl<R> Clone for Latest<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Latest<R> {}

impl<R: HasLatest> fmt::Debug for Latest<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Latest").field(&R::LATEST_NAME).finish()
    }
}
