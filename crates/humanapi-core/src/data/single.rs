//! The one endpoint of what there is once, or not at all: the latest measurement, the medical profile.

use std::fmt;
use std::marker::PhantomData;

use crate::data::{Table, get, object};
use crate::endpoint::Endpoint;
use crate::error::{ApiErrorKind, BuildError, ResponseError};
use crate::hosts::Hosts;
use crate::message::{Request, Response};
use crate::now::Now;
use crate::retry::Replay;
use crate::rules::Authorization;

/// A kind of record of which the service has one, or none.
pub trait Single {
    /// A short name for logs, such as `data.latest_weight`.
    const NAME: &'static str;
    /// Its path, such as `/v1/human/weight`.
    const PATH: &'static str;
    /// The record.
    type Record: Table;
}

/// Reads what there is once, or not at all: a measurement's latest value, or the medical profile.
///
/// That there is none, the service says with an empty object or with the status 404.
///
/// ```
/// use humanapi_core::data::{ReadSingle, Weight};
/// use humanapi_core::{Endpoint as _, Hosts};
///
/// let request = ReadSingle::<Weight>::new().request(&Hosts::production())?;
/// assert_eq!(request.uri().path(), "/v1/human/weight");
/// # Ok::<(), humanapi_core::BuildError>(())
/// ```
pub struct ReadSingle<R>(PhantomData<fn() -> R>);

impl<R: Single> ReadSingle<R> {
    /// The call.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: Single> Endpoint for ReadSingle<R> {
    type Output = Option<R::Record>;

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
        get(hosts, R::PATH)
    }

    fn parse(&self, response: Response, _: Now) -> Result<Self::Output, ResponseError> {
        let response = match object(response) {
            Err(ResponseError::Api(error)) if error.kind() == ApiErrorKind::NotFound => {
                return Ok(None);
            }
            response => response?,
        };
        let record = R::Record::from_json(response.into_body())?;
        let is_empty = record.fields().is_empty();
        Ok((!is_empty).then_some(record))
    }
}

impl<R: Single> Default for ReadSingle<R> {
    fn default() -> Self {
        Self::new()
    }
}

// By hand, because a derive would ask the same of the resource.
impl<R> Clone for ReadSingle<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ReadSingle<R> {}

impl<R: Single> fmt::Debug for ReadSingle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadSingle").field(&R::NAME).finish()
    }
}
